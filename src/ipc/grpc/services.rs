//! All services over one handle and one gate: built once, reached by every door.

use std::sync::Arc;

use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::bodies::{DOCUMENT_BYTES_MAX, LIST_BYTES_MAX, SMALL_BYTES_MAX};
use super::daemon::Daemon;
use super::device::Devices;
use super::dispense::Dispenses;
use super::gate::Gate;
use super::gated::Gated;
use super::handle::Handle;
use super::identity::Identities;
use super::print::Prints;
use super::settlement::Settlements;
use crate::api;
use crate::api::daemon_service_server::{self, DaemonServiceServer};
use crate::api::device_service_server::{self, DeviceServiceServer};
use crate::api::dispense_service_server::{self, DispenseServiceServer};
use crate::api::identity_service_server::{self, IdentityServiceServer};
use crate::api::print_service_server::{self, PrintServiceServer};
use crate::api::settlement_service_server::{self, SettlementServiceServer};
use crate::ipc::access::Operation;

/// Our services, for the health service.
const NAMES: [&str; 6] = [
    settlement_service_server::SERVICE_NAME,
    device_service_server::SERVICE_NAME,
    dispense_service_server::SERVICE_NAME,
    print_service_server::SERVICE_NAME,
    identity_service_server::SERVICE_NAME,
    daemon_service_server::SERVICE_NAME,
];

/// The services and what the health service says of them.
pub(super) struct Services {
    pub(super) routes: Routes,
    health: HealthReporter,
    may_settle: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Services {
    /// Over this handle; who may call is asked at this gate.
    pub(super) fn new<H: Handle>(
        handle: &H,
        gate: &Gate,
    ) -> Result<Self, tonic_reflection::server::Error> {
        let health = HealthReporter::new();
        let routes = add_reflection(ours(handle, gate), &health, gate)?;
        let asked = handle.clone();
        Ok(Self {
            routes,
            health,
            may_settle: Arc::new(move || asked.may_settle()),
        })
    }

    /// Whether what moves money would be taken: clock, disk, whose journal it is. The rest answers anyway.
    pub(super) async fn tell_settling(&self) {
        let status = match (self.may_settle)() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        let name = settlement_service_server::SERVICE_NAME;
        self.health.set_service_status(name, status).await;
    }

    /// Tells whoever asks the health service.
    pub(super) async fn set_serving(&self, is_serving: bool) {
        let status = match is_serving {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        for name in NAMES {
            self.health.set_service_status(name, status).await;
        }
    }
}

fn ours<H: Handle>(handle: &H, gate: &Gate) -> Routes {
    let settlements = Settlements {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let settlements = SettlementServiceServer::new(settlements);
    let devices = Devices {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let devices = DeviceServiceServer::new(devices);
    let dispenses = Dispenses {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let dispenses = DispenseServiceServer::new(dispenses);
    let identities = Identities {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let identities = IdentityServiceServer::new(identities);
    let prints = Prints {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let prints = PrintServiceServer::new(prints);
    let daemon = Daemon {
        handle: handle.clone(),
        gate: gate.clone(),
    };
    let daemon = DaemonServiceServer::new(daemon);
    Routes::new(settlements.max_decoding_message_size(DOCUMENT_BYTES_MAX))
        .add_service(devices.max_decoding_message_size(SMALL_BYTES_MAX))
        .add_service(dispenses.max_decoding_message_size(LIST_BYTES_MAX))
        .add_service(prints.max_decoding_message_size(DOCUMENT_BYTES_MAX))
        .add_service(identities.max_decoding_message_size(SMALL_BYTES_MAX))
        .add_service(daemon.max_decoding_message_size(SMALL_BYTES_MAX))
}

fn add_reflection(
    routes: Routes,
    health: &HealthReporter,
    gate: &Gate,
) -> Result<Routes, tonic_reflection::server::Error> {
    let health = tonic_health::server::HealthService::from_health_reporter(health.clone());
    let health = tonic_health::pb::health_server::HealthServer::new(health);
    let ours = api::descriptors();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(&ours)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that a client that knows nothing but reflection can read google.rpc.ErrorInfo.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(
                tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
            )
            .include_reflection_service(false)
    };
    let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let health = health.max_decoding_message_size(SMALL_BYTES_MAX);
    let v1 = v1.max_decoding_message_size(SMALL_BYTES_MAX);
    let v1alpha = v1alpha.max_decoding_message_size(SMALL_BYTES_MAX);
    Ok(routes
        .add_service(Gated::new(health, gate, Operation::AskHealth))
        .add_service(Gated::new(v1, gate, Operation::Reflect))
        .add_service(Gated::new(v1alpha, gate, Operation::Reflect)))
}
