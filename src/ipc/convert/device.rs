//! Devices and what happens to them.

use super::error::entry;
use super::time::{rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{
    DeviceCounters, DeviceEvent, DeviceInfo, DeviceState, ModelBy, Roll, What, Why,
};

/// A device as it may be told to a caller; `sees_callers`: also which callers have devices.
#[must_use]
pub fn told_to(sees_callers: bool, mut info: DeviceInfo) -> DeviceInfo {
    if let Some(holder) = info.holder.as_mut().filter(|_| !sees_callers) {
        holder.by.clear();
    }
    info
}

/// A device as it is.
#[must_use]
pub fn device(info: DeviceInfo) -> wire::Device {
    let problem = problem(&info);
    let last_error_at = info.last_error.map(|(_, at_ms)| millis(at_ms));
    wire::Device {
        paper_low: info
            .printer
            .is_some_and(|printer| printer.paper == Roll::Low),
        name: info.name,
        role: info.role,
        kind: info.kind.to_owned(),
        state: state(info.state).into(),
        model: info.model.unwrap_or_default(),
        address: info.address,
        problem: problem.map(entry),
        held_for: info
            .holder
            .as_ref()
            .map(|it| it.what.clone())
            .unwrap_or_default(),
        held_since: rfc3339_or_empty(info.holder.as_ref().map(|it| millis(it.since_ms))),
        held_by_caller: info
            .holder
            .as_ref()
            .map(|it| it.by.clone())
            .unwrap_or_default(),
        held_by: info.holder.map(|holder| holder.stream).unwrap_or_default(),
        waiting: u32::try_from(info.waiting).unwrap_or(u32::MAX),
        last_error: info.last_error.map(|(code, _)| entry(code)),
        last_error_at: rfc3339_or_empty(last_error_at),
        counters: Some(counters(info.counters)),
        has_card: info.has_card,
    }
}

/// All devices as they are.
#[must_use]
pub fn snapshot(
    sees_callers: bool,
    devices: Vec<DeviceInfo>,
    missed: bool,
) -> wire::WatchDevicesResponse {
    let told = |info| device(told_to(sees_callers, info));
    let devices = devices.into_iter().map(told).collect();
    let snapshot = wire::DeviceSnapshot { devices, missed };
    wire::WatchDevicesResponse {
        update: Some(wire::watch_devices_response::Update::Snapshot(snapshot)),
    }
}

/// One thing that happened.
#[must_use]
pub fn event(event: DeviceEvent) -> wire::WatchDevicesResponse {
    let (held_by, count) = match &event.what {
        What::Claimed { by } => (by.clone(), 0),
        What::CodeIgnored { count } => (String::new(), *count),
        What::Arrived
        | What::Ready
        | What::Released
        | What::Busy
        | What::Closed
        | What::PaperOut
        | What::PaperLow
        | What::PaperOk
        | What::CoverOpen
        | What::CoverClosed
        | What::Fault
        | What::FaultCleared
        | What::Unplugged
        | What::Added
        | What::Removed
        | What::Ambiguous
        | What::NotPermitted
        | What::HeldElsewhere
        | What::CardIn
        | What::CardOut => (String::new(), 0),
    };
    let event = wire::DeviceEvent {
        seq: event.seq,
        at: rfc3339(millis(event.at_ms)),
        device: event.device,
        change: change(&event.what).into(),
        held_by,
        count: u32::try_from(count).unwrap_or(u32::MAX),
    };
    wire::WatchDevicesResponse {
        update: Some(wire::watch_devices_response::Update::Event(event)),
    }
}

/// Why a device is as it is.
#[must_use]
pub fn why(info: DeviceInfo, why: Why) -> wire::ExplainDeviceResponse {
    let candidates = why.candidates.into_iter().map(|it| wire::DeviceCandidate {
        node: it.node.display().to_string(),
        usb: format!("{:04x}:{:04x}", it.vendor, it.product),
        serial_number: it.serial_number,
        product_name: it.product_name,
        port: it.port,
        interface: it.interface.into(),
        fits: it.misfits.is_empty() && why.by_rule,
        misfits: it.misfits.into_iter().map(str::to_owned).collect(),
    });
    let model_by = why
        .quirk
        .map_or(wire::ModelChosenBy::Unspecified, |it| match it.by {
            ModelBy::Model => wire::ModelChosenBy::Configuration,
            ModelBy::UsbProduct => wire::ModelChosenBy::UsbProduct,
            ModelBy::UsbVendor => wire::ModelChosenBy::UsbVendor,
            ModelBy::Default => wire::ModelChosenBy::Default,
        });
    wire::ExplainDeviceResponse {
        device: Some(device(info)),
        rule: why.rule,
        candidates: candidates.collect(),
        model: why
            .quirk
            .map(|it| it.profile.name.to_owned())
            .unwrap_or_default(),
        model_by: model_by.into(),
        looked_zh: why.looked.zh,
        looked_en: why.looked.en,
    }
}

fn millis(at_ms: u64) -> i64 {
    i64::try_from(at_ms).unwrap_or(i64::MAX)
}

/// What keeps a device from being used now.
fn problem(info: &DeviceInfo) -> Option<Code> {
    match info.state {
        DeviceState::Ready | DeviceState::Busy | DeviceState::Closed => None,
        DeviceState::PaperOut => Some(Code::PaperOut),
        DeviceState::CoverOpen => Some(Code::CoverOpen),
        DeviceState::Fault => {
            let says = info.printer.and_then(|printer| printer.trouble());
            Some(says.unwrap_or(Code::PrinterError))
        }
        DeviceState::Missing if info.why_missing().is_some() => info.why_missing(),
        DeviceState::Missing if info.kind.contains("scanner") => Some(Code::ScannerMissing),
        DeviceState::Missing if info.kind.contains("card") || info.kind.contains("reader") => {
            let why = info.last_error.map(|(code, _)| code);
            Some(why.unwrap_or(Code::CardReaderMissing))
        }
        DeviceState::Missing if info.kind.contains("queue") || info.kind.contains("ipp") => {
            let why = info.last_error.map(|(code, _)| code);
            Some(why.unwrap_or(Code::PrintServiceMissing))
        }
        DeviceState::Missing => Some(Code::PrinterMissing),
    }
}

fn counters(counters: DeviceCounters) -> wire::DeviceCounters {
    wire::DeviceCounters {
        opened: counters.opened,
        bytes_in: counters.bytes_in,
        bytes_out: counters.bytes_out,
        codes: counters.codes,
        codes_ignored: counters.codes_ignored,
        jobs: counters.jobs,
        jobs_proven: counters.jobs_proven,
        cards: counters.cards,
        cards_failed: counters.cards_failed,
        losses: counters.losses,
    }
}

fn state(state: DeviceState) -> wire::DeviceState {
    match state {
        DeviceState::Closed => wire::DeviceState::Closed,
        DeviceState::Missing => wire::DeviceState::Missing,
        DeviceState::Ready => wire::DeviceState::Ready,
        DeviceState::Busy => wire::DeviceState::Busy,
        DeviceState::PaperOut => wire::DeviceState::PaperOut,
        DeviceState::CoverOpen => wire::DeviceState::CoverOpen,
        DeviceState::Fault => wire::DeviceState::Fault,
    }
}

fn change(what: &What) -> wire::DeviceChange {
    match what {
        What::Arrived => wire::DeviceChange::Arrived,
        What::Ready => wire::DeviceChange::Ready,
        What::Claimed { .. } => wire::DeviceChange::Claimed,
        What::Released => wire::DeviceChange::Released,
        What::Busy => wire::DeviceChange::Busy,
        What::Closed => wire::DeviceChange::Closed,
        What::PaperOut => wire::DeviceChange::PaperOut,
        What::PaperLow => wire::DeviceChange::PaperLow,
        What::PaperOk => wire::DeviceChange::PaperOk,
        What::CoverOpen => wire::DeviceChange::CoverOpen,
        What::CoverClosed => wire::DeviceChange::CoverClosed,
        What::Fault => wire::DeviceChange::Fault,
        What::FaultCleared => wire::DeviceChange::FaultCleared,
        What::Unplugged => wire::DeviceChange::Unplugged,
        What::CodeIgnored { .. } => wire::DeviceChange::CodeIgnored,
        What::Added => wire::DeviceChange::Added,
        What::Removed => wire::DeviceChange::Removed,
        What::Ambiguous => wire::DeviceChange::Ambiguous,
        What::NotPermitted => wire::DeviceChange::NotPermitted,
        What::HeldElsewhere => wire::DeviceChange::HeldElsewhere,
        What::CardIn => wire::DeviceChange::CardIn,
        What::CardOut => wire::DeviceChange::CardOut,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::operation::{DeviceHolder, PrinterState};

    #[test]
    fn a_device_says_what_is_wrong_and_what_to_do() {
        let shown = device(printer(DeviceState::PaperOut));
        assert_eq!(shown.state(), wire::DeviceState::PaperOut);
        assert_eq!(shown.problem.unwrap().code, "E3012");
        assert_eq!((shown.held_by.as_str(), shown.waiting), ("stl-1", 2));
        assert!(shown.paper_low);
        assert_eq!(shown.last_error.unwrap().name, "COVER_OPEN");
        assert_eq!(shown.last_error_at, "2023-11-15T06:13:20.000+08:00");
        assert_eq!(shown.counters.unwrap().jobs_proven, 3);
        assert!(device(printer(DeviceState::Ready)).problem.is_none());
        assert_eq!(
            device(printer(DeviceState::Missing)).problem.unwrap().code,
            "E3011"
        );
        let scanner = DeviceInfo {
            kind: "serial-scanner",
            ..printer(DeviceState::Missing)
        };
        assert_eq!(device(scanner.clone()).problem.unwrap().code, "E3001");
        for missing in [scanner, printer(DeviceState::Missing)] {
            for code in [
                Code::DevicePermission,
                Code::DeviceAmbiguous,
                Code::DeviceHeldElsewhere,
            ] {
                let info = DeviceInfo {
                    last_error: Some((code, 1)),
                    ..missing.clone()
                };
                assert_eq!(device(info).problem.unwrap().code, code.id());
            }
        }
        let opened = DeviceInfo {
            last_error: Some((Code::DevicePermission, 1)),
            ..printer(DeviceState::Ready)
        };
        assert!(device(opened).problem.is_none());
    }

    #[test]
    fn who_holds_it_is_told_to_those_who_may_see_it() {
        let held_by = |sees| device(told_to(sees, printer(DeviceState::Ready))).held_by_caller;
        assert_eq!(
            (held_by(true), held_by(false)),
            ("uid:1000 pid 7".into(), String::new())
        );
    }

    #[test]
    fn an_event_says_who_took_the_device() {
        let what = What::Claimed { by: "stl-1".into() };
        let happened = DeviceEvent {
            seq: 9,
            at_ms: 1_700_000_000_000,
            device: "slip".into(),
            what,
        };
        let Some(wire::watch_devices_response::Update::Event(shown)) =
            event(happened.clone()).update
        else {
            panic!("an event")
        };
        assert_eq!(
            (shown.seq, shown.device.as_str(), shown.held_by.as_str()),
            (9, "slip", "stl-1")
        );
        assert_eq!(shown.change(), wire::DeviceChange::Claimed);
        let what = What::CodeIgnored { count: 7 };
        let Some(wire::watch_devices_response::Update::Event(shown)) =
            event(DeviceEvent { what, ..happened }).update
        else {
            panic!("an event")
        };
        assert_eq!((shown.count, shown.held_by.as_str()), (7, ""));
    }

    pub(crate) fn printer(state: DeviceState) -> DeviceInfo {
        DeviceInfo {
            name: "slip".into(),
            role: "receipt".into(),
            kind: "escpos-tcp",
            address: "192.0.2.7:9100".into(),
            model: None,
            state,
            counters: DeviceCounters {
                jobs_proven: 3,
                ..DeviceCounters::default()
            },
            holder: Some(DeviceHolder {
                stream: "stl-1".into(),
                what: "receipt".into(),
                by: "uid:1000 pid 7".into(),
                since_ms: 1,
            }),
            waiting: 2,
            last_error: Some((Code::CoverOpen, 1_700_000_000_000)),
            printer: Some(PrinterState {
                online: true,
                paper: Roll::Low,
                cover_open: false,
                error: false,
                queue: None,
            }),
            has_card: false,
        }
    }
}
