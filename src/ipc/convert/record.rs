//! `RecordDevice`: what is to be recorded → ours, and what was heard → wire.

use std::time::Duration;

use super::fields::Fields;
use crate::api as wire;
use crate::api::record_device_response::Update;
use crate::book::Code;
use crate::operation::{Failure, Recorded, RecordedWhat, Recording, RecordingEnd, Way};

/// Longest recording, and the usual one.
const LENGTH_S: (u32, u32) = (3_600, 60);
/// Characters of a role or name.
const TEXT_LENGTH_MAX: usize = 64;

/// What is to be recorded, and for how long.
///
/// # Errors
/// Each wrong field by its wire path.
pub fn wish(request: wire::RecordDeviceRequest) -> Result<(String, Duration), Failure> {
    let mut f = Fields::default();
    let (most, usual) = LENGTH_S;
    let device = f.optional("device", request.device, TEXT_LENGTH_MAX);
    let length_s = match request.length_s {
        0 => usual,
        length_s if length_s <= most => length_s,
        _ => {
            f.wrong(
                Code::RequestInvalid,
                "length_s",
                format!("is more than {most}"),
            );
            usual
        }
    };
    f.finish((device, Duration::from_secs(length_s.into())))
}

/// What a recording is of.
#[must_use]
pub fn head(recording: &Recording) -> wire::RecordDeviceResponse {
    response(Update::Head(wire::RecordingHead {
        device: recording.device.clone(),
        kind: recording.kind.to_owned(),
        model: recording.model.clone(),
    }))
}

/// One record, or the end.
#[must_use]
pub fn record(recorded: Recorded) -> wire::RecordDeviceResponse {
    let (after, what) = match recorded {
        Recorded::Line { after, what } => (after, what),
        Recorded::Ended(end) => {
            let why = match end {
                RecordingEnd::TimeOver => wire::RecordingEnd::TimeOver,
                RecordingEnd::TooSlow => wire::RecordingEnd::TooSlow,
                RecordingEnd::Stopping => wire::RecordingEnd::Stopping,
            };
            return response(Update::Ended(wire::RecordingEnded { why: why.into() }));
        }
    };
    use wire::DeviceRecordKind as Kind;
    let (kind, data, error) = match what {
        RecordedWhat::Opened => (Kind::Opened, Vec::new(), ""),
        RecordedWhat::Closed => (Kind::Closed, Vec::new(), ""),
        RecordedWhat::Failed(code) => (Kind::Error, Vec::new(), code.name()),
        RecordedWhat::About(about) => (Kind::About, about, ""),
        RecordedWhat::Bytes(Way::FromDevice, bytes) => (Kind::FromDevice, bytes, ""),
        RecordedWhat::Bytes(Way::ToDevice, bytes) => (Kind::ToDevice, bytes, ""),
    };
    response(Update::Record(wire::DeviceRecord {
        after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        kind: kind.into(),
        data,
        error: error.to_owned(),
    }))
}

fn response(update: Update) -> wire::RecordDeviceResponse {
    wire::RecordDeviceResponse {
        update: Some(update),
    }
}
