//! Waiting until the kernel has something to read for us.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a file that was opened so that it never waits. Must be called in a runtime.
#[expect(
    deprecated,
    reason = "what replaces it is unsafe because an owner might swap its file; those with `AsFd` cannot"
)]
pub(crate) fn watched<T: AsFd + AsRawFd>(file: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(file, Interest::READABLE)
}
