//! A tree as the kernel draws it, in a folder of our own.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

/// Controller of all buses.
const CONTROLLER: &str = "devices/pci0000:00/0000:00:14.0";

struct Tree {
    dir: tempfile::TempDir,
    /// The keys of the next input device.
    keys: Cell<&'static str>,
}

/// As the kernel writes those of a keyboard, and of media keys.
const KEYBOARD: &str = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n";
const MEDIA_KEYS: &str = "3f000301ff 0 0 483ffff17aff32d bfd4444600000000 1 130ff38b17c000 0\n";

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for class in ["tty", "hidraw", "input"] {
            fs::create_dir_all(dir.path().join("class").join(class)).unwrap();
        }
        let keys = Cell::new(KEYBOARD);
        Self { dir, keys }
    }

    /// A USB device with one device file below `interface`.
    fn plug(&self, ports: &str, ids: (&str, &str, &str), interface: &str, below: &str) {
        let root = self.dir.path();
        let bus = format!("usb{}", ports.split_once('-').unwrap().0);
        let device = root.join(CONTROLLER).join(bus).join(ports);
        let (vendor, product, serial) = ids;
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("idVendor"), format!("{vendor}\n")).unwrap();
        fs::write(device.join("idProduct"), format!("{product}\n")).unwrap();
        if !serial.is_empty() {
            fs::write(device.join("serial"), format!("{serial}\n")).unwrap();
        }
        fs::write(device.join("product"), "Gun\x1b[31m\n").unwrap();
        let (class, name, devname) = match below {
            "event3" => ("input", "event3", "input/event3"),
            name if name.starts_with("hidraw") => ("hidraw", name, name),
            name => ("tty", name, name),
        };
        let place = device.join(interface).join("deep").join(name);
        fs::create_dir_all(&place).unwrap();
        fs::write(
            place.join("uevent"),
            format!("MAJOR=1\nDEVNAME={devname}\n"),
        )
        .unwrap();
        if name.starts_with("event") {
            let keys = place.parent().unwrap().join("capabilities");
            fs::create_dir_all(&keys).unwrap();
            fs::write(keys.join("key"), self.keys.get()).unwrap();
        }
        symlink(place.parent().unwrap(), place.join("device")).unwrap();
        let class = root.join("class").join(class).join(name);
        if class.is_symlink() {
            fs::remove_file(&class).unwrap();
        }
        symlink(&place, class).unwrap();
    }

    fn pull(&self, node: &str) {
        let listed = self.dir.path().join("class/tty").join(node);
        let place = fs::read_link(&listed).unwrap();
        fs::remove_file(listed).unwrap();
        fs::remove_dir_all(place).unwrap();
    }

    fn find(&self, rule: UsbRule, class: Class) -> Result<PathBuf, Code> {
        let at = At::Usb(rule);
        find_under(self.dir.path(), &at, class, Code::ScannerMissing).map_err(|e| e.code)
    }
}

fn rule() -> UsbRule {
    UsbRule {
        vendor: 0x0c2e,
        product: 0x0b61,
        serial_number: None,
        port: None,
        interface: None,
    }
}

#[test]
fn one_that_fits_is_found_wherever_it_is_plugged() {
    let tree = Tree::new();
    assert_eq!(tree.find(rule(), Class::Tty), Err(Code::ScannerMissing));
    tree.plug("1-4", ("1a86", "7523", ""), "1-4:1.0", "ttyUSB0");
    tree.plug("1-1.2", ("0c2e", "0b61", "SN1"), "1-1.2:1.0", "ttyACM0");
    assert_eq!(tree.find(rule(), Class::Tty), Ok("/dev/ttyACM0".into()));
    assert_eq!(tree.find(rule(), Class::Hidraw), Err(Code::ScannerMissing));
    tree.plug("1-3", ("0c2e", "0b61", "SN9"), "1-3:1.0", "event3");
    assert_eq!(
        tree.find(rule(), Class::Input),
        Ok("/dev/input/event3".into())
    );
}

#[test]
fn a_port_is_the_same_whatever_number_its_bus_has() {
    // Which controller is found first decides the number, anew at each boot.
    for bus in [1, 3, 12] {
        let tree = Tree::new();
        let at = |port: &str| format!("{bus}-{port}");
        let plug = |port: &str, node| {
            let interface = format!("{}:1.0", at(port));
            tree.plug(&at(port), ("0c2e", "0b61", "SAME"), &interface, node);
        };
        plug("1.2", "ttyACM0");
        plug("2", "ttyACM1");
        for (port, node) in [("1.2", "/dev/ttyACM0"), ("2", "/dev/ttyACM1")] {
            let by_port = UsbRule {
                port: Some(format!("0000:00:14.0/{port}")),
                ..rule()
            };
            assert_eq!(tree.find(by_port, Class::Tty), Ok(node.into()), "{bus}");
        }
    }
}

#[test]
fn only_what_types_digits_is_a_keyboard() {
    for keys in [MEDIA_KEYS, "", "words", "0\n"] {
        let tree = Tree::new();
        tree.keys.set(keys);
        tree.plug("1-3", ("0c2e", "0b61", "SN9"), "1-3:1.1", "event3");
        assert_eq!(tree.find(rule(), Class::Input), Err(Code::ScannerMissing));
    }
}

#[test]
fn two_that_fit_are_a_conflict_until_they_are_told_apart() {
    let tree = Tree::new();
    tree.plug("1-1", ("0c2e", "0b61", "SAME"), "1-1:1.0", "ttyACM0");
    tree.plug("1-2", ("0c2e", "0b61", "SAME"), "1-2:1.0", "ttyACM1");
    assert_eq!(tree.find(rule(), Class::Tty), Err(Code::DeviceAmbiguous));
    let by_serial = UsbRule {
        serial_number: Some("SAME".into()),
        ..rule()
    };
    assert_eq!(tree.find(by_serial, Class::Tty), Err(Code::DeviceAmbiguous));
    let by_port = UsbRule {
        port: Some("0000:00:14.0/2".into()),
        ..rule()
    };
    assert_eq!(tree.find(by_port, Class::Tty), Ok("/dev/ttyACM1".into()));
}

#[test]
fn a_conflict_says_where_and_which_key_settles_it() {
    let told = |first: (&str, &str), second: (&str, &str), interface: &str| {
        let tree = Tree::new();
        let plug = |(port, serial): (&str, &str), interface: &str, node: &str| {
            let interface = format!("{port}:{interface}");
            tree.plug(port, ("0c2e", "0b61", serial), &interface, node);
        };
        plug(first, "1.0", "ttyACM0");
        plug(second, interface, "ttyACM1");
        let at = At::Usb(rule());
        let refused = find_under(tree.dir.path(), &at, Class::Tty, Code::ScannerMissing);
        refused.unwrap_err().detail
    };
    let lines = told(("1-1", "A"), ("1-1", "A"), "1.2");
    assert_eq!(
        lines,
        "usb 0c2e:0b61 fits 0000:00:14.0/1 interface 0 and 0000:00:14.0/1 interface 2: name interface to tell them apart"
    );
    assert!(told(("1-1", "A"), ("1-2", "A"), "1.0").contains("name port to"));
    assert!(told(("1-1", ""), ("1-2", "B"), "1.0").contains("name port to"));
    assert!(told(("1-1", "A"), ("1-2", "B"), "1.0").contains("name serial_number or port to"));
}

#[test]
fn a_twin_that_comes_later_is_told_and_never_takes_the_place() {
    const SAME: (&str, &str, &str) = ("0c2e", "0b61", "SAME");
    let tree = Tree::new();
    let look = || fitting(tree.dir.path(), &rule(), Class::Tty);
    let plug_first = || tree.plug("1-1", SAME, "1-1:1.0", "ttyACM0");
    let plug_twin = || tree.plug("1-2", SAME, "1-2:1.0", "ttyACM1");
    let mut known = Known::new(&At::Usb(rule()), Class::Tty);
    let code = |told: Result<(), DeviceError>| told.map_err(|error| error.code);
    let ambiguous = Err(Code::DeviceAmbiguous);
    plug_first();
    assert_eq!(known.beside(&look()), None);
    plug_twin();
    let told = known.beside(&look()).expect("it is told");
    assert_eq!(told.code, Code::DeviceAmbiguous);
    assert_eq!(known.beside(&look()), None, "told twice");
    // The first goes: the twin is not it, however often it is looked at.
    tree.pull("ttyACM0");
    assert_eq!(known.beside(&look()), None);
    assert_eq!(code(known.decide(&look())), ambiguous);
    assert_eq!(code(known.decide(&look())), ambiguous);
    // Back in its port it is opened once the twin is gone.
    plug_first();
    assert_eq!(code(known.decide(&look())), Ok(()));
    assert_eq!(tree.find(rule(), Class::Tty), Err(Code::DeviceAmbiguous));
    tree.pull("ttyACM1");
    assert_eq!(code(known.decide(&look())), Ok(()));
    assert_eq!(known.beside(&look()), None);
    // A person who unplugs the twin and plugs it in again, alone, means it.
    plug_twin();
    assert!(
        known.beside(&look()).is_some(),
        "another twin is told again"
    );
    tree.pull("ttyACM0");
    assert_eq!(code(known.decide(&look())), ambiguous);
    tree.pull("ttyACM1");
    assert_eq!(code(known.decide(&look())), Ok(()));
    plug_twin();
    assert_eq!(code(known.decide(&look())), Ok(()));
}

#[test]
fn what_has_a_number_of_its_own_is_known_at_another_port() {
    let tree = Tree::new();
    let look = || fitting(tree.dir.path(), &rule(), Class::Tty);
    let mut known = Known::new(&At::Usb(rule()), Class::Tty);
    tree.plug("1-1", ("0c2e", "0b61", "A"), "1-1:1.0", "ttyACM0");
    assert_eq!(known.beside(&look()), None);
    tree.plug("1-2", ("0c2e", "0b61", "B"), "1-2:1.0", "ttyACM1");
    assert!(known.beside(&look()).is_some());
    tree.pull("ttyACM0");
    assert!(known.decide(&look()).is_err());
    tree.pull("ttyACM1");
    tree.plug("1-3", ("0c2e", "0b61", "A"), "1-3:1.0", "ttyACM0");
    assert!(known.decide(&look()).is_ok());
    // One that never was in doubt gives way to another: it was replaced.
    tree.pull("ttyACM0");
    tree.plug("1-3", ("0c2e", "0b61", "C"), "1-3:1.0", "ttyACM0");
    assert_eq!(known.beside(&look()), None);
    assert!(known.decide(&look()).is_ok());
}

#[test]
fn one_device_with_two_lines_is_told_apart_by_interface() {
    let tree = Tree::new();
    tree.plug("1-1", ("0c2e", "0b61", "A"), "1-1:1.0", "ttyACM0");
    tree.plug("1-1", ("0c2e", "0b61", "A"), "1-1:1.2", "ttyACM1");
    assert_eq!(tree.find(rule(), Class::Tty), Err(Code::DeviceAmbiguous));
    let second = UsbRule {
        interface: Some(2),
        ..rule()
    };
    assert_eq!(tree.find(second, Class::Tty), Ok("/dev/ttyACM1".into()));
}

#[test]
fn what_does_not_fit_says_why_and_shows_no_control_characters() {
    let tree = Tree::new();
    tree.plug("1-1", ("0c2e", "0b62", "B"), "1-1:1.0", "ttyACM0");
    let wanted = UsbRule {
        serial_number: Some("A".into()),
        ..rule()
    };
    let seen = weighed(tree.dir.path(), &wanted, Class::Tty);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].misfits, ["product", "serial_number"]);
    assert_eq!(
        (seen[0].product_name.as_str(), seen[0].port.as_str()),
        ("Gun[31m", "0000:00:14.0/1")
    );
}

#[test]
fn a_path_is_taken_as_it_is() {
    let at = At::Path("/dev/x".into());
    let found = find_under(Path::new("/nowhere"), &at, Class::Tty, Code::ScannerMissing);
    assert_eq!(found.unwrap(), Path::new("/dev/x"));
}

#[test]
fn printers_are_found_by_the_class_of_their_interface() {
    let tree = Tree::new();
    let root = tree.dir.path();
    let listed = root.join("bus/usb/devices");
    fs::create_dir_all(&listed).unwrap();
    fs::create_dir_all(root.join("class/usbmisc")).unwrap();
    for (ports, number, class) in [
        ("1-1", "005", "07"),
        ("1-2", "006", "07"),
        ("1-3", "007", "08"),
    ] {
        tree.plug(
            ports,
            ("04b8", "0202", ports),
            &format!("{ports}:1.0"),
            "unused",
        );
        let device = root.join(CONTROLLER).join("usb1").join(ports);
        fs::write(
            device.join("uevent"),
            format!("DEVNAME=bus/usb/001/{number}\n"),
        )
        .unwrap();
        let interface = device.join(format!("{ports}:1.0"));
        fs::write(interface.join("bInterfaceClass"), format!("{class}\n")).unwrap();
        fs::write(interface.join("bInterfaceSubClass"), "01\n").unwrap();
        symlink(&device, listed.join(ports)).unwrap();
        symlink(&interface, listed.join(format!("{ports}:1.0"))).unwrap();
    }
    // The kernel's own driver serves the second.
    let lp = root.join(CONTROLLER).join("usb1/1-2/1-2:1.0/usbmisc/lp0");
    fs::create_dir_all(&lp).unwrap();
    fs::write(lp.join("uevent"), "MAJOR=180\nDEVNAME=usb/lp0\n").unwrap();
    let interface = root.join(CONTROLLER).join("usb1/1-2/1-2:1.0");
    symlink(interface, lp.join("device")).unwrap();
    symlink(&lp, root.join("class/usbmisc/lp0")).unwrap();

    let printer = |serial_number: Option<&str>| UsbRule {
        vendor: 0x04b8,
        product: 0x0202,
        serial_number: serial_number.map(str::to_owned),
        ..rule()
    };
    let class = Class::UsbPrinter;
    assert_eq!(tree.find(printer(None), class), Err(Code::DeviceAmbiguous));
    assert_eq!(
        tree.find(printer(Some("1-3")), class),
        Err(Code::ScannerMissing)
    );
    let found =
        |serial| the_one(root, &printer(Some(serial)), class, Code::PrinterMissing).unwrap();
    let (first, second) = (found("1-1"), found("1-2"));
    assert_eq!(first.node, Path::new("/dev/bus/usb/001/005"));
    assert_eq!(
        (second.port.as_str(), second.interface),
        ("0000:00:14.0/2", 0)
    );
    // None is of its maker's own class.
    let own = the_one(
        root,
        &printer(Some("1-1")),
        Class::UsbOwn,
        Code::CardReaderMissing,
    );
    assert_eq!(own.unwrap_err().code, Code::CardReaderMissing);
    assert_eq!(sysfs::kernel_printer(root, &first), None);
    let node = sysfs::kernel_printer(root, &second);
    assert_eq!(node.as_deref(), Some(Path::new("/dev/usb/lp0")));
}
