//! The doors while they are served: one that ends unasked ends the process, so that whoever supervises it starts it
//! again.

use tokio::task::{JoinError, JoinHandle};

use super::Error;
use crate::ipc::grpc::ServeError;

/// The tasks that serve.
pub(super) struct Doors {
    /// The local socket and TCP.
    local: Option<JoinHandle<Result<(), ServeError>>>,
    /// The system bus, where it is wanted.
    bus: Option<JoinHandle<()>>,
}

impl Doors {
    pub(super) fn new(
        local: JoinHandle<Result<(), ServeError>>,
        bus: Option<JoinHandle<()>>,
    ) -> Self {
        let local = Some(local);
        Self { local, bus }
    }

    /// Resolves when one ends, which before anybody said so is an error. May be dropped and asked again.
    pub(super) async fn ended(&mut self) -> Error {
        let (door, why) = tokio::select! {
            ended = end(&mut self.local) => ("local", why(ended.map(Result::err))),
            ended = end(&mut self.bus) => ("bus", why(ended.map(|()| None::<ServeError>))),
        };
        Error::DoorEnded { door, why }
    }

    /// Waits until those that still serve have closed.
    pub(super) async fn closed(mut self) {
        if self.local.is_some() {
            let ended = end(&mut self.local).await;
            if !matches!(ended, Ok(Ok(()))) {
                let why = why(ended.map(Result::err));
                tracing::warn!(why, "the door did not close well");
            }
        }
        if self.bus.is_some()
            && let Err(error) = end(&mut self.bus).await
        {
            tracing::warn!(%error, "the door on the bus did not close well");
        }
    }
}

/// The end of a task, once; a task that is not there never ends.
async fn end<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    let Some(running) = task else {
        return std::future::pending().await;
    };
    let ended = running.await;
    *task = None;
    ended
}

fn why(ended: Result<Option<ServeError>, JoinError>) -> String {
    match ended {
        Ok(None) => "it says not why".to_owned(),
        Ok(Some(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_door_that_ends_unasked_is_an_error_and_the_others_close() {
        let bus = tokio::spawn(async { panic!("a bug") });
        let local = tokio::spawn(std::future::pending());
        let stop = local.abort_handle();
        let mut doors = Doors::new(local, Some(bus));
        let error = doors.ended().await;
        assert!(error.to_string().contains("bus"), "{error}");
        assert!(!error.is_of_configuration(), "it is started again");
        // What has ended is not asked again.
        let waiting = Duration::from_millis(50);
        assert!(tokio::time::timeout(waiting, doors.ended()).await.is_err());
        stop.abort();
        doors.closed().await;
        let local = tokio::spawn(async { Ok(()) });
        let error = Doors::new(local, None).ended().await;
        assert!(error.to_string().contains("local"), "{error}");
    }
}
