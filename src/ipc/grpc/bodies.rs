//! How many bytes of requests are held at once, so that callers who send much, or for ever, take no memory from others:
//! a limit for each method, one for each caller, and one for all callers; and how long a request may take to come.
//!
//! So many bytes of every request count for nothing: the calls that a desk lives by get in whoever else sends what.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

use crate::book::Code;
use crate::ipc::access::Operation;
use crate::ipc::convert::error;
use crate::operation::Failure;

/// Bytes of one request of most methods, and of any method to who may not call it; of each request so many are not
/// counted.
pub(super) const SMALL_BYTES_MAX: usize = 64 * 1_024;
/// Bytes of a request with bills or goods in it.
pub(super) const LIST_BYTES_MAX: usize = 1_024 * 1_024;
/// Bytes of a request with a document or a journal's record in it.
pub(super) const DOCUMENT_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Bytes of the requests of one caller: a server of reports sends a dozen at once.
const CALLER_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Bytes of the requests of all callers.
const ALL_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// How long a request may take from its head to its last byte.
const COMING_S_MAX: u64 = 30;
/// Of these, a request is many messages, and each is small: it lasts as long as its caller asks on.
const TALKS: &str = "/grpc.reflection.";
/// Of these, nothing is counted once they came: documents are laid on disk, within limits of their own, before anything
/// is waited for, and a printer keeps a call waiting for long.
const HANDED_ON: [&str; 3] = [
    "/yibao.v1.PrintService/Print",
    "/yibao.v1.PrintService/PrintBatch",
    "/yibao.v1.PrintService/PutDocument",
];

/// The methods whose requests may be larger than small, and which of these operations one has to be allowed for it.
const LARGE: [(&str, usize, &[Operation]); 9] = [
    (
        "/yibao.v1.SettlementService/ScanAndPay",
        LIST_BYTES_MAX,
        &[Operation::ScanAndPay, Operation::ScanAndPayPharmacy],
    ),
    (
        "/yibao.v1.SettlementService/RefundSettlement",
        LIST_BYTES_MAX,
        &[Operation::RefundSettlement],
    ),
    // Other desks' records in it.
    (
        "/yibao.v1.SettlementService/Reconcile",
        DOCUMENT_BYTES_MAX,
        &[Operation::ReconcileHospital],
    ),
    (
        "/yibao.v1.DispenseService/HandOut",
        LIST_BYTES_MAX,
        &[Operation::HandOut],
    ),
    (
        "/yibao.v1.DispenseService/TakeBack",
        LIST_BYTES_MAX,
        &[Operation::TakeBack],
    ),
    (
        "/yibao.v1.PrintService/Print",
        DOCUMENT_BYTES_MAX,
        &[Operation::Print, Operation::PrintRaw],
    ),
    (
        "/yibao.v1.PrintService/PrintBatch",
        DOCUMENT_BYTES_MAX,
        &[Operation::Print],
    ),
    (
        "/yibao.v1.PrintService/PutDocument",
        DOCUMENT_BYTES_MAX,
        &[Operation::Print],
    ),
    (
        "/yibao.v1.PrintService/Preview",
        DOCUMENT_BYTES_MAX,
        &[Operation::PreviewPrint],
    ),
];

/// Bytes of a request of this path, from somebody who may do that.
pub(super) fn length_max(path: &str, may: impl Fn(Operation) -> bool) -> usize {
    let row = LARGE.iter().find(|(of, ..)| *of == path);
    match row {
        Some((_, most, any_of)) if any_of.iter().any(|operation| may(*operation)) => *most,
        Some(_) | None => SMALL_BYTES_MAX,
    }
}

/// What is held of all requests. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Bodies(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    of_callers: BTreeMap<String, usize>,
}

/// What is held of one request, until it is dropped.
struct Load {
    bodies: Bodies,
    caller: String,
    length_max: usize,
    amount: Mutex<Amount>,
}

#[derive(Default)]
struct Amount {
    read: usize,
    counted: usize,
}

/// Keeps the bytes of a request counted: for as long as what was made of them is held.
pub(in crate::ipc) struct Weight(
    #[expect(dead_code, reason = "it counts while it lives")] Arc<Load>,
);

impl Bodies {
    /// The body of a request of this caller to this path, counted as it comes.
    pub(super) fn weigh(
        &self,
        caller: String,
        path: &str,
        length_max: usize,
        body: Body,
    ) -> (Body, Weight) {
        let load = Arc::new(Load {
            bodies: self.clone(),
            caller,
            length_max,
            amount: Mutex::default(),
        });
        let weight = Weight(Arc::clone(&load));
        let most = Duration::from_secs(COMING_S_MAX);
        let until = (!path.starts_with(TALKS)).then(|| Box::pin(tokio::time::sleep(most)));
        let weighed = Weighed {
            body,
            load,
            until,
            is_handed_on: HANDED_ON.contains(&path),
        };
        (Body::new(weighed), weight)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    /// Takes so many bytes more.
    fn add(&self, length: usize) -> Result<(), Failure> {
        let mut amount = self.amount.lock().unwrap_or_else(PoisonError::into_inner);
        amount.read = amount.read.saturating_add(length);
        if amount.read > self.length_max {
            let detail = format!(
                "the request is longer than the {} bytes that it may have of this caller",
                self.length_max
            );
            return Err(Failure::new(Code::RequestInvalid, detail));
        }
        let due = amount.read.saturating_sub(SMALL_BYTES_MAX) - amount.counted;
        if due == 0 {
            return Ok(());
        }
        let mut counts = self.bodies.lock();
        let of_caller = counts.of_callers.get(&self.caller).copied().unwrap_or(0);
        let full = |whose: &str, most: usize| {
            let detail = format!("the requests of {whose} that are open hold {most} bytes");
            Err(Failure::new(Code::TooManyCalls, detail))
        };
        if of_caller + due > CALLER_BYTES_MAX {
            return full(&self.caller, CALLER_BYTES_MAX);
        }
        if counts.all + due > ALL_BYTES_MAX {
            return full("all callers", ALL_BYTES_MAX);
        }
        counts.all += due;
        counts
            .of_callers
            .insert(self.caller.clone(), of_caller + due);
        amount.counted += due;
        Ok(())
    }

    /// Nothing of it counts any more.
    fn give_back(&self) {
        let mut amount = self.amount.lock().unwrap_or_else(PoisonError::into_inner);
        let Amount { counted, .. } = std::mem::take(&mut *amount);
        if counted == 0 {
            return;
        }
        let mut counts = self.bodies.lock();
        counts.all = counts.all.saturating_sub(counted);
        if let Some(of_caller) = counts.of_callers.get_mut(&self.caller) {
            *of_caller = of_caller.saturating_sub(counted);
            if *of_caller == 0 {
                counts.of_callers.remove(&self.caller);
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A body whose bytes are counted; it ends with a refusal when they are too many, or come too slowly.
struct Weighed {
    body: Body,
    load: Arc<Load>,
    /// Until it came whole.
    until: Option<Pin<Box<Sleep>>>,
    is_handed_on: bool,
}

impl Weighed {
    /// Whether it is late, while nothing comes.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        match &mut self.until {
            Some(until) => until.as_mut().poll(cx).map(|()| {
                let detail = format!("the request took longer than {COMING_S_MAX} s to come");
                error::status(&Failure::new(Code::RequestInvalid, detail))
            }),
            None => Poll::Pending,
        }
    }

    /// It came whole.
    fn end(&mut self) {
        self.until = None;
        if self.is_handed_on {
            self.load.give_back();
        }
    }
}

impl hyper::body::Body for Weighed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let weighed = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut weighed.body).poll_frame(cx) else {
            return weighed.poll_late(cx).map(|late| Some(Err(late)));
        };
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => 0,
        };
        if let Err(failure) = weighed.load.add(length) {
            return Poll::Ready(Some(Err(error::status(&failure))));
        }
        if frame.is_none() || weighed.body.is_end_stream() {
            weighed.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;
    use crate::ipc::json::all;

    const MIB: usize = 1_024 * 1_024;

    const PREVIEW: &str = "/yibao.v1.PrintService/Preview";

    /// What is held of a request of so many bytes, or the code of the refusal.
    async fn send(bodies: &Bodies, who: &str, most: usize, length: usize) -> Result<Weight, Code> {
        send_to(PREVIEW, bodies, who, most, length).await
    }

    async fn send_to(
        path: &str,
        bodies: &Bodies,
        who: &str,
        most: usize,
        length: usize,
    ) -> Result<Weight, Code> {
        let body = Body::new(Full::new(Bytes::from(vec![b' '; length])));
        let (body, weight) = bodies.weigh(who.to_owned(), path, most, body);
        match body.collect().await {
            Ok(whole) => {
                assert_eq!(whole.to_bytes().len(), length);
                Ok(weight)
            }
            Err(status) => Err(code_of(&status)),
        }
    }

    fn code_of(status: &Status) -> Code {
        let source = std::error::Error::source(status);
        let failure: &Failure = source.and_then(|it| it.downcast_ref()).unwrap();
        failure.code
    }

    #[tokio::test]
    async fn what_was_handed_on_counts_no_more_and_what_is_held_does() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for path in HANDED_ON {
            for _ in 0..12 {
                let sent = send_to(path, &bodies, "uid:0", DOCUMENT_BYTES_MAX, 4 * MIB).await;
                held.push(sent.unwrap());
            }
        }
        assert_eq!(bodies.lock().all, 0);
        let preview = send(&bodies, "uid:0", DOCUMENT_BYTES_MAX, 4 * MIB).await;
        assert_eq!(bodies.lock().all, 4 * MIB - SMALL_BYTES_MAX);
        drop((held, preview));
        assert_eq!(bodies.lock().all, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_never_ends_is_cut_and_a_talk_is_not() {
        let bodies = Bodies::default();
        let talk = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        for (path, is_cut) in [(PREVIEW, true), (HANDED_ON[0], true), (talk, false)] {
            let drips = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let drop = Frame::data(Bytes::from_static(b" "));
                Some((Ok::<_, Status>(drop), ()))
            });
            let drips = Body::new(http_body_util::StreamBody::new(Box::pin(drips)));
            let most = DOCUMENT_BYTES_MAX;
            let (mut body, _weight) = bodies.weigh("uid:0".to_owned(), path, most, drips);
            let began = tokio::time::Instant::now();
            let mut code = None;
            while code.is_none() && began.elapsed().as_secs() < 10 * COMING_S_MAX {
                let frame = body.frame().await.unwrap();
                code = frame.err().map(|status| code_of(&status));
            }
            assert_eq!(code, is_cut.then_some(Code::RequestInvalid), "{path}");
            let most = Duration::from_secs(COMING_S_MAX + 1);
            assert_eq!(began.elapsed() <= most, is_cut, "{path}");
        }
    }

    #[tokio::test]
    async fn one_caller_and_all_hold_so_much_and_small_requests_get_in() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for n in 0..8 {
            let caller = format!("uid:{n}");
            for _ in 0..9 {
                let sent = send(&bodies, &caller, DOCUMENT_BYTES_MAX, 4 * MIB).await;
                match sent {
                    Ok(weight) => held.push(weight),
                    Err(code) => assert_eq!(code, Code::TooManyCalls),
                }
            }
            let counts = bodies.lock();
            assert!(counts.of_callers.values().all(|of| *of <= CALLER_BYTES_MAX));
            assert!(counts.all <= ALL_BYTES_MAX);
        }
        assert_eq!(held.len(), 16, "8 of each of the first callers");
        let small = send(&bodies, "uid:0", SMALL_BYTES_MAX, SMALL_BYTES_MAX).await;
        assert!(small.is_ok(), "who is full may still ask");
        drop(held);
        assert!(bodies.lock().of_callers.is_empty());
        assert_eq!(bodies.lock().all, 0);
        let again = send(&bodies, "uid:0", DOCUMENT_BYTES_MAX, 4 * MIB).await;
        assert!(again.is_ok());
        let long = send(&bodies, "uid:0", SMALL_BYTES_MAX, SMALL_BYTES_MAX + 1).await;
        assert_eq!(long.err(), Some(Code::RequestInvalid));
    }

    #[test]
    fn only_who_may_call_a_method_may_send_it_much() {
        let methods = all().unwrap();
        assert!(HANDED_ON.iter().all(|path| methods.contains_key(*path)));
        for (path, most, any_of) in LARGE {
            assert!(methods.contains_key(path), "{path}");
            assert_eq!(length_max(path, |_| false), SMALL_BYTES_MAX);
            for operation in any_of {
                assert_eq!(length_max(path, |asked| asked == *operation), most);
            }
        }
        let small = length_max("/yibao.v1.DaemonService/GetStatus", |_| true);
        assert_eq!(small, SMALL_BYTES_MAX);
    }
}
