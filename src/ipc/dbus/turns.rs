//! Whether the loop of the door turns, for whoever watches over it.

use tokio::sync::{mpsc, oneshot};

/// Asks the loop for turns.
#[derive(Clone)]
pub struct Turns {
    ask: mpsc::Sender<oneshot::Sender<()>>,
}

/// Where the loop hears that.
pub(super) struct Asked {
    asked: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Turns {
    pub(super) fn new() -> (Self, Asked) {
        let (ask, asked) = mpsc::channel(1);
        (Self { ask }, Asked { asked })
    }

    /// Returns when the loop comes to it, or is over.
    pub async fn turn(&self) {
        let (given, turn) = oneshot::channel();
        if self.ask.send(given).await.is_ok() {
            drop(turn.await);
        }
    }
}

impl Asked {
    /// Gives the next turn that is asked for; never returns when nobody asks. May be dropped.
    pub(super) async fn give(&mut self) {
        match self.asked.recv().await {
            Some(turn) => drop(turn.send(())),
            None => std::future::pending().await,
        }
    }

    /// Waits for something that has a limit of its own, and gives turns meanwhile.
    pub(super) async fn giving<T>(&mut self, waited_for: impl Future<Output = T>) -> T {
        tokio::pin!(waited_for);
        loop {
            tokio::select! {
                done = &mut waited_for => return done,
                () = self.give() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_turn_is_given_by_the_loop_alone() {
        let (turns, mut asked) = Turns::new();
        let stuck = timeout(MOMENT, turns.turn()).await;
        assert!(stuck.is_err(), "the loop does something else");
        // The turn of who gave up waiting is thrown away; the next one is given.
        let (other, ()) = tokio::join!(timeout(MOMENT * 100, turns.turn()), async {
            asked.give().await;
            asked.give().await;
        });
        other.expect("the loop came to it");
        let waited = asked.giving(turns.turn());
        timeout(MOMENT * 100, waited)
            .await
            .expect("also while it waits");
        drop(asked);
        timeout(MOMENT * 100, turns.turn())
            .await
            .expect("a loop that is over owes none");
    }
}
