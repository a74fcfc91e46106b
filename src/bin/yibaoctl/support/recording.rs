//! A recording of `device record` as it goes into a bundle: read line by line, so that nothing goes in that the daemon did
//! not write. It replaced persons in the bytes; remarks and what stands for the eye are somebody's own.

use serde_json::Value;
use yibaod::book::Code;

use super::redact;

/// The form that this program knows.
const HEAD: &str = "yibaod-recording 1";
/// Digits of a time: a recording of a day.
const TIME_DIGITS_MAX: usize = 8;
const KINDS: [&str; 11] = [
    "serial-scanner",
    "hid-scanner",
    "keyboard-scanner",
    "escpos-tcp",
    "escpos-serial",
    "escpos-usb",
    "pcsc-reader",
    "id-card-serial",
    "id-card-usb",
    "cups-queue",
    "ipp-printer",
];
/// Models as the sample of the configuration lists them; another name is masked.
const MODELS: [&str; 14] = [
    "generic-80",
    "generic-58",
    "gbk-80",
    "gbk-58",
    "gb18030-80",
    "gb18030-58",
    "mute-80",
    "mute-58",
    "epson-tm-80",
    "xprinter-80",
    "ssse",
    "ssse-by-number",
    "ssse-plain",
    "ssse-plain-by-number",
];
const ENDS: [&str; 5] = ["time-over", "too-slow", "stopping", "hung-up", "unknown"];
/// Fields of a message of a card reader: words of ours, and bytes in hexadecimal text.
const WORDS: [&str; 9] = [
    "ask",
    "told",
    "id",
    "version",
    "readers",
    "changes",
    "is_mute",
    "is_unknown",
    "fault",
];
const BYTES: [&str; 4] = ["atr", "command", "entry", "reply"];
/// What its maker called a reader.
const NAMES: [&str; 2] = ["name", "reader"];

/// The lines that are told; the number of the first that is none of a recording.
pub(super) fn told(source: &str) -> Result<String, usize> {
    let mut out = String::with_capacity(source.len());
    for (at, line) in source.lines().enumerate() {
        let line = line.trim_end();
        if at > 0 && (line.is_empty() || line.starts_with('#')) {
            continue;
        }
        let told = match at {
            0 => (line == HEAD).then(|| line.to_owned()),
            _ => told_line(line),
        };
        out.push_str(&told.ok_or(at + 1)?);
        out.push('\n');
    }
    match out.is_empty() {
        true => Err(1),
        false => Ok(out),
    }
}

fn told_line(line: &str) -> Option<String> {
    let (first, rest) = line.split_once(' ')?;
    match first {
        "kind" => return KINDS.contains(&rest).then(|| line.to_owned()),
        "model" if MODELS.contains(&rest) => return Some(line.to_owned()),
        "model" => return Some("model ***".to_owned()),
        time => {
            let is_time = time.len() <= TIME_DIGITS_MAX && time.bytes().all(|b| b.is_ascii_digit());
            is_time.then_some(())?;
        }
    }
    let (what, about) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_told = match what {
        "opened" | "closed" => about.is_empty(),
        "error" => Code::ALL.iter().any(|code| code.name() == about),
        "end" => ENDS.contains(&about),
        "about" | "<" | ">" => return Some(format!("{first} {what} {}", payload(about)?)),
        _ => false,
    };
    is_told.then(|| line.to_owned())
}

/// Bytes and, for the eye, what they are in letters; or a message.
fn payload(text: &str) -> Option<String> {
    if text.starts_with('{') {
        let mut message: Value = serde_json::from_str(text).ok()?;
        return mask(&mut message).then(|| message.to_string());
    }
    let digits = text.split('|').next().unwrap_or_default().trim();
    let mut letters = String::new();
    for pair in digits.split(' ').filter(|pair| !pair.is_empty()) {
        let is_byte = pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_byte)?;
        letters.push(match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        });
    }
    Some(format!("{digits} | {}", redact::text(&letters)))
}

/// Whether it is a message as `yibao-card` sends them; texts in it are looked through, bytes are not.
fn mask(message: &mut Value) -> bool {
    match message {
        Value::Object(fields) => fields.iter_mut().all(|(field, value)| {
            let is_of_bytes = BYTES.contains(&field.as_str());
            if is_of_bytes && let Value::String(text) = value {
                return text.bytes().all(|byte| byte.is_ascii_hexdigit());
            }
            (WORDS.contains(&field.as_str()) || is_of(field, value)) && mask(value)
        }),
        Value::Array(items) => items.iter_mut().all(mask),
        Value::String(text) => {
            *text = redact::text(text);
            true
        }
        Value::Number(number) => number.as_u64().is_some_and(|it| it < 1_000_000),
        Value::Null | Value::Bool(_) => true,
    }
}

/// A reader's name, or bytes that are not there.
fn is_of(field: &str, value: &Value) -> bool {
    NAMES.contains(&field) || (BYTES.contains(&field) && value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_of_the_drivers_is_told_and_can_be_played_still() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/device");
        let mut count = 0;
        for family in ["printer", "printer/ipp", "card", "scanner"] {
            let entries = std::fs::read_dir(folder.join(family).join("recordings")).unwrap();
            for entry in entries {
                let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                let told = told(&source).unwrap();
                let bytes = |text: &str| -> Vec<String> {
                    let lines = text
                        .lines()
                        .filter(|it| !it.starts_with('#') && !it.is_empty());
                    lines
                        .map(|it| it.split('|').next().unwrap().trim_end().to_owned())
                        .collect()
                };
                assert_eq!(bytes(&told), bytes(&source));
                count += 1;
            }
        }
        assert!(count >= 10, "{count}");
    }

    #[test]
    fn what_somebody_added_is_left_out_or_refused() {
        let head = "yibaod-recording 1\nkind pcsc-reader\n";
        let source = format!(
            "{head}# 张三丰 13800138000\n\nmodel lixiaoming\n0 < 31 32 | 李小明\n\
             1 < {{\"told\":\"readers\",\"readers\":[{{\"name\":\"李 13800138000\",\"atr\":null}}]}}\n\
             2 > {{\"ask\":\"apdu\",\"id\":2,\"command\":\"00a404000f7378312e73682e\"}}\n3 end hung-up\n"
        );
        assert_eq!(
            told(&source).unwrap(),
            format!(
                "{head}model ***\n0 < 31 32 | 12\n\
                 1 < {{\"told\":\"readers\",\"readers\":[{{\"name\":\"<1 characters> <11>\",\"atr\":null}}]}}\n\
                 2 > {{\"ask\":\"apdu\",\"id\":2,\"command\":\"00a404000f7378312e73682e\"}}\n3 end hung-up\n"
            )
        );
        for line in [
            "张三丰 430102199003070018 13800138000",
            "13800138000 opened",
            "0 opened for wang",
            "0 error lixiaoming",
            "0 end lixiaoming",
            "0 said 31",
            "0 < 31 wang",
            "0 < 430102199003070018",
            "0 < {\"wang\":\"x\"}",
            "0 < {\"id\":13800138000}",
            "0 < {\"reply\":\"wang\"}",
            "kind lixiaoming",
        ] {
            assert_eq!(told(&format!("{head}{line}\n")), Err(3), "{line}");
        }
        assert_eq!(told("yibaod-recording 1 张三丰\n"), Err(1));
        assert_eq!(told(""), Err(1));
    }

    #[test]
    fn the_models_are_those_of_the_sample() {
        let sample = include_str!("../../../../packaging/yibaod.toml");
        for model in MODELS {
            assert!(sample.contains(&format!("\"{model}\"")), "{model}");
        }
    }
}
