//! What printer models can do: rows of data. A new model is a new row.
//!
//! A capability is claimed only where its maker documents it or it was measured; a printer that prints
//! `GS ( H` as text would spoil every receipt. `generic-…` rows therefore prove by the queued status answer.

use super::card::kinds;
use crate::config::devices::{DeviceConfig, Kind};

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
}

/// Which Chinese characters a printer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// GB18030: the two-byte characters and CJK extension A in four bytes.
    Gb18030,
    /// GBK: two bytes only.
    Gbk,
}

/// 80 mm paper, the plainest printer that is sold in China today.
const GENERIC_80: Profile = Profile {
    name: "generic-80",
    columns: 48,
    charset: Charset::Gb18030,
    has_cut: true,
    lines_before_cut: 4,
    has_qr: true,
    has_status: true,
    has_asb: true,
    has_queued_status: true,
    has_process_id: false,
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
    Profile {
        name: "gbk-80",
        charset: Charset::Gbk,
        ..GENERIC_80
    },
    Profile {
        name: "gbk-58",
        columns: 32,
        has_cut: false,
        charset: Charset::Gbk,
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
        ..GENERIC_80
    },
    // Process id measured on an XP-S260M over 100 receipts.
    Profile {
        name: "xprinter-80",
        has_process_id: true,
        ..GENERIC_80
    },
];

/// The row of a model.
#[must_use]
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// The row that a device uses: its model's, else the plainest.
#[must_use]
pub fn profile_of(device: &DeviceConfig) -> &'static Profile {
    device
        .model
        .as_deref()
        .and_then(profile)
        .unwrap_or(&GENERIC_80)
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
            Kind::EscPosTcp { .. } | Kind::EscPosSerial { .. } => true,
            Kind::SerialScanner { .. } => false,
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
            Kind::IdCardSerial { .. } => {
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
