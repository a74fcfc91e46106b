//! Callers who wait at a door that systemd holds, when no daemon can begin before a person mends something: they are told and let
//! go. A queue that nobody empties has systemd start the daemon again at once, until it gives up on the service and on its
//! socket, and then nobody gets in after the mending either.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};

/// From the first caller on the end is put off so long, and whoever comes meanwhile is told: so the starts stay below
/// what systemd takes of them, twenty in a minute (StartLimitBurst).
const HELD_MS: u64 = 4_000;
/// A caller that connected says within this time what it speaks.
const FIRST_WORD_MS: u64 = 50;
/// After a failed `accept` – no more file descriptors, mostly.
const ACCEPT_PAUSE_MS: u64 = 50;
/// What callers on HTTP/2 say first. To them the end of the line says that nobody is there.
const HTTP2: &[u8] = b"PRI";
/// What all others are told: an error as the JSON door has them.
const BODY: &str = "{\"code\":\"unavailable\",\"message\":\"this desk cannot start, for a person to mend; why: \
                    journalctl -u yibaod 本窗口服务无法启动，原因见日志\"}\n";

/// Tells who waits, and who comes in the next moments; at once back when nobody waits. Gives how many came.
pub(super) fn turn_away(doors: &[OwnedFd]) -> usize {
    let mut count = 0;
    let mut until: Option<Instant> = None;
    loop {
        let left = until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        });
        // However many still come: a start that is wanted after the mending waits for this one to end.
        if until.is_some() && left.is_zero() {
            return count;
        }
        let knocked = knocked_at(doors, left);
        if knocked.is_empty() {
            return count;
        }
        until.get_or_insert_with(|| Instant::now() + Duration::from_millis(HELD_MS));
        for door in knocked {
            match tell(door) {
                Ok(()) => count += 1,
                Err(error) => {
                    tracing::debug!(%error, "a caller was not told");
                    std::thread::sleep(Duration::from_millis(ACCEPT_PAUSE_MS));
                }
            }
        }
    }
}

/// The doors at which somebody waits, within this time; none of them after it.
fn knocked_at(doors: &[OwnedFd], within: Duration) -> Vec<&OwnedFd> {
    let mut looks: Vec<PollFd<'_>> = (doors.iter())
        .map(|door| PollFd::new(door, PollFlags::IN))
        .collect();
    if looks.is_empty() || !is_heard(&mut looks, within) {
        return Vec::new();
    }
    let looks = doors.iter().zip(&looks);
    let knocked = looks.filter(|(_, look)| !look.revents().is_empty());
    knocked.map(|(door, _)| door).collect()
}

fn is_heard(looks: &mut [PollFd<'_>], within: Duration) -> bool {
    let within = Timespec::try_from(within).ok();
    poll(looks, within.as_ref()).is_ok_and(|heard| heard > 0)
}

/// Takes the next out of the queue, says why, and closes.
fn tell(door: &OwnedFd) -> io::Result<()> {
    // Who is gone again is not waited for; systemd holds the same door and cares not.
    rustix::io::ioctl_fionbio(door, true)?;
    let line = accept_with(door, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    let mut looks = [PollFd::new(&line, PollFlags::IN)];
    is_heard(&mut looks, Duration::from_millis(FIRST_WORD_MS));
    let mut word = [0; HTTP2.len()];
    let heard = recv(line.as_fd(), &mut word, RecvFlags::PEEK).map_or(0, |(_, length)| length);
    if word.get(..heard) != Some(HTTP2) {
        let length = BODY.len();
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{BODY}"
        );
        // Who is gone already is let go all the same.
        send(&line, answer.as_bytes(), SendFlags::NOSIGNAL).ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn who_waits_is_told_and_let_go_and_nobody_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let doors = [OwnedFd::from(listener.try_clone().unwrap())];
        assert_eq!(turn_away(&doors), 0);
        assert_eq!(turn_away(&[]), 0);
        let mut by_http = UnixStream::connect(&path).unwrap();
        by_http.write_all(b"POST / HTTP/1.1\r\n\r\n").unwrap();
        let mut by_grpc = UnixStream::connect(&path).unwrap();
        by_grpc.write_all(b"PRI * HTTP/2.0\r\n\r\n").unwrap();
        drop(UnixStream::connect(&path).unwrap());
        let began = Instant::now();
        assert_eq!(turn_away(&doors), 3);
        assert!(began.elapsed() >= Duration::from_millis(HELD_MS));
        let mut said = String::new();
        by_http.read_to_string(&mut said).ok();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
        assert!(said.ends_with(BODY), "{said}");
        let mut said = Vec::new();
        by_grpc.read_to_end(&mut said).ok();
        assert!(said.is_empty(), "{said:?}");
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody waits");
    }
}
