//! The daemon's own configuration: the desk, its paths, doors, receipt, limits and times.

use std::path::{Path, PathBuf};

use super::codes::{self, CodePattern};
use super::devices::{self, DeviceConfig};
use super::keys::{ConfigError, Keys, Sink};
use super::layers;

/// Where the daemon's configuration is when nobody says otherwise.
pub const SETTINGS_PATH: &str = "/etc/yibaod/yibaod.toml";
/// Lines above and below a receipt.
const RECEIPT_LINES_MAX: usize = 20;
/// Width of a line above or below a receipt, characters.
const RECEIPT_LINE_CHARS_MAX: usize = 64;
/// A wait longer than this is a mistake in the file.
const WAIT_S_MAX: i64 = 3_600;

/// The checked configuration of one desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which desk this is.
    pub desk: Desk,
    /// Where things lie.
    pub paths: Paths,
    /// What is plugged in, in the order of the file.
    pub devices: Vec<DeviceConfig>,
    /// The site's own codes, the first that fits counts.
    pub codes: Vec<CodePattern>,
    /// Who may do what beyond the socket's mode.
    pub access: Access,
    /// What stands around a receipt.
    pub receipt: Receipt,
    /// How much at once.
    pub limits: Limits,
    /// How long is waited.
    pub times: Times,
}

/// Which desk this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// What people call it.
    pub name: String,
    /// 0–999, unique among the desks that share a fixmedins_code: it is part of every msgid.
    pub number: u16,
}

/// Where things lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The journal, which keeps what was printed sealed, and the folder of PDFs.
    pub state_dir: PathBuf,
    /// The gRPC door.
    pub socket: PathBuf,
    /// The site profile.
    pub site_profile: PathBuf,
    /// The site key: an absolute path, or the name of a systemd credential.
    pub site_key: PathBuf,
}

/// A caller on the local socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// `uid:1000`.
    Uid(u32),
    /// `user:cashier`.
    User(String),
    /// `gid:1000`.
    Gid(u32),
    /// `group:yibao`.
    Group(String),
}

/// Who may do what beyond the socket's mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Who may settle a bill that names nobody. Empty: nobody.
    pub unnamed_bill: Vec<Caller>,
    /// Who may settle. Empty: everybody who can open the socket.
    pub settle: Vec<Caller>,
    /// Who may state what became of a stuck settlement, besides root and the daemon's own user.
    pub admin: Vec<Caller>,
    /// Who may be told names and numbers whole, besides admins. Empty: nobody.
    pub unmasked: Vec<Caller>,
}

/// What stands around a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Above.
    pub head: Vec<String>,
    /// Below.
    pub foot: Vec<String>,
    /// Whether names and numbers are masked.
    pub mask_names: bool,
}

/// How much at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Running calls of one caller.
    pub calls_per_caller: u32,
    /// Callers that wait for one scanner.
    pub waiting_callers: u32,
    /// Settlements that run at once.
    pub settlements: u32,
}

/// How long is waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// For a code.
    pub scan_wait_s: u32,
    /// For a confirmation.
    pub confirm_wait_s: u32,
    /// For the caller to come back before the point of no return.
    pub rejoin_s: u32,
    /// For paper, before the answer.
    pub print_wait_ms: u32,
    /// After this, a call without a deadline is answered PENDING.
    pub pending_s: u32,
}

impl Settings {
    /// Reads the file and the `conf.d/*.toml` beside it, and checks them.
    ///
    /// # Errors
    /// Everything that is wrong, each with file and key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let (table, origins) = layers::all(path)?;
        let sink = Sink::new(origins);
        let settings = settings(Keys::new(table, sink.clone()));
        sink.finish(settings)
    }
}

fn settings(mut keys: Keys) -> Settings {
    Settings {
        desk: desk(keys.sub("desk")),
        paths: paths(keys.sub("paths")),
        devices: devices(&mut keys),
        codes: codes::codes(&mut keys),
        access: access(keys.sub("access")),
        receipt: receipt(keys.sub("receipt")),
        limits: limits(keys.sub("limits")),
        times: times(keys.sub("times")),
    }
}

fn desk(mut keys: Keys) -> Desk {
    let name = keys.text_required("name");
    if name.chars().count() > 64 {
        keys.problem("name", "must be at most 64 characters");
    }
    // No default: two desks with the same number make the same msgid.
    let number = keys.number_required("number", 0..=999);
    Desk { name, number }
}

fn paths(mut keys: Keys) -> Paths {
    Paths {
        state_dir: absolute(&mut keys, "state_dir", "/var/lib/yibaod"),
        socket: absolute(&mut keys, "socket", "/run/yibaod/yibaod.sock"),
        site_profile: absolute(&mut keys, "site_profile", "/etc/yibaod/site.toml"),
        site_key: keys.text("site_key", "yibaod-site-key").into(),
    }
}

fn absolute(keys: &mut Keys, key: &'static str, default: &str) -> PathBuf {
    let path = PathBuf::from(keys.text(key, default));
    if !path.is_absolute() {
        keys.problem(key, "must be an absolute path");
    }
    path
}

fn devices(keys: &mut Keys) -> Vec<DeviceConfig> {
    let mut found = Vec::new();
    for (at, table) in keys.tables("device") {
        match table.try_into::<DeviceConfig>() {
            Ok(device) => found.push(device),
            Err(error) => keys.problem(&at, error.message()),
        }
    }
    for what in devices::check_all(&found) {
        keys.problem("device", what);
    }
    found
}

fn access(mut keys: Keys) -> Access {
    Access {
        unnamed_bill: callers(&mut keys, "unnamed_bill"),
        settle: callers(&mut keys, "settle"),
        admin: callers(&mut keys, "admin"),
        unmasked: callers(&mut keys, "unmasked"),
    }
}

fn callers(keys: &mut Keys, key: &'static str) -> Vec<Caller> {
    let mut callers = Vec::new();
    for text in keys.list(key, &[]) {
        match caller(&text) {
            Some(caller) => callers.push(caller),
            None => keys.problem(
                key,
                format!("{text:?} is none of uid:N, user:NAME, gid:N, group:NAME"),
            ),
        }
    }
    callers
}

fn caller(text: &str) -> Option<Caller> {
    let (kind, who) = text.split_once(':')?;
    if who.is_empty() {
        return None;
    }
    match kind {
        "uid" => who.parse().ok().map(Caller::Uid),
        "gid" => who.parse().ok().map(Caller::Gid),
        "user" => Some(Caller::User(who.to_owned())),
        "group" => Some(Caller::Group(who.to_owned())),
        _ => None,
    }
}

fn receipt(mut keys: Keys) -> Receipt {
    let head = receipt_lines(&mut keys, "head", &[]);
    let foot = receipt_lines(&mut keys, "foot", &["仅供核对，不作报销凭证"]);
    Receipt {
        head,
        foot,
        mask_names: keys.flag("mask_names", true),
    }
}

fn receipt_lines(keys: &mut Keys, key: &'static str, default: &[&str]) -> Vec<String> {
    let lines = keys.list(key, default);
    if lines.len() > RECEIPT_LINES_MAX {
        keys.problem(key, format!("has more than {RECEIPT_LINES_MAX} lines"));
    }
    for line in &lines {
        if line.chars().count() > RECEIPT_LINE_CHARS_MAX || line.chars().any(char::is_control) {
            keys.problem(
                key,
                format!("{line:?} must be at most {RECEIPT_LINE_CHARS_MAX} printable characters"),
            );
        }
    }
    lines
}

fn limits(mut keys: Keys) -> Limits {
    Limits {
        calls_per_caller: keys.number("calls_per_caller", 32, 1..=1_000),
        waiting_callers: keys.number("waiting_callers", 32, 1..=1_000),
        settlements: keys.number("settlements", 256, 1..=10_000),
    }
}

fn times(mut keys: Keys) -> Times {
    Times {
        scan_wait_s: keys.number("scan_wait_s", 60, 1..=WAIT_S_MAX),
        confirm_wait_s: keys.number("confirm_wait_s", 120, 1..=WAIT_S_MAX),
        rejoin_s: keys.number("rejoin_s", 15, 0..=WAIT_S_MAX),
        print_wait_ms: keys.number("print_wait_ms", 8_000, 0..=60_000),
        pending_s: keys.number("pending_s", 150, 1..=WAIT_S_MAX),
    }
}
