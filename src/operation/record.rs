//! Recording a device for a caller. Who recorded which is in the journal before the caller hears anything.

use std::time::Duration;

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use crate::book::Code;
use crate::device::Recording;
use crate::journal::{Append, NewEvent, StreamHead};

/// The `kind` of the stream of one recording.
const STREAM_KIND: &str = "device_recording";
/// Version of its rows.
const VERSION: u16 = 1;

impl Operations {
    /// Records what the device with this role or name and its driver say to each other, redacted. Dropping the
    /// recording ends it.
    ///
    /// # Errors
    /// `DEVICE_UNKNOWN`; `TOO_MANY_CALLS` while somebody else records the device; `JOURNAL_REFUSES` when it cannot be
    /// written down who does.
    pub async fn record_device(
        &self,
        caller: CallerId,
        role_or_name: String,
        length: Duration,
    ) -> Result<Recording, Failure> {
        if let Some(refuses) = self.journal_refuses() {
            return Err(refuses);
        }
        let operations = self.clone();
        let stop = async move { operations.parts().stopped().await };
        let recording = self.parts().hub.record(&role_or_name, length, stop);
        let recording = recording
            .ok_or_else(|| Failure::new(Code::DeviceUnknown, "see ListDevices"))?
            .map_err(Failure::from)?;
        let body = serde_json::json!({
            "device": recording.device,
            "kind": recording.kind,
            "length_s": length.as_secs(),
        });
        let body = body.to_string();
        let at_ms = self.parts().clock.now_ms();
        let append = Append {
            stream: format!("recording-{}", uuid::Uuid::now_v7()),
            after: Some(0),
            events: vec![NewEvent::new(
                "device_recorded",
                VERSION,
                at_ms,
                body.clone(),
            )],
            head: StreamHead {
                summary: body,
                ..StreamHead::closed(STREAM_KIND, &caller.id)
            },
            marks: Vec::new(),
        };
        let written = self.parts().journal.append(append).await;
        written.map_err(|error| {
            tracing::error!(%error, "the recording of a device cannot be written down");
            Failure::new(Code::JournalRefuses, "the recording cannot be written down")
        })?;
        tracing::info!(device = recording.device, "recorded for a caller");
        Ok(recording)
    }
}
