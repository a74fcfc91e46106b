//! The D-Bus door: `org.yibaod.Bridge1` on the system bus.
//!
//! ```text
//! a{sv} ─► shape (→ protobuf) ─► ipc::call, as the caller that the bus names ─► shape ─► a{sv}, or signals
//! ```
//!
//! One object, `/org/yibaod/Bridge1`, with an interface for each service of the descriptors, and one below it for each
//! device. Nothing here names a method; a new one in the proto files is on the bus by itself.
//!
//! A caller is known by what the bus says of its connection, never by what it says of itself. When it leaves the bus,
//! its calls count as hung up. It must not know what a settlement does.

mod callers;
mod catalogue;
mod desk;
mod door;
mod error;
mod heavy;
mod introspect;
mod places;
mod polkit;
mod repeated;
mod request;
mod serve;
mod shape;
mod standard;
mod turns;
mod words;

pub use door::Door;
pub use turns::Turns;
