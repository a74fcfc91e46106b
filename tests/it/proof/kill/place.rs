//! Where a daemon is killed, and what kills it there. All of it stands outside of the shipped program.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use yibaod::sandbox::http::{Edge, Moment};
use yibaod::sandbox::platform::Platform;

use crate::desk::kill_at_edge;

/// The four edges of a call.
pub(super) const EDGES: [Edge; 4] = [
    Edge::FirstByte,
    Edge::LastByte,
    Edge::BeforeAnswer,
    Edge::AfterAnswer,
];

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At an edge of the n-th call of this transaction.
    Call(&'static str, usize, Edge),
    /// In the middle of writing to the journal's log: this write, nothing of its transaction is on disk.
    Write(usize),
    /// Written, not synced: this sync.
    Sync(usize),
    /// When so much of a code has left the scanner.
    Scan(Code),
    /// When so many bytes of the receipt are printed.
    Paper(u64),
    /// When the receipt is cut off.
    Cut,
}

/// How much of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The scanner listens.
    None,
    Half,
    /// All but the terminator.
    Unended,
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Call(infno, nth, edge) => write!(f, "{infno}#{nth}.{edge:?}"),
            Place::Write(n) => write!(f, "write#{n}"),
            Place::Sync(n) => write!(f, "sync#{n}"),
            Place::Scan(part) => write!(f, "scan.{part:?}"),
            Place::Paper(bytes) => write!(f, "paper.{bytes}"),
            Place::Cut => write!(f, "paper.cut"),
        }
    }
}

impl Place {
    /// The tracer that kills there, put before the daemon's command; empty: something else kills.
    pub(super) fn tracer(self) -> Vec<String> {
        let (call, n) = match self {
            Place::Write(n) => ("pwrite64", n),
            Place::Sync(n) => ("fdatasync", n),
            Place::Call(..) | Place::Scan(_) | Place::Paper(_) | Place::Cut => return Vec::new(),
        };
        let inject = format!("inject={call}:signal=KILL:when={n}");
        let trace = format!("trace={call}");
        let words = ["strace", "-f", "-qq", "-e", &trace, "-e", &inject];
        let words = words.into_iter().chain(["-o", "/dev/null"]);
        words.map(str::to_owned).collect()
    }
}

/// What a killer at the platform aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proof) enum Aim {
    Nothing,
    /// The n-th such edge, the first is 1.
    Call(&'static str, usize, Edge),
    /// The n-th moment of any call, the first is 1.
    Moment(usize),
}

/// Kills a daemon at a moment of the platform, and counts moments.
#[derive(Debug)]
pub(in crate::proof) struct Killer {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    aim: Aim,
    pid: i32,
    /// Moments that the aim counts.
    seen: usize,
    /// All moments since the last aim.
    moments: usize,
    /// msgids of the calls at which it killed.
    killed_at: Vec<String>,
}

impl Killer {
    /// At this platform, in place of any other hook.
    pub(in crate::proof) fn new(platform: &Platform) -> Arc<Self> {
        let killer = Arc::new(Self {
            inner: Mutex::new(Inner {
                aim: Aim::Nothing,
                pid: 0,
                seen: 0,
                moments: 0,
                killed_at: Vec::new(),
            }),
        });
        let hook = Arc::clone(&killer);
        platform.on_moment(move |moment| hook.notice(moment));
        killer
    }

    /// From here on it waits for this, to kill this process.
    pub(in crate::proof) fn aim(&self, aim: Aim, pid: u32) {
        let mut inner = self.lock();
        inner.aim = aim;
        inner.pid = i32::try_from(pid).expect("a pid");
        (inner.seen, inner.moments) = (0, 0);
    }

    /// Moments since it was last aimed.
    pub(in crate::proof) fn moments(&self) -> usize {
        self.lock().moments
    }

    /// The calls at which it killed: their answers were not heard.
    pub(in crate::proof) fn killed_at(&self) -> Vec<String> {
        self.lock().killed_at.clone()
    }

    fn notice(&self, moment: &Moment) {
        let mut inner = self.lock();
        inner.moments += 1;
        let (counts, nth) = match inner.aim {
            Aim::Nothing => return,
            Aim::Call(infno, nth, edge) => (moment.infno == infno && moment.edge == edge, nth),
            Aim::Moment(nth) => (true, nth),
        };
        inner.seen += usize::from(counts);
        // The edge before the aimed one belongs to it, too.
        if let Aim::Call(infno, nth, edge) = inner.aim
            && moment.infno == infno
            && !counts
            && inner.seen + 1 == nth
        {
            kill_at_edge(inner.pid, moment, edge);
        }
        if !counts || inner.seen != nth {
            return;
        }
        kill_at_edge(inner.pid, moment, moment.edge);
        inner.aim = Aim::Nothing;
        inner.killed_at.push(moment.msgid.clone());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
