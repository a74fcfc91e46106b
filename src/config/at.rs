//! Where a device is: a path, or what it says of itself on USB and where it is plugged.

use std::fmt;
use std::path::PathBuf;

/// Longest serial number or port that can be named.
const TEXT_BYTES_MAX: usize = 128;

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// A device file, best by `/dev/serial/by-id`.
    Path(PathBuf),
    /// Whatever fits, wherever it is plugged.
    Usb(UsbRule),
}

/// Which device on USB is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbRule {
    /// The vendor's number.
    pub vendor: u16,
    /// The product's number.
    pub product: u16,
    /// What the device must call its serial number.
    pub serial_number: Option<String>,
    /// Where it must be plugged: `0000:00:14.0/1.2`, as `yibaoctl device why` shows it.
    pub port: Option<String>,
    /// Which of its interfaces, when it has more than one of the kind.
    pub interface: Option<u8>,
}

impl UsbRule {
    /// Whether it fits everything that the other one fits.
    pub(super) fn covers(&self, other: &Self) -> bool {
        fn fits<T: PartialEq>(wanted: &Option<T>, is: &Option<T>) -> bool {
            wanted.is_none() || wanted == is
        }
        self.vendor == other.vendor
            && self.product == other.product
            && fits(&self.serial_number, &other.serial_number)
            && fits(&self.port, &other.port)
            && fits(&self.interface, &other.interface)
    }
}

/// The keys as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) path: Option<PathBuf>,
    pub(super) usb: Option<String>,
    pub(super) serial_number: Option<String>,
    pub(super) port: Option<String>,
    pub(super) interface: Option<u8>,
}

impl Written {
    pub(super) fn is_empty(&self) -> bool {
        self.path.is_none()
            && self.usb.is_none()
            && self.serial_number.is_none()
            && self.port.is_none()
            && self.interface.is_none()
    }

    /// Where that is, or what is wrong with it.
    pub(super) fn at(self) -> Result<At, &'static str> {
        let narrowed =
            self.serial_number.is_some() || self.port.is_some() || self.interface.is_some();
        match (self.path, self.usb) {
            (Some(_), Some(_)) => Err("give path or usb, not both"),
            (None, None) => Err("path or usb is missing"),
            (Some(_), None) if narrowed => Err("serial_number, port and interface belong to usb"),
            (Some(path), None) if !path.is_absolute() => Err("path must be absolute"),
            (Some(path), None) => Ok(At::Path(path)),
            (None, Some(usb)) => {
                let (vendor, product) = ids(&usb)
                    .ok_or("usb must be vendor:product in four hexadecimal digits each")?;
                let too_long = |text: &Option<String>| {
                    let text = text.as_deref().unwrap_or("x");
                    text.is_empty() || text.len() > TEXT_BYTES_MAX
                };
                if too_long(&self.serial_number) || too_long(&self.port) {
                    return Err("serial_number and port must be 1-128 bytes");
                }
                Ok(At::Usb(UsbRule {
                    vendor,
                    product,
                    serial_number: self.serial_number,
                    port: self.port,
                    interface: self.interface,
                }))
            }
        }
    }
}

fn ids(text: &str) -> Option<(u16, u16)> {
    let (vendor, product) = text.split_once(':')?;
    let hex = |digits: &str| {
        let plain = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        plain
            .then(|| u16::from_str_radix(digits, 16).ok())
            .flatten()
    };
    Some((hex(vendor)?, hex(product)?))
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Path(path) => path.display().fmt(f),
            At::Usb(rule) => rule.fmt(f),
        }
    }
}

impl fmt::Display for UsbRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "usb {:04x}:{:04x}", self.vendor, self.product)?;
        if let Some(serial_number) = &self.serial_number {
            write!(f, " serial_number {serial_number}")?;
        }
        if let Some(port) = &self.port {
            write!(f, " port {port}")?;
        }
        if let Some(interface) = self.interface {
            write!(f, " interface {interface}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, usb: &str, port: &str) -> Result<At, &'static str> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Written {
            path: given(path).map(PathBuf::from),
            usb: given(usb),
            port: given(port),
            ..Written::default()
        }
        .at()
    }

    #[test]
    fn a_place_is_a_path_or_a_rule() {
        assert_eq!(at("/dev/x", "", "").unwrap().to_string(), "/dev/x");
        let rule = at("", "0C2E:0b61", "0000:00:14.0/1.2").unwrap();
        assert_eq!(rule.to_string(), "usb 0c2e:0b61 port 0000:00:14.0/1.2");
        for (path, usb, port) in [
            ("", "", ""),
            ("/dev/x", "0c2e:0b61", ""),
            ("/dev/x", "", "1"),
            ("dev/x", "", ""),
            ("", "0c2e", ""),
            ("", "c2e:0b61", ""),
            ("", "0c2e:+b61", ""),
        ] {
            assert!(at(path, usb, port).is_err(), "{path} {usb} {port}");
        }
    }
}
