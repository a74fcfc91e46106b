//! One IPP request over a connection of its own, by its deadline and with a bounded answer. Nothing is repeated here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Refusal;
use crate::book::Code;
use crate::config::devices::{QueueHost, QueuePlace};
use crate::device::error::DeviceError;

/// Longest answer.
const ANSWER_BYTES_MAX: usize = 1_024 * 1_024;

/// A request's head and the document behind it.
pub(super) struct Upload {
    head: Option<Bytes>,
    pieces: Option<mpsc::Receiver<io::Result<Bytes>>>,
    left: u64,
}

impl Upload {
    /// A request without a document.
    pub(super) fn of(head: Bytes) -> Self {
        Self::with(head, 0, None)
    }

    /// A request with a document of so many bytes. When its pieces end early the request breaks off: no printer
    /// takes it for whole.
    pub(super) fn with(
        head: Bytes,
        bytes: u64,
        pieces: Option<mpsc::Receiver<io::Result<Bytes>>>,
    ) -> Self {
        let head_bytes = u64::try_from(head.len()).unwrap_or(u64::MAX);
        Self {
            left: head_bytes.saturating_add(bytes),
            head: Some(head),
            pieces,
        }
    }

    /// What is sent before any document.
    pub(super) fn head(&self) -> Bytes {
        self.head.clone().unwrap_or_default()
    }

    /// Bytes of the document behind it; `None`: there is none.
    pub(super) fn document_bytes(&self) -> Option<u64> {
        let head = u64::try_from(self.head().len()).unwrap_or(u64::MAX);
        (self.pieces.is_some()).then_some(self.left.saturating_sub(head))
    }

    fn gone(&mut self, piece: Bytes) -> io::Result<Frame<Bytes>> {
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| io::Error::other("the document is longer than it was"))?;
        Ok(Frame::data(piece))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if let Some(head) = this.head.take() {
            return Poll::Ready(Some(this.gone(head)));
        }
        let Some(pieces) = &mut this.pieces else {
            return Poll::Ready(None);
        };
        match pieces.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) if this.left == 0 => Poll::Ready(None),
            Poll::Ready(None) => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Ok(piece))) => Poll::Ready(Some(this.gone(piece))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What came back.
pub(super) enum Answered {
    /// A message of IPP, as far as HTTP can say.
    Message(Bytes),
    /// HTTP says no.
    Status(StatusCode),
}

/// Sends a request and reads its answer.
///
/// # Errors
/// There is no whole answer by the deadline: whether the request was carried out is not known.
pub(super) async fn exchange(
    place: &QueuePlace,
    user: &str,
    upload: Upload,
    deadline: Instant,
) -> Result<Answered, Refusal> {
    // Whoever was reached and takes no document has another fault than one that cannot be reached.
    let code = match upload.pieces {
        Some(_) => Code::QueueBrokeOff,
        None => Code::PrintServiceMissing,
    };
    let exchanging = async {
        match &place.host {
            QueueHost::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(not_reached)?;
                over(stream, place, Some(user), upload, code).await
            }
            QueueHost::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(not_reached)?;
                over(stream, place, None, upload, code).await
            }
        }
    };
    match timeout_at(deadline, exchanging).await {
        Ok(answered) => answered,
        Err(_) => Err(no_answer(code, "no answer in time")),
    }
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    place: &QueuePlace,
    peer: Option<&str>,
    upload: Upload,
    broken: Code,
) -> Result<Answered, Refusal> {
    let no_answer = |error: hyper::Error| no_answer(broken, error);
    let shaken = http1::handshake::<_, Upload>(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(not_reached)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(&place.resource)
        .header(HOST, place.authority())
        .header(CONTENT_TYPE, "application/ipp");
    let request = match peer {
        // The socket shows who we are; this says that we want to be known by it.
        Some(user) => request.header(AUTHORIZATION, format!("PeerCred {user}")),
        None => request,
    };
    let request = (request.body(upload)).map_err(not_reached)?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(no_answer)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Ok(Answered::Status(status));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let whole = body
            .collect()
            .await
            .map_err(|error| self::no_answer(broken, error))?;
        Ok(Answered::Message(whole.to_bytes()))
    };
    // The connection's own end says nothing more than the answer does; it lives as long as the asking.
    tokio::pin!(connection);
    let mut ended = false;
    tokio::pin!(asking);
    loop {
        tokio::select! {
            biased;
            answer = &mut asking => return answer,
            _ = &mut connection, if !ended => ended = true,
        }
    }
}

fn not_reached(why: impl std::fmt::Display) -> Refusal {
    no_answer(Code::PrintServiceMissing, why)
}

fn no_answer(code: Code, why: impl std::fmt::Display) -> Refusal {
    Refusal::NoAnswer(DeviceError::new(code, format!("the print service: {why}")))
}

/// What a status that is no success says of the request.
pub(super) fn refused(place: &QueuePlace, status: StatusCode) -> Refusal {
    let detail = format!("{} answers HTTP {status}", place.shown());
    Refusal::Refused(DeviceError::new(code_of(status), detail))
}

/// What a status that is no success means.
fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::NOT_FOUND => Code::QueueUnknown,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::QueueForbidden,
        StatusCode::PAYLOAD_TOO_LARGE => Code::QueueOverLimit,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
            Code::QueueUnsuitable
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Code::QueueBusy,
        status if status.is_server_error() => Code::QueueBusy,
        _ => Code::QueueRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (status, code) in [
            (301, Code::QueueRefused),
            (400, Code::QueueRefused),
            (401, Code::QueueForbidden),
            (403, Code::QueueForbidden),
            (404, Code::QueueUnknown),
            (408, Code::QueueBusy),
            (413, Code::QueueOverLimit),
            (415, Code::QueueRefused),
            (426, Code::QueueRefused),
            (429, Code::QueueBusy),
            (500, Code::QueueBusy),
            (501, Code::QueueUnsuitable),
            (503, Code::QueueBusy),
            (507, Code::QueueBusy),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(code_of(status), code, "{status}");
        }
    }
}
