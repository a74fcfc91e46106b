//! Takes out of texts what may name a person or open a door. Nothing that we log or tell should hold any; this is the
//! second wall.

use serde_json::Value;

/// A longer run of digits may be the number of a person, a card, a phone.
const DIGITS_MAX: usize = 6;
/// A longer run of letters and digits mixed may be a key.
const MIXED_MAX: usize = 15;

/// Keys of the configuration and the profile whose texts are told; all other texts are masked.
const TOLD_KEYS: [&str; 36] = [
    "address",
    "api_version",
    "ca_path",
    "decode",
    "family",
    "fresh_code",
    "interface",
    "infver",
    "kind",
    "mdtrtarea_admvs",
    "model",
    "name_of_transaction",
    "path",
    "port",
    "profile",
    "queue",
    "reader",
    "recer_sys_code",
    "register",
    "reversible",
    "role",
    "secret_file",
    "settle",
    "signature",
    "signtype",
    "site_key",
    "site_profile",
    "socket",
    "state_dir",
    "style",
    "terminator",
    "timestamp",
    "usb",
    "visit",
    "pre_settle",
    "key_file",
];
/// Keys whose texts are addresses: scheme and host are told, the rest may hold keys.
const ADDRESS_KEYS: [&str; 3] = ["base", "uri", "url"];

/// A text with what may be a person's or a key masked; settlement ids (UUIDs) stay.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let of_kind: fn(char) -> bool = if is_word(first) {
            is_word
        } else if is_wide(first) {
            is_wide
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        if let Some(id) = rest.get(..36).filter(|id| is_uuid(id)) {
            out.push_str(id);
            rest = &rest[36..];
            continue;
        }
        if let Some(length) = date_length(rest).or_else(|| address_length(rest)) {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if let Some(length) = grouped_length(rest) {
            let count = rest[..length].chars().count();
            out.push_str(&format!("<{count}>"));
            rest = &rest[length..];
            continue;
        }
        let end = rest.find(|c| !of_kind(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        out.push_str(&masked(run));
        rest = after;
    }
    out
}

/// How long a day is that stands here as the log writes it, `2026-11-22`: the next group is not part of its number.
fn date_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_date = (0..10).all(|at| match (at, bytes.get(at)) {
        (4 | 7, Some(byte)) => *byte == b'-',
        (_, byte) => byte.is_some_and(u8::is_ascii_digit),
    });
    let goes_on = bytes.get(10).is_some_and(u8::is_ascii_digit);
    (is_date && !goes_on).then_some(10)
}

/// How long an address of IPv4 is that stands here.
fn address_length(text: &str) -> Option<usize> {
    let is_of_one = |c: char| c.is_ascii_digit() || c == '.';
    let end = text.find(|c| !is_of_one(c)).unwrap_or(text.len());
    let address = text[..end].trim_end_matches('.');
    let is_address = address.parse::<std::net::Ipv4Addr>().is_ok();
    is_address.then_some(address.len())
}

/// How long a number is that stands here in groups, `138-0013-8000`, where all its digits are too many.
fn grouped_length(text: &str) -> Option<usize> {
    let is_joint = |c: char| matches!(c, ' ' | '-' | '_' | '.' | '\u{a0}' | '\u{3000}');
    let (mut end, mut digits, mut groups) = (0, 0, 0);
    loop {
        let rest = &text[end..];
        let joint = match groups {
            0 => 0,
            _ => match rest.chars().next().filter(|c| is_joint(*c)) {
                Some(joint) => joint.len_utf8(),
                None => break,
            },
        };
        let group = &rest[joint..];
        let group = &group[..group.find(|c| !is_word(c)).unwrap_or(group.len())];
        let number = group.strip_suffix(['x', 'X']).unwrap_or(group);
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        digits += number.len();
        groups += 1;
        end += joint + group.len();
    }
    (groups > 1 && digits > DIGITS_MAX).then_some(end)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '+'
}

/// Everything beyond ASCII: our own words in logs are ASCII, so this came from elsewhere.
fn is_wide(c: char) -> bool {
    !c.is_ascii()
}

fn masked(run: &str) -> String {
    let count = run.chars().count();
    if run.chars().all(is_wide) {
        return format!("<{count} characters>");
    }
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let is_mixed = digits > 0 && digits < run.len() && run.len() > MIXED_MAX;
    match digits > DIGITS_MAX || is_mixed {
        true => format!("<{count}>"),
        false => run.to_owned(),
    }
}

fn is_uuid(text: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    text.bytes().enumerate().all(|(at, byte)| {
        if hyphens.contains(&at) {
            byte == b'-'
        } else {
            byte.is_ascii_hexdigit()
        }
    })
}

/// JSON of ours: sentences in our own two languages stay but for what they quote and name, other texts are looked
/// through.
pub(super) fn json(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                let is_sentence = key.ends_with("Zh") || key.ends_with("En");
                if is_sentence && let Value::String(words) = value {
                    *words = sentence(words);
                } else {
                    json(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(json),
        Value::String(words) => *words = text(words),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A sentence that a program of ours made: what it quotes, whom a path belongs to, the host of an address, what a
/// serial number is and what would be masked anywhere is masked; Chinese stays.
fn sentence(words: &str) -> String {
    let words = quotes(words);
    let words = between(&words, "/home/", |c| c == '/' || !(c.is_ascii_graphic()));
    let words = between(&words, "://", |c| !c.is_ascii_graphic() || c == ')');
    let words = between(&words, "serial=", |c| !c.is_ascii_graphic() || c == ')');
    let mut out = String::with_capacity(words.len());
    let mut rest = words.as_str();
    while !rest.is_empty() {
        let wide = rest.find(|c| !is_wide(c)).unwrap_or(rest.len());
        let narrow = rest[wide..]
            .find(is_wide)
            .map_or(rest.len(), |at| wide + at);
        out.push_str(&rest[..wide]);
        out.push_str(&text(&rest[wide..narrow]));
        rest = &rest[narrow..];
    }
    out
}

/// What stands between two quotation marks, masked: it may be a value of the configuration, wrong as it is.
fn quotes(words: &str) -> String {
    let parts = words.split('"').enumerate();
    let told = parts.map(|(at, part)| match at % 2 {
        1 => format!("*** {}", part.chars().count()),
        _ => part.to_owned(),
    });
    told.collect::<Vec<_>>().join("\"")
}

/// What follows each `mark` up to its end, masked.
fn between(words: &str, mark: &str, is_end: fn(char) -> bool) -> String {
    let mut parts = words.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(mark);
        let end = part.find(is_end).unwrap_or(part.len());
        out.push_str(if end == 0 { "" } else { "***" });
        out.push_str(&part[end..]);
    }
    out
}

/// Lines of OpenMetrics: names and labels are looked through, the number at the end stays.
pub(super) fn metrics(source: &str) -> String {
    let told = source.lines().map(|line| match line.rsplit_once(' ') {
        Some((named, number)) if number.bytes().all(is_of_number) => {
            format!("{} {number}\n", text(named))
        }
        Some(_) | None => text(line) + "\n",
    });
    told.collect()
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-')
}

/// TOML without its remarks and without any text that is not known to be harmless; `None` when it is no TOML.
pub(super) fn toml(source: &str) -> Option<String> {
    let mut table: toml::Table = source.parse().ok()?;
    for (key, value) in &mut table {
        mask(key, value);
    }
    Some(table.to_string())
}

fn mask(key: &str, value: &mut toml::Value) {
    match value {
        toml::Value::String(words) if ADDRESS_KEYS.contains(&key) => *words = host_of(words),
        toml::Value::String(words) if TOLD_KEYS.contains(&key) => *words = text(words),
        toml::Value::String(words) => *words = format!("*** {}", words.chars().count()),
        toml::Value::Array(items) => items.iter_mut().for_each(|item| mask(key, item)),
        toml::Value::Table(table) => {
            for (key, value) in table {
                mask(key, value);
            }
        }
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => {}
    }
}

/// Scheme, host and port.
fn host_of(address: &str) -> String {
    let uri: Option<http::Uri> = address.parse().ok();
    let told = uri.and_then(|uri| {
        let port = uri
            .port_u16()
            .map_or(String::new(), |port| format!(":{port}"));
        Some(format!("{}://{}{port}/***", uri.scheme_str()?, uri.host()?))
    });
    told.unwrap_or_else(|| "***".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_and_keys_do_not_pass() {
        for (plain, told) in [
            ("id 430102199003070018 x", "id <18> x"),
            ("43010219900307001X", "<18>"),
            ("phone 13800138000", "phone <11>"),
            ("phone 138-0013-8000 called", "phone <13> called"),
            ("phone 138 0013 8000", "phone <13>"),
            ("phone +86 138.0013.8000", "phone +86 <13>"),
            ("id 430102 1990 0307 0018 x", "id <21> x"),
            ("id 430102-19900307-001X.", "id <20>."),
            (
                "at 10.128.100.200 and 192.168.1.7",
                "at 10.128.100.200 and 192.168.1.7",
            ),
            (
                "on 2026-11-22 10:00:01 5 of 12",
                "on 2026-11-22 10:00:01 5 of 12",
            ),
            ("name=张三丰", "name=<3 characters>"),
            ("key 9f86d081884c7d659a2feaa0c55ad015", "key <32>"),
            (
                "0193f1aa-7b2c-7e33-8f00-1234567890ab settled",
                "0193f1aa-7b2c-7e33-8f00-1234567890ab settled",
            ),
            (
                "2026-11-22T10:00:01Z opened /dev/ttyUSB0 pid 123456",
                "2026-11-22T10:00:01Z opened /dev/ttyUSB0 pid 123456",
            ),
        ] {
            assert_eq!(text(plain), told);
        }
    }

    #[test]
    fn a_configuration_keeps_its_shape_and_loses_its_secrets() {
        let source = "# call 13800138000 for the key\n[gateway]\nfamily = \"csb\"\naccess_key = \"AKIA1\"\n\
            [url]\nbase = \"https://u:p@fsi.example:8443/csb/KEY9?k=1\"\n[access]\nadmin = [\"user:zhangsan\"]\n\
            [[device]]\nkind = \"escpos-tcp\"\naddress = \"10.0.0.9:9100\"\nbaud = 9600\n";
        let told = toml(source).unwrap();
        for gone in ["13800138000", "AKIA1", "u:p", "KEY9", "zhangsan"] {
            assert!(!told.contains(gone), "{gone}: {told}");
        }
        for kept in [
            "family = \"csb\"",
            "https://fsi.example:8443/***",
            "10.0.0.9:9100",
            "9600",
            "access_key = \"*** 5\"",
        ] {
            assert!(told.contains(kept), "{kept}: {told}");
        }
        assert_eq!(toml("not = toml = at all"), None);
    }

    #[test]
    fn json_keeps_the_books_words() {
        let mut value = serde_json::json!({
            "meaningZh": "打印机缺纸。", "seenZh": "\"sk-Abc9\" 不是地址，https://fsi.example/x 连不上",
            "seenEn": "/home/wang/key of 13800138000; usb://EPSON/T8?serial=K9 (pid 12)", "detail": "张三", "list": ["430102199003070018"], "n": 5,
        });
        json(&mut value);
        assert_eq!(value["meaningZh"], "打印机缺纸。");
        assert_eq!(value["seenZh"], "\"*** 7\" 不是地址，https://*** 连不上");
        assert_eq!(value["seenEn"], "/home/***/key of <11>; usb://*** (pid 12)");
        assert_eq!(value["detail"], "<2 characters>");
        assert_eq!(value["list"][0], "<18>");
    }
}
