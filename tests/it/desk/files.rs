//! The files of a desk: configuration, site profile, keys.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::Path;

use super::Desk;

/// What differs from test to test.
#[derive(Clone, Debug)]
pub struct Setup {
    pub desk_number: u16,
    pub settle_quiet_s: u32,
    pub rejoin_s: u32,
    pub confirm_wait_s: u32,
    pub money_call_ms: u32,
    pub print_wait_ms: u32,
    /// The whole site profile instead of the sandbox's, with `{base}`, `{voucher}` and `{dir}` in it.
    pub profile: Option<String>,
    /// Lines added to the end of the site profile.
    pub profile_more: String,
    /// Lines added to the end of the configuration.
    pub config_more: String,
    pub calls_per_caller: u32,
    pub bill_once_days: u32,
    /// With the door on the bus.
    pub dbus: bool,
    /// Without a receipt printer.
    pub no_printer: bool,
    /// Set for the daemon and what it starts.
    pub env: Vec<(String, String)>,
    /// Another place of the same daemon.
    pub daemon: Option<std::path::PathBuf>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            desk_number: 7,
            settle_quiet_s: 2,
            rejoin_s: 1,
            confirm_wait_s: 30,
            money_call_ms: 1_500,
            print_wait_ms: 8_000,
            profile: None,
            profile_more: String::new(),
            config_more: String::new(),
            calls_per_caller: 256,
            bill_once_days: 7,
            dbus: false,
            no_printer: false,
            env: Vec::new(),
            daemon: None,
        }
    }
}

/// Writes all files of the desk.
pub fn write(desk: &Desk) {
    let dir = desk.dir();
    std::fs::create_dir_all(desk.state_dir()).expect("its folder");
    std::fs::set_permissions(desk.state_dir(), PermissionsExt::from_mode(0o700)).expect("its mode");
    secret(&dir.join("site.key"), &"5a".repeat(32));
    let gateway_secret = yibaod::sandbox::platform::Options::default().secret;
    secret(&dir.join("gateway.secret"), &gateway_secret);
    std::fs::write(dir.join("site.toml"), profile(desk)).expect("its folder");
    std::fs::write(desk.config(), settings(desk)).expect("its folder");
}

fn secret(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .expect("its folder");
    file.write_all(text.as_bytes()).expect("its folder");
}

fn settings(desk: &Desk) -> String {
    let dir = desk.dir().display();
    let setup = desk.setup();
    let scanner = desk.scanner.path().display();
    let printer = match desk.printer.addr() {
        Some(address) if !setup.no_printer => format!(
            "[[device]]\nname = \"printer\"\nrole = \"receipt\"\nkind = \"escpos-tcp\"\n\
             model = \"epson-tm-80\"\naddress = \"{address}\"\n"
        ),
        Some(_) | None => String::new(),
    };
    format!(
        "[desk]\nname = \"测试窗口\"\nnumber = {number}\n\n\
         [paths]\nstate_dir = \"{dir}/state\"\nsocket = \"{dir}/yibaod.sock\"\n\
         site_profile = \"{dir}/site.toml\"\nsite_key = \"{dir}/site.key\"\n\n\
         [times]\nrejoin_s = {rejoin}\nconfirm_wait_s = {confirm}\nprint_wait_ms = {print}\n\n\
         [dbus]\nenabled = {dbus}\n\n\
         [limits]\ncalls_per_caller = {calls}\nwaiting_callers = 256\nbill_once_days = {bill_once_days}\n\n\
         [[device]]\nname = \"scanner\"\nrole = \"scanner\"\nkind = \"serial-scanner\"\n\
         path = \"{scanner}\"\n\n{printer}\n{more}\n",
        number = setup.desk_number,
        bill_once_days = setup.bill_once_days,
        dbus = setup.dbus,
        rejoin = setup.rejoin_s,
        confirm = setup.confirm_wait_s,
        print = setup.print_wait_ms,
        calls = setup.calls_per_caller,
        more = setup.config_more,
    )
}

/// The shipped profile of the sandbox with the addresses and times of this run.
fn profile(desk: &Desk) -> String {
    let shipped = include_str!("../../../packaging/profiles/sandbox.toml");
    let setup = desk.setup();
    if let Some(whole) = &setup.profile {
        return whole
            .replace("{base}", &desk.platform.base_url())
            .replace("{voucher}", &desk.platform.voucher_url())
            .replace("{dir}", &desk.dir().display().to_string());
    }
    let mut table: toml::Table = shipped.parse().expect("the shipped profile is TOML");
    let more: toml::Table = setup.profile_more.parse().expect("profile_more is TOML");
    let set = |table: &mut toml::Table, section: &str, key: &str, value: toml::Value| {
        let section = table.get_mut(section).and_then(toml::Value::as_table_mut);
        section
            .expect("the shipped profile has it")
            .insert(key.to_owned(), value);
    };
    set(&mut table, "url", "base", desk.platform.base_url().into());
    set(
        &mut table,
        "voucher",
        "url",
        desk.platform.voucher_url().into(),
    );
    set(&mut table, "timeouts", "connect_ms", 1_000.into());
    set(
        &mut table,
        "timeouts",
        "money_call_ms",
        i64::from(setup.money_call_ms).into(),
    );
    table.insert(
        "settle_quiet_s".to_owned(),
        i64::from(setup.settle_quiet_s).into(),
    );
    for (section, value) in more {
        match (
            table.get_mut(&section).and_then(toml::Value::as_table_mut),
            value,
        ) {
            (Some(old), toml::Value::Table(new)) => old.extend(new),
            (_, value) => drop(table.insert(section, value)),
        }
    }
    table.to_string()
}

/// A program at another place, to be run there at once. Another process writes it: a child that this one is just
/// starting for another test would have the copy open for writing, and nobody could run it.
pub fn copy_program(from: &str, to: &Path) {
    let copied = std::process::Command::new("cp").arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success());
}
