//! The doors of the shipped daemon: JSON by curl, hostile bytes, crowds, a greedy neighbour.

pub(crate) mod authority;
mod bodies;
mod closed;
mod crowd;
mod curl;
mod greedy;
pub(crate) mod hostile;
mod may;
mod port;
mod slow;
mod streams;
mod token;

use std::path::PathBuf;

/// A token of these tests.
pub(crate) const TOKEN: &str = "tests-0123456789abcdef0123456789abcdef";

/// Configuration for TCP with a token `hall` of this role, and where it listens.
pub(crate) fn tcp(dir: &std::path::Path, role: &str) -> (String, std::net::SocketAddr) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], crate::desk::free_port()));
    let file: PathBuf = dir.join("hall.token");
    let mut options = std::fs::File::options();
    let opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&file);
    std::io::Write::write_all(&mut opened.expect("a folder"), TOKEN.as_bytes()).expect("room");
    let file = file.display();
    let text = format!(
        "[tcp]\nlisten = \"{address}\"\n[[tcp.token]]\nname = \"hall\"\nrole = \"{role}\"\nfile = \"{file}\"\n"
    );
    (text, address)
}

/// Memory of a process that no file backs, KiB.
pub(crate) fn rss_anon_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("Linux tells it")
}
