//! Each configured device: by the daemon where it answers, which has it open; else by what lies in `/dev` and `/sys`.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use yibaod::api::{CheckHealthRequest, CheckHealthResponse, HealthVerdict};
use yibaod::config::devices::{At, DeviceConfig, Kind, UsbRule};

use super::account::{Account, READ, WRITE, shown};
use super::finding::Repair;
use super::rights::USER;
use super::{Finding, Level, Machine, Patient, usb};
use crate::connect::Door;

/// The group that the udev rules give devices to.
const GROUP: &str = "yibao-devices";
/// Our own programs: that they have a device open is as it should be. The sandbox is the far end of what it simulates.
const OURS: [&str; 3] = ["yibaod", "yibao-card", "yibao-sandbox"];
/// How long a printer on the network may take to let us in.
const CONNECT_WAIT_S_MAX: u64 = 3;
/// How long the daemon may take to look at one device.
const LOOK_WAIT_S_MAX: u64 = 20;
/// The daemon's word for a trouble of before.
const LAST_ERROR: &str = "last_error";

pub(super) async fn look(patient: &mut Patient) -> Vec<Finding> {
    let Ok(settings) = &patient.settings else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if settings.devices.is_empty() {
        findings.push(
            Finding::care("devices", "没有配置任何设备", "no device is configured").so(
                "在 yibaod.toml 中加入 [[device]]；lsusb 列出已插入的设备",
                "Add [[device]] to yibaod.toml; lsusb lists what is plugged in",
            ),
        );
    }
    for device in &settings.devices {
        let subject = format!("device.{}", device.name);
        let told = match &mut patient.door {
            Some(door) => ask(door, &subject, &device.name).await,
            None => None,
        };
        let by_daemon = told.is_some();
        let nodes = nodes_of(&patient.machine, &device.kind);
        findings.extend(match told {
            Some(mut told) => {
                // What the daemon cannot see is looked for below, perhaps as root.
                told.retain(|it| nodes.is_empty() || it.level != Level::Unseen || !is_holder(it));
                told
            }
            None => by_hand(&patient.machine, &subject, device).await,
        });
        findings.extend(held(&patient.machine, &subject, &nodes));
        if let Some(At::Path(path)) = at_of(&device.kind).filter(|_| !by_daemon) {
            findings.extend(permitted(&patient.machine, &subject, path));
        }
    }
    findings
}

/// What the daemon says of it; `None` when it says nothing.
async fn ask(door: &mut Door, subject: &str, name: &str) -> Option<Vec<Finding>> {
    let asked = CheckHealthRequest {
        device: name.to_owned(),
    };
    let wait = Duration::from_secs(LOOK_WAIT_S_MAX);
    let answer = timeout(wait, door.devices.check_health(asked)).await;
    Some(of_answer(&answer.ok()?.ok()?.into_inner(), subject, name))
}

fn of_answer(answer: &CheckHealthResponse, subject: &str, name: &str) -> Vec<Finding> {
    let problem = answer.device.as_ref().and_then(|it| it.problem.as_ref());
    let advice = problem.map(|it| (it.action_zh.clone(), it.action_en.clone()));
    let why = format!("yibaoctl device why {name}");
    let advice = advice.unwrap_or_else(|| {
        let zh = format!("详情：{why}；现象消失后可不处理");
        (
            zh,
            format!("More: {why}; once it does not come back nothing is to be done"),
        )
    });
    let mut findings = Vec::new();
    for check in &answer.checks {
        let (zh, en) = (check.evidence_zh.clone(), check.evidence_en.clone());
        let told = format!("{subject}.{}", check.name);
        let found = match check.verdict() {
            HealthVerdict::Fine => continue,
            // It recovered.
            HealthVerdict::Care if check.name == LAST_ERROR && problem.is_none() => continue,
            HealthVerdict::Care => Finding::care(&told, zh, en),
            HealthVerdict::Bad => Finding::bad(&told, zh, en),
            HealthVerdict::NotKnown | HealthVerdict::Unspecified => Finding::unseen(&told, zh, en),
        };
        findings.push(found.so(advice.0.clone(), advice.1.clone()));
    }
    if findings.iter().all(|it| it.level == Level::Unseen) {
        findings.insert(0, Finding::fine(subject, "正常", "is well"));
    }
    findings
}

/// Without the daemon: whether it is there at all.
async fn by_hand(machine: &Machine, subject: &str, device: &DeviceConfig) -> Vec<Finding> {
    let found = match &device.kind {
        Kind::EscPosTcp { address } => on_network(subject, address).await,
        Kind::SerialScanner { at, .. }
        | Kind::HidScanner { at, .. }
        | Kind::KeyboardScanner { at, .. }
        | Kind::EscPosSerial { at, .. }
        | Kind::EscPosUsb { at }
        | Kind::IdCardSerial { at, .. }
        | Kind::IdCardUsb { at } => match at {
            At::Path(path) => there(machine, subject, path),
            At::Usb(rule) => plugged(machine, subject, rule),
        },
        // The services behind these are looked at apart.
        Kind::PcscReader { .. } | Kind::Queue(_) => return Vec::new(),
    };
    vec![found]
}

fn at_of(kind: &Kind) -> Option<&At> {
    match kind {
        Kind::SerialScanner { at, .. }
        | Kind::HidScanner { at, .. }
        | Kind::KeyboardScanner { at, .. }
        | Kind::EscPosSerial { at, .. }
        | Kind::EscPosUsb { at }
        | Kind::IdCardSerial { at, .. }
        | Kind::IdCardUsb { at } => Some(at),
        Kind::EscPosTcp { .. } | Kind::PcscReader { .. } | Kind::Queue(_) => None,
    }
}

/// In which lists of the kernel the device files of a kind stand.
fn subsystems(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::SerialScanner { .. } | Kind::EscPosSerial { .. } | Kind::IdCardSerial { .. } => {
            &["tty"]
        }
        Kind::HidScanner { .. } => &["hidraw"],
        Kind::KeyboardScanner { .. } => &["input"],
        // The whole device, and the file of the kernel's own printer driver.
        Kind::EscPosUsb { .. } | Kind::IdCardUsb { .. } => &["usb", "usbmisc"],
        Kind::EscPosTcp { .. } | Kind::PcscReader { .. } | Kind::Queue(_) => &[],
    }
}

/// The device files that are there now, wherever it is plugged.
pub(super) fn nodes_of(machine: &Machine, kind: &Kind) -> Vec<PathBuf> {
    let nodes = match at_of(kind) {
        Some(At::Path(path)) => vec![path.clone()],
        Some(At::Usb(rule)) => usb::nodes(machine, rule, subsystems(kind)),
        None => Vec::new(),
    };
    let real = |node: PathBuf| machine.path(node).canonicalize().ok();
    nodes.into_iter().filter_map(real).collect()
}

fn is_holder(finding: &Finding) -> bool {
    finding.subject.ends_with(".holder")
}

async fn on_network(subject: &str, address: &str) -> Finding {
    let wait = Duration::from_secs(CONNECT_WAIT_S_MAX);
    match timeout(wait, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Finding::fine(subject, format!("{address} 可以连接"), "can be reached"),
        Ok(Err(_)) | Err(_) => {
            let zh = format!("{address} 连接不上");
            Finding::bad(subject, zh, format!("{address} cannot be reached")).so(
                "检查打印机电源、网线和地址",
                "Check the printer's power, cable and address",
            )
        }
    }
}

fn there(machine: &Machine, subject: &str, path: &Path) -> Finding {
    let at = path.display();
    match std::fs::metadata(machine.path(path)) {
        Ok(meta) if meta.file_type().is_char_device() => {
            Finding::fine(subject, format!("{at} 存在"), format!("{at} is there"))
        }
        Ok(_) => {
            let zh = format!("{at} 不是设备文件");
            Finding::bad(subject, zh, format!("{at} is no device file")).so(
                "核对配置中的 path；lsusb 列出已插入的设备",
                "Correct path in the configuration; lsusb lists what is plugged in",
            )
        }
        Err(_) => {
            let zh = format!("{at} 不存在");
            Finding::bad(subject, zh, format!("{at} is not there")).so(
                "检查连线和电源；换过插口的请改用 usb = \"厂商:产品\" 或 /dev/serial/by-id",
                "Check cable and power; for one that changes ports use usb = \"vendor:product\" or /dev/serial/by-id",
            )
        }
    }
}

/// Whether such a device is plugged in at all.
fn plugged(machine: &Machine, subject: &str, rule: &UsbRule) -> Finding {
    if !usb::plugged(machine, rule).is_empty() {
        return Finding::fine(subject, format!("{rule} 已插入"), "is plugged in");
    }
    Finding::bad(
        subject,
        format!("{rule} 没有插入"),
        format!("{rule} is not plugged in"),
    )
    .so(
        "检查连线和电源；lsusb 列出已插入的设备",
        "Check cable and power; lsusb lists what is plugged in",
    )
}

/// Which other programs have it open. Root sees all.
fn held(machine: &Machine, subject: &str, nodes: &[PathBuf]) -> Option<Finding> {
    let subject = format!("{subject}.holder");
    let mut is_seen = true;
    for node in nodes {
        let (holders, saw_all) = machine.holders(node);
        is_seen &= saw_all;
        let others: Vec<String> = (holders.iter())
            .filter(|it| !OURS.contains(&it.name.as_str()))
            .map(|it| format!("{} (pid {})", it.name, it.pid))
            .collect();
        if others.is_empty() {
            continue;
        }
        let names = others.join(", ");
        let zh = format!("{} 正被其他程序占用：{names}", node.display());
        let en = format!("{} is open in {names}", node.display());
        return Some(Finding::bad(&subject, zh, en).so(
            "关闭该程序；ModemManager、brltty 等由 yibaod 的 udev 规则避开，重新插拔设备后生效",
            "Close it; our udev rules keep ModemManager and brltty away once the device is replugged",
        ));
    }
    (!is_seen).then(|| {
        Finding::unseen(
            &subject,
            "看不到其他用户的程序是否占用",
            "whether programs of other users have it open is not seen",
        )
        .so("请以管理员身份再次执行", "Run it again as root")
    })
}

/// Whether the daemon's user may read and write it, by any of its groups.
fn permitted(machine: &Machine, subject: &str, path: &Path) -> Option<Finding> {
    let meta = std::fs::metadata(machine.path(path)).ok()?;
    let account = Account::of(machine, USER)?;
    if account.may(&meta, READ | WRITE) {
        return None;
    }
    let at = path.display();
    let subject = format!("{subject}.permission");
    let mode = shown(machine, &meta);
    let zh = format!("{at} 是 {mode}，用户 {USER} 的所有用户组都打不开它");
    let en = format!("{at} is {mode}: no group of the user {USER} opens it");
    let trigger = [
        "udevadm",
        "trigger",
        "--action=change",
        "--settle",
        "--name-match",
    ];
    let mut trigger: Vec<String> = trigger.map(str::to_owned).to_vec();
    trigger.push(path.display().to_string());
    let finding = Finding::care(&subject, zh, en).so(
        format!("规则中没有的型号请在 /etc/udev/rules.d 中加一条，组为 {GROUP}，写法见 71-yibaod.rules 开头"),
        format!(
            "A model that the rules do not know wants a line in /etc/udev/rules.d that gives it the group {GROUP}: see \
             the head of 71-yibaod.rules"
        ),
    );
    Some(finding.repaired_by(Repair::Run(trigger)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_device_on_usb_is_found_by_its_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("sys/bus/usb/devices/1-2");
        std::fs::create_dir_all(&device).unwrap();
        std::fs::write(device.join("idVendor"), "0c2e\n").unwrap();
        std::fs::write(device.join("idProduct"), "0b61\n").unwrap();
        let machine = Machine::under(dir.path());
        let rule = |product| UsbRule {
            vendor: 0x0c2e,
            product,
            serial_number: None,
            port: None,
            interface: None,
        };
        assert_eq!(plugged(&machine, "d", &rule(0x0b61)).level, Level::Fine);
        assert_eq!(plugged(&machine, "d", &rule(0x0b62)).level, Level::Bad);
    }

    #[test]
    fn who_holds_a_device_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("line");
        let _open = std::fs::File::create(&path).unwrap();
        let real = path.canonicalize().unwrap();
        let found = held(&Machine::here(), "device.x", &[real]).unwrap();
        assert_eq!(found.level, Level::Bad);
        let own = format!("(pid {})", std::process::id());
        assert!(found.seen.1.contains(&own), "{found:?}");
        let gone = there(&Machine::here(), "d", Path::new("/dev/no-such-line"));
        assert_eq!(gone.level, Level::Bad);
        assert_eq!(there(&Machine::here(), "d", &path).level, Level::Bad);
        let null = there(&Machine::here(), "d", Path::new("/dev/null"));
        assert_eq!(null.level, Level::Fine);
    }

    #[test]
    fn any_group_of_the_daemons_user_opens_a_device() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        for folder in ["etc", "dev"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let line = dir.path().join("dev/line");
        std::fs::write(&line, "").unwrap();
        let own = std::fs::metadata(&line).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o660);
        std::fs::set_permissions(&line, mode).unwrap();
        let uid = own.uid() + 77_000;
        let user = format!("yibaod:x:{uid}:{uid}::/:\n");
        std::fs::write(dir.path().join("etc/passwd"), user).unwrap();
        let look = |group: String| {
            std::fs::write(dir.path().join("etc/group"), group).unwrap();
            permitted(&machine, "device.x", Path::new("/dev/line"))
        };
        assert_eq!(look(format!("dialout:x:{}:yibaod\n", own.gid())), None);
        let found = look(format!("lp:x:{}:cups\n", own.gid())).unwrap();
        assert_eq!(found.level, Level::Care);
        assert!(found.seen.1.contains(":lp 0660"), "{found:?}");
    }

    #[test]
    fn what_a_device_recovered_from_is_no_warning_and_what_is_one_has_advice() {
        use yibaod::api::{Device, HealthCheck};
        let check = |name: &str, verdict: HealthVerdict| HealthCheck {
            name: name.to_owned(),
            verdict: verdict.into(),
            evidence_zh: "x".into(),
            evidence_en: "x".into(),
        };
        let mut answer = CheckHealthResponse {
            device: Some(Device::default()),
            checks: vec![check(LAST_ERROR, HealthVerdict::Care)],
            ..CheckHealthResponse::default()
        };
        let levels = |found: &[Finding]| found.iter().map(|it| it.level).collect::<Vec<_>>();
        let found = of_answer(&answer, "device.gun", "gun");
        assert_eq!(levels(&found), [Level::Fine]);
        answer.checks.push(check("losses", HealthVerdict::Care));
        answer.checks.push(check("answer", HealthVerdict::NotKnown));
        let found = of_answer(&answer, "device.gun", "gun");
        assert_eq!(levels(&found), [Level::Care, Level::Unseen]);
        assert!(
            found
                .iter()
                .all(|it| it.advice.1.contains("device why gun")),
            "{found:?}"
        );
        let problem = crate::trouble::of_book(yibaod::book::Code::CoverOpen);
        answer.device = Some(Device {
            problem: Some(problem.clone()),
            ..Device::default()
        });
        let found = of_answer(&answer, "device.gun", "gun");
        assert_eq!(found[0].subject, "device.gun.last_error");
        assert_eq!(found[0].advice.1, problem.action_en);
    }

    #[test]
    fn who_holds_a_device_that_is_found_by_rule_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let make = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let device = "sys/bus/usb/devices/1-2";
        make(&format!("{device}/idVendor"), "0c2e\n");
        make(&format!("{device}/idProduct"), "0b61\n");
        let raw = format!("{device}/1-2:1.0/hidraw/hidraw0");
        make(&format!("{raw}/uevent"), "DEVNAME=hidraw0\n");
        std::os::unix::fs::symlink("/sys/class/hidraw", root.join(raw).join("subsystem")).unwrap();
        make("dev/hidraw0", "");
        make("proc/77/comm", "thief\n");
        std::fs::create_dir(root.join("proc/77/fd")).unwrap();
        let machine = Machine::under(&root);
        let kind = Kind::HidScanner {
            at: At::Usb(UsbRule {
                vendor: 0x0c2e,
                product: 0x0b61,
                serial_number: None,
                port: None,
                interface: None,
            }),
            framing: yibaod::config::devices::Framing::default(),
        };
        let nodes = nodes_of(&machine, &kind);
        assert_eq!(nodes, [root.join("dev/hidraw0")]);
        // The first process is not shown: others may be hidden as well.
        let unseen = held(&machine, "device.x", &nodes).unwrap();
        assert_eq!((unseen.level, is_holder(&unseen)), (Level::Unseen, true));
        make("proc/1/comm", "init\n");
        std::fs::create_dir(root.join("proc/1/fd")).unwrap();
        assert_eq!(held(&machine, "device.x", &nodes), None);
        std::os::unix::fs::symlink(&nodes[0], root.join("proc/77/fd/3")).unwrap();
        let found = held(&machine, "device.x", &nodes).unwrap();
        assert_eq!(found.level, Level::Bad);
        assert!(found.seen.1.contains("thief (pid 77)"), "{found:?}");
    }
}
