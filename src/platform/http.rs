//! One POST, sent once: no retry, no redirect, no proxy, no connection used twice.
//!
//! It tells *no byte left this machine* from *perhaps sent*: only a failure to connect is the former. It
//! does not know what a message means.

use std::error::Error as _;
use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};

use super::sign::Header;
use crate::config::Profile;
use crate::observe::metrics::PROCESS;

/// The largest answer that is read; the specification allows 40 000 characters of output. It is recorded whole
/// and in parts, each escaped as JSON: together they must stay below what the journal seals in one row.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why no client could be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The authority's certificate could not be read.
    #[error("cannot read the certificate {path}")]
    Certificate {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate or another setting does not work.
    #[error("cannot set up HTTP")]
    Setup(#[from] reqwest::Error),
}

/// What came back.
pub(super) enum Reply {
    /// No byte left this machine.
    NotSent {
        /// Where it failed.
        why: String,
    },
    /// Sent, or perhaps sent; no whole answer.
    Lost {
        /// Where it failed.
        why: String,
        /// What came until then.
        part: Vec<u8>,
    },
    /// A whole answer.
    Whole {
        /// HTTP status.
        status: u16,
        /// All of the body.
        body: Vec<u8>,
    },
}

/// What came back, and when by our clock.
pub(super) struct TimedReply {
    pub(super) reply: Reply,
    pub(super) sent_at: Timestamp,
    pub(super) received_at: Timestamp,
    /// The `Date` of the answer.
    pub(super) date: Option<Timestamp>,
    /// From the one to the other, whatever becomes of the clock meanwhile.
    pub(super) time: Duration,
}

impl TimedReply {
    /// Counts it by its transaction.
    pub(super) fn counted(self, infno: &str) -> Self {
        let outcome = match self.reply {
            Reply::NotSent { .. } => "not_sent",
            Reply::Lost { .. } => "lost",
            Reply::Whole { .. } => "answered",
        };
        PROCESS.platform_calls.count([infno, outcome]);
        if !matches!(self.reply, Reply::NotSent { .. }) {
            PROCESS.platform_times.took([infno], self.time);
        }
        self
    }
}

/// The client of one site.
#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
}

/// Makes ring the process's TLS provider. The one place that does; calling it again changes nothing.
pub fn install_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Lost only against another thread that installs the same provider.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

impl Http {
    pub(super) fn new(profile: &Profile) -> Result<Self, HttpError> {
        install_tls_provider();
        let builder = reqwest::Client::builder()
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(ms(profile.timeouts.connect_ms))
            // The longest wait, so that the system gives a silent peer up no sooner than we do.
            .tcp_user_timeout(ms(longest_wait_ms(profile)))
            .user_agent(concat!("yibaod/", env!("CARGO_PKG_VERSION")));
        let builder = match &profile.url.ca_path {
            Some(path) => {
                let pem = std::fs::read(path).map_err(|source| HttpError::Certificate {
                    path: path.display().to_string(),
                    source,
                })?;
                builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem)?)
            }
            // Without an https address the system's authorities are not needed, and may not be there.
            None if !uses_tls(profile) => builder.tls_certs_only([]),
            None => builder,
        };
        let client = builder.build()?;
        Ok(Self { client })
    }

    /// Sends once and waits for the whole answer.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &[Header],
        body: String,
        wait_ms: u32,
    ) -> TimedReply {
        let (sent_at, began) = (Timestamp::now(), Instant::now());
        let (reply, date) = self.exchange(url, headers, body, wait_ms).await;
        TimedReply {
            reply,
            sent_at,
            received_at: Timestamp::now(),
            date,
            time: began.elapsed(),
        }
    }

    async fn exchange(
        &self,
        url: &str,
        headers: &[Header],
        body: String,
        wait_ms: u32,
    ) -> (Reply, Option<Timestamp>) {
        let headers = match header_map(headers) {
            Ok(headers) => headers,
            Err(why) => return (Reply::NotSent { why }, None),
        };
        let sent = self
            .client
            .post(url)
            .headers(headers)
            .timeout(ms(wait_ms))
            .body(body)
            .send()
            .await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return (failed(&error), None),
        };
        let status = response.status().as_u16();
        let date = response.headers().get(DATE).and_then(http_date);
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                    let why = format!("the answer is larger than {ANSWER_BYTES_MAX} bytes");
                    return (Reply::Lost { why, part: body }, date);
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return (Reply::Whole { status, body }, date),
                Err(error) => {
                    let why = format!("HTTP {status}, then {}", reason(&error));
                    return (Reply::Lost { why, part: body }, date);
                }
            }
        }
    }
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

fn longest_wait_ms(profile: &Profile) -> u32 {
    let timeouts = &profile.timeouts;
    timeouts
        .money_call_ms
        .max(timeouts.call_ms)
        .max(timeouts.voucher_ms)
}

fn uses_tls(profile: &Profile) -> bool {
    [&profile.url.base, &profile.voucher.url]
        .iter()
        .any(|url| url.starts_with("https:"))
}

fn header_map(headers: &[Header]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    map.insert(CONTENT_TYPE, json);
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of {name} is no header value"))?;
        value.set_sensitive(true);
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name} is no header name"))?;
        map.insert(name, value);
    }
    Ok(map)
}

/// Only when no connection came about is it sure that no byte left.
fn failed(error: &reqwest::Error) -> Reply {
    let why = reason(error);
    if error.is_connect() || error.is_builder() {
        Reply::NotSent { why }
    } else {
        let part = Vec::new();
        Reply::Lost { why, part }
    }
}

/// What happened, without address and content.
fn reason(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "time-out"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_builder() {
        "no valid request"
    } else if error.is_body() || error.is_decode() {
        "the answer ended early"
    } else {
        "the connection failed"
    };
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return format!("{what}: {}", io.kind());
        }
        source = inner.source();
    }
    what.to_owned()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(value: &HeaderValue) -> Option<Timestamp> {
    let text = value.to_str().ok()?;
    let broken = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(broken.timestamp())
}
