//! The files of the configuration and of its secrets: that the daemon's user can read them, and nobody else rewrite them.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use yibaod::config::profile::SecretPlace;
use yibaod::config::secrets::CREDENTIALS_PATH;
use yibaod::config::{Profile, Settings};

use super::account::{Account, shown};
use super::finding::Repair;
use super::repair::is_daemons_folder;
use super::rights::USER;
use super::{Finding, Machine};

/// The folder whose rights are ours to set.
const OWN: &str = "/etc/yibaod";
/// The group that the package gives files of the configuration to.
const GROUP: &str = "yibao";
/// Group and others, who write nothing here.
const WRITTEN_BY_OTHERS: u32 = 0o022;
/// In such a folder everybody removes his own files only.
const STICKY: u32 = 0o1000;

/// What a token is looked at as.
const TOKEN: &str = "rights.token";

/// A thing that only the daemon may look into.
pub(super) struct Private<'a> {
    pub(super) subject: &'a str,
    pub(super) path: &'a Path,
    pub(super) mode: u32,
    /// Whether the daemon opens it itself; else systemd does, as root.
    pub(super) is_daemons: bool,
    /// How it comes to be there, in Chinese and English.
    pub(super) made_by: (String, String),
}

/// What can be said of the configuration's own files.
pub(super) fn of_configuration(
    machine: &Machine,
    config: &Path,
    settings: Option<&Settings>,
) -> Vec<Finding> {
    let beside = config.with_file_name("conf.d");
    let entries = std::fs::read_dir(machine.path(&beside));
    let names = entries.into_iter().flatten().flatten();
    let mut more: Vec<PathBuf> = names.map(|it| beside.join(it.file_name())).collect();
    more.retain(|path| path.extension().is_some_and(|it| it == "toml"));
    more.sort();
    let mut files = vec![config.to_owned()];
    files.extend(more);
    files.extend(settings.map(|settings| settings.paths.site_profile.clone()));
    if let Some(tls) = settings.and_then(|settings| settings.tcp.tls.as_ref()) {
        files.extend([tls.certificate.clone(), tls.client_ca.clone()]);
    }
    let mut folders: Vec<PathBuf> = (files.iter())
        .filter_map(|file| file.parent().map(Path::to_owned))
        .collect();
    folders.push(beside);
    folders.sort();
    folders.dedup();
    let places = folders.iter().chain(&files);
    let mut findings: Vec<Finding> = places.filter_map(|it| rewritten(machine, it)).collect();
    findings.extend(files.iter().filter_map(|file| unread(machine, file)));
    findings
}

/// Whether anybody but its owner and root may change it.
fn rewritten(machine: &Machine, path: &Path) -> Option<Finding> {
    let subject = "rights.configuration";
    let found = std::fs::metadata(machine.path(path)).ok()?;
    let at = path.display();
    let mode = found.mode() & 0o777;
    let is_shared = found.is_dir() && found.mode() & STICKY != 0;
    if mode & WRITTEN_BY_OTHERS != 0 && !is_shared {
        let zh = format!("{at} 可被其他用户改写（{mode:03o}）");
        let en = format!("{at} can be written by others ({mode:03o})");
        let advice = format!("chmod go-w {at}");
        let finding = Finding::bad(subject, zh, en).so(advice.clone(), advice);
        return Some(
            match found.is_dir() && !is_daemons_folder(machine, &found) {
                true => finding,
                false => finding.repaired_by(Repair::Mode {
                    path: machine.path(path),
                    mode: mode & !WRITTEN_BY_OTHERS,
                }),
            },
        );
    }
    if found.uid() == 0 || is_daemons(machine, &found) {
        return None;
    }
    let owner = machine.user(found.uid());
    let owner = owner.unwrap_or_else(|| found.uid().to_string());
    let zh = format!("{at} 属于用户 {owner}，他可以改写");
    let en = format!("{at} is {owner}'s, who can rewrite it");
    let advice = format!("chown root:{GROUP} {at}");
    Some(Finding::care(subject, zh, en).so(advice.clone(), advice))
}

/// Whether the daemon's user cannot read it.
fn unread(machine: &Machine, path: &Path) -> Option<Finding> {
    let account = Account::of(machine, USER)?;
    let found = std::fs::metadata(machine.path(path)).ok()?;
    // A desk of this very user, such as the sandbox's.
    if is_daemons(machine, &found) && found.uid() != account.uid() {
        return None;
    }
    let place = account.kept_from(machine, path)?;
    let kept = std::fs::metadata(machine.path(&place)).ok()?;
    let (at, by, mode) = (path.display(), place.display(), shown(machine, &kept));
    let zh = format!("用户 {USER} 读不了 {at}（{by} 是 {mode}），服务起不来");
    let en =
        format!("the user {USER} cannot read {at} ({by} is {mode}): the service does not start");
    let finding = Finding::bad("rights.configuration", zh, en);
    // A folder of somebody else's stays his: to open it to callers would take more than it gives.
    if !place.starts_with(OWN) {
        let zh = format!("把 {at} 移到 {OWN} 下，并改配置中的路径");
        let en = format!("Move {at} below {OWN}, and name it there in the configuration");
        return Some(finding.so(zh, en));
    }
    let mode = if kept.is_dir() { "0750" } else { "0640" };
    let advice = format!("chown root:{GROUP} {by} && chmod {mode} {by}");
    Some(finding.so(advice.clone(), advice))
}

/// The tokens, the key of TLS and the secrets of the profile that lie in files.
pub(super) fn of_secrets(machine: &Machine, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for token in &settings.tcp.tokens {
        let (name, dir) = (&token.name, token.file.parent().unwrap_or(Path::new("")));
        let made = format!(
            "yibaoctl token create {name} --role … --dir {}",
            dir.display()
        );
        let made_by = (
            format!("用 {made} 生成，或从 [[tcp.token]] 中去掉"),
            format!("{made} makes it; or take it out of [[tcp.token]]"),
        );
        findings.extend(secret(machine, TOKEN, &token.file, made_by));
    }
    if let Some(tls) = &settings.tcp.tls {
        let made_by = (
            "放回证书的私钥，或改正 [tcp] tls_key".to_owned(),
            "Put the certificate's key there, or correct [tcp] tls_key".to_owned(),
        );
        findings.extend(secret(machine, "rights.tls_key", &tls.key, made_by));
    }
    let profile = machine.path(&settings.paths.site_profile);
    let Ok(profile) = Profile::load(&profile) else {
        return findings;
    };
    for place in [&profile.gateway.secret, &profile.cainfo.key] {
        if let SecretPlace::File(path) = place {
            let made_by = (
                "写入医保局给出的密钥，或改正站点配置".to_owned(),
                "Write the bureau's secret there, or correct the profile".to_owned(),
            );
            findings.extend(secret(machine, "rights.secret", path, made_by));
        }
    }
    findings
}

/// One of them; what systemd hands over is no file that the daemon opens by its path.
fn secret(
    machine: &Machine,
    subject: &str,
    path: &Path,
    made_by: (String, String),
) -> Option<Finding> {
    let path = match path.is_absolute() {
        true => path.to_owned(),
        false => Path::new(CREDENTIALS_PATH).join(path),
    };
    let is_credential = path.starts_with(CREDENTIALS_PATH);
    if is_credential && !machine.exists(&path) {
        return None;
    }
    Some(private(
        machine,
        &Private {
            subject,
            path: &path,
            mode: 0o600,
            is_daemons: true,
            made_by,
        },
    ))
}

/// Something that only its owner may look into, and that is the daemon's.
pub(super) fn private(machine: &Machine, it: &Private<'_>) -> Finding {
    let (subject, path, mode) = (it.subject, it.path, it.mode);
    let at = path.display();
    let meta = match std::fs::metadata(machine.path(path)) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (zh, en) = it.made_by.clone();
            let seen = (format!("{at} 不存在"), format!("{at} is not there"));
            // Without its token one caller stays out, as after `token remove`.
            return match subject == TOKEN {
                true => Finding::care(subject, seen.0, seen.1).so(zh, en),
                false => Finding::bad(subject, seen.0, seen.1).so(zh, en),
            };
        }
        Err(error) => {
            let zh = format!("看不到 {at}：{}", error.kind());
            return Finding::unseen(subject, zh, format!("{at}: {}", error.kind()))
                .so("请以管理员身份再次执行", "Run it again as root");
        }
    };
    if meta.mode() & 0o077 == 0 {
        if it.is_daemons && !is_daemons(machine, &meta) {
            return anothers(machine, it, &meta);
        }
        let zh = format!("{at} 只有所有者可读");
        return Finding::fine(subject, zh, "only its owner can read it");
    }
    let now = meta.mode() & 0o777;
    let zh = format!("{at} 可被其他用户读取（{now:03o}），守护进程会拒绝使用");
    let en = format!("{at} can be read by others ({now:03o}): the daemon refuses it");
    if meta.is_dir() && !is_daemons_folder(machine, &meta) {
        return Finding::bad(subject, zh, en).so(
            format!("{at} 不属于用户 {USER}：请在配置中换成它自己的目录，不要改动共用目录的权限"),
            format!("{at} is not the user {USER}'s: configure a folder of its own, and leave a shared one as it is"),
        );
    }
    let advice = format!("chmod {mode:03o} {at}");
    Finding::bad(subject, zh, en)
        .so(advice.clone(), advice)
        .repaired_by(Repair::Mode {
            path: machine.path(path),
            mode: now & !0o077,
        })
}

/// Closed, and to the daemon too: as when root put a copy back.
fn anothers(machine: &Machine, it: &Private<'_>, found: &Metadata) -> Finding {
    let (at, mode) = (it.path.display(), shown(machine, found));
    let zh = format!("{at} 不属于用户 {USER}（{mode}），守护进程打不开");
    let en = format!("{at} is not the user {USER}'s ({mode}): the daemon cannot open it");
    // What lies in a folder came back with it.
    let flag = if found.is_dir() { "-R " } else { "" };
    let advice = format!("chown {flag}{USER}:{GROUP} {at}");
    Finding::bad(it.subject, zh, en).so(advice.clone(), advice)
}

/// Whether it is the daemon's; on a machine without its user, and on a desk that somebody runs himself, his.
fn is_daemons(machine: &Machine, found: &Metadata) -> bool {
    let own = rustix::process::geteuid();
    let is_own = !own.is_root() && found.uid() == own.as_raw();
    machine.uid(USER).is_none_or(|uid| found.uid() == uid) || is_own
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Level;
    use super::*;

    /// A machine with the package's accounts; the files of these tests are another user's than `yibaod` unless it is said.
    fn machine(dir: &Path, uid: u32) -> Machine {
        for folder in ["", "etc", "etc/yibaod", "etc/yibaod/conf.d"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
            set(&dir.join(folder), 0o755);
        }
        let accounts = format!("root:x:0:0:::\nyibaod:x:{uid}:{uid}:::\n");
        std::fs::write(dir.join("etc/passwd"), accounts).unwrap();
        std::fs::write(dir.join("etc/group"), "root:x:0:\nyibao:x:77990:yibaod\n").unwrap();
        Machine::under(dir)
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn write(dir: &Path, path: &str, text: &str, mode: u32) -> PathBuf {
        let path = dir.join(path.trim_start_matches('/'));
        std::fs::write(&path, text).unwrap();
        set(&path, mode);
        path
    }

    const CONFIG: &str = "/etc/yibaod/yibaod.toml";

    #[test]
    fn files_that_others_can_rewrite_are_all_found() {
        let dir = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(dir.path()).unwrap().uid();
        let machine = machine(dir.path(), own);
        write(
            dir.path(),
            CONFIG,
            "[desk]\nname = \"x\"\nnumber = 1\n",
            0o644,
        );
        let site = write(dir.path(), "/etc/yibaod/site.toml", "", 0o644);
        let more = write(dir.path(), "/etc/yibaod/conf.d/10.toml", "", 0o644);
        let settings = Settings::load(&dir.path().join("etc/yibaod/yibaod.toml")).unwrap();
        let look = || of_configuration(&machine, Path::new(CONFIG), Some(&settings));
        assert_eq!(look(), []);
        for path in [&site, &more, &dir.path().join("etc/yibaod/yibaod.toml")] {
            set(path, 0o666);
            let found = look();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].level, Level::Bad);
            let mode = Repair::Mode {
                path: path.clone(),
                mode: 0o644,
            };
            assert_eq!(found[0].repair, Some(mode));
            set(path, 0o644);
        }
        for folder in ["etc/yibaod", "etc/yibaod/conf.d"] {
            set(&dir.path().join(folder), 0o777);
            let found = look();
            assert!(
                found.iter().all(|it| it.seen.1.contains(folder)),
                "{found:?}"
            );
            assert!(!found.is_empty());
            set(&dir.path().join(folder), 0o755);
        }
    }

    #[test]
    fn files_that_the_daemon_cannot_read_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(dir.path()).unwrap().uid();
        let machine = machine(dir.path(), own + 77_000);
        let config = write(dir.path(), CONFIG, "", 0o600);
        // Where the tests run as an ordinary user it is that user's own desk.
        let wanted = usize::from(own == 0);
        let look = || {
            let found = of_configuration(&machine, Path::new(CONFIG), None);
            let found: Vec<Finding> = found
                .into_iter()
                .filter(|it| it.level == Level::Bad)
                .collect();
            found
        };
        assert_eq!(look().len(), wanted);
        assert!(look().iter().all(|it| it.seen.1.contains("cannot read")));
        set(&config, 0o644);
        assert_eq!(look(), []);
        set(&dir.path().join("etc/yibaod"), 0o750);
        assert_eq!(look().len(), wanted);
        set(&dir.path().join("etc/yibaod"), 0o755);
    }

    #[test]
    fn a_secret_that_root_put_back_is_bad() {
        let dir = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(dir.path()).unwrap().uid();
        let machine_of = |uid| machine(dir.path(), uid);
        machine_of(own);
        write(dir.path(), "/etc/yibaod/key", "x", 0o600);
        let look = |uid, is_daemons| {
            private(
                &machine_of(uid),
                &Private {
                    subject: "rights.x",
                    path: Path::new("/etc/yibaod/key"),
                    mode: 0o600,
                    is_daemons,
                    made_by: ("x".to_owned(), "x".to_owned()),
                },
            )
        };
        assert_eq!(look(own, true).level, Level::Fine);
        assert_eq!(
            look(own + 77_000, false).level,
            Level::Fine,
            "systemd reads it"
        );
        if own == 0 {
            let found = look(77_000, true);
            assert_eq!(found.level, Level::Bad);
            assert!(
                found
                    .advice
                    .1
                    .contains("chown yibaod:yibao /etc/yibaod/key"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn tokens_and_keys_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(dir.path()).unwrap().uid();
        let machine = machine(dir.path(), own);
        let text = "[desk]\nname = \"x\"\nnumber = 1\n[tcp]\nlisten = \"127.0.0.1:1\"\n\
            tls_certificate = \"/etc/yibaod/c\"\ntls_key = \"/etc/yibaod/k\"\ntls_client_ca = \"/etc/yibaod/a\"\n\
            [[tcp.token]]\nname = \"his\"\nrole = \"kiosk\"\nfile = \"/etc/yibaod/his\"\n\
            [[tcp.client]]\nname = \"his\"\nrole = \"kiosk\"\n";
        let config = write(dir.path(), CONFIG, text, 0o644);
        let settings = Settings::load(&config).unwrap();
        let levels = || -> Vec<(String, Level)> {
            let found = of_secrets(&machine, &settings);
            found.into_iter().map(|it| (it.subject, it.level)).collect()
        };
        let both = |one, other| {
            vec![
                ("rights.token".to_owned(), one),
                ("rights.tls_key".to_owned(), other),
            ]
        };
        assert_eq!(
            levels(),
            both(Level::Care, Level::Bad),
            "they are not there"
        );
        write(dir.path(), "/etc/yibaod/his", "x", 0o600);
        write(dir.path(), "/etc/yibaod/k", "x", 0o644);
        assert_eq!(levels(), both(Level::Fine, Level::Bad));
        set(&dir.path().join("etc/yibaod/k"), 0o600);
        assert_eq!(levels(), both(Level::Fine, Level::Fine));
        let authority = write(dir.path(), "/etc/yibaod/a", "x", 0o664);
        let found = of_configuration(&machine, Path::new(CONFIG), Some(&settings));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].seen.1.contains("/etc/yibaod/a "), "{found:?}");
        set(&authority, 0o644);
    }
}
