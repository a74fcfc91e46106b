//! Turns: one request of each caller is worked on at a time, so that a flood of one caller's stands in its own queue and
//! not before the processors, where others would stand behind it.
//!
//! Work is what is done at once. A request that waits – for a person, a device, the platform, a disk – gives its turn on
//! after a moment and goes on without one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A request that is not answered by then waits for something.
const HELD_MS_MAX: u64 = 2;
/// So long a request stands in its queue at most: its caller counts its deadline from before it.
const QUEUED_MS_MAX: u64 = 100;

/// The callers that have a request, each with its queue. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>);

/// The turn of one request, or its place in the queue.
struct Turn {
    pace: Pace,
    who: String,
    held: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// Does that when it is the caller's turn. Dropping it leaves the queue.
    pub(super) async fn take<T>(&self, who: String, work: impl Future<Output = T>) -> T {
        let turn = self.turn(who).await;
        tokio::pin!(work);
        let moment = Duration::from_millis(HELD_MS_MAX);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(moment) => {}
        }
        drop(turn);
        work.await
    }

    async fn turn(&self, who: String) -> Turn {
        let queue = self.lock().entry(who.clone()).or_insert_with(one).clone();
        let mut turn = Turn {
            pace: self.clone(),
            who,
            held: None,
        };
        let longest = Duration::from_millis(QUEUED_MS_MAX);
        // It is never closed.
        let held = tokio::time::timeout(longest, queue.acquire_owned()).await;
        turn.held = held.ok().and_then(Result::ok);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn one() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Under the lock, so that the last of two that go at once sees that it is.
        let mut queues = self.pace.lock();
        drop(self.held.take());
        if (queues.get(&self.who)).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.who);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    /// Work in so many pieces, between which others may run; the most of one caller's that were begun at once.
    async fn work(running: &AtomicUsize, most: &AtomicUsize) {
        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        running.fetch_sub(1, Ordering::SeqCst);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_worked_on_one_by_one_and_another_caller_beside_it() {
        let pace = Pace::default();
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let flood = (0..100).map(|_| pace.take("uid:1".into(), work(&running, &most)));
        let mut flood = Box::pin(join_all(flood));
        assert!((&mut flood).now_or_never().is_none());
        let other = pace.take("uid:2".into(), std::future::ready(7));
        assert_eq!(other.now_or_never(), Some(7), "it waits for nobody's");
        flood.await;
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(pace.lock().is_empty(), "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_gives_its_turn_on_and_what_is_dropped_leaves_the_queue() {
        let pace = Pace::default();
        let began = Instant::now();
        let wait = || pace.take("uid:1".into(), tokio::time::sleep(Duration::from_secs(60)));
        let mut waits = Box::pin(join_all((0..32).map(|_| wait())));
        let soon = Duration::from_millis(32 * 2 * HELD_MS_MAX);
        assert!(tokio::time::timeout(soon, &mut waits).await.is_err());
        let next = pace.take("uid:1".into(), std::future::ready(7));
        assert_eq!(next.now_or_never(), Some(7), "all of them wait without one");
        waits.await;
        assert!(began.elapsed() <= Duration::from_secs(60) + soon);
        let held = pace.turn("uid:1".into()).await;
        let mut given_up = Box::pin(pace.take("uid:1".into(), std::future::ready(7)));
        assert!((&mut given_up).now_or_never().is_none());
        drop(held);
        drop(given_up);
        assert!(pace.lock().is_empty(), "nothing is kept");
        let next = pace.take("uid:1".into(), std::future::ready(7));
        assert_eq!(next.now_or_never(), Some(7));
    }
}
