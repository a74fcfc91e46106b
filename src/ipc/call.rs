//! One call of any method within the process, for the doors that carry no gRPC: they translate to protobuf and back,
//! and all else – rights, limits, what is done, what is answered – is what a gRPC caller gets.
//!
//! It must not know any door nor any method.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::uri::PathAndQuery;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

use super::access::{Caller, Operation};
use super::convert::error;
use super::told::{Told, name_of};
use crate::book::Code;
use crate::operation::Failure;

/// Calls methods for the callers of any door. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    services: Told,
}

impl Calls {
    pub(super) fn new(services: Told) -> Self {
        Self { services }
    }

    /// A door refused a call by itself: the log is told.
    pub(super) fn tell(&self, caller: &Caller, operation: Option<&str>, failure: &Failure) {
        self.services.tell(caller, operation, failure);
    }

    /// Calls `/package.Service/Method` with a message in protobuf and returns the answer in protobuf. Dropping the
    /// future says that the caller went away; so does the end of its deadline.
    ///
    /// # Errors
    /// The status that a gRPC caller would get.
    pub async fn unary(
        &self,
        caller: Caller,
        path: &str,
        message: Bytes,
        deadline: Option<Duration>,
    ) -> Result<Bytes, Status> {
        let (uri, who) = (path_of(path)?, deadline.map(|_| caller.clone()));
        let mut grpc = self.grpc();
        let call = grpc.unary(request(caller, message, deadline), uri, Plain);
        let (Some(deadline), Some(who)) = (deadline, who) else {
            return Ok(call.await?.into_inner());
        };
        match tokio::time::timeout(deadline, call).await {
            Ok(answer) => Ok(answer?.into_inner()),
            Err(_) => Err(self.deadline_over(&who, path)),
        }
    }

    /// The same for a method that answers with a stream. Dropping the stream says that the caller went away.
    ///
    /// # Errors
    /// The status that a gRPC caller would get before the first message.
    pub async fn stream(
        &self,
        caller: Caller,
        path: &str,
        message: Bytes,
        deadline: Option<Duration>,
    ) -> Result<BoxStream<'static, Result<Bytes, Status>>, Status> {
        let (uri, who) = (path_of(path)?, deadline.map(|_| caller.clone()));
        let request = request(caller, message, deadline);
        let mut grpc = self.grpc();
        let begun = grpc.server_streaming(request, uri, Plain);
        let (Some(deadline), Some(who)) = (deadline, who) else {
            return Ok(begun.await?.into_inner().boxed());
        };
        // The deadline of a call is that of its whole stream.
        let over = Instant::now() + deadline;
        let Ok(begun) = tokio::time::timeout_at(over, begun).await else {
            return Err(self.deadline_over(&who, path));
        };
        let left = Some((begun?.into_inner(), late(path, &too_late())));
        let told = stream::unfold(left, move |left| async move {
            let (mut answers, late) = left?;
            match tokio::time::timeout_at(over, answers.next()).await {
                Ok(answer) => answer.map(|answer| (answer, Some((answers, late)))),
                // Whoever follows something until then got what it wanted.
                Err(_) => Some((Err(late), None)),
            }
        });
        Ok(told.boxed())
    }

    fn deadline_over(&self, caller: &Caller, path: &str) -> Status {
        let failure = too_late();
        self.tell(caller, Some(name_of(path)), &failure);
        late(path, &failure)
    }

    fn grpc(&self) -> Grpc<Told> {
        // What is answered was made here; no limit of ours is meant for it.
        Grpc::new(self.services.clone()).max_decoding_message_size(usize::MAX)
    }
}

fn too_late() -> Failure {
    Failure::new(Code::DeadlineOver, "")
}

/// What became of the money is unknown only where the call may have moved some: such a method is called as its operation.
fn late(path: &str, failure: &Failure) -> Status {
    match Operation::of(name_of(path)).is_some_and(Operation::moves) {
        true => error::status(failure),
        false => error::status_of_look(failure),
    }
}

fn path_of(path: &str) -> Result<PathAndQuery, Status> {
    let path = path.parse();
    path.map_err(|_| {
        let detail = "this is no path of a method";
        error::status(&Failure::new(Code::MethodUnknown, detail))
    })
}

fn request(caller: Caller, message: Bytes, deadline: Option<Duration>) -> Request<Bytes> {
    let mut request = Request::new(message);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    request.extensions_mut().insert(caller);
    request
}

/// Messages that stay as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Plain;
    type Decoder = Plain;

    fn encoder(&mut self) -> Plain {
        *self
    }

    fn decoder(&mut self) -> Plain {
        *self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}
