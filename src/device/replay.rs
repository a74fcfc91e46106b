//! Recordings, played at drivers from the far end of their lines.
//!
//! What a driver writes must be what the recording has; it is compared as a recording has it, without persons. What the
//! device said is given in its order, as soon as the driver has written what came before it. The form of the files
//! stands at `yibaoctl device record`.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::card::frame::VERSION;
use super::far_end::{PATIENCE, Pty};
use super::record::redact::{Messages, Redactor, Shape, Told};
use super::record::{Said, Way};
use crate::book::Code;

/// How long a far end waits for bytes before it looks at the clock.
const GLANCE: Duration = Duration::from_millis(2);
/// `GS ( H` with a number of six bytes, of which the last four are the job's own.
const ASK_PROCESS: [u8; 7] = [0x1d, b'(', b'H', 6, 0, 48, 48];
const PROCESS_ANSWER: [u8; 2] = [0x37, 0x22];

/// A recording.
pub(super) struct Tape {
    pub(super) kind: String,
    pub(super) model: Option<String>,
    pub(super) records: Vec<Told>,
}

impl Tape {
    /// Reads a file. What it does not understand is a mistake in it.
    pub(super) fn parse(text: &str) -> Self {
        let mut lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        assert_eq!(lines.next(), Some("yibaod-recording 1"));
        let (mut kind, mut model, mut records) = (String::new(), None, Vec::new());
        for line in lines {
            match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
                ["kind", word] => kind = word.to_owned(),
                ["model", word] => model = Some(word.to_owned()),
                [_, "opened"] => records.push(Told::Opened),
                [_, "closed"] => records.push(Told::Closed),
                [_, "error", name] => {
                    let code = Code::ALL.iter().find(|code| code.name() == name);
                    records.push(Told::Failed(*code.expect("a name of the book")));
                }
                [_, "about", bytes] => records.push(Told::About(payload(bytes))),
                [_, "<", bytes] => records.push(Told::Bytes(Way::FromDevice, payload(bytes))),
                [_, ">", bytes] => records.push(Told::Bytes(Way::ToDevice, payload(bytes))),
                [_, "end", _] => break,
                _ => panic!("no record: {line}"),
            }
        }
        Self {
            kind,
            model,
            records,
        }
    }

    /// What came from the device, read by read.
    pub(super) fn came(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().filter_map(|record| match record {
            Told::Bytes(Way::FromDevice, bytes) => Some(bytes.as_slice()),
            Told::Bytes(Way::ToDevice, _)
            | Told::Opened
            | Told::Closed
            | Told::Failed(_)
            | Told::About(_) => None,
        })
    }
}

fn payload(text: &str) -> Vec<u8> {
    if text.starts_with('{') {
        return text.as_bytes().to_vec();
    }
    let digits = text.split('|').next().unwrap_or_default().replace(' ', "");
    hex::decode(digits).expect("bytes")
}

/// The far end of a line of bytes.
trait Far: Send + 'static {
    /// What came; nothing: not yet.
    fn hear(&mut self, into: &mut [u8]) -> usize;
    fn say(&mut self, bytes: &[u8]);
}

impl Far for TcpStream {
    fn hear(&mut self, into: &mut [u8]) -> usize {
        self.set_read_timeout(Some(GLANCE)).unwrap();
        self.read(into).unwrap_or(0)
    }

    fn say(&mut self, bytes: &[u8]) {
        self.write_all(bytes).unwrap();
    }
}

impl Far for Pty {
    fn hear(&mut self, into: &mut [u8]) -> usize {
        let count = Pty::hear(self, into);
        if count == 0 {
            std::thread::sleep(GLANCE);
        }
        count
    }

    fn say(&mut self, bytes: &[u8]) {
        self.send(bytes);
    }
}

/// A device on TCP that says what the recording has.
pub(super) fn on_tcp(tape: Tape, shape: Shape) -> (String, JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let playing = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        play(&tape, shape, stream)
    });
    (address, playing)
}

/// A device on a terminal line.
pub(super) fn on_pty(tape: Tape, shape: Shape, line: Pty) -> JoinHandle<Pty> {
    std::thread::spawn(move || play(&tape, shape, line))
}

/// The far end is given back: what it said last may not be read yet.
fn play<F: Far>(tape: &Tape, shape: Shape, mut far: F) -> F {
    let mut redactor = Redactor::new(shape);
    // The numbers of the job: in the recording, and of this driver.
    let mut numbers = ([0; 4], [0; 4]);
    let mut told = Vec::new();
    for (place, record) in tape.records.iter().enumerate() {
        match record {
            Told::Opened | Told::Failed(_) | Told::About(_) => {}
            Told::Closed => break,
            Told::Bytes(Way::FromDevice, bytes) => far.say(&answered(bytes, numbers)),
            Told::Bytes(Way::ToDevice, expected) => {
                hear_until(&mut far, &mut redactor, &mut told, expected, place);
                let is: Vec<u8> = told.drain(..expected.len()).collect();
                if let (Some(recorded), Some(asked)) = (number_in(expected), number_in(&is)) {
                    numbers = (recorded, asked);
                }
                let alike = unnumbered(expected) == unnumbered(&is);
                assert!(alike, "record {place}: {}", difference(expected, &is));
            }
        }
    }
    far
}

/// Waits until the driver has written as much as the recording has.
fn hear_until(
    far: &mut impl Far,
    redactor: &mut Redactor,
    told: &mut Vec<u8>,
    expected: &[u8],
    place: usize,
) {
    let latest = Instant::now() + PATIENCE;
    let mut buffer = [0; 1_024];
    while told.len() < expected.len() {
        let count = far.hear(&mut buffer);
        let raw = Zeroizing::new(buffer[..count].to_vec());
        if count > 0 {
            let said = Said::Bytes(Way::ToDevice, raw);
            for (_, it) in redactor.take(tokio::time::Instant::now(), said) {
                if let Told::Bytes(Way::ToDevice, bytes) = it {
                    told.extend(bytes);
                }
            }
        }
        let is_late = Instant::now() >= latest;
        assert!(
            !is_late,
            "record {place} in vain: {}",
            difference(expected, told)
        );
    }
}

fn number_in(bytes: &[u8]) -> Option<[u8; 4]> {
    let at = bytes
        .windows(ASK_PROCESS.len())
        .position(|it| it == ASK_PROCESS)?;
    let number = bytes.get(at + ASK_PROCESS.len()..)?;
    number.first_chunk::<4>().copied()
}

fn unnumbered(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(number) = number_in(&bytes) {
        let at = bytes.windows(4).rposition(|it| it == number).unwrap();
        bytes[at..at + 4].fill(b'#');
    }
    bytes
}

/// An answer that names the job of the recording names this driver's.
fn answered(bytes: &[u8], (recorded, asked): ([u8; 4], [u8; 4])) -> Vec<u8> {
    let wanted = [&PROCESS_ANSWER[..], &recorded].concat();
    let mut bytes = bytes.to_vec();
    if let Some(at) = bytes.windows(wanted.len()).position(|it| it == wanted) {
        bytes[at + 2..at + 6].copy_from_slice(&asked);
    }
    bytes
}

fn difference(expected: &[u8], is: &[u8]) -> String {
    let same = expected.iter().zip(is).take_while(|(a, b)| a == b).count();
    format!(
        "the same for {same} bytes, then\n recorded {}\n written  {}",
        hex::encode(&expected[same..]),
        hex::encode(&is[same.min(is.len())..])
    )
}

/// A program that stands where `yibao-card` does and passes everything on to what plays the recording.
pub(super) fn as_program(
    tape: Tape,
    mut shape: Box<dyn Messages>,
    dir: &std::path::Path,
) -> (std::path::PathBuf, JoinHandle<TcpStream>) {
    use std::os::unix::fs::PermissionsExt as _;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let program = dir.join("yibao-card");
    let script =
        format!("#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{port}\ncat <&3 &\nexec cat >&3\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let playing = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let hello = format!(r#"{{"told":"hello","version":{VERSION}}}"#);
        frame(&mut stream, hello.as_bytes()).unwrap();
        for (place, record) in tape.records.iter().enumerate() {
            match record {
                Told::Opened | Told::Failed(_) => {}
                Told::Closed => break,
                Told::About(bytes) | Told::Bytes(Way::FromDevice, bytes) => {
                    frame(&mut stream, bytes).unwrap();
                }
                Told::Bytes(Way::ToDevice, expected) => {
                    let mut length = [0; 4];
                    stream.read_exact(&mut length).unwrap();
                    let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).unwrap();
                    let is = String::from_utf8(shape.message(Way::ToDevice, &body)).unwrap();
                    let expected = String::from_utf8(expected.clone()).unwrap();
                    assert_eq!(is, expected, "record {place}");
                }
            }
        }
        stream
    });
    (program, playing)
}

fn frame(stream: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    stream.write_all(&length)?;
    stream.write_all(body)
}

mod tests;
