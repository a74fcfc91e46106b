//! The insurance platform: port, HTTP, wire, signature, profile applied, session.
//!
//! [`Platform::prepare`] turns a call into a message that can be recorded, [`Platform::send`] sends it
//! exactly once and says what became of it by what was received. Nothing here repeats, decides what comes
//! next, or knows the journal and the devices. `wire` and `sign` are PURE.

mod client;
mod exchange;
mod http;
mod operators;
mod renewed;
mod session;
mod sign;
mod terminal;
mod wire;

pub use client::{Platform, PlatformError, Site};
pub use exchange::{Prepared, Received, Stamp, Stamps};
pub use http::install_tls_provider;
pub use wire::{LineFault, check_lines};

#[cfg(test)]
mod tests;
