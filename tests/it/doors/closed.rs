//! A caller over TCP that has closed its socket before the daemon looks whose it is: the kernel lists such a socket as
//! root's, and it is nobody's.
//!
//! Seen where it is told: who does not shake hands stands in the log as whose socket it was. These tests run as root,
//! so that a socket that is open is root's in truth.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use rustix::process::{Pid, Signal, kill_process};

use super::authority::Authority;
use crate::desk::{Desk, Setup, eventually, free_port};

/// Callers, one after the other.
const CALLERS: usize = 20;
/// As the daemon says what became of each.
const WHY: &str = "a caller did not shake hands";
const OF_ROOT: &str = "caller=\"tcp:uid:0\"";
const OF_NOBODY: &str = "caller=\"tcp:127.0.0.1\"";

/// A request of who does not know of TLS.
fn ask(address: SocketAddr) -> TcpStream {
    let mut line = TcpStream::connect(address).expect("the kernel takes it");
    let request = "POST /yibao.v1.DaemonService/Reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    line.write_all(request.as_bytes()).expect("it has room");
    line
}

/// What the log says of callers that came while the daemon stood still, and went or stayed.
async fn told(stays: bool) -> Vec<String> {
    let authority = Authority::new();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let desk = Desk::start(Setup {
        config_more: format!(
            "[tcp]\nlisten = \"{address}\"\n{}[[tcp.client]]\nname = \"hall\"\nrole = \"monitor\"\n",
            authority.config()
        ),
        ..Setup::default()
    })
    .await;
    let pid = i32::try_from(desk.pid()).expect("a pid");
    let pid = Pid::from_raw(pid).expect("a pid is not 0");
    kill_process(pid, Signal::STOP).expect("it runs");
    let mut lines: Vec<TcpStream> = (0..CALLERS).map(|_| ask(address)).collect();
    if !stays {
        lines.clear();
    }
    kill_process(pid, Signal::CONT).expect("it stands still");
    let all = eventually(async || {
        let log = desk.log();
        let lines = log.lines().filter(|line| line.contains(WHY));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        (lines.len() >= CALLERS).then_some(lines)
    });
    all.await.unwrap_or_else(|| panic!("{}", desk.log()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_has_closed_is_nobody_and_never_root() {
    for line in told(false).await {
        assert!(!line.contains("uid:") && line.contains(OF_NOBODY), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_stays_is_who_it_is() {
    for line in told(true).await {
        assert!(line.contains(OF_ROOT), "{line}");
    }
}
