//! What is followed: each open stream with who follows it, so that one whose right is taken back is told so and ended, as
//! all are when the door closes.
//!
//! Calls with one answer are not torn: what was admitted goes on, and who asked hears what became of it. Money may have
//! moved by then, and nobody else knows under which id.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, Stream};
use tokio::sync::oneshot;
use tonic::{Request, Status};

use super::{Gate, Pass, Rights, Said};
use crate::book::Code;
use crate::ipc::access::{Caller, Operation};
use crate::ipc::convert::error;
use crate::operation::{CallerId, Failure};

/// The open streams of all doors. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    next: u64,
    open: BTreeMap<u64, Row>,
    is_closed: bool,
}

struct Row {
    caller: Option<Caller>,
    operation: Operation,
    /// Takes why it ends.
    end: oneshot::Sender<Failure>,
}

/// A stream that is open until this is dropped, counted as a call.
pub(in crate::ipc::grpc) struct Followed {
    streams: Streams,
    id: u64,
    /// Gives why it ends.
    end: oneshot::Receiver<Failure>,
    _pass: Pass,
}

impl Gate {
    /// Says who follows and counts the call, or why it may not be.
    pub(in crate::ipc::grpc) fn follow<T>(
        &self,
        request: &Request<T>,
        operation: Operation,
    ) -> Result<(CallerId, Followed), Status> {
        self.follow_as(request.extensions().get::<Caller>(), operation)
    }

    /// [`Gate::follow`] where there is no request of gRPC's yet.
    pub(in crate::ipc::grpc) fn follow_as(
        &self,
        caller: Option<&Caller>,
        operation: Operation,
    ) -> Result<(CallerId, Followed), Status> {
        let (id, pass) = self.admit_as(caller, operation)?;
        let streams = &self.rights.streams;
        Ok((id, streams.open(caller.cloned(), operation, pass)))
    }

    /// Asks whether the caller might do that too at the moment when it is asked.
    pub(in crate::ipc::grpc) fn asking<T>(
        &self,
        request: &Request<T>,
        operation: Operation,
    ) -> impl Fn() -> bool + Send + 'static + use<T> {
        let caller = request.extensions().get::<Caller>().cloned();
        let now = Arc::clone(&self.rights.now);
        move || now.load().admits(caller.as_ref(), operation).is_ok()
    }

    /// Ends what is followed by who may not any more. To be called now and then: tokens and groups change by themselves.
    pub(in crate::ipc::grpc) fn look_again(&self) {
        self.rights.look_again();
    }

    /// Ends all that is followed, also what is begun after this.
    pub(in crate::ipc::grpc) fn end_streams(&self) {
        self.rights.streams.close();
    }
}

impl Rights {
    pub(super) fn look_again(&self) {
        self.streams.look_again(&self.now.load());
    }
}

#[cfg(test)]
impl Rights {
    /// How many streams are open.
    pub(in crate::ipc) fn streams_open(&self) -> usize {
        self.streams.rows().open.len()
    }
}

impl Streams {
    fn open(&self, caller: Option<Caller>, operation: Operation, pass: Pass) -> Followed {
        let (end, ended) = oneshot::channel();
        let row = Row {
            caller,
            operation,
            end,
        };
        let mut rows = self.rows();
        let id = rows.next;
        rows.next += 1;
        match rows.is_closed {
            true => row.end(closing()),
            false => drop(rows.open.insert(id, row)),
        }
        drop(rows);
        Followed {
            streams: self.clone(),
            id,
            end: ended,
            _pass: pass,
        }
    }

    fn look_again(&self, said: &Said) {
        let mut told: BTreeMap<(String, &str, &str), u32> = BTreeMap::new();
        let mut rows = self.rows();
        for (row, failure) in rows.take_forbidden(said) {
            let who = row.caller.as_ref().map(Caller::to_string);
            let key = (
                who.unwrap_or_default(),
                row.operation.name(),
                failure.code.id(),
            );
            *told.entry(key).or_default() += 1;
            row.end(failure);
        }
        drop(rows);
        for ((caller, operation, code), streams) in told {
            tracing::info!(
                caller,
                operation,
                code,
                streams,
                "who follows may not any more"
            );
        }
    }

    fn close(&self) {
        let mut rows = self.rows();
        rows.is_closed = true;
        for row in std::mem::take(&mut rows.open).into_values() {
            row.end(closing());
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn take_forbidden(&mut self, said: &Said) -> Vec<(Row, Failure)> {
        let mut forbidden: Vec<(u64, Failure)> = Vec::new();
        // A program that has many open has them one after the other.
        let mut before: Option<(&Row, Option<Failure>)> = None;
        for (id, row) in &self.open {
            let is_same = |of: &Row| of.operation == row.operation && of.caller == row.caller;
            let objection = match &before {
                Some((of, objection)) if is_same(of) => objection.clone(),
                Some(_) | None => said.admits(row.caller.as_ref(), row.operation).err(),
            };
            forbidden.extend(objection.clone().map(|failure| (*id, failure)));
            before = Some((row, objection));
        }
        let rows = forbidden.into_iter();
        rows.filter_map(|(id, failure)| Some((self.open.remove(&id)?, failure)))
            .collect()
    }
}

impl Row {
    fn end(self, why: Failure) {
        // It may have ended by itself at this moment.
        drop(self.end.send(why));
    }
}

fn closing() -> Failure {
    Failure::new(
        Code::ShuttingDown,
        "the daemon stops; follow again when it is back",
    )
}

impl Followed {
    /// These, until they end or it is ended.
    pub(in crate::ipc::grpc) fn over<S, T>(
        self,
        answers: S,
    ) -> BoxStream<'static, Result<T, Status>>
    where
        S: Stream<Item = Result<T, Status>> + Send + 'static,
        T: Send + 'static,
    {
        Ending(Some((answers.boxed(), self))).boxed()
    }

    /// Why it is to end, once it is. Not to be asked again then.
    pub(in crate::ipc::grpc) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let why = ready!(Pin::new(&mut self.end).poll(cx));
        let why = why.unwrap_or_else(|_| closing());
        Poll::Ready(error::status_of_look(&why))
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.streams.rows().open.remove(&self.id);
    }
}

/// A stream with who follows it, until it is over.
struct Ending<T>(Option<(BoxStream<'static, Result<T, Status>>, Followed)>);

impl<T> Stream for Ending<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some((answers, followed)) = &mut this.0 else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(why) = followed.poll_end(cx) {
            this.0 = None;
            return Poll::Ready(Some(Err(why)));
        }
        let answer = ready!(answers.poll_next_unpin(cx));
        if answer.is_none() {
            this.0 = None;
        }
        Poll::Ready(answer)
    }
}
