//! Who may call what: one table, role × operation.
//!
//! ```text
//! connection ─► Caller ─► Policy (configuration) ─► roles ─► table ─► may, or may not
//! ```
//!
//! A caller on the local socket is known by the credentials that the kernel noted at `connect`, its groups among them,
//! on the bus by what the bus says of it, on TCP by its token or certificate. Process ids are for the log only, since
//! numbers are used again.
//! This folder must not know any wire.

mod accounts;
mod caller;
mod grants;
mod members;
mod policy;
mod table;

pub use crate::config::access::Role;
pub use accounts::{Accounts, UnknownName};
pub use caller::{Caller, Grant, Groups, Shown};
pub use grants::action_of;
pub(super) use grants::{Action, action};
pub use policy::{GROUP, Policy};
pub use table::Operation;

#[cfg(test)]
mod tests;
