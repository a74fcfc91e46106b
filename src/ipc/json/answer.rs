//! Takes one request of HTTP to its answer, unary or as a stream of envelopes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt as _;

use super::charset::Charset;
use super::methods::{self, Method as Called};
use super::{message, problem};
use crate::book::Code;
use crate::ipc::access::Caller;
use crate::ipc::call::Calls;
use crate::ipc::told::name_of;
use crate::operation::Failure;

/// Digits of a deadline.
const TIMEOUT_DIGITS_MAX: usize = 10;
const UNARY: &str = "application/json";
const STREAM: &str = "application/connect+json";
/// The version of the protocol.
const VERSION: &str = "1";
/// How messages may be encoded.
const PLAIN: &str = "identity";
const PACKED: &str = "the body is compressed; accepted encodings: identity";
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Bytes before a message of a stream: flags, length.
const ENVELOPE_HEAD_LENGTH: usize = 5;
/// The flag of the last envelope.
const END: u8 = 2;

/// Answers in JSON. Cheap to clone.
#[derive(Clone)]
pub(in crate::ipc) struct Json {
    calls: Calls,
    methods: Arc<BTreeMap<String, Called>>,
}

/// Why there is no answer to a call.
enum Wrong {
    /// The call itself cannot be read, of which nobody was told yet.
    Request(Failure),
    /// So it was answered.
    Answer(Status),
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self::Request(failure)
    }
}

impl From<Status> for Wrong {
    fn from(status: Status) -> Self {
        Self::Answer(status)
    }
}

/// What the headers say.
struct Asked {
    charset: Charset,
    streams: bool,
    deadline: Option<Duration>,
}

impl Json {
    /// Over the services of all doors.
    ///
    /// # Errors
    /// Our own descriptors cannot be read.
    pub(in crate::ipc) fn new(calls: Calls) -> Result<Self, prost_reflect::DescriptorError> {
        let methods = Arc::new(methods::all()?);
        Ok(Self { calls, methods })
    }

    /// What all of them are called by.
    pub(in crate::ipc) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The method of this path, if there is one.
    pub(in crate::ipc) fn operation<'p>(&self, path: &'p str) -> Option<&'p str> {
        let is_known = self.methods.contains_key(path);
        is_known.then(|| name_of(path))
    }

    /// Answers; every failure is an answer too.
    pub(in crate::ipc) async fn answer(
        &self,
        caller: Caller,
        request: Request<Body>,
    ) -> Response<Body> {
        let uri = request.uri().clone();
        let operation = self.operation(uri.path());
        let tell = |failure: &Failure| self.calls.tell(&caller, operation, failure);
        if *request.method() != Method::POST {
            let failure = Failure::new(Code::HttpMethodWrong, "calls are POST");
            tell(&failure);
            let mut response = refused(&failure, request.headers());
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let headers = response.headers_mut();
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let Some((charset, streams)) = content(request.headers()) else {
            return unknown_content(tell);
        };
        let Some(method) = self.methods.get(uri.path()) else {
            let failure = Failure::new(Code::MethodUnknown, "");
            tell(&failure);
            return failed(&problem::refusal(&failure), charset, streams);
        };
        if method.streams != streams {
            return unknown_content(tell);
        }
        if !is_plain(request.headers()) {
            let failure = Failure::new(Code::ContentTypeUnknown, PACKED);
            tell(&failure);
            return packed(&failure, charset, streams);
        }
        let version = check_version(request.headers());
        let deadline = match version.and_then(|()| deadline(request.headers())) {
            Ok(deadline) => deadline,
            Err(failure) => {
                tell(&failure);
                return failed(&problem::refusal(&failure), charset, streams);
            }
        };
        let asked = Asked {
            charset,
            streams,
            deadline,
        };
        match self.call(&caller, request, method, &asked).await {
            Ok(response) => response,
            Err(Wrong::Request(failure)) => {
                tell(&failure);
                failed(&problem::refusal(&failure), charset, streams)
            }
            Err(Wrong::Answer(status)) => failed(&status, charset, streams),
        }
    }

    async fn call(
        &self,
        caller: &Caller,
        request: Request<Body>,
        method: &Called,
        asked: &Asked,
    ) -> Result<Response<Body>, Wrong> {
        let path = request.uri().path().to_owned();
        let sent = sent(whole(request.into_body()).await?, method, asked)?;
        let (charset, output) = (asked.charset, method.output.clone());
        if asked.streams {
            let answers = self
                .calls
                .stream(caller.clone(), &path, sent, asked.deadline);
            let told = answers.await?.map(move |answer| {
                let text = message::print(&answer?, output.clone());
                Ok(charset.encode(&text.map_err(|failure| problem::refusal(&failure))?))
            });
            return Ok(envelopes(told.boxed(), charset));
        }
        let answer = (self.calls).unary(caller.clone(), &path, sent, asked.deadline);
        let text = message::print(&answer.await?, output)?;
        Ok(json(StatusCode::OK, charset.encode(&text), charset))
    }
}

/// How the body is written and whether a stream is wanted; absent for a body that is no JSON.
fn content(headers: &HeaderMap) -> Option<(Charset, bool)> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = text.split(';').map(str::trim);
    let streams = match parts.next()?.to_ascii_lowercase().as_str() {
        UNARY => false,
        STREAM => true,
        _ => return None,
    };
    let mut charset = Charset::Utf8;
    for part in parts {
        if let Some((name, value)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("charset")
        {
            charset = Charset::of(value.trim().trim_matches('"'))?;
        }
    }
    Some((charset, streams))
}

/// Whether the messages are as they are.
fn is_plain(headers: &HeaderMap) -> bool {
    let named = ["content-encoding", "connect-content-encoding"];
    let mut named = named.iter().filter_map(|name| headers.get(*name));
    named.all(|value| value.as_bytes().eq_ignore_ascii_case(PLAIN.as_bytes()))
}

/// The version of the protocol, where it is said.
fn check_version(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get("connect-protocol-version") {
        Some(version) if version != VERSION => {
            let detail = format!("Connect-Protocol-Version must be {VERSION}");
            Err(Failure::new(Code::RequestInvalid, detail))
        }
        Some(_) | None => Ok(()),
    }
}

fn deadline(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    let Some(value) = headers.get("connect-timeout-ms") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let is_number = (1..=TIMEOUT_DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(ms) if is_number => Ok(Some(Duration::from_millis(ms))),
        Ok(_) | Err(_) => {
            let detail = "Connect-Timeout-Ms must be 1 to 10 digits";
            Err(Failure::new(Code::RequestInvalid, detail))
        }
    }
}

/// The message of a body, of which nothing is held after it.
fn sent(body: Vec<u8>, method: &Called, asked: &Asked) -> Result<Bytes, Failure> {
    let message = match asked.streams {
        true => only_envelope(&body)?,
        false => &body,
    };
    let text = asked.charset.decode(message).map_err(|offset| {
        let detail = format!("the byte at offset {offset} is not of the named charset");
        Failure::new(Code::RequestInvalid, detail)
    })?;
    // Writers of .NET put it before.
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    Ok(message::parse(text, method.input.clone())?.into())
}

/// The whole body in one piece: each that comes may lie in a larger piece of memory. How long it may be, and how long it
/// may take, was said to it before.
async fn whole(mut body: Body) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|status| {
            let refused = std::error::Error::source(&status).and_then(|it| it.downcast_ref());
            let refused = refused.cloned();
            refused.unwrap_or_else(|| Failure::new(Code::RequestInvalid, "the body broke off"))
        })?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// The message of a body that must be one envelope.
fn only_envelope(body: &[u8]) -> Result<&[u8], Failure> {
    let wrong = || {
        let detail = "the body must be one envelope: a byte 0, the length in four bytes, JSON";
        Failure::new(Code::RequestInvalid, detail)
    };
    let (head, message) = body
        .split_first_chunk::<ENVELOPE_HEAD_LENGTH>()
        .ok_or_else(wrong)?;
    let [flags, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| wrong())?;
    if *flags != 0 || length != message.len() {
        return Err(wrong());
    }
    Ok(message)
}

fn envelope(flags: u8, message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ENVELOPE_HEAD_LENGTH + message.len());
    bytes.put_u8(flags);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

fn end(status: Option<&Status>, charset: Charset) -> Bytes {
    let end = match status {
        Some(status) => serde_json::json!({ "error": problem::body(status) }),
        None => serde_json::json!({}),
    };
    envelope(END, &charset.encode(&end.to_string()))
}

/// The messages as they come, and how it ended.
fn envelopes(
    messages: BoxStream<'static, Result<Vec<u8>, Status>>,
    charset: Charset,
) -> Response<Body> {
    let frames = stream::unfold(Some(messages), move |left| async move {
        let mut messages = left?;
        Some(match messages.next().await {
            Some(Ok(message)) => (envelope(0, &message), Some(messages)),
            Some(Err(status)) => (end(Some(&status), charset), None),
            None => (end(None, charset), None),
        })
    });
    streamed(frames.boxed(), charset)
}

fn streamed(envelopes: BoxStream<'static, Bytes>, charset: Charset) -> Response<Body> {
    let frames = envelopes.map(|bytes| Ok::<_, Status>(Frame::data(bytes)));
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    set_content(&mut response, STREAM, charset);
    response
}

fn json(number: StatusCode, body: Vec<u8>, charset: Charset) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(Bytes::from(body))));
    *response.status_mut() = number;
    set_content(&mut response, UNARY, charset);
    response
}

fn set_content(response: &mut Response<Body>, media: &str, charset: Charset) {
    let value = format!("{media}{}", charset.suffix());
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
}

/// A refusal in the form that was asked for.
fn failed(status: &Status, charset: Charset, streams: bool) -> Response<Body> {
    if streams {
        let last = end(Some(status), charset);
        return streamed(stream::once(async { last }).boxed(), charset);
    }
    let body = problem::body(status).to_string();
    json(
        problem::number(status.code()),
        charset.encode(&body),
        charset,
    )
}

/// A refusal before it is known what form was asked for.
pub(in crate::ipc) fn refused(failure: &Failure, headers: &HeaderMap) -> Response<Body> {
    let (charset, streams) = content(headers).unwrap_or((Charset::Utf8, false));
    failed(&problem::refusal(failure), charset, streams)
}

/// What is said of a body that is compressed, in the protocol's own words for it.
fn packed(failure: &Failure, charset: Charset, streams: bool) -> Response<Body> {
    let status = problem::refusal(failure);
    let (message, details) = (status.message(), status.get_error_details());
    let status = Status::with_error_details(tonic::Code::Unimplemented, message, details);
    let mut response = failed(&status, charset, streams);
    let name = match streams {
        true => "connect-accept-encoding",
        false => "accept-encoding",
    };
    let name = header::HeaderName::from_static(name);
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_static(PLAIN));
    response
}

fn unknown_content(tell: impl Fn(&Failure)) -> Response<Body> {
    let detail = "content-type: application/json, for streams application/connect+json; charset utf-8, gb18030 or gbk";
    let failure = Failure::new(Code::ContentTypeUnknown, detail);
    tell(&failure);
    let mut response = failed(&problem::refusal(&failure), Charset::Utf8, false);
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let known = HeaderValue::from_static("application/json, application/connect+json");
    let name = header::HeaderName::from_static("accept-post");
    response.headers_mut().insert(name, known);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        });
        pairs.collect()
    }

    #[test]
    fn the_content_type_says_how_it_is_written() {
        for (text, expected) in [
            ("application/json", Some((Charset::Utf8, false))),
            (
                "Application/JSON; Charset=\"GB18030\"",
                Some((Charset::Gb18030, false)),
            ),
            (
                "application/connect+json;charset=gbk",
                Some((Charset::Gbk, true)),
            ),
            ("application/json; charset=latin1", None),
            ("application/proto", None),
            ("text/plain", None),
        ] {
            assert_eq!(
                content(&headers(&[("content-type", text)])),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_the_protocol_says_of_itself_is_read() {
        for name in ["content-encoding", "connect-content-encoding"] {
            assert!(is_plain(&headers(&[(name, "Identity")])));
            assert!(!is_plain(&headers(&[(name, "gzip")])));
        }
        assert!(is_plain(&HeaderMap::new()));
        let version = |said| check_version(&headers(&[("connect-protocol-version", said)]));
        assert!(version("1").is_ok() && check_version(&HeaderMap::new()).is_ok());
        for wrong in ["2", "", "1.0"] {
            assert!(version(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_deadline_is_a_number_of_ms() {
        for (text, expected) in [
            ("90000", Some(Some(Duration::from_secs(90)))),
            ("12345678901", None),
            ("+1", None),
            ("", None),
        ] {
            let read = deadline(&headers(&[("connect-timeout-ms", text)]));
            assert_eq!(read.ok(), expected, "{text}");
        }
        assert_eq!(deadline(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn a_stream_is_asked_for_by_one_envelope() {
        let good = envelope(0, b"{}");
        assert_eq!(&good[..], b"\0\0\0\0\x02{}");
        assert_eq!(only_envelope(&good).unwrap(), b"{}");
        for wrong in [
            &b""[..],
            b"\0\0\0\0",
            b"\x01\0\0\0\x02{}",
            b"\0\0\0\0\x03{}",
            b"{}",
        ] {
            assert!(only_envelope(wrong).is_err());
        }
    }
}
