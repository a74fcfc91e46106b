//! Opening and closing devices on threads that may wait: a broken one hangs in the kernel, perhaps for ever.
//!
//! Each place is opened once at a time. A thread that hangs keeps its place, so that who tries again waits for it
//! and takes no further thread: all that waits aside shares a limited number of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::error::DeviceError;
use crate::book::Code;
use crate::config::devices::At;

/// The configured places that were opened by now.
static PLACES: Mutex<BTreeMap<String, Arc<Semaphore>>> = Mutex::new(BTreeMap::new());

/// Opens on a thread that may wait. `missing` is the code when that takes longer than `wait_max`.
pub(super) async fn aside<T: Send + 'static>(
    at: &At,
    wait_max: Duration,
    missing: Code,
    open: impl FnOnce(&At) -> Result<T, DeviceError> + Send + 'static,
) -> Result<T, DeviceError> {
    let latest = Instant::now() + wait_max;
    let wrong = |what: &str| DeviceError::new(missing, format!("{at}: {what}"));
    let Ok(alone) = timeout_at(latest, place(at).acquire_owned()).await else {
        return Err(wrong("an earlier opening still hangs"));
    };
    let at_thread = at.clone();
    // What comes too late is closed before the place is free.
    let opening = tokio::task::spawn_blocking(move || (open(&at_thread), alone));
    let opened = timeout_at(latest, opening).await;
    let (opened, _alone) = opened
        .map_err(|_| wrong("opening hangs"))?
        .map_err(|_| wrong("opening failed"))?;
    opened
}

/// Closes on a thread that may wait, and keeps the place for so long: who opens it again waits for that.
pub(super) fn close_aside<T: Send + 'static>(at: &At, close: impl FnOnce() -> T + Send + 'static) {
    let alone = place(at).try_acquire_owned();
    let close = move || {
        drop(close());
        drop(alone);
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(close)),
        Err(_) => close(),
    }
}

fn place(at: &At) -> Arc<Semaphore> {
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let alone = || Arc::new(Semaphore::new(1));
    Arc::clone(places.entry(at.to_string()).or_insert_with(alone))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    const MISSING: Code = Code::ScannerMissing;

    #[tokio::test]
    async fn of_openings_that_hang_there_is_one() {
        let at = At::Path("/nowhere/hangs".into());
        let begun = Arc::new(AtomicUsize::new(0));
        let (let_go, kernel) = mpsc::channel::<()>();
        let kernel = Arc::new(Mutex::new(kernel));
        let open = || {
            let (begun, kernel) = (Arc::clone(&begun), Arc::clone(&kernel));
            move |_: &At| {
                begun.fetch_add(1, Ordering::SeqCst);
                kernel.lock().unwrap().recv().unwrap();
                Ok(())
            }
        };
        let hangs = Duration::from_millis(20);
        for _ in 0..4 {
            let refused = aside(&at, hangs, MISSING, open()).await.unwrap_err();
            assert_eq!(refused.code, MISSING);
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        // Another place is not concerned.
        let other = At::Path("/nowhere/opens".into());
        let second = Duration::from_secs(30);
        aside(&other, second, MISSING, |_| Ok(())).await.unwrap();
        let_go.send(()).unwrap();
        let_go.send(()).unwrap();
        aside(&at, second, MISSING, open()).await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    /// As a line whose far end reads nothing: the kernel waits in `close`.
    struct Hangs(mpsc::Receiver<()>);

    impl Drop for Hangs {
        fn drop(&mut self) {
            self.0.recv().unwrap();
        }
    }

    #[tokio::test]
    async fn a_closing_that_hangs_holds_its_place_and_no_task() {
        let at = At::Path("/nowhere/closes".into());
        let (let_go, kernel) = mpsc::channel();
        let line = Hangs(kernel);
        // On the one thread that there is: were it dropped here, nothing after it would run.
        close_aside(&at, move || line);
        let hangs = Duration::from_millis(20);
        let refused = aside(&at, hangs, MISSING, |_| Ok(())).await.unwrap_err();
        assert_eq!(refused.code, MISSING);
        let_go.send(()).unwrap();
        let second = Duration::from_secs(30);
        aside(&at, second, MISSING, |_| Ok(())).await.unwrap();
    }
}
