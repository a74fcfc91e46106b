//! Calls in JSON whose head, length, charset or body are not what they should be.

use encoding_rs::GB18030;
use serde_json::json;

use super::dice::{self, Dice};
use super::requests;

/// The daemon takes bodies up to this.
const BODY_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// One body in so many is longer: they take their time.
const OVERSIZE_ONCE_IN: u64 = 40;
/// Levels of what stands in itself.
const DEPTH_MAX: usize = 60_000;

/// What comes on one connection.
pub(super) fn bytes(bearer: Option<&str>, dice: &mut Dice) -> Vec<u8> {
    // By the seed itself, so that two of them are never at once.
    if dice.0.is_multiple_of(OVERSIZE_ONCE_IN) {
        return oversize(bearer, dice);
    }
    let (path, text) = request(dice);
    let text = faulty(text, dice);
    let is_gb = dice.rarely(2);
    let mut body = match is_gb {
        true => GB18030.encode(&text).0.into_owned(),
        false => text.into_bytes(),
    };
    if dice.rarely(2) {
        body = dice::spoil(&body, dice);
    }
    if is_gb && !dice.rarely(3) {
        let at = dice.below(body.len() + 1);
        // Bytes that begin a character and do not end it, and some that begin none.
        let odd: [&[u8]; 6] = [
            b"\x81",
            b"\x80",
            b"\xff",
            b"\x81\x30\x81",
            b"\xfe\x39\xfe\x39",
            b"\xd5\x00",
        ];
        let odd = dice.of(&odd);
        body.splice(at..at, odd.iter().copied()).for_each(drop);
    }
    let charset = match (is_gb, dice.below(8)) {
        (_, 0) => "; charset=utf-16",
        (_, 1) => "; charset=\"",
        (true, _) => "; charset=gb18030",
        (false, _) => "",
    };
    let streams = path.contains("Watch");
    if streams {
        let length = u32::try_from(body.len()).expect("a short body");
        let length = match dice.below(6) {
            0 => u32::MAX,
            1 => length + 1,
            _ => length,
        };
        body = [&[0][..], &length.to_be_bytes(), &body].concat();
    }
    let length = match dice.below(8) {
        0 => dice.below(1 << 40).to_string(),
        1 => "-1".to_owned(),
        _ => body.len().to_string(),
    };
    let kind = if streams { "connect+json" } else { "json" };
    let head = head(path, &format!("{kind}{charset}"), &length, bearer);
    let whole = [head.as_bytes(), &body].concat();
    match dice.below(6) {
        0 => dice::spoil(&whole, dice),
        1 => chunked(path, bearer, &body, dice),
        _ => whole,
    }
}

/// A call as a client makes it.
pub(super) fn whole(path: &str, bearer: Option<&str>, body: &[u8]) -> Vec<u8> {
    let head = head(path, "json", &body.len().to_string(), bearer);
    [head.as_bytes(), body].concat()
}

/// The status of the first answer.
pub(super) fn status(answer: &[u8]) -> Option<u16> {
    let text = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn head(path: &str, kind: &str, length: &str, bearer: Option<&str>) -> String {
    let bearer = bearer.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    format!(
        "POST /yibao.v1.{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/{kind}\r\n\
         Connect-Timeout-Ms: 100\r\n{bearer}Content-Length: {length}\r\n\r\n"
    )
}

fn request(dice: &mut Dice) -> (&'static str, String) {
    let lines: Vec<_> = (0..50)
        .map(|n| json!({ "text": { "text": format!("第{n}行 ①Ω") } }))
        .collect();
    let document = json!({ "title": "小票", "blocks": lines });
    match dice.below(6) {
        0 => ("DaemonService/GetStatus", "{}".to_owned()),
        1 => ("DeviceService/WatchDevices", "{}".to_owned()),
        2 => (
            "PrintService/Preview",
            json!({ "document": document }).to_string(),
        ),
        3 => (
            "PrintService/Print",
            json!({ "document": document }).to_string(),
        ),
        _ => ("SettlementService/ScanAndPay", requests::bill().to_string()),
    }
}

/// A fault in the text itself, at some value.
fn faulty(mut text: String, dice: &mut Dice) -> String {
    let places: Vec<usize> = text.match_indices(':').map(|(at, _)| at + 1).collect();
    let depth = 1 + dice.below(DEPTH_MAX);
    let fault = match dice.below(9) {
        0 => "[".repeat(depth),
        1 => "{\"a\":".repeat(depth),
        2 => format!("{}{},", "[".repeat(depth), "]".repeat(depth)),
        3 => "1e999999999".to_owned(),
        4 => format!("{},", "9".repeat(depth)),
        5 => "\"\\ud800\\u0000\\udfff\",".to_owned(),
        6 => format!("\"{}\",", "王".repeat(depth)),
        7 => format!("{{{}}},", "\"a\":1,".repeat(depth)),
        _ => return text,
    };
    let at = if places.is_empty() {
        0
    } else {
        *dice.of(&places)
    };
    text.insert_str(at, &fault);
    text
}

/// More than is taken, said or unsaid.
fn oversize(bearer: Option<&str>, dice: &mut Dice) -> Vec<u8> {
    let body = vec![b' '; BODY_BYTES_MAX + dice.below(BODY_BYTES_MAX)];
    let path = "SettlementService/ScanAndPay";
    match dice.rarely(2) {
        true => whole(path, bearer, &body),
        false => chunked(path, bearer, &body, &mut Dice(0)),
    }
}

/// The body in pieces; some of their lengths are wrong.
fn chunked(path: &str, bearer: Option<&str>, body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let head = head(path, "json", "0", bearer);
    let head = head.replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let mut bytes = head.into_bytes();
    for piece in body.chunks(1 + body.len() / 8) {
        let length = match dice.below(24) {
            0 => "fffffffffffffffff".to_owned(),
            1 => format!("{:x}", piece.len() + 7),
            2 => "-1".to_owned(),
            _ => format!("{:x}", piece.len()),
        };
        bytes.extend(format!("{length}\r\n").as_bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}
