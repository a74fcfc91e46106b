//! Callers that send long bodies and never end them: what it costs the daemon, and that others get in.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::rss_anon_kib;
use crate::desk::{Desk, Setup, free_port};

/// Callers, each with a token of its own, and what each sends at once.
const CALLERS: usize = 6;
const REQUESTS: usize = 20;
/// A byte short of the longest body of a method.
const BODY_BYTES: usize = 4 * 1_024 * 1_024 - 1;
/// So many fit in what all callers may have; one may have four.
const HELD: usize = 16;
/// What all callers may have, twice: a buffer grows by doubling; and what else the connections cost.
const MORE_KIB_MAX: u64 = 2 * 64 * 1_024 + 32 * 1_024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end_cost_a_bounded_memory_and_lock_nobody_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, address) = tokens(dir.path());
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    let idle_kib = rss_anon_kib(desk.pid());
    let (told, mut refused) = mpsc::channel(CALLERS * REQUESTS);
    let mut sending = JoinSet::new();
    for caller in 0..CALLERS {
        for _ in 0..REQUESTS {
            sending.spawn(send(address, token(caller), told.clone()));
        }
    }
    for _ in 0..CALLERS * REQUESTS - HELD {
        refused.recv().await.expect("all but those are refused");
    }
    let more_kib = rss_anon_kib(desk.pid()).saturating_sub(idle_kib);
    println!(
        "{HELD} of {} are held, {more_kib} KiB more",
        CALLERS * REQUESTS
    );
    assert!(more_kib < MORE_KIB_MAX, "{more_kib} KiB");
    assert!(desk.log().contains("E7005"), "{}", desk.log());
    // Who is within its rights gets in meanwhile.
    let mut client = desk.settlements().await;
    let known = client.list_settlements(yibaod::api::ListSettlementsRequest::default());
    known.await.expect("small requests get in");
    sending.shutdown().await;
}

/// Sends all of a request but its last byte, and says when it was refused: answered, or cut.
async fn send(address: SocketAddr, token: String, told: mpsc::Sender<()>) {
    let mut line = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /yibao.v1.PrintService/PutDocument HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        BODY_BYTES + 1
    );
    let body = [b' '; 64 * 1_024];
    let mut left = BODY_BYTES;
    let mut sent = line.write_all(head.as_bytes()).await;
    while sent.is_ok() && left > 0 {
        let length = left.min(body.len());
        left -= length;
        sent = line.write_all(&body[..length]).await;
    }
    let mut answer = [0; 4_096];
    if let Ok(length) = line.read(&mut answer).await {
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.is_empty() || answer.contains("E7005"), "{answer}");
    }
    told.send(()).await.expect("somebody counts");
}

fn token(of: usize) -> String {
    format!("tests-{of}-0123456789abcdef0123456789abcdef")
}

fn tokens(dir: &std::path::Path) -> (String, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut config = format!("[tcp]\nlisten = \"{address}\"\n");
    for of in 0..CALLERS {
        let path = dir.join(format!("{of}.token"));
        std::fs::write(&path, token(of)).expect("a new file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("ours");
        config += &format!(
            "[[tcp.token]]\nname = \"hall-{of}\"\nrole = \"kiosk\"\nfile = \"{}\"\n",
            path.display()
        );
    }
    (config, address)
}
