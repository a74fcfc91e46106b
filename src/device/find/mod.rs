//! Which device file a device of the configuration is now: found by what the device says of itself and by where it
//! is plugged, so that it stays the same over replug and reboot. Two that fit are a conflict, never a guess.
//!
//! Reads the kernel's own lists in `/sys`; not for the threads that carry tasks. It must not open a device.

mod sysfs;
mod twin;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::error::DeviceError;
use super::looked::Looked;
use crate::book::Code;
use crate::config::devices::{At, DeviceConfig, Kind, UsbRule};
use crate::device::quirks::{self, Chosen};

pub(crate) use twin::Known;

/// Where the kernel lists devices.
const SYS: &str = "/sys";

/// Which list a device stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Serial lines.
    Tty,
    /// Scanners that report by HID.
    Hidraw,
    /// Scanners that type, and keyboards.
    Input,
    /// Interfaces of the USB printer class; their device file is the whole device's.
    UsbPrinter,
    /// Interfaces that no driver of the kernel's serves, of their maker's own class; the device file as above.
    UsbOwn,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Class::Tty => "tty",
            Class::Hidraw => "hidraw",
            Class::Input => "input",
            Class::UsbPrinter | Class::UsbOwn => "usb",
        }
    }
}

/// One device file on USB, as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Candidate {
    /// Its device file.
    pub node: PathBuf,
    /// The vendor's number.
    pub vendor: u16,
    /// The product's number.
    pub product: u16,
    /// What the device calls its serial number; many have none, and some makers give all the same.
    pub serial_number: String,
    /// What the device calls itself.
    pub product_name: String,
    /// Controller and ports on the way to it: `0000:00:14.0/1.2`. Stays the same over reboots.
    pub port: String,
    /// Which of its interfaces.
    pub interface: u8,
    /// Why it does not fit; empty: it fits.
    pub misfits: Vec<&'static str>,
}

/// Where a device of this kind is and which list it stands in; what is no device file has none.
pub(crate) fn place(kind: &Kind) -> Option<(&At, Class)> {
    match kind {
        Kind::SerialScanner { at, .. }
        | Kind::EscPosSerial { at, .. }
        | Kind::IdCardSerial { at, .. } => Some((at, Class::Tty)),
        Kind::EscPosUsb { at } => Some((at, Class::UsbPrinter)),
        Kind::IdCardUsb { at } => Some((at, Class::UsbOwn)),
        Kind::HidScanner { at, .. } => Some((at, Class::Hidraw)),
        Kind::KeyboardScanner { at, .. } => Some((at, Class::Input)),
        Kind::EscPosTcp { .. } | Kind::PcscReader { .. } | Kind::Queue(_) => None,
    }
}

/// Why a device is found or not, and why it is treated as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What the configuration says.
    pub rule: String,
    /// Whether it is found by rule; a path means itself.
    pub by_rule: bool,
    /// What is plugged in and could be it.
    pub candidates: Vec<Candidate>,
    /// The row of the quirks table, for what has one.
    pub quirk: Option<Chosen>,
    /// What is looked for elsewhere than on USB, and what is there.
    pub looked: Looked,
}

impl Why {
    /// Reads the kernel's lists: not for the threads that carry tasks.
    pub(crate) fn of(config: &DeviceConfig) -> Self {
        let place = place(&config.kind);
        Self {
            candidates: place.map_or_else(Vec::new, |(at, class)| candidates(at, class)),
            ..Self::without_candidates(config)
        }
    }

    /// What is known without looking.
    pub(crate) fn without_candidates(config: &DeviceConfig) -> Self {
        let place = place(&config.kind);
        Self {
            rule: place.map_or_else(String::new, |(at, _)| at.to_string()),
            by_rule: matches!(place, Some((At::Usb(_), _))),
            candidates: Vec::new(),
            quirk: quirks::chosen(config),
            looked: Looked::default(),
        }
    }
}

/// The device file that `at` names.
///
/// # Errors
/// `missing` when nothing fits, `DEVICE_AMBIGUOUS` when more than one does.
pub(crate) fn find(at: &At, class: Class, missing: Code) -> Result<PathBuf, DeviceError> {
    find_under(Path::new(SYS), at, class, missing)
}

/// All of this class on USB, with what keeps each from being meant.
fn candidates(at: &At, class: Class) -> Vec<Candidate> {
    match at {
        At::Path(_) => sysfs::list(Path::new(SYS), class),
        At::Usb(rule) => weighed(Path::new(SYS), rule, class),
    }
}

fn find_under(sys: &Path, at: &At, class: Class, missing: Code) -> Result<PathBuf, DeviceError> {
    match at {
        At::Path(path) => Ok(path.clone()),
        At::Usb(rule) => the_one(sys, rule, class, missing).map(|it| it.node),
    }
}

/// The interface that `at` names, of a class of interfaces.
///
/// # Errors
/// As [`find`].
pub(crate) fn usb_interface(
    at: &At,
    class: Class,
    missing: Code,
) -> Result<Candidate, DeviceError> {
    match at {
        At::Path(_) => Err(DeviceError::new(missing, format!("{at} is no rule"))),
        At::Usb(rule) => the_one(Path::new(SYS), rule, class, missing),
    }
}

/// The device file by which the kernel's own driver serves this printer, if it does.
pub(crate) fn kernel_printer(printer: &Candidate) -> Option<PathBuf> {
    sysfs::kernel_printer(Path::new(SYS), printer)
}

fn the_one(
    sys: &Path,
    rule: &UsbRule,
    class: Class,
    missing: Code,
) -> Result<Candidate, DeviceError> {
    let fitting = fitting(sys, rule, class);
    match fitting.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(DeviceError::new(
            missing,
            format!("{rule} is not plugged in"),
        )),
        several => Err(conflict(rule, several)),
    }
}

/// All that a rule can mean.
fn fitting(sys: &Path, rule: &UsbRule, class: Class) -> Vec<Candidate> {
    let mut candidates = weighed(sys, rule, class);
    candidates.retain(|candidate| candidate.misfits.is_empty());
    candidates
}

/// Where those are that a rule can mean, and which key tells them apart.
fn conflict(rule: &UsbRule, several: &[Candidate]) -> DeviceError {
    let mut places: Vec<String> = several
        .iter()
        .map(|it| format!("{} interface {}", it.port, it.interface))
        .collect();
    places.sort();
    let is_one_port = several.iter().all(|it| it.port == several[0].port);
    let number = |it: &Candidate| it.serial_number.clone();
    let numbers: std::collections::BTreeSet<String> = several.iter().map(number).collect();
    let key = if is_one_port {
        "interface"
    } else if numbers.len() == several.len() && !numbers.contains("") {
        "serial_number or port"
    } else {
        "port"
    };
    let places = places.join(" and ");
    let detail = format!("{rule} fits {places}: name {key} to tell them apart");
    DeviceError::new(Code::DeviceAmbiguous, detail)
}

fn weighed(sys: &Path, rule: &UsbRule, class: Class) -> Vec<Candidate> {
    let mut candidates = sysfs::list(sys, class);
    for candidate in &mut candidates {
        candidate.misfits = misfits(rule, candidate);
    }
    candidates
}

fn misfits(rule: &UsbRule, candidate: &Candidate) -> Vec<&'static str> {
    let other = |wanted: &Option<String>, is: &str| wanted.as_deref().is_some_and(|it| it != is);
    let checks = [
        ("vendor", rule.vendor != candidate.vendor),
        ("product", rule.product != candidate.product),
        (
            "serial_number",
            other(&rule.serial_number, &candidate.serial_number),
        ),
        ("port", other(&rule.port, &candidate.port)),
        (
            "interface",
            rule.interface.is_some_and(|it| it != candidate.interface),
        ),
    ];
    checks
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
}
