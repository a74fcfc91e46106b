//! What printer models can do: rows of data. A new model is a new row.
//!
//! A capability is claimed only where its maker documents it or it was measured; a printer that prints
//! `GS ( H` as text would spoil every receipt. `generic-…` rows therefore prove by the queued status answer, leave out
//! the four-byte characters of GB18030, which many print as other ones, and the command for QR codes. Automatic status
//! they claim: its parameter is a control character, so that a printer which does not know it prints none of it.

use super::card::kinds;
use crate::config::devices::{At, DeviceConfig, Kind};

/// What one model can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in the configuration.
    pub name: &'static str,
    /// Latin characters in a line of the normal font.
    pub columns: u16,
    /// Which Chinese characters have a glyph.
    pub charset: Charset,
    /// There is a knife.
    pub has_cut: bool,
    /// Lines to feed so that the last one passes the knife or the tear bar.
    pub lines_before_cut: u8,
    /// QR codes by `GS ( k`.
    pub has_qr: bool,
    /// `DLE EOT n` is answered.
    pub has_status: bool,
    /// `GS a n` makes it report changes by itself.
    pub has_asb: bool,
    /// `GS r n` is answered in its turn.
    pub has_queued_status: bool,
    /// `GS ( H` function 48 is answered when the paper is out.
    pub has_process_id: bool,
    /// What its receive buffer holds, in bytes. On a line without flow control it is never sent more than half of
    /// that before it says that it has worked it off.
    pub buffer_bytes: usize,
}

impl Profile {
    /// Dots of a line: a column of the normal font has twelve.
    #[must_use]
    pub const fn dots(&self) -> u16 {
        self.columns * COLUMN_DOTS
    }

    /// The same printer for a job whose queued answers prove nothing.
    #[must_use]
    pub const fn without_queued_status(&self) -> Self {
        Self {
            has_queued_status: false,
            ..*self
        }
    }

    /// The same printer on a line that carries nothing back.
    #[must_use]
    pub const fn without_answers(&self) -> Self {
        Self {
            has_status: false,
            has_asb: false,
            has_queued_status: false,
            has_process_id: false,
            ..*self
        }
    }
}

/// Dots of a column of the normal font.
pub const COLUMN_DOTS: u16 = 12;

/// Which Chinese characters a printer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// GB18030: the two-byte characters and CJK extension A in four bytes.
    Gb18030,
    /// GBK: two bytes only.
    Gbk,
}

/// The least that a printer on sale holds; some can be set to less than a line (Epson: 45 bytes), which is of no use.
const BUFFER_BYTES_LEAST: usize = 4_096;

/// 80 mm paper, the plainest printer that is sold in China today.
const GENERIC_80: Profile = Profile {
    name: "generic-80",
    columns: 48,
    charset: Charset::Gbk,
    has_cut: true,
    lines_before_cut: 4,
    has_qr: false,
    has_status: true,
    has_asb: true,
    has_queued_status: true,
    has_process_id: false,
    buffer_bytes: BUFFER_BYTES_LEAST,
};

/// The same that has all of GB18030, and QR codes.
const GB18030_80: Profile = Profile {
    name: "gb18030-80",
    charset: Charset::Gb18030,
    has_qr: true,
    ..GENERIC_80
};

/// All models. Names are in the sample configuration.
pub const PROFILES: &[Profile] = &[
    GENERIC_80,
    // 58 mm paper, torn by hand.
    Profile {
        name: "generic-58",
        columns: 32,
        has_cut: false,
        ..GENERIC_80
    },
    // All of GB18030 and QR codes, as their makers say of most printers since 2015.
    GB18030_80,
    Profile {
        name: "gb18030-58",
        columns: 32,
        has_cut: false,
        ..GB18030_80
    },
    Profile {
        name: "gbk-80",
        has_qr: true,
        ..GENERIC_80
    },
    Profile {
        name: "gbk-58",
        columns: 32,
        has_cut: false,
        has_qr: true,
        ..GENERIC_80
    },
    // One-way lines and print servers that pass nothing back: paper is never proven.
    Profile {
        name: "mute-80",
        has_status: false,
        has_asb: false,
        has_queued_status: false,
        ..GENERIC_80
    },
    Profile {
        name: "mute-58",
        columns: 32,
        has_cut: false,
        has_status: false,
        has_asb: false,
        has_queued_status: false,
        ..GENERIC_80
    },
    // Process id documented by the maker for TM-T20III, T88V, T88VI, T88VII.
    Profile {
        name: "epson-tm-80",
        lines_before_cut: 1,
        has_process_id: true,
        ..GB18030_80
    },
    // Process id measured on an XP-S260M over 100 receipts.
    Profile {
        name: "xprinter-80",
        has_process_id: true,
        ..GB18030_80
    },
];

/// The row of a model.
#[must_use]
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// The row that a printer uses: its model's, else what USB says it is, else the plainest.
#[must_use]
pub fn profile_of(device: &DeviceConfig) -> &'static Profile {
    chosen(device).map_or(&GENERIC_80, |chosen| chosen.profile)
}

/// Which row a printer uses, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The row.
    pub profile: &'static Profile,
    /// What chose it.
    pub by: By,
}

/// What chooses a row, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The configuration names the model.
    Model,
    /// The numbers of vendor and product on USB.
    UsbProduct,
    /// The number of the vendor on USB.
    UsbVendor,
    /// Nothing else fits.
    Default,
}

/// Rows by what a printer says on USB; one without a product is for all of a vendor's that have no row of their own.
const BY_USB: &[(u16, Option<u16>, &str)] = &[
    // Seiko Epson: some models under one number prove by process id and some do not; that is claimed by model only.
    (0x04b8, None, "generic-80"),
    // The 58 mm mechanisms sold under many names as "POS58".
    (0x0416, Some(0x5011), "generic-58"),
];

/// The row that a device uses and why; what is no printer has none.
#[must_use]
pub fn chosen(device: &DeviceConfig) -> Option<Chosen> {
    let at = match &device.kind {
        Kind::EscPosTcp { .. } | Kind::Queue(_) => None,
        Kind::EscPosSerial { at, .. } | Kind::EscPosUsb { at } => Some(at),
        Kind::SerialScanner { .. }
        | Kind::HidScanner { .. }
        | Kind::KeyboardScanner { .. }
        | Kind::PcscReader { .. }
        | Kind::IdCardSerial { .. }
        | Kind::IdCardUsb { .. } => {
            return None;
        }
    };
    if let Some(profile) = device.model.as_deref().and_then(profile) {
        let by = By::Model;
        return Some(Chosen { profile, by });
    }
    let by_usb = match at {
        Some(At::Usb(rule)) => by_usb(BY_USB, rule.vendor, rule.product),
        Some(At::Path(_)) | None => None,
    };
    Some(by_usb.unwrap_or(Chosen {
        profile: &GENERIC_80,
        by: By::Default,
    }))
}

fn by_usb(rows: &[(u16, Option<u16>, &str)], vendor: u16, product: u16) -> Option<Chosen> {
    let row = |wanted: Option<u16>| {
        let row = rows.iter().find(|(v, p, _)| *v == vendor && *p == wanted)?;
        profile(row.2)
    };
    let of = |by| move |profile| Chosen { profile, by };
    row(Some(product))
        .map(of(By::UsbProduct))
        .or_else(|| row(None).map(of(By::UsbVendor)))
}

/// Devices whose model has no row or makes no sense, a sentence each; empty: all is well.
#[must_use]
pub fn check_models(devices: &[DeviceConfig]) -> Vec<String> {
    let mut wrong = Vec::new();
    for device in devices {
        let Some(model) = device.model.as_deref() else {
            continue;
        };
        let printer = match device.kind {
            Kind::EscPosTcp { .. } | Kind::EscPosSerial { .. } | Kind::EscPosUsb { .. } => true,
            Kind::SerialScanner { .. } | Kind::HidScanner { .. } | Kind::KeyboardScanner { .. } => {
                false
            }
            // The configuration takes no model for one.
            Kind::Queue(_) => continue,
            Kind::PcscReader { .. } => {
                if kinds::layout(Some(model)).is_none() {
                    let known = kinds::layout_names();
                    let name = &device.name;
                    wrong.push(format!(
                        "device {name:?}: model {model:?} is none of {known}"
                    ));
                }
                continue;
            }
            Kind::IdCardSerial { .. } | Kind::IdCardUsb { .. } => {
                let name = &device.name;
                wrong.push(format!("device {name:?}: a 居民身份证 reader has no model"));
                continue;
            }
        };
        if !printer {
            wrong.push(format!("device {:?}: a scanner has no model", device.name));
        } else if profile(model).is_none() {
            let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
            let known = known.join(", ");
            wrong.push(format!(
                "device {:?}: model {model:?} is none of {known}",
                device.name
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a job left in doubt owes is settled by queued answers, and these count where the printer then says that it
    /// is well. A row that proves by process id alone would carry its doubt from paper to paper.
    #[test]
    fn every_row_that_proves_paper_can_settle_its_past() {
        for row in PROFILES {
            let proves = row.has_process_id || row.has_queued_status;
            assert!(!proves || row.has_queued_status, "{}", row.name);
            assert!(!proves || row.has_status, "{}", row.name);
            assert!(!row.has_asb || row.has_status, "{}", row.name);
            assert_eq!(profile(row.name), Some(row), "two rows of one name");
        }
    }

    #[test]
    fn the_most_specific_row_wins() {
        let rows = [(0x1111, None, "generic-58"), (0x1111, Some(2), "gbk-80")];
        let of = |product| by_usb(&rows, 0x1111, product).map(|it| (it.profile.name, it.by));
        assert_eq!(of(2), Some(("gbk-80", By::UsbProduct)));
        assert_eq!(of(3), Some(("generic-58", By::UsbVendor)));
        assert_eq!(by_usb(&rows, 0x2222, 2), None);
        for (_, _, name) in BY_USB {
            assert!(profile(name).is_some(), "{name}");
        }
    }
}
