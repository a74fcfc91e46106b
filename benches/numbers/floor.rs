//! The floor: the same work with nothing of ours in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixListener;
use tokio_serial::SerialPortBuilderExt as _;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::{HealthReporter, health_reporter};
use yibaod::sandbox::devices::scanner::{Scanner, Terminator};

use super::{CODE, Spread};
use crate::desk::channel;

const SPEED: u32 = 9_600;
/// What changes with each code; its watcher is told.
const WATCHED: &str = "codes";
/// As much as an event of the journal.
const SYNCED_BYTES: usize = 4_096;

/// A bare tonic server on a local socket, and a bare pty.
pub(super) struct Bare {
    socket: PathBuf,
    dir: PathBuf,
    reporter: HealthReporter,
}

impl Bare {
    pub(super) async fn start(dir: &Path) -> Self {
        let socket = dir.join("bare.sock");
        let listener = UnixListener::bind(&socket).expect("its folder");
        let (reporter, service) = health_reporter();
        reporter
            .set_service_status(WATCHED, ServingStatus::Serving)
            .await;
        tokio::spawn(async move {
            let connections = UnixListenerStream::new(listener);
            let served = Server::builder().add_service(service);
            served.serve_with_incoming(connections).await
        });
        Self {
            socket,
            dir: dir.to_owned(),
            reporter,
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    /// A code through a pty, each then as one message of a stream.
    pub(super) async fn codes(&self, codes: usize, warm_up: usize) -> Vec<Duration> {
        let folder = self.dir.join("bare");
        std::fs::create_dir_all(&folder).expect("its folder");
        let scanner = Scanner::start(&folder).expect("a pty");
        let path = scanner.path().to_string_lossy().into_owned();
        let mut line = tokio_serial::new(path, SPEED)
            .open_native_async()
            .expect("it is there");
        let reporter = self.reporter.clone();
        let read = tokio::spawn(async move {
            let mut serving = true;
            let (mut bytes, mut code) = ([0; 256], Vec::new());
            while let Ok(count) = line.read(&mut bytes).await {
                code.extend_from_slice(&bytes[..count]);
                if code.ends_with(b"\r") {
                    code.clear();
                    serving = !serving;
                    let status = match serving {
                        true => ServingStatus::Serving,
                        false => ServingStatus::NotServing,
                    };
                    reporter.set_service_status(WATCHED, status).await;
                }
            }
        });
        let channel = channel(&self.socket).await.expect("it listens");
        let asked = HealthCheckRequest {
            service: WATCHED.to_owned(),
        };
        let watched = HealthClient::new(channel).watch(asked).await;
        let mut news = watched.expect("it is known").into_inner();
        news.message().await.expect("how it is at first");
        let mut times = Vec::with_capacity(codes);
        for turn in 0..codes + warm_up {
            let (last, first) = CODE.split_last().expect("a code");
            scanner.scan_raw(first).await.expect("it is plugged in");
            let began = Instant::now();
            let end = [&[*last], Terminator::Cr.bytes()].concat();
            scanner.scan_raw(&end).await.expect("it is plugged in");
            news.message().await.expect("it is told");
            if turn >= warm_up {
                times.push(began.elapsed());
            }
        }
        read.abort();
        times
    }
}

/// Bare writes, each with its sync.
pub(super) fn syncs(dir: &Path, count: usize) -> Spread {
    let mut file = std::fs::File::create(dir.join("bare-sync")).expect("its folder");
    let bytes = vec![0x5a; SYNCED_BYTES];
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        file.write_all(&bytes).expect("there is room");
        file.sync_data().expect("the disk works");
        times.push(began.elapsed());
    }
    Spread::of(times)
}
