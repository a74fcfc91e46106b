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
fn a_printer_on_a_line_may_have_flow_control() {
    let head = "[[device]]\nname='a'\nrole='receipt'\nkind='escpos-serial'\npath='/dev/x'\n";
    for (tail, flow) in [
        ("", Flow::None),
        ("flow='none'", Flow::None),
        ("flow='rts-cts'", Flow::RtsCts),
        ("flow='xon-xoff'", Flow::XonXoff),
    ] {
        let device = read(&format!("{head}{tail}")).unwrap().remove(0);
        assert_eq!(device.check(), Vec::<String>::new());
        let Kind::EscPosSerial { flow: it, .. } = device.kind else {
            panic!("{tail}");
        };
        assert_eq!(it, flow);
    }
    assert!(read(&format!("{head}flow='dtr-dsr'")).is_err());
}

#[test]
fn scanners_on_usb_have_their_own_framing() {
    let head = "[[device]]\nname='a'\nrole='scanner'\nusb='0c2e:0b61'\n";
    for (tail, terminator, gap_ms, length) in [
        ("kind='hid-scanner'", Terminator::None, GAP_MS_DEFAULT, None),
        (
            "kind='hid-scanner'\nlength=28",
            Terminator::None,
            GAP_MS_DEFAULT,
            Some(28),
        ),
        (
            "kind='keyboard-scanner'",
            Terminator::Any,
            KEY_GAP_MS_DEFAULT,
            None,
        ),
        (
            "kind='keyboard-scanner'\nterminator='tab'\ngap_ms=50\nlength=28",
            Terminator::Tab,
            50,
            Some(28),
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
        assert_eq!(framing.length, length);
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
        "kind='escpos-usb'\nusb='04b8:0202'\nflow='none'",
        "kind='escpos-tcp'\naddress='h:1'\nlength=28",
        "kind='serial-scanner'\npath='/dev/x'\nflow='rts-cts'",
        "kind='escpos-tcp'\naddress='h:1'\nflow='none'",
        "kind='cups-queue'\nqueue='q'\nflow='none'",
        "kind='id-card-serial'\npath='/dev/x'\nreader='a'",
        "kind='id-card-usb'\npath='/dev/x'",
        "kind='id-card-usb'\nusb='0400:c35a'\nbaud=115200",
        "kind='id-card-usb'",
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
    for (length, is_wrong) in [("0", true), ("28", false), ("513", true)] {
        let table = "[[device]]\nname='a'\nrole='scanner'\nkind='serial-scanner'\npath='/dev/x'\n";
        let device = read(&format!("{table}length={length}")).unwrap().remove(0);
        assert_eq!(device.check().len(), usize::from(is_wrong), "{length}");
    }
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

#[test]
fn one_device_has_one_table() {
    let scanner = "kind='hid-scanner'";
    let rule = "usb='0c2e:0b61'";
    for (first, second, is_refused) in [
        (
            ("path='/dev/hidraw0'", scanner),
            ("path='/dev/hidraw0'", scanner),
            true,
        ),
        (
            ("path='/dev/hidraw0'", scanner),
            ("path='/dev/hidraw1'", scanner),
            false,
        ),
        ((rule, scanner), (rule, scanner), true),
        // Whatever has this port fits the plain rule too.
        (
            (rule, scanner),
            ("usb='0c2e:0b61'\nport='0000:00:14.0/1'", scanner),
            true,
        ),
        (
            ("usb='0c2e:0b61'\ninterface=0", scanner),
            (rule, scanner),
            true,
        ),
        (
            ("usb='0c2e:0b61'\nport='0000:00:14.0/1'", scanner),
            ("usb='0c2e:0b61'\nport='0000:00:14.0/2'", scanner),
            false,
        ),
        (
            ("usb='0c2e:0b61'\nserial_number='1'", scanner),
            ("usb='0c2e:0b61'\nport='0000:00:14.0/2'", scanner),
            false,
        ),
        ((rule, scanner), ("usb='0c2e:0b62'", scanner), false),
        // Other files of a device that has several.
        ((rule, scanner), (rule, "kind='serial-scanner'"), false),
        (
            ("path='/dev/ttyS1'", "kind='serial-scanner'\nbaud=115200"),
            ("path='/dev/ttyS1'", "kind='serial-scanner'"),
            true,
        ),
    ] {
        let table = |name: &str, role: &str, (at, kind): (&str, &str)| {
            format!("[[device]]\nname='{name}'\nrole='{role}'\n{at}\n{kind}\n")
        };
        let text = table("a", "scanner", first) + &table("b", "scanner-2", second);
        let wrong = check_all(&read(&text).unwrap());
        assert_eq!(wrong.len(), usize::from(is_refused), "{text}{wrong:?}");
    }
}
