//! Ports of this machine that nobody has.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the kernel gives to whoever asks for any.
const PORT_MIN: u16 = 20_000;
const PORTS: u32 = 12_000;

/// A port with a free one behind it, as a reader of two slots wants them. Nobody in these tests is given it again, and
/// the kernel gives it to nobody before it is used.
pub(crate) fn free_port() -> u16 {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % PORTS).expect("it is below");
    loop {
        let asked = ASKED.fetch_add(2, Ordering::Relaxed);
        let offset = own.wrapping_mul(64).wrapping_add(asked);
        let offset = u32::from(offset) % PORTS / 2 * 2;
        let port = PORT_MIN + u16::try_from(offset).expect("it is below");
        let free = |port: u16| TcpListener::bind(("0.0.0.0", port)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
}
