//! The door on the system bus, where it is wanted.

use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::ipc;
use crate::operation::Operations;

/// Serves the bus until told to stop. `None`: it is not wanted.
pub(super) fn serve<S: Future<Output = ()> + Send + 'static>(
    settings: &Settings,
    door: &ipc::grpc::Door,
    operations: &Operations,
    stop: S,
) -> Option<JoinHandle<()>> {
    let bus = ipc::dbus::Door::new(door, operations.clone());
    settings.dbus.enabled.then(|| tokio::spawn(bus.serve(stop)))
}
