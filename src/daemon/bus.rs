//! The door on the system bus, where it is wanted.

use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::ipc;
use crate::operation::Operations;

/// Serves the bus until told to stop, and asks whether its loop turns. `None`: it is not wanted.
pub(super) fn serve<S: Future<Output = ()> + Send + 'static>(
    settings: &Settings,
    door: &ipc::grpc::Door,
    operations: &Operations,
    stop: S,
) -> Option<(JoinHandle<()>, ipc::dbus::Turns)> {
    let bus = ipc::dbus::Door::new(door, operations.clone());
    let turns = bus.turns();
    (settings.dbus.enabled).then(|| (tokio::spawn(bus.serve(stop)), turns))
}
