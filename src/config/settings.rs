//! The daemon's own configuration: the desk, its paths, doors, receipt, limits and times.

use std::path::{Path, PathBuf};

use super::access::{self, Access};
use super::codes::{self, CodePattern};
use super::devices::{self, DeviceConfig};
use super::doors::{self, Json, Tcp};
use super::keys::{ConfigError, Keys, Sink};
use super::layers;

/// Where the daemon's configuration is when nobody says otherwise.
pub const SETTINGS_PATH: &str = "/etc/yibaod/yibaod.toml";
/// Lines above and below a receipt.
const RECEIPT_LINES_MAX: usize = 20;
/// Width of a line above or below a receipt, characters.
const RECEIPT_LINE_CHARS_MAX: usize = 64;
/// How much can be logged.
pub const LOG_LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];
const LOG_LEVEL_DEFAULT: &str = "info";
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
    /// JSON over HTTP.
    pub json: Json,
    /// Calls over TCP.
    pub tcp: Tcp,
    /// What stands around a receipt.
    pub receipt: Receipt,
    /// The settlement sheet.
    pub sheet: Sheet,
    /// How much at once.
    pub limits: Limits,
    /// The door on the system bus.
    pub dbus: Dbus,
    /// How long is waited.
    pub times: Times,
    /// What is logged.
    pub log: Log,
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

/// The settlement sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Where the site's own template lies; absent: the one that is built in.
    pub template_dir: Option<PathBuf>,
    /// 医院等级, may be empty.
    pub hospital_level: String,
    /// Above.
    pub head: Vec<String>,
    /// Below.
    pub foot: Vec<String>,
    /// Whether names and numbers are masked.
    pub mask_names: bool,
}

/// The door on the system bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dbus {
    /// Whether the bus is joined where there is one.
    pub enabled: bool,
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
    /// Days in which one person's bill with the same `bill_no` is settled once at this desk; 0: nobody looks.
    pub bill_once_days: u32,
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

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// One of [`LOG_LEVELS`].
    pub level: String,
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

    /// The `[paths] socket` that is written, whatever else is wrong with the files.
    ///
    /// # Errors
    /// They are no TOML, or cannot be read.
    pub fn socket_written(path: &Path) -> Result<Option<PathBuf>, ConfigError> {
        let (table, _) = layers::all(path)?;
        let paths = table.get("paths").and_then(|paths| paths.get("socket"));
        Ok(paths.and_then(|socket| socket.as_str()).map(PathBuf::from))
    }
}

pub(super) fn settings(mut keys: Keys) -> Settings {
    let mut access = access::access(keys.sub("access"));
    let tcp = doors::tcp(keys.sub("tcp"), &mut access);
    let receipt = receipt(keys.sub("receipt"));
    Settings {
        sheet: sheet(keys.sub("sheet"), &receipt),
        desk: desk(keys.sub("desk")),
        paths: paths(keys.sub("paths")),
        devices: devices(&mut keys),
        codes: codes::codes(&mut keys),
        access,
        json: doors::json(keys.sub("json")),
        tcp,
        receipt,
        limits: limits(keys.sub("limits")),
        dbus: dbus(keys.sub("dbus")),
        times: times(keys.sub("times")),
        log: log(keys.sub("log")),
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

fn receipt(mut keys: Keys) -> Receipt {
    let head = receipt_lines(&mut keys, "head", &[]);
    let foot = receipt_lines(&mut keys, "foot", &["仅供核对，不作报销凭证"]);
    Receipt {
        head,
        foot,
        mask_names: keys.flag("mask_names", true),
    }
}

/// Where nothing else is said it is as the receipt.
fn sheet(mut keys: Keys, receipt: &Receipt) -> Sheet {
    let template_dir = keys.text("template_dir", "");
    let template_dir = (!template_dir.is_empty()).then(|| PathBuf::from(template_dir));
    if template_dir.as_deref().is_some_and(Path::is_relative) {
        keys.problem("template_dir", "must be an absolute path");
    }
    let hospital_level = keys.text("hospital_level", "");
    if hospital_level.chars().count() > RECEIPT_LINE_CHARS_MAX {
        let what = format!("must be at most {RECEIPT_LINE_CHARS_MAX} characters");
        keys.problem("hospital_level", what);
    }
    let head: Vec<&str> = receipt.head.iter().map(String::as_str).collect();
    let foot: Vec<&str> = receipt.foot.iter().map(String::as_str).collect();
    Sheet {
        template_dir,
        hospital_level,
        head: receipt_lines(&mut keys, "head", &head),
        foot: receipt_lines(&mut keys, "foot", &foot),
        mask_names: keys.flag("mask_names", receipt.mask_names),
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

fn dbus(mut keys: Keys) -> Dbus {
    Dbus {
        enabled: keys.flag("enabled", true),
    }
}

fn limits(mut keys: Keys) -> Limits {
    Limits {
        calls_per_caller: keys.number("calls_per_caller", 32, 1..=20_000),
        waiting_callers: keys.number("waiting_callers", 32, 1..=1_000),
        settlements: keys.number("settlements", 256, 1..=10_000),
        bill_once_days: keys.number("bill_once_days", 7, 0..=3_650),
    }
}

fn log(mut keys: Keys) -> Log {
    let level = keys.text("level", LOG_LEVEL_DEFAULT);
    if !LOG_LEVELS.contains(&level.as_str()) {
        let known = LOG_LEVELS.join(", ");
        keys.problem("level", format!("{level:?} is none of {known}"));
    }
    Log { level }
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
