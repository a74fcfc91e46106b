//! The files of the desk: configuration, site profile, sample bills. The daemon makes its own site key.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use toml::Value;
use yibaod::sandbox::bills;
use yibaod::sandbox::persons::everybody;

use crate::Trouble;
use crate::args::Args;
use crate::desk::Desk;
use crate::draw::Say;

/// Tried names of a temporary folder.
const NAMES_MAX: u32 = 1_000;
/// The profile that fits the simulated platform; the addresses are of each run.
const PROFILE: &str = include_str!("../../../packaging/profiles/sandbox.toml");
/// Only the owner looks into the folders.
const MODE: u32 = 0o700;

/// Where all files of this run lie.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    is_kept: bool,
}

impl Place {
    /// The given folder, or a new temporary one.
    pub(crate) fn open(args: &Args) -> Result<Self, Trouble> {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(MODE);
        let Some(dir) = &args.dir else {
            let dir = temporary(&builder)?;
            let place = Self {
                dir,
                is_kept: args.keep,
            };
            builder.create(place.state_dir())?;
            return Ok(place);
        };
        builder.recursive(true).create(dir)?;
        let place = Self {
            // The configuration wants whole paths.
            dir: dir.canonicalize()?,
            is_kept: true,
        };
        builder.create(place.state_dir())?;
        Ok(place)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The daemon's door.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("yibaod.sock")
    }

    /// The daemon's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("yibaod.toml")
    }

    /// The site key.
    pub(crate) fn site_key(&self) -> PathBuf {
        self.dir.join("site.key")
    }

    /// The daemon's own files.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// What the daemon says.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("yibaod.log")
    }

    /// A sample bill for this person.
    pub(crate) fn bill(&self, person: &str) -> PathBuf {
        self.dir.join("bills").join(format!("{person}.json"))
    }

    /// Where the picture of a receipt goes. It outlives the other files: its path was told.
    pub(crate) fn picture(&self, number: usize) -> PathBuf {
        self.lasting(&format!("receipt-{number}.png"))
    }

    /// A file that outlives the others: its path was told.
    pub(crate) fn lasting(&self, file: &str) -> PathBuf {
        if self.is_kept {
            return self.dir.join(file);
        }
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        std::env::temp_dir().join(format!("{name}-{file}"))
    }

    /// Removes temporary files, or says where they are.
    pub(crate) fn close(&self, say: &Say) {
        if self.is_kept {
            say.line(&format!("  files kept in {}", self.dir.display()));
        } else if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            say.line(&format!("  {} is left behind: {error}", self.dir.display()));
        }
    }
}

fn temporary(builder: &std::fs::DirBuilder) -> Result<PathBuf, Trouble> {
    let pid = std::process::id();
    for number in 0..NAMES_MAX {
        let dir = std::env::temp_dir().join(format!("yibao-sandbox-{pid}-{number}"));
        // A folder that is there already belongs to somebody else.
        match builder.create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{}: {error}", dir.display()).into()),
        }
    }
    Err("no name is free for a temporary folder".into())
}

/// Writes all files; a bill for each person.
pub(crate) fn write(place: &Place, desk: &Desk, args: &Args) -> Result<(), Trouble> {
    std::fs::write(place.dir.join("site.toml"), profile(desk, args)?)?;
    std::fs::write(place.config(), settings(place, desk)?)?;
    std::fs::create_dir_all(place.dir.join("bills"))?;
    for person in everybody() {
        let mut bill = serde_json::to_string_pretty(&bills::outpatient(&person))?;
        bill.push('\n');
        std::fs::write(place.bill(&person.key), bill)?;
    }
    Ok(())
}

fn profile(desk: &Desk, args: &Args) -> Result<String, Trouble> {
    let mut table: toml::Table = PROFILE.parse()?;
    let mut set = |section: &str, key: &str, value: String| {
        if let Some(Value::Table(section)) = table.get_mut(section) {
            section.insert(key.to_owned(), Value::String(value));
        }
    };
    set("url", "base", desk.platform.base_url());
    set("voucher", "url", desk.platform.voucher_url());
    table.insert(
        "settle_quiet_s".to_owned(),
        i64::from(args.settle_quiet_s).into(),
    );
    Ok(toml::to_string(&table)?)
}

fn settings(place: &Place, desk: &Desk) -> Result<String, Trouble> {
    let text = |path: &Path| Value::String(path.display().to_string());
    let device = |name: &str, role: &str, kind: &str, more: &[(&str, Value)]| {
        let mut table = toml::Table::new();
        for (key, value) in [("name", name), ("role", role), ("kind", kind)] {
            table.insert(key.to_owned(), value.into());
        }
        let more = more.iter();
        table.extend(more.map(|(key, value)| ((*key).to_owned(), value.clone())));
        Value::Table(table)
    };
    let printer = desk
        .devices
        .printer
        .addr()
        .ok_or("the printer has no address")?;
    let mut paths = toml::Table::new();
    paths.insert("state_dir".to_owned(), text(&place.state_dir()));
    paths.insert("socket".to_owned(), text(&place.socket()));
    paths.insert(
        "site_profile".to_owned(),
        text(&place.dir.join("site.toml")),
    );
    paths.insert("site_key".to_owned(), text(&place.site_key()));
    let mut number = toml::Table::new();
    number.insert("name".to_owned(), "沙箱七号窗口".into());
    number.insert("number".to_owned(), 7.into());
    let mut all = toml::Table::new();
    all.insert("desk".to_owned(), Value::Table(number));
    all.insert("paths".to_owned(), Value::Table(paths));
    let scanner = [
        ("path", text(desk.devices.scanner.path())),
        ("terminator", "cr".into()),
    ];
    // A model whose paper is proven by process ids: the simulated printer answers them.
    let printer = [
        ("address", printer.to_string().into()),
        ("model", "epson-tm-80".into()),
    ];
    let reports = [("uri", desk.reports.uri().into())];
    let devices = vec![
        device("scanner", "scanner", "serial-scanner", &scanner),
        device("printer", "receipt", "escpos-tcp", &printer),
        device("reports", "report", "ipp-printer", &reports),
    ];
    all.insert("device".to_owned(), Value::Array(devices));
    Ok(toml::to_string(&all)?)
}
