//! This machine's MAC and IP address, for 9001.

use std::net::SocketAddr;
use std::time::Duration;

/// A sign-in waits no longer for what it may go without.
const LOOK_WAIT_MS_MAX: u64 = 2_000;

/// What 9001 says of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terminal {
    /// 签到MAC地址, may be empty when none was found.
    pub(super) mac: String,
    /// 签到IP地址, may be empty when none was found.
    pub(super) ip: String,
}

impl Terminal {
    /// The address that this machine has towards `host`, and the card it belongs to as far as can be told.
    pub(super) async fn find(host: &str, port: u16) -> Self {
        // The kernel may take its time over a card's file.
        let mac = async { tokio::task::spawn_blocking(mac).await.ok()? };
        let wait = Duration::from_millis(LOOK_WAIT_MS_MAX);
        let (mac, ip) = tokio::join!(in_time(wait, mac), in_time(wait, ip_towards(host, port)));
        Self {
            mac: mac.unwrap_or_default(),
            ip: ip.unwrap_or_default(),
        }
    }
}

/// What is found, unless it takes too long.
async fn in_time<T>(wait: Duration, look: impl Future<Output = Option<T>>) -> Option<T> {
    let found = tokio::time::timeout(wait, look).await;
    if found.is_err() {
        tracing::warn!("this machine's addresses were not found in time");
    }
    found.ok().flatten()
}

/// Asks the routing table: a connected datagram socket has an address and sends nothing.
async fn ip_towards(host: &str, port: u16) -> Option<String> {
    let mut addresses = tokio::net::lookup_host((host, port)).await.ok()?;
    let to: SocketAddr = addresses.next()?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = tokio::net::UdpSocket::bind(any).await.ok()?;
    socket.connect(to).await.ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

/// The card of the default route, else the first one with an address.
fn mac() -> Option<String> {
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let default_card = routes.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let card = fields.next()?;
        (fields.next()? == "00000000").then(|| card.to_owned())
    });
    let mut cards: Vec<String> = std::fs::read_dir("/sys/class/net")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    cards.sort();
    default_card
        .into_iter()
        .chain(cards)
        .find_map(|card| mac_of(&card))
}

fn mac_of(card: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{card}/address")).ok()?;
    let mac = text.trim();
    (mac.len() == 17 && mac != "00:00:00:00:00:00").then(|| mac.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_address_is_the_one_towards_the_host() {
        let terminal = Terminal::find("127.0.0.1", 9).await;
        assert_eq!(terminal.ip, "127.0.0.1");
        assert!(terminal.mac.is_empty() || terminal.mac.len() == 17);
    }

    #[tokio::test]
    async fn a_name_service_that_is_silent_holds_nothing_up() {
        let silent = std::future::pending::<Option<String>>();
        assert_eq!(in_time(Duration::from_millis(10), silent).await, None);
        let found = in_time(Duration::from_secs(60), async { Some(1) }).await;
        assert_eq!(found, Some(1));
    }
}
