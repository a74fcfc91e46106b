//! A driver at work: a child process that is told one line and tells one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::answer::{Told, method};
use super::scenario::{Caller, Scenario};
use super::table::{CERTIFICATES, Client, Door, Form};
use crate::bus::Literal;
use crate::bus::world::{CASHIER, MONITOR, OWNER, World, groups, here};
use crate::desk::{Setup, free_port};
use crate::doors::authority::Authority;
use crate::peers::tool;

/// Longest wait for a line.
const LINE_S_MAX: u64 = 60;
/// The tokens of a cashier and of one who only looks.
const TOKENS: [(&str, &str); 2] = [
    ("cashier", "suite-0123456789abcdef0123456789abcdef"),
    ("monitor", "suite-fedcba9876543210fedcba9876543210"),
];

/// Where the clients are: a machine with all doors open.
pub(super) struct Place {
    pub(super) world: World,
    url: String,
    /// What protoc-gen-es made.
    generated: PathBuf,
    /// What the compiler for 32-bit Windows made.
    windows: PathBuf,
    _tokens: tempfile::TempDir,
    /// Where it listens with TLS.
    authority: Option<Authority>,
}

impl Place {
    pub(super) async fn prepare() -> Self {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
        let tokens = tempfile::tempdir().expect("a folder");
        let mut config = format!("[tcp]\nlisten = \"{address}\"\nsettle = true\n");
        for (role, token) in TOKENS {
            let file = tokens.path().join(role);
            std::fs::write(&file, token).expect("room");
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("its mode");
            std::os::unix::fs::chown(&file, Some(OWNER), None).expect("root may");
            let file = file.display();
            config += &format!(
                "[[tcp.token]]\nname = \"{role}\"\nrole = \"{role}\"\nfile = \"{file}\"\n"
            );
        }
        std::fs::set_permissions(tokens.path(), PermissionsExt::from_mode(0o755))
            .expect("its mode");
        let setup = Setup {
            config_more: config,
            ..Setup::default()
        };
        let world = World::start_with(setup).await;
        let generated = generate(&world.desk.dir().join("generated"));
        let windows = compile(world.desk.dir());
        let url = format!("http://{address}");
        Self {
            world,
            url,
            generated,
            windows,
            _tokens: tokens,
            authority: None,
        }
    }

    /// As where callers come from other machines: who has a certificate is a caller, and nobody else.
    pub(super) async fn with_tls() -> Self {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
        let authority = Authority::new();
        let own = |name: &str, uid| {
            std::os::unix::fs::chown(authority.key(name), Some(uid), None).expect("root may");
        };
        own("desk", OWNER);
        let mut config = format!(
            "[tcp]\nlisten = \"{address}\"\nsettle = true\n{}",
            authority.config()
        );
        for (name, uid) in CERTIFICATES.into_iter().zip([CASHIER, MONITOR]) {
            authority.sign(name);
            own(name, uid);
            config += &format!("[[tcp.client]]\nname = \"{name}\"\nrole = \"{name}\"\n");
        }
        let setup = Setup {
            config_more: config,
            ..Setup::default()
        };
        Self {
            world: World::start_with(setup).await,
            url: format!("https://{address}"),
            generated: PathBuf::new(),
            windows: PathBuf::new(),
            _tokens: tempfile::tempdir().expect("a folder"),
            authority: Some(authority),
        }
    }
}

/// The code of the Connect client, as its makers' plug-in writes it.
fn generate(into: &Path) -> PathBuf {
    let plugin = tool("YIBAO_NODE_MODULES").join(".bin/protoc-gen-es");
    let template = serde_json::json!({
        "version": "v2",
        "plugins": [{ "local": plugin, "out": into, "opt": ["target=js", "js_import_style=legacy_commonjs"] }],
    });
    let mut buf = Command::new(tool("YIBAO_BUF"));
    buf.arg("generate").arg(here("proto"));
    buf.arg("--template").arg(template.to_string());
    let told = buf.output().expect("buf runs");
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    into.to_owned()
}

/// The client for 32-bit Windows.
fn compile(into: &Path) -> PathBuf {
    let program = into.join("winsock.exe");
    let mut compiler = Command::new("i686-w64-mingw32-gcc");
    compiler
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-o"])
        .arg(&program)
        .arg(here("tests/peers/drivers/winsock.c"))
        .arg("-lws2_32");
    let compiled = compiler.status().expect("tests/wine/build installs it");
    assert!(compiled.success(), "{compiled}");
    program
}

/// One client of one caller.
pub(super) struct Driver {
    pub(super) client: &'static Client,
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Driver {
    pub(super) fn start(place: &Place, client: &'static Client, caller: Caller) -> Self {
        let mut command = command(place, client, caller);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the driver starts");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self {
            client,
            _child: child,
            input,
            output,
        }
    }

    /// What it is told in a scenario, with this id; `None`: it has no streams.
    pub(super) async fn ask(&mut self, scenario: &Scenario, id: &str) -> Option<Told> {
        let method = method(&scenario.path);
        let request = scenario.request(id);
        let literal = || Literal::request(method.input().name(), &request);
        let request = match self.client.form {
            Form::Json => request.to_string(),
            Form::Words => serde_json::json!(literal().words()).to_string(),
            Form::Text => serde_json::json!(literal().gvariant()).to_string(),
            Form::Typed => literal().typed().to_string(),
        };
        let path = format!("yibao.v1.{}", scenario.path);
        let line = match scenario.stream {
            Some(max) => format!("stream {max} {path} {request}\n"),
            None => format!("call {path} {request}\n"),
        };
        let told = self.line(&line).await;
        let (verb, told) = told.split_once(' ').unwrap_or((&told, "null"));
        let told: Value = serde_json::from_str(told).expect("a driver tells JSON");
        match verb {
            "answer" => Some(Told::answer(&method, &told)),
            "answers" => Some(Told::answers(&method, &told)),
            "refused" => Some(Told::refused(&told)),
            "cannot" => None,
            other => panic!("{}: {other} {told}", self.client.name),
        }
    }

    async fn line(&mut self, line: &str) -> String {
        let name = self.client.name;
        let written = self.input.write_all(line.as_bytes()).await;
        written.unwrap_or_else(|error| panic!("{name}: {error}"));
        let wait = Duration::from_secs(LINE_S_MAX);
        let told = tokio::time::timeout(wait, self.output.next_line()).await;
        let told = told.unwrap_or_else(|_| panic!("{name} tells nothing of {line}"));
        let told = told.expect("texts");
        told.unwrap_or_else(|| panic!("{name} ended at {line}"))
    }
}

fn command(place: &Place, client: &Client, caller: Caller) -> tokio::process::Command {
    let file = here("tests/peers/drivers").join(client.driver);
    let (runs, file) = match file.extension().and_then(|kind| kind.to_str()) {
        Some("py") => (tool("YIBAO_PYTHON"), file),
        Some("cjs") => ("node".into(), file),
        Some("c") => (here("tests/wine/run"), place.windows.clone()),
        other => panic!("nothing runs {other:?}"),
    };
    let (uid, (_, token), certificate) = match caller {
        Caller::Cashier => (CASHIER, TOKENS[0], CERTIFICATES[0]),
        Caller::Monitor => (MONITOR, TOKENS[1], CERTIFICATES[1]),
    };
    let mut command = tokio::process::Command::new(runs);
    command
        .arg(file)
        .env("YIBAO_AS", format!("{uid},{}", groups(uid)))
        .env("YIBAO_WINE", tool("YIBAO_WINE"))
        .env("NODE_PATH", tool("YIBAO_NODE_MODULES"))
        .env("YIBAO_PROTO", here("proto"))
        .env("YIBAO_GENERATED", &place.generated)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LC_ALL", "C.UTF-8")
        .envs(client.env.iter().copied());
    match client.door {
        Door::Socket => command.env("YIBAO_SOCKET", place.world.desk.socket()),
        Door::Tcp => command
            .env("YIBAO_URL", &place.url)
            .env("YIBAO_TOKEN", token),
        Door::Tls => {
            let authority = place.authority.as_ref().expect("it listens with TLS");
            command
                .env("YIBAO_URL", &place.url)
                .env("YIBAO_CA", authority.certificate("authority"))
                .env("YIBAO_CERTIFICATE", authority.certificate(certificate))
                .env("YIBAO_KEY", authority.key(certificate))
        }
        Door::Bus => command.env("DBUS_SYSTEM_BUS_ADDRESS", place.world.address()),
    };
    command
}
