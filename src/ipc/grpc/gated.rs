//! Services of others, health and reflection, behind the same gate as ours: a right, a limit, and an end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use hyper::body::Frame;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use super::gate::{Followed, Gate};
use crate::ipc::access::{Caller, Operation};

/// A service of which every call is this operation, open until its answer is over.
#[derive(Clone)]
pub(super) struct Gated<S> {
    service: S,
    gate: Gate,
    operation: Operation,
}

impl<S> Gated<S> {
    pub(super) fn new(service: S, gate: &Gate, operation: Operation) -> Self {
        Self {
            service,
            gate: gate.clone(),
            operation,
        }
    }
}

impl<S: NamedService> NamedService for Gated<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let caller = request.extensions().get::<Caller>();
        let followed = match self.gate.follow_as(caller, self.operation) {
            Ok((_, followed)) => followed,
            Err(status) => return Box::pin(async move { Ok(status.into_http()) }),
        };
        // Who asks on and on is not heard any more once its answer is over, else the stream is never closed.
        let over = CancellationToken::new();
        let answer_over = over.clone().drop_guard();
        let request = request.map(|body| {
            Body::new(Asked {
                body: Some(body),
                over: Box::pin(over.cancelled_owned()),
            })
        });
        let answered = self.service.call(request);
        Box::pin(async move {
            let response = answered.await?;
            Ok(response.map(|body| Body::new(Counted(Some((body, followed, answer_over))))))
        })
    }
}

/// The body of a request, which ends with the answer.
struct Asked {
    body: Option<Body>,
    over: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl hyper::body::Body for Asked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if this.over.as_mut().poll(cx).is_ready() {
            this.body = None;
            return Poll::Ready(None);
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        let body = self.body.as_ref();
        body.is_none_or(hyper::body::Body::is_end_stream)
    }
}

/// A body with who waits for it, until it is over.
struct Counted(Option<(Body, Followed, DropGuard)>);

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some((body, followed, _)) = &mut this.0 else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(why) = followed.poll_end(cx) {
            this.0 = None;
            let mut last = HeaderMap::new();
            let added = why.add_header(&mut last);
            return Poll::Ready(Some(added.map(|()| Frame::trailers(last))));
        }
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            this.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let of = self.0.as_ref();
        of.is_none_or(|(body, ..)| body.is_end_stream())
    }
}
