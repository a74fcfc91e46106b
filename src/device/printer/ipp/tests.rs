//! Print services at both ends of a line: those that a test plays, and one that was recorded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::config::devices::QueueHost;
use crate::device::Way;
use crate::device::conformance::report::{Far, NAME, hub};
use crate::device::conformance::{Driver, report};
use crate::device::far_end::until;
use crate::device::far_service::{
    CANCEL_JOB, CREATE_JOB, FarQueue, FarService, GET_JOB, GET_JOBS, GET_PRINTER, SEND_DOCUMENT,
    Says,
};
use crate::device::record::redact::{Messages as _, Told};
use crate::device::replay::Tape;
use crate::device::{DeviceState, Hub, ROLE_REPORT};

/// Of a recorded job.
const STAGES: [JobStage; 3] = [JobStage::Pending, JobStage::Processing, JobStage::Completed];

#[tokio::test]
async fn a_queue_of_cups_conforms() {
    report::all_hold::<OnSocket>().await;
}

#[tokio::test]
async fn a_printer_that_speaks_ipp_conforms() {
    report::all_hold::<OnTcp>().await;
}

#[test]
fn jobs_belong_to_the_user_of_this_process() {
    let passwd = "root:x:0:0::/root:/bin/sh\nyibaod:x:990:990::/:/sbin/nologin\n";
    assert_eq!(user_name(passwd, 990), "yibaod");
    assert_eq!(user_name(passwd, 0), "root");
    assert_eq!(user_name(passwd, 7), USER_DEFAULT);
}

struct OnTcp(Hub, FarQueue);

impl Far for OnTcp {
    const DRIVER: Driver = Driver {
        id: "conformance-report-ipp",
        en: "what every report printer must do: IPP",
        zh: "报告打印机一致性：IPP",
    };

    async fn on() -> Self {
        let far = FarQueue::on_tcp();
        Self(hub(far.place.clone()), far)
    }

    fn hub(&self) -> &Hub {
        &self.0
    }

    fn service(&mut self) -> &mut FarQueue {
        &mut self.1
    }
}

struct OnSocket {
    hub: Hub,
    far: FarQueue,
    _dir: TempDir,
}

impl Far for OnSocket {
    const DRIVER: Driver = Driver {
        id: "conformance-report-cups",
        en: "what every report printer must do: CUPS",
        zh: "报告打印机一致性：CUPS",
    };

    async fn on() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let far = FarQueue::on_socket(dir.path().join("cups.sock"));
        Self {
            hub: hub(far.place.clone()),
            far,
            _dir: dir,
        }
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn service(&mut self) -> &mut FarQueue {
        &mut self.far
    }
}

/// A queue of CUPS whose printer takes a page.
#[tokio::test]
async fn a_queue_of_cups_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let host = QueueHost::Socket(dir.path().join("cups.sock"));
    let tape = Tape::parse(include_str!("recordings/cups-queue.txt"));
    assert_eq!(tape.kind, "cups-queue");
    let stages = replayed(&tape, host, true).await;
    assert_eq!(stages, STAGES);
}

/// A printer that takes a page by itself.
#[tokio::test]
async fn a_printer_that_speaks_ipp_is_replayed() {
    let host = QueueHost::Tcp("127.0.0.1:0".into());
    let tape = Tape::parse(include_str!("recordings/ipp-printer.txt"));
    assert_eq!(tape.kind, "ipp-printer");
    let stages = replayed(&tape, host, false).await;
    assert_eq!(stages, STAGES);
}

/// One request of a recording and its answer.
#[derive(Clone)]
struct Exchange {
    asked: Vec<u8>,
    document: Option<usize>,
    answered: Vec<u8>,
}

impl Exchange {
    fn of(tape: &Tape) -> VecDeque<Self> {
        let mut all = VecDeque::new();
        for record in &tape.records {
            match record {
                Told::Opened => all.push_back(Self {
                    asked: Vec::new(),
                    document: None,
                    answered: Vec::new(),
                }),
                Told::Closed => {}
                Told::Bytes(way, bytes) => {
                    let open: &mut Self = all.back_mut().unwrap();
                    match way {
                        Way::FromDevice => open.answered = bytes.clone(),
                        Way::ToDevice if open.asked.is_empty() => open.asked = bytes.clone(),
                        Way::ToDevice => open.document = Some(length(bytes)),
                    }
                }
                Told::Failed(_) | Told::About(_) => panic!("{record:?}"),
            }
        }
        all
    }

    fn operation(&self) -> u16 {
        u16::from_be_bytes([self.asked[2], self.asked[3]])
    }
}

/// Of a document, as its line tells it.
fn length(line: &[u8]) -> usize {
    let line = std::str::from_utf8(line).unwrap();
    line.split(' ').nth(2).unwrap().parse().unwrap()
}

/// The name of our job.
fn name_in(asked: &[u8]) -> String {
    let at = asked.windows(8).position(|it| it == b"job-name").unwrap() + 8;
    let length = usize::from(u16::from_be_bytes([asked[at], asked[at + 1]]));
    String::from_utf8(asked[at + 2..][..length].to_vec()).unwrap()
}

/// Leads the driver through a recording. What it asks must be what was recorded, compared as a recording has it. Gives
/// the stages of the job, each once.
async fn replayed(tape: &Tape, host: QueueHost, is_cups: bool) -> Vec<JobStage> {
    let script = Exchange::of(tape);
    let left = Arc::new(Mutex::new(script.clone()));
    let service = {
        let left = Arc::clone(&left);
        FarService::on(&host, player(left))
    };
    let hub = hub(QueuePlace {
        host: service.host.clone(),
        resource: "/ipp/print".into(),
        is_cups,
    });
    until(&hub, NAME, |it| it.state == DeviceState::Ready).await;
    let queue = hub.report_queue(ROLE_REPORT).unwrap();
    let (mut job, mut name, mut stages) = (0, String::new(), Vec::new());
    for exchange in script {
        match exchange.operation() {
            GET_PRINTER => assert_eq!(queue.look().await.unwrap().trouble(), None),
            CREATE_JOB => {
                name = name_in(&exchange.asked);
                job = queue.create(&name).await.unwrap();
            }
            SEND_DOCUMENT => {
                let paper = Bytes::from(vec![b'%'; exchange.document.unwrap()]);
                let bytes = u64::try_from(paper.len()).unwrap();
                let (sender, pieces) = mpsc::channel(1);
                sender.send(Ok(paper)).await.unwrap();
                drop(sender);
                let pdf = PdfUpload { bytes, pieces };
                queue.send(job, &name, pdf).await.unwrap();
            }
            GET_JOB => stages.push(queue.job(job, &[&name]).await.unwrap().unwrap().stage),
            GET_JOBS => assert!(queue.empty_jobs(&[&name]).await.is_ok()),
            CANCEL_JOB => queue.cancel(job).await.unwrap(),
            other => panic!("operation {other:04x}"),
        }
    }
    assert!(left.lock().unwrap().is_empty(), "all of it");
    stages.dedup();
    stages
}

/// The far end. The driver looks at the printer by itself too: such a look is answered as the last one was.
fn player(left: Arc<Mutex<VecDeque<Exchange>>>) -> impl FnMut(&[u8]) -> Says + Send + 'static {
    let first = left
        .lock()
        .unwrap()
        .iter()
        .find(|it| it.operation() == GET_PRINTER)
        .cloned();
    let mut looked = first.expect("a look").answered;
    move |body| {
        let asked = QueueTalk.message(Way::ToDevice, body);
        let mut left = left.lock().unwrap();
        let is_look = asked[2..4] == GET_PRINTER.to_be_bytes();
        let is_next = |it: &Exchange| !is_look || it.operation() == GET_PRINTER;
        let next = left.front().is_some_and(is_next).then(|| left.pop_front());
        let next = next.flatten();
        if is_look {
            if let Some(next) = next {
                assert_eq!(next.asked, asked);
                looked = next.answered;
            }
            return Says::Message(looked.clone());
        }
        let next = next.expect("no more than was recorded");
        assert_eq!(next.asked, asked);
        if let Some(bytes) = next.document {
            assert!(body.ends_with(&vec![b'%'; bytes]));
        }
        Says::Message(next.answered)
    }
}
