//! The services behind every door, and the log that is told of what they refuse: who asked, for what, by which code.
//!
//! What the gate refuses it tells by itself. It must not know any method.

use std::convert::Infallible;
use std::error::Error as _;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code as StatusCode, Status};
use tower::Service;

use super::access::Caller;
use super::convert::error;
use super::grpc::{Gate, Heard, Refused};
use crate::book::Code;
use crate::operation::Failure;

/// The services. Cheap to clone.
#[derive(Clone)]
pub(super) struct Told {
    routes: Routes,
    gate: Gate,
}

/// A refusal that the log has not heard of.
struct Unheard {
    failure: Failure,
    /// Whether there is a method of that path.
    is_method: bool,
    /// Whether the answer lacks the row of the book: gRPC gave it by itself.
    is_bare: bool,
}

impl Told {
    pub(super) fn new(routes: Routes, gate: Gate) -> Self {
        Self { routes, gate }
    }

    /// The log is told of a call that never came to a service, or was given up.
    pub(super) fn tell(&self, caller: &Caller, operation: Option<&str>, failure: &Failure) {
        tell(&self.gate, caller, operation, failure);
    }
}

fn tell(gate: &Gate, caller: &Caller, operation: Option<&str>, failure: &Failure) {
    gate.answered(&Refused {
        who: &caller.to_string(),
        caller: Some(caller),
        operation,
        failure,
    });
}

impl Service<Request<Body>> for Told {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.routes, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let caller = request.extensions().get::<Caller>().cloned();
        let uri = request.uri().clone();
        let (gate, answered) = (self.gate.clone(), self.routes.call(request));
        Box::pin(async move {
            let response = answered.await?;
            let Some(unheard) = unheard(&response) else {
                return Ok(response);
            };
            if let Some(caller) = caller {
                let operation = unheard.is_method.then(|| name_of(uri.path()));
                tell(&gate, &caller, operation, &unheard.failure);
            }
            match unheard.is_bare {
                true => Ok(error::status(&unheard.failure).into_http()),
                false => Ok(response),
            }
        })
    }
}

/// The method's name of a path.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// What the log is to be told of an answer.
fn unheard<B>(response: &Response<B>) -> Option<Unheard> {
    let said = response.headers().get(Status::GRPC_STATUS)?;
    let Some(status) = response.extensions().get::<Status>() else {
        // A service answers so itself when it has no such method.
        return (said != "0").then(no_method);
    };
    match status.source() {
        Some(source) if source.is::<Heard>() => None,
        Some(source) => Some(Unheard {
            failure: source.downcast_ref().cloned()?,
            is_method: true,
            is_bare: false,
        }),
        None => of_transport(status),
    }
}

fn no_method() -> Unheard {
    Unheard {
        failure: Failure::new(Code::MethodUnknown, ""),
        is_method: false,
        is_bare: true,
    }
}

/// What gRPC itself refused: the frame, its length, its protobuf. Such words name fields and lengths; those of other
/// codes may repeat what the caller sent.
fn of_transport(status: &Status) -> Option<Unheard> {
    let (code, detail) = match status.code() {
        StatusCode::Ok | StatusCode::Cancelled => return None,
        StatusCode::Unimplemented if status.message().is_empty() => return Some(no_method()),
        StatusCode::Unimplemented => (Code::RequestInvalid, "it is compressed"),
        StatusCode::Internal | StatusCode::OutOfRange => (Code::RequestInvalid, status.message()),
        StatusCode::NotFound => (Code::NotFound, ""),
        StatusCode::Unknown
        | StatusCode::InvalidArgument
        | StatusCode::DeadlineExceeded
        | StatusCode::AlreadyExists
        | StatusCode::PermissionDenied
        | StatusCode::ResourceExhausted
        | StatusCode::FailedPrecondition
        | StatusCode::Aborted
        | StatusCode::Unavailable
        | StatusCode::DataLoss
        | StatusCode::Unauthenticated => (Code::RequestInvalid, ""),
    };
    Some(Unheard {
        failure: Failure::new(code, detail),
        is_method: true,
        // Who asks for the health of a service that is none is answered as gRPC wants it.
        is_bare: code != Code::NotFound,
    })
}
