//! How the daemon is.

use super::device::device;
use super::error::entry_of_failure;
use super::time::rfc3339_or_empty;
use crate::api as wire;
use crate::book::Code;
use crate::operation::{BusState, ConfigChange, Status, TcpState};

/// The status at this moment of the civil clock, Unix milliseconds.
#[must_use]
pub fn status(status: Status, now_ms: i64) -> wire::GetStatusResponse {
    let refused_for = status.refusing.as_ref().map(|failure| failure.code);
    wire::GetStatusResponse {
        version: status.version,
        desk: Some(wire::DeskStatus {
            name: status.desk_name,
            number: format!("{:03}", status.desk_number),
            adopted: refused_for != Some(Code::DeskNotAdopted),
        }),
        uptime_ms: u64::try_from(now_ms.saturating_sub(status.started_at_ms)).unwrap_or(0),
        accepting: status.refusing.is_none(),
        not_accepting: status.refusing.as_ref().map(entry_of_failure),
        open_settlements: u32::try_from(status.open).unwrap_or(u32::MAX),
        stuck_settlements: u32::try_from(status.stuck).unwrap_or(u32::MAX),
        platform: Some(wire::PlatformStatus {
            last_answer_at: rfc3339_or_empty(status.platform.reached.answered_at_ms),
            clock_skew_ms: status.platform.skew_ms,
            silent_since: rfc3339_or_empty(status.platform.reached.silent_since_ms),
            silent_calls: status.platform.reached.silent_calls,
        }),
        journal: Some(wire::JournalStatus {
            events: status.journal.events,
            syncs: status.journal.commits,
        }),
        devices: status.devices.into_iter().map(device).collect(),
        log_lines_dropped: status.log_dropped,
        log_filter: status.log_filter,
        bus: bus(status.bus).into(),
        tcp: Some(tcp(status.tcp)),
    }
}

fn bus(state: BusState) -> wire::BusState {
    match state {
        BusState::Off => wire::BusState::Off,
        BusState::Away => wire::BusState::Away,
        BusState::On => wire::BusState::On,
    }
}

fn tcp(state: TcpState) -> wire::TcpStatus {
    let (state, why, held_by_uid) = match state {
        TcpState::Off => (wire::TcpState::Off, String::new(), None),
        TcpState::Away { why, held_by_uid } => (wire::TcpState::Away, why, held_by_uid),
        TcpState::On => (wire::TcpState::On, String::new(), None),
    };
    wire::TcpStatus {
        state: state.into(),
        why,
        held_by_uid,
    }
}

/// One key that differs.
#[must_use]
pub fn change(change: ConfigChange) -> wire::ConfigChange {
    let ConfigChange {
        key,
        before,
        after,
        in_force,
    } = change;
    wire::ConfigChange {
        key,
        before,
        after,
        in_force,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ipc::convert::device::tests::printer;
    use crate::operation::{DeviceState, Failure, JournalStatus, PlatformStatus, Reached};

    #[test]
    fn a_healthy_desk_accepts() {
        let shown = status(healthy(), 1_700_000_005_000);
        assert!(shown.accepting && shown.not_accepting.is_none());
        assert_eq!(shown.uptime_ms, 5_000);
        let desk = shown.desk.unwrap();
        assert_eq!(
            (desk.name.as_str(), desk.number.as_str(), desk.adopted),
            ("窗口1", "007", true)
        );
        assert_eq!(shown.platform.unwrap().clock_skew_ms, Some(-20));
        assert_eq!(shown.journal.unwrap().syncs, 4);
        assert_eq!(shown.bus, i32::from(wire::BusState::Away));
        let tcp = shown.tcp.unwrap();
        assert_eq!(
            (tcp.state(), tcp.held_by_uid),
            (wire::TcpState::Away, Some(65_534))
        );
        assert_eq!((shown.open_settlements, shown.stuck_settlements), (2, 1));
        assert_eq!(shown.devices[0].role, "receipt");
    }

    #[test]
    fn a_copied_desk_says_why_it_does_not() {
        let refusing = Some(Failure::new(Code::DeskNotAdopted, "another machine"));
        let shown = status(
            Status {
                refusing,
                ..healthy()
            },
            0,
        );
        assert!(!shown.accepting && !shown.desk.unwrap().adopted);
        let why = shown.not_accepting.unwrap();
        assert_eq!(
            (why.code.as_str(), why.detail.as_str()),
            ("E7002", "another machine")
        );
        assert_eq!(shown.uptime_ms, 0);
    }

    pub(crate) fn healthy() -> Status {
        Status {
            version: "0.1.0".into(),
            desk_name: "窗口1".into(),
            desk_number: 7,
            refusing: None,
            started_at_ms: 1_700_000_000_000,
            open: 2,
            stuck: 1,
            platform: PlatformStatus {
                reached: Reached {
                    answered_at_ms: Some(1),
                    ..Reached::default()
                },
                skew_ms: Some(-20),
            },
            journal: JournalStatus {
                events: 9,
                commits: 4,
            },
            devices: vec![printer(DeviceState::Ready)],
            log_dropped: 0,
            log_filter: "yibaod=info,warn".into(),
            bus: BusState::Away,
            tcp: TcpState::Away {
                why: "in use".into(),
                held_by_uid: Some(65_534),
            },
        }
    }
}
