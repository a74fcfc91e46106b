//! The values of a 社保卡's records: digits in half bytes (cn), text (an), names in GBK.
//!
//! Values are filled up at their end, digits with F, text with zero bytes. Nothing is guessed: what is no such
//! value is an error that shows nothing of it.

use encoding_rs::GB18030;

use super::frame::Bytes;
use super::trouble::Failure;
use crate::book::Code;
use crate::person::{CardNo, IdNo, Name, resident_id_is_valid};

/// Bytes of 卡识别码.
const CARD_SN_BYTES: usize = 16;
/// Bytes of the name's first record; only a name that fills it goes on in the next.
const NAME_BYTES: usize = 30;
/// Longest 卡号, in characters.
const CARD_NO_CHARACTERS_MAX: usize = 20;
/// Longest number of a person, in characters.
const CERTNO_CHARACTERS_MAX: usize = 18;
/// Digits of an area.
const REGION_DIGITS: usize = 6;

/// 卡识别码, all of its 32 digits.
pub(crate) fn card_sn(value: &Bytes) -> Result<CardNo, Failure> {
    let bytes = value.expose();
    let is_blank = bytes.iter().all(|byte| *byte == 0xff || *byte == 0);
    if bytes.len() != CARD_SN_BYTES || is_blank {
        return Err(odd("卡识别码"));
    }
    Ok(CardNo::new(hex::encode_upper(bytes)))
}

/// 发卡地区行政区划: the first six digits of 卡识别码.
pub(crate) fn region(card_sn: &CardNo) -> String {
    let region = card_sn.expose().get(..REGION_DIGITS).unwrap_or_default();
    let is_area = region.bytes().all(|digit| digit.is_ascii_digit());
    if is_area {
        region.to_owned()
    } else {
        String::new()
    }
}

/// 卡号.
pub(crate) fn card_no(value: &Bytes) -> Result<CardNo, Failure> {
    let number = text(value).ok_or_else(|| odd("卡号"))?;
    if number.is_empty() || number.len() > CARD_NO_CHARACTERS_MAX {
        return Err(odd("卡号"));
    }
    Ok(CardNo::new(number))
}

/// 社会保障号码. One that looks like a resident's must have the right check character.
pub(crate) fn certno(value: &Bytes) -> Result<IdNo, Failure> {
    let number = text(value).ok_or_else(|| odd("社会保障号码"))?;
    let looks_resident = number.len() == CERTNO_CHARACTERS_MAX
        && number
            .bytes()
            .take(CERTNO_CHARACTERS_MAX - 1)
            .all(|b| b.is_ascii_digit());
    let is_wrong = looks_resident && !resident_id_is_valid(&number);
    if number.is_empty() || number.len() > CERTNO_CHARACTERS_MAX || is_wrong {
        return Err(odd("社会保障号码"));
    }
    Ok(IdNo::new(number))
}

/// 姓名, with what did not fit in its first record.
pub(crate) fn name(first: &Bytes, rest: &Bytes) -> Result<Name, Failure> {
    let mut bytes = zeroize::Zeroizing::new(first.expose().to_vec());
    if bytes.len() >= NAME_BYTES && !is_filler(bytes.last().copied()) {
        bytes.extend_from_slice(rest.expose());
    }
    while is_filler(bytes.last().copied()) {
        bytes.pop();
    }
    let name = GB18030.decode_without_bom_handling_and_without_replacement(&bytes);
    let name = name.filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
    name.map(|name| Name::new(name.into_owned()))
        .ok_or_else(|| odd("姓名"))
}

/// Printable text that concerns nobody; nothing when there is none.
pub(crate) fn plain(value: &Bytes) -> Result<String, Failure> {
    text(value).ok_or_else(|| odd("规范版本"))
}

/// A day as `yyyy-MM-dd`; nothing when there is none.
pub(crate) fn day(value: &Bytes) -> Result<String, Failure> {
    let bytes = value.expose();
    if bytes.iter().all(|byte| *byte == 0xff || *byte == 0) {
        return Ok(String::new());
    }
    day_of(&hex::encode(bytes)).ok_or_else(|| odd("日期"))
}

/// A day written as eight digits.
pub(crate) fn day_of(digits: &str) -> Option<String> {
    let parsed = jiff::civil::Date::strptime("%Y%m%d", digits).ok()?;
    (digits.len() == 8).then(|| parsed.to_string())
}

/// ASCII without its filling; `None`: it is none.
fn text(value: &Bytes) -> Option<String> {
    let mut bytes = value.expose();
    while let [kept @ .., last] = bytes
        && is_filler(Some(*last))
    {
        bytes = kept;
    }
    let is_text = bytes.iter().all(u8::is_ascii_graphic);
    is_text.then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn is_filler(byte: Option<u8>) -> bool {
    matches!(byte, Some(0x00 | 0x20 | 0xff))
}

fn odd(what: &str) -> Failure {
    Failure::card(Code::CardUnreadable, format!("{what} is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(digits: &str) -> Bytes {
        Bytes::new(hex::decode(digits).unwrap())
    }

    #[test]
    fn days_are_days_or_nothing() {
        assert_eq!(day(&bytes("20240229")).unwrap(), "2024-02-29");
        assert_eq!(day(&bytes("ffffffff")).unwrap(), "");
        assert_eq!(day(&bytes("")).unwrap(), "");
        for wrong in ["20230229", "2024022a", "202402", "99999999"] {
            assert!(day(&bytes(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_whole_or_refused() {
        let (encoded, _, _) = GB18030.encode("欧阳虚构");
        let mut filled = encoded.to_vec();
        filled.resize(NAME_BYTES, 0);
        let none = Bytes::default();
        assert_eq!(
            name(&Bytes::new(filled), &none).unwrap().expose(),
            "欧阳虚构"
        );
        // Fifteen characters fill the record; the rest is in the next.
        let long = "虚构的名字长达十七个字还没有完呢";
        let (encoded, _, _) = GB18030.encode(long);
        let (first, rest) = encoded.split_at(NAME_BYTES);
        let rest = Bytes::new([rest, &[0; 4]].concat());
        assert_eq!(name(&Bytes::new(first), &rest).unwrap().expose(), long);
        assert!(name(&bytes("81"), &none).is_err(), "half a character");
        assert!(name(&bytes("0000"), &none).is_err(), "no name");
        assert!(name(&bytes("41070000"), &none).is_err(), "a bell");
    }

    #[test]
    fn numbers_are_checked() {
        let of = |text: &str| Bytes::new(text.as_bytes());
        assert!(certno(&of("110101190001011009")).is_ok());
        assert!(certno(&of("110101190001011008")).is_err());
        assert!(certno(&of("")).is_err());
        // A foreigner's number has letters and no such check.
        assert_eq!(
            certno(&of("FRA0123456789\0\0")).unwrap().expose(),
            "FRA0123456789"
        );
        assert!(card_no(&of("Z90000011")).is_ok());
        assert!(card_no(&bytes("5a39b1")).is_err());
        assert!(card_sn(&bytes("ffffffffffffffffffffffffffffffff")).is_err());
        let sn = card_sn(&bytes("430100d15600000599000000000000ff")).unwrap();
        assert_eq!((sn.expose().len(), region(&sn).as_str()), (32, "430100"));
        assert_eq!(region(&CardNo::new("FF0100D1")), "");
    }
}
