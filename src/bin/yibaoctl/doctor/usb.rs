//! What is plugged in on USB, as the kernel lists it below `/sys`, and the device files that belong to it.

use std::path::{Path, PathBuf};

use yibaod::config::devices::UsbRule;

use super::Machine;

/// Folders below a device that are gone through; the kernel nests fewer.
const DEPTH_MAX: usize = 8;
const DEVICES: &str = "/sys/bus/usb/devices";

/// The devices that a rule means, as folders of the machine. More than one: the daemon guesses none of them.
pub(super) fn plugged(machine: &Machine, rule: &UsbRule) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(machine.path(DEVICES));
    let folders = entries.into_iter().flatten().filter_map(Result::ok);
    let folders = folders.filter_map(|entry| entry.path().canonicalize().ok());
    folders.filter(|folder| is_meant(folder, rule)).collect()
}

fn is_meant(folder: &Path, rule: &UsbRule) -> bool {
    let says = |file: &str| {
        let text = std::fs::read_to_string(folder.join(file));
        text.unwrap_or_default().trim().to_owned()
    };
    let is = |wanted: u16, file: &str| says(file) == format!("{wanted:04x}");
    let serial_number = rule.serial_number.as_ref();
    is(rule.vendor, "idVendor")
        && is(rule.product, "idProduct")
        && serial_number.is_none_or(|wanted| *wanted == says("serial"))
        && rule.port.as_ref().is_none_or(|port| is_at(folder, port))
}

/// Whether `…/0000:00:14.0/usb1/1-1/1-1.2` is at the port `0000:00:14.0/1.2`.
fn is_at(folder: &Path, port: &str) -> bool {
    let name = |folder: &Path| Some(folder.file_name()?.to_str()?.to_owned());
    let chain = name(folder).and_then(|name| Some(name.split_once('-')?.1.to_owned()));
    let is_root = |folder: &&Path| {
        let number = name(folder).and_then(|name| Some(name.strip_prefix("usb")?.to_owned()));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let root = folder.ancestors().find(is_root);
    let controller = root.and_then(Path::parent).and_then(name);
    let is = controller.zip(chain);
    is.is_some_and(|(controller, chain)| format!("{controller}/{chain}") == port)
}

/// The device files of these subsystems that belong to what a rule means.
pub(super) fn nodes(machine: &Machine, rule: &UsbRule, subsystems: &[&str]) -> Vec<PathBuf> {
    let mut nodes = Vec::new();
    for device in plugged(machine, rule) {
        gather(&device, rule.interface, subsystems, DEPTH_MAX, &mut nodes);
    }
    nodes.sort();
    nodes
}

fn gather(
    folder: &Path,
    interface: Option<u8>,
    subsystems: &[&str],
    depth: usize,
    nodes: &mut Vec<PathBuf>,
) {
    let subsystem = std::fs::read_link(folder.join("subsystem")).unwrap_or_default();
    let uevent = std::fs::read_to_string(folder.join("uevent")).unwrap_or_default();
    let mut lines = uevent.lines();
    if let Some(name) = lines.find_map(|line| line.strip_prefix("DEVNAME="))
        && subsystems.iter().any(|it| subsystem.ends_with(it))
    {
        nodes.push(Path::new("/dev").join(name));
    }
    if depth == 0 {
        return;
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let below = entry.path();
        // What is plugged into a hub is a device of its own.
        let is_own =
            entry.file_type().is_ok_and(|it| it.is_dir()) && !below.join("idVendor").exists();
        if is_own && interface.is_none_or(|wanted| is_of(&below, wanted)) {
            gather(&below, interface, subsystems, depth - 1, nodes);
        }
    }
}

/// Whether `1-1.2:1.3` is interface 3; what is no interface's folder is any's.
fn is_of(folder: &Path, interface: u8) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    let rest = name.and_then(|name| Some(name.split_once(":1.")?.1));
    rest.is_none_or(|number| number == interface.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const CONTROLLER: &str = "sys/devices/pci0000:00/0000:00:14.0";

    /// A scanner with two serial lines, as the kernel shows it.
    fn plug(root: &Path, bus: &str, port: &str, serial: &str, lines: [&str; 2]) {
        let name = format!("{}-{port}", bus.trim_start_matches("usb"));
        let device = root.join(CONTROLLER).join(bus).join(&name);
        fs::create_dir_all(&device).unwrap();
        for (file, text) in [
            ("idVendor", "0c2e"),
            ("idProduct", "0720"),
            ("serial", serial),
        ] {
            fs::write(device.join(file), format!("{text}\n")).unwrap();
        }
        for (number, line) in lines.iter().enumerate() {
            let node = device.join(format!("{name}:1.{number}/tty/{line}"));
            fs::create_dir_all(&node).unwrap();
            fs::write(node.join("uevent"), format!("MAJOR=166\nDEVNAME={line}\n")).unwrap();
            symlink("../../../../../../class/tty", node.join("subsystem")).unwrap();
        }
        let list = root.join("sys/bus/usb/devices");
        fs::create_dir_all(&list).unwrap();
        symlink(&device, list.join(&name)).unwrap();
    }

    #[test]
    fn a_rule_leads_to_the_device_files() {
        let root = tempfile::tempdir().unwrap();
        plug(root.path(), "usb1", "1.2", "A", ["ttyACM0", "ttyACM1"]);
        plug(root.path(), "usb1", "3", "B", ["ttyACM2", "ttyACM3"]);
        let machine = Machine::under(root.path());
        let rule = UsbRule {
            vendor: 0x0c2e,
            product: 0x0720,
            serial_number: None,
            port: None,
            interface: None,
        };
        let found = |rule: &UsbRule| {
            let nodes = nodes(&machine, rule, &["tty"]);
            let names = nodes.iter().map(|it| it.display().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        let all = "/dev/ttyACM0 /dev/ttyACM1 /dev/ttyACM2 /dev/ttyACM3";
        assert_eq!(found(&rule), all);
        let by_serial = UsbRule {
            serial_number: Some("B".to_owned()),
            ..rule.clone()
        };
        assert_eq!(found(&by_serial), "/dev/ttyACM2 /dev/ttyACM3");
        let one_line = UsbRule {
            port: Some("0000:00:14.0/1.2".to_owned()),
            interface: Some(1),
            ..rule.clone()
        };
        assert_eq!(found(&one_line), "/dev/ttyACM1");
        assert!(nodes(&machine, &rule, &["hidraw"]).is_empty());
        let other = UsbRule {
            product: 0x0721,
            ..rule
        };
        assert!(plugged(&machine, &other).is_empty());
    }
}
