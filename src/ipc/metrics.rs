//! `GET /metrics`: the text that `GetMetrics` gives, as Prometheus fetches it. Who may is asked at the one gate.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use prost::Message as _;
use tonic::Code;
use tonic::body::Body;

use super::access::Caller;
use super::call::Calls;
use crate::api::GetMetricsResponse;

/// Where it is fetched.
const PATH: &str = "/metrics";
/// The method behind it.
const METHOD: &str = "/yibao.v1.DaemonService/GetMetrics";

/// Whether this request is ours.
pub(super) fn is_asked<T>(request: &Request<T>) -> bool {
    request.uri().path() == PATH
}

/// The page, or why not, in plain words.
pub(super) async fn answer(calls: &Calls, caller: Caller, method: Method) -> Response<Body> {
    if method != Method::GET {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET only");
        let only = http::HeaderValue::from_static("GET");
        refused.headers_mut().insert(ALLOW, only);
        return refused;
    }
    let told = match calls.unary(caller, METHOD, Bytes::new(), None).await {
        Ok(told) => told,
        Err(status) if status.code() == Code::PermissionDenied => {
            return plain(StatusCode::FORBIDDEN, status.message());
        }
        Err(status) => return plain(StatusCode::SERVICE_UNAVAILABLE, status.message()),
    };
    let Ok(page) = GetMetricsResponse::decode(told) else {
        return plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "our own answer cannot be read",
        );
    };
    with(StatusCode::OK, &page.content_type, page.text)
}

fn plain(status: StatusCode, words: &str) -> Response<Body> {
    with(status, "text/plain; charset=utf-8", format!("{words}\n"))
}

fn with(status: StatusCode, kind: &str, text: String) -> Response<Body> {
    let built = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, "no-store")
        .body(Body::new(http_body_util::Full::new(Bytes::from(text))));
    built.expect("the headers are ours")
}
