//! Opens the door, serves, closes it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use super::gate::{Gate, Rights, Said};
use super::handle::Handle;
use super::listen::Socket;
use super::open::DoorError;
use super::services::Services;
use crate::ipc::call::Calls;
use crate::ipc::front::Front;
use crate::ipc::json::{Guard, Json};
use crate::ipc::tcp::Tcp;
use crate::ipc::told::Told;

/// Bytes of the headers of one request.
const HEADERS_BYTES_MAX: u32 = 16 * 1_024;
/// Calls at once on one connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// Bytes that a caller on HTTP/2 may send before they are read, of one call and of one connection.
const UNREAD_BYTES_MAX: u32 = 256 * 1_024;
/// A caller on HTTP/2 that is silent is asked after so long whether it is there, and cut as much later.
const KEEPALIVE_S: u64 = 30;
/// After the word to stop, calls that run may still be answered so long.
const DRAIN_MS_MAX: u64 = 3_000;

/// How often it is looked whether a settlement would be taken. The health of the settling services says so.
const HEALTH_LOOK_MS: u64 = 1_000;
/// How often it is looked whether those who follow something may still: the tokens and the groups are read once a second.
const STREAMS_LOOK_MS: u64 = 250;

/// Why the door closed unasked.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("the gRPC door failed")]
    Transport(#[from] tonic::transport::Error),
}

/// A door whose listeners listen already; callers that connect wait until it is served.
pub struct Door {
    socket: Socket,
    tcp: Option<Tcp>,
    gate: Gate,
    services: Services,
    calls: Calls,
    front: Front,
}

impl Door {
    /// Binds the socket, replacing one that a crash left behind. It belongs to `gid` with mode 0660 when it can be
    /// given to that group, else only its owner gets in. Must be called in a runtime.
    ///
    /// # Errors
    /// When another daemon holds it, or the system says no.
    pub fn open<H: Handle>(
        socket_path: &Path,
        gid: Option<u32>,
        said: Said,
        handle: &H,
    ) -> Result<Self, DoorError> {
        let socket = Socket::bind(socket_path, gid)?;
        Self::over(socket, said, handle)
    }

    /// A door over a socket that listens.
    pub(super) fn over<H: Handle>(
        socket: Socket,
        said: Said,
        handle: &H,
    ) -> Result<Self, DoorError> {
        let gate = Gate::new(said);
        let services = Services::new(handle, &gate)?;
        let told = Told::new(services.routes.clone(), gate.clone());
        let calls = Calls::new(told.clone());
        let front = Front {
            json: Json::new(calls.clone())?,
            services: told,
            gate: gate.clone(),
            guard: Arc::default(),
        };
        Ok(Self {
            socket,
            tcp: None,
            gate,
            services,
            calls,
            front,
        })
    }

    /// The same with pages that may call, and TCP.
    pub(in crate::ipc) fn with_http(self, guard: Guard, tcp: Option<Tcp>) -> Self {
        let front = Front {
            guard: Arc::new(guard),
            ..self.front
        };
        Self { front, tcp, ..self }
    }

    /// The same methods, rights and limits for the doors beside this one.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// What counts its callers.
    pub(in crate::ipc) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// What its calls are decided by.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.gate.rights()
    }

    /// Serves until told to stop, then ends what is followed, at every door, and lets running calls end for a short time.
    /// The socket's file goes with it.
    ///
    /// # Errors
    /// When the transport fails.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        self.services.set_serving(true).await;
        let stopping = CancellationToken::new();
        let socket = self.socket.connections(self.gate.clone());
        let socket = serve(self.front.clone(), socket, stopping.clone());
        let (front, gate, stopped) = (self.front, self.gate.clone(), stopping.clone());
        let tcp = async move {
            match self.tcp {
                Some(tcp) => serve(front, tcp.connections(gate), stopped).await,
                None => Ok(()),
            }
        };
        let server = async { tokio::try_join!(socket, tcp).map(|((), ())| ()) };
        tokio::pin!(server, stop);
        let mut look = tokio::time::interval(Duration::from_millis(HEALTH_LOOK_MS));
        let mut look_again = tokio::time::interval(Duration::from_millis(STREAMS_LOOK_MS));
        loop {
            tokio::select! {
                ended = &mut server => return Ok(ended?),
                () = &mut stop => break,
                _ = look.tick() => {
                    self.services.tell_settling().await;
                    self.gate.tell_refusals();
                }
                _ = look_again.tick() => self.gate.look_again(),
            }
        }
        self.services.set_serving(false).await;
        // What has no end of its own is not waited for; calls that have one are.
        self.gate.end_streams();
        stopping.cancel();
        let drained = tokio::time::timeout(Duration::from_millis(DRAIN_MS_MAX), server).await;
        if drained.is_err() {
            tracing::info!("calls were still open when the door closed");
        }
        drained.unwrap_or(Ok(())).map_err(ServeError::from)
    }
}

/// Serves what one listener gives.
async fn serve<C>(
    front: Front,
    connections: impl Stream<Item = io::Result<C>>,
    stopping: CancellationToken,
) -> Result<(), tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .initial_stream_window_size(UNREAD_BYTES_MAX)
        .initial_connection_window_size(UNREAD_BYTES_MAX)
        .http2_keepalive_interval(Some(Duration::from_secs(KEEPALIVE_S)))
        .http2_keepalive_timeout(Some(Duration::from_secs(KEEPALIVE_S)))
        .serve_with_incoming_shutdown(front, connections, stopping.cancelled_owned())
        .await
}
