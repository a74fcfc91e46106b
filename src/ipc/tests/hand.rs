//! Opens doors for a test and calls by plain HTTP/1.1.

use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::access::Access;
use crate::config::doors;
use crate::ipc::access::{Accounts, Policy};
use crate::ipc::call::Calls;
use crate::ipc::grpc::tests::played::Desk;
use crate::ipc::grpc::{Door, Rights, Said, ServeError};
use crate::ipc::json::Guard;
use crate::ipc::tcp::{Tcp, Tokens};

/// What the token file holds.
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What another held, of the name `gone`.
pub(super) const GONE: &str = "fedcba9876543210fedcba9876543210";
/// The page that may call.
pub(super) const PAGE: &str = "https://his.example";
/// Calls of one caller.
pub(super) const CALLS_MAX: u32 = 8;

/// Open doors.
pub(super) struct Doors {
    pub(super) dir: tempfile::TempDir,
    pub(super) socket: PathBuf,
    pub(super) tcp: SocketAddr,
    pub(super) calls: Calls,
    pub(super) rights: Rights,
    pub(super) has_tls: bool,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Doors {
    /// With the tokens `his` and `gone` and the page; money is not moved over TCP.
    pub(super) fn open(desk: &Desk, access: &Access, tls: Option<doors::TlsFiles>) -> Self {
        let own_uid = std::fs::metadata("/proc/self").unwrap().uid();
        Self::open_to(desk, access, tls, false, own_uid)
    }

    /// The same, and whether money is moved over TCP, and who is taken for the socket's owner.
    pub(super) fn open_to(
        desk: &Desk,
        access: &Access,
        tls: Option<doors::TlsFiles>,
        settles: bool,
        owner_uid: u32,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("yibaod.sock");
        let has_tls = tls.is_some();
        let policy = Policy::new(access, owner_uid, &Accounts::default()).unwrap();
        let policy = policy.with_tcp(settles);
        let token = |name: &str, token: &str| {
            let file = dir.path().join(name);
            std::fs::write(&file, token).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            doors::Token {
                name: name.to_owned(),
                file,
                any_uid: false,
            }
        };
        let config = doors::Tcp {
            listen: Some(([127, 0, 0, 1], 0).into()),
            tokens: vec![token("his", TOKEN), token("gone", GONE)],
            tls,
            ..doors::Tcp::default()
        };
        let listener = Tcp::bind(&config, None).unwrap().unwrap();
        let tcp = listener.address().unwrap();
        let tokens = Tokens::new(&config.tokens, None).followed().unwrap();
        let guard = Guard::new(&[PAGE.to_owned()]);
        let said = Said::new(policy, CALLS_MAX).with_tokens(tokens);
        let door = Door::open(&socket, None, said, desk).unwrap();
        let door = door.with_http(guard, Some(listener));
        let (calls, rights) = (door.calls(), door.rights());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(door.serve(stopped.map(|_| ())));
        Self {
            dir,
            socket,
            tcp,
            calls,
            rights,
            has_tls,
            stop,
            served,
        }
    }

    /// Calls by the socket.
    pub(super) async fn by_socket(&self, request: Request<Full<Bytes>>) -> Answered {
        send(UnixStream::connect(&self.socket).await.unwrap(), request).await
    }

    /// Calls by TCP.
    pub(super) async fn by_tcp(&self, request: Request<Full<Bytes>>) -> Answered {
        send(TcpStream::connect(self.tcp).await.unwrap(), request).await
    }

    pub(super) async fn close(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

/// What came back.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of our book.
    pub(super) fn code(&self) -> String {
        let code = &self.json()["details"][0]["debug"]["metadata"]["code"];
        code.as_str().unwrap_or_default().to_owned()
    }
}

/// A call in JSON, with more headers.
pub(super) fn post(
    method: &str,
    body: impl Into<Bytes>,
    headers: &[(&str, &str)],
) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("/yibao.v1.{method}"));
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost");
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// One request on a connection of its own.
pub(super) async fn send<S>(line: S, request: Request<Full<Bytes>>) -> Answered
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (response, running) = begin(line, request).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    running.abort();
    Answered {
        status,
        headers,
        body,
    }
}

/// One request until its answer begins, and the task that reads on.
pub(super) async fn begin<S>(
    line: S,
    request: Request<Full<Bytes>>,
) -> (Response<Incoming>, JoinHandle<hyper::Result<()>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(line))
        .await
        .unwrap();
    let running = tokio::spawn(connection);
    (sender.send_request(request).await.unwrap(), running)
}
