//! What stands before the platform: gateway headers, and the signature of messages. Their keys are read here.

use std::path::PathBuf;

use super::keys::{Keys, Words};

/// 用户标识 of SM2 that the field signs with.
pub const SM2_USER_ID: &str = "1234567812345678";

/// What the gateway in front of the platform wants, and how it says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Which headers.
    pub family: Family,
    /// Where its secret is.
    pub secret: SecretPlace,
    /// HTTP statuses that say: not processed.
    pub refused_status: Vec<u16>,
    /// Values of `code` in a body without infcode that say: not processed.
    pub refused_codes: Vec<String>,
}

/// A family of gateway headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Family {
    /// None.
    None,
    /// `x-tif-*`.
    XTif {
        /// The account.
        paasid: String,
        /// `x-tif-serviceId`, empty: not sent.
        service_id: String,
    },
    /// `_api_*` of Alibaba's CSB.
    Csb {
        /// `_api_access_key`.
        access_key: String,
        /// `_api_name`.
        api_name: ApiName,
        /// `_api_version`.
        api_version: String,
        /// What `_api_timestamp` counts.
        timestamp: TimestampUnit,
    },
    /// One header with the secret as its value.
    StaticKey {
        /// Its name.
        header: String,
    },
}

/// `_api_name` of CSB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiName {
    /// The number of the transaction.
    Infno,
    /// One service for all.
    Fixed(String),
}

/// What a timestamp counts since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// 13 digits.
    Milliseconds,
    /// 10 digits.
    Seconds,
}

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// There is none.
    None,
    /// In the profile: for a simulated platform only.
    Inline(String),
    /// A file, or the name of a systemd credential when it has no slash.
    File(PathBuf),
}

impl std::fmt::Debug for SecretPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SecretPlace::None => f.write_str("None"),
            SecretPlace::Inline(_) => f.write_str("Inline(***)"),
            SecretPlace::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// 数字签名信息 of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cainfo {
    /// What is signed.
    pub text: SignedText,
    /// How the signature is written.
    pub form: SignatureForm,
    /// Where the private key is.
    pub key: SecretPlace,
    /// Our public key as the bureau has it, Base64; empty: not compared.
    pub public_key: String,
}

/// The text under an SM2 signature. No public source shows a worked example: which one a platform means, only
/// its bureau can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedText {
    /// Nothing is signed, `cainfo` stays empty.
    None,
    /// `input` as it is sent.
    Input,
    /// `input` as compact JSON with the keys of every level in ASCII order.
    InputSorted,
    /// All of the envelope but `cainfo`, as `k=v` in ASCII order joined with `&`; empty values left out at
    /// every level.
    Envelope,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// Base64 of r ‖ s, 64 bytes.
    Raw,
    /// Base64 of the DER sequence of both.
    Der,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    XTif,
    Csb,
    StaticKey,
}

const FAMILIES: [(&str, Kind); 4] = [
    ("none", Kind::None),
    ("x-tif", Kind::XTif),
    ("csb", Kind::Csb),
    ("static-key", Kind::StaticKey),
];

/// `[gateway]`.
pub(super) fn gateway(mut keys: Keys) -> Gateway {
    let kind = keys.choice("family", Kind::None, &FAMILIES);
    let paasid = of_family(&mut keys, "paasid", "", Kind::XTif, kind);
    let service_id = of_family(&mut keys, "service_id", "", Kind::XTif, kind);
    let access_key = of_family(&mut keys, "access_key", "", Kind::Csb, kind);
    let api_name = of_family(&mut keys, "api_name", "infno", Kind::Csb, kind);
    let api_version = of_family(&mut keys, "api_version", "1.0.0", Kind::Csb, kind);
    let units = [
        ("ms", TimestampUnit::Milliseconds),
        ("s", TimestampUnit::Seconds),
    ];
    let timestamp = keys.choice("timestamp", TimestampUnit::Milliseconds, &units);
    if timestamp != TimestampUnit::Milliseconds && kind != Kind::Csb {
        other_family(&keys, "timestamp", Kind::Csb);
    }
    let header = of_family(&mut keys, "header", "", Kind::StaticKey, kind);
    let family = match kind {
        Kind::None => Family::None,
        Kind::XTif => Family::XTif { paasid, service_id },
        Kind::Csb => Family::Csb {
            access_key,
            api_name: if api_name == "infno" {
                ApiName::Infno
            } else {
                ApiName::Fixed(api_name)
            },
            api_version,
            timestamp,
        },
        Kind::StaticKey => Family::StaticKey { header },
    };
    Gateway {
        family,
        secret: secret(&mut keys, "secret", "secret_file"),
        refused_status: refused_status(&mut keys),
        refused_codes: keys.list("refused_codes", &["401", "403", "404"]),
    }
}

/// A text that only one family reads: given beside another family it would be ignored in silence.
fn of_family(
    keys: &mut Keys,
    key: &'static str,
    default: &str,
    owner: Kind,
    family: Kind,
) -> String {
    let text = keys.text(key, default);
    if text != default && owner != family {
        other_family(keys, key, owner);
    }
    text
}

fn other_family(keys: &Keys, key: &str, owner: Kind) {
    let name = FAMILIES.iter().find(|(_, kind)| *kind == owner);
    let name = name.map_or("", |(name, _)| name);
    let en = format!("is read only with family = \"{name}\"");
    keys.problem(key, (en, format!("只在 family = \"{name}\" 时有效")));
}

fn refused_status(keys: &mut Keys) -> Vec<u16> {
    let mut refused_status = Vec::new();
    for text in keys.list("refused_status", &["401", "403", "404"]) {
        match text.parse::<u16>() {
            Ok(status) if (400..500).contains(&status) => refused_status.push(status),
            Ok(_) | Err(_) => {
                let en = format!("{text:?} is no HTTP status from 400 to 499");
                let zh = format!("{text:?} 不是 400 至 499 的 HTTP 状态码");
                keys.problem("refused_status", (en, zh));
            }
        }
    }
    refused_status
}

/// A secret: in the file, in a file of its own, or none.
fn secret(keys: &mut Keys, inline_key: &'static str, file_key: &'static str) -> SecretPlace {
    let inline = keys.text_option(inline_key);
    let file = keys.text_option(file_key);
    if inline.is_some() && file.is_some() {
        let en = format!("stands beside {file_key}; give one of the two");
        let zh = format!("与 {file_key} 只能写一个");
        keys.problem(inline_key, (en, zh));
    }
    match (inline, file) {
        (Some(secret), _) => SecretPlace::Inline(secret),
        (None, Some(path)) => SecretPlace::File(path.into()),
        (None, None) => SecretPlace::None,
    }
}

/// `[cainfo]`.
pub(super) fn cainfo(mut keys: Keys) -> Cainfo {
    let texts = [
        ("none", SignedText::None),
        ("input", SignedText::Input),
        ("input-sorted", SignedText::InputSorted),
        ("envelope", SignedText::Envelope),
    ];
    let forms = [("raw", SignatureForm::Raw), ("der", SignatureForm::Der)];
    Cainfo {
        text: keys.choice("text", SignedText::None, &texts),
        form: keys.choice("form", SignatureForm::Raw, &forms),
        key: secret(&mut keys, "key", "key_file"),
        public_key: keys.text("public_key", ""),
    }
}

type Finding = (String, Words);

/// What of both cannot work.
pub(super) fn check(
    gateway: &Gateway,
    cainfo: &Cainfo,
    signtype: &str,
    is_sandbox: bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    family(gateway, &mut found);
    signature(cainfo, signtype, &mut found);
    for (key, place) in [
        ("gateway.secret", &gateway.secret),
        ("cainfo.key", &cainfo.key),
    ] {
        if matches!(place, SecretPlace::Inline(_)) && !is_sandbox {
            let en = format!("may stand in the file of a sandbox only: use {key}_file");
            let zh = format!("只有模拟平台可以写在文件里；请改用 {key}_file");
            found.push((key.to_owned(), Words::from((en, zh))));
        }
    }
    found
}

fn family(gateway: &Gateway, found: &mut Vec<Finding>) {
    let needed: Vec<(&str, &str)> = match &gateway.family {
        Family::None => {
            if gateway.secret != SecretPlace::None {
                let words = (
                    "is used by no family: set gateway.family",
                    "没有网关类型使用它：请设置 gateway.family",
                );
                found.push(("gateway.secret".to_owned(), words.into()));
            }
            return;
        }
        Family::XTif { paasid, .. } => vec![("gateway.paasid", paasid)],
        Family::Csb {
            access_key,
            api_name,
            api_version,
            timestamp: _,
        } => {
            let name = match api_name {
                ApiName::Infno => "infno",
                ApiName::Fixed(name) => name,
            };
            vec![
                ("gateway.access_key", access_key),
                ("gateway.api_name", name),
                ("gateway.api_version", api_version),
            ]
        }
        Family::StaticKey { header } => vec![("gateway.header", header)],
    };
    for (key, value) in needed {
        if value.is_empty() {
            let words = (
                "is missing for this family of gateway",
                "这种网关类型需要此键",
            );
            found.push((key.to_owned(), words.into()));
        } else if !is_header_value(value) {
            let words = (
                "must be plain characters without spaces, at most 100",
                "只能是不含空格的普通字符，至多 100 个",
            );
            found.push((key.to_owned(), words.into()));
        }
    }
    if gateway.secret == SecretPlace::None {
        let words = (
            "is missing for this family of gateway",
            "这种网关类型需要此键",
        );
        found.push(("gateway.secret_file".to_owned(), words.into()));
    }
    if let Family::StaticKey { header } = &gateway.family
        && !header.is_empty()
        && !is_free_header_name(header)
    {
        let words = (
            "is no name of a header that is free",
            "不是可用的请求头名称",
        );
        found.push(("gateway.header".to_owned(), words.into()));
    }
}

/// Characters of a header that the tables allow (`_api_name`: 100).
const HEADER_CHARS_MAX: usize = 100;
/// Headers that HTTP itself writes.
const HEADERS_TAKEN: [&str; 7] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "user-agent",
];

fn is_header_value(text: &str) -> bool {
    text.len() <= HEADER_CHARS_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_free_header_name(name: &str) -> bool {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.bytes().all(is_name) && !HEADERS_TAKEN.contains(&name.to_ascii_lowercase().as_str())
}

fn signature(cainfo: &Cainfo, signtype: &str, found: &mut Vec<Finding>) {
    let mut say = |key: &str, en: &str, zh: &str| {
        found.push((key.to_owned(), Words::from((en, zh))));
    };
    if cainfo.text == SignedText::None {
        if cainfo.key != SecretPlace::None {
            let en = "signs nothing: set cainfo.text";
            say("cainfo.key", en, "没有要签名的内容：请设置 cainfo.text");
        }
        return;
    }
    if cainfo.key == SecretPlace::None {
        let en = "is missing: cainfo.text wants a signature";
        say("cainfo.key_file", en, "缺少此键：cainfo.text 要求签名");
    }
    if signtype != "SM2" {
        let en = "must be \"SM2\" where cainfo is signed";
        say("envelope.signtype", en, "cainfo 签名时必须为 \"SM2\"");
    }
}
