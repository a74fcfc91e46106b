//! The kernel and udev say when devices come: a hint that shortens waits, never the truth. What is lost, forged or not
//! sent at all costs a pause; looking again is what finds devices.

use std::os::fd::OwnedFd;

use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use super::readable::watched;

/// The kernel's own messages and udev's, which come when permissions and links are set.
const GROUPS: u32 = 1 | 2;
/// Longest message of the kernel.
const MESSAGE_BYTES_MAX: usize = 8 * 1_024;
/// Where what we drive is listed.
const SUBSYSTEMS: [&str; 5] = ["tty", "hidraw", "input", "usbmisc", "usb"];

/// Tells that something was plugged in.
#[derive(Clone)]
pub(crate) struct Hint {
    news: watch::Receiver<u64>,
}

impl Hint {
    /// Begins to listen. Must be called in a runtime. Ends when nobody holds a hint any more.
    pub(crate) fn start() -> Self {
        let (sender, news) = watch::channel(0);
        match listen() {
            Ok(socket) => drop(tokio::spawn(pass_on(socket, sender))),
            Err(error) => tracing::debug!(%error, "no word of what is plugged in"),
        }
        Self { news }
    }

    /// One whose words the test says.
    #[cfg(test)]
    pub(crate) fn played() -> (Self, watch::Sender<u64>) {
        let (sender, news) = watch::channel(0);
        (Self { news }, sender)
    }

    /// Waits for the next word. Words before the last call count as one.
    pub(crate) async fn heard(&mut self) {
        if self.news.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn listen() -> std::io::Result<AsyncFd<OwnedFd>> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(KOBJECT_UEVENT),
    )?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    watched(socket)
}

async fn pass_on(socket: AsyncFd<OwnedFd>, sender: watch::Sender<u64>) {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    loop {
        let ready = tokio::select! {
            ready = socket.readable() => ready,
            () = sender.closed() => return,
        };
        let Ok(mut ready) = ready else { return };
        let read = ready.try_io(|socket| {
            let (length, _) = recv(socket.get_ref(), &mut message[..], RecvFlags::empty())?;
            Ok(length)
        });
        let speaks = match read {
            Ok(Ok(length)) => is_arrival(&message[..length]),
            // Messages were lost: one of them may have been it.
            Ok(Err(error))
                if error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) =>
            {
                true
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "no more word of what is plugged in");
                return;
            }
            Err(_would_block) => false,
        };
        if speaks {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

/// Whether a message says that one of ours came. Both senders have `KEY=value` between zero bytes.
fn is_arrival(message: &[u8]) -> bool {
    let value = |key: &[u8]| {
        message
            .split(|byte| *byte == 0)
            .filter_map(|field| field.strip_prefix(key))
            .find_map(|value| std::str::from_utf8(value).ok())
    };
    let arrives = matches!(value(b"ACTION="), Some("add" | "bind" | "change" | "move"));
    arrives && value(b"SUBSYSTEM=").is_some_and(|it| SUBSYSTEMS.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_of_ours_count() {
        for (message, counts) in [
            (
                &b"add@/devices/x\0ACTION=add\0SUBSYSTEM=tty\0DEVNAME=ttyACM0\0"[..],
                true,
            ),
            (
                b"libudev\0\xfe\xed\xca\xfe\0ACTION=bind\0SUBSYSTEM=hidraw\0",
                true,
            ),
            (b"remove@/devices/x\0ACTION=remove\0SUBSYSTEM=tty\0", false),
            (b"add@/devices/x\0ACTION=add\0SUBSYSTEM=block\0", false),
            (b"ACTION=add", false),
            (b"\0\0\xff\xff", false),
            (b"", false),
        ] {
            assert_eq!(
                is_arrival(message),
                counts,
                "{:?}",
                String::from_utf8_lossy(message)
            );
        }
    }

    #[tokio::test]
    async fn without_a_word_nobody_wakes() {
        let (mut hint, sender) = Hint::played();
        let moment = std::time::Duration::from_millis(20);
        for _ in 0..2 {
            let waited = tokio::time::timeout(moment, hint.heard()).await;
            assert!(waited.is_err());
        }
        drop(sender);
        let waited = tokio::time::timeout(moment, hint.heard()).await;
        assert!(waited.is_err());
    }
}
