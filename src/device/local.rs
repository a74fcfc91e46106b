//! Looking at this machine's own lists and files, with a limit: a kernel that waits for a device may not answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longest wait for what this machine knows by itself.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Looks on their way. One that hangs keeps its thread; behind so many of them no other is begun.
const LOOKS_MAX: usize = 4;

/// See the module docs.
pub(super) struct Local {
    looks: Arc<Semaphore>,
    wait_max: Duration,
}

/// This machine did not say in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silent {
    /// How long it was waited for.
    pub(super) after: Duration,
}

impl Local {
    pub(super) fn new() -> Self {
        Self {
            looks: Arc::new(Semaphore::new(LOOKS_MAX)),
            wait_max: WAIT_MAX,
        }
    }

    /// What `look` finds, on a thread of its own.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Silent> {
        let looks = Arc::clone(&self.looks);
        let looking = async {
            let turn = looks.acquire_owned().await.ok()?;
            let looking = tokio::task::spawn_blocking(move || {
                let found = look();
                drop(turn);
                found
            });
            looking.await.ok()
        };
        let after = self.wait_max;
        let found = timeout(after, looking).await.ok().flatten();
        found.ok_or(Silent { after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kernel_that_does_not_answer_holds_nobody() {
        let local = Local {
            wait_max: Duration::from_millis(50),
            ..Local::new()
        };
        let mut kernels = Vec::new();
        // One more than may hang: it is told too, and begins nothing.
        for _ in 0..=LOOKS_MAX {
            let (let_go, kernel) = std::sync::mpsc::channel::<()>();
            let hangs = move || kernel.recv().is_ok();
            let after = local.wait_max;
            assert_eq!(local.look(hangs).await, Err(Silent { after }));
            kernels.push(let_go);
        }
        assert!(kernels[LOOKS_MAX].send(()).is_err());
        kernels[0].send(()).expect("it hangs");
        let patient = Local {
            wait_max: WAIT_MAX,
            looks: local.looks,
        };
        assert_eq!(patient.look(|| 7).await, Ok(7));
        drop(kernels);
    }
}
