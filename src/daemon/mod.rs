//! Composition: build all parts, replay, open the doors, drain. The only folder that knows everything.
//!
//! | file | what |
//! |---|---|
//! | `site` | what the files say, checked |
//! | `applied` | what the parts are told of it |
//! | `bus` | the door on the system bus, where it is wanted |
//! | `doors` | the doors while they are served |
//! | `journal` | the journal, opened and walked |
//! | `systemd` | ready, status, reload, stop, watchdog; sockets handed over |
//! | `turned_away` | who waits while nothing can begin |
//! | `watchdog` | the loops that must turn |
//! | `reload` | the files read again: what differs, what is swapped |
//! | `drain` | the end |

mod applied;
mod bus;
mod doors;
mod drain;
mod error;
mod journal;
mod reload;
mod signals;
mod site;
mod status;
mod systemd;
mod turned_away;
mod watchdog;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use error::{Error, full_text};
use tokio::sync::mpsc;

use crate::config::{Settings, running};
use crate::device::Hub;
use crate::ipc;
use crate::journal::{Journal, SiteKey};
use crate::observe;
use crate::operation::{Operations, ReloadAsked};
use crate::platform::Platform;
use crate::runner::{
    self, Clock, Crashes, Ingredients, MARK_MSGID, MARK_SERIAL, MarkedNumbers, Numbers, Runner,
};
use doors::Doors;
use drain::drain;
use journal::{journal_dir, open_documents, open_journal, verify_in_background};
use reload::Reload;
use signals::{Heard, Signals};
use site::{Site, key_path};
use systemd::Passed;
use watchdog::{Watchdog, Watched};

/// How long threads beside the runtime are waited for at the end.
const SHUTDOWN_MS_MAX: u64 = 2_000;
/// Before a start that failed is tried again: whoever supervises gives up after a few quick ones.
const FAILED_START_PAUSE_MS: u64 = 3_000;

/// Reads and checks everything that a start would read, of the journal its form: what goes on running beside this one
/// may have been newer.
///
/// # Errors
/// All that is wrong.
pub fn check(config_path: &Path) -> Result<(), Error> {
    let (site, said) = Site::checked(config_path)?;
    said.tell_unused_tokens();
    crate::journal::look(&journal_dir(&site.settings))?;
    for warning in &site.warnings {
        println!("{warning}");
    }
    println!(
        "the configuration of desk {:03} is right",
        site.settings.desk.number
    );
    Ok(())
}

/// Makes the site key of a new desk.
///
/// # Errors
/// There is one already, there is a journal, which another key could not read, or the place cannot be written.
pub fn create_site_key(config_path: &Path) -> Result<(), Error> {
    let settings = Settings::load(config_path)?;
    let path = key_path(&settings);
    let journal = journal_dir(&settings);
    // What cannot be looked into may be one.
    if !path.exists() && journal.try_exists().unwrap_or(true) {
        return Err(Error::SiteKeyIsLost { journal, path });
    }
    create_site_key_at(&path)
}

/// Makes the site key there, without a look at any configuration: for a package, which runs as root and knows the place.
///
/// # Errors
/// There is one already, or the place cannot be written.
pub fn create_site_key_at(path: &Path) -> Result<(), Error> {
    SiteKey::create(path).map_err(Error::SiteKeyNotMade)?;
    println!(
        "made {}: keep a copy of it apart from the journal",
        path.display()
    );
    Ok(())
}

/// Runs until it is told to end.
///
/// # Errors
/// It could not begin.
pub fn run(config_path: &Path) -> Result<(), Error> {
    // Before anything else opens a file: what was handed over has numbers.
    let passed = Passed::take();
    let doors = passed.as_ref().map(Passed::doors).unwrap_or_default();
    let begun = passed.and_then(|passed| begin(config_path, passed));
    if let Err(error) = &begun {
        if systemd::is_supervised() {
            systemd::status(&full_text(error));
        }
        if error.is_of_configuration() {
            let callers = turned_away::turn_away(&doors);
            if callers > 0 {
                tracing::warn!(
                    callers,
                    "who called was turned away: nothing can begin before a person mends it"
                );
            }
        } else if systemd::is_supervised() {
            std::thread::sleep(Duration::from_millis(FAILED_START_PAUSE_MS));
        }
    }
    begun
}

fn begin(config_path: &Path, passed: Passed) -> Result<(), Error> {
    let (site, _) = Site::checked(config_path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("yibaod")
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            what: "the runtime cannot start".to_owned(),
            source,
        })?;
    let served = runtime.block_on(serve(config_path, site, passed));
    // A thread that hangs in the kernel with a broken device keeps nobody from ending.
    runtime.shutdown_timeout(Duration::from_millis(SHUTDOWN_MS_MAX));
    served
}

async fn serve(config_path: &Path, site: Site, passed: Passed) -> Result<(), Error> {
    let settings = site.settings.clone();
    observe::use_configured(&settings.log.level);
    let socket = passed.local(&settings.paths.socket)?;
    let mut signals = Signals::listen()?;
    let (journal, adopted) = open_journal(&settings).await?;
    let runner = runner(&site, &journal, adopted).await?;
    let operations = operations(&runner, &settings);
    let reloads = operations.hear_reloads();
    // Before anything is carried on: a second daemon on the same socket must not begin to. Callers that
    // connect wait until the door is served.
    let door = ipc::grpc::open(&settings, &operations, socket)?;
    let rights = door.rights();
    verify_in_background(&settings, operations.clone())?;
    if adopted {
        journal.begin_process(env!("CARGO_PKG_VERSION")).await?;
        let resumed = runner.resume().await? + operations.resume_errands().await?;
        tracing::info!(resumed, "open settlements are carried on");
    }
    let (bus, bus_turns) = bus::serve(&settings, &door, &operations, signals.stopping()).unzip();
    let mut doors = Doors::new(tokio::spawn(door.serve(signals.stopping())), bus);
    let _watchdog = Watchdog::start(Watched {
        journal: journal.clone(),
        runner: runner.clone(),
        operations: operations.clone(),
        bus: bus_turns,
        socket: settings.paths.socket.clone(),
        tcp: settings.tcp.listen,
        is_stopping: signals.is_stopping(),
    })?;
    if let Err(error) = running::leave(&settings.paths.socket) {
        tracing::warn!(%error, "a reload will not find this socket once the file names another");
    }
    tracing::info!(
        desk = settings.desk.number,
        socket = %settings.paths.socket.display(),
        adopted,
        "ready"
    );
    systemd::ready(&status::line(&operations).await);
    let reload = Reload {
        config_path: config_path.to_owned(),
        site,
        runner: runner.clone(),
        operations: operations.clone(),
        rights,
        is_wrong: false,
    };
    let ended = until_told_to_end(&mut signals, &mut doors, reload, reloads).await;
    if let Err(error) = &ended {
        tracing::error!(error = full_text(error), "the daemon ends");
    }
    systemd::stopping("what is past the point of no return comes to its end");
    drain(&operations, &runner).await;
    signals.stop();
    doors.closed().await;
    runner.parts().ways().platform.sign_out_all().await;
    if adopted && let Err(error) = journal.end_process().await {
        tracing::warn!(%error, "the end of the process is not in the journal");
    }
    journal.close().await;
    ended
}

/// What carries settlements: the platform, the devices, the numbers, and the journal behind all of it.
async fn runner(site: &Site, journal: &Journal, adopted: bool) -> Result<Runner, Error> {
    let (settings, profile) = (&site.settings, &site.profile);
    let clock = Clock::start();
    let crashes = Crashes::new(settings.paths.state_dir.join("crashed"));
    crashes.install_hook();
    let numbers = Arc::new(Numbers::new(
        profile.fixmedins_code.clone(),
        settings.desk.number,
        clock,
        journal.mark(MARK_MSGID).await?,
        journal.mark(MARK_SERIAL).await?,
    ));
    let stamps = Arc::new(MarkedNumbers::new(Arc::clone(&numbers), journal.clone()));
    let platform = Platform::new(Arc::clone(profile), site.secrets.clone(), stamps)?;
    Ok(Runner::new(Ingredients {
        journal: journal.clone(),
        documents: open_documents(settings)?,
        hub: hub(settings, journal, adopted).await?,
        numbers,
        clock,
        crashes,
        ways: applied::ways(platform, profile, settings),
    }))
}

/// Hears signals, reads the configuration again when asked, and says how the daemon is.
///
/// # Errors
/// A door ended that nobody had told to.
async fn until_told_to_end(
    signals: &mut Signals,
    doors: &mut Doors,
    mut reload: Reload,
    mut reloads: mpsc::Receiver<ReloadAsked>,
) -> Result<(), Error> {
    let mut told = String::new();
    loop {
        let (reads, reply) = tokio::select! {
            heard = signals.heard() => match heard {
                Heard::End => return Ok(()),
                Heard::Reload => (true, None),
            },
            Some(asked) = reloads.recv() => (true, Some(asked.reply)),
            error = doors.ended() => return Err(error),
            () = status::pause() => (false, None),
        };
        if reads {
            // The files may lie on a disk that does not answer: the end does not wait for it.
            let answer = tokio::select! {
                answer = reload.told() => answer,
                () = signals.ended() => return Ok(()),
                error = doors.ended() => return Err(error),
            };
            // Whoever asked may be gone; what was read is in force all the same.
            drop(reply.map(|reply| reply.send(answer)));
        }
        let line = reload.status().await;
        if line != told {
            systemd::status(&line);
            told = line;
        }
    }
}

/// The devices, opened knowing which printers the last process left in the middle of a paper.
async fn hub(settings: &Settings, journal: &Journal, adopted: bool) -> Result<Hub, Error> {
    // While the journal is another's nothing prints.
    let cut_off = match adopted {
        true => runner::left_printing(journal).await?,
        false => BTreeSet::new(),
    };
    let waiting_max = usize::try_from(settings.limits.waiting_callers).unwrap_or(usize::MAX);
    Ok(Hub::start_with(
        settings.devices.clone(),
        waiting_max,
        &cut_off,
    ))
}

fn operations(runner: &Runner, settings: &Settings) -> Operations {
    let patterns = settings.codes.iter().map(applied::pattern).collect();
    Operations::new(
        runner.clone(),
        applied::identity(settings),
        applied::waits(settings),
        patterns,
    )
}
