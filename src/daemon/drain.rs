//! The end: what is past the point of no return is brought to its end, the rest is left to the next process.

use std::time::Duration;

use crate::operation::Operations;
use crate::runner::Runner;

/// How long a stopping daemon waits for what is past the point of no return.
const DRAIN_MS_MAX: u64 = 20_000;
/// How often it looks.
const DRAIN_LOOK_MS: u64 = 20;

/// Lets what is past the point of no return come to its end; the rest is parked for the next process.
pub(super) async fn drain(operations: &Operations, runner: &Runner) {
    operations.stop_taking();
    let parts = runner.parts();
    let until = tokio::time::Instant::now() + Duration::from_millis(DRAIN_MS_MAX);
    while parts.busy() > 0 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(DRAIN_LOOK_MS)).await;
    }
    operations.write_audit().await;
    tracing::info!(left_open = parts.registry.count(), "stopping");
}
