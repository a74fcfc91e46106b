//! Which pages may call: none, unless the configuration names their origin.
//!
//! A browser says where a page comes from (`Origin`) and what it believes to reach (`Host`). A page of a stranger that
//! was led here by a name of its own (DNS rebinding) shows that name as `Host`.

use std::net::{IpAddr, Ipv6Addr};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use tonic::body::Body;

use crate::book::Code;
use crate::operation::Failure;

/// What a page may send.
const HEADERS_ALLOWED: &str =
    "authorization, content-type, connect-protocol-version, connect-timeout-ms";
/// What clients name as host of a local socket that has none.
const SOCKET_HOST: &str = "unix";
/// How long a browser may keep what it was allowed, seconds.
const PREFLIGHT_S: &str = "600";

/// By which listener a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ipc) enum Way {
    /// The local socket, which no browser reaches by itself.
    Socket,
    /// Loopback TCP.
    Loopback,
    /// TLS with a certificate of the caller's.
    Tls,
}

/// The origins that may call.
#[derive(Clone, Debug, Default)]
pub(in crate::ipc) struct Guard {
    origins: Vec<String>,
}

impl Guard {
    pub(in crate::ipc) fn new(origins: &[String]) -> Self {
        Self {
            origins: origins.to_vec(),
        }
    }

    /// The page's origin when a page calls and may.
    ///
    /// # Errors
    /// `PAGE_NOT_ALLOWED`.
    pub(in crate::ipc) fn check(
        &self,
        way: Way,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, Failure> {
        let refused = |what| Err(Failure::new(Code::PageNotAllowed, what));
        let named = headers.get(header::HOST);
        let host = match (uri.authority(), named) {
            (Some(authority), _) => Some(authority.as_str()),
            (None, Some(named)) => Some(named.to_str().unwrap_or("?")),
            (None, None) => None,
        };
        let is_known = match way {
            Way::Socket => host.is_none_or(|host| host == SOCKET_HOST || is_here(host)),
            Way::Loopback => host.is_some_and(is_here),
            // Its name is in its certificate, and the caller has one of ours.
            Way::Tls => true,
        };
        if !is_known {
            return refused("Host is not this machine");
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(None);
        };
        if headers.get_all(header::ORIGIN).iter().count() == 1
            && self
                .origins
                .iter()
                .any(|known| known.as_bytes() == origin.as_bytes())
        {
            return Ok(Some(origin.clone()));
        }
        refused("Origin is not among [json] origins")
    }

    /// What a browser is told before a page calls, besides what [`allow`] tells of every answer.
    pub(in crate::ipc) fn preflight(asked: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS_ALLOWED),
            (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if asked.contains_key("access-control-request-private-network") {
            let name = header::HeaderName::from_static("access-control-allow-private-network");
            headers.insert(name, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Lets the page read the answer.
pub(in crate::ipc) fn allow(response: &mut Response<Body>, origin: &HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// Whether a browser asks before it calls.
pub(in crate::ipc) fn is_preflight<B>(request: &Request<B>) -> bool {
    *request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN)
}

/// Whether a `Host` is a name of this machine for itself, and nothing more than that and a port. Which port says nothing:
/// who leads a page here has to give its own name, and a tunnel or a container has a port of its own.
fn is_here(host: &str) -> bool {
    let (is_loopback, rest) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let Some((ip, rest)) = bracketed.split_once(']') else {
                return false;
            };
            (ip.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback()), rest)
        }
        None => {
            let (name, rest) = host.split_at(host.find(':').unwrap_or(host.len()));
            let is_ip = name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
            (is_ip || name.eq_ignore_ascii_case("localhost"), rest)
        }
    };
    let is_port = |digits: &str| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number && digits.parse::<u16>().is_ok()
    };
    is_loopback && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://his.example";

    #[test]
    fn only_this_machine_and_named_pages_get_in() {
        let guard = Guard::new(&[PAGE.to_owned()]);
        for (way, host, origin, may) in [
            (Way::Loopback, Some("127.0.0.1:9"), None, true),
            (Way::Loopback, Some("[::1]:9"), None, true),
            (Way::Loopback, Some("LocalHost"), Some(PAGE), true),
            (Way::Loopback, Some("evil.example:9"), None, false),
            (Way::Loopback, Some("127.0.0.1.evil.example"), None, false),
            (Way::Loopback, Some("192.0.2.1"), None, false),
            // By a tunnel.
            (Way::Loopback, Some("127.0.0.1:9000"), None, true),
            (Way::Loopback, Some("localhost:9000"), None, true),
            (Way::Loopback, Some("unix:9"), None, false),
            (Way::Loopback, Some("unix"), None, false),
            (Way::Loopback, Some("localhost:evil"), None, false),
            (Way::Loopback, Some("localhost:"), None, false),
            (Way::Loopback, Some("localhost:+9"), None, false),
            (Way::Loopback, Some("[::1]evil"), None, false),
            (Way::Loopback, Some("[::1"), None, false),
            (Way::Loopback, Some("127.0.0.1:9@evil"), None, false),
            (Way::Loopback, Some("evil@127.0.0.1:9"), None, false),
            (Way::Loopback, Some("127.0.0.1:65545"), None, false),
            (Way::Socket, Some("localhost:80"), None, true),
            (Way::Socket, Some("unix:evil"), None, false),
            (Way::Loopback, None, None, false),
            (
                Way::Loopback,
                Some("localhost"),
                Some("https://his.example.evil"),
                false,
            ),
            (Way::Loopback, Some("localhost"), Some("null"), false),
            (Way::Socket, None, None, true),
            (Way::Socket, Some("unix"), None, true),
            (Way::Socket, Some("evil.example"), None, false),
            (
                Way::Socket,
                Some("localhost"),
                Some("http://localhost"),
                false,
            ),
            (Way::Tls, Some("desk-7.example:9"), None, true),
            (
                Way::Tls,
                Some("desk-7.example:9"),
                Some("https://evil"),
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let checked = guard.check(way, &Uri::from_static("/a"), &headers);
            assert_eq!(checked.is_ok(), may, "{way:?} {host:?} {origin:?}");
            if let Ok(page) = checked {
                assert_eq!(page.is_some(), origin.is_some());
            }
        }
        let absolute = Uri::from_static("http://evil.example/a");
        assert!(
            guard
                .check(Way::Loopback, &absolute, &HeaderMap::new())
                .is_err()
        );
    }
}
