//! How many bytes of requests are held at once, so that callers who send much, or for ever, take no memory from others:
//! a limit for each method, one for each caller, and one for all callers.
//!
//! So many bytes of every request count for nothing: the calls that a desk lives by get in whoever else sends what.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
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
/// Bytes of the requests of one caller.
const CALLER_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// Bytes of the requests of all callers.
const ALL_BYTES_MAX: usize = 64 * 1_024 * 1_024;

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
    /// The body of a request of this caller, counted as it comes.
    pub(super) fn weigh(&self, caller: String, length_max: usize, body: Body) -> (Body, Weight) {
        let load = Arc::new(Load {
            bodies: self.clone(),
            caller,
            length_max,
            amount: Mutex::default(),
        });
        let weight = Weight(Arc::clone(&load));
        (Body::new(Weighed { body, load }), weight)
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
}

impl Drop for Load {
    fn drop(&mut self) {
        let amount = self
            .amount
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if amount.counted == 0 {
            return;
        }
        let mut counts = self.bodies.lock();
        counts.all = counts.all.saturating_sub(amount.counted);
        if let Some(of_caller) = counts.of_callers.get_mut(&self.caller) {
            *of_caller = of_caller.saturating_sub(amount.counted);
            if *of_caller == 0 {
                counts.of_callers.remove(&self.caller);
            }
        }
    }
}

/// A body whose bytes are counted; it ends with a refusal when they are too many.
struct Weighed {
    body: Body,
    load: Arc<Load>,
}

impl hyper::body::Body for Weighed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let weighed = self.get_mut();
        let frame = ready!(Pin::new(&mut weighed.body).poll_frame(cx));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => 0,
        };
        if let Err(failure) = weighed.load.add(length) {
            return Poll::Ready(Some(Err(error::status(&failure))));
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

    /// What is held of a request of so many bytes, or the code of the refusal.
    async fn send(bodies: &Bodies, who: &str, most: usize, length: usize) -> Result<Weight, Code> {
        let body = Body::new(Full::new(Bytes::from(vec![b' '; length])));
        let (body, weight) = bodies.weigh(who.to_owned(), most, body);
        match body.collect().await {
            Ok(whole) => {
                assert_eq!(whole.to_bytes().len(), length);
                Ok(weight)
            }
            Err(status) => {
                let source = std::error::Error::source(&status);
                let failure: &Failure = source.and_then(|it| it.downcast_ref()).unwrap();
                Err(failure.code)
            }
        }
    }

    #[tokio::test]
    async fn one_caller_and_all_hold_so_much_and_small_requests_get_in() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for n in 0..8 {
            let caller = format!("uid:{n}");
            for _ in 0..8 {
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
        assert_eq!(held.len(), 16, "4 of each of the first callers");
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
