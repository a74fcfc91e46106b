//! The doors: who may call, wire types to ours and back, gRPC, JSON, TCP. Doors only translate.
//!
//! ```text
//! local socket, tcp ─► front (who calls? gRPC or JSON?) ─► grpc ─► access (may they?) ─► convert ─► operation
//!                                                     └─► json ─► call ─┘                wire ◄─┘
//! ```
//!
//! The services stand once behind one gate; doors that carry no gRPC reach them by `call`, so that every door gives the
//! same rights, limits and answers, and `told` tells the log of every refusal.
//!
//! A door must not know how a settlement goes; it holds a handle, awaits one answer and packs it.

pub mod access;
pub mod call;
pub mod convert;
pub mod dbus;
mod front;
pub mod grpc;
mod half;
mod json;
mod metrics;
mod stall;
pub mod tcp;
mod told;

#[cfg(test)]
mod tests;
