//! The generated proto, and the codec of its methods.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

mod bounded;

pub use bounded::{Bounded, FIELDS_MAX};

tonic::include_proto!("yibao.v1");

/// The descriptors of all our proto files with their comments, for reflection. Most of it is text: it is kept packed.
pub fn descriptors() -> Vec<u8> {
    const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/yibao.v1.fds"));
    miniz_oxide::inflate::decompress_to_vec(PACKED).expect("as build.rs packed it")
}
