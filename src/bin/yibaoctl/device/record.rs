//! `device record`: what a device and its driver say to each other, shown live and written to a file.
//!
//! The file is text, a line a record, easy to read and to edit:
//!
//! ```text
//! yibaod-recording 1                   the version of this form
//! kind escpos-serial                   the family of the device, as `device list` shows it
//! model epson-tm-80                    the row of the table of models; absent where there is none
//! # a remark                           and empty lines: passed over
//! 0 opened                             milliseconds since the beginning, and what happened:
//! 0 about 05 8c 09 02                    what must be known of the line
//! 12 > 1b 40 31                | .@1     bytes to the device; from the bar on it is for the eye only
//! 13 < 16                      | .       bytes from the device
//! 20 > {"ask":"end","id":3}              of a pcsc-reader: a message, as text
//! 41 > 01 01 00 06 …                      of a print queue: a message of IPP, from `opened` to `closed` one exchange
//! 41 > 64 6f 63 …  | document of 605 bytes  and that a document went behind it, of which nothing else is told
//! 90 error PAPER_OUT                     the driver met a trouble, by its name in the book
//! 95 closed
//! 100 end time-over                    or: too-slow, stopping, hung-up. Without it the file is cut off
//! ```
//!
//! Persons were replaced before the bytes left the daemon; nothing in it tells one device of a model from another.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use yibaod::api::record_device_response::Update;
use yibaod::api::{
    DeviceRecord, DeviceRecordKind, RecordDeviceRequest, RecordingEnd, RecordingHead,
};

use crate::args::DeviceRecordArgs;
use crate::connect::Door;
use crate::draw::{clean, cut};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// The first line of a file.
const HEAD: &str = "yibaod-recording 1";
/// The column of the eye's part.
const LETTERS_COLUMN: usize = 60;

/// Runs it until its time is over or Ctrl-C.
pub(super) async fn run(
    door: &mut Door,
    wanted: &DeviceRecordArgs,
    out: &Out,
) -> Result<Exit, Trouble> {
    let request = RecordDeviceRequest {
        device: wanted.device.clone(),
        length_s: wanted.seconds,
    };
    let stream = door.devices.record_device(request).await;
    let mut stream = stream.map_err(Trouble::of_status)?.into_inner();
    let mut file = Sink::create(wanted.out.as_deref())?;
    let began = std::time::Instant::now();
    loop {
        let message = tokio::select! {
            message = stream.message() => message.map_err(Trouble::of_status)?,
            _ = tokio::signal::ctrl_c() => {
                file.line(&format!("{} end hung-up", began.elapsed().as_millis()))?;
                return Ok(Exit::Fine);
            }
        };
        let Some(message) = message else {
            return Err(Trouble::Failed("the recording was cut off".to_owned()));
        };
        if out.is_json() {
            out.object(&json::text(&message));
        }
        let (lines, end) = match &message.update {
            Some(Update::Head(head)) => (head_lines(head), None),
            Some(Update::Record(record)) => (vec![line(record)], None),
            Some(Update::Ended(ended)) => {
                let why = ended.why();
                let after = began.elapsed().as_millis();
                (vec![format!("{after} end {}", end_word(why))], Some(why))
            }
            None => (Vec::new(), None),
        };
        for line in &lines {
            file.line(line)?;
            if !out.is_json() {
                out.lines(&[cut(&clean(line), out.width_of_table())]);
            }
        }
        match end {
            None => {}
            Some(RecordingEnd::TimeOver) => return Ok(Exit::Fine),
            Some(why) => {
                let why = end_word(why);
                return Err(Trouble::Failed(format!("the recording ended early: {why}")));
            }
        }
    }
}

/// The file, if one is wanted.
struct Sink(Option<File>);

impl Sink {
    /// A file that is there already is somebody's recording.
    fn create(path: Option<&Path>) -> Result<Self, Trouble> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
        let created = File::create_new(path);
        let file =
            created.map_err(|error| Trouble::Usage(format!("{}: {error}", path.display())))?;
        Ok(Self(Some(file)))
    }

    fn line(&mut self, line: &str) -> Result<(), Trouble> {
        let Some(file) = &mut self.0 else {
            return Ok(());
        };
        let written = writeln!(file, "{line}");
        written.map_err(|error| Trouble::Failed(format!("the file: {error}")))
    }
}

fn head_lines(head: &RecordingHead) -> Vec<String> {
    let mut lines = vec![HEAD.to_owned(), format!("kind {}", clean(&head.kind))];
    if !head.model.is_empty() {
        lines.push(format!("model {}", clean(&head.model)));
    }
    lines
}

/// A record as a line.
fn line(record: &DeviceRecord) -> String {
    let after = record.after_ms;
    match record.kind() {
        DeviceRecordKind::Opened => format!("{after} opened"),
        DeviceRecordKind::Closed => format!("{after} closed"),
        DeviceRecordKind::Error => format!("{after} error {}", clean(&record.error)),
        DeviceRecordKind::About => format!("{after} about {}", shown(&record.data)),
        DeviceRecordKind::FromDevice => format!("{after} < {}", shown(&record.data)),
        DeviceRecordKind::ToDevice => format!("{after} > {}", shown(&record.data)),
        DeviceRecordKind::Unspecified => {
            format!("# {after} something that this program does not know")
        }
    }
}

/// Bytes in hex and letters; a message as it is.
fn shown(data: &[u8]) -> String {
    if data.starts_with(b"{")
        && let Ok(text) = std::str::from_utf8(data)
        && text.ends_with('}')
        && !text.contains(char::is_control)
    {
        return text.to_owned();
    }
    let digits: Vec<String> = data.iter().map(|byte| format!("{byte:02x}")).collect();
    let letter = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    let letters: String = data.iter().map(letter).collect();
    format!("{:<LETTERS_COLUMN$} | {letters}", digits.join(" "))
}

fn end_word(why: RecordingEnd) -> &'static str {
    match why {
        RecordingEnd::TimeOver => "time-over",
        RecordingEnd::TooSlow => "too-slow",
        RecordingEnd::Stopping => "stopping",
        RecordingEnd::Unspecified => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_lines() {
        let record = |kind: DeviceRecordKind, data: &[u8]| DeviceRecord {
            after_ms: 7,
            kind: kind.into(),
            data: data.to_vec(),
            error: "PAPER_OUT".into(),
        };
        assert_eq!(line(&record(DeviceRecordKind::Opened, b"")), "7 opened");
        assert_eq!(
            line(&record(DeviceRecordKind::Error, b"")),
            "7 error PAPER_OUT"
        );
        let bytes = line(&record(DeviceRecordKind::FromDevice, b"\x1b@1"));
        assert!(
            bytes.starts_with("7 < 1b 40 31  ") && bytes.ends_with("| .@1"),
            "{bytes}"
        );
        let message = line(&record(DeviceRecordKind::ToDevice, br#"{"ask":"end"}"#));
        assert_eq!(message, r#"7 > {"ask":"end"}"#);
    }

    #[test]
    fn a_file_that_is_there_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("talk.txt");
        Sink::create(Some(&path)).unwrap().line("x").unwrap();
        assert!(matches!(Sink::create(Some(&path)), Err(Trouble::Usage(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
    }
}
