//! The doors: who may call, wire types to ours and back, gRPC. Doors only translate.
//!
//! ```text
//! bytes ─► grpc (a connection has a caller) ─► access (may they?) ─► convert (wire → ours) ─► operation
//!                                                              wire ◄─ convert (ours → wire) ◄────┘
//! ```
//!
//! A door must not know how a settlement goes; it holds a handle, awaits one answer and packs it.

pub mod access;
pub mod convert;
pub mod grpc;
