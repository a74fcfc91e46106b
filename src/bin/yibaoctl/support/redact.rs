//! Takes out of texts what may name a person or open a door. Nothing that we log or tell should hold any; this is the
//! second wall.

use serde_json::Value;

use super::known::Known;
use super::schema::{self, Told};

/// A longer run of digits may be the number of a person, a card, a phone.
const DIGITS_MAX: usize = 6;
const NUMBER_MIN_MASKED: u64 = 1_000_000;
/// `1.2.3.4` of `0000:00:14.0/1.2.3.4`, hubs behind hubs: a longer one is none.
const PORT_LENGTH_MAX: usize = 11;
/// A longer run of letters and digits mixed may be a key.
const MIXED_MAX: usize = 15;

/// Between two groups of one number: so many at most of what people put there.
const JOINTS_MAX: usize = 3;
/// Marks that join two groups of one number. A log line's colon and brackets behind its program do not.
const JOINTS: &str = " \t-_./:,;|\\()'\u{a0}\u{3000}，。：；、／－—–·";
/// Days of an earlier year are somebody's; those of the log are not.
const YEAR_FIRST: u32 = 2020;
const YEAR_LAST: u32 = 2099;

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
        if let Some(length) = moment_length(rest).or_else(|| address_length(rest)) {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        // A day before a `T` is no group of digits.
        let day = is_like(rest, "0000-00-00").then_some(10);
        if let Some(length) = grouped_length(rest).or(day) {
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

/// How long a moment is that stands here as logs write it, `2026-11-22T10:00:01.5+08:00` or `10:00:01`: what follows is
/// not part of its number. A day without a time may be somebody's birthday.
fn moment_length(text: &str) -> Option<usize> {
    let day = day_length(text);
    let rest = &text[day.unwrap_or(0)..];
    let (clock, is_midnight) = clock_length(rest, day.is_some())?;
    // As a database writes a birthday.
    if day.is_some() && is_midnight {
        return None;
    }
    let end = day.unwrap_or(0) + clock;
    let goes_on = is_number_after(&text[end..], |c| c != ' ');
    (!goes_on).then_some(end)
}

/// Whether more of a number stands behind a mark of these.
fn is_number_after(text: &str, is_of: fn(char) -> bool) -> bool {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) if first.is_ascii_digit() => true,
        Some(first) => {
            is_of(first) && is_joint(first) && rest.next().is_some_and(|c| c.is_ascii_digit())
        }
        None => false,
    }
}

/// `2026-11-22` and the `T` or space behind it.
fn day_length(text: &str) -> Option<usize> {
    let is_day = is_like(text, "0000-00-00") && text[10..].starts_with(['T', ' ']);
    let year: u32 = text.get(..4)?.parse().ok()?;
    (is_day && (YEAR_FIRST..=YEAR_LAST).contains(&year)).then_some(11)
}

/// `10:00:01`, behind a day also with a fraction and a zone; and whether it is the day's first second.
fn clock_length(text: &str, has_day: bool) -> Option<(usize, bool)> {
    let part = |at: usize, most: u32| {
        let number = text.get(at..at + 2).and_then(|it| it.parse::<u32>().ok());
        number.is_some_and(|number| number <= most)
    };
    if !(is_like(text, "00:00:00") && part(0, 23) && part(3, 59) && part(6, 60)) {
        return None;
    }
    let mut end = 8;
    if has_day {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let fraction = text[end..].strip_prefix(['.', ',']).map_or(0, digits);
        end += if fraction > 0 { fraction + 1 } else { 0 };
        let zones = ["Z", "+00:00", "-00:00", "+0000", "-0000"];
        let zone = zones.into_iter().find(|zone| is_like(&text[end..], zone));
        end += zone.map_or(0, str::len);
    }
    Some((end, &text[..8] == "00:00:00"))
}

/// Whether a text begins like a pattern, in which `0` is any digit.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut bytes = text.bytes();
    pattern.bytes().all(|wanted| {
        let byte = bytes.next();
        match wanted {
            b'0' => byte.is_some_and(|byte| byte.is_ascii_digit()),
            _ => byte == Some(wanted),
        }
    })
}

/// How long an address of IPv4 is that stands here; a port may follow.
fn address_length(text: &str) -> Option<usize> {
    let is_of_one = |c: char| c.is_ascii_digit() || c == '.';
    let end = text.find(|c| !is_of_one(c)).unwrap_or(text.len());
    let address = text[..end].trim_end_matches('.');
    let is_address = address.parse::<std::net::Ipv4Addr>().is_ok();
    let goes_on = is_number_after(&text[address.len()..], |c| !matches!(c, ' ' | ':'));
    (is_address && !goes_on).then_some(address.len())
}

/// How long a number is that stands here in groups, `138-0013-8000`, where all its digits are too many.
fn grouped_length(text: &str) -> Option<usize> {
    let (mut end, mut digits, mut groups) = (0, 0, 0);
    loop {
        let rest = &text[end..];
        let joint = match groups {
            0 => 0,
            _ => joint_length(rest),
        };
        let group = &rest[joint..];
        let is_other = joint == 1 && rest.starts_with(' ') && moment_length(group).is_some();
        if (groups > 0 && joint == 0) || is_other {
            break;
        }
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

/// How long what joins two groups is.
fn joint_length(text: &str) -> usize {
    let joints = text.chars().take_while(|c| is_joint(*c));
    joints.take(JOINTS_MAX).map(char::len_utf8).sum()
}

fn is_joint(c: char) -> bool {
    JOINTS.contains(c)
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
    // One of digits alone is a number in groups.
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    has_letter
        && text.bytes().enumerate().all(|(at, byte)| {
            if hyphens.contains(&at) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

/// JSON of ours: sentences in our own two languages stay but for what they quote and name, other texts are looked
/// through.
pub(super) fn json(value: &mut Value, known: &Known) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                let is_sentence = key.ends_with("Zh") || key.ends_with("En");
                if is_sentence && let Value::String(words) = value {
                    *words = sentence(words, known);
                } else {
                    json(value, known);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| json(item, known)),
        Value::String(words) => *words = text(&known.hidden(words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A sentence that a program of ours made: what it quotes, the paths that a site chose, the host of an address, what a
/// serial number is and what would be masked anywhere is masked; Chinese stays.
fn sentence(words: &str, known: &Known) -> String {
    let words = quotes(&known.hidden(words), '"');
    let words = quotes(&words, '`');
    let words = between(&words, "://", |c| !c.is_ascii_graphic() || c == ')');
    let words = between(&words, "serial=", |c| !c.is_ascii_graphic() || c == ')');
    let words = paths(&words);
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

/// What stands between two marks of quotation, masked: it may be a value of the configuration, wrong as it is. A mark
/// behind a backslash is part of it; what has no end goes on to the end.
fn quotes(words: &str, mark: char) -> String {
    let mut out = String::with_capacity(words.len());
    let mut inside: Option<usize> = None;
    let mut is_escaped = false;
    for c in words.chars() {
        inside = match inside {
            None => {
                out.push(c);
                (c == mark).then_some(0)
            }
            Some(count) if c == mark && !is_escaped => {
                out.push_str(&format!("*** {count}"));
                out.push(c);
                None
            }
            Some(count) => Some(count + 1),
        };
        is_escaped = inside.is_some() && c == '\\' && !is_escaped;
    }
    if let Some(count) = inside {
        out.push_str(&format!("*** {count}"));
    }
    out
}

/// Each path of the sentence as far as it is told.
fn paths(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find('/') {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let last = out.chars().next_back();
        let begins = last.is_none_or(|c| is_wide(c) || " \t(=,:'\"".contains(c));
        let is_end = |c: char| c.is_whitespace() || "\"`,;()<>，；：。（）、".contains(c);
        let end = found.find(is_end).unwrap_or(found.len());
        let path = found[..end].trim_end_matches([':', '.']);
        let is_path = begins && path.len() > 1 && !path.starts_with("//");
        let path = if is_path { path } else { "/" };
        match is_path {
            true => out.push_str(&schema::told_path(path)),
            false => out.push_str(path),
        }
        rest = &found[path.len()..];
    }
    out.push_str(rest);
    out
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

/// TOML without its remarks, the keys that nobody knows and any value that is not known to be harmless; `None` when it is
/// no TOML.
pub(super) fn toml(source: &str) -> Option<String> {
    let table: toml::Table = source.parse().ok()?;
    Some(masked_table("", table).to_string())
}

fn masked_table(section: &str, table: toml::Table) -> toml::Table {
    let mut told = toml::Table::new();
    for (key, value) in table {
        let path = schema::joined(section, &key);
        if schema::of(&path).is_none() && !schema::is_section(&path) {
            let name = format!("unknown-{}", told.len() + 1);
            told.insert(name, toml::Value::String("***".to_owned()));
            continue;
        }
        told.insert(key, masked_value(&path, value));
    }
    told
}

fn masked_value(path: &str, value: toml::Value) -> toml::Value {
    let masked = |text: String| toml::Value::String(text);
    match value {
        toml::Value::String(words) => masked(match schema::of(path) {
            Some(Told::Text) => text(&words),
            Some(Told::Usb) => usb(&words),
            Some(Told::Path) => schema::told_path(&words),
            Some(Told::Address) => host_of(&words),
            Some(Told::Length) | None => format!("*** {}", words.chars().count()),
        }),
        toml::Value::Array(items) => {
            let items = items.into_iter().map(|item| masked_value(path, item));
            toml::Value::Array(items.collect())
        }
        toml::Value::Table(table) => toml::Value::Table(masked_table(path, table)),
        toml::Value::Integer(number) => match number.unsigned_abs() < NUMBER_MIN_MASKED {
            true => toml::Value::Integer(number),
            false => masked(format!("<{}>", number.unsigned_abs().to_string().len())),
        },
        // No key is a day or has a fraction.
        toml::Value::Float(_) | toml::Value::Datetime(_) => masked("***".to_owned()),
        toml::Value::Boolean(flag) => toml::Value::Boolean(flag),
    }
}

/// The numbers of a device or of a port as they are, else what a text would tell.
fn usb(words: &str) -> String {
    let is_told = match words.split_once('/') {
        Some((controller, ports)) => {
            is_numbers(controller, "0000:00:00.0") && is_numbers(ports, &"0.".repeat(ports.len()))
        }
        None => is_numbers(words, "0000:0000"),
    };
    match is_told {
        true => words.to_owned(),
        false => text(words),
    }
}

/// Whether a text is like a pattern, in which `0` is any digit of a number to the base of sixteen.
fn is_numbers(text: &str, pattern: &str) -> bool {
    let is_like = |(byte, wanted): (u8, u8)| match wanted {
        b'0' => byte.is_ascii_hexdigit(),
        _ => byte == wanted,
    };
    let is_port = pattern.starts_with("0.") && text.len() <= PORT_LENGTH_MAX;
    (text.len() == pattern.len() || is_port) && text.bytes().zip(pattern.bytes()).all(is_like)
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
            ("id 430102/1990-03-07/0018 x", "id <22> x"),
            (
                "called 138/0013/8000 and 138:0013:8000",
                "called <13> and <13>",
            ),
            ("138, 0013, 8000; (138) 0013-8000", "<32>"),
            ("born 1990-03-07.", "born <10>."),
            ("born 1990-03-07T08:00:00+08:00", "born <10>T08:00:00+08:00"),
            ("born 2021-05-06, so young", "born <10>, so young"),
            (
                "born 2021-05-06 00:00:00 as a database has it",
                "born <10> 00:00:00 as a database has it",
            ),
            ("2026-11-22T10:00:01/13800138000", "<10>T10:<17>"),
            ("11111111-2222-3333-4444-555555555555", "<36>"),
            (
                "2026-11-22T10:00:01+08:00 desk yibaod[812]: 2026-11-22T02:00:01.123456Z took 10:00:01 of 7",
                "2026-11-22T10:00:01+08:00 desk yibaod[812]: 2026-11-22T02:00:01.123456Z took 10:00:01 of 7",
            ),
            ("10.0.0.9:9100 answers", "10.0.0.9:9100 answers"),
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
    fn what_nobody_knows_is_not_told_by_key_nor_value() {
        let source = "phone = 13800138000\nidcard = 430102199003070018\nborn = 1990-03-07\n\"张三丰\" = 1\n\
            \"13900139000\" = \"x\"\nlixiaoming = true\n[desk]\nnumber = 4301021\nname = 1990-03-07\n\
            [receipt]\nprofile = \"lixiaoming\"\npath = \"/srv/wangwu/key-AbCdEfGhIjKl\"\nfoot = [13800138]\n\
            [paths]\nsite_key = \"/srv/wangwu/key-AbCdEfGhIjKl\"\nstate_dir = \"/var/lib/yibaod\"\n\
            [[device]]\nusb = \"0400:3510\"\nport = \"0000:00:1d.0/1.2\"\nbaud = 115200\nweight = 1.5\n\
            [url.paths]\n2207 = \"a/b\"\n13800138000 = \"a\"\n[gateway]\nsecret_file = \"AbCdEfGh\"\n\
            [\"张三\".\"李四\"]\nx = 1\n";
        let told = toml(source).unwrap();
        let gone = [
            "138001",
            "430102",
            "1990",
            "张三",
            "139001",
            "lixiaoming",
            "wangwu",
            "AbCd",
            "李四",
            "1.5",
            "phone",
            "idcard",
            "born",
            "profile",
        ];
        for gone in gone {
            assert!(!told.contains(gone), "{gone}: {told}");
        }
        for kept in [
            "number = \"<7>\"",
            "site_key = \"/srv/***\"",
            "state_dir = \"/var/lib/yibaod\"",
            "usb = \"0400:3510\"",
            "port = \"0000:00:1d.0/1.2\"",
            "baud = 115200",
            "2207 = \"*** 3\"",
        ] {
            assert!(told.contains(kept), "{kept}: {told}");
        }
    }

    #[test]
    fn a_sentence_loses_what_it_quotes_and_whose_paths_it_names() {
        let mut value = serde_json::json!({
            "seenEn": "device[0]: unknown field `lixiaoming`, expected one of; \"a\\\"b\\\"c\" is no level",
            "seenZh": "模板 /srv/张三/settlement.typ 没有取用 x；见 /usr/share/yibaod/templates，（/opt/wang/k）",
        });
        json(&mut value, &Known::default());
        assert_eq!(
            value["seenEn"],
            "device[0]: unknown field `*** 10`, expected one of; \"*** 7\" is no level"
        );
        assert_eq!(
            value["seenZh"],
            "模板 /srv/*** 没有取用 x；见 /usr/share/yibaod/templates，（/opt/***）"
        );
    }

    #[test]
    fn json_keeps_the_books_words() {
        let mut value = serde_json::json!({
            "meaningZh": "打印机缺纸。", "seenZh": "\"sk-Abc9\" 不是地址，https://fsi.example/x 连不上",
            "seenEn": "/home/wang/key of 13800138000; usb://EPSON/T8?serial=K9 (pid 12)", "detail": "张三", "list": ["430102199003070018"], "n": 5,
        });
        json(&mut value, &Known::default());
        assert_eq!(value["meaningZh"], "打印机缺纸。");
        assert_eq!(value["seenZh"], "\"*** 7\" 不是地址，https://*** 连不上");
        assert_eq!(value["seenEn"], "/home/*** of <11>; usb://*** (pid 12)");
        assert_eq!(value["detail"], "<2 characters>");
        assert_eq!(value["list"][0], "<18>");
    }
}
