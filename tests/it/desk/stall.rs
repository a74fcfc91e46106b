//! What the machine itself was late while something was timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long each nap is. What a nap is longer than twice this, the machine was busy with others.
const NAP: Duration = Duration::from_millis(5);

/// Naps until it is dropped, and adds up what the naps were too long: a bound on a wall clock is held with this on top.
pub(crate) struct Stalls {
    lost_ms: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Stalls {
    pub(crate) fn watch() -> Self {
        let stalls = Self {
            lost_ms: Arc::default(),
            is_over: Arc::default(),
        };
        let (lost_ms, is_over) = (Arc::clone(&stalls.lost_ms), Arc::clone(&stalls.is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(NAP);
                let late = began.elapsed().saturating_sub(2 * NAP);
                let late = u64::try_from(late.as_millis()).expect("a short time");
                lost_ms.fetch_add(late, Ordering::Relaxed);
            }
        });
        stalls
    }

    pub(crate) fn lost(&self) -> Duration {
        Duration::from_millis(self.lost_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
