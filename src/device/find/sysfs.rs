//! The kernel's list of devices of one class, those on USB.
//!
//! `/sys/class/CLASS/NAME/device` leads to the interface or below it; above it stands the device, which has
//! `idVendor`, and above that hubs and the controller.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Candidate, Class};

/// Longest text of an attribute that is of use.
const TEXT_BYTES_MAX: usize = 256;

/// Class and subclass of an interface that takes what is to be printed.
const PRINTER_CLASS: (&str, &str) = ("07", "01");

/// Classes of an interface of which only its maker says what it is.
const OWN_CLASSES: [&str; 2] = ["00", "ff"];

/// Keys 1 to 0, which have the numbers 2 to 11, and Enter, which has 28.
const KEYS_OF_A_CODE: u64 = 0x0ffc | 1 << 28;

/// All device files of a class that are on USB, in the order of their ports.
pub(super) fn list(sys: &Path, class: Class) -> Vec<Candidate> {
    let (folder, look): (_, fn(&Path, Class) -> Option<Candidate>) = match class {
        Class::UsbPrinter | Class::UsbOwn => (sys.join("bus/usb/devices"), usb_interface),
        Class::Tty | Class::Hidraw | Class::Input => {
            (sys.join("class").join(class.name()), candidate)
        }
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<Candidate> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| look(&entry.path(), class))
        .collect();
    found.sort_by(|a, b| (&a.port, a.interface, &a.node).cmp(&(&b.port, b.interface, &b.node)));
    found
}

fn candidate(entry: &Path, class: Class) -> Option<Candidate> {
    let name = entry.file_name()?.to_str()?;
    if class == Class::Input && !(name.starts_with("event") && types(entry)) {
        return None;
    }
    let below = entry.join("device").canonicalize().ok()?;
    of_node(&below, entry)
}

/// An interface of the printer class, or of its maker's own: `bus/usb/devices/1-1:1.0`.
fn usb_interface(entry: &Path, class: Class) -> Option<Candidate> {
    let interface = entry.canonicalize().ok()?;
    let of_class = text(&interface, "bInterfaceClass");
    let subclass = text(&interface, "bInterfaceSubClass");
    let is_it = match class {
        Class::UsbPrinter => (of_class.as_str(), subclass.as_str()) == PRINTER_CLASS,
        Class::UsbOwn => OWN_CLASSES.contains(&of_class.as_str()),
        Class::Tty | Class::Hidraw | Class::Input => false,
    };
    if !is_it {
        return None;
    }
    of_node(&interface, interface.parent()?)
}

/// What stands at `below`, whose device file is named in `entry`.
fn of_node(below: &Path, entry: &Path) -> Option<Candidate> {
    let device = below
        .ancestors()
        .find(|folder| folder.join("idVendor").is_file())?;
    Some(Candidate {
        node: Path::new("/dev").join(device_name(entry)?),
        vendor: hex(device, "idVendor")?,
        product: hex(device, "idProduct")?,
        serial_number: text(device, "serial"),
        product_name: text(device, "product"),
        port: port(device)?,
        interface: interface(device, below),
        misfits: Vec::new(),
    })
}

/// The device file of `usblp` for this interface.
pub(super) fn kernel_printer(sys: &Path, printer: &Candidate) -> Option<PathBuf> {
    let entries = fs::read_dir(sys.join("class/usbmisc")).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let entry = entry.path();
        let interface = entry.join("device").canonicalize().ok()?;
        let found = of_node(&interface, interface.parent()?)?;
        let same = (&found.node, found.interface) == (&printer.node, printer.interface);
        let name = same.then(|| device_name(&entry))??;
        Some(Path::new("/dev").join(name))
    })
}

/// Whether it has the keys of a code; the other entries of this class are mice, media keys, power buttons. The kernel
/// writes the set of keys in words of 64 bits, the last word first in number.
fn types(entry: &Path) -> bool {
    let keys = fs::read_to_string(entry.join("device/capabilities/key")).unwrap_or_default();
    let lowest = keys.split_whitespace().last();
    let lowest = lowest.and_then(|word| u64::from_str_radix(word, 16).ok());
    lowest.is_some_and(|keys| keys & KEYS_OF_A_CODE == KEYS_OF_A_CODE)
}

/// What the device file is called, below `/dev`.
fn device_name(entry: &Path) -> Option<PathBuf> {
    let uevent = fs::read_to_string(entry.join("uevent")).ok()?;
    let name = uevent
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    Some(PathBuf::from(name))
}

/// `…/0000:00:14.0/usb1/1-1/1-1.2` → `0000:00:14.0/1.2`. The number of the bus is left out: it depends on which
/// controller was found first.
fn port(device: &Path) -> Option<String> {
    let chain = device.file_name()?.to_str()?.split_once('-')?.1;
    let root = device.ancestors().find(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str());
        let bus = name.and_then(|name| name.strip_prefix("usb"));
        bus.is_some_and(|bus| !bus.is_empty() && bus.bytes().all(|b| b.is_ascii_digit()))
    })?;
    let controller = root.parent()?.file_name()?.to_str()?;
    Some(format!("{controller}/{chain}"))
}

/// `1-1.2:1.3` → 3: the folder between the device and the device file.
fn interface(device: &Path, below: &Path) -> u8 {
    below
        .ancestors()
        .take_while(|folder| *folder != device)
        .filter_map(|folder| folder.file_name()?.to_str()?.split_once(':'))
        .filter_map(|(_, rest)| rest.rsplit_once('.')?.1.parse().ok())
        .last()
        .unwrap_or(0)
}

fn hex(device: &Path, attribute: &str) -> Option<u16> {
    u16::from_str_radix(&text(device, attribute), 16).ok()
}

/// A device says of itself what it likes: control characters are left out.
fn text(device: &Path, attribute: &str) -> String {
    let text = fs::read(device.join(attribute)).unwrap_or_default();
    let text = &text[..text.len().min(TEXT_BYTES_MAX)];
    String::from_utf8_lossy(text)
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
