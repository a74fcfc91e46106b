//! Calls over TCP: loopback with named tokens, or mutual TLS. Off unless the configuration says so.
//!
//! ```text
//! the port, as soon as it is free ─► accept ─► whose socket is it (the kernel) ─► TLS, where wanted ─► each request: its token ─► Caller
//! ```
//!
//! It must not know what is called.

mod connection;
mod listen;
mod owner;
mod port;
mod subject;
mod tls;
mod tokens;

pub(super) use connection::Peer;
pub(super) use listen::Tcp;
pub use listen::TcpError;
pub use tls::TlsError;
pub(super) use tokens::Tokens;
