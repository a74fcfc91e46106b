//! The operators who are signed in at the platform: 9001 when a message first wants it, 9002 at the end of the process.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Pace, Platform, Shared, not_sent};
use super::http::Reply;
use super::session::SignedIn;
use super::terminal::Terminal;
use super::wire::answer::{self, Body};
use super::wire::{request, sign_in};
use crate::book::Code;
use crate::settlement::call::Outcome;
use crate::settlement::order::{Operator, OperatorKind};

/// All sign-outs together, at the end of the process.
const SIGN_OUT_WAIT_MS_MAX: u64 = 3_000;
/// Where a profile names no port.
const PORT_PLAIN: u16 = 80;

impl Platform {
    /// The sign-in that an errand wants goes on when nobody waits for the errand any more: whoever signs in next has it.
    pub(super) async fn sign_no_to_its_end(
        &self,
        operator: &Operator,
        inf_time: &str,
    ) -> Result<String, Outcome> {
        let (shared, operator) = (Arc::clone(&self.shared), operator.clone());
        let inf_time = inf_time.to_owned();
        let signing = tokio::spawn(async move { shared.sign_no(&operator, &inf_time).await });
        match signing.await {
            Ok(signed_in) => signed_in,
            Err(ended) => Err(Outcome::NotSent {
                code: Code::SignInFailed,
                why: ended.to_string(),
            }),
        }
    }

    /// Signs all operators out, for the end of the process: best effort, at most three seconds.
    pub async fn sign_out_all(&self) {
        let shared = &*self.shared;
        let places = shared.sessions.drain();
        let all = async {
            let each = places.into_iter().map(async |(operator, place)| {
                if let Some(signed_in) = place.lock().await.take() {
                    shared.sign_out(&operator, &signed_in).await;
                }
            });
            futures_util::future::join_all(each).await;
        };
        let wait = Duration::from_millis(SIGN_OUT_WAIT_MS_MAX);
        if tokio::time::timeout(wait, all).await.is_err() {
            tracing::warn!(
                wait_ms = SIGN_OUT_WAIT_MS_MAX,
                "not all sign-outs were answered"
            );
        }
    }
}

impl Shared {
    /// The operator's sign_no of this day. Whoever comes while it is asked for waits for the same one.
    pub(super) async fn sign_no(
        &self,
        operator: &Operator,
        inf_time: &str,
    ) -> Result<String, Outcome> {
        let day = day_of(inf_time);
        let place = self.sessions.place(&operator.id);
        let mut signed_in = place.lock().await;
        if let Some(signed_in) = signed_in.as_ref().filter(|s| s.day == day) {
            return Ok(signed_in.sign_no.clone());
        }
        let sign_no = self.sign_in(operator).await.map_err(sign_in_failed)?;
        tracing::info!("signed in at the platform");
        *signed_in = Some(SignedIn {
            sign_no: sign_no.clone(),
            day: day.to_owned(),
        });
        Ok(sign_no)
    }

    async fn sign_in(&self, operator: &Operator) -> Result<String, Outcome> {
        let url = self.url_of("9001").map_err(|outcome| *outcome)?;
        let found = if self.profile.sign_in.mac.is_empty() || self.profile.sign_in.ip.is_empty() {
            let (host, port) = host_of(&url);
            Terminal::find(&host, port).await
        } else {
            Terminal::default()
        };
        let given = &self.profile.sign_in;
        let or = |given: &str, found: String| {
            if given.is_empty() {
                found
            } else {
                given.to_owned()
            }
        };
        let (mac, ip) = (or(&given.mac, found.mac), or(&given.ip, found.ip));
        let stamp = self.stamps.stamp().await.map_err(not_sent)?;
        let head = self.head("9001", &stamp, "", operator);
        let body = sign_in::sign_in(&self.profile, &head, &mac, &ip)
            .map_err(|missing| *request::not_sent(missing))?;
        // A sign-in moves no money: its time-out is that of an ordinary call.
        let timed = self
            .post(
                Pace::Ordinary,
                "9001",
                &url,
                body.as_str().to_owned(),
                self.wait_ms(Pace::Ordinary),
            )
            .await;
        match timed.reply {
            Reply::NotSent { why } => Err(not_sent(why)),
            Reply::Lost { why, .. } => Err(Outcome::Unknown {
                code: Code::PlatformNoAnswer,
                why,
            }),
            Reply::Whole { status, body } => {
                let text = String::from_utf8_lossy(&body);
                let text = text.as_ref();
                answer::signed_in(&self.profile, &Body { status, text }).map_err(|outcome| *outcome)
            }
        }
    }

    async fn sign_out(&self, operator: &str, signed_in: &SignedIn) {
        let stamp = self.stamps.stamp().await.ok();
        // Only a sign-in of the same day can be signed out.
        let Some(stamp) = stamp.filter(|stamp| day_of(&stamp.inf_time) == signed_in.day) else {
            return;
        };
        let operator = Operator {
            id: operator.to_owned(),
            name: operator.to_owned(),
            kind: OperatorKind::Staff,
        };
        let head = self.head("9002", &stamp, &signed_in.sign_no, &operator);
        let body = sign_in::sign_out(&self.profile, &head);
        if let (Ok(url), Ok(body)) = (self.url_of("9002"), body) {
            // Whatever it answers, the process ends.
            drop(
                self.post(
                    Pace::Ordinary,
                    "9002",
                    &url,
                    body.as_str().to_owned(),
                    self.wait_ms(Pace::Ordinary),
                )
                .await,
            );
        }
    }
}

/// Whatever became of a sign-in, of the call itself nothing was sent.
fn sign_in_failed(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Unknown { why, .. } => Outcome::NotSent {
            code: Code::SignInFailed,
            why: format!("9001: {why}"),
        },
        Outcome::Done { .. } | Outcome::Refused { .. } | Outcome::NotSent { .. } => outcome,
    }
}

/// `yyyy-MM-dd` of a civil time.
fn day_of(inf_time: &str) -> &str {
    inf_time.get(..10).unwrap_or(inf_time)
}

/// Host and port of an address, for the routing table only.
fn host_of(url: &str) -> (String, u16) {
    let parsed = reqwest::Url::parse(url).ok();
    let host = parsed.as_ref().and_then(reqwest::Url::host_str);
    let port = parsed
        .as_ref()
        .and_then(reqwest::Url::port_or_known_default);
    (
        host.unwrap_or_default().to_owned(),
        port.unwrap_or(PORT_PLAIN),
    )
}
