//! Composition: build all parts, replay, open the doors, drain. The only file that knows everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::codes::{self, CodePattern};
use crate::config::{ConfigError, Problem, Profile, Secrets, Settings, profile_report};
use crate::device::{Hub, ROLE_RECEIPT};
use crate::document::receipt::Surround;
use crate::ipc;
use crate::journal::documents::Documents;
use crate::journal::{self, Desk, Identity as JournalIdentity, Journal, SiteKey};
use crate::operation::{Identity, Operations, Waits};
use crate::platform::{self, Platform};
use crate::runner::{self, Clock, Crashes, Ingredients, MARK_MSGID, MARK_SERIAL, Numbers, Runner};
use crate::settlement::bill::Fen;
use crate::settlement::code_kind::{self, Pattern};
use crate::settlement::rules::{FundReading, Rules};

/// How long a stopping daemon waits for what is past the point of no return.
const DRAIN_MS_MAX: u64 = 20_000;
/// How often it looks.
const DRAIN_LOOK_MS: u64 = 20;
/// Faults of the journal that are logged; `yibaoctl journal verify` lists all.
const FAULTS_LOGGED_MAX: usize = 20;
/// How long threads beside the runtime are waited for at the end.
const SHUTDOWN_MS_MAX: u64 = 2_000;
/// How long the receipt may wait for its printer.
const PRINT_GIVE_UP_MS: i64 = 600_000;

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration or the profile is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The devices cannot be.
    #[error("the devices are wrong: {0}")]
    Devices(String),
    /// The journal cannot be opened.
    #[error("the journal cannot be opened")]
    Journal(#[from] journal::Error),
    /// The site key is missing, open to others, or no key.
    #[error("the site key cannot be used; a new desk makes its own by yibaod --create-site-key")]
    SiteKey(#[source] journal::Error),
    /// There is a key already, or no place for one.
    #[error("no site key was made; one that is there is never replaced")]
    SiteKeyNotMade(#[source] journal::Error),
    /// What is open in the journal cannot be carried on.
    #[error("an open settlement cannot be carried on")]
    Resume(#[from] crate::runner::RowError),
    /// The platform's client cannot be built.
    #[error(transparent)]
    Platform(#[from] platform::PlatformError),
    /// The machine says something that cannot be.
    #[error("{what}")]
    System {
        /// What was asked of it.
        what: String,
        /// What it said.
        source: std::io::Error,
    },
    /// The door cannot be opened.
    #[error("the door cannot be opened")]
    Door(#[from] ipc::grpc::DoorError),
}

/// The error and everything behind it, in one line.
#[must_use]
pub fn full_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Reads and checks everything that a start would read.
///
/// # Errors
/// All that is wrong.
pub fn check(config_path: &Path) -> Result<(), Error> {
    let site = Site::load(config_path)?;
    for warning in &site.warnings {
        println!("{warning}");
    }
    SiteKey::load(&key_path(&site.settings)).map_err(Error::SiteKey)?;
    println!(
        "the configuration of desk {:03} is right",
        site.settings.desk.number
    );
    Ok(())
}

/// Makes the site key of a new desk.
///
/// # Errors
/// There is one already, or the place cannot be written.
pub fn create_site_key(config_path: &Path) -> Result<(), Error> {
    let settings = Settings::load(config_path)?;
    let path = key_path(&settings);
    SiteKey::create(&path).map_err(Error::SiteKeyNotMade)?;
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
    let site = Site::load(config_path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("yibaod")
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            what: "the runtime cannot start".to_owned(),
            source,
        })?;
    let served = runtime.block_on(serve(site));
    // A thread that hangs in the kernel with a broken device keeps nobody from ending.
    runtime.shutdown_timeout(Duration::from_millis(SHUTDOWN_MS_MAX));
    served
}

/// What the files say.
struct Site {
    settings: Settings,
    profile: Arc<Profile>,
    secrets: Secrets,
    /// What works in the profile and is worth a person's look.
    warnings: Vec<Problem>,
}

impl Site {
    fn load(config_path: &Path) -> Result<Self, Error> {
        let settings = Settings::load(config_path)?;
        let mut report =
            profile_report::look(&settings.paths.site_profile, credentials_dir().as_deref());
        let warnings = std::mem::take(&mut report.warnings);
        let (profile, secrets) = report.into_site()?;
        let unknown = crate::device::quirks::check_models(&settings.devices);
        if !unknown.is_empty() {
            return Err(Error::Devices(unknown.join("; ")));
        }
        Ok(Self {
            settings,
            profile: Arc::new(profile),
            secrets,
            warnings,
        })
    }
}

fn credentials_dir() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// A name without a slash is a systemd credential.
fn key_path(settings: &Settings) -> PathBuf {
    let path = &settings.paths.site_key;
    match credentials_dir() {
        Some(dir) if path.components().count() == 1 => dir.join(path),
        Some(_) | None => path.clone(),
    }
}

async fn serve(site: Site) -> Result<(), Error> {
    let Site {
        settings,
        profile,
        secrets,
        warnings: _,
    } = site;
    let clock = Clock::start();
    let crashes = Crashes::new(settings.paths.state_dir.join("crashed"));
    crashes.install_hook();
    let mut signals = Signals::listen()?;
    let (journal, adopted) = open_journal(&settings).await?;
    let numbers = Arc::new(Numbers::new(
        profile.fixmedins_code.clone(),
        settings.desk.number,
        clock,
        journal.mark(MARK_MSGID).await?,
        journal.mark(MARK_SERIAL).await?,
    ));
    let stamps: Arc<dyn platform::Stamps> = Arc::clone(&numbers) as _;
    let platform = Platform::new(Arc::clone(&profile), secrets, stamps)?;
    let runner = Runner::new(Ingredients {
        journal: journal.clone(),
        documents: open_documents(&settings)?,
        platform: platform.clone(),
        hub: hub(&settings, &journal, adopted).await?,
        rules: rules(&profile, &settings),
        numbers,
        clock,
        receipt: surround(&profile, &settings),
        has_receipt_printer: settings
            .devices
            .iter()
            .any(|device| device.role == ROLE_RECEIPT),
        crashes,
    });
    let operations = operations(&runner, &settings);
    // Before anything is carried on: a second daemon on the same socket must not begin to. Callers that
    // connect wait until the door is served.
    let door = ipc::grpc::open(&settings, operations.clone())?;
    verify_in_background(&settings, operations.clone())?;
    if adopted {
        journal.begin_process(env!("CARGO_PKG_VERSION")).await?;
        let resumed = runner.resume().await? + operations.resume_errands().await?;
        tracing::info!(resumed, "open settlements are carried on");
    }
    tracing::info!(
        desk = settings.desk.number,
        socket = %settings.paths.socket.display(),
        adopted,
        "ready"
    );
    let served = tokio::spawn(door.serve(signals.stopping()));
    signals.wait().await;
    drain(&operations, &runner).await;
    signals.stop();
    if let Ok(Err(error)) = served.await {
        tracing::warn!(%error, "the door did not close well");
    }
    platform.sign_out_all().await;
    if adopted && let Err(error) = journal.end_process().await {
        tracing::warn!(%error, "the end of the process is not in the journal");
    }
    journal.close().await;
    Ok(())
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
    let patterns = settings.codes.iter().map(pattern).collect();
    Operations::new(
        runner.clone(),
        identity(settings),
        waits(settings),
        patterns,
    )
}

/// Walks the journal's chain on a thread of its own, beside the work.
fn verify_in_background(settings: &Settings, operations: Operations) -> Result<(), Error> {
    let site_key = SiteKey::load(&key_path(settings)).map_err(Error::SiteKey)?;
    let dir = journal_dir(settings);
    let verify = move || match journal::verify(&dir, &site_key) {
        Ok(report) if report.faults.is_empty() => {
            tracing::info!(events = report.events, "the journal's chain holds");
        }
        Ok(report) => {
            for fault in report.faults.iter().take(FAULTS_LOGGED_MAX) {
                tracing::error!(%fault, "the journal was changed");
            }
            operations.distrust_journal();
        }
        // What cannot be read cannot be trusted either.
        Err(error) => {
            tracing::error!(%error, "the journal's chain could not be walked");
            operations.distrust_journal();
        }
    };
    std::thread::Builder::new()
        .name("journal-verify".to_owned())
        .spawn(verify)
        .map(drop)
        .map_err(|source| Error::System {
            what: "a thread cannot start".to_owned(),
            source,
        })
}

/// The folder of what is too large for the journal.
fn open_documents(settings: &Settings) -> Result<Documents, Error> {
    let dir = settings.paths.state_dir.join("documents");
    Documents::open(&dir).map_err(|source| Error::System {
        what: dir.display().to_string(),
        source,
    })
}

fn journal_dir(settings: &Settings) -> PathBuf {
    settings.paths.state_dir.join("journal")
}

/// The journal, and whether this desk may write in it.
async fn open_journal(settings: &Settings) -> Result<(Journal, bool), Error> {
    let machine_id =
        std::fs::read_to_string("/etc/machine-id").map_err(|source| Error::System {
            what: "/etc/machine-id".to_owned(),
            source,
        })?;
    let desk = Desk {
        name: settings.desk.name.clone(),
        number: settings.desk.number,
        machine_id: machine_id.trim().to_owned(),
    };
    let site_key = SiteKey::load(&key_path(settings)).map_err(Error::SiteKey)?;
    let options = journal::Options::new(journal_dir(settings), desk, site_key);
    let (journal, opened) = Journal::open(options).await?;
    let adopted = match opened.identity {
        JournalIdentity::Fresh | JournalIdentity::Ours => true,
        JournalIdentity::Foreign {
            name,
            number,
            other_machine,
        } => {
            tracing::error!(
                %name,
                number,
                other_machine,
                "the journal belongs to another desk: nothing is settled until it is adopted"
            );
            false
        }
        JournalIdentity::RolledBack { had_seq, last_seq } => {
            tracing::error!(
                had_seq,
                last_seq,
                "the journal lacks records that it held: nothing is settled until it is compared with the \
                 platform and adopted"
            );
            false
        }
    };
    Ok((journal, adopted))
}

/// Lets what is past the point of no return come to its end; the rest is parked for the next process.
async fn drain(operations: &Operations, runner: &Runner) {
    operations.stop_taking();
    let parts = runner.parts();
    let until = tokio::time::Instant::now() + Duration::from_millis(DRAIN_MS_MAX);
    while parts.busy() > 0 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(DRAIN_LOOK_MS)).await;
    }
    operations.write_audit().await;
    tracing::info!(left_open = parts.registry.count(), "stopping");
}

fn rules(profile: &Profile, settings: &Settings) -> Rules {
    let seconds = |s: u32| i64::from(s) * 1_000;
    Rules {
        accept_difference: Fen(profile.amounts.accept_difference_fen),
        line_tolerance: Fen(profile.amounts.line_tolerance_fen),
        fund_reading: if profile.amounts.fund_contains_account {
            FundReading::WithAccount
        } else {
            FundReading::FundsOnly
        },
        hifdm_beside_oth: profile.amounts.hifdm_beside_oth,
        hardened: profile.amounts.harden.clone(),
        fresh_code: profile.voucher.fresh_code,
        identity_pays: profile.voucher.identity_pays,
        identity_ref_ms: seconds(profile.voucher.identity_ref_s),
        shared_account: profile.voucher.shared_account,
        settle_is_reversible: profile
            .transactions
            .reversible
            .contains(&profile.transactions.settle),
        pharmacy_is_reversible: (profile.transactions.reversible.iter())
            .any(|infno| infno == "2102"),
        dispense_is_enabled: profile.dispense.enabled,
        dispense_repeat_is_harmless: profile.dispense.repeat_is_harmless,
        settle_quiet_ms: seconds(profile.settle_quiet_s),
        scan_wait_ms: seconds(settings.times.scan_wait_s),
        confirm_wait_ms: seconds(settings.times.confirm_wait_s),
        rejoin_ms: seconds(settings.times.rejoin_s),
        print_give_up_ms: PRINT_GIVE_UP_MS,
    }
}

fn surround(profile: &Profile, settings: &Settings) -> Surround {
    Surround {
        hospital: profile.fixmedins_name.clone(),
        head: settings.receipt.head.clone(),
        foot: settings.receipt.foot.clone(),
        mask_names: settings.receipt.mask_names,
    }
}

fn identity(settings: &Settings) -> Identity {
    Identity {
        desk_name: settings.desk.name.clone(),
        desk_number: settings.desk.number,
    }
}

fn waits(settings: &Settings) -> Waits {
    Waits {
        print_wait_ms: i64::from(settings.times.print_wait_ms),
        pending_ms: i64::from(settings.times.pending_s) * 1_000,
        settlements_max: usize::try_from(settings.limits.settlements).unwrap_or(usize::MAX),
    }
}

fn pattern(code: &CodePattern) -> Pattern {
    Pattern {
        name: code.name.clone(),
        prefix: code.prefix.clone(),
        length: (code.length_min, code.length_max),
        made_of: match code.made_of {
            codes::MadeOf::Digits => code_kind::MadeOf::Digits,
            codes::MadeOf::Alphanumeric => code_kind::MadeOf::Alphanumeric,
            codes::MadeOf::Any => code_kind::MadeOf::Any,
        },
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Signals {
    fn listen() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |source| Error::System {
            what: "signals cannot be heard".to_owned(),
            source,
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            stop: tokio::sync::watch::Sender::new(false),
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Resolves when the doors shall close.
    fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the sender is gone: the process is ending.
            drop(stop.wait_for(|stop| *stop).await);
        }
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }
}
