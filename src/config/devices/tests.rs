//! What a `[[device]]` table may say.

use super::*;

#[derive(Deserialize)]
struct File {
    device: Vec<DeviceConfig>,
}

fn read(text: &str) -> Result<Vec<DeviceConfig>, toml::de::Error> {
    toml::from_str::<File>(text).map(|file| file.device)
}

#[test]
fn a_desk_is_read() {
    let devices = read(
        r#"
        [[device]]
        name = "counter"
        role = "scanner"
        kind = "serial-scanner"
        path = "/dev/serial/by-id/x"
        terminator = "crlf"
        [[device]]
        name = "slip"
        role = "receipt"
        kind = "escpos-tcp"
        address = "127.0.0.1:9100"
        model = "generic-80"
        "#,
    )
    .unwrap();
    assert_eq!(check_all(&devices), Vec::<String>::new());
    let framing = Framing {
        terminator: Terminator::CrLf,
        ..Framing::default()
    };
    let at = At::Path("/dev/serial/by-id/x".into());
    assert_eq!(
        devices[0].kind,
        Kind::SerialScanner {
            at,
            baud: 9_600,
            framing
        }
    );
    assert_eq!(devices[1].model.as_deref(), Some("generic-80"));
}

#[test]
fn scanners_on_usb_have_their_own_framing() {
    let head = "[[device]]\nname='a'\nrole='scanner'\nusb='0c2e:0b61'\n";
    for (tail, terminator, gap_ms) in [
        ("kind='hid-scanner'", Terminator::None, GAP_MS_DEFAULT),
        (
            "kind='keyboard-scanner'",
            Terminator::Any,
            KEY_GAP_MS_DEFAULT,
        ),
        (
            "kind='keyboard-scanner'\nterminator='tab'\ngap_ms=50",
            Terminator::Tab,
            50,
        ),
    ] {
        let device = read(&format!("{head}{tail}")).unwrap().remove(0);
        assert_eq!(device.check(), Vec::<String>::new());
        let (Kind::HidScanner { framing, .. } | Kind::KeyboardScanner { framing, .. }) =
            device.kind
        else {
            panic!("{tail}");
        };
        assert_eq!((framing.terminator, framing.gap_ms), (terminator, gap_ms));
    }
}

#[test]
fn wrong_tables_are_refused() {
    let head = "[[device]]\nname='a'\nrole='receipt'\n";
    for tail in [
        "kind='escpos-tcp'\n",
        "kind='escpos-tcp'\naddress='h:1'\npath='/dev/x'",
        "kind='escpos-serial'\naddress='h:1'",
        "kind='escpos-serial'\npath='/dev/x'\ngap_ms=3",
        "kind='serial-scanner'\npath='/dev/x'\ncolour='red'",
        "kind='toaster'\npath='/dev/x'",
        "kind='escpos-serial'\npath='/dev/x'\nusb='0c2e:0b61'",
        "kind='escpos-serial'\nusb='0c2e'",
        "kind='escpos-tcp'\naddress='h:1'\nusb='0c2e:0b61'",
        "kind='hid-scanner'\nusb='0c2e:0b61'\nterminator='cr'",
        "kind='hid-scanner'\nusb='0c2e:0b61'\nbaud=9600",
        "kind='keyboard-scanner'\nusb='0c2e:0b61'\nbaud=9600",
        "kind='keyboard-scanner'\naddress='h:1'",
        "kind='pcsc-reader'\npath='/dev/x'",
        "kind='escpos-usb'\npath='/dev/usb/lp0'",
        "kind='escpos-usb'\nusb='04b8:0202'\nbaud=9600",
        "kind='escpos-usb'",
        "kind='id-card-serial'\npath='/dev/x'\nreader='a'",
        "kind='escpos-tcp'\naddress='h:1'\nqueue='q'",
        "kind='cups-queue'\n",
        "kind='cups-queue'\nqueue='q'\nuri='ipp://h/x'",
        "kind='cups-queue'\nqueue='q'\npath='/x'\naddress='h:1'",
        "kind='cups-queue'\nqueue='q'\nbaud=9600",
        "kind='ipp-printer'\nuri='ipps://h/x'",
        "kind='ipp-printer'\nuri='ipp://h/x'\nqueue='q'",
    ] {
        assert!(read(&format!("{head}{tail}")).is_err(), "{tail}");
    }
}

#[test]
fn wrong_values_are_told() {
    let scanner = |gap_ms, baud| DeviceConfig {
        name: "A b".into(),
        role: "scanner".into(),
        kind: Kind::SerialScanner {
            at: At::Path("/dev/x".into()),
            baud,
            framing: Framing {
                gap_ms,
                ..Framing::default()
            },
        },
        model: None,
    };
    assert_eq!(scanner(0, 1).check().len(), 3);
    let address = |address: &str| DeviceConfig {
        name: "a".into(),
        role: "receipt".into(),
        kind: Kind::EscPosTcp {
            address: address.into(),
        },
        model: None,
    };
    assert!(address("[::1]:9100").check().is_empty());
    for bad in ["", "h", "h:", ":9", "h:0", "h:70000"] {
        assert_eq!(address(bad).check().len(), 1, "{bad}");
    }
    assert_eq!(check_all(&[address("h:1"), address("h:2")]).len(), 2);
}
