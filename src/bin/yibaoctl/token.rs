//! `token`: makes, lists and takes back the files of tokens for callers over TCP. A token is shown once, when it is made.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use yibaod::config::Settings;
use yibaod::config::access::{Caller, Role};
use yibaod::config::doors::{Token, is_name};
use yibaod::ipc::access::Accounts;

use crate::args::{TokenCommand, TokenCreate, TokenList, TokenRemove};
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// The user that the package makes for the daemon.
const DAEMON_USER: &str = "yibaod";

/// Runs it.
pub(crate) fn run(command: &TokenCommand, out: &Out) -> Result<Exit, Trouble> {
    match command {
        TokenCommand::Create(wanted) => create(wanted, out),
        TokenCommand::List(wanted) => list(wanted, out),
        TokenCommand::Remove(wanted) => remove(wanted, out),
    }
}

fn create(wanted: &TokenCreate, out: &Out) -> Result<Exit, Trouble> {
    let name = &wanted.name;
    if !is_name(name) {
        let what = "a token is called by 1 to 64 of A-Z a-z 0-9 . _ -; 名称写法不对";
        return Err(Trouble::Usage(what.to_owned()));
    }
    let Some(role) = Role::of(&wanted.role) else {
        let roles = Role::ALL.map(Role::word).join(", ");
        let what = format!("{} is none of {roles}; 没有这个角色", wanted.role);
        return Err(Trouble::Usage(what));
    };
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|e| Trouble::Failed(e.to_string()))?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let path = wanted.dir.join(name);
    let failed = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", path.display()));
    let mut dir = DirBuilder::new();
    dir.recursive(true)
        .mode(0o755)
        .create(&wanted.dir)
        .map_err(failed)?;
    write(&path, &token).map_err(failed)?;
    out.notes(&[
        format!(
            "  made {}; put this into the configuration:",
            path.display()
        ),
        "  令牌文件已生成；请写入配置并重启服务：".to_owned(),
        "    [[tcp.token]]".to_owned(),
        format!("    name = \"{name}\""),
        format!("    role = \"{role}\""),
        format!("    file = \"{}\"", path.display()),
        "  This is the token; it is not shown again. 令牌如下，不会再次显示：".to_owned(),
    ]);
    match out.is_json() {
        true => {
            let object = serde_json::json!({ "name": name, "file": path, "token": token });
            out.object(&object.to_string());
        }
        false => out.lines(&[token]),
    }
    Ok(Exit::Fine)
}

/// A file that only the daemon's user can read. One that is there is never replaced.
fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let daemon = Accounts::read()?.user(DAEMON_USER);
    if let Some((uid, gid)) = daemon
        && rustix::process::geteuid().is_root()
    {
        std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
    }
    writeln!(file, "{token}")?;
    file.sync_all()
}

fn list(wanted: &TokenList, out: &Out) -> Result<Exit, Trouble> {
    let settings = load(&wanted.config)?;
    let paint = out.paint();
    let mut is_fine = true;
    for token in &settings.tcp.tokens {
        let roles = settings.access.roles.iter();
        let roles = roles.filter(|(_, who)| *who == Caller::Token(token.name.clone()));
        let roles: Vec<&str> = roles.map(|(role, _)| role.word()).collect();
        let wrong = state(token);
        is_fine &= wrong.is_none();
        if out.is_json() {
            let object = serde_json::json!({
                "name": token.name,
                "roles": roles,
                "file": token.file,
                "wrong": wrong,
            });
            out.object(&object.to_string());
            continue;
        }
        let line = format!(
            "{}  {}  {}",
            token.name,
            roles.join(","),
            token.file.display()
        );
        out.lines(&[match wrong {
            None => paint.good(&format!("  ✓ {line}")),
            Some(wrong) => paint.bad(&format!("  ✗ {line}: {wrong}")),
        }]);
    }
    match is_fine {
        true => Ok(Exit::Fine),
        false => Ok(Exit::Failed),
    }
}

/// What is wrong with a token's file. A credential of systemd is there only for the daemon.
fn state(token: &Token) -> Option<&'static str> {
    if !token.file.is_absolute() {
        return None;
    }
    match std::fs::metadata(&token.file) {
        Err(_) => Some("not there, or not readable here; 文件不存在或无法读取"),
        Ok(found) if !found.is_file() => Some("no file; 不是文件"),
        Ok(found) if found.mode() & 0o077 != 0 => {
            Some("others can read it: it is refused; 他人可读，已被拒用")
        }
        Ok(_) => None,
    }
}

fn remove(wanted: &TokenRemove, out: &Out) -> Result<Exit, Trouble> {
    let settings = load(&wanted.config)?;
    let mut tokens = settings.tcp.tokens.iter();
    let Some(token) = tokens.find(|token| token.name == wanted.name) else {
        let what = format!("no token is called {}; 没有这个令牌", wanted.name);
        return Err(Trouble::Usage(what));
    };
    let path = &token.file;
    if !path.is_absolute() {
        let what = format!(
            "{} is a credential of systemd; take it out there",
            path.display()
        );
        return Err(Trouble::Failed(what));
    }
    let removed = std::fs::remove_file(path);
    removed.map_err(|error| Trouble::Failed(format!("{}: {error}", path.display())))?;
    out.notes(&[
        format!(
            "  removed {}: the token is refused within a second, and what it follows ends within two",
            path.display()
        ),
        "  令牌已作废，一秒内拒绝新的调用，两秒内结束其订阅；配置中的 [[tcp.token]] 可一并删除".to_owned(),
    ]);
    Ok(Exit::Fine)
}

fn load(config: &Path) -> Result<Settings, Trouble> {
    Settings::load(config).map_err(|error| Trouble::Failed(error.to_string()))
}
