//! Somebody beside the one that works: lanes on a thread of its own that are all busy or all at rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::processor;
use crate::desk::eventually;

/// Somebody beside the one that works.
pub(super) struct Neighbour {
    lanes: usize,
    seen: Seen,
    /// Says when it may begin and when it must rest; dropped when it is to end.
    go: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

/// What its lanes say of themselves.
#[derive(Clone, Default)]
struct Seen {
    /// Calls that were answered, or lines that are stuck.
    done: Arc<AtomicU64>,
    /// Lanes that wait for the word to begin.
    resting: Arc<AtomicUsize>,
}

/// One of its lanes.
pub(super) struct Lane {
    seen: Seen,
    going: watch::Receiver<bool>,
}

impl Neighbour {
    /// So many lanes, made on its thread.
    pub(super) fn new<M>(lanes: usize, make: M) -> Self
    where
        M: FnOnce(Vec<Lane>) -> BoxFuture<'static, Vec<BoxFuture<'static, ()>>> + Send + 'static,
    {
        let (go, going) = watch::channel(false);
        let seen = Seen::default();
        let all = (0..lanes).map(|_| Lane {
            seen: seen.clone(),
            going: going.clone(),
        });
        let all = all.collect();
        let thread = std::thread::spawn(move || {
            processor::third();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let lanes = make(all).await.into_iter().map(tokio::spawn);
                for lane in lanes.collect::<Vec<_>>() {
                    lane.await.expect("it goes on to the end");
                }
            });
        });
        Self {
            lanes,
            seen,
            go,
            thread,
        }
    }

    /// Begins, and returns when each lane may have been through once.
    pub(super) async fn begin(&self) {
        let lanes = u64::try_from(self.lanes).expect("small");
        let wanted = self.done() + lanes;
        self.go.send_replace(true);
        let begun = eventually(async || (self.done() >= wanted).then_some(())).await;
        begun.expect("it begins");
    }

    /// Rests, and returns when nothing of it is open.
    pub(super) async fn rest(&self) {
        self.go.send_replace(false);
        let resting = || self.seen.resting.load(Ordering::SeqCst) == self.lanes;
        let rests = eventually(async || resting().then_some(())).await;
        rests.expect("it comes to rest");
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes
    }

    pub(super) fn done(&self) -> u64 {
        self.seen.done.load(Ordering::SeqCst)
    }

    /// Ends it.
    pub(super) fn end(self) -> u64 {
        drop(self.go);
        self.thread.join().expect("it went on to the end");
        self.seen.done.load(Ordering::SeqCst)
    }
}

impl Lane {
    /// Waits for its turn; none: it is over.
    pub(super) async fn may_go(&mut self) -> Option<()> {
        if !*self.going.borrow() {
            self.seen.resting.fetch_add(1, Ordering::SeqCst);
            self.going.wait_for(|&go| go).await.ok()?;
            self.seen.resting.fetch_sub(1, Ordering::SeqCst);
        }
        // Nobody says so any more.
        self.going.has_changed().is_ok().then_some(())
    }

    /// Waits until it must rest.
    pub(super) async fn must_rest(&mut self) {
        self.going.wait_for(|&go| !go).await.ok();
    }

    pub(super) fn did(&self) {
        self.seen.done.fetch_add(1, Ordering::SeqCst);
    }
}
