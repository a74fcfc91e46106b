//! Whose socket is at the other end of a connection within this machine, as the kernel lists it.
//!
//! It cannot say so for a peer in another network namespace, and behind a proxy it names the proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The kernel's tables.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The columns of a row that are read: the socket's own address, the other end's, its user, its inode.
const LOCAL: usize = 1;
const REMOTE: usize = 2;
const UID: usize = 7;
/// None, `0`, of a socket whose owner has closed it: the kernel lists it as root's then.
const INODE: usize = 9;

/// The user of the socket whose own address this is. Reads files that may be long.
pub(super) fn uid(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    TABLES.iter().find_map(|path| {
        let table = std::fs::read_to_string(path).ok()?;
        find(&table, peer, own)
    })
}

/// The user of a socket of this machine that has this address, alone or with all others.
pub(super) fn holder(address: SocketAddr) -> Option<u32> {
    TABLES.iter().find_map(|path| {
        let table = std::fs::read_to_string(path).ok()?;
        held(&table, address)
    })
}

fn held(table: &str, wanted: SocketAddr) -> Option<u32> {
    let mut found = table.lines().skip(1).filter_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().take(INODE + 1).collect();
        let local = address(columns.get(LOCAL)?)?;
        let is_it = same(local, wanted)
            || local.port() == wanted.port()
                && (local.ip().is_unspecified() || wanted.ip().is_unspecified());
        let is_owned = columns.get(INODE).is_some_and(|inode| *inode != "0");
        (is_it && is_owned).then(|| columns.get(UID)?.parse().ok())?
    });
    found.next()
}

fn find(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let rows = table.lines().skip(1);
    let mut found = rows.filter_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().take(INODE + 1).collect();
        let is_it =
            same(address(columns.get(LOCAL)?)?, peer) && same(address(columns.get(REMOTE)?)?, own);
        let is_owned = columns.get(INODE).is_some_and(|inode| *inode != "0");
        (is_it && is_owned).then(|| columns.get(UID)?.parse().ok())?
    });
    found.next()
}

fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip().to_canonical() == b.ip().to_canonical() && a.port() == b.port()
}

/// `0100007F:1F90`: each 32 bits of the address in the machine's own order, the port as a number.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Option<Vec<[u8; 4]>> = ip
        .as_bytes()
        .chunks(8)
        .map(|word| {
            let word = std::str::from_utf8(word).ok()?;
            Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
        })
        .collect();
    let ip = match words?.as_slice() {
        [word] => IpAddr::V4(Ipv4Addr::from(*word)),
        [a, b, c, d] => {
            let bytes: [u8; 16] = [*a, *b, *c, *d].concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_row_is_found_by_both_its_ends() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   990        0 1\n\
            1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000   990        0 2\n\
            2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 3\n\
            3: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:1F90 01 0:0 0:0 0 1001 0 4\n\
            4: 00000000000000000000000001000000:C352 00000000000000000000000001000000:1F90 01 0:0 0:0 0 1002 0 5\n\
            5: 0100007F:C353 0100007F:1F90 05 00000000:00000000 00:00000000 00000000     0        0 0\n\
            odd\n";
        let v4 = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        for (peer, own, expected) in [
            (v4(50_000), v4(8_080), Some(1000)),
            (v4(50_001), v4(8_080), Some(1001)),
            (v6(50_002), v6(8_080), Some(1002)),
            (v4(50_000), v4(8_081), None),
            (v4(50_003), v4(8_080), None),
            (v4(50_004), v4(8_080), None),
        ] {
            assert_eq!(find(table, peer, own), expected, "{peer}");
        }
        for (wanted, expected) in [
            (v4(8_080), Some(990)),
            (SocketAddr::from(([0, 0, 0, 0], 8_080)), Some(990)),
            (SocketAddr::from(([10, 0, 0, 7], 8_080)), None),
            (v4(8_081), None),
            (v4(50_003), None),
        ] {
            assert_eq!(held(table, wanted), expected, "{wanted}");
        }
    }

    #[test]
    fn the_kernel_knows_whose_our_own_socket_is() {
        let own_uid = std::fs::metadata("/proc/self").unwrap().uid();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                assert!(address.starts_with('['), "a machine may lack IPv6");
                continue;
            };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            assert_eq!(uid(peer, server.local_addr().unwrap()), Some(own_uid));
            drop(client);
            let closed = uid(peer, server.local_addr().unwrap());
            assert_eq!(closed, None, "nobody's, and not root's");
        }
    }
}
