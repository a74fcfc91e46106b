//! The platform's client: prepare, send once, say what became of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use zeroize::Zeroizing;

use super::exchange::{Asked, Prepared, Received, Stamp, Stamps};
use super::http::{Http, HttpError, Reply, TimedReply};
use super::session::Sessions;
use super::sign::{self, Header, Moment, Signer};
use super::wire::answer::{self, Body};
use super::wire::envelope::{self, Head};
use super::wire::{LineFault, check_lines, errand, file, request, voucher};
use crate::book::Code;
use crate::config::profile::{Decode, Family};
use crate::config::{Profile, Secrets};
use crate::settlement::call::{Call, Outcome, Step};
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::order::{Operator, Order};
use crate::settlement::reconcile::story::event::Rules;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 16;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// HTTP could not be set up.
    #[error("the platform's client cannot be built")]
    Http(#[from] HttpError),
}

/// What a reconciliation needs to know of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// 结算经办机构 where the platform named none.
    pub optins: String,
    /// What differs by site about statements.
    pub rules: Rules,
}

/// The client of one site. Clones share the sign-ins.
#[derive(Clone)]
pub struct Platform {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) profile: Arc<Profile>,
    pub(super) secrets: Secrets,
    pub(super) signer: Option<Signer>,
    pub(super) http: Http,
    pub(super) sessions: Arc<Sessions>,
    pub(super) stamps: Arc<dyn Stamps>,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Platform({})", self.shared.profile.name)
    }
}

impl Platform {
    /// Builds the client. Nothing is sent and no address is looked up.
    ///
    /// # Errors
    /// The certificate named in the profile cannot be read, or the system has none.
    pub fn new(
        profile: Arc<Profile>,
        secrets: Secrets,
        stamps: Arc<dyn Stamps>,
    ) -> Result<Self, PlatformError> {
        let http = Http::new(&profile)?;
        Ok(Self {
            shared: Arc::new(Shared {
                signer: Signer::new(&profile.cainfo, secrets.cainfo.as_ref()),
                profile,
                secrets,
                http,
                sessions: Arc::default(),
                stamps,
            }),
        })
    }

    /// 定点医药机构编号 of this site.
    #[must_use]
    pub fn fixmedins_code(&self) -> &str {
        &self.shared.profile.fixmedins_code
    }

    /// 就医地医保区划 of this site: where a patient is insured unless it is known otherwise.
    #[must_use]
    pub fn mdtrtarea_admvs(&self) -> &str {
        &self.shared.profile.mdtrtarea_admvs
    }

    /// Whether one token of a 医保码 is good for several calls at this site.
    #[must_use]
    pub fn token_is_reusable(&self) -> bool {
        self.shared.profile.voucher.token_twice
    }

    /// Whether this order's kind is settled at this site and all its lines can be uploaded there; asked before
    /// anything is scanned.
    ///
    /// # Errors
    /// The first fault.
    pub fn check_lines(&self, order: &Order) -> Result<(), LineFault> {
        check_lines(&self.shared.profile, order)
    }

    /// The message of this call, ready to be recorded and then sent. Where the profile wants it and nobody
    /// has, the operator is signed in first.
    ///
    /// # Errors
    /// What became of the call without sending it: `NotSent` or `Refused` when the sign-in failed or a fact
    /// is missing; `Refused` when the lines are more than one upload takes; `Done` with *unclear* when this site cannot be asked that (2601 of a number that it does
    /// not reverse, 5203 without a setl_id).
    pub async fn prepare(&self, call: Call<'_>, stamp: &Stamp) -> Result<Prepared, Outcome> {
        let shared = &*self.shared;
        let operator = &call.order.operator;
        let profile = &shared.profile;
        // The voucher service has an envelope of its own: neither sign-in nor msgid.
        let at_voucher_service =
            call.step == Step::Decode && profile.voucher.decode == Decode::Http;
        let build = |sign_no: &str| request::build(&shared.desk(sign_no), &call, stamp);
        let signed_in = if profile.sign_in.wanted && !at_voucher_service {
            // What cannot be written or asked needs no sign-in.
            build("").map_err(|outcome| *outcome)?;
            let sign_no = shared.sign_no(operator, &stamp.inf_time).await?;
            Some((operator.id.clone(), sign_no))
        } else {
            None
        };
        let sign_no = signed_in.as_ref().map_or("", |(_, sign_no)| sign_no);
        let message = build(sign_no).map_err(|outcome| *outcome)?;
        let url = if at_voucher_service {
            profile.voucher.url.clone()
        } else {
            shared.url_of(&message.infno).map_err(|outcome| *outcome)?
        };
        Ok(Prepared {
            asked: Asked::Step(call.step),
            infno: message.infno,
            msgid: (!at_voucher_service).then(|| stamp.msgid.clone()),
            body: message.body,
            wire_body: message.wire_body,
            expect: message.expect,
            url,
            signed_in,
            code: call.code.cloned(),
        })
    }

    /// The message of this errand, ready to be recorded and then sent. Where the profile wants it and nobody
    /// has, the operator is signed in first.
    ///
    /// # Errors
    /// What became of it unsent: `NotSent` or `Refused` when the sign-in failed or a fact is missing.
    pub async fn prepare_errand(
        &self,
        errand: &Errand,
        stamp: &Stamp,
    ) -> Result<Prepared, Outcome> {
        let shared = &*self.shared;
        let build = |sign_no: &str| errand::build(&shared.desk(sign_no), errand, stamp);
        let signed_in = if shared.profile.sign_in.wanted {
            // What cannot be written needs no sign-in.
            build("").map_err(|outcome| *outcome)?;
            let operator = &errand.operator;
            let sign_no = self.sign_no_to_its_end(operator, &stamp.inf_time).await?;
            Some((operator.id.clone(), sign_no))
        } else {
            None
        };
        let sign_no = signed_in.as_ref().map_or("", |(_, sign_no)| sign_no);
        let message = build(sign_no).map_err(|outcome| *outcome)?;
        let url = shared.url_of(&message.infno).map_err(|outcome| *outcome)?;
        Ok(Prepared {
            asked: Asked::Errand(Box::new(errand.ask.clone())),
            infno: message.infno,
            msgid: Some(stamp.msgid.clone()),
            body: message.body,
            wire_body: message.wire_body,
            expect: message.expect,
            url,
            signed_in,
            code: None,
        })
    }

    /// Sends it once and waits for the answer, at most as long as the profile says. Never repeats.
    pub async fn send(&self, prepared: Prepared) -> Received {
        self.send_within(prepared, Duration::MAX).await
    }

    /// [`Platform::send`], and waits no longer than this.
    pub async fn send_within(&self, prepared: Prepared, at_most: Duration) -> Received {
        let shared = &*self.shared;
        let pace = pace(&prepared.asked);
        let at_most_ms = u32::try_from(at_most.as_millis()).unwrap_or(u32::MAX);
        let wire_body = prepared.wire_body.as_ref().unwrap_or(&prepared.body);
        let timed = shared
            .post(
                pace,
                &prepared.infno,
                &prepared.url,
                wire_body.as_str().to_owned(),
                shared.wait_ms(pace).min(at_most_ms),
            )
            .await;
        if let Some((operator, sign_no)) = &prepared.signed_in
            && shared.says_signed_out(&timed.reply)
        {
            shared.sessions.forget(operator, sign_no).await;
        }
        shared.read(&prepared, timed)
    }

    /// What a reconciliation needs to know of this site.
    #[must_use]
    pub fn site(&self) -> Site {
        let profile = &self.shared.profile;
        let rules = &profile.reconciliation;
        let optins = match rules.optins.is_empty() {
            true => &profile.mdtrtarea_admvs,
            false => &rules.optins,
        };
        Site {
            fixmedins_code: profile.fixmedins_code.clone(),
            optins: optins.clone(),
            rules: Rules {
                balanced: rules.balanced.clone(),
                without_setl_id: profile.enquiry.without_setl_id,
                pace_ms: i64::from(rules.pace_ms),
            },
        }
    }
}

impl Shared {
    /// What every message of this site is made with.
    fn desk<'a>(&'a self, sign_no: &'a str) -> request::Desk<'a> {
        request::Desk {
            profile: &self.profile,
            signer: self.signer.as_ref(),
            sign_no,
        }
    }

    pub(super) async fn post(
        &self,
        pace: Pace,
        infno: &str,
        url: &str,
        body: String,
        wait_ms: u32,
    ) -> TimedReply {
        let voucher = &self.profile.voucher;
        let at_voucher_service = pace == Pace::Voucher && voucher.decode == Decode::Http;
        let headers = if at_voucher_service && !voucher.gateway_headers {
            Vec::new()
        } else {
            match self.gateway_headers(infno) {
                Ok(headers) => headers,
                Err(why) => return nothing_sent(why),
            }
        };
        let timed = self.http.post(url, &headers, body, wait_ms).await;
        timed.counted(infno)
    }

    fn gateway_headers(&self, infno: &str) -> Result<Vec<Header>, String> {
        let family = &self.profile.gateway.family;
        if *family == Family::None {
            return Ok(Vec::new());
        }
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| "no random numbers".to_owned())?;
        let moment = Moment {
            infno,
            now_ms: Timestamp::now().as_millisecond(),
            nonce: &hex::encode(nonce),
        };
        Ok(sign::headers(family, &self.secrets.gateway, &moment))
    }

    /// The head of a message that belongs to no settlement.
    pub(super) fn head<'a>(
        &'a self,
        infno: &'a str,
        stamp: &'a Stamp,
        sign_no: &'a str,
        operator: &'a Operator,
    ) -> Head<'a> {
        Head {
            infno,
            msgid: &stamp.msgid,
            inf_time: &stamp.inf_time,
            insuplc_admdvs: "",
            insutype: "",
            sign_no,
            operator,
            signer: self.signer.as_ref(),
        }
    }

    pub(super) fn wait_ms(&self, pace: Pace) -> u32 {
        let timeouts = &self.profile.timeouts;
        match pace {
            Pace::Voucher => timeouts.voucher_ms,
            Pace::Money => timeouts.money_call_ms,
            Pace::Ordinary => timeouts.call_ms,
        }
    }

    pub(super) fn url_of(&self, infno: &str) -> Result<String, Box<Outcome>> {
        self.profile.url_of(infno).ok_or_else(|| {
            Box::new(Outcome::NotSent {
                code: Code::Internal,
                why: format!("the profile has no path for {infno}"),
            })
        })
    }

    /// Whether the sign-in is over by this answer, whatever it means for what was asked.
    fn says_signed_out(&self, reply: &Reply) -> bool {
        match reply {
            Reply::Whole { status, body } => std::str::from_utf8(body).is_ok_and(|text| {
                let status = *status;
                answer::says_signed_out(&self.profile, &Body { status, text })
            }),
            Reply::NotSent { .. } | Reply::Lost { .. } => false,
        }
    }

    fn read(&self, prepared: &Prepared, timed: TimedReply) -> Received {
        let skew = |text: Option<&str>| skew_ms(&timed, text);
        match &timed.reply {
            Reply::NotSent { why } => Received {
                outcome: not_sent(why.clone()),
                answer: None,
                skew_ms: None,
                sign_in_expired: false,
            },
            Reply::Lost { why, part } => Received {
                outcome: Outcome::Unknown {
                    code: Code::PlatformNoAnswer,
                    why: why.clone(),
                },
                answer: (!part.is_empty()).then(|| recorded(prepared, &lossy(part))),
                skew_ms: skew(None),
                sign_in_expired: false,
            },
            Reply::Whole { status, body } => {
                let text = lossy(body);
                let (outcome, sign_in_expired) = if *status == 200 && is_bare_file(prepared, body) {
                    (file::statement(body), false)
                } else if std::str::from_utf8(body).is_ok() {
                    let (status, text) = (*status, text.as_str());
                    let body = Body { status, text };
                    match &prepared.asked {
                        Asked::Step(step) => {
                            answer::read(&self.profile, *step, &prepared.expect, &body)
                        }
                        Asked::Errand(ask) => {
                            errand::read(&self.profile, ask, &prepared.expect, &body)
                        }
                    }
                } else {
                    (answer::unreadable("bytes that are no UTF-8"), false)
                };
                Received {
                    outcome,
                    skew_ms: skew(Some(&text)),
                    answer: Some(recorded(prepared, &text)),
                    sign_in_expired,
                }
            }
        }
    }
}

/// 9102 may answer with the file itself.
fn is_bare_file(prepared: &Prepared, body: &[u8]) -> bool {
    let Asked::Errand(ask) = &prepared.asked else {
        return false;
    };
    matches!(**ask, Ask::Download { .. }) && file::is_file(body)
}

/// How patiently an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The voucher service.
    Voucher,
    /// A call that moves money.
    Money,
    /// Any other.
    Ordinary,
}

/// 2601 is waited for as any other: it is asked again, harmlessly.
fn pace(asked: &Asked) -> Pace {
    match asked {
        Asked::Step(Step::Decode) => Pace::Voucher,
        Asked::Step(Step::Settle | Step::UndoSettle) => Pace::Money,
        Asked::Errand(ask) if ask.moves_money() => Pace::Money,
        Asked::Step(
            Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::Fees
            | Step::PreSettle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::Reverse
            | Step::FindVisit
            | Step::FindSettlement,
        )
        | Asked::Errand(_) => Pace::Ordinary,
    }
}

fn lossy(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

/// The answer as it may be recorded: a scanned code that is said back is blotted out.
fn recorded(prepared: &Prepared, text: &str) -> String {
    match &prepared.code {
        Some(code) if !code.is_empty() => text.replace(code.expose(), voucher::BLOTTED),
        Some(_) | None => text.to_owned(),
    }
}

pub(super) fn not_sent(why: String) -> Outcome {
    Outcome::NotSent {
        code: Code::PlatformUnreachable,
        why,
    }
}

fn nothing_sent(why: String) -> TimedReply {
    let now = Timestamp::now();
    TimedReply {
        reply: Reply::NotSent { why },
        sent_at: now,
        received_at: now,
        date: None,
        time: Duration::ZERO,
    }
}

/// The platform's clock minus ours: when it took the request against when it was sent, else when it
/// answered (its own words, else the HTTP date) against when that came.
fn skew_ms(timed: &TimedReply, text: Option<&str>) -> Option<i64> {
    let apart =
        |platform: Timestamp, ours: Timestamp| platform.as_millisecond() - ours.as_millisecond();
    let (refmsg, respond) = text.and_then(envelope::times).unwrap_or_default();
    if let Some(time) = platform_time(&refmsg) {
        return Some(apart(time, timed.sent_at));
    }
    let time = platform_time(&respond).or(timed.date)?;
    Some(apart(time, timed.received_at))
}

/// `yyyyMMddHHmmssSSS`, civil +08:00; also without the milliseconds.
fn platform_time(text: &str) -> Option<Timestamp> {
    let (seconds, ms) = (text.get(..14)?, text.get(14..)?);
    let time = DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
    let zoned = time.to_zoned(TimeZone::fixed(Offset::constant(8))).ok()?;
    let ms: i64 = if ms.is_empty() { 0 } else { ms.parse().ok()? };
    Timestamp::from_millisecond(zoned.timestamp().as_millisecond() + ms).ok()
}
