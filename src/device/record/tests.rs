//! Persons that are planted in what each family says, and looked for in what is told.

use encoding_rs::GB18030;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::redact::{Redactor, Told};
use super::text::NOBODYS_NUMBER;
use super::{Said, Way, shape_of};
use crate::config::devices::{At, Framing, Kind, QueueHost, QueuePlace};

/// One of the sandbox's persons: they belong to nobody.
const NAME: &str = "沈知远";
const NUMBER: &str = "430102198503129119";
const CARD_NO: &str = "Z90000011";
const CARD_SN: &str = "430100D1560000059900000000000011";
const EVOUCHER: &str = "4243017759283164028817935626";
/// Digits in a row that would give somebody away.
const WINDOW: usize = 5;

#[test]
fn a_serial_scanner_gives_nobody_away_however_its_bytes_come() {
    let gbk = GB18030.encode(NAME).0.into_owned();
    for code in [
        EVOUCHER.as_bytes().to_vec(),
        NUMBER.as_bytes().to_vec(),
        format!("]Q1{NAME},{NUMBER},{CARD_NO}").into_bytes(),
        [gbk.as_slice(), b"^", NUMBER.as_bytes()].concat(),
        [b"\xff\xfe", NUMBER.as_bytes()].concat(),
    ] {
        for end in ["\r\n", "\r", ""] {
            let line = [&code, end.as_bytes()].concat();
            let told = splits(&scanner(), Way::FromDevice, &line);
            assert!(told.ends_with(end.as_bytes()));
        }
    }
    let told = whole(
        &scanner(),
        Way::FromDevice,
        format!("{NUMBER}\r").as_bytes(),
    );
    assert_eq!(told[..18], NOBODYS_NUMBER[..]);
}

#[test]
fn a_receipt_gives_nobody_away_and_its_commands_stay() {
    let text = |text: &str| GB18030.encode(text).0.into_owned();
    let job = [
        &b"\x1b@\x1da\x0e\x1c&\x1bE\x01"[..],
        &text(&format!("姓名：{NAME}𠮷\n证件 {NUMBER}\n")),
        b"\x1d(k\x15\x001P0",
        NUMBER.as_bytes(),
        b"\x1d(k\x03\x001Q0\x1dk\x49\x0b{B",
        CARD_NO.as_bytes(),
        b"\x1dv0\x00\x02\x00\x02\x00\xaa\xbb\xcc\xdd\x1dV\x42\x00\x1c.\x1d(H\x06\x0000Ab12",
    ]
    .concat();
    let told = splits(&printer(), Way::ToDevice, &job);
    for stays in [
        &b"\x1b@\x1da\x0e\x1c&\x1bE\x01"[..],
        b"\x1d(k\x15\x001P0000",
        b"\x1dk\x49\x0b{B000000000",
        b"\x1dv0\x00\x02\x00\x02\x00\x00\x00\x00\x00\x1dV",
        b"\x1d(H\x06\x0000Ab12",
    ] {
        assert!(
            told.windows(stays.len()).any(|it| it == stays),
            "{stays:x?}"
        );
    }
    // From what is not known on, nothing is told.
    let odd = [b"\x1b\x99", NUMBER.as_bytes(), b"\x1b@"].concat();
    assert_eq!(splits(&printer(), Way::ToDevice, &odd), vec![0; odd.len()]);
    let answers = b"\x16\x14\x00\x0c\x0f\x37\x22Ab12\x00\x00";
    assert_eq!(splits(&printer(), Way::FromDevice, answers), answers);
}

/// An attribute: its tag, its name and its value.
fn attribute(tag: u8, name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    for part in [name.as_bytes(), value] {
        bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

#[test]
fn talk_with_a_print_service_gives_nobody_away_and_its_numbers_stay() {
    let named = format!("{NAME} {NUMBER}");
    let address = format!("ipp://{CARD_NO}.example/printers/{NUMBER}");
    let head = [1, 1, 0, 0, 0, 0, 0, 1, 2];
    let stays = [
        attribute(0x23, "job-state", &[0, 0, 0, 9]),
        attribute(0x44, "job-state-reasons", b"job-completed-successfully"),
        attribute(0x44, "", b"none"),
        attribute(0x21, "job-id", &[0, 0, 0, 7]),
        attribute(0x13, "time-at-processing", b""),
    ]
    .concat();
    let persons = [
        attribute(0x45, "job-uri", address.as_bytes()),
        attribute(0x42, "requesting-user-name", NAME.as_bytes()),
        attribute(0x42, "job-name", named.as_bytes()),
        attribute(0x41, "status-message", named.as_bytes()),
        attribute(0x44, "job-state-reasons", NUMBER.as_bytes()),
        attribute(0x44, "printer-state-reasons", EVOUCHER.as_bytes()),
        // What nobody reads, a collection with more in it, and a number that is longer than one.
        attribute(0x41, NUMBER, NUMBER.as_bytes()),
        attribute(0x34, "media-col", b""),
        attribute(0x4a, "", NUMBER.as_bytes()),
        attribute(0x42, "", NAME.as_bytes()),
        attribute(0x37, "", b""),
        attribute(0x21, "job-impressions-completed", NUMBER.as_bytes()),
        attribute(0x30, "job-name", NUMBER.as_bytes()),
        attribute(0x34, "job-name", NUMBER.as_bytes()),
        attribute(0x44, "", NAME.as_bytes()),
    ]
    .concat();
    // Behind the end nothing is told either.
    let answer = [&head[..], &stays, &persons, &[3], NUMBER.as_bytes()].concat();
    let told = whole(&queue(), Way::FromDevice, &answer);
    innocent(&told);
    assert_eq!(told[..head.len()], head);
    assert_eq!(told[head.len()..][..stays.len()], stays);
    assert_eq!(told.last(), Some(&3));
    for is in ["ipp://localhost/", "某某某 000000000000000000", "user"] {
        let has = told.windows(is.len()).any(|it| it == is.as_bytes());
        assert!(has, "{is}");
    }
    // What has no version of IPP is none, whatever stands in its head.
    let foreign = [NUMBER.as_bytes(), &[3]].concat();
    assert_eq!(whole(&queue(), Way::FromDevice, &foreign), [0; 16]);
    let numbered = [&[1, 1, 0, 0], &NUMBER.as_bytes()[..4], &[3]].concat();
    let told = whole(&queue(), Way::FromDevice, &numbered);
    assert_eq!(told, [1, 1, 0, 0, 0, 0, 0, 1, 3]);
    // A record has an end, and what is told stays a message.
    let many = stays.repeat(2_000);
    let long = [&head[..], &many, &[3]].concat();
    let told = whole(&queue(), Way::FromDevice, &long);
    assert!((60_000..=65_536).contains(&told.len()), "{}", told.len());
    assert_eq!(whole(&queue(), Way::FromDevice, &told), told);
    // What is no message is blank, wherever it is cut.
    for end in 0..answer.len() - NUMBER.len() {
        let told = played(&queue(), Way::FromDevice, &[&answer[..end]], false);
        assert!(told.iter().all(|byte| *byte == 0), "{end}");
    }
}

/// A status and a length say nothing of anybody, and nothing else passes for them.
#[test]
fn lines_about_a_print_service_are_numbers_only() {
    for (line, stays) in [
        ("HTTP 413", true),
        ("document of 4711 bytes", true),
        (&format!("HTTP {NUMBER}") as &str, false),
        (&format!("document of {NUMBER} bytes"), false),
        (&format!("HTTP 200 {NAME}"), false),
    ] {
        let told = whole(&queue(), Way::ToDevice, line.as_bytes());
        assert_eq!(told == line.as_bytes(), stays, "{line}");
        innocent(&told);
    }
}

#[test]
fn frames_give_nobody_away_and_are_right_again() {
    let field = |text: &str, bytes: usize| {
        let mut field: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        while field.len() < bytes {
            field.extend([0x20, 0x00]);
        }
        field
    };
    let text = [
        field(NAME, 30),
        field("2", 2),
        field("01", 4),
        field("19850312", 16),
        field("虚构省虚构市知远路29号", 70),
        field(NUMBER, 36),
        field("远方公安局", 30),
        field("20190312", 16),
        field("20390312", 16),
        field("430102", 36),
    ]
    .concat();
    let photo = NUMBER.as_bytes().repeat(57);
    let data = [&[1, 0, 4, 0], &text[..], &photo[..1_024]].concat();
    let frame = |status: u8, data: &[u8]| {
        let length = u16::try_from(data.len() + 4).unwrap().to_be_bytes();
        let body = [&length[..], &[0, 0, status], data].concat();
        let check = body.iter().fold(0, |sum, byte| sum ^ byte);
        [&[0xaa, 0xaa, 0xaa, 0x96, 0x69], &body[..], &[check]].concat()
    };
    let read = frame(0x90, &data);
    let told = splits(&id_card(), Way::FromDevice, &read);
    let sum = told[5..].iter().fold(0, |sum, byte| sum ^ byte);
    assert_eq!(sum, 0, "the check is right again");
    let mut framer = crate::device::card::test_framer();
    let shown = framer(&told).expect("a whole frame");
    assert_eq!(shown.name.expose(), "某某某");
    assert_eq!(shown.certno.expose().as_bytes(), NOBODYS_NUMBER);
    assert_eq!(shown.valid_until, "2040-01-31");
    // A check that was wrong is wrong still, and what is no document is blank.
    let mut torn = read.clone();
    *torn.last_mut().unwrap() ^= 1;
    let told = splits(&id_card(), Way::FromDevice, &torn);
    assert_eq!(told[5..].iter().fold(0, |sum, byte| sum ^ byte), 1);
    let noise = [
        b"noise ",
        NUMBER.as_bytes(),
        &frame(0x9f, NUMBER.as_bytes()),
    ]
    .concat();
    splits(&id_card(), Way::FromDevice, &noise);
}

#[test]
fn card_talk_gives_nobody_away() {
    let hex_of = |bytes: &[u8]| hex::encode(bytes);
    let record = |tag: u8, value: &[u8]| {
        let length = u8::try_from(value.len()).unwrap();
        hex_of(&[&[tag, length], value, &[0x90, 0x00]].concat())
    };
    let name = GB18030.encode(NAME).0.into_owned();
    let sn = hex::decode(CARD_SN).unwrap();
    let values = [
        record(0x01, &sn),
        record(0x07, CARD_NO.as_bytes()),
        record(0x08, NUMBER.as_bytes()),
        record(0x09, &name),
        record(0x0d, &[0x19, 0x85, 0x03, 0x12]),
        record(0x77, NUMBER.as_bytes()),
        hex_of(&[NUMBER.as_bytes(), &[0x61, 0x10]].concat()),
    ];
    let kind = Kind::PcscReader {
        reader: None,
        keypad: None,
    };
    let mut redactor = Redactor::new(shape_of(&kind));
    let mut take = |way: Way, text: String| match redactor
        .take(
            Instant::now(),
            Said::Bytes(way, Zeroizing::new(text.into_bytes())),
        )
        .remove(0)
        .1
    {
        Told::Bytes(_, told) => String::from_utf8(told).unwrap(),
        other @ (Told::Opened | Told::Closed | Told::Failed(_) | Told::About(_)) => {
            panic!("{other:?}")
        }
    };
    let atr = "3b67000043010219850312";
    let readers = format!(
        r#"{{"told":"readers","readers":[{{"name":"ACS {NUMBER} 00","changes":1,"atr":"{atr}","is_mute":false}}]}}"#
    );
    let told = take(Way::FromDevice, readers);
    assert!(
        told.contains("\"Reader 1\"") && told.contains("3b670000"),
        "{told}"
    );
    innocent(told.as_bytes());
    for value in values {
        take(
            Way::ToDevice,
            r#"{"ask":"apdu","id":1,"command":"00b2010000"}"#.into(),
        );
        let reply = format!(r#"{{"told":"reply","id":1,"reply":"{value}"}}"#);
        let told = take(Way::FromDevice, reply.clone());
        assert_eq!(told.len(), reply.len());
        innocent(told.as_bytes());
    }
    // A PIN is not ours to tell, nor what answers to other commands, nor what is no message.
    let verify = r#"{"ask":"apdu","id":1,"command":"0020000003123456"}"#;
    assert!(!take(Way::ToDevice, verify.into()).contains("123456"));
    let reply = format!(
        r#"{{"told":"reply","id":1,"reply":"{}9000"}}"#,
        hex_of(NUMBER.as_bytes())
    );
    innocent(take(Way::FromDevice, reply).as_bytes());
    assert_eq!(take(Way::FromDevice, NUMBER.to_owned()), "{}");
}

#[test]
fn what_is_held_back_comes_in_its_order() {
    let mut redactor = Redactor::new(shape_of(&printer()));
    let now = Instant::now();
    let bytes = |way, bytes: &[u8]| Said::Bytes(way, Zeroizing::new(bytes.to_vec()));
    assert!(redactor.take(now, bytes(Way::ToDevice, b"\x1b")).is_empty());
    assert!(
        redactor
            .take(now, bytes(Way::FromDevice, b"\x16"))
            .is_empty()
    );
    let told = redactor.take(now, bytes(Way::ToDevice, b"@"));
    let told: Vec<Told> = told.into_iter().map(|(_, told)| told).collect();
    let of = |way, bytes: &[u8]| Told::Bytes(way, bytes.to_vec());
    assert_eq!(
        told,
        [
            of(Way::ToDevice, b"\x1b"),
            of(Way::FromDevice, b"\x16"),
            of(Way::ToDevice, b"@")
        ]
    );
}

/// What is told of these bytes, whole; split at every byte, with and without a silence between; byte by byte. Nobody
/// is in any of it, its length is the same, and without a silence it is the same.
fn splits(kind: &Kind, way: Way, bytes: &[u8]) -> Vec<u8> {
    let told = whole(kind, way, bytes);
    innocent(&told);
    for at in 0..=bytes.len() {
        let (one, other) = bytes.split_at(at);
        assert_eq!(
            played(kind, way, &[one, other], false),
            told,
            "split at {at}"
        );
        let torn = played(kind, way, &[one, other], true);
        assert_eq!(torn.len(), bytes.len());
        innocent(&torn);
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(played(kind, way, &single, false), told);
    told
}

fn whole(kind: &Kind, way: Way, bytes: &[u8]) -> Vec<u8> {
    played(kind, way, &[bytes], false)
}

fn played(kind: &Kind, way: Way, parts: &[&[u8]], with_silence: bool) -> Vec<u8> {
    let mut redactor = Redactor::new(shape_of(kind));
    let mut told = Vec::new();
    for part in parts {
        let said = Said::Bytes(way, Zeroizing::new(part.to_vec()));
        told.extend(redactor.take(Instant::now(), said));
        if with_silence {
            told.extend(redactor.rest());
        }
    }
    told.extend(redactor.rest());
    let bytes = told.into_iter().flat_map(|(_, told)| match told {
        Told::Bytes(_, bytes) => bytes,
        other @ (Told::Opened | Told::Closed | Told::Failed(_) | Told::About(_)) => {
            panic!("{other:?}")
        }
    });
    bytes.collect()
}

/// Nothing of the person is in it, in any writing.
fn innocent(told: &[u8]) {
    let has = |needle: &[u8]| told.windows(needle.len()).any(|it| it == needle);
    for character in NAME.chars().map(String::from) {
        let utf16: Vec<u8> = character
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let gbk = GB18030.encode(&character).0.into_owned();
        for needle in [
            character.into_bytes(),
            utf16,
            gbk.clone(),
            hex::encode(gbk).into(),
        ] {
            assert!(!has(&needle), "a character of the name: {needle:x?}");
        }
    }
    for secret in [NUMBER, CARD_NO, CARD_SN, EVOUCHER] {
        for window in secret.as_bytes().windows(WINDOW) {
            // 1101 01 and 1900: the number of nobody has some digits in a row as well.
            let is_nobodys = NOBODYS_NUMBER.windows(WINDOW).any(|it| it == window);
            let zeros = window.iter().filter(|byte| **byte == b'0').count();
            if is_nobodys || zeros > WINDOW / 2 {
                continue;
            }
            let wide: Vec<u8> = window.iter().flat_map(|byte| [*byte, 0]).collect();
            let digits = hex::encode(window).into_bytes();
            for needle in [window, &wide, &digits] {
                assert!(!has(needle), "{}", String::from_utf8_lossy(window));
            }
        }
    }
    let packed = hex::decode(CARD_SN).unwrap();
    assert!(!has(&packed[..6]), "the card's own code");
}

fn at() -> At {
    At::Path("/dev/nowhere".into())
}

fn scanner() -> Kind {
    let (baud, framing) = (9_600, Framing::default());
    Kind::SerialScanner {
        at: at(),
        baud,
        framing,
    }
}

fn printer() -> Kind {
    Kind::EscPosTcp {
        address: "h:1".into(),
    }
}

fn queue() -> Kind {
    Kind::Queue(QueuePlace {
        host: QueueHost::Tcp("h:631".into()),
        resource: "/ipp/print".into(),
        is_cups: false,
    })
}

fn id_card() -> Kind {
    Kind::IdCardSerial {
        at: at(),
        baud: 115_200,
    }
}
