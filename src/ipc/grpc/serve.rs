//! Opens the door, serves, closes it.

use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::server::HealthReporter;

use super::daemon::Daemon;
use super::device::Devices;
use super::dispense::Dispenses;
use super::gate::Gate;
use super::handle::Handle;
use super::identity::Identities;
use super::listen::{ListenError, Socket};
use super::print::Prints;
use super::settlement::Settlements;
use crate::api;
use crate::api::daemon_service_server::DaemonServiceServer;
use crate::api::device_service_server::DeviceServiceServer;
use crate::api::dispense_service_server::DispenseServiceServer;
use crate::api::identity_service_server::IdentityServiceServer;
use crate::api::print_service_server::PrintServiceServer;
use crate::api::settlement_service_server::SettlementServiceServer;
use crate::ipc::access::Policy;

/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Bytes of the headers of one request.
const HEADERS_BYTES_MAX: u32 = 16 * 1_024;
/// Calls at once on one connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 64;
/// After the word to stop, calls that run may still be answered so long.
const DRAIN_MS_MAX: u64 = 3_000;

/// Why the door closed unasked.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("the gRPC door failed")]
    Transport(#[from] tonic::transport::Error),
    /// Our own descriptors cannot be read.
    #[error("the descriptors for reflection cannot be read")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A door whose socket listens already; callers that connect wait until it is served.
pub struct Door<H> {
    socket: Socket,
    gate: Gate,
    handle: H,
}

impl<H: Handle> Door<H> {
    /// Binds the socket, replacing one that a crash left behind. It belongs to `gid` with mode 0660 when it can be
    /// given to that group, else only its owner gets in. Must be called in a runtime.
    ///
    /// # Errors
    /// When another daemon holds it, or the system says no.
    pub fn open(
        socket_path: &Path,
        gid: Option<u32>,
        policy: Policy,
        calls_per_caller_max: u32,
        handle: H,
    ) -> Result<Self, ListenError> {
        let socket = Socket::bind(socket_path, gid)?;
        let gate = Gate::new(policy, calls_per_caller_max);
        Ok(Self {
            socket,
            gate,
            handle,
        })
    }

    /// Serves until told to stop, then lets running calls end for a short time. The socket's file goes with it.
    ///
    /// # Errors
    /// When the transport fails.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let health = HealthReporter::new();
        set_serving::<H>(&health, true).await;
        let routes = routes(self.handle, &self.gate, health.clone())?;
        let (tell, told) = oneshot::channel::<()>();
        let server = Server::builder()
            .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
            .http2_max_header_list_size(HEADERS_BYTES_MAX)
            .add_routes(routes)
            .serve_with_incoming_shutdown(self.socket.connections(self.gate), async {
                // The sender is only ever dropped; that is the word.
                drop(told.await);
            });
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => return Ok(ended?),
            () = stop => {}
        }
        set_serving::<H>(&health, false).await;
        drop(tell);
        let drained = tokio::time::timeout(Duration::from_millis(DRAIN_MS_MAX), server).await;
        if drained.is_err() {
            tracing::info!("calls were still open when the door closed");
        }
        drained.unwrap_or(Ok(())).map_err(ServeError::from)
    }
}

fn routes<H: Handle>(
    handle: H,
    gate: &Gate,
    health: HealthReporter,
) -> Result<Routes, tonic_reflection::server::Error> {
    let settlements = Settlements {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let settlements =
        SettlementServiceServer::new(settlements).max_decoding_message_size(REQUEST_BYTES_MAX);
    let devices = Devices {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let devices = DeviceServiceServer::new(devices).max_decoding_message_size(REQUEST_BYTES_MAX);
    let dispenses = Dispenses {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let dispenses =
        DispenseServiceServer::new(dispenses).max_decoding_message_size(REQUEST_BYTES_MAX);
    let identities = Identities {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let identities =
        IdentityServiceServer::new(identities).max_decoding_message_size(REQUEST_BYTES_MAX);
    let prints = Prints {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let prints = PrintServiceServer::new(prints).max_decoding_message_size(REQUEST_BYTES_MAX);
    let daemon = Daemon {
        handle,
        gate: gate.clone(),
    };
    let daemon = DaemonServiceServer::new(daemon).max_decoding_message_size(REQUEST_BYTES_MAX);
    let health = tonic_health::server::HealthService::from_health_reporter(health);
    let health = tonic_health::pb::health_server::HealthServer::new(health);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(api::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that a client that knows nothing but reflection can read google.rpc.ErrorInfo.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(
                tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
            )
            .include_reflection_service(false)
    };
    Ok(Routes::new(settlements)
        .add_service(devices)
        .add_service(dispenses)
        .add_service(prints)
        .add_service(identities)
        .add_service(daemon)
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

async fn set_serving<H: Handle>(health: &HealthReporter, is_serving: bool) {
    if is_serving {
        health
            .set_serving::<SettlementServiceServer<Settlements<H>>>()
            .await;
        health
            .set_serving::<DeviceServiceServer<Devices<H>>>()
            .await;
        health
            .set_serving::<DispenseServiceServer<Dispenses<H>>>()
            .await;
        health
            .set_serving::<IdentityServiceServer<Identities<H>>>()
            .await;
        health.set_serving::<PrintServiceServer<Prints<H>>>().await;
        health.set_serving::<DaemonServiceServer<Daemon<H>>>().await;
    } else {
        health
            .set_not_serving::<SettlementServiceServer<Settlements<H>>>()
            .await;
        health
            .set_not_serving::<DeviceServiceServer<Devices<H>>>()
            .await;
        health
            .set_not_serving::<DispenseServiceServer<Dispenses<H>>>()
            .await;
        health
            .set_not_serving::<IdentityServiceServer<Identities<H>>>()
            .await;
        health
            .set_not_serving::<PrintServiceServer<Prints<H>>>()
            .await;
        health
            .set_not_serving::<DaemonServiceServer<Daemon<H>>>()
            .await;
    }
}
