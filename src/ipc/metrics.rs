//! `GET /metrics`: the text that `GetMetrics` gives, as Prometheus fetches it. Who may is asked at the one gate.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use prost::Message as _;
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt as _;

use super::access::Caller;
use super::call::Calls;
use super::convert::error;
use crate::api::GetMetricsResponse;
use crate::book::Code;
use crate::observe::prometheus;
use crate::operation::Failure;

/// Where it is fetched.
const PATH: &str = "/metrics";
/// The method behind it.
const METHOD: &str = "/yibao.v1.DaemonService/GetMetrics";

/// Whether this request is ours.
pub(super) fn is_asked<T>(request: &Request<T>) -> bool {
    request.uri().path() == PATH
}

/// The page, or why not: the row of the book in plain words, under the number that HTTP has for it.
pub(super) async fn answer(
    calls: &Calls,
    caller: Caller,
    method: Method,
    accept: &str,
) -> Response<Body> {
    if method != Method::GET {
        let failure = Failure::new(Code::HttpMethodWrong, "GET only");
        calls.tell(&caller, Some("GetMetrics"), &failure);
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, &error::status(&failure));
        let only = http::HeaderValue::from_static("GET");
        refused.headers_mut().insert(ALLOW, only);
        return refused;
    }
    let told = match calls.unary(caller, METHOD, Bytes::new(), None).await {
        Ok(told) => told,
        Err(status) if status.code() == tonic::Code::PermissionDenied => {
            return plain(StatusCode::FORBIDDEN, &status);
        }
        Err(status) => return plain(StatusCode::SERVICE_UNAVAILABLE, &status),
    };
    let Ok(page) = GetMetricsResponse::decode(told) else {
        let failure = Failure::new(Code::Internal, "our own answer cannot be read");
        return plain(StatusCode::INTERNAL_SERVER_ERROR, &error::status(&failure));
    };
    match prometheus::is_wanted(accept) {
        true => {
            let text = prometheus::of(&page.text);
            with(StatusCode::OK, prometheus::CONTENT_TYPE, text)
        }
        false => with(StatusCode::OK, &page.content_type, page.text),
    }
}

fn plain(number: StatusCode, status: &Status) -> Response<Body> {
    let info = status.get_details_error_info();
    let of = |key: &str| {
        let told = info.as_ref().and_then(|info| info.metadata.get(key));
        told.map_or("", String::as_str)
    };
    let text = format!(
        "{}\n{}{}\n{} {}\n",
        status.message(),
        of("meaning_zh"),
        of("action_zh"),
        of("meaning_en"),
        of("action_en"),
    );
    with(number, "text/plain; charset=utf-8", text)
}

fn with(status: StatusCode, kind: &str, text: String) -> Response<Body> {
    let built = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, "no-store")
        .body(Body::new(http_body_util::Full::new(Bytes::from(text))));
    built.expect("the headers are ours")
}
