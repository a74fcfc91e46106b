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

const OURS: (&str, &str, &str) = (
    "org.yibaod.Bridge1",
    "/org/yibaod/Bridge1",
    "org.yibaod.Bridge1.Daemon",
);
const BARE: (&str, &str, &str) = ("test.Bare", "/test/Bare", "test.Bare");
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

/// `GetStatus` of ours, and the same answer by an echo that does nothing else.
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
    let status = eventually(async || ask(&client, OURS).await.ok()).await;
    let status = status.expect("it comes to the bus");
    let bare = bus.connect().await;
    bare.request_name(BARE.0).await.expect("its name is free");
    tokio::spawn(echo(bare, status));
    eventually(async || ask(&client, BARE).await.ok())
        .await
        .expect("it answers");
    let spreads = by_turns(calls, async |which| {
        let of = [OURS, BARE][which];
        ask(&client, of).await.expect("it answers");
    });
    let bar = "p50 ≤ 1.3 ×";
    compared(
        table,
        "GetStatus on D-Bus · D-Bus 调用",
        &spreads.await,
        bar,
    );
}

async fn ask(
    client: &Connection,
    (name, path, interface): (&str, &str, &str),
) -> zbus::Result<Message> {
    let nothing = HashMap::<&str, OwnedVariant>::new();
    let method = "GetStatus";
    client
        .call_method(Some(name), path, Some(interface), method, &nothing)
        .await
}

/// Gives the same answer to whatever is asked.
async fn echo(bare: Connection, like: Message) {
    let body = like.body();
    let answer: HashMap<String, OwnedVariant> = body.deserialize().expect("a dictionary");
    let mut asked = MessageStream::from(&bare);
    while let Some(Ok(message)) = asked.next().await {
        if message.message_type() == Type::MethodCall {
            bare.reply(&message.header(), &answer)
                .await
                .expect("it is heard");
        }
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
