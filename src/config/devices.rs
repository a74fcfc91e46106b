//! The devices of a desk, as the configuration names them.
//!
//! One flat table a device. A key that belongs to another kind is an error, so that a wish is never
//! silently ignored. Whether a model is known is the device folder's business, not this file's.

use std::path::PathBuf;

use serde::Deserialize;

use super::at::Written;
pub use super::at::{At, UsbRule};
use super::keypad::Keypad;
use super::queue;
pub use super::queue::{QueueHost, QueuePlace};

/// Devices one desk can have.
pub const DEVICES_MAX: usize = 32;
/// Speed of a serial line when none is given.
pub const BAUD_DEFAULT: u32 = 9_600;
/// Speed of a 居民身份证 reader when none is given: what its makers deliver.
pub const BAUD_ID_CARD_DEFAULT: u32 = 115_200;
/// Silence after which nothing more of a code comes.
pub const GAP_MS_DEFAULT: u32 = 60;
/// The same between keys, which come one by one.
pub const KEY_GAP_MS_DEFAULT: u32 = 200;
/// Longest pause that can be configured as a gap.
const GAP_MS_MAX: u32 = 2_000;
/// Longest code that a scanner may give.
pub const CODE_BYTES_MAX: usize = 512;
/// Longest device name.
const NAME_BYTES_MAX: usize = 64;
/// Jobs of a scanner, and of a printer; a second one of its kind has `-` and a name behind it.
const SCANNER_ROLES: [&str; 1] = ["scanner"];
const PRINTER_ROLES: [&str; 2] = ["receipt", "report"];
const REPORT_ROLES: [&str; 1] = ["report"];
const CARD_ROLES: [&str; 2] = ["card", "id-card"];
/// Longest part of a card reader's name.
const READER_BYTES_MAX: usize = 128;

/// One device: what it is called, what it is for, where it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Flat")]
pub struct DeviceConfig {
    /// The desk's own name for it, unique at the desk.
    pub name: String,
    /// What clients ask for: `scanner`, `receipt`, `report`, `card`, `id-card`, and for others of their kind such as
    /// `scanner-2`. One device a role. Settlements use those without a number.
    pub role: String,
    /// What it is and where.
    pub kind: Kind,
    /// The row of the quirks table; none: the plainest one of its kind.
    pub model: Option<String>,
}

/// What a device is and where it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A code scanner on a serial line or USB-CDC: `kind = "serial-scanner"`.
    SerialScanner {
        /// The line.
        at: At,
        /// Bits a second.
        baud: u32,
        /// How codes are told apart.
        framing: Framing,
    },
    /// A code scanner that reports by HID POS: `kind = "hid-scanner"`. It says itself where a code ends.
    HidScanner {
        /// The `hidraw` file.
        at: At,
        /// The terminator is of no use here; the gap ends a code whose end the scanner cannot tell.
        framing: Framing,
    },
    /// A code scanner that is a keyboard, taken for the daemon alone: `kind = "keyboard-scanner"`.
    KeyboardScanner {
        /// The `input/event` file.
        at: At,
        /// How codes are told apart; Enter is CR.
        framing: Framing,
    },
    /// An ESC/POS printer on TCP, commonly port 9100: `kind = "escpos-tcp"`.
    EscPosTcp {
        /// `host:port`.
        address: String,
    },
    /// An ESC/POS printer on a serial line: `kind = "escpos-serial"`.
    EscPosSerial {
        /// The line.
        at: At,
        /// Bits a second.
        baud: u32,
        /// How it says that it can take no more.
        flow: Flow,
    },
    /// An ESC/POS printer on the USB printer class: `kind = "escpos-usb"`. Found by rule only: its device file has a
    /// new number each time it is plugged in.
    EscPosUsb {
        /// The printer.
        at: At,
    },
    /// A card reader that pcscd serves: `kind = "pcsc-reader"`.
    PcscReader {
        /// A part of its name, as `pcsc_scan` lists it; none: the only reader there is.
        reader: Option<String>,
        /// Its keypad; none: no PIN is asked for.
        keypad: Option<Keypad>,
    },
    /// A 居民身份证 reader on a serial line: `kind = "id-card-serial"`.
    IdCardSerial {
        /// The line.
        at: At,
        /// Bits a second.
        baud: u32,
    },
    /// A 居民身份证 reader on USB that speaks by two bulk endpoints: `kind = "id-card-usb"`. Found by rule only.
    IdCardUsb {
        /// The reader.
        at: At,
    },
    /// A queue of CUPS, or a printer that speaks IPP itself: `kind = "cups-queue"`, `kind = "ipp-printer"`.
    Queue(QueuePlace),
}

impl Kind {
    /// Whether both are receipt printers and in one place, whatever else is written of them.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self.receipt_place(), other.receipt_place()) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, _) => false,
        }
    }

    fn receipt_place(&self) -> Option<String> {
        match self {
            Self::EscPosTcp { address } => Some(address.clone()),
            Self::EscPosSerial { at, .. } | Self::EscPosUsb { at } => Some(at.to_string()),
            Self::SerialScanner { .. }
            | Self::HidScanner { .. }
            | Self::KeyboardScanner { .. }
            | Self::PcscReader { .. }
            | Self::IdCardSerial { .. }
            | Self::IdCardUsb { .. }
            | Self::Queue(_) => None,
        }
    }
}

/// How one code ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// The bytes that end a code.
    pub terminator: Terminator,
    /// Silence that ends a code, in milliseconds. With a terminator what it ends has broken off and is no code;
    /// so is what follows, up to a terminator or a second of silence more.
    pub gap_ms: u32,
    /// A longer code is dropped whole, in bytes.
    pub length_max: usize,
    /// Every code of this scanner has so many bytes; one of another length is none.
    pub length: Option<usize>,
}

impl Default for Framing {
    fn default() -> Self {
        Self {
            terminator: Terminator::default(),
            gap_ms: GAP_MS_DEFAULT,
            length_max: CODE_BYTES_MAX,
            length: None,
        }
    }
}

/// What a scanner sends after a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Terminator {
    /// CR, LF or both.
    #[default]
    Any,
    /// CR alone.
    Cr,
    /// LF alone.
    Lf,
    /// CR and LF, together only.
    CrLf,
    /// A tab.
    Tab,
    /// Nothing; the gap alone ends a code.
    None,
}

/// How a printer on a serial line says that it can take no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// Not at all, or by its DTR, which the kernel does not heed: it is never sent more than it can hold.
    #[default]
    None,
    /// By its RTS, on our CTS.
    RtsCts,
    /// By the bytes XOFF and XON.
    XonXoff,
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    name: String,
    role: String,
    kind: FlatKind,
    path: Option<PathBuf>,
    usb: Option<String>,
    serial_number: Option<String>,
    port: Option<String>,
    interface: Option<u8>,
    baud: Option<u32>,
    flow: Option<Flow>,
    address: Option<String>,
    model: Option<String>,
    terminator: Option<Terminator>,
    gap_ms: Option<u32>,
    length_max: Option<usize>,
    length: Option<usize>,
    reader: Option<String>,
    keypad: Option<Keypad>,
    queue: Option<String>,
    uri: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FlatKind {
    SerialScanner,
    HidScanner,
    KeyboardScanner,
    EscposTcp,
    EscposSerial,
    EscposUsb,
    PcscReader,
    IdCardSerial,
    IdCardUsb,
    CupsQueue,
    IppPrinter,
}

impl TryFrom<Flat> for DeviceConfig {
    type Error = String;

    fn try_from(flat: Flat) -> Result<Self, String> {
        let name = flat.name.clone();
        let wrong = |what: &str| format!("device {name:?}: {what}");
        let framing = flat.framing().map_err(wrong)?;
        if flat.flow.is_some() && flat.kind != FlatKind::EscposSerial {
            return Err(wrong("flow belongs to a printer on a serial line"));
        }
        if flat.keypad.is_some() && flat.kind != FlatKind::PcscReader {
            return Err(wrong("keypad belongs to a reader of pcscd"));
        }
        if let Some(place) = flat.queue_place().map_err(wrong)? {
            return Ok(flat.into_queue(place));
        }
        let written = flat.written();
        flat.misplaced(&written).map_err(wrong)?;
        let at = written.at().map_err(wrong);
        let baud = flat.baud.unwrap_or(BAUD_DEFAULT);
        let kind = match flat.kind {
            FlatKind::SerialScanner => Kind::SerialScanner {
                at: at?,
                baud,
                framing,
            },
            FlatKind::HidScanner => Kind::HidScanner { at: at?, framing },
            FlatKind::KeyboardScanner => Kind::KeyboardScanner { at: at?, framing },
            FlatKind::EscposTcp => Kind::EscPosTcp {
                address: flat.address.ok_or_else(|| wrong("address is missing"))?,
            },
            FlatKind::EscposSerial => Kind::EscPosSerial {
                at: at?,
                baud,
                flow: flat.flow.unwrap_or_default(),
            },
            FlatKind::EscposUsb => Kind::EscPosUsb { at: at? },
            FlatKind::PcscReader => Kind::PcscReader {
                reader: flat.reader,
                keypad: flat.keypad,
            },
            FlatKind::IdCardSerial => Kind::IdCardSerial {
                at: at?,
                baud: flat.baud.unwrap_or(BAUD_ID_CARD_DEFAULT),
            },
            FlatKind::IdCardUsb => Kind::IdCardUsb { at: at? },
            FlatKind::CupsQueue | FlatKind::IppPrinter => {
                return Err(wrong("queue or uri is missing"));
            }
        };
        Ok(Self {
            name: flat.name,
            role: flat.role,
            kind,
            model: flat.model,
        })
    }
}

impl Flat {
    fn written(&self) -> Written {
        Written {
            path: self.path.clone(),
            usb: self.usb.clone(),
            serial_number: self.serial_number.clone(),
            port: self.port.clone(),
            interface: self.interface,
        }
    }

    /// A key that devices of this kind do not have.
    fn misplaced(&self, written: &Written) -> Result<(), &'static str> {
        let on_tcp = self.kind == FlatKind::EscposTcp;
        let by_pcscd = self.kind == FlatKind::PcscReader;
        let by_usb_class = matches!(
            self.kind,
            FlatKind::HidScanner
                | FlatKind::KeyboardScanner
                | FlatKind::EscposUsb
                | FlatKind::IdCardUsb
        );
        let has_line = !written.is_empty() || self.baud.is_some();
        if self.kind == FlatKind::EscposUsb && self.path.is_some() {
            return Err("a printer on USB is named by usb, not by path");
        }
        if self.kind == FlatKind::IdCardUsb && self.path.is_some() {
            return Err("a reader on USB is named by usb, not by path");
        }
        if by_usb_class && self.baud.is_some() {
            return Err("baud belongs to a serial line");
        }
        if by_pcscd && has_line {
            return Err("path, usb and baud belong to a line; give reader");
        }
        if !by_pcscd && self.reader.is_some() {
            return Err("reader belongs to a reader of pcscd");
        }
        if on_tcp && has_line {
            return Err("path, usb and baud belong to a line; give address");
        }
        if !on_tcp && self.address.is_some() {
            return Err("address belongs to a printer on TCP; give path or usb");
        }
        Ok(())
    }

    fn into_queue(self, place: QueuePlace) -> DeviceConfig {
        DeviceConfig {
            name: self.name,
            role: self.role,
            kind: Kind::Queue(place),
            model: self.model,
        }
    }

    /// Where the queue is, for a kind that is one, or what is wrong with that.
    fn queue_place(&self) -> Result<Option<QueuePlace>, &'static str> {
        let is_cups = self.kind == FlatKind::CupsQueue;
        if !is_cups && self.kind != FlatKind::IppPrinter {
            return match (&self.queue, &self.uri) {
                (None, None) => Ok(None),
                _ => Err("queue belongs to a cups-queue, uri to an ipp-printer"),
            };
        }
        let on_line = self.usb.is_some() || self.serial_number.is_some() || self.port.is_some();
        if on_line || self.interface.is_some() || self.baud.is_some() || self.reader.is_some() {
            return Err("usb, baud and reader do not belong to a print queue");
        }
        if self.model.is_some() {
            return Err("the print service knows its printers' models: give no model");
        }
        let (path, address) = (self.path.as_deref(), self.address.as_deref());
        queue::place(
            is_cups,
            self.queue.as_deref(),
            self.uri.as_deref(),
            path,
            address,
        )
        .map(Some)
    }

    /// How codes are told apart, or what is wrong with that.
    fn framing(&self) -> Result<Framing, &'static str> {
        let framed =
            self.terminator.is_some() || self.gap_ms.is_some() || self.length_max.is_some();
        let framed = framed || self.length.is_some();
        let usual = Framing::default();
        let usual = match self.kind {
            FlatKind::SerialScanner => usual,
            FlatKind::KeyboardScanner => Framing {
                gap_ms: KEY_GAP_MS_DEFAULT,
                ..usual
            },
            FlatKind::HidScanner if self.terminator.is_some() => {
                return Err("a HID scanner says where a code ends: no terminator");
            }
            FlatKind::HidScanner => Framing {
                terminator: Terminator::None,
                ..usual
            },
            FlatKind::EscposTcp
            | FlatKind::EscposSerial
            | FlatKind::EscposUsb
            | FlatKind::PcscReader
            | FlatKind::CupsQueue
            | FlatKind::IppPrinter
            | FlatKind::IdCardSerial
            | FlatKind::IdCardUsb
                if framed =>
            {
                return Err("terminator, gap_ms, length and length_max belong to a scanner");
            }
            FlatKind::EscposTcp
            | FlatKind::EscposSerial
            | FlatKind::EscposUsb
            | FlatKind::PcscReader
            | FlatKind::CupsQueue
            | FlatKind::IppPrinter
            | FlatKind::IdCardSerial
            | FlatKind::IdCardUsb => usual,
        };
        Ok(Framing {
            terminator: self.terminator.unwrap_or(usual.terminator),
            gap_ms: self.gap_ms.unwrap_or(usual.gap_ms),
            length_max: self.length_max.unwrap_or(usual.length_max),
            length: self.length,
        })
    }
}

impl DeviceConfig {
    /// What is wrong with this table, a sentence each; empty: nothing.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut say = |what: String| wrong.push(format!("device {:?}: {what}", self.name));
        if !is_plain_name(&self.name) {
            say(format!("name must be 1-{NAME_BYTES_MAX} of a-z 0-9 . _ -"));
        }
        let roles: &[&str] = match self.kind {
            Kind::SerialScanner { .. } | Kind::HidScanner { .. } | Kind::KeyboardScanner { .. } => {
                &SCANNER_ROLES
            }
            Kind::EscPosTcp { .. } | Kind::EscPosSerial { .. } | Kind::EscPosUsb { .. } => {
                &PRINTER_ROLES
            }
            Kind::PcscReader { .. } | Kind::IdCardSerial { .. } | Kind::IdCardUsb { .. } => {
                &CARD_ROLES
            }
            Kind::Queue(_) => &REPORT_ROLES,
        };
        let is_job = |job: &str| {
            let rest = self.role.strip_prefix(job);
            rest.is_some_and(|rest| rest.is_empty() || rest.len() > 1 && rest.starts_with('-'))
        };
        if !roles.iter().any(|job| is_job(job)) || !is_plain_name(&self.role) {
            let known = roles.join(", ");
            say(format!(
                "role {:?} is no job of this kind of device: {known}",
                self.role
            ));
        }
        match &self.kind {
            Kind::SerialScanner { baud, framing, .. } => {
                check_baud(*baud, &mut say);
                check_framing(framing, &mut say);
            }
            Kind::HidScanner { framing, .. } | Kind::KeyboardScanner { framing, .. } => {
                check_framing(framing, &mut say);
            }
            Kind::EscPosSerial { baud, .. } | Kind::IdCardSerial { baud, .. } => {
                check_baud(*baud, &mut say);
            }
            Kind::EscPosUsb { .. } | Kind::IdCardUsb { .. } => {}
            Kind::PcscReader { reader, keypad } => {
                if let Some(keypad) = keypad {
                    keypad.check(&mut say);
                }
                let name = reader.as_deref().unwrap_or("any");
                if name.trim().is_empty() || name.len() > READER_BYTES_MAX {
                    say(format!(
                        "reader must be 1-{READER_BYTES_MAX} bytes of a reader's name"
                    ));
                }
            }
            Kind::EscPosTcp { address } => {
                if !queue::is_host_and_port(address) {
                    say("address must be host:port".to_owned());
                }
            }
            Kind::Queue(place) => place.check(&mut say),
        }
        wrong
    }
}

/// What is wrong with all devices together and one by one, a sentence each; empty: nothing.
#[must_use]
pub fn check_all(devices: &[DeviceConfig]) -> Vec<String> {
    let mut wrong: Vec<String> = devices.iter().flat_map(DeviceConfig::check).collect();
    if devices.len() > DEVICES_MAX {
        wrong.push(format!("more than {DEVICES_MAX} devices"));
    }
    for (i, device) in devices.iter().enumerate() {
        for earlier in &devices[..i] {
            if earlier.name == device.name {
                wrong.push(format!("device {:?}: the name is given twice", device.name));
            }
            if earlier.role == device.role {
                wrong.push(format!(
                    "device {:?}: role {:?} is {:?}'s already",
                    device.name, device.role, earlier.name
                ));
            }
            if device.kind.may_be(&earlier.kind) {
                wrong.push(format!(
                    "device {:?}: is where {:?} is already; one device has one table",
                    device.name, earlier.name
                ));
            }
        }
    }
    wrong
}

/// Which of the kernel's lists a device stands in; devices of two lists are never the same file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Serial,
    Hid,
    Keyboard,
    Printer,
    IdCard,
}

impl Kind {
    /// Whether whatever is taken for one of these may always be taken for the other as well: two owners of one device.
    fn may_be(&self, other: &Self) -> bool {
        match (self.listed(), other.listed()) {
            (Some((At::Path(path), _)), Some((At::Path(others), _))) => path == others,
            (Some((At::Usb(rule), list)), Some((At::Usb(others), others_list))) => {
                list == others_list && (rule.covers(others) || others.covers(rule))
            }
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    fn listed(&self) -> Option<(&At, List)> {
        match self {
            Kind::SerialScanner { at, .. }
            | Kind::EscPosSerial { at, .. }
            | Kind::IdCardSerial { at, .. } => Some((at, List::Serial)),
            Kind::HidScanner { at, .. } => Some((at, List::Hid)),
            Kind::KeyboardScanner { at, .. } => Some((at, List::Keyboard)),
            Kind::EscPosUsb { at } => Some((at, List::Printer)),
            Kind::IdCardUsb { at } => Some((at, List::IdCard)),
            Kind::EscPosTcp { .. } | Kind::PcscReader { .. } | Kind::Queue(_) => None,
        }
    }
}

fn is_plain_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn check_framing(framing: &Framing, say: &mut impl FnMut(String)) {
    if framing.gap_ms == 0 || framing.gap_ms > GAP_MS_MAX {
        say(format!("gap_ms must be 1-{GAP_MS_MAX}"));
    }
    if framing.length_max == 0 || framing.length_max > CODE_BYTES_MAX {
        say(format!("length_max must be 1-{CODE_BYTES_MAX}"));
    }
    if framing
        .length
        .is_some_and(|length| length == 0 || length > framing.length_max)
    {
        say("length must be 1 or more, and at most length_max".to_owned());
    }
}

fn check_baud(baud: u32, say: &mut impl FnMut(String)) {
    if !(300..=4_000_000).contains(&baud) {
        say("baud must be 300-4000000".to_owned());
    }
}

#[cfg(test)]
mod tests;
