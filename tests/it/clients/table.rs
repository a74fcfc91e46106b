//! The clients.

use crate::bus::world::{CASHIER, MONITOR};

/// Who calls, by the common names of their certificates over TLS and by the names of their tokens.
pub(super) const CERTIFICATES: [&str; 2] = ["cashier", "monitor"];

/// One client of another maker, at one door.
pub(super) struct Client {
    pub(super) name: &'static str,
    /// A file of `tests/peers/drivers`.
    pub(super) driver: &'static str,
    pub(super) door: Door,
    pub(super) form: Form,
    /// Whether it can follow something.
    pub(super) streams: bool,
    /// What its driver is told besides.
    pub(super) env: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Socket,
    Tcp,
    /// TCP within TLS, with a certificate.
    Tls,
    Bus,
}

/// How a request is given to the driver.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Proto JSON.
    Json,
    /// The words of busctl.
    Words,
    /// The text form of GLib.
    Text,
    /// `[signature, value]`.
    Typed,
}

/// The first is the one that the others are compared with.
pub(super) const CLIENTS: [Client; 15] = [
    on(Door::Socket, "grpcio", "grpcio.py"),
    on(Door::Socket, "grpcurl", "grpcurl.py"),
    on(Door::Socket, "grpc-js", "grpc-js.cjs"),
    on(Door::Tcp, "grpc-js-tcp", "grpc-js.cjs"),
    on(Door::Socket, "connect", "connect.cjs"),
    on(Door::Tcp, "connect-tcp", "connect.cjs"),
    Client {
        env: &[("YIBAO_PROTOCOL", "grpc")],
        ..on(Door::Tcp, "connect-grpc-tcp", "connect.cjs")
    },
    on(Door::Socket, "node-http", "node.cjs"),
    on(Door::Tcp, "node-fetch-tcp", "node.cjs"),
    on(Door::Socket, "curl", "curl.py"),
    Client {
        env: &[("YIBAO_CHARSET", "gb18030")],
        ..on(Door::Tcp, "curl-gb18030-tcp", "curl.py")
    },
    on(Door::Tcp, "windows-32-gbk-tcp", "winsock.c"),
    Client {
        form: Form::Words,
        streams: false,
        ..on(Door::Bus, "busctl", "busctl.py")
    },
    Client {
        form: Form::Text,
        streams: false,
        ..on(Door::Bus, "gdbus", "gdbus.py")
    },
    Client {
        form: Form::Typed,
        ..on(Door::Bus, "dbus-fast", "dbus-fast.py")
    },
];

/// At a desk that listens with TLS. The first is again the one that the others are compared with.
pub(super) const WITH_CERTIFICATES: [Client; 4] = [
    on(Door::Socket, "grpcio", "grpcio.py"),
    on(Door::Tls, "grpcio-tls", "grpcio.py"),
    on(Door::Tls, "grpc-js-tls", "grpc-js.cjs"),
    on(Door::Tls, "curl-tls", "curl.py"),
];

const fn on(door: Door, name: &'static str, driver: &'static str) -> Client {
    Client {
        name,
        driver,
        door,
        form: Form::Json,
        streams: true,
        env: &[],
    }
}

impl Door {
    /// As the journal names it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Door::Socket => "socket",
            Door::Tcp => "tcp",
            Door::Tls => "tls",
            Door::Bus => "bus",
        }
    }
}

impl Client {
    /// Who pays by it, to the daemon: a person is the same on the socket and on the bus.
    pub(super) fn payer(&self) -> Door {
        match self.door {
            Door::Socket | Door::Bus => Door::Socket,
            Door::Tcp | Door::Tls => self.door,
        }
    }

    /// What its own requests are called.
    pub(super) fn id(&self) -> String {
        id(self.name)
    }

    /// What the daemon calls the cashier, when it is this client that calls.
    pub(super) fn cashier(&self) -> String {
        self.called(CASHIER, CERTIFICATES[0])
    }

    /// What the daemon calls the one who only looks, when it is this client that looks.
    pub(super) fn monitor(&self) -> String {
        self.called(MONITOR, CERTIFICATES[1])
    }

    fn called(&self, uid: u32, name: &str) -> String {
        match self.door {
            Door::Socket | Door::Bus => format!("uid:{uid}"),
            Door::Tcp => format!("token:{name}"),
            Door::Tls => format!("certificate:{name}"),
        }
    }
}

/// [`Client::id`] of the client of this name.
pub(super) fn id(client: &str) -> String {
    format!("suite-{client}")
}
