//! kill -9 at an edge of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use yibaod::sandbox::http::{Edge, Moment};

use super::Desk;

/// Longer than from the last byte of an answer to the word that it has left.
const STOPPED_MS: u64 = 2_000;

/// Kills a process at an edge of the call that this moment belongs to; whether it did.
///
/// What stands behind an answer is looked at after the bytes have left: the process is stopped before, so that it
/// cannot go on with them. Where no answer follows it goes on after a while, as one that nobody killed.
pub(crate) fn kill_at_edge(pid: i32, moment: &Moment, edge: Edge) -> bool {
    let signal = match (moment.edge == edge, edge, moment.edge) {
        (true, ..) => Signal::KILL,
        (false, Edge::AfterAnswer, Edge::BeforeAnswer) => Signal::STOP,
        (false, ..) => return false,
    };
    let pid = Pid::from_raw(pid).expect("a pid is not 0");
    // It may be dead already.
    kill_process(pid, signal).ok();
    if signal == Signal::STOP {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(STOPPED_MS));
            kill_process(pid, Signal::CONT).ok();
        });
    }
    signal == Signal::KILL
}

impl Desk {
    /// Kills the daemon once, at this edge of a call of this transaction; says whether it did.
    pub(crate) fn kill_at(&self, infno: &'static str, edge: Edge) -> Arc<AtomicBool> {
        let pid = i32::try_from(self.pid()).expect("a pid");
        let fired = Arc::new(AtomicBool::new(false));
        let once = Arc::clone(&fired);
        self.platform.on_moment(move |moment| {
            if moment.infno == infno && !once.load(Ordering::SeqCst) {
                once.fetch_or(kill_at_edge(pid, moment, edge), Ordering::SeqCst);
            }
        });
        fired
    }
}
