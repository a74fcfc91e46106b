//! What stands before all services on a listener: who calls, whether a page may, gRPC or JSON.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, Version};
use tonic::body::Body;
use tower::Service;

use super::access::Caller;
use super::grpc::{Gate, Local, Refused};
use super::half::{self, Running};
use super::json::{Guard, Json, Way, allow, is_preflight, refusal, refused};
use super::metrics;
use super::tcp::Peer;
use super::told::Told;
use crate::book::Code;
use crate::observe::metrics::PROCESS;
use crate::operation::Failure;

/// The services as one listener offers them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) services: Told,
    pub(super) gate: Gate,
    pub(super) json: Json,
    pub(super) guard: Arc<Guard>,
}

impl Front {
    async fn answer(mut self, mut request: Request<Body>) -> Response<Body> {
        let is_one_too_many = welcome(&mut request);
        let page = self.page(&request);
        let (mut response, page) = match (is_one_too_many, page) {
            (Some(failure), page) => {
                // The log heard of it when the connection came; its caller's other calls are no slower for it.
                PROCESS.calls_refused.count([failure.code.id()]);
                (said(&failure, &request), page.ok().flatten())
            }
            (None, Err(failure)) => (self.refuse(&failure, None, request).await, None),
            (None, Ok(page)) if page.is_some() && is_preflight(&request) => {
                (Guard::preflight(request.headers()), page)
            }
            (None, Ok(page)) => (self.call(request).await, page),
        };
        // A page that may call has to be able to read why it was refused.
        if let Some(page) = &page {
            allow(&mut response, page);
        }
        response
    }

    /// The origin of the page that calls, if one does and may.
    fn page(&self, request: &Request<Body>) -> Result<Option<HeaderValue>, Failure> {
        let way = match request.extensions().get::<Peer>() {
            Some(peer) if peer.certificate.is_some() => Way::Tls,
            Some(_) => Way::Loopback,
            None => Way::Socket,
        };
        // What gRPC clients name as host of a local socket is its path, and no browser speaks gRPC.
        match is_grpc(request.headers()) && way == Way::Socket {
            true => Ok(None),
            false => self.guard.check(way, request.uri(), request.headers()),
        }
    }

    async fn call(&mut self, mut request: Request<Body>) -> Response<Body> {
        let caller = match self.caller(&request) {
            Ok(caller) => caller,
            Err(failure) => return self.refuse(&failure, None, request).await,
        };
        // Until the request is taken whole and its answer begins.
        let _counted = match self.gate.enter(&caller).await {
            Ok(pass) => pass,
            Err(failure) => return self.refuse(&failure, Some(&caller), request).await,
        };
        let (head, body) = request.into_parts();
        let (body, _weight) = self.gate.weigh(&caller, head.uri.path(), body);
        request = Request::from_parts(head, body);
        let gate = self.gate.clone();
        gate.in_turn(&caller.clone(), self.entered(caller, request))
            .await
    }

    /// A request that was counted.
    async fn entered(&mut self, caller: Caller, mut request: Request<Body>) -> Response<Body> {
        if is_grpc(request.headers()) {
            request.extensions_mut().insert(caller);
            match self.services.call(request).await {
                Ok(response) => response,
            }
        } else if metrics::is_asked(&request) {
            let method = request.method().clone();
            let accept = request.headers().get(http::header::ACCEPT);
            let accept = accept.and_then(|it| it.to_str().ok()).unwrap_or_default();
            metrics::answer(self.json.calls(), caller, method, accept).await
        } else {
            self.json.answer(caller, request).await
        }
    }

    fn caller(&self, request: &Request<Body>) -> Result<Caller, Failure> {
        if let Some(caller) = request.extensions().get::<Caller>() {
            return Ok(caller.clone());
        }
        match request.extensions().get::<Peer>() {
            Some(peer) => {
                let caller = self.gate.caller(peer, request.headers())?;
                // Not before: who is refused again and again is not to keep a place that one with a token needs.
                peer.begun.tell();
                if let Some(place) = &peer.place {
                    place.prove();
                }
                Ok(caller)
            }
            None => {
                let what = "the connection has no credentials";
                Err(Failure::new(Code::NotAllowed, what))
            }
        }
    }

    async fn refuse(
        &self,
        failure: &Failure,
        caller: Option<&Caller>,
        request: Request<Body>,
    ) -> Response<Body> {
        let from = line(&request);
        let who = caller.map_or_else(|| from.clone(), Caller::to_string);
        // Who is known waits before its next call; of who is not, the answer to this one does.
        let pause = match caller {
            Some(_) => None,
            None => self.gate.turned_away(&from),
        };
        self.gate.refused(&Refused {
            who: &who,
            caller,
            operation: self.json.operation(request.uri().path()),
            failure,
        });
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        said(failure, &request)
    }
}

/// As an answer in the caller's own way.
fn said(failure: &Failure, request: &Request<Body>) -> Response<Body> {
    match is_grpc(request.headers()) {
        true => refusal(failure).into_http(),
        false => refused(failure, request.headers()),
    }
}

/// Where it is told that a call on HTTP/1.1 runs.
fn running(request: &Request<Body>) -> Option<Running> {
    if request.version() == Version::HTTP_2 {
        return None;
    }
    let said = request.extensions();
    let of_peer = || said.get::<Peer>().map(|peer| peer.running.clone());
    let of_local = said.get::<Local>().map(|local| local.running.clone());
    of_local.or_else(of_peer)
}

/// Takes over what the listener knows of the connection; why it cannot stay, if so.
fn welcome(request: &mut Request<Body>) -> Option<Failure> {
    let said = request.extensions_mut();
    let is_refused = match said.remove::<Local>() {
        Some(local) => {
            local.begun.tell();
            said.insert(local.caller);
            local.is_refused
        }
        None => said.get::<Peer>().is_some_and(|peer| peer.is_refused),
    };
    is_refused.then(|| {
        let detail = "too many connections are open; share those that there are";
        Failure::new(Code::TooManyCalls, detail)
    })
}

/// Whose connection it is, as far as that is known.
fn line(request: &Request<Body>) -> String {
    let said = request.extensions();
    match (said.get::<Caller>(), said.get::<Peer>()) {
        (Some(caller), _) => caller.to_string(),
        (None, Some(Peer { uid: Some(uid), .. })) => format!("tcp:uid:{uid}"),
        (None, _) => "tcp".to_owned(),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

impl Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let front = self.clone();
        // Told at once: whoever reads looks for it as soon as it has the head of a request.
        let run = running(&request).map(|running| running.begin());
        Box::pin(async move {
            let response = front.answer(request).await;
            Ok(match run {
                Some(run) => response.map(|body| half::answered(body, run)),
                None => response,
            })
        })
    }
}
