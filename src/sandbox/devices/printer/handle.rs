//! A running printer and all that a person, or a fault, can do to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::pty::{LineSettings, Pty};
use super::interpreter::Oddity;
use super::machine::{Counters, Machine, Voice};
use super::paper::Paper;
use super::profile::Options;
use super::serve::{self, Shared};

/// Name of a serial printer's line in its directory.
const LINK_NAME: &str = "printer";

#[derive(Debug)]
enum Wire {
    Tcp(SocketAddr),
    Serial {
        link: PathBuf,
        cable: watch::Sender<Option<Arc<Pty>>>,
    },
}

/// See the module docs. It ends when it is dropped.
#[derive(Debug)]
pub struct Printer {
    shared: Arc<Shared>,
    wire: Wire,
    _tasks: JoinSet<()>,
}

impl Printer {
    /// Starts a network printer on a free loopback port. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start_tcp(options: Options) -> io::Result<Self> {
        let listener = serve::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let at = listener.local_addr()?;
        let (shared, mut tasks) = begin(options);
        let wired = Arc::clone(&shared);
        tasks.spawn(async move { serve::serve_tcp(&wired, Some(listener), at).await });
        Ok(Self {
            shared,
            wire: Wire::Tcp(at),
            _tasks: tasks,
        })
    }

    /// Starts a serial printer on a terminal pair, linked as `printer` in `dir`. Needs a running
    /// tokio runtime.
    ///
    /// # Errors
    /// When no terminal can be had or the link cannot be made.
    pub fn start_pty(dir: &Path, options: Options) -> io::Result<Self> {
        let link = dir.join(LINK_NAME);
        let (cable, plugged) = watch::channel(Some(Arc::new(Pty::open(&link)?)));
        let (shared, mut tasks) = begin(options);
        let wired = Arc::clone(&shared);
        tasks.spawn(async move { serve::serve_pty(&wired, plugged).await });
        Ok(Self {
            shared,
            wire: Wire::Serial { link, cable },
            _tasks: tasks,
        })
    }

    /// Where a network printer listens.
    #[must_use]
    pub fn addr(&self) -> Option<SocketAddr> {
        match &self.wire {
            Wire::Tcp(at) => Some(*at),
            Wire::Serial { .. } => None,
        }
    }

    /// The line of a serial printer.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.wire {
            Wire::Tcp(_) => None,
            Wire::Serial { link, .. } => Some(link),
        }
    }

    /// What the client set on a serial line.
    #[must_use]
    pub fn line_settings(&self) -> Option<LineSettings> {
        match &self.wire {
            Wire::Tcp(_) => None,
            Wire::Serial { cable, .. } => cable.borrow().as_ref()?.settings().ok(),
        }
    }

    /// The pieces cut so far, oldest first (the last thousand).
    #[must_use]
    pub fn papers(&self) -> Vec<Paper> {
        self.shared.look().papers()
    }

    /// What is printed and not cut yet.
    #[must_use]
    pub fn hanging(&self) -> Paper {
        self.shared.look().hanging()
    }

    /// Waits until at least `n` pieces are cut; after `deadline` it gives what there is.
    pub async fn wait_papers(&self, n: usize, deadline: Instant) -> Vec<Paper> {
        let mut changes = self.shared.changes();
        loop {
            changes.borrow_and_update();
            let papers = self.papers();
            let late = papers.len() >= n
                || !matches!(
                    tokio::time::timeout_at(deadline, changes.changed()).await,
                    Ok(Ok(()))
                );
            if late {
                return papers;
            }
        }
    }

    /// Waits until `is` says yes, looking after every change. `false`: it did not before
    /// `deadline`.
    pub async fn wait_until(&self, deadline: Instant, is: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.shared.changes();
        loop {
            changes.borrow_and_update();
            if is(self) {
                return true;
            }
            if !matches!(
                tokio::time::timeout_at(deadline, changes.changed()).await,
                Ok(Ok(()))
            ) {
                return is(self);
            }
        }
    }

    /// What drivers sent that they should not have (the first thousand).
    #[must_use]
    pub fn errors(&self) -> Vec<Oddity> {
        self.shared.look().oddities()
    }

    /// Counts since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.look().counters()
    }

    /// Bytes received that wait to be printed.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.shared.look().held_bytes()
    }

    /// Whether its paper has ended.
    #[must_use]
    pub fn is_out_of_paper(&self) -> bool {
        self.shared.look().is_out_of_paper()
    }

    /// Paper ends after so many more bytes of the job have been worked off; 0: at once. The rest
    /// is held.
    pub fn paper_out_after(&self, bytes: u64) {
        self.shared.change(|machine| machine.end_paper_after(bytes));
    }

    /// It hangs after so many more bytes of the job have been worked off: it says that it is well, and prints nothing
    /// until its power goes.
    pub fn hang_after(&self, bytes: u64) {
        self.shared.change(|machine| machine.hang_after(bytes));
    }

    /// Whether it hangs.
    #[must_use]
    pub fn is_hung(&self) -> bool {
        self.shared.look().is_hung()
    }

    /// It says what nobody asked for, as a disturbed line does.
    pub fn stray(&self, bytes: &[u8]) {
        self.shared.change(|machine| machine.stray(bytes));
    }

    /// Whether these bytes were received and wait to be worked off.
    #[must_use]
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.shared.look().holds(bytes)
    }

    /// The roll gets thin; printing goes on.
    pub fn near_end(&self) {
        self.shared.change(|machine| machine.set_near_end(true));
    }

    /// A new roll; what was held is printed.
    pub fn refill(&self) {
        self.shared.change(Machine::refill);
    }

    /// Opens the lid; printing stops.
    pub fn open_cover(&self) {
        self.shared.change(|machine| machine.set_cover(true));
    }

    /// Closes it; printing goes on.
    pub fn close_cover(&self) {
        self.shared.change(|machine| machine.set_cover(false));
    }

    /// Power off: connections end, connects are refused, what was held is lost. A serial printer
    /// hears and says nothing.
    pub fn off(&self) {
        self.shared.change(|machine| machine.power(false));
    }

    /// Power on, on the same address.
    pub fn on(&self) {
        self.shared.change(|machine| machine.power(true));
    }

    /// No answers at all, neither status nor process ids; it prints.
    pub fn mute(&self) {
        self.shared.change(|machine| machine.set_voice(Voice::Mute));
    }

    /// Status is answered, process ids are not.
    pub fn mute_process_ids(&self) {
        self.shared
            .change(|machine| machine.set_voice(Voice::NoProcessIds));
    }

    /// Answers each process id with the one before it.
    pub fn stale_process_ids(&self) {
        self.shared
            .change(|machine| machine.set_voice(Voice::StaleProcessIds));
    }

    /// Answers as it should again.
    pub fn speak(&self) {
        self.shared
            .change(|machine| machine.set_voice(Voice::Honest));
    }

    /// Drops the connection when so many more bytes were received; those are printed. Once.
    pub fn drop_after(&self, bytes: usize) {
        self.shared.change(|machine| machine.drop_after(bytes));
    }

    /// Prints so many bytes a second; `None`: at once.
    pub fn pace(&self, bytes_a_second: Option<u32>) {
        self.shared
            .change(|machine| machine.set_pace(bytes_a_second));
    }

    /// Pulls the cable of a serial printer: the client's line ends and its name is gone. A network
    /// printer: nothing.
    pub fn unplug(&self) {
        if let Wire::Serial { cable, .. } = &self.wire {
            cable.send_replace(None);
        }
    }

    /// Plugs it in again, under the same name.
    ///
    /// # Errors
    /// When no terminal can be had or the link cannot be made.
    pub fn replug(&self) -> io::Result<()> {
        if let Wire::Serial { link, cable } = &self.wire {
            cable.send_replace(None);
            cable.send_replace(Some(Arc::new(Pty::open(link)?)));
        }
        Ok(())
    }
}

fn begin(options: Options) -> (Arc<Shared>, JoinSet<()>) {
    let shared = Arc::new(Shared::new(Machine::new(options)));
    let mut tasks = JoinSet::new();
    let worked = Arc::clone(&shared);
    tasks.spawn(async move { serve::work(&worked).await });
    (shared, tasks)
}
