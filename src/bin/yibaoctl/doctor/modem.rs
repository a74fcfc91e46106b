//! ModemManager talks to every serial line that nothing tells it to leave alone: whether each of ours is.

use std::path::{Path, PathBuf};

use yibaod::config::devices::{DeviceConfig, Kind};

use super::{Finding, Machine, devices};

const SUBJECT: &str = "others.ModemManager";
/// What tells it to leave a device, or a line of it, alone.
const DEVICE_IGNORED: &str = "ID_MM_DEVICE_IGNORE=1";
const LINE_IGNORED: &str = "ID_MM_PORT_IGNORE=1";
/// Folders between a line and the device on USB that it belongs to; the kernel nests fewer.
const DEPTH_MAX: usize = 8;

/// A line of a configured device that hangs on USB.
struct Line {
    device: String,
    node: PathBuf,
    /// The device on USB, below `/sys`.
    usb: PathBuf,
}

/// Whether it runs, and what it leaves alone by what udev says now: a rules file alone keeps it from no device that the
/// rules do not know.
pub(super) fn look(machine: &Machine, configured: &[DeviceConfig]) -> Option<Finding> {
    machine.runs("ModemManager")?;
    let serial: Vec<&DeviceConfig> = configured.iter().filter(|it| is_serial(it)).collect();
    if serial.is_empty() {
        let en = "runs, and no configured device is a serial line";
        return Some(Finding::fine(SUBJECT, "在运行，配置中没有串口设备", en));
    }
    let properties = |path: &Path| {
        let path = path.display().to_string();
        machine.says("udevadm", &["info", "--query=property", "--path", &path])
    };
    Some(of_lines(machine, &lines(machine, &serial), &properties))
}

fn is_serial(device: &DeviceConfig) -> bool {
    match device.kind {
        Kind::SerialScanner { .. } | Kind::EscPosSerial { .. } | Kind::IdCardSerial { .. } => true,
        Kind::HidScanner { .. }
        | Kind::KeyboardScanner { .. }
        | Kind::EscPosTcp { .. }
        | Kind::EscPosUsb { .. }
        | Kind::PcscReader { .. }
        | Kind::IdCardUsb { .. }
        | Kind::Queue(_) => false,
    }
}

/// Those that are plugged in. It leaves lines of the board itself alone.
fn lines(machine: &Machine, configured: &[&DeviceConfig]) -> Vec<Line> {
    let mut lines = Vec::new();
    for device in configured {
        for node in devices::nodes_of(machine, &device.kind) {
            let name = node.file_name().unwrap_or_default();
            let folder = machine.path("/sys/class/tty").join(name).join("device");
            let folder = folder.canonicalize().unwrap_or_default();
            let mut above = folder.ancestors().take(DEPTH_MAX);
            if let Some(usb) = above.find(|it| it.join("idVendor").exists()) {
                lines.push(Line {
                    device: device.name.clone(),
                    usb: usb.to_owned(),
                    node: node.clone(),
                });
            }
        }
    }
    lines
}

fn of_lines(
    machine: &Machine,
    lines: &[Line],
    properties: &dyn Fn(&Path) -> Option<String>,
) -> Finding {
    if lines.is_empty() {
        return Finding::unseen(
            SUBJECT,
            "在运行；配置的串口设备都没有插在 USB 上，无法查看是否已避开",
            "runs; no configured serial device is on USB now, so whether it is kept away is not seen",
        )
        .so("插上设备后再次执行", "Plug them in and run it again");
    }
    let has = |path: &Path, wanted: &str| {
        properties(path).map(|said| said.lines().any(|line| line.trim() == wanted))
    };
    let mut open = Vec::new();
    for line in lines {
        let name = line.node.file_name().unwrap_or_default();
        let tty = machine.path("/sys/class/tty").join(name);
        match (has(&line.usb, DEVICE_IGNORED), has(&tty, LINE_IGNORED)) {
            (Some(true), _) | (_, Some(true)) => {}
            (Some(false), Some(false)) => open.push(line),
            (None, _) | (_, None) => {
                return Finding::unseen(
                    SUBJECT,
                    "在运行；udevadm 没有给出设备的属性，无法查看是否已避开",
                    "runs; udevadm does not say whether it is kept away from our devices",
                )
                .so(
                    "执行 udevadm info 设备文件，看有没有 ID_MM_DEVICE_IGNORE",
                    "Run udevadm info FILE for each device file and look for ID_MM_DEVICE_IGNORE",
                );
            }
        }
    }
    if open.is_empty() {
        let zh = "在运行，udev 已让它避开配置的串口设备";
        return Finding::fine(
            SUBJECT,
            zh,
            "runs, and udev keeps it away from our serial devices",
        );
    }
    unprotected(&open)
}

/// Which, and the two lines that protect them.
fn unprotected(open: &[&Line]) -> Finding {
    let named = open
        .iter()
        .map(|line| format!("{} ({})", line.device, line.node.display()));
    let named = named.collect::<Vec<_>>().join(", ");
    let mut rules = Vec::new();
    for line in open {
        let number = |file: &str| {
            let text = std::fs::read_to_string(line.usb.join(file)).unwrap_or_default();
            text.trim().to_owned()
        };
        let (vendor, product) = (number("idVendor"), number("idProduct"));
        let pair = format!(
            "SUBSYSTEM==\"usb\", ENV{{DEVTYPE}}==\"usb_device\", ATTR{{idVendor}}==\"{vendor}\", \
             ATTR{{idProduct}}==\"{product}\", ENV{{ID_MM_DEVICE_IGNORE}}=\"1\"\n\
             SUBSYSTEM==\"tty\", ATTRS{{idVendor}}==\"{vendor}\", ATTRS{{idProduct}}==\"{product}\", \
             GROUP=\"yibao-devices\", MODE=\"0660\", TAG-=\"uaccess\", ENV{{ID_MM_PORT_IGNORE}}=\"1\""
        );
        if !rules.contains(&pair) {
            rules.push(pair);
        }
    }
    let rules = rules.join("\n");
    Finding::bad(
        SUBJECT,
        format!("在运行，会向 {named} 发送调制解调器命令，扫码会丢失或扫码器设置被改"),
        format!("runs and sends modem commands to {named}: codes are lost, a scanner's settings changed"),
    )
    .so(
        format!(
            "在 /etc/udev/rules.d 中新建文件，写入以下规则，执行 udevadm control --reload 后重新插拔；\
             或 systemctl disable --now ModemManager：\n{rules}"
        ),
        format!(
            "Put these lines into a file of /etc/udev/rules.d, run udevadm control --reload and plug it in again; \
             or systemctl disable --now ModemManager:\n{rules}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use yibaod::config::devices::{At, Framing, UsbRule};

    use super::super::Level;
    use super::*;

    fn scanner(name: &str, product: u16) -> DeviceConfig {
        let table = format!(
            "name = \"{name}\"\nrole = \"scanner\"\nkind = \"serial-scanner\"\nusb = \"0c2e:{product:04x}\"\n"
        );
        let table: toml::Table = table.parse().unwrap();
        table.try_into().unwrap()
    }

    /// A line of a scanner, as the kernel shows it.
    fn plug(root: &Path, port: &str, product: &str, line: &str) {
        let device = root.join("sys/devices/pci0000:00/usb1").join(port);
        let tty = device.join(format!("{port}:1.0/tty")).join(line);
        let make = |path: PathBuf, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        make(device.join("idVendor"), "0c2e\n");
        make(device.join("idProduct"), product);
        make(tty.join("uevent"), &format!("DEVNAME={line}\n"));
        make(root.join("dev").join(line), "");
        let link = |to: &Path, at: PathBuf| {
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, at).unwrap();
        };
        link(Path::new("/sys/class/tty"), tty.join("subsystem"));
        link(&device.join(format!("{port}:1.0")), tty.join("device"));
        link(&tty, root.join("sys/class/tty").join(line));
        link(&device, root.join("sys/bus/usb/devices").join(port));
    }

    #[test]
    fn a_line_that_udev_does_not_protect_is_named_with_rules_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let machine = Machine::under(&root);
        plug(&root, "1-1", "0720\n", "ttyACM0");
        plug(&root, "1-2", "0721\n", "ttyACM1");
        let configured = [scanner("one", 0x0720), scanner("two", 0x0721)];
        let configured: Vec<&DeviceConfig> = configured.iter().collect();
        let lines = lines(&machine, &configured);
        assert_eq!(lines.len(), 2);
        let look = |said: &dyn Fn(&str) -> Option<&'static str>| {
            let properties = |path: &Path| said(path.to_str().unwrap()).map(str::to_owned);
            of_lines(&machine, &lines, &properties)
        };
        let found = look(&|path| match path.ends_with("1-1") {
            true => Some("BUSNUM=001\nID_MM_DEVICE_IGNORE=1\n"),
            false => Some("ID_MM_CANDIDATE=1\n"),
        });
        assert_eq!(found.level, Level::Bad);
        assert!(
            found.seen.1.contains("two (") && !found.seen.1.contains("one ("),
            "{found:?}"
        );
        let rules = &found.advice.1;
        assert!(rules.contains("ATTR{idProduct}==\"0721\", ENV{ID_MM_DEVICE_IGNORE}=\"1\""));
        assert!(
            rules.contains("SUBSYSTEM==\"tty\"") && rules.contains("ENV{ID_MM_PORT_IGNORE}=\"1\"")
        );
        let by_line = look(&|path| match path.contains("/tty/") {
            true => Some("ID_MM_PORT_IGNORE=1\n"),
            false => Some(""),
        });
        assert_eq!(by_line.level, Level::Fine, "{by_line:?}");
        assert_eq!(look(&|_| None).level, Level::Unseen);
        assert_eq!(of_lines(&machine, &[], &|_| None).level, Level::Unseen);
    }

    #[test]
    fn without_a_serial_device_it_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        std::fs::create_dir_all(dir.path().join("proc/41")).unwrap();
        assert_eq!(look(&machine, &[]), None);
        std::fs::write(dir.path().join("proc/41/comm"), "ModemManager\n").unwrap();
        let rule = UsbRule {
            vendor: 0x0c2e,
            product: 0x0720,
            serial_number: None,
            port: None,
            interface: None,
        };
        let hid = DeviceConfig {
            kind: Kind::HidScanner {
                at: At::Usb(rule),
                framing: Framing::default(),
            },
            ..scanner("one", 0x0720)
        };
        assert_eq!(look(&machine, &[hid]).unwrap().level, Level::Fine);
        let unplugged = look(&machine, &[scanner("one", 0x0720)]).unwrap();
        assert_eq!(unplugged.level, Level::Unseen);
    }
}
