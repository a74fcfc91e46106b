//! Who may read and write what: configuration, keys, state, the socket's group.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use yibaod::config::secrets::{CREDENTIALS_PATH, HANDED_PATH};

use super::files::{self, Private, private};
use super::{Finding, Machine, Patient};
use crate::local::JOURNAL_DIR;

const GROUP: &str = "yibao";
/// The group that the udev rules give devices to.
const DEVICES: &str = "yibao-devices";
pub(super) const USER: &str = "yibaod";
/// Problems of the configuration that are listed.
const PROBLEMS_MAX: usize = 5;
/// Where secrets lie that the configuration names without a path.
const CREDENTIAL_DIRS: [&str; 3] = [
    "/etc/credstore.encrypted",
    "/etc/credstore",
    CREDENTIALS_PATH,
];

pub(super) fn look(patient: &Patient, config: &Path, socket: &Path) -> Vec<Finding> {
    let machine = &patient.machine;
    let mut findings = configuration(patient, config);
    findings.extend(accounts(machine));
    findings.push(devices(machine));
    findings.extend(door(machine, socket));
    if let Ok(settings) = &patient.settings {
        let state = &settings.paths.state_dir;
        findings.push(site_key(machine, &settings.paths.site_key, state));
        findings.extend(files::of_secrets(machine, settings));
        findings.push(folder(machine, "rights.state", state));
        let journal = state.join(JOURNAL_DIR);
        // Who may not look into the state sees nothing of what is in it.
        if machine.path(&journal).exists() {
            findings.push(folder(machine, "rights.journal", &journal));
        }
    }
    findings
}

fn configuration(patient: &Patient, config: &Path) -> Vec<Finding> {
    let subject = "rights.configuration";
    let file = config.display();
    let mut findings = Vec::new();
    match &patient.settings {
        Ok(_) => findings.push(Finding::fine(subject, format!("{file} 正确"), "is right")),
        Err(error) => {
            for problem in error.problems.iter().take(PROBLEMS_MAX) {
                let place = format!("{} {}", problem.file, problem.key);
                let zh = format!("{place}：{}", problem.what.zh);
                let en = format!("{place}: {}", problem.what.en);
                let finding = Finding::bad(subject, zh, en).so(
                    "改正后执行 systemctl reload yibaod；示例与各键说明见 /usr/share/yibaod/yibaod.toml",
                    "Correct it, then systemctl reload yibaod; /usr/share/yibaod/yibaod.toml explains every key",
                );
                findings.push(finding.about(&problem.key));
            }
        }
    }
    let settings = patient.settings.as_ref().ok();
    findings.extend(files::of_configuration(&patient.machine, config, settings));
    findings
}

/// The daemon's user, the group of who may knock, and whether this user is in it.
fn accounts(machine: &Machine) -> Vec<Finding> {
    let subject = "rights.group";
    let mut findings = Vec::new();
    if machine.uid(USER).is_none() {
        let zh = format!("没有用户 {USER}");
        let en = format!("there is no user {USER}");
        findings.push(Finding::care("rights.user", zh, en).so(
            "执行 systemd-sysusers，或重新安装软件包",
            "Run systemd-sysusers, or install the package again",
        ));
    }
    let Some(gid) = machine.gid(GROUP) else {
        let zh = format!("没有用户组 {GROUP}，只有管理员能调用");
        let en = format!("there is no group {GROUP}: only root and the daemon's user get in");
        findings.push(Finding::bad(subject, zh, en).so(
            "执行 systemd-sysusers 后重启 yibaod，再把收银员加入该组",
            "Run systemd-sysusers, restart yibaod, then add the cashiers to it",
        ));
        return findings;
    };
    let uid = rustix::process::geteuid();
    let groups = rustix::process::getgroups().unwrap_or_default();
    let is_member = rustix::process::getegid().as_raw() == gid
        || groups.iter().any(|group| group.as_raw() == gid);
    if uid.is_root() || is_member {
        let zh = format!("用户组 {GROUP} 存在，当前用户可以调用");
        findings.push(Finding::fine(subject, zh, "this user may knock"));
        return findings;
    }
    let name = machine
        .user(uid.as_raw())
        .unwrap_or_else(|| uid.as_raw().to_string());
    let zh = format!("当前用户 {name} 不在 {GROUP} 组");
    let en = format!("this user, {name}, is not in the group {GROUP}");
    findings.push(Finding::care(subject, zh, en).so(
        format!("确需调用时：usermod -aG {GROUP} {name}，然后重新登录"),
        format!("If it shall: usermod -aG {GROUP} {name}, then log in again"),
    ));
    findings
}

/// The group of the devices: the daemon alone is in it.
fn devices(machine: &Machine) -> Finding {
    let subject = "rights.devices";
    let Some(members) = machine.members(DEVICES) else {
        let zh = format!("没有用户组 {DEVICES}，守护进程打不开扫码枪和打印机");
        let en =
            format!("there is no group {DEVICES}: the daemon cannot open scanners and printers");
        return Finding::care(subject, zh, en).so(
            "执行 systemd-sysusers 后重启 yibaod，再执行 udevadm control --reload 与 udevadm trigger",
            "Run systemd-sysusers, restart yibaod, then udevadm control --reload and udevadm trigger",
        );
    };
    let (own, others): (Vec<String>, Vec<String>) = members.into_iter().partition(|it| it == USER);
    if !others.is_empty() {
        let names = others.join(", ");
        let zh = format!("{names} 在 {DEVICES} 组中，其程序可以读走扫到的码");
        let en =
            format!("{names} is in the group {DEVICES}: its programs can take codes from scanners");
        return Finding::care(subject, zh, en).so(
            format!("执行 gpasswd -d 用户名 {DEVICES}；调用只需 {GROUP} 组"),
            format!("gpasswd -d NAME {DEVICES}; to call, {GROUP} is enough"),
        );
    }
    if own.is_empty() {
        let zh = format!("{USER} 不在 {DEVICES} 组，打不开扫码枪和打印机");
        let en =
            format!("{USER} is not in the group {DEVICES}: it cannot open scanners and printers");
        return Finding::care(subject, zh, en).so(
            format!("执行 usermod -aG {DEVICES} {USER}，然后重启 yibaod"),
            format!("usermod -aG {DEVICES} {USER}, then restart yibaod"),
        );
    }
    let zh = format!("{DEVICES} 组中只有 {USER}");
    Finding::fine(subject, zh, "devices are the daemon's alone")
}

fn door(machine: &Machine, socket: &Path) -> Option<Finding> {
    let meta = std::fs::metadata(machine.path(socket)).ok()?;
    let subject = "rights.socket";
    let mode = meta.mode() & 0o777;
    let at = socket.display();
    if mode & 0o007 != 0 {
        let zh = format!("{at} 对所有用户开放（{mode:03o}）");
        let en = format!("{at} is open to everybody ({mode:03o})");
        return Some(Finding::bad(subject, zh, en).so(
            "由 yibaod.socket 以 0660、组 yibao 建立；请去掉自行设置的权限",
            "yibaod.socket makes it 0660, group yibao: undo what was changed by hand",
        ));
    }
    let group = machine.gid(GROUP);
    if mode & 0o060 != 0o060 || group != Some(meta.gid()) {
        let zh = format!("{at} 没有对 {GROUP} 组开放（{mode:03o}），收银员无法调用");
        let en =
            format!("{at} is not open to the group {GROUP} ({mode:03o}): cashiers cannot call");
        return Some(Finding::care(subject, zh, en).so(
            "建立用户组 yibao 后重启 yibaod",
            "Make the group yibao, then restart yibaod",
        ));
    }
    let zh = format!("{at} 对 {GROUP} 组开放");
    Some(Finding::fine(subject, zh, "is open to the group yibao"))
}

fn site_key(machine: &Machine, key: &Path, state: &Path) -> Finding {
    let subject = "rights.site_key";
    if key.components().count() > 1 {
        return match is_missing(machine, key) {
            true => no_key(machine, key, state),
            false => key_file(machine, key, true),
        };
    }
    let name = key.display();
    if machine.exists(Path::new(HANDED_PATH).join(key)) {
        let zh = format!("站点密钥 {name} 由 systemd 交给正在运行的服务");
        let en = "is handed to the service that runs by systemd";
        return Finding::fine(subject, zh, en);
    }
    let found = CREDENTIAL_DIRS.iter().map(|dir| Path::new(dir).join(key));
    let found: Vec<PathBuf> = found.filter(|path| machine.path(path).exists()).collect();
    match found.first() {
        // Those of systemd are read by it, as root.
        Some(path) => key_file(machine, path, path.starts_with(CREDENTIALS_PATH)),
        None => {
            let zh = format!("站点密钥是 systemd 凭据 {name}，在常用位置没有看到");
            let en =
                format!("the site key is the systemd credential {name}; it is in no usual place");
            let finding = Finding::unseen(subject, zh, en);
            match machine.exists(state.join(JOURNAL_DIR)) {
                true => finding.so(
                    "服务能启动即可；否则请放回原来的密钥，或用 LoadCredential 指明其位置：新密钥读不了已有的流水",
                    "Fine while the service starts; else put the old key back, or name its place by LoadCredential: \
                     a new one cannot read the journal that is there",
                ),
                false => finding.so(
                    "服务能启动即可；否则 yibaod --create-site-key，或用 LoadCredential 指明位置",
                    "Fine while the service starts; else yibaod --create-site-key, or name it by LoadCredential",
                ),
            }
        }
    }
}

/// Not there, which is another thing than not to be seen by this user.
fn is_missing(machine: &Machine, path: &Path) -> bool {
    let found = std::fs::metadata(machine.path(path));
    found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// A new desk makes its key; beside a journal a new one would be of no use.
fn no_key(machine: &Machine, key: &Path, state: &Path) -> Finding {
    let at = key.display();
    let finding = Finding::bad(
        "rights.site_key",
        format!("{at} 不存在"),
        format!("{at} is not there"),
    );
    let journal = state.join(JOURNAL_DIR);
    if !machine.exists(&journal) {
        return finding.so(
            "新装窗口用 yibaod --create-site-key 生成，并另行备份",
            "A new desk makes it by yibaod --create-site-key; keep a copy apart from this machine",
        );
    }
    let journal = journal.display();
    finding.so(
        format!("请把原来的密钥从备份放回 {at}：{journal} 只能用它读取，新密钥无用"),
        format!("Put the old key back from its copy: nothing else reads {journal}"),
    )
}

fn key_file(machine: &Machine, path: &Path, is_daemons: bool) -> Finding {
    let wanted = Private {
        subject: "rights.site_key",
        path,
        mode: 0o600,
        is_daemons,
        made_by: by_service(),
    };
    private(machine, &wanted)
}

/// A folder that the daemon makes for itself.
fn folder(machine: &Machine, subject: &str, path: &Path) -> Finding {
    let wanted = Private {
        subject,
        path,
        mode: 0o700,
        is_daemons: true,
        made_by: by_service(),
    };
    private(machine, &wanted)
}

fn by_service() -> (String, String) {
    (
        "由服务首次启动时建立：systemctl start yibaod".to_owned(),
        "The service makes it when it first starts: systemctl start yibaod".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Level;
    use super::super::finding::Repair;
    use super::*;

    #[test]
    fn a_key_that_others_can_read_is_bad_and_can_be_mended() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        let key = dir.path().join("key");
        std::fs::write(&key, "x").unwrap();
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        let state = Path::new("/state");
        let found = site_key(&machine, Path::new("/key"), state);
        assert_eq!(found.level, Level::Bad);
        let mode = 0o600;
        assert_eq!(
            found.repair,
            Some(Repair::Mode {
                path: key.clone(),
                mode
            })
        );
        std::fs::set_permissions(&key, PermissionsExt::from_mode(mode)).unwrap();
        let level = |key: &str| site_key(&machine, Path::new(key), state).level;
        assert_eq!(level("/key"), Level::Fine);
        assert_eq!(level("/none"), Level::Bad);
        assert_eq!(level("name"), Level::Unseen);
        let handed = machine.path(HANDED_PATH);
        std::fs::create_dir_all(&handed).unwrap();
        // As systemd leaves it: the mask of the service's ACL shows as the group's bit.
        std::fs::write(handed.join("name"), "x").unwrap();
        let group = PermissionsExt::from_mode(0o440);
        std::fs::set_permissions(handed.join("name"), group).unwrap();
        assert_eq!(level("name"), Level::Fine);
    }

    #[test]
    fn a_folder_that_is_not_the_daemons_is_not_mended() {
        let dir = tempfile::tempdir().unwrap();
        let (machine, shared) = (Machine::under(dir.path()), dir.path().join("shared"));
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o755)).unwrap();
        let look = || folder(&machine, "rights.state", Path::new("/shared"));
        let found = look();
        assert_eq!((found.level, found.repair), (Level::Bad, None));
        let own = std::fs::metadata(&shared).unwrap().uid();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let accounts = format!("{USER}:x:{own}:{own}:::\n");
        std::fs::write(dir.path().join("etc/passwd"), accounts).unwrap();
        assert!(look().repair.is_some());
    }

    #[test]
    fn beside_a_journal_nobody_is_sent_to_make_a_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        let advice = |key: &str| site_key(&machine, Path::new(key), Path::new("/state")).advice;
        for key in ["/none", "name"] {
            let (zh, en) = advice(key);
            for words in [zh, en] {
                assert!(words.contains("--create-site-key"), "{words}");
            }
        }
        std::fs::create_dir_all(dir.path().join("state").join(JOURNAL_DIR)).unwrap();
        for key in ["/none", "name"] {
            let (zh, en) = advice(key);
            assert!(zh.contains("放回") && en.contains("back"), "{zh} {en}");
            for words in [zh, en] {
                assert!(!words.contains("--create-site-key"), "{words}");
            }
        }
    }

    #[test]
    fn devices_are_the_daemons_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        for (groups, level, named) in [
            ("yibao:x:990:cashier\n", Level::Care, "no group"),
            ("yibao-devices:x:989:\n", Level::Care, "yibaod is not in"),
            (
                "yibao-devices:x:989:yibaod,cashier\n",
                Level::Care,
                "cashier is in",
            ),
            ("yibao-devices:x:989:yibaod\n", Level::Fine, "alone"),
        ] {
            std::fs::write(dir.path().join("etc/group"), groups).unwrap();
            let found = devices(&Machine::under(dir.path()));
            assert_eq!(found.level, level, "{groups}");
            assert!(found.seen.1.contains(named), "{:?}", found.seen);
        }
    }

    #[test]
    fn a_machine_without_the_group_lets_no_cashier_in() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("etc/group"), "root:x:0:\n").unwrap();
        let found = accounts(&Machine::under(dir.path()));
        let levels: Vec<Level> = found.iter().map(|it| it.level).collect();
        assert_eq!(levels, [Level::Care, Level::Bad], "{found:?}");
    }
}
