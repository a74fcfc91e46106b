//! A machine with its own users and its own system bus, seen by the daemon, by polkit and by the callers.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use yibaod::sandbox::lifeline::Tie;
use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup, eventually};

/// The daemon's own user.
pub(crate) const OWNER: u32 = 4_990;
/// A member of `yibao`.
pub(crate) const CASHIER: u32 = 4_501;
/// A member of `yibao` who only looks after the desk, by the configuration.
pub(crate) const MONITOR: u32 = 4_502;
/// Another monitor, whom a rule of polkit's trusts: a member of `yibao-admin` too.
pub(super) const TRUSTED: u32 = 4_503;
/// In no group of ours.
pub(super) const STRANGER: u32 = 4_504;
/// Longest run of one client.
const CLIENT_S_MAX: u64 = 60;
const NAME: &str = "org.yibaod.Bridge1";
pub(super) const PATH: &str = "/org/yibaod/Bridge1";
const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nmessagebus:x:4100:4100::/:/bin/false\n\
    polkitd:x:4101:4101::/:/bin/false\nyibaod:x:4990:4990::/:/bin/false\ncashier:x:4501:4501::/:/bin/sh\n\
    monitor:x:4502:4502::/:/bin/sh\ntrusted:x:4503:4503::/:/bin/sh\nstranger:x:4504:4504::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nmessagebus:x:4100:\npolkitd:x:4101:\nyibaod:x:4990:\ncashier:x:4501:\n\
    monitor:x:4502:\ntrusted:x:4503:\nstranger:x:4504:\nyibao:x:4500:yibaod,cashier,monitor,trusted\n\
    yibao-admin:x:4505:trusted\n";
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=DIR/bus.sock</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="root"><allow own="org.freedesktop.PolicyKit1"/></policy>
  <policy user="polkitd"><allow own="org.freedesktop.PolicyKit1"/></policy>
  <policy context="default"><allow send_destination="org.freedesktop.PolicyKit1"/></policy>
  <includedir>DIR/system.d</includedir>
</busconfig>
"#;

/// The machine. What runs on it ends with it.
pub(crate) struct World {
    pub(crate) desk: Desk,
    running: Vec<Running>,
}

/// A program that ends with its world, or with this process.
struct Running {
    child: Child,
    _tie: Tie,
}

impl World {
    /// A desk on the bus, without polkit.
    pub(super) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// [`World::start`] of a desk that differs.
    pub(crate) async fn start_with(setup: Setup) -> Self {
        let mut world = Self::prepare(setup).await;
        world.start_bus().await;
        world.start_daemon().await;
        world.on_bus().await;
        world
    }

    /// Everything but what runs.
    pub(super) async fn prepare(mut setup: Setup) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "other users call over the bus: run these tests as root"
        );
        let platform = Platform::start(Options::default())
            .await
            .expect("a free port");
        setup.dbus = true;
        setup.config_more += "\n[access]\nmonitor = [\"user:monitor\", \"user:trusted\"]\n";
        let desk = Desk::prepare(Arc::new(platform), setup);
        let dir = desk.dir().to_owned();
        std::fs::write(dir.join("passwd"), PASSWD).expect("its folder");
        std::fs::write(dir.join("group"), GROUP).expect("its folder");
        std::fs::write(
            dir.join("bus.conf"),
            BUS.replace("DIR", &dir.display().to_string()),
        )
        .expect("its folder");
        for (folder, shipped) in [
            ("system.d", "packaging/dbus/org.yibaod.Bridge1.conf"),
            ("actions", "packaging/polkit/org.yibaod.Bridge1.policy"),
            ("rules.d", "packaging/polkit/60-yibaod.rules"),
        ] {
            let shipped = here(shipped);
            let name = shipped.file_name().expect("it is a file");
            std::fs::create_dir(dir.join(folder)).expect("its folder");
            std::fs::copy(&shipped, dir.join(folder).join(name)).expect("it is shipped");
        }
        std::fs::create_dir(dir.join("none")).expect("its folder");
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).expect("its mode");
        for of in ["state", "site.key", "gateway.secret"].map(|name| dir.join(name)) {
            std::os::unix::fs::chown(&of, Some(OWNER), Some(OWNER)).expect("root may");
        }
        std::os::unix::fs::chown(&dir, Some(OWNER), Some(OWNER)).expect("root may");
        std::os::unix::fs::chown(desk.scanner.path(), Some(OWNER), None).expect("root may");
        let running = Vec::new();
        Self { desk, running }
    }

    pub(super) async fn start_bus(&mut self) {
        let config = format!("--config-file={}/bus.conf", self.desk.dir().display());
        let words = ["dbus-daemon", &config, "--nofork", "--nopidfile"];
        self.run(self.inside(&words));
        let socket = self.desk.dir().join("bus.sock");
        let is_there = async || tokio::net::UnixStream::connect(&socket).await.ok();
        eventually(is_there).await.expect("a bus");
    }

    /// A signal to the bus alone, which is the first that runs.
    pub(crate) fn signal_bus(&self, signal: rustix::process::Signal) {
        let bus = i32::try_from(self.running[0].child.id()).expect("a pid");
        let bus = rustix::process::Pid::from_raw(bus).expect("a pid is not 0");
        rustix::process::kill_process(bus, signal).expect("it runs");
    }

    /// The bus and all on it.
    pub(super) fn stop_bus(&mut self) {
        self.running.clear();
        drop(std::fs::remove_file(self.desk.dir().join("bus.sock")));
    }

    pub(super) async fn start_polkit(&mut self) {
        self.run(self.inside(&["/usr/lib/polkit-1/polkitd", "--no-debug"]));
        self.owned("org.freedesktop.PolicyKit1").await;
    }

    /// As its own user.
    pub(super) async fn start_daemon(&mut self) {
        let address = self.address();
        let words = self.inside_words();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        let address = format!("DBUS_SYSTEM_BUS_ADDRESS={address}");
        words.extend(["env", &address]);
        words.extend([
            "setpriv",
            "--reuid=yibaod",
            "--regid=yibaod",
            "--init-groups",
        ]);
        self.desk.start_daemon_under(&words).await;
    }

    /// Until the daemon has its name.
    pub(crate) async fn on_bus(&self) {
        self.owned(NAME).await;
    }

    async fn owned(&self, name: &str) {
        let bus = "org.freedesktop.DBus";
        let asked = [
            "call",
            bus,
            "/org/freedesktop/DBus",
            bus,
            "NameHasOwner",
            "s",
            name,
        ];
        let is_owned = eventually(async || {
            let answer = self.busctl(0, &asked).await;
            String::from_utf8_lossy(&answer.stdout)
                .contains("true")
                .then_some(())
        });
        if is_owned.await.is_some() {
            return;
        }
        panic!("nobody has {name}: {}", self.desk.log());
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:path={}/bus.sock", self.desk.dir().display())
    }

    /// A method with a dictionary, by busctl, which knows its message as JSON.
    pub(crate) async fn call(
        &self,
        uid: u32,
        service: &str,
        method: &str,
        request: &[String],
    ) -> Output {
        let interface = super::interface(service);
        let mut words = vec![
            "call",
            "--json=short",
            "--timeout=60",
            NAME,
            PATH,
            &interface,
            method,
        ];
        words.extend(request.iter().map(String::as_str));
        self.busctl(uid, &words).await
    }

    pub(super) async fn busctl(&self, uid: u32, words: &[&str]) -> Output {
        let mut command = self.as_user(uid, &["busctl", "--system"]);
        command.args(words);
        finished(command).await
    }

    pub(super) async fn gdbus(&self, uid: u32, words: &[&str]) -> Output {
        let mut command = self.as_user(uid, &["gdbus"]);
        command.args(words);
        finished(command).await
    }

    /// The client in Python, which becomes this user by itself.
    pub(super) fn python(&self, uid: u32) -> Command {
        let python = std::env::var("YIBAO_PYTHON")
            .expect("real clients are installed by tests/run; try `tests/run --test it bus`");
        let mut command = Command::new(python);
        command
            .arg(here("tests/peers/bus_client.py"))
            .env("YIBAO_AS", format!("{uid},{}", groups(uid)))
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// A program of this user's, on this bus.
    pub(super) fn as_user(&self, uid: u32, words: &[&str]) -> Command {
        let groups = groups(uid);
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={uid}"))
            .arg(format!("--regid={uid}"))
            .arg(format!("--groups={groups}"))
            .args(words)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// A program as root that sees the users, the actions and the rules of this machine.
    fn inside(&self, words: &[&str]) -> Command {
        let before = self.inside_words();
        let mut command = Command::new(&before[0]);
        command
            .args(&before[1..])
            .args(words)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        command
    }

    fn inside_words(&self) -> Vec<String> {
        let dir = self.desk.dir().display();
        let binds = [
            ("passwd", "/etc/passwd"),
            ("group", "/etc/group"),
            ("actions", "/usr/share/polkit-1/actions"),
            ("rules.d", "/usr/share/polkit-1/rules.d"),
            ("none", "/etc/polkit-1/rules.d"),
        ];
        let binds = binds.map(|(ours, theirs)| format!("mount --bind {dir}/{ours} {theirs}"));
        let shell = format!("{} && exec \"$@\"", binds.join(" && "));
        let words = ["unshare", "--mount", "sh", "-c", &shell, "sh"];
        words.map(str::to_owned).into()
    }

    fn run(&mut self, mut command: Command) {
        use std::os::unix::process::CommandExt as _;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.desk.dir().join("machine.log"))
            .expect("its folder");
        let log_too = log.try_clone().expect("a descriptor");
        command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            .process_group(0);
        let child = command.spawn().expect("it is installed");
        let tie = Tie::group(child.id()).expect("a shell");
        self.running.push(Running { child, _tie: tie });
    }
}

pub(crate) fn groups(uid: u32) -> String {
    match uid {
        0 => "0".to_owned(),
        TRUSTED => "4500,4505".to_owned(),
        STRANGER => uid.to_string(),
        uid => format!("4500,{uid}"),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a client said, as JSON without the signatures.
pub(super) fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    let typed: Value = serde_json::from_slice(&output.stdout).expect("busctl says JSON");
    plain(&typed["data"][0])
}

/// busctl's `{"type": …, "data": …}` is what it holds.
fn plain(typed: &Value) -> Value {
    match typed {
        Value::Object(entries) if entries.contains_key("type") && entries.contains_key("data") => {
            plain(&entries["data"])
        }
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), plain(value)));
            Value::Object(entries.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(plain).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => typed.clone(),
    }
}

pub(super) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub(super) async fn finished(command: Command) -> Output {
    let mut command = tokio::process::Command::from(command);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(CLIENT_S_MAX), command.output()).await;
    output
        .expect("the client ends in time")
        .expect("the client is installed")
}

pub(crate) fn here(path: impl AsRef<Path>) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
