//! The daemon's door on the local socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::dispense_service_client::DispenseServiceClient;
use yibaod::api::identity_service_client::IdentityServiceClient;
use yibaod::api::print_service_client::PrintServiceClient;
use yibaod::api::settlement_service_client::SettlementServiceClient;

use crate::trouble::Trouble;

/// How long a local socket may take to be opened.
const CONNECT_WAIT_MS_MAX: u64 = 5_000;
/// Never resolved: the connector opens the socket whatever the name.
const NOWHERE: &str = "http://yibaod.local";

/// Clients of all services over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Settlements.
    pub(crate) settlements: SettlementServiceClient<Channel>,
    /// Devices.
    pub(crate) devices: DeviceServiceClient<Channel>,
    /// Hand-outs and take-backs.
    pub(crate) dispenses: DispenseServiceClient<Channel>,
    /// Identifications.
    pub(crate) identities: IdentityServiceClient<Channel>,
    /// Print jobs.
    pub(crate) prints: PrintServiceClient<Channel>,
    /// The daemon.
    pub(crate) daemon: DaemonServiceClient<Channel>,
}

impl Door {
    /// Connects; an answer from the other end is seen before this returns.
    pub(crate) async fn open(socket: &Path) -> Result<Self, Trouble> {
        let unreachable = |why: String| Trouble::Unreachable {
            socket: socket.to_owned(),
            why,
        };
        // Tried apart, for the system's own words: “no such file”, “permission denied”.
        UnixStream::connect(socket)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let path: PathBuf = socket.to_owned();
        let connector = tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static(NOWHERE)
            .connect_timeout(Duration::from_millis(CONNECT_WAIT_MS_MAX))
            .connect_with_connector(connector)
            .await
            .map_err(|error| unreachable(chain(&error)))?;
        Ok(Self {
            settlements: SettlementServiceClient::new(channel.clone()),
            devices: DeviceServiceClient::new(channel.clone()),
            dispenses: DispenseServiceClient::new(channel.clone()),
            identities: IdentityServiceClient::new(channel.clone()),
            prints: PrintServiceClient::new(channel.clone()),
            daemon: DaemonServiceClient::new(channel),
        })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        source = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[tokio::test]
    async fn a_socket_that_is_not_there_is_unreachable() {
        let dir = tempfile::tempdir().unwrap();
        let trouble = Door::open(&dir.path().join("no.sock")).await.unwrap_err();
        assert_eq!(trouble.exit(), Exit::Unreachable);
        assert!(
            trouble.entry().detail.contains("No such file"),
            "{trouble:?}"
        );
    }
}
