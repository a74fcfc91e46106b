//! What a scanned code seems to be, for callers that take any code. Rules: nhsa/selfpay.md, section 4.
//!
//! A settlement takes insurance codes only and asks [`super::credential`]; here nothing is refused.

use zeroize::Zeroizing;

use super::credential;
use crate::book::Code;

/// Digits of a drug trace code, and what it begins with.
const DRUG_TRACE: (usize, u8) = (20, b'8');
/// Characters of a health code before its `:0` or `:1`.
const HEALTH_CODE_CHARACTERS: usize = 64;

/// What a code seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// None of the others.
    Unknown,
    /// 医保码.
    Evoucher,
    /// 居民身份号码.
    IdNumber,
    /// 微信付款码.
    WeChatPay,
    /// 支付宝付款码.
    Alipay,
    /// 银联付款码.
    UnionPay,
    /// 药品追溯码.
    DrugTrace,
    /// 居民健康码.
    HealthCode,
    /// A web address.
    Web,
    /// One of the site's own, by its name.
    Site(String),
    /// Part of a 医保码.
    Incomplete,
    /// Several codes glued together.
    Glued,
}

impl CodeKind {
    /// A short name for rows of the journal; never changed.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            CodeKind::Unknown => "unknown",
            CodeKind::Evoucher => "evoucher",
            CodeKind::IdNumber => "id_number",
            CodeKind::WeChatPay => "wechat_pay",
            CodeKind::Alipay => "alipay",
            CodeKind::UnionPay => "union_pay",
            CodeKind::DrugTrace => "drug_trace",
            CodeKind::HealthCode => "health_code",
            CodeKind::Web => "web",
            CodeKind::Site(name) => name,
            CodeKind::Incomplete => "incomplete",
            CodeKind::Glued => "glued",
        }
    }
}

/// How the text was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// ASCII or UTF-8.
    Utf8,
    /// GB18030, which contains GBK and GB 2312.
    Gb18030,
    /// No text.
    Binary,
}

/// A site's own code: 就诊卡, 缴费单, 报告单条码.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What callers are told.
    pub name: String,
    /// What it begins with; may be empty.
    pub prefix: String,
    /// Fewest and most characters, the prefix included.
    pub length: (usize, usize),
    /// What it is made of.
    pub made_of: MadeOf,
}

/// What a code is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeOf {
    /// 0-9.
    Digits,
    /// 0-9, A-Z, a-z.
    Alphanumeric,
    /// Anything that can be seen.
    Any,
}

/// A code, sorted.
pub struct Sorted {
    /// What it seems to be.
    pub kind: CodeKind,
    /// The bytes behind the AIM identifier.
    pub payload: Zeroizing<Vec<u8>>,
    /// The payload as text; empty when it is none.
    pub text: Zeroizing<String>,
    /// How it was written.
    pub charset: Charset,
    /// AIM identifier such as `]Q1`; empty when there is none.
    pub symbology: String,
}

impl std::fmt::Debug for Sorted {
    /// Without the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sorted")
            .field("kind", &self.kind)
            .field("symbology", &self.symbology)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// Sorts what a scanner gave. The site's own patterns go first: the site knows what it prints, except that an
/// insurance code is always one.
#[must_use]
pub fn sorted(bytes: &[u8], patterns: &[Pattern]) -> Sorted {
    let (symbology, payload) = split_symbology(bytes);
    let (text, charset) = text_of(payload);
    let kind = match charset {
        Charset::Binary => CodeKind::Unknown,
        Charset::Utf8 | Charset::Gb18030 => kind_of(&text, patterns),
    };
    Sorted {
        kind,
        payload: Zeroizing::new(payload.to_vec()),
        text,
        charset,
        symbology: symbology.to_owned(),
    }
}

fn split_symbology(bytes: &[u8]) -> (&str, &[u8]) {
    let split = match bytes {
        [b']', family, modifier, ..]
            if family.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
        {
            3
        }
        _ => 0,
    };
    let (symbology, payload) = bytes.split_at(split);
    (std::str::from_utf8(symbology).unwrap_or_default(), payload)
}

/// Nothing is replaced: bytes that are no text in either charset stay bytes.
fn text_of(payload: &[u8]) -> (Zeroizing<String>, Charset) {
    let readable = |text: &str| !text.contains('\0');
    if let Ok(text) = std::str::from_utf8(payload)
        && readable(text)
    {
        return (Zeroizing::new(text.to_owned()), Charset::Utf8);
    }
    match encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(payload) {
        Some(text) if readable(&text) => (Zeroizing::new(text.into_owned()), Charset::Gb18030),
        Some(_) | None => (Zeroizing::default(), Charset::Binary),
    }
}

fn kind_of(text: &str, patterns: &[Pattern]) -> CodeKind {
    let none = match credential::evoucher(text.as_bytes()) {
        Ok(_) => return CodeKind::Evoucher,
        Err(code) => code,
    };
    if let Some(pattern) = patterns.iter().find(|pattern| pattern.fits(text)) {
        return CodeKind::Site(pattern.name.clone());
    }
    let text = text.trim();
    let known = [
        (Code::IdNumberShown, CodeKind::IdNumber),
        (Code::CodeIncomplete, CodeKind::Incomplete),
        (Code::CodesGlued, CodeKind::Glued),
        (Code::PaymentCodeShown, payment_kind(text)),
    ];
    if let Some((_, kind)) = known.into_iter().find(|(code, _)| *code == none) {
        kind
    } else if is_drug_trace(text) {
        CodeKind::DrugTrace
    } else if is_health_code(text) {
        CodeKind::HealthCode
    } else if text.starts_with("http://") || text.starts_with("https://") {
        CodeKind::Web
    } else {
        CodeKind::Unknown
    }
}

/// Which wallet, once it is known to be a payment code.
fn payment_kind(text: &str) -> CodeKind {
    match text.as_bytes() {
        [b'1', ..] => CodeKind::WeChatPay,
        [b'6', ..] => CodeKind::UnionPay,
        _ => CodeKind::Alipay,
    }
}

fn is_drug_trace(text: &str) -> bool {
    let (digits, first) = DRUG_TRACE;
    text.len() == digits
        && text.as_bytes().first() == Some(&first)
        && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_health_code(text: &str) -> bool {
    let Some((code, flag)) = text.split_once(':') else {
        return false;
    };
    code.len() == HEALTH_CODE_CHARACTERS
        && code.bytes().all(|b| b.is_ascii_hexdigit())
        && matches!(flag, "0" | "1")
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        let made_of = |c: char| match self.made_of {
            MadeOf::Digits => c.is_ascii_digit(),
            MadeOf::Alphanumeric => c.is_ascii_alphanumeric(),
            MadeOf::Any => !c.is_control(),
        };
        let (least, most) = self.length;
        (least..=most).contains(&text.chars().count())
            && text
                .strip_prefix(&*self.prefix)
                .is_some_and(|rest| rest.chars().all(made_of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> CodeKind {
        let card = Pattern {
            name: "就诊卡".into(),
            prefix: "JZ".into(),
            length: (10, 12),
            made_of: MadeOf::Digits,
        };
        sorted(bytes, &[card]).kind
    }

    #[test]
    fn each_kind_is_known() {
        let trace = b"83456789012345678901";
        let health = format!("{}:1", "0a".repeat(32));
        for (bytes, expected) in [
            (&b"4241234567890123456789430000"[..], CodeKind::Evoucher),
            (b"]Q1opc1234567890123456789430000", CodeKind::Evoucher),
            (b"134567890123456789", CodeKind::WeChatPay),
            (b"2812345678901234567", CodeKind::Alipay),
            (b"6212345678901234567", CodeKind::UnionPay),
            (b"110101190001011009", CodeKind::IdNumber),
            (trace, CodeKind::DrugTrace),
            (health.as_bytes(), CodeKind::HealthCode),
            (b"https://example.invalid/x", CodeKind::Web),
            (b"JZ12345678", CodeKind::Site("就诊卡".into())),
            (b"JZ1234567", CodeKind::Unknown),
            (b"JZ1234567A", CodeKind::Unknown),
            (b"4241234567890", CodeKind::Incomplete),
            (b"42412345678901234567894300004241", CodeKind::Glued),
            (b"6901234567892", CodeKind::Unknown),
            (b"\x00\xff\x80", CodeKind::Unknown),
        ] {
            assert_eq!(
                kind(bytes),
                expected,
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn text_is_never_guessed() {
        let sort = |bytes: &[u8]| {
            let sorted = sorted(bytes, &[]);
            (sorted.text.to_string(), sorted.charset, sorted.symbology)
        };
        assert_eq!(sort(b"]C0AB"), ("AB".into(), Charset::Utf8, "]C0".into()));
        let gbk = [0xd2, 0xbd, 0xb1, 0xa3];
        assert_eq!(sort(&gbk), ("医保".into(), Charset::Gb18030, String::new()));
        assert_eq!(sort("医保".as_bytes()).1, Charset::Utf8);
        assert_eq!(
            sort(&[0xff, 0xff]),
            (String::new(), Charset::Binary, String::new())
        );
        // GS, RS and EOT of GS1 and driver-licence codes are kept.
        assert_eq!(sort(b"a\x1db\x1ec\x04").0, "a\x1db\x1ec\x04");
    }
}
