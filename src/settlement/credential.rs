//! From the bytes of a scanner to a credential, or to the reason why it is none.
//!
//! A payment code at an insurance prompt is a clear error and is sent nowhere: the centres may burn it.

use crate::book::Code;
use crate::person::{ScannedCode, resident_id_is_valid};

/// Length of a 医保码.
const EVOUCHER_CHARACTERS: usize = 28;
/// What a 医保码 begins with: the centre's own, and an open-platform package's.
const EVOUCHER_PREFIXES: [&str; 2] = ["424", "opc"];
/// Length of a WeChat payment code and of an id number.
const WECHAT_CHARACTERS: usize = 18;

/// The 医保码 that these bytes are.
///
/// # Errors
/// Why they are none: the book's code for the desk.
pub fn evoucher(bytes: &[u8]) -> Result<ScannedCode, Code> {
    let text = std::str::from_utf8(bytes).map_err(|_| Code::CodeEncoding)?;
    let text = strip_symbology(text.trim_matches(|c: char| c == '\r' || c == '\n' || c == ' '));
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Code::CodeEncoding);
    }
    if is_evoucher(text) {
        return Ok(ScannedCode::new(text));
    }
    Err(why_not(text))
}

/// An AIM symbology identifier (`]Q1`, `]C0`) that some scanners put before the code.
fn strip_symbology(text: &str) -> &str {
    match text.as_bytes() {
        [b']', family, modifier, ..]
            if family.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
        {
            &text[3..]
        }
        _ => text,
    }
}

fn is_evoucher(text: &str) -> bool {
    text.len() == EVOUCHER_CHARACTERS
        && (is_digits(text) && text.starts_with(EVOUCHER_PREFIXES[0])
            || text.starts_with(EVOUCHER_PREFIXES[1])
                && text.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Which other thing it is. The order matters: an id number of Beijing to Inner Mongolia looks like a
/// WeChat code until its date and check character are looked at.
fn why_not(text: &str) -> Code {
    let begins_as_evoucher = EVOUCHER_PREFIXES
        .iter()
        .any(|prefix| text.starts_with(prefix));
    if resident_id_is_valid(text) {
        return Code::IdNumberShown;
    }
    if begins_as_evoucher && text.len() > EVOUCHER_CHARACTERS {
        return Code::CodesGlued;
    }
    if begins_as_evoucher && text.len() < EVOUCHER_CHARACTERS {
        return Code::CodeIncomplete;
    }
    if is_payment_code(text) {
        Code::PaymentCodeShown
    } else {
        Code::CodeUnknownKind
    }
}

fn is_payment_code(text: &str) -> bool {
    let Some(prefix) = text.get(..2).and_then(|prefix| prefix.parse::<u8>().ok()) else {
        return false;
    };
    let wechat = text.len() == WECHAT_CHARACTERS && (10..=15).contains(&prefix);
    let alipay = (16..=24).contains(&text.len()) && (25..=30).contains(&prefix);
    let union_pay = text.len() == 19 && prefix == 62;
    is_digits(text) && (wechat || alipay || union_pay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: &[u8], expected: Result<&str, Code>) {
        let found = evoucher(shown);
        assert_eq!(
            found
                .as_ref()
                .map(ScannedCode::expose)
                .map_err(|code| *code),
            expected
        );
    }

    const CODE: &str = "4241234567890123456789430000";

    #[test]
    fn an_evoucher_is_taken_with_what_scanners_put_around_it() {
        check(CODE.as_bytes(), Ok(CODE));
        check(format!("{CODE}\r\n").as_bytes(), Ok(CODE));
        check(format!("]Q1{CODE}").as_bytes(), Ok(CODE));
        check(
            b"opc1234567890123456789430000",
            Ok("opc1234567890123456789430000"),
        );
    }

    #[test]
    fn what_is_none_is_named() {
        check(b"134567890123456789", Err(Code::PaymentCodeShown));
        check(b"2812345678901234567", Err(Code::PaymentCodeShown));
        check(b"6212345678901234567", Err(Code::PaymentCodeShown));
        check(&CODE.as_bytes()[..14], Err(Code::CodeIncomplete));
        check(format!("{CODE}{CODE}").as_bytes(), Err(Code::CodesGlued));
        check("医保码".as_bytes(), Err(Code::CodeEncoding));
        check(&[0xd2, 0xbd, 0xb1, 0xa3], Err(Code::CodeEncoding));
        check(b"https://example.invalid/x", Err(Code::CodeUnknownKind));
        check(b"", Err(Code::CodeUnknownKind));
        check(b"110101190001011009", Err(Code::IdNumberShown));
    }
}
