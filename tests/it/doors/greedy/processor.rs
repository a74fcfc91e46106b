//! Who gets the processor. Two cores carry the daemon, the one that works, its neighbour and whatever else the machine
//! does, and what is to be measured is how the daemon shares itself among its callers, not how the kernel shares the
//! machine among programs. So these three run before all other programs (SCHED_RR), alone and beside alike: a compiler
//! beside the test takes no moment from them. The one that works goes first, so that the neighbour's own work, a write
//! and a read for many calls, takes nothing from it either; what the daemon does for the neighbour does. Where that is
//! forbidden, the neighbour's thread runs when nobody else wants to (SCHED_IDLE).

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// A thread of the daemon's may end while all are told.
const TRIES: usize = 5;

/// This thread is that of the one that works.
pub(super) fn first() {
    if may_be_first() {
        let done = chrt(&["--rr", "--pid", "2"], own());
        assert!(done, "another could");
    }
}

/// The daemon, whatever it begins after this included.
pub(super) fn second(daemon: u32) {
    let args = ["--rr", "--all-tasks", "--pid", "1"];
    let done = !may_be_first() || (0..TRIES).any(|_| chrt(&args, daemon.to_string().into()));
    assert!(done, "another could");
}

/// This thread is a neighbour's.
pub(super) fn third() {
    let done = match may_be_first() {
        true => chrt(&["--rr", "--pid", "1"], own()),
        false => chrt(&["--idle", "--pid", "0"], own()),
    };
    assert!(done, "any thread may be the last");
}

fn may_be_first() -> bool {
    chrt(&["--rr", "1"], "true".into())
}

fn own() -> OsString {
    let own = std::fs::read_link("/proc/thread-self").expect("Linux tells it");
    own.file_name().expect("its number").to_owned()
}

fn chrt(args: &[&str], of: OsString) -> bool {
    let mut chrt = Command::new("chrt");
    chrt.args(args).arg(of).stderr(Stdio::null());
    chrt.status().expect("util-linux is there").success()
}
