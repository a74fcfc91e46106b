//! The door on the system bus: a real dbus-daemon under the shipped policy, a real polkitd under the shipped actions
//! and rules, users and groups as the package makes them, and clients of other makers: busctl, gdbus, Python.

mod away;
mod claim;
mod groups;
mod heavy;
mod literal;
mod malformed;
mod objects;
mod pay;
mod rights;
mod shown;
mod silent;
mod stopped;
mod told;
pub(crate) mod world;

pub(crate) use literal::Literal;
pub(crate) use pay::patient;
use world::{CASHIER, World};

/// The interface of a service.
fn interface(service: &str) -> String {
    format!("org.yibaod.Bridge1.{service}")
}
