//! A print service at the far end of its line, for this folder's tests: HTTP and IPP by hand, a queue of its own, and
//! what can go wrong with both.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::devices::{QueueHost, QueuePlace};

/// Operations of IPP.
pub(super) const CREATE_JOB: u16 = 0x0005;
pub(super) const SEND_DOCUMENT: u16 = 0x0006;
pub(super) const CANCEL_JOB: u16 = 0x0008;
pub(super) const GET_JOB: u16 = 0x0009;
pub(super) const GET_JOBS: u16 = 0x000a;
pub(super) const GET_PRINTER: u16 = 0x000b;
/// States of a job.
pub(super) const PENDING: u8 = 3;
pub(super) const PROCESSING: u8 = 5;
pub(super) const CANCELLED: u8 = 7;
pub(super) const COMPLETED: u8 = 9;
const NOT_POSSIBLE: u16 = 0x0404;
const NOT_FOUND: u16 = 0x0406;

/// What it says to one request.
#[derive(Clone, Debug)]
pub(super) enum Says {
    /// A message of IPP, or what passes for one.
    Message(Vec<u8>),
    /// A status of HTTP.
    Status(u16),
    /// These bytes, in place of HTTP.
    Bytes(Vec<u8>),
    /// Nothing, and it hangs up.
    HangsUp,
    /// Nothing, for ever.
    IsSilent,
}

/// What somebody can write to and read from.
trait Line: Read + Write + Send {}
impl Line for TcpStream {}
impl Line for UnixStream {}

/// One that listens. Dropping it takes it off its line.
pub(super) struct FarService {
    pub(super) host: QueueHost,
    is_off: Arc<AtomicBool>,
}

impl FarService {
    /// Each whole request is given to `answer`, also while another waits.
    pub(super) fn on(host: &QueueHost, answer: impl FnMut(&[u8]) -> Says + Send + 'static) -> Self {
        let is_off = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(Mutex::new(answer));
        let serve = {
            let is_off = Arc::clone(&is_off);
            move |line: io::Result<Box<dyn Line>>| {
                let (is_off, answer) = (Arc::clone(&is_off), Arc::clone(&answer));
                if !is_off.load(Ordering::Acquire) {
                    let line = line.unwrap();
                    std::thread::spawn(move || serve(line, &is_off, &answer));
                    return true;
                }
                false
            }
        };
        let host = match host {
            QueueHost::Tcp(address) => {
                let listener = TcpListener::bind(address).unwrap();
                let address = listener.local_addr().unwrap().to_string();
                std::thread::spawn(move || {
                    let mut lines = listener.incoming().map(|it| it.map(|it| Box::new(it) as _));
                    lines.all(serve)
                });
                QueueHost::Tcp(address)
            }
            QueueHost::Socket(path) => {
                let listener = UnixListener::bind(path).unwrap();
                std::thread::spawn(move || {
                    let mut lines = listener.incoming().map(|it| it.map(|it| Box::new(it) as _));
                    lines.all(serve)
                });
                QueueHost::Socket(path.clone())
            }
        };
        Self { host, is_off }
    }
}

impl Drop for FarService {
    fn drop(&mut self) {
        self.is_off.store(true, Ordering::Release);
        // The listener looks up once more, sees it and is gone.
        let gone = match &self.host {
            QueueHost::Tcp(address) => TcpStream::connect(address).map(drop),
            QueueHost::Socket(path) => {
                UnixStream::connect(path).and_then(|_| std::fs::remove_file(path))
            }
        };
        gone.unwrap();
    }
}

fn serve(mut line: Box<dyn Line>, is_off: &AtomicBool, answer: &Mutex<impl FnMut(&[u8]) -> Says>) {
    let Ok(Some(body)) = request(&mut line) else {
        return;
    };
    let says = answer.lock().unwrap()(&body);
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let bytes = match says {
        Says::Message(message) => [head(200, message.len()).as_bytes(), &message].concat(),
        Says::Status(status) => head(status, 0).into_bytes(),
        Says::Bytes(bytes) => bytes,
        Says::HangsUp => return,
        Says::IsSilent => {
            // Whoever asked hangs up first.
            let _closed = line.read(&mut [0; 1]);
            return;
        }
    };
    let told = line.write_all(&bytes);
    assert!(told.is_ok() || is_off.load(Ordering::Acquire) || bytes.len() > 65_536);
}

/// The body of one request; `None`: it broke off.
fn request(line: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1];
        if line.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|it| it.strip_prefix("content-length: "));
    let length = length.expect("a length").trim().parse().unwrap();
    let mut body = vec![0; length];
    Ok(line.read_exact(&mut body).ok().map(|()| body))
}

/// A request, taken apart.
struct Asked<'a> {
    operation: u16,
    job: Option<i32>,
    name: Option<String>,
    document: &'a [u8],
}

impl<'a> Asked<'a> {
    fn of(body: &'a [u8]) -> Self {
        let mut asked = Self {
            operation: u16::from_be_bytes([body[2], body[3]]),
            job: None,
            name: None,
            document: &[],
        };
        let mut rest = &body[8..];
        loop {
            let tag = rest[0];
            rest = &rest[1..];
            match tag {
                3 => break,
                0..=0x0f => continue,
                0x10.. => {}
            }
            let mut field = || {
                let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                let field = &rest[2..2 + length];
                rest = &rest[2 + length..];
                field
            };
            match (field(), field()) {
                (b"job-id", number) => asked.job = number.try_into().ok().map(i32::from_be_bytes),
                (b"job-name", name) => asked.name = String::from_utf8(name.to_vec()).ok(),
                _ => {}
            }
        }
        asked.document = rest;
        asked
    }
}

/// A message: its status, and its attributes in groups.
pub(super) fn message(status: u16, groups: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![1, 1];
    bytes.extend(status.to_be_bytes());
    bytes.extend([0, 0, 0, 1, 1]);
    bytes.extend(attribute(0x47, "attributes-charset", b"utf-8"));
    bytes.extend(attribute(0x48, "attributes-natural-language", b"en"));
    for (tag, attributes) in groups {
        bytes.push(*tag);
        bytes.extend(attributes);
    }
    bytes.push(3);
    bytes
}

/// An attribute: its tag, its name and its value.
pub(super) fn attribute(tag: u8, name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    for part in [name.as_bytes(), value] {
        bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

/// Words under one name.
fn words(tag: u8, name: &str, words: &[&str]) -> Vec<u8> {
    let named = |(at, word): (usize, &&str)| {
        let name = if at == 0 { name } else { "" };
        attribute(tag, name, word.as_bytes())
    };
    words.iter().enumerate().flat_map(named).collect()
}

/// A job of the queue.
#[derive(Clone, Debug)]
pub(super) struct FarJob {
    pub(super) name: String,
    pub(super) state: u8,
    pub(super) document: Option<Vec<u8>>,
}

/// A queue and its printer.
pub(super) struct Queue {
    pub(super) state: u8,
    pub(super) reasons: Vec<&'static str>,
    pub(super) accepts: bool,
    pub(super) formats: Vec<&'static str>,
    pub(super) jobs: BTreeMap<i32, FarJob>,
    /// What it does to requests of an operation: carries them out or not, and says this.
    pub(super) moods: BTreeMap<u16, (bool, Says)>,
    /// Whole requests that came, of each operation.
    pub(super) asked: BTreeMap<u16, usize>,
}

impl Queue {
    fn new() -> Self {
        Self {
            state: 3,
            reasons: vec!["none"],
            accepts: true,
            formats: vec!["application/pdf", "image/urf"],
            jobs: BTreeMap::new(),
            moods: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// The documents that it has, in order.
    pub(super) fn papers(&self) -> Vec<&[u8]> {
        let documents = self.jobs.values().map(|job| job.document.as_deref());
        documents.flatten().collect()
    }

    fn answer(&mut self, body: &[u8]) -> Says {
        let asked = Asked::of(body);
        *self.asked.entry(asked.operation).or_default() += 1;
        match self.moods.get(&asked.operation).cloned() {
            Some((false, says)) => says,
            Some((true, says)) => {
                self.carry_out(&asked);
                says
            }
            None => Says::Message(self.carry_out(&asked)),
        }
    }

    fn carry_out(&mut self, asked: &Asked<'_>) -> Vec<u8> {
        match asked.operation {
            GET_PRINTER => return message(0, &[(4, self.printer())]),
            CREATE_JOB => {
                let id = self.jobs.keys().last().map_or(1, |id| id + 1);
                let job = FarJob {
                    name: asked.name.clone().unwrap(),
                    state: PENDING,
                    document: None,
                };
                self.jobs.insert(id, job);
                return message(0, &[(2, self.job(id))]);
            }
            GET_JOBS => {
                let open = |id: &&i32| self.jobs[id].state < CANCELLED;
                let jobs: Vec<(u8, Vec<u8>)> = (self.jobs.keys().filter(open))
                    .map(|id| (2, self.job(*id)))
                    .collect();
                return message(0, &jobs);
            }
            _ => {}
        }
        let Some((id, job)) = (asked.job).and_then(|id| Some((id, self.jobs.get_mut(&id)?))) else {
            return message(NOT_FOUND, &[]);
        };
        match asked.operation {
            SEND_DOCUMENT => {
                job.document = Some(asked.document.to_vec());
                job.state = PROCESSING;
            }
            CANCEL_JOB if job.state >= CANCELLED => return message(NOT_POSSIBLE, &[]),
            CANCEL_JOB => job.state = CANCELLED,
            GET_JOB => {}
            other => panic!("operation {other:04x}"),
        }
        message(0, &[(2, self.job(id))])
    }

    fn printer(&self) -> Vec<u8> {
        let operations = [CREATE_JOB, SEND_DOCUMENT, GET_JOB];
        let operation = |(at, it): (usize, &u16)| {
            let name = if at == 0 { "operations-supported" } else { "" };
            attribute(0x23, name, &u32::from(*it).to_be_bytes())
        };
        [
            attribute(0x23, "printer-state", &[0, 0, 0, self.state]),
            words(0x44, "printer-state-reasons", &self.reasons),
            attribute(0x22, "printer-is-accepting-jobs", &[u8::from(self.accepts)]),
            words(0x49, "document-format-supported", &self.formats),
            operations.iter().enumerate().flat_map(operation).collect(),
        ]
        .concat()
    }

    fn job(&self, id: i32) -> Vec<u8> {
        let job = &self.jobs[&id];
        let sheets = u8::from(job.state == COMPLETED);
        let documents = u8::from(job.document.is_some());
        [
            attribute(0x21, "job-id", &id.to_be_bytes()),
            attribute(0x42, "job-name", job.name.as_bytes()),
            attribute(0x23, "job-state", &[0, 0, 0, job.state]),
            attribute(0x44, "job-state-reasons", b"none"),
            attribute(0x21, "number-of-documents", &[0, 0, 0, documents]),
            attribute(0x21, "job-media-sheets-completed", &[0, 0, 0, sheets]),
        ]
        .concat()
    }
}

/// A print service with one queue, which outlives its being switched off.
pub(super) struct FarQueue {
    pub(super) place: QueuePlace,
    queue: Arc<Mutex<Queue>>,
    service: Option<FarService>,
}

impl FarQueue {
    /// A printer that speaks IPP itself.
    pub(super) fn on_tcp() -> Self {
        Self::on(QueueHost::Tcp("127.0.0.1:0".into()), "/ipp/print", false)
    }

    /// A queue of CUPS, whose socket is this one.
    pub(super) fn on_socket(path: PathBuf) -> Self {
        Self::on(QueueHost::Socket(path), "/printers/report", true)
    }

    fn on(host: QueueHost, resource: &str, is_cups: bool) -> Self {
        let mut far = Self {
            place: QueuePlace {
                host,
                resource: resource.into(),
                is_cups,
            },
            queue: Arc::new(Mutex::new(Queue::new())),
            service: None,
        };
        far.switch_on();
        far
    }

    pub(super) fn switch_on(&mut self) {
        let queue = Arc::clone(&self.queue);
        let answer = move |body: &[u8]| queue.lock().unwrap().answer(body);
        let service = FarService::on(&self.place.host, answer);
        self.place.host = service.host.clone();
        self.service = Some(service);
    }

    pub(super) fn switch_off(&mut self) {
        self.service = None;
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap()
    }
}
