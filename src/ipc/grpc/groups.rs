//! The groups of who is at the other end of a local socket, as the kernel noted them when it connected.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use crate::ipc::access::Groups;

/// Room for so many at first; few callers are in more.
const GROUPS_FEW: usize = 64;
/// What the kernel lets anybody be in.
const GROUPS_MAX: usize = 65_536;

/// All but its effective group; absent where the kernel does not say: before Linux 4.13, or no local socket.
pub(super) fn of_peer(socket: BorrowedFd<'_>) -> Option<Groups> {
    let mut groups = vec![0; GROUPS_FEW];
    let count = match ask(socket, &mut groups) {
        Ok(count) => count,
        Err(more) => {
            groups.resize(more.filter(|count| *count <= GROUPS_MAX)?, 0);
            // They are those of the moment it connected: there are no more by now.
            ask(socket, &mut groups).ok()?
        }
    };
    Some(groups.get(..count)?.into())
}

/// How many were written; an error says how much room there should be, if that is what is wrong.
fn ask(socket: BorrowedFd<'_>, groups: &mut [libc::gid_t]) -> Result<usize, Option<usize>> {
    let wrong = |_| None;
    let mut length = libc::socklen_t::try_from(size_of_val(groups)).map_err(wrong)?;
    #[expect(
        unsafe_code,
        reason = "no library that we have asks for SO_PEERGROUPS, and /proc knows a process by a number that is used again"
    )]
    // SAFETY: the kernel writes at most `length` bytes to where that many are ours, and to `length` itself. Any bits
    // are a group's number.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let count = usize::try_from(length).map_err(wrong)? / size_of::<libc::gid_t>();
    match answer {
        0 => Ok(count),
        _ if std::io::Error::last_os_error().raw_os_error() == Some(libc::ERANGE) => {
            Err(Some(count))
        }
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// As the kernel tells of this process in words.
    fn own() -> Vec<u32> {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
        let groups = line.unwrap().split_whitespace();
        groups.map(|gid| gid.parse().unwrap()).collect()
    }

    #[test]
    fn the_kernel_says_which_groups_we_are_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let (server, _) = listener.accept().unwrap();
        let mut told = of_peer(server.as_fd())
            .expect("Linux 4.13 or later")
            .to_vec();
        let mut expected = own();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected);
    }

    #[test]
    fn who_has_no_room_is_told_how_much_there_should_be() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let own = own();
        let asked = ask(ours.as_fd(), &mut []);
        match own.is_empty() {
            true => assert_eq!(asked, Ok(0)),
            false => assert_eq!(asked, Err(Some(own.len()))),
        }
    }

    #[test]
    fn of_what_is_no_local_socket_nothing_is_known() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(of_peer(socket.as_fd()).is_none());
    }
}
