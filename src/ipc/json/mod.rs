//! The JSON door: the methods of the gRPC door by the Connect protocol, on the same listeners.
//!
//! ```text
//! POST /yibao.v1.Service/Method ─► guard (Host, Origin) ─► charset ─► message (JSON → protobuf) ─► ipc::call
//!            answer ◄─ charset ◄─ message (protobuf → JSON), problem (status → error JSON) ◄──────────┘
//! ```
//!
//! It must not know any method: all it needs stands in the descriptors.

mod answer;
mod charset;
mod guard;
mod message;
mod methods;
mod problem;
mod repeated;

pub(super) use answer::{Json, refused};
pub(super) use guard::{Guard, Way, allow, is_preflight};
pub(super) use problem::refusal;

#[cfg(test)]
pub(super) use {message::parse, message::print, methods::all};
