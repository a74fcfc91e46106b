//! Other programs of the machine: those that would take our devices, and the services that we need.

use std::path::Path;

use yibaod::config::Settings;
use yibaod::config::devices::{DeviceConfig, Kind, QueueHost, QueuePlace};

use super::finding::Repair;
use super::{Finding, Machine, Patient, modem};

/// The first of these that has a file of a name decides; udev takes an empty one for none.
const RULES_DIRS: [&str; 3] = [
    "/etc/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
];
const POLKIT_RULES: [&str; 2] = [
    "/usr/share/polkit-1/rules.d/60-yibaod.rules",
    "/etc/polkit-1/rules.d/60-yibaod.rules",
];
const POLKIT_OLD: [&str; 2] = [
    "/var/lib/polkit-1/localauthority/10-vendor.d/60-yibaod.pkla",
    "/etc/polkit-1/localauthority/50-local.d/60-yibaod.pkla",
];
const PCSCD_SOCKET: &str = "/run/pcscd/pcscd.comm";
/// What every program that talks to pcscd has loaded, also where it is called `libpcsclite_real.so.1`.
const PCSC_LIBRARY: &str = "libpcsclite";
/// Our own program, the service itself, and its starter.
const OURS: [&str; 2] = ["yibao-card", "pcscd"];

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let Ok(settings) = &patient.settings else {
        return Vec::new();
    };
    let machine = &patient.machine;
    let mut findings = Vec::new();
    let has = |is: fn(&Kind) -> bool| settings.devices.iter().any(|device| is(&device.kind));
    if has(is_local) {
        findings.push(rules(machine));
        findings.extend(modem::look(machine, &settings.devices));
        findings.extend(brltty(machine));
    }
    if has(|kind| matches!(kind, Kind::EscPosUsb { .. })) {
        findings.extend(receipt_printers(machine));
    }
    if has(|kind| matches!(kind, Kind::PcscReader { .. })) {
        findings.extend(pcscd(machine));
        findings.push(card_programs(machine));
    }
    findings.extend(queues(machine, settings));
    findings
}

/// Whether it has a device file that udev gives away.
fn is_local(kind: &Kind) -> bool {
    match kind {
        Kind::SerialScanner { .. }
        | Kind::HidScanner { .. }
        | Kind::KeyboardScanner { .. }
        | Kind::EscPosSerial { .. }
        | Kind::EscPosUsb { .. }
        | Kind::IdCardSerial { .. }
        | Kind::IdCardUsb { .. } => true,
        Kind::EscPosTcp { .. } | Kind::PcscReader { .. } | Kind::Queue(_) => false,
    }
}

fn has_rules(machine: &Machine, name: &str) -> bool {
    rules_file(machine, name).is_some_and(|text| !text.trim().is_empty())
}

/// A rule that the site took away on purpose, by an empty file or a link to /dev/null.
fn is_masked(machine: &Machine, name: &str) -> bool {
    rules_file(machine, name).is_some_and(|text| text.trim().is_empty())
}

fn rules_file(machine: &Machine, name: &str) -> Option<String> {
    let mut files = RULES_DIRS.iter().map(|dir| Path::new(dir).join(name));
    let file = files.find(|file| machine.exists(file))?;
    machine.text(file)
}

fn rules(machine: &Machine) -> Finding {
    let subject = "udev.rules";
    if has_rules(machine, "71-yibaod.rules") {
        return Finding::fine(subject, "udev 规则已安装", "are installed");
    }
    Finding::bad(
        subject,
        "没有安装 71-yibaod.rules：设备不归 yibao-devices 组，ModemManager 会占用串口扫码器",
        "71-yibaod.rules is not installed: devices do not get the group yibao-devices, ModemManager talks to scanners",
    )
    .so(
        "重新安装软件包；或把 udev/*.rules 复制到 /etc/udev/rules.d 后 udevadm control --reload",
        "Install the package; or copy udev/*.rules to /etc/udev/rules.d and udevadm control --reload",
    )
}

fn brltty(machine: &Machine) -> Option<Finding> {
    machine.runs("brltty")?;
    let subject = "others.brltty";
    if has_rules(machine, "99-yibaod-brltty.rules") {
        let zh = "在运行，已由 udev 规则避开串口转换器";
        return Some(Finding::fine(
            subject,
            zh,
            "runs, and our rules keep it away",
        ));
    }
    if is_masked(machine, "99-yibaod-brltty.rules") {
        let finding = Finding::care(
            subject,
            "在运行，本站已停用我们的规则（盲文显示器优先）：CH340、CP210x 等串口转换器可能被它占用",
            "runs, and this site took our rule away for a Braille display: it may take CH340 and CP210x serial adapters",
        );
        return Some(finding.so(
            "扫码器或打印机接在这类转换器上时，请换一种转换器，或撤掉 /etc/udev/rules.d 中的停用链接",
            "Where a device of ours hangs on such an adapter use another kind, or remove the link in /etc/udev/rules.d",
        ));
    }
    Some(
        Finding::bad(
            subject,
            "在运行，会占用 CH340、CP210x 等串口转换器",
            "runs and takes CH340 and CP210x serial adapters",
        )
        .so(
            "安装 99-yibaod-brltty.rules，或卸载 brltty（没有盲文显示器时）",
            "Install 99-yibaod-brltty.rules, or remove brltty where nobody uses a Braille display",
        ),
    )
}

/// What else would print on a receipt printer of the USB printer class.
fn receipt_printers(machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::new();
    let queues = machine.says("lpstat", &["-v"]).unwrap_or_default();
    for (queue, uri) in usb_queues(&queues) {
        let zh = format!("CUPS 队列 {queue} 使用 USB 打印机（{uri}）");
        let en = format!("the CUPS queue {queue} prints on USB ({uri})");
        findings.push(Finding::care("others.cups", zh, en).so(
            format!("若就是小票打印机，请删除该队列：lpadmin -x {queue}"),
            format!("If that is the receipt printer, remove the queue: lpadmin -x {queue}"),
        ));
    }
    if machine.runs("ipp-usb").is_some() {
        findings.push(
            Finding::care(
                "others.ipp-usb",
                "ipp-usb 在运行，会占用支持 IPP-over-USB 的打印机",
                "ipp-usb runs and takes printers that speak IPP over USB",
            )
            .so(
                "报告打印机需要它时保留；小票打印机被占用时在 /etc/ipp-usb/quirks 中排除",
                "Keep it for report printers; exclude a receipt printer in /etc/ipp-usb/quirks",
            ),
        );
    }
    findings
}

/// From `lpstat -v`: `device for NAME: usb://…`.
fn usb_queues(said: &str) -> Vec<(String, String)> {
    let lines = said.lines().filter_map(|line| {
        let (name, uri) = line.strip_prefix("device for ")?.split_once(": ")?;
        uri.starts_with("usb:").then(|| {
            (
                name.to_owned(),
                uri.split('?').next().unwrap_or(uri).to_owned(),
            )
        })
    });
    lines.collect()
}

fn pcscd(machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::new();
    if machine.exists(PCSCD_SOCKET) {
        findings.push(Finding::fine("pcscd.socket", "读卡服务可用", "listens"));
    } else {
        // For now only: what comes up with the machine is for a person to say.
        let start = ["systemctl", "start", "pcscd.socket"];
        let finding = Finding::bad(
            "pcscd.socket",
            "读卡服务 pcscd 没有运行",
            "the card service pcscd does not listen",
        );
        findings.push(
            finding
                .so(
                    "apt install pcscd；systemctl enable --now pcscd.socket",
                    "apt install pcscd; systemctl enable --now pcscd.socket",
                )
                .repaired_by(Repair::Run(start.map(str::to_owned).to_vec())),
        );
    }
    let rule = machine.first(&POLKIT_RULES).or(machine.first(&POLKIT_OLD));
    findings.push(match rule {
        Some(path) => Finding::fine("pcscd.polkit", path, "lets the daemon in"),
        None => Finding::care(
            "pcscd.polkit",
            "没有找到允许 yibaod 用户读卡的 polkit 规则",
            "no polkit rule lets the user yibaod read cards",
        )
        .so(
            "重新安装软件包，或复制 60-yibaod.rules 到 /etc/polkit-1/rules.d",
            "Install the package, or copy 60-yibaod.rules to /etc/polkit-1/rules.d",
        ),
    });
    findings
}

/// Other programs that use pcscd. Which of them keeps a card for itself pcscd tells nobody.
fn card_programs(machine: &Machine) -> Finding {
    let subject = "pcscd.programs";
    let (mut users, saw_all) = machine.users_of(PCSC_LIBRARY);
    users.retain(|it| !OURS.contains(&it.name.as_str()));
    let named = users
        .iter()
        .map(|it| format!("{} (pid {})", it.name, it.pid));
    let named: Vec<String> = named.collect();
    match (named.is_empty(), saw_all) {
        (true, true) => Finding::fine(
            subject,
            "没有其他程序使用读卡服务",
            "no other program uses the card service",
        ),
        (true, false) => Finding::unseen(
            subject,
            "看不到其他用户的程序是否在用读卡服务",
            "programs of other users are not seen",
        )
        .so("请以管理员身份再次执行", "Run it again as root"),
        (false, _) => {
            let named = named.join(", ");
            Finding::care(
                subject,
                format!("也在使用读卡服务：{named}；是哪个独占了卡，pcscd 不告知"),
                format!(
                    "use the card service too: {named}; which one keeps a card, pcscd does not tell"
                ),
            )
            .so(
                "读卡报“被其他程序占用”时，请先退出这些程序",
                "Where a card is held elsewhere (DEVICE_HELD_ELSEWHERE), end these first",
            )
        }
    }
}

/// The queues that reports go to.
fn queues(machine: &Machine, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for device in &settings.devices {
        if let Kind::Queue(place) = &device.kind {
            findings.extend(queue(machine, device, place));
        }
    }
    findings
}

fn queue(machine: &Machine, device: &DeviceConfig, place: &QueuePlace) -> Option<Finding> {
    let subject = format!("queue.{}", device.name);
    let QueueHost::Socket(socket) = &place.host else {
        return None;
    };
    if !machine.exists(socket) {
        let zh = format!("打印服务没有运行：没有 {}", socket.display());
        let en = format!("CUPS does not run: there is no {}", socket.display());
        return Some(Finding::bad(&subject, zh, en).so(
            "apt install cups；systemctl enable --now cups.socket",
            "apt install cups; systemctl enable --now cups.socket",
        ));
    }
    let name = place.resource.rsplit('/').next().unwrap_or_default();
    match machine.says("lpstat", &["-p", name]) {
        Some(said) if said.contains("disabled") => {
            let zh = format!("队列 {name} 已停用");
            Some(
                Finding::bad(&subject, zh, format!("the queue {name} is stopped"))
                    .so(format!("cupsenable {name}"), format!("cupsenable {name}")),
            )
        }
        Some(_) => Some(Finding::fine(
            &subject,
            format!("队列 {name} 存在且启用"),
            "is there and enabled",
        )),
        None if machine.says("lpstat", &["-r"]).is_some() => {
            let zh = format!("CUPS 没有名为 {name} 的队列");
            Some(
                Finding::bad(&subject, zh, format!("CUPS has no queue {name}")).so(
                    "用 lpstat -v 查看队列名称，改正配置中的 queue",
                    "See lpstat -v for its names and correct the key queue",
                ),
            )
        }
        None => {
            let en = "there is no lpstat to look with";
            let finding = Finding::unseen(&subject, "没有 lpstat，无法查看队列", en);
            Some(finding.so("apt install cups-client", "apt install cups-client"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn queues_on_usb_are_found() {
        let said = "device for office: ipp://10.0.0.9/ipp/print\n\
            device for slip: usb://EPSON/TM-T88V?serial=J5\ndevice for\n";
        let usb = ("slip".to_owned(), "usb://EPSON/TM-T88V".to_owned());
        assert_eq!(usb_queues(said), [usb]);
    }

    #[test]
    fn programs_that_take_devices_are_bad_until_the_rules_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        file("proc/42/comm", "brltty\n");
        let machine = Machine::under(dir.path());
        let level = |finding: Option<Finding>| finding.map(|it| it.level);
        assert_eq!(level(brltty(&machine)), Some(Level::Bad));
        assert_eq!(rules(&machine).level, Level::Bad);
        let line = "SUBSYSTEM==\"tty\", GROUP=\"yibao-devices\"\n";
        file("usr/lib/udev/rules.d/71-yibaod.rules", line);
        file("usr/lib/udev/rules.d/99-yibaod-brltty.rules", line);
        assert_eq!(level(brltty(&machine)), Some(Level::Fine));
        assert_eq!(rules(&machine).level, Level::Fine);
        file("etc/udev/rules.d/71-yibaod.rules", "\n");
        let masked = dir.path().join("etc/udev/rules.d/99-yibaod-brltty.rules");
        std::os::unix::fs::symlink("/dev/null", masked).unwrap();
        assert_eq!(level(brltty(&machine)), Some(Level::Care));
        assert_eq!(rules(&machine).level, Level::Bad);
    }

    #[test]
    fn programs_that_use_the_card_service_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let loads = |pid: u32, name: &str, library: &str| {
            file(&format!("proc/{pid}/comm"), &format!("{name}\n"));
            let maps = format!(
                "7f00-7f01 r--p 00000000 fe:01 12  /usr/bin/{name}\n7f02-7f03 r-xp 0 fe:01 13  {library}\n"
            );
            file(&format!("proc/{pid}/maps"), &maps);
        };
        let machine = Machine::under(dir.path());
        loads(1, "systemd", "/usr/lib/libc.so.6");
        loads(
            40,
            "yibao-card",
            "/usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0",
        );
        loads(41, "editor", "/home/doctor/about-libpcsclite/libother.so");
        assert_eq!(card_programs(&machine).level, Level::Fine);
        loads(
            42,
            "bank-helper",
            "/usr/lib/x86_64-linux-gnu/libpcsclite_real.so.1",
        );
        let told = card_programs(&machine);
        assert_eq!(told.level, Level::Care);
        assert!(
            told.seen.1.contains("bank-helper (pid 42)") && !told.seen.1.contains("editor"),
            "{told:?}"
        );
        // As where the processes of others are hidden.
        std::fs::remove_dir_all(dir.path().join("proc")).unwrap();
        assert_eq!(card_programs(&machine).level, Level::Unseen);
    }

    #[test]
    fn the_rule_for_an_older_polkit_is_found_under_the_name_that_it_ships_by() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/polkit");
        for path in POLKIT_OLD.iter().chain(&POLKIT_RULES) {
            let name = Path::new(path).file_name().unwrap();
            assert!(shipped.join(name).exists(), "{path}");
        }
    }

    #[test]
    fn without_pcscd_a_socket_is_started_by_fix() {
        let dir = tempfile::tempdir().unwrap();
        let found = pcscd(&Machine::under(dir.path()));
        assert_eq!(found[0].level, Level::Bad);
        let words = ["systemctl", "start", "pcscd.socket"].map(str::to_owned);
        assert_eq!(found[0].repair, Some(Repair::Run(words.to_vec())));
        assert_eq!(found[1].level, Level::Care);
    }
}
