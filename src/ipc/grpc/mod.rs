//! The gRPC door on the local socket.
//!
//! Besides our three services it offers the standard health service and reflection, v1 and v1alpha (older grpcurl
//! asks that one), so that a client needs no `.proto` file. It must not know what a settlement does.

mod authority;
mod bodies;
mod daemon;
mod deadline;
mod device;
mod dispense;
mod gate;
mod gated;
mod groups;
mod handle;
mod identity;
mod kinds;
mod listen;
mod open;
mod pace;
mod print;
mod refusals;
mod serve;
mod services;
mod settlement;

pub(super) use gate::{Gate, Heard, Pass, Place};
pub use gate::{Rights, Said};
pub use handle::Handle;
pub use listen::ListenError;
pub(super) use listen::Local;
pub use open::{DoorError, check, open};
pub(super) use refusals::Refused;
pub use serve::{Door, ServeError};

#[cfg(test)]
pub(super) mod tests;
