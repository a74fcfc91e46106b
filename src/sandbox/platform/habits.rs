//! How this site wants its messages: what differs by province in the envelope itself.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sm2::dsa::VerifyingKey;
use sm2::dsa::signature::Verifier as _;

/// Longest value of the extension field, in characters.
const EXTENSION_CHARS_MAX: usize = 4_000;
/// The spelling that the field tables know.
const EXTENSION: &str = "exp_content";
/// The other one.
const EXTENSION_CAMEL: &str = "expContent";
/// The user id of the national scheme.
const USER_ID: &str = "1234567812345678";

/// What a site wants beyond the common text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Only addresses of this style exist; `None`: all.
    pub url_style: Option<Style>,
    /// `input` is JSON text.
    pub input_as_text: bool,
    /// The extension field is spelt `expContent`, or is not; `None`: as the sender likes.
    pub extension_in_camel: Option<bool>,
    /// Fields that must stand in the envelope besides the common ones.
    pub extra_fields: Vec<String>,
    /// recer_sys_code by insutype, the empty one for all others; empty: not looked at.
    pub recer_sys_codes: BTreeMap<String, String>,
    /// Messages are signed.
    pub signature: Option<Signature>,
}

/// How addresses are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A service path for each transaction.
    Path,
    /// Its number at the end.
    Infno,
    /// One for all.
    Single,
}

/// What `cainfo` must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The hospital's, Base64 of 65 bytes.
    pub public_key: String,
    /// What is signed.
    pub text: Signed,
    /// DER instead of r and s.
    pub in_der: bool,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The bytes of `input`.
    Input,
    /// `input`, keys sorted.
    InputSorted,
    /// All fields as sorted pairs.
    Envelope,
}

impl Habits {
    /// The message in the common form, for the field tables.
    ///
    /// # Errors
    /// What is not as this site wants it.
    pub(super) fn common(&self, body: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        for name in &self.extra_fields {
            let given = body.get(name).and_then(Value::as_str).unwrap_or("");
            if given.is_empty() {
                return Err(format!("扩展报文头不能为空[{name}]"));
            }
        }
        let mut body = body.clone();
        body.retain(|name, _| !self.extra_fields.contains(name));
        if self.input_as_text
            && let Some(input) = body.get_mut("input")
        {
            let text = input.as_str().ok_or("交易输入应为JSON文本[input]")?;
            *input = serde_json::from_str(text).map_err(|_| "交易输入应为JSON文本[input]")?;
        }
        if let Some(Value::Object(input)) = body.get_mut("input") {
            for node in input.values_mut() {
                match node {
                    Value::Object(row) => self.extension(row)?,
                    Value::Array(rows) => {
                        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                            self.extension(row)?;
                        }
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        }
        Ok(body)
    }

    fn extension(&self, row: &mut Map<String, Value>) -> Result<(), String> {
        let (wanted, other) = match self.extension_in_camel {
            None => return Ok(()),
            Some(true) => (EXTENSION_CAMEL, EXTENSION),
            Some(false) => (EXTENSION, EXTENSION_CAMEL),
        };
        if row.contains_key(other) {
            return Err(format!("扩展字段名应为{wanted}[{other}]"));
        }
        let Some(value) = row.remove(wanted) else {
            return Ok(());
        };
        // What is no text, or too long, the field tables name.
        let text = value.as_str().unwrap_or_default();
        let is_object = || serde_json::from_str::<Map<String, Value>>(text).is_ok();
        if !text.is_empty() && text.chars().count() <= EXTENSION_CHARS_MAX && !is_object() {
            return Err(format!("字段扩展格式不正确[{wanted}]"));
        }
        row.insert(EXTENSION.to_owned(), value);
        Ok(())
    }

    /// Whether the receiver is that of this insurance; with none named, of any.
    pub(super) fn receives(&self, code: &str, insutype: Option<&str>) -> bool {
        let codes = &self.recer_sys_codes;
        match insutype {
            _ if codes.is_empty() => true,
            Some(insutype) => {
                let wanted = codes.get(insutype).or_else(|| codes.get(""));
                wanted.is_some_and(|wanted| wanted == code)
            }
            None => codes.values().any(|known| known == code),
        }
    }

    /// Verifies `cainfo` over the bytes that came.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub(super) fn verify(&self, raw: &[u8]) -> Result<(), &'static str> {
        let Some(rule) = &self.signature else {
            return Ok(());
        };
        let fields: Fields<'_> = serde_json::from_slice(raw).map_err(|_| "报文无法解析")?;
        let field = |name: &str| {
            let value = fields.get(name).map_or("", |value| value.get());
            serde_json::from_str::<String>(value).unwrap_or_default()
        };
        if field("signtype") != "SM2" {
            return Err("签名类型不正确[signtype]");
        }
        let text = rule.text.of(&fields).ok_or("报文无法解析")?;
        match rule.holds(&field("cainfo"), &text) {
            true => Ok(()),
            false => Err("数字签名验证失败[cainfo]"),
        }
    }
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl Signature {
    fn holds(&self, cainfo: &str, text: &str) -> bool {
        let verify = || {
            let bytes = STANDARD.decode(cainfo).ok()?;
            let bytes = if self.in_der { plain(&bytes)? } else { bytes };
            let signature = sm2::dsa::Signature::from_slice(&bytes).ok()?;
            let public = STANDARD.decode(&self.public_key).ok()?;
            let key = VerifyingKey::from_sec1_bytes(USER_ID, &public).ok()?;
            key.verify(text.as_bytes(), &signature).ok()
        };
        verify().is_some()
    }
}

/// r and s, 32 bytes each, of a DER sequence of two integers; strict in its lengths.
fn plain(der: &[u8]) -> Option<Vec<u8>> {
    let (&[0x30, length], mut rest) = der.split_first_chunk::<2>()? else {
        return None;
    };
    if usize::from(length) != rest.len() {
        return None;
    }
    let mut both = Vec::new();
    for _ in 0..2 {
        let (&[0x02, length], tail) = rest.split_first_chunk::<2>()? else {
            return None;
        };
        let (number, after) = tail.split_at_checked(usize::from(length))?;
        let number = match number {
            [0, next, ..] if *next >= 0x80 => &number[1..],
            [first, ..] if *first >= 0x80 => return None,
            [0, ..] | [] => return None,
            number => number,
        };
        both.extend(vec![0; 32_usize.checked_sub(number.len())?]);
        both.extend_from_slice(number);
        rest = after;
    }
    rest.is_empty().then_some(both)
}

impl Signed {
    fn of(self, fields: &Fields<'_>) -> Option<String> {
        match self {
            Signed::Input => {
                let raw = fields.get("input")?.get();
                // Where input is text, the text itself.
                Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
            }
            Signed::InputSorted => {
                let input = Signed::Input.of(fields)?;
                let mut out = String::new();
                write_sorted(&input, false, &mut out)?;
                Some(out)
            }
            Signed::Envelope => {
                let mut pairs = Vec::new();
                for (name, value) in fields.iter().filter(|(name, _)| *name != "cainfo") {
                    let mut out = String::new();
                    if write_sorted(value.get(), true, &mut out)? {
                        let text = serde_json::from_str::<String>(&out).unwrap_or(out);
                        pairs.push(format!("{name}={text}"));
                    }
                }
                Some(pairs.join("&"))
            }
        }
    }
}

/// Writes a value with its keys in order; with `dropping`, nothing for an empty one, which it says by `false`.
fn write_sorted(raw: &str, dropping: bool, out: &mut String) -> Option<bool> {
    let start = out.len();
    let mut members = 0_usize;
    match raw.as_bytes().first()? {
        b'{' => {
            out.push('{');
            let fields: Fields<'_> = serde_json::from_str(raw).ok()?;
            for (name, value) in fields {
                let before = out.len();
                if members > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name).to_string());
                out.push(':');
                if write_sorted(value.get(), dropping, out)? {
                    members += 1;
                } else {
                    out.truncate(before);
                }
            }
            out.push('}');
        }
        b'[' => {
            out.push('[');
            let rows: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            for value in rows {
                let before = out.len();
                if members > 0 {
                    out.push(',');
                }
                if write_sorted(value.get(), dropping, out)? {
                    members += 1;
                } else {
                    out.truncate(before);
                }
            }
            out.push(']');
        }
        _ => {
            members = usize::from(raw != "null" && raw != "\"\"");
            out.push_str(raw);
        }
    }
    let stays = !dropping || members > 0;
    if !stays {
        out.truncate(start);
    }
    Some(stays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_text_is_compact_and_drops_what_is_empty_only_when_told() {
        let raw = r#"{"b":1.50,"a":{"d":[],"c":""},"0":[{"z":2,"y":null}]}"#;
        let written = |dropping| {
            let mut out = String::new();
            write_sorted(raw, dropping, &mut out).unwrap();
            out
        };
        let kept = r#"{"0":[{"y":null,"z":2}],"a":{"c":"","d":[]},"b":1.50}"#;
        assert_eq!(written(false), kept);
        assert_eq!(written(true), r#"{"0":[{"z":2}],"b":1.50}"#);
    }

    /// security.md 3.4.
    #[test]
    fn the_documented_signature_holds() {
        let text = r#"appId=DEMOAPPID0000001DEMOAPPID0000001&data={"feeSumamt":"12.30","list":[{"a":"1","b":"2"}],"orgCodg":"H00000000001","payOrdId":"ORD430000202501010000000001","userName":"测试"}&encType=SM4&signType=SM2&timestamp=20250101080000&version=2.0.1&key=DEMOSECRET000000DEMOSECRET000001"#;
        let mut rule = Signature {
            public_key: "BBjodr5CQ+AQSooBz1tI66sBR8bR1sffpF7Fpv51uNaztHg9Ja6sv9HoeFy9aMGqkNjqrnpwsWriPI4+r7VD1Tw=".to_owned(),
            text: Signed::Input,
            in_der: false,
        };
        let signed = "TSgCsKQpqMh1kbDSOkbIvwnkbmr62gHFAlHC6kbm2R2H9UzzPOh2EzgwkWyjE5sFhSaLngN6d+CrsshypJQoHA==";
        assert!(rule.holds(signed, text));
        assert!(!rule.holds(signed, &text[1..]));
        assert!(!rule.holds("", text));
        rule.in_der = true;
        assert!(!rule.holds(signed, text));
    }
}
