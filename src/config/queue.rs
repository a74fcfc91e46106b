//! Where a print queue is: CUPS by its socket or address, or a printer that speaks IPP itself.

use std::path::{Path, PathBuf};

/// Where CUPS listens when nothing is said.
const SOCKET_DEFAULT: &str = "/run/cups/cups.sock";
/// The port of IPP.
const PORT_DEFAULT: u16 = 631;
/// CUPS's own limit for the name of a queue.
const QUEUE_BYTES_MAX: usize = 127;
/// Longest path of a printer.
const RESOURCE_BYTES_MAX: usize = 255;

/// A queue and who serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// Who serves it.
    pub host: QueueHost,
    /// Its path there: `/printers/NAME` with CUPS, often `/ipp/print` with a printer.
    pub resource: String,
    /// Whether it is a queue of CUPS.
    pub is_cups: bool,
}

/// Who serves a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueHost {
    /// CUPS on its local socket, which knows who asks.
    Socket(PathBuf),
    /// `host:port`.
    Tcp(String),
}

impl QueuePlace {
    /// The host as it stands in a URI.
    #[must_use]
    pub fn authority(&self) -> &str {
        match &self.host {
            QueueHost::Socket(_) => "localhost",
            QueueHost::Tcp(address) => address,
        }
    }

    /// The URI that requests name it by.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("ipp://{}{}", self.authority(), self.resource)
    }

    /// Where it is, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.host {
            QueueHost::Socket(path) => format!("{} at {}", self.resource, path.display()),
            QueueHost::Tcp(_) => self.uri(),
        }
    }

    /// What is wrong with it, a sentence each.
    pub(super) fn check(&self, say: &mut impl FnMut(String)) {
        if let Some(queue) = self
            .resource
            .strip_prefix("/printers/")
            .filter(|_| self.is_cups)
        {
            let plain = |b: u8| b.is_ascii_graphic() && !b"/#?%\"'\\".contains(&b);
            if !(1..=QUEUE_BYTES_MAX).contains(&queue.len()) || !queue.bytes().all(plain) {
                say(format!(
                    "queue must be 1-{QUEUE_BYTES_MAX} ASCII letters, digits, - or _ as lpstat -v shows it"
                ));
            }
        }
        let is_path = |b: u8| b.is_ascii_graphic() && b != b'#';
        if self.resource.len() > RESOURCE_BYTES_MAX || !self.resource.bytes().all(is_path) {
            say(format!(
                "the path of uri has at most {RESOURCE_BYTES_MAX} plain letters"
            ));
        }
        match &self.host {
            QueueHost::Socket(path) if !path.is_absolute() => {
                say("path must be absolute: the socket of CUPS".to_owned());
            }
            QueueHost::Tcp(address) if !is_host_and_port(address) => {
                say("address must be host:port".to_owned());
            }
            QueueHost::Socket(_) | QueueHost::Tcp(_) => {}
        }
    }
}

/// The place that the keys name, or what is wrong with them.
pub(super) fn place(
    is_cups: bool,
    queue: Option<&str>,
    uri: Option<&str>,
    path: Option<&Path>,
    address: Option<&str>,
) -> Result<QueuePlace, &'static str> {
    match (is_cups, queue, uri) {
        (true, Some(queue), None) => {
            let host = match (path, address) {
                (None, None) => QueueHost::Socket(SOCKET_DEFAULT.into()),
                (Some(path), None) => QueueHost::Socket(path.to_owned()),
                (None, Some(address)) => QueueHost::Tcp(address.to_owned()),
                (Some(_), Some(_)) => return Err("give path or address, not both"),
            };
            Ok(QueuePlace {
                host,
                resource: format!("/printers/{queue}"),
                is_cups,
            })
        }
        (true, None, None) => Err("queue is missing: a name that lpstat -v shows"),
        (true, _, Some(_)) => Err("uri belongs to an ipp-printer; give queue"),
        (false, None, Some(_)) if path.is_some() || address.is_some() => {
            Err("path and address belong to a cups-queue; uri says all")
        }
        (false, None, Some(uri)) => {
            let rest = uri.strip_prefix("ipp://");
            let rest = rest.ok_or("uri must begin with ipp:// (for ipps use a queue of CUPS)")?;
            let (authority, resource) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, "/ipp/print"),
            };
            let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
                !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
            });
            let address = if has_port {
                authority.to_owned()
            } else {
                format!("{authority}:{PORT_DEFAULT}")
            };
            Ok(QueuePlace {
                host: QueueHost::Tcp(address),
                resource: resource.to_owned(),
                is_cups,
            })
        }
        (false, Some(_), _) => Err("queue belongs to a cups-queue; give uri"),
        (false, None, None) => Err("uri is missing, such as ipp://host/ipp/print"),
    }
}

/// Whether this is `host:port`.
pub(super) fn is_host_and_port(address: &str) -> bool {
    let port = address
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse::<u16>()));
    matches!(port, Some((host, Ok(port))) if !host.is_empty() && port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_found_where_it_is_said_to_be() {
        let usual = place(true, Some("HP_LaserJet"), None, None, None).unwrap();
        assert_eq!(usual.uri(), "ipp://localhost/printers/HP_LaserJet");
        assert_eq!(usual.host, QueueHost::Socket(SOCKET_DEFAULT.into()));
        let far = place(true, Some("q"), None, None, Some("print.hospital:631")).unwrap();
        assert_eq!(far.uri(), "ipp://print.hospital:631/printers/q");
        let own = place(false, None, Some("ipp://10.0.0.9/ipp/print"), None, None).unwrap();
        assert_eq!(own.uri(), "ipp://10.0.0.9:631/ipp/print");
        let short = place(false, None, Some("ipp://[::1]:8631"), None, None).unwrap();
        assert_eq!(short.uri(), "ipp://[::1]:8631/ipp/print");
        for right in [usual, far, own, short] {
            right.check(&mut |wrong| panic!("{wrong}"));
        }
    }

    #[test]
    fn a_name_that_cups_would_not_take_is_told() {
        for bad in ["", "a b", "a/b", "a#b", "检验"] {
            let mut wrong = Vec::new();
            let place = place(true, Some(bad), None, None, None).unwrap();
            place.check(&mut |what| wrong.push(what));
            assert!(!wrong.is_empty(), "{bad}");
        }
    }
}
