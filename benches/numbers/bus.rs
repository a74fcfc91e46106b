//! The door on the bus beside a bare echo of zbus, by one client over one dbus-daemon.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::StreamExt as _;
use yibaod::sandbox::lifeline::Tie;
use zbus::connection::Builder;
use zbus::message::{Message, Type};
use zbus::{Connection, MessageStream, OwnedVariant};

use super::{Table, by_turns, compared};
use crate::desk::{Desk, Setup, eventually};

const OURS: (&str, &str) = ("org.yibaod.Bridge1", "/org/yibaod/Bridge1");
const BARE: (&str, &str) = ("test.Bare", "/test/Bare");
/// An empty call, as the health check is on the socket; and one that has much to tell.
const PING: (&str, &str) = ("org.freedesktop.DBus.Peer", "Ping");
const STATUS: (&str, &str) = ("org.yibaod.Bridge1.Daemon", "GetStatus");
/// Nobody is kept from anything: what a policy costs is dbus-daemon's, and the same for both.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// An empty call and `GetStatus` of ours, and the same answers by an echo that does nothing else.
pub(super) async fn compare(table: &mut Table, calls: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bus = Bus::start(folder.path()).await;
    let setup = Setup {
        dbus: true,
        env: vec![("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), bus.address.clone())],
        ..Setup::default()
    };
    let _desk = Desk::start(setup).await;
    let client = bus.connect().await;
    let status = eventually(async || ask(&client, OURS, STATUS).await.ok()).await;
    let status = status.expect("it comes to the bus");
    let bare = bus.connect().await;
    bare.request_name(BARE.0).await.expect("its name is free");
    // It listens before anybody calls: what came earlier would be lost, and its caller wait for ever.
    let asked = MessageStream::from(&bare);
    tokio::spawn(echo(bare, asked, status));
    eventually(async || ask(&client, BARE, STATUS).await.ok())
        .await
        .expect("it answers");
    for (what, method, bar) in [
        ("empty call on D-Bus · D-Bus 空调用", PING, "p50 ≤ 1.3 ×"),
        (
            "GetStatus on D-Bus, the same answer · D-Bus 查询状态",
            STATUS,
            "–",
        ),
    ] {
        let spreads = by_turns(calls, async |which| {
            let of = [OURS, BARE][which];
            ask(&client, of, method).await.expect("it answers");
        });
        compared(table, what, &spreads.await, bar);
    }
}

async fn ask(
    client: &Connection,
    (name, path): (&str, &str),
    (interface, method): (&str, &str),
) -> zbus::Result<Message> {
    let (to, of) = (Some(name), Some(interface));
    if method == PING.1 {
        return client.call_method(to, path, of, method, &()).await;
    }
    let nothing = HashMap::<&str, OwnedVariant>::new();
    client.call_method(to, path, of, method, &nothing).await
}

/// Gives nothing to a ping, the same answer to all else.
async fn echo(bare: Connection, mut asked: MessageStream, like: Message) {
    let body = like.body();
    let answer: HashMap<String, OwnedVariant> = body.deserialize().expect("a dictionary");
    while let Some(Ok(message)) = asked.next().await {
        if message.message_type() != Type::MethodCall {
            continue;
        }
        let header = message.header();
        let is_ping = header.member().is_some_and(|member| member == PING.1);
        let heard = match is_ping {
            true => bare.reply(&header, &()).await,
            false => bare.reply(&header, &answer).await,
        };
        heard.expect("it is heard");
    }
}

/// A dbus-daemon of its own.
struct Bus {
    address: String,
    daemon: Child,
    _tie: Tie,
}

impl Bus {
    async fn start(folder: &Path) -> Self {
        let (socket, config) = (folder.join("bus.sock"), folder.join("bus.conf"));
        let text = BUS.replace("SOCKET", &socket.display().to_string());
        std::fs::write(&config, text).expect("its folder");
        let mut command = Command::new("dbus-daemon");
        command
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let daemon = command.spawn().expect("dbus-daemon is installed");
        let tie = Tie::group(daemon.id()).expect("a shell");
        let is_there = async || tokio::net::UnixStream::connect(&socket).await.ok();
        eventually(is_there).await.expect("a bus");
        Self {
            address: format!("unix:path={}", socket.display()),
            daemon,
            _tie: tie,
        }
    }

    async fn connect(&self) -> Connection {
        let built = Builder::address(self.address.as_str()).build().await;
        built.expect("the bus answers")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}
