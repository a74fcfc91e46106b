//! The files of the desk: configuration, site profile, sample bills. The daemon makes its own site key.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
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
/// What the sign-in says of the machine: of no maker's card, of no network.
const SIGN_IN_MAC: &str = "02-00-00-00-00-07";
const SIGN_IN_IP: &str = "127.0.0.1";
/// Only the owner looks into the folders.
const MODE: u32 = 0o700;

/// Where the installed service looks for its configuration, and where it opens its door.
const SERVICE_DIR: &str = "/etc/yibaod";
const SERVICE_SOCKET: &str = "/run/yibaod/yibaod.sock";
/// Apart from what the desk settles in earnest, which begins with a journal of its own.
const SERVICE_STATE_DIR: &str = "/var/lib/yibaod/sandbox";
/// The first line of a configuration that may be written over, and goes when the sandbox ends.
const MARK: &str = "# Of yibao-sandbox --service: gone when it ends. 模拟配置，沙箱结束时删除。";
/// What the service reads has the group of its folder.
const SERVICE_FILE_MODE: u32 = 0o640;

/// Where all files of this run lie.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    is_kept: bool,
    /// The folder is the installed service's.
    is_service: bool,
}

impl Place {
    /// The given folder, or a new temporary one.
    pub(crate) fn open(args: &Args) -> Result<Self, Trouble> {
        if args.service {
            return Self::of_service(args.dir.as_deref().unwrap_or(Path::new(SERVICE_DIR)));
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(MODE);
        let Some(dir) = &args.dir else {
            let dir = temporary(&builder)?;
            let place = Self {
                dir,
                is_kept: args.keep,
                is_service: false,
            };
            builder.create(place.state_dir())?;
            return Ok(place);
        };
        builder.recursive(true).create(dir)?;
        let place = Self {
            // The configuration wants whole paths.
            dir: dir.canonicalize()?,
            is_kept: true,
            is_service: false,
        };
        builder.create(place.state_dir())?;
        Ok(place)
    }

    /// The folder of the installed service, unless a real desk is configured there.
    fn of_service(dir: &Path) -> Result<Self, Trouble> {
        let place = Self {
            dir: dir
                .canonicalize()
                .map_err(|error| format!("{}: {error}", dir.display()))?,
            is_kept: true,
            is_service: true,
        };
        for path in [place.config(), place.profile()] {
            match std::fs::read_to_string(&path) {
                Ok(text) if text.starts_with(MARK) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Ok(_) => {
                    let path = path.display();
                    return Err(format!(
                        "{path} is of a real desk and stays as it is  已有真实配置，不作改动"
                    )
                    .into());
                }
                Err(error) => return Err(format!("{}: {error}", path.display()).into()),
            }
        }
        place.make_state_dir()?;
        Ok(place)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The daemon's door.
    pub(crate) fn socket(&self) -> PathBuf {
        if self.is_service {
            return SERVICE_SOCKET.into();
        }
        self.dir.join("yibaod.sock")
    }

    /// The daemon's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("yibaod.toml")
    }

    /// The site profile.
    pub(crate) fn profile(&self) -> PathBuf {
        self.dir.join("site.toml")
    }

    /// The site key.
    pub(crate) fn site_key(&self) -> PathBuf {
        self.dir.join("site.key")
    }

    /// The daemon's own files.
    pub(crate) fn state_dir(&self) -> PathBuf {
        if self.is_service {
            return SERVICE_STATE_DIR.into();
        }
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
        if self.is_kept && !self.is_service {
            return self.dir.join(file);
        }
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        std::env::temp_dir().join(format!("{name}-{file}"))
    }

    /// Removes temporary files, or says where they are.
    pub(crate) fn close(&self, say: &Say) {
        if self.is_service {
            self.leave_service(say);
        } else if self.is_kept {
            say.line(&format!("  files kept in {}", self.dir.display()));
        } else if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            say.line(&format!("  {} is left behind: {error}", self.dir.display()));
        }
    }
}

impl Place {
    /// Takes away what the service read; its journal of this trial stays.
    fn leave_service(&self, say: &Say) {
        let bills = self.dir.join("bills");
        let gone = std::fs::remove_file(self.config())
            .and_then(|()| std::fs::remove_file(self.profile()))
            .and_then(|()| std::fs::remove_dir_all(bills));
        match gone {
            Ok(()) => say.line(
                "  its configuration is gone: sudo systemctl stop yibaod.socket yibaod.service  配置已删除，请停止服务",
            ),
            Err(error) => say.line(&format!("  {} is left behind: {error}", self.dir.display())),
        }
    }

    /// It belongs to whom the folder above it belongs to: the daemon's user.
    fn make_state_dir(&self) -> Result<(), Trouble> {
        let dir = self.state_dir();
        let above = dir.parent().unwrap_or(&dir);
        let owner = std::fs::metadata(above)
            .map_err(|error| format!("{}: {error}; is yibaod installed?", above.display()))?;
        std::fs::DirBuilder::new()
            .mode(MODE)
            .recursive(true)
            .create(&dir)?;
        Ok(std::os::unix::fs::chown(
            &dir,
            Some(owner.uid()),
            Some(owner.gid()),
        )?)
    }

    /// Writes a file that the daemon reads.
    fn write(&self, path: &Path, text: &str) -> Result<(), Trouble> {
        if !self.is_service {
            return Ok(std::fs::write(path, text)?);
        }
        // Whole at once: the service may be starting.
        let new = path.with_extension("new");
        std::fs::write(&new, format!("{MARK}\n{text}"))?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(SERVICE_FILE_MODE))?;
        let group = std::fs::metadata(&self.dir)?.gid();
        std::os::unix::fs::chown(&new, None, Some(group))?;
        Ok(std::fs::rename(&new, path)?)
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
    place.write(&place.profile(), &profile(desk, args)?)?;
    place.write(&place.config(), &settings(place, desk)?)?;
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
    // A machine without a network has no card that could be named at the sign-in.
    set("sign_in", "mac", SIGN_IN_MAC.to_owned());
    set("sign_in", "ip", SIGN_IN_IP.to_owned());
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
    paths.insert("site_profile".to_owned(), text(&place.profile()));
    // The installed service has its own.
    if !place.is_service {
        paths.insert("site_key".to_owned(), text(&place.site_key()));
    }
    let mut number = toml::Table::new();
    number.insert("name".to_owned(), "沙箱七号窗口".into());
    number.insert("number".to_owned(), 7.into());
    let mut all = toml::Table::new();
    all.insert("desk".to_owned(), Value::Table(number));
    all.insert("paths".to_owned(), Value::Table(paths));
    // Whose own machine this is has no policy of ours on its bus; the installed service has.
    if !place.is_service {
        let off = toml::Table::from_iter([("enabled".to_owned(), false.into())]);
        all.insert("dbus".to_owned(), Value::Table(off));
    }
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
    let mut devices = vec![
        device("scanner", "scanner", "serial-scanner", &scanner),
        device("printer", "receipt", "escpos-tcp", &printer),
        device("reports", "report", "ipp-printer", &reports),
    ];
    if let Some(reader) = &desk.id_cards {
        let path = [("path", text(reader.path()))];
        devices.push(device("id-cards", "id-card", "id-card-serial", &path));
    }
    all.insert("device".to_owned(), Value::Array(devices));
    Ok(toml::to_string(&all)?)
}
