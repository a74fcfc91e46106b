//! The platform as a running server, and the handle tests hold.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::core::{Work, Worked, decode, misrouted, transact};
use super::faults::{Fault, Hits, Kind};
use super::ledger::{Ledger, Outcome, Received};
use super::money::Fen;
use super::routes::Route;
use super::voucher::CodeKind;
use super::world::{Options, World};
use super::{clock, control, routes, statement};
use crate::sandbox::http::tls::{Front, Handshakes};
use crate::sandbox::http::{
    Delivery, Door, Handler, Moment, Peer, Reply, Request, Server, Subject,
};
use crate::sandbox::persons::Person;

/// How long F20 waits for the caller to go when it names no time.
const COMMIT_LATE_MS: u64 = 30_000;
/// How late F3 answers when it names no time.
const SLOW_MS: u64 = 5_000;
/// How long N1 lets nothing listen when it names no time.
const SHUT_MS: u64 = 2_000;
/// Time of a byte with N11 when it names none.
const DRIP_MS: u64 = 1_000;
/// Longest wait a fault may ask for.
const FAULT_WAIT_MS_MAX: u64 = 300_000;

/// Told at every [`Moment`], on the connection's task: it may kill the caller, it must not block
/// for long.
pub type Hook = Arc<dyn Fn(&Moment) + Send + Sync>;

/// A running platform with its e-voucher service; stops when dropped.
pub struct Platform {
    server: Server,
    front: Option<Front>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform")
            .field("addr", &self.addr())
            .finish_non_exhaustive()
    }
}

impl Platform {
    /// Starts on 127.0.0.1, on the runtime of the caller.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Self> {
        let door = Door::open(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)))?;
        let handshakes = Arc::new(Handshakes::default());
        let front = match options.tls {
            true => Some(Front::start(door.addr(), Arc::clone(&handshakes)).await?),
            false => None,
        };
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(options)),
            hook: Mutex::new(None),
            door: Arc::clone(&door),
            handshakes,
        });
        let server = Server::start(door, Arc::clone(&shared));
        Ok(Self {
            server,
            front,
            shared,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Base of the transactions; a number, a service path or nothing may follow. By https where it was
    /// started with TLS.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/fsi/api", self.origin())
    }

    /// The e-voucher service.
    #[must_use]
    pub fn voucher_url(&self) -> String {
        format!("{}{}", self.origin(), routes::VOUCHER)
    }

    fn origin(&self) -> String {
        match &self.front {
            Some(front) => format!("https://{}", front.addr()),
            None => format!("http://{}", self.addr()),
        }
    }

    /// Calls `hook` at every moment of every request; replaces an earlier one.
    pub fn on_moment(&self, hook: impl Fn(&Moment) + Send + Sync + 'static) {
        *locked(&self.shared.hook) = Some(Arc::new(hook));
    }

    /// Arms a fault by name: `F1@2207`, `F3@2206:1500`, `F2@2207!`.
    ///
    /// # Errors
    /// Text that says what is wrong with the name.
    pub fn arm(&self, fault: &str) -> Result<(), String> {
        self.shared.arm(Fault::parse(fault)?)
    }

    /// Disarms all faults.
    pub fn disarm(&self) {
        self.shared.world().faults.clear();
    }

    /// What is armed, by name.
    #[must_use]
    pub fn armed(&self) -> Vec<String> {
        self.shared
            .world()
            .faults
            .armed()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Changes switches, given as a JSON object of the keys to change.
    ///
    /// # Errors
    /// Text naming the unknown key or wrong type.
    pub fn switch(&self, change: &Value) -> Result<(), String> {
        let mut world = self.shared.world();
        world.switches = world.switches.changed_by(change)?;
        Ok(())
    }

    /// A person by the name tests use.
    #[must_use]
    pub fn person(&self, key: &str) -> Option<Person> {
        self.shared.world().person(key).cloned()
    }

    /// What is on the personal account of this person and insurance type.
    #[must_use]
    pub fn balance(&self, psn_no: &str, insutype: &str) -> Option<Fen> {
        let world = self.shared.world();
        let person = world.person_of(psn_no)?;
        Some(world.standing(person, insutype, true)?.balance)
    }

    /// A new code of this kind for this person; `None` for an unknown person.
    #[must_use]
    pub fn code(&self, person: &str, kind: CodeKind) -> Option<String> {
        self.shared.world().make_code(person, kind)
    }

    /// A new valid 医保码 of this person.
    #[must_use]
    pub fn fresh_code(&self, person: &str) -> Option<String> {
        self.code(person, CodeKind::Fresh)
    }

    /// Who was charged what, as a table.
    #[must_use]
    pub fn statement(&self) -> String {
        statement::of(&self.shared.world())
    }

    /// Looks into the books: `platform.ledger(|ledger| ledger.settlements())`.
    pub fn ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.shared.world().ledger)
    }
}

impl World {
    /// A new code of this kind for the person of this name.
    pub(super) fn make_code(&mut self, person: &str, kind: CodeKind) -> Option<String> {
        let person = self.person(person)?.clone();
        let (now, age_s) = (self.now(), self.switches.code_age_s);
        Some(self.voucher.make(kind, &person, now, age_s))
    }
}

pub(super) struct Shared {
    world: Mutex<World>,
    hook: Mutex<Option<Hook>>,
    door: Arc<Door>,
    handshakes: Arc<Handshakes>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    /// Arms it, or lets it begin where it is to begin now.
    pub(super) fn arm(&self, fault: Fault) -> Result<(), String> {
        if fault.begins_now() {
            self.befall_next(&Hits::of(fault));
            return Ok(());
        }
        self.world().faults.arm(fault)
    }

    /// What befalls the connections that come next.
    fn befall_next(&self, hits: &Hits) {
        if let Some(shut_ms) = hits.value(Kind::NothingListens, SHUT_MS) {
            self.door
                .shut(Duration::from_millis(shut_ms.min(FAULT_WAIT_MS_MAX)));
        }
        if let Some(count) = hits.value(Kind::ConnectionReset, 1) {
            self.door.reset_next(count);
        }
        if let Some(count) = hits.value(Kind::HandshakeBroken, 1) {
            self.handshakes.break_next(count);
        }
        if let Some(count) = hits.value(Kind::CertificateStrange, 1) {
            self.handshakes.strange_next(count);
        }
    }
}

impl Handler for Shared {
    fn subject(&self, target: &str, body_so_far: &[u8], whole: bool) -> Option<Subject> {
        let peeked = || peek(body_so_far, "infno").filter(|infno| whole || !infno.is_empty());
        let infno = match routes::route(target) {
            Route::Control(_) | Route::Unknown => return None,
            Route::Voucher => routes::VOUCHER_NAME.to_owned(),
            Route::Transaction(infno) => infno.to_owned(),
            Route::Single => peeked()?,
        };
        let msgid = if whole {
            peek(body_so_far, "msgid").unwrap_or_default()
        } else {
            String::new()
        };
        Some(Subject { infno, msgid })
    }

    fn cuts(&self, subject: &Subject) -> bool {
        let mut world = self.world();
        let Some(fault) = world.faults.take_cut(&subject.infno) else {
            return false;
        };
        let ticket = note(
            &mut world,
            &subject.infno,
            &Value::Null,
            vec![fault.to_string()],
        );
        world.ledger.outcome(ticket, Outcome::Lost);
        world.ledger.delivered(ticket, Delivery::Withheld);
        true
    }

    fn date(&self) -> String {
        clock::http_date(self.world().now())
    }

    fn moment(&self, moment: &Moment) {
        let hook = locked(&self.hook).clone();
        if let Some(hook) = hook.filter(|_| !moment.infno.is_empty()) {
            hook(moment);
        }
    }

    async fn answer(&self, request: Request, peer: &Peer<'_>) -> (Reply, Option<usize>) {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let named = body
            .get("infno")
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned();
        let style = routes::style(&request.target);
        let wanted = self.world().options.habits.url_style;
        if style.is_some() && wanted.is_some_and(|wanted| style != Some(wanted)) {
            return (gateway(404, "服务不存在!"), None);
        }
        match routes::route(&request.target) {
            Route::Control(rest) => (control::answer(self, rest, &request), None),
            Route::Unknown => (gateway(404, "服务不存在!"), None),
            Route::Voucher => {
                self.staged(request, body, routes::VOUCHER_NAME, peer, decode)
                    .await
            }
            Route::Single => self.staged(request, body, &named, peer, transact).await,
            Route::Transaction(infno) if named == infno => {
                self.staged(request, body, &named, peer, transact).await
            }
            Route::Transaction(infno) => {
                let infno = infno.to_owned();
                self.staged(request, body, &infno, peer, misrouted).await
            }
        }
    }

    fn delivered(&self, ticket: usize, delivery: Delivery) {
        self.world().ledger.delivered(ticket, delivery);
    }
}

impl Shared {
    /// Carries one request through its faults: before the core, the core, after it.
    async fn staged(
        &self,
        request: Request,
        body: Value,
        infno: &str,
        peer: &Peer<'_>,
        work: Work,
    ) -> (Reply, Option<usize>) {
        let (ticket, hits) = self.receive(infno, &body);
        let reply = self.through(ticket, &hits, infno, peer, (request, body, work));
        let reply = reply.await;
        // Before a byte of the answer is written: whoever reads it meets what was armed.
        self.befall_next(&hits);
        (reply, Some(ticket))
    }

    async fn through(
        &self,
        ticket: usize,
        hits: &Hits,
        infno: &str,
        peer: &Peer<'_>,
        (request, body, work): (Request, Value, Work),
    ) -> Reply {
        if let Some((outcome, reply)) = before(hits) {
            self.world().ledger.outcome(ticket, outcome);
            return reply;
        }
        if let Some(wait_ms) = hits.value(Kind::CommitLate, COMMIT_LATE_MS) {
            peer.gone_within(Duration::from_millis(wait_ms.min(FAULT_WAIT_MS_MAX)))
                .await;
        }
        let worked = {
            let mut world = self.world();
            let worked = work(&mut world, &request, &body, hits);
            world.ledger.outcome(ticket, worked.outcome.clone());
            match hits.value(Kind::DeliveredTwice, 1) {
                None => worked,
                Some(answers) => {
                    let second = again(&mut world, infno, &request, &body, work);
                    if answers == 2 { second } else { worked }
                }
            }
        };
        if let Some(wait_ms) = hits.value(Kind::Slow, SLOW_MS) {
            tokio::time::sleep(Duration::from_millis(wait_ms.min(FAULT_WAIT_MS_MAX))).await;
        }
        after(&worked, hits)
    }

    fn receive(&self, infno: &str, body: &Value) -> (usize, Hits) {
        let mut world = self.world();
        let hits = world.faults.take(infno);
        (note(&mut world, infno, body, hits.names()), hits)
    }
}

/// Writes a request down.
fn note(world: &mut World, infno: &str, body: &Value, faults: Vec<String>) -> usize {
    let received = Received {
        infno: infno.to_owned(),
        msgid: body
            .get("msgid")
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned(),
        at: world.now(),
        outcome: Outcome::Open,
        delivery: None,
        faults,
        body: body.clone(),
    };
    world.ledger.receive(received)
}

/// The same request once more, from a relay behind the gateway.
fn again(world: &mut World, infno: &str, request: &Request, body: &Value, work: Work) -> Worked {
    let ticket = note(world, infno, body, vec!["F23 second delivery".to_owned()]);
    // It is the relay's doing: it does not count against the sender.
    let msgid = body.get("msgid").and_then(Value::as_str).unwrap_or("");
    if let Some(seen) = world.ledger.msgids_seen.get_mut(msgid) {
        *seen -= 1;
    }
    if let Some(nonce) = request.header("x-tif-nonce") {
        world.nonces.remove(nonce);
    }
    let worked = work(world, request, body, &Hits::default());
    world.ledger.outcome(ticket, worked.outcome.clone());
    worked
}

/// Faults that keep a request from the core.
fn before(hits: &Hits) -> Option<(Outcome, Reply)> {
    if hits.has(Kind::RequestLost) {
        return Some((Outcome::Lost, Reply::Nothing));
    }
    if hits
        .value(Kind::Html, 502)
        .is_some_and(|status| status != 504)
    {
        return Some((Outcome::Lost, html(502)));
    }
    if hits.value(Kind::Garbage, 1) == Some(0) {
        return Some((Outcome::Lost, garbage()));
    }
    hits.has(Kind::Gateway)
        .then(|| (Outcome::TurnedAway(401), gateway(401, "签名时间戳超时!")))
}

/// Faults that keep an answer from the caller.
fn after(worked: &Worked, hits: &Hits) -> Reply {
    let body = worked.answer.to_string().into_bytes();
    if hits.has(Kind::AnswerLost) {
        return Reply::Nothing;
    }
    if hits.has(Kind::AnswerReset) {
        return Reply::Reset;
    }
    if hits.has(Kind::Html) {
        return html(504);
    }
    if hits.has(Kind::Garbage) {
        return garbage();
    }
    if let Some(byte_ms) = hits.value(Kind::Drip, DRIP_MS) {
        let (status, byte) = (worked.status, Duration::from_millis(byte_ms));
        return Reply::Drip { status, body, byte };
    }
    if hits.has(Kind::AnswerHalf) {
        let sent = body.len() / 2;
        let reset = true;
        return Reply::Cut { body, sent, reset };
    }
    match hits.value(Kind::Cut, 0) {
        None => Reply::Whole {
            status: worked.status,
            kind: JSON,
            body,
        },
        Some(0) => Reply::Whole {
            status: 200,
            kind: JSON,
            body: body[..body.len() / 2].to_vec(),
        },
        Some(_) => Reply::Cut {
            sent: body.len() / 2,
            body,
            reset: false,
        },
    }
}

/// Content type of every answer of the platform.
const JSON: &str = "application/json;charset=UTF-8";

/// Neither JSON nor UTF-8.
const GARBAGE: &[u8] = b"\x1f\x8b\x08\x00\xd2\xbd\xb1\xa3{\"infcode\":0\xff\xfe\x00\x00";

fn gateway(status: u16, message: &str) -> Reply {
    let body = json!({ "code": status, "message": message })
        .to_string()
        .into_bytes();
    Reply::Whole {
        status,
        kind: JSON,
        body,
    }
}

/// What a box between two networks may make of an answer.
fn garbage() -> Reply {
    Reply::Whole {
        status: 200,
        kind: JSON,
        body: GARBAGE.to_vec(),
    }
}

fn html(status: u16) -> Reply {
    let title = if status == 504 {
        "504 Gateway Time-out"
    } else {
        "502 Bad Gateway"
    };
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
         <center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Reply::Whole {
        status,
        kind: "text/html",
        body: body.into_bytes(),
    }
}

/// The text value of a key, found without parsing: the body may not be whole.
fn peek(body: &[u8], key: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("\"{key}\""))?;
    let rest = rest
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .strip_prefix('"')?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}
