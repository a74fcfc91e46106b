//! Callers that send long bodies and never end them: what it costs the daemon, that others get in, and that it ends.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::rss_anon_kib;
use crate::desk::{Desk, Setup, free_port};

/// Callers, each with a token of its own, and what each sends at once: fewer than one user may have connections.
const CALLERS: usize = 3;
const REQUESTS: usize = 9;
/// A byte short of the longest body of a method.
const BODY_BYTES: usize = 4 * 1_024 * 1_024 - 1;
/// So many of one caller fit, and of all: what two have.
const HELD_OF_CALLER: usize = 8;
const HELD: usize = 16;
/// What all callers may have, twice: a buffer grows by doubling; and what else the connections cost.
const MORE_KIB_MAX: u64 = 2 * 64 * 1_024 + 32 * 1_024;
/// Documents that a server of reports sends at once, and the length of each.
const DOCUMENTS: usize = 12;
const DOCUMENT_BYTES: usize = 2 * 1_024 * 1_024;
/// A request comes within 30 s; what the machine stood still comes on top.
const ENDED_S_MAX: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end_cost_a_bounded_memory_lock_nobody_out_and_are_ended() {
    let dir = tempfile::tempdir().expect("a folder");
    let (desk, address) = desk(dir.path()).await;
    let idle_kib = rss_anon_kib(desk.pid());
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    for caller in 0..CALLERS {
        for _ in 0..REQUESTS {
            match send(address, caller, BODY_BYTES).await {
                Sent::Taken(line) => held.push(line),
                Sent::Answered(answer) => refused.push((caller, answer)),
            }
        }
    }
    let more_kib = rss_anon_kib(desk.pid()).saturating_sub(idle_kib);
    println!("{} are held, {more_kib} KiB more", held.len());
    assert!(more_kib < MORE_KIB_MAX, "{more_kib} KiB");
    assert_eq!(held.len(), HELD);
    for (caller, answer) in &refused {
        // Who is still sending when the answer comes may not get to read it.
        assert!(answer.is_empty() || answer.contains("E7005"), "{answer}");
        let of_it = refused.iter().filter(|(of, _)| of == caller).count();
        let most = match caller * HELD_OF_CALLER < HELD {
            true => REQUESTS - HELD_OF_CALLER,
            false => REQUESTS,
        };
        assert_eq!(of_it, most, "{caller}");
    }
    let log = desk.log();
    for whose in ["token:hall-0", "token:hall-1", "all callers"] {
        let said = format!("the requests of {whose} that are open");
        assert!(log.contains(&said), "{whose}: {log}");
    }
    for line in &held {
        let answered = line.try_read(&mut [0; 1]).map_err(|error| error.kind());
        assert_eq!(answered, Err(std::io::ErrorKind::WouldBlock), "it waits");
    }
    // Who is within its rights gets in meanwhile.
    let mut client = desk.settlements().await;
    let known = client.list_settlements(yibaod::api::ListSettlementsRequest::default());
    known.await.expect("small requests get in");
    let within = Duration::from_secs(ENDED_S_MAX);
    for line in &mut held {
        let told = tokio::time::timeout(within, answer(line)).await;
        let told = told.expect("it is ended");
        assert!(told.starts_with("HTTP/1.1 400 "), "{told}");
    }
    assert!(desk.log().contains("took longer than 30 s"));
    let again = send(address, CALLERS - 1, BODY_BYTES).await;
    assert!(matches!(again, Sent::Taken(_)), "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dozen_documents_of_one_caller_get_in_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let (desk, address) = desk(dir.path()).await;
    let mut held = Vec::new();
    for n in 0..DOCUMENTS {
        match send(address, 0, DOCUMENT_BYTES - 1).await {
            Sent::Taken(line) => held.push(line),
            Sent::Answered(answer) => panic!("the document {n}: {answer}"),
        }
    }
    for line in &mut held {
        line.write_all(b" ").await.expect("it takes it");
        let told = answer(line).await;
        // They are blank, and told so: all of each was read.
        assert!(told.starts_with("HTTP/1.1 400 "), "{told}");
        assert!(!told.contains("E7005"), "{told}");
    }
    drop(desk);
}

/// What became of a request without its last byte.
enum Sent {
    /// The daemon has all of it and waits for the rest.
    Taken(TcpStream),
    Answered(String),
}

/// Sends so many bytes of a request that has one more.
async fn send(address: SocketAddr, caller: usize, length: usize) -> Sent {
    let mut line = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /yibao.v1.PrintService/PutDocument HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        token(caller),
        length + 1
    );
    let body = [b' '; 64 * 1_024];
    let mut left = length;
    let mut sent = line.write_all(head.as_bytes()).await;
    while sent.is_ok() && left > 0 {
        let length = left.min(body.len());
        left -= length;
        sent = line.write_all(&body[..length]).await;
    }
    let own = line.local_addr().expect("it has one").port();
    let mut first = [0; 4_096];
    loop {
        // In this order: what was taken before is answered within a moment, or held.
        let is_taken = sent.is_ok() && is_taken(own, address.port());
        match tokio::time::timeout(Duration::from_millis(100), line.read(&mut first)).await {
            Ok(Ok(length)) => {
                return Sent::Answered(String::from_utf8_lossy(&first[..length]).into_owned());
            }
            Ok(Err(_)) => return Sent::Answered(String::new()),
            Err(_) if is_taken => return Sent::Taken(line),
            Err(_) => {}
        }
    }
}

/// Whether nothing waits between the two ends of a connection of ours.
fn is_taken(own: u16, theirs: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let ports = [own, theirs].map(|port| format!(":{port:04X}"));
    // Others of this machine may have had the same port a moment ago.
    let is_ours = |one: &str, other: &str| {
        [(0, 1), (1, 0)]
            .into_iter()
            .any(|(a, b)| one.ends_with(&ports[a]) && other.ends_with(&ports[b]))
    };
    let ends = table.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let is_ours = is_ours(words.get(1)?, words.get(2)?);
        is_ours.then(|| words.get(4).map(|queues| (*queues).to_owned()))?
    });
    let ends: Vec<String> = ends.collect();
    ends.len() == 2 && ends.iter().all(|queues| queues == "00000000:00000000")
}

async fn answer(line: &mut TcpStream) -> String {
    let mut told = Vec::new();
    line.read_to_end(&mut told).await.expect("an answer");
    String::from_utf8(told).expect("text")
}

fn token(of: usize) -> String {
    format!("tests-{of}-0123456789abcdef0123456789abcdef")
}

async fn desk(dir: &std::path::Path) -> (Desk, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut config_more = format!("[tcp]\nlisten = \"{address}\"\n");
    for of in 0..CALLERS {
        let path = dir.join(format!("{of}.token"));
        std::fs::write(&path, token(of)).expect("a new file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("ours");
        config_more += &format!(
            "[[tcp.token]]\nname = \"hall-{of}\"\nrole = \"kiosk\"\nfile = \"{}\"\n",
            path.display()
        );
    }
    let setup = Setup {
        config_more,
        ..Setup::default()
    };
    (Desk::start(setup).await, address)
}
