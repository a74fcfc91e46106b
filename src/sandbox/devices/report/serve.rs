//! The printer on its wire, IPP over HTTP, and the handle that people and tests hold.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::machine::{Machine, ReportJob};
use super::message::{Answer, Request, read};
use crate::sandbox::http::{
    Delivery, Door, Handler, Moment, Peer, Reply, Request as HttpRequest, Server, Subject,
};
use crate::sandbox::platform::clock;

/// Where it prints.
const RESOURCE: &str = "/ipp/print";
/// The operation that brings a document.
const SEND_DOCUMENT: u16 = 0x0006;

/// How a printer turns a document away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnAway {
    /// By an HTTP status.
    Http(u16),
    /// By an IPP status.
    Ipp(u16),
    /// The connection ends while the document is on its way.
    CutOff,
}

/// A running printer; stops when dropped.
#[derive(Debug)]
pub struct ReportPrinter {
    server: Server,
    shared: Arc<Shared>,
}

/// Which documents are turned away.
#[derive(Clone, Copy, Debug)]
struct Away {
    how: TurnAway,
    /// Those at least so long.
    bytes_min: usize,
    /// So many more.
    left: u32,
}

#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    away: Mutex<Option<Away>>,
    changes: watch::Sender<u64>,
}

impl ReportPrinter {
    /// Starts on a free port of 127.0.0.1, on the runtime of the caller.
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> io::Result<Self> {
        let door = Door::open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let shared = Arc::new(Shared {
            machine: Mutex::default(),
            away: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        let server = Server::start(door, Arc::clone(&shared));
        Ok(Self { server, shared })
    }

    /// What the desk's configuration names.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("ipp://{}{RESOURCE}", self.server.addr())
    }

    /// The documents that came out whole, in order.
    #[must_use]
    pub fn papers(&self) -> Vec<Vec<u8>> {
        self.shared.look().papers().to_vec()
    }

    /// Waits until at least `n` came out; after `deadline` it gives what there is.
    pub async fn wait_papers(&self, n: usize, deadline: Instant) -> Vec<Vec<u8>> {
        let mut changes = self.shared.changes.subscribe();
        let out = changes.wait_for(|_| self.shared.look().papers().len() >= n);
        tokio::time::timeout_at(deadline, out).await.ok();
        self.papers()
    }

    /// All jobs it remembers.
    #[must_use]
    pub fn jobs(&self) -> Vec<ReportJob> {
        self.shared.look().jobs().to_vec()
    }

    /// So many documents of at least this length are turned away from here on.
    pub fn turn_away(&self, how: TurnAway, bytes_min: usize, documents: u32) {
        *self.shared.away() = Some(Away {
            how,
            bytes_min,
            left: documents,
        });
    }

    /// All are taken.
    pub fn take_all(&self) {
        *self.shared.away() = None;
    }

    /// After so many more sheets the tray is empty.
    pub fn paper_out_after(&self, sheets: u32) {
        self.shared.change(|machine| machine.set_tray(Some(sheets)));
    }

    /// A new pack of paper; what waited is printed.
    pub fn refill(&self) {
        self.shared.change(|machine| machine.set_tray(None));
    }
}

impl Shared {
    fn look(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn away(&self) -> MutexGuard<'_, Option<Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a document of which so much came is turned away, if it is.
    fn turned_away(&self, bytes: usize) -> Option<TurnAway> {
        let mut away = self.away();
        let away = away.as_mut().filter(|away| bytes >= away.bytes_min)?;
        away.left = away.left.checked_sub(1)?;
        Some(away.how)
    }

    /// From how many bytes on a document is cut off.
    fn cut_from(&self) -> Option<usize> {
        let away = self.away();
        let cuts = away.filter(|away| away.how == TurnAway::CutOff && away.left > 0)?;
        Some(cuts.bytes_min)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let result = change(&mut self.look());
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    fn do_it(&self, request: &Request, document: &[u8]) -> Answer {
        const OK: u16 = 0;
        const NOT_POSSIBLE: u16 = 0x0404;
        const NOT_FOUND: u16 = 0x0406;
        const NOT_SUPPORTED: u16 = 0x0501;
        let id = request.job.unwrap_or(0);
        let with_job = |status: u16| match self.look().job(id) {
            Some(job) => Answer::new(request, status).job(job),
            None => Answer::new(request, NOT_FOUND),
        };
        match request.operation {
            0x0005 => {
                let id = self.change(|machine| machine.create(request.job_name.clone()));
                match self.look().job(id) {
                    Some(job) => Answer::new(request, OK).job(job),
                    None => Answer::new(request, NOT_POSSIBLE),
                }
            }
            // A document in several parts is nobody's report.
            SEND_DOCUMENT if !request.is_last => Answer::new(request, NOT_SUPPORTED),
            SEND_DOCUMENT => match self.change(|machine| machine.send(id, document.to_vec())) {
                true => with_job(OK),
                false => with_job(NOT_POSSIBLE),
            },
            0x0008 => match self.change(|machine| machine.cancel(id)) {
                true => with_job(OK),
                false => with_job(NOT_POSSIBLE),
            },
            0x0009 => with_job(OK),
            0x000A => {
                let machine = self.look();
                let open = machine.open_jobs();
                open.fold(Answer::new(request, OK), |answer, job| answer.job(job))
            }
            0x000B => Answer::new(request, OK).printer(&self.look()),
            _ => Answer::new(request, NOT_SUPPORTED),
        }
    }
}

impl Handler for Shared {
    fn subject(&self, _target: &str, body: &[u8], _whole: bool) -> Option<Subject> {
        let operation = u16::from_be_bytes(body.get(2..4)?.try_into().ok()?);
        let is_cut = operation == SEND_DOCUMENT && body.len() >= self.cut_from()?;
        is_cut.then(Subject::default)
    }

    fn cuts(&self, _subject: &Subject) -> bool {
        self.turned_away(usize::MAX).is_some()
    }

    fn date(&self) -> String {
        clock::http_date(clock::now(0))
    }

    fn moment(&self, _moment: &Moment) {}

    async fn answer(&self, request: HttpRequest, _peer: &Peer<'_>) -> (Reply, Option<usize>) {
        let is_ours = request.method == "POST" && request.target == RESOURCE;
        let ipp = is_ours.then(|| read(&request.body)).flatten();
        let (status, body) = match ipp {
            Some(ipp) => {
                let document = request.body.get(ipp.document_at..).unwrap_or_default();
                let is_document = ipp.operation == SEND_DOCUMENT;
                match is_document
                    .then(|| self.turned_away(document.len()))
                    .flatten()
                {
                    Some(TurnAway::Http(status)) => (status, Vec::new()),
                    Some(TurnAway::Ipp(status)) => (200, Answer::new(&ipp, status).end()),
                    Some(TurnAway::CutOff) | None => (200, self.do_it(&ipp, document).end()),
                }
            }
            None if is_ours => (400, Vec::new()),
            None => (404, Vec::new()),
        };
        let kind = "application/ipp";
        (Reply::Whole { status, kind, body }, None)
    }

    fn delivered(&self, _ticket: usize, _delivery: Delivery) {}
}
