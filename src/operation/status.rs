//! How the daemon is.

use std::sync::Arc;

use super::ask::{BusState, JournalStatus, PlatformStatus, Status, TcpState};
use super::operations::Operations;
use crate::journal::Filter;
use crate::observe;

/// Stuck settlements that are counted at most.
const STUCK_COUNT_MAX: u32 = 1_000;

impl Operations {
    /// Grows with everything that is written down: whoever shows the status looks again when it did.
    #[must_use]
    pub fn pulse(&self) -> u64 {
        self.parts().journal.commits()
    }

    /// The door on the system bus is like this from here on.
    pub fn bus_is(&self, state: BusState) {
        self.inner.bus.store(Arc::new(state));
    }

    /// The port for TCP is like this from here on.
    pub fn tcp_is(&self, state: TcpState) {
        self.inner.tcp.store(Arc::new(state));
    }

    /// Whether somebody is to listen at the port for TCP now.
    #[must_use]
    pub fn has_port(&self) -> bool {
        **self.inner.tcp.load() == TcpState::On
    }

    /// How the daemon is. Never waits for a device or the platform.
    pub async fn status(&self) -> Status {
        let parts = self.parts();
        let stuck = parts
            .journal
            .list(Filter {
                limit: STUCK_COUNT_MAX,
                stuck_only: true,
                ..Filter::default()
            })
            .await
            .map_or(0, |rows| rows.len());
        let newest = parts
            .journal
            .list(Filter {
                limit: 1,
                ..Filter::default()
            })
            .await;
        let events = newest
            .ok()
            .and_then(|rows| rows.first().map(|row| row.last_seq))
            .unwrap_or(0);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            desk_name: self.inner.identity.desk_name.clone(),
            desk_number: self.inner.identity.desk_number,
            refusing: self.refusing(),
            started_at_ms: parts.clock.started_at_ms(),
            open: parts.registry.count(),
            stuck,
            platform: PlatformStatus {
                reached: parts.platform_reached(),
                skew_ms: parts.platform_skew_ms(),
            },
            journal: JournalStatus {
                events: u64::try_from(events).unwrap_or(0),
                commits: parts.journal.commits(),
            },
            devices: parts.hub.list(),
            log_dropped: observe::dropped(),
            log_filter: observe::log_level(),
            bus: **self.inner.bus.load(),
            tcp: (**self.inner.tcp.load()).clone(),
        }
    }
}
