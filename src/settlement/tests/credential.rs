//! What scanners send, classified: any bytes, and every number that looks like a payment code.

use proptest::prelude::*;

use crate::book::Code;
use crate::person::{ScannedCode, resident_id_is_valid};
use crate::settlement::credential::evoucher;

const CODE: &str = "4241234567890123456789430000";

#[track_caller]
fn check(shown: impl AsRef<[u8]>, expected: Result<&str, Code>) {
    let found = evoucher(shown.as_ref());
    let found = found.as_ref().map(ScannedCode::expose).map_err(|it| *it);
    assert_eq!(
        found,
        expected,
        "{}",
        String::from_utf8_lossy(shown.as_ref())
    );
}

/// The number of these seventeen digits with its right check character.
fn with_check(digits: &str) -> String {
    let check = "0123456789X"
        .chars()
        .find(|check| resident_id_is_valid(&format!("{digits}{check}")));
    format!("{digits}{}", check.unwrap())
}

#[test]
fn a_voucher_is_taken_in_every_wrapping() {
    for shown in [
        CODE.to_owned(),
        format!("{CODE}\r"),
        format!("{CODE}\n"),
        format!("  {CODE}\r\n"),
        format!("]Q1{CODE}"),
        format!("]d2{CODE}\r\n"),
    ] {
        check(shown, Ok(CODE));
    }
    check(
        "opcABCDEFGHIJ123456789012345",
        Ok("opcABCDEFGHIJ123456789012345"),
    );
}

#[test]
fn every_part_and_every_excess_of_a_voucher_is_told() {
    for length in 3..CODE.len() {
        check(&CODE[..length], Err(Code::CodeIncomplete));
    }
    for length in 1..=CODE.len() {
        check(format!("{CODE}{}", &CODE[..length]), Err(Code::CodesGlued));
    }
}

#[test]
fn what_is_shown_by_mistake_has_its_own_word() {
    for prefix in 10..=15 {
        check(
            format!("{prefix}9999999999999999"),
            Err(Code::PaymentCodeShown),
        );
    }
    for prefix in 25..=30 {
        for length in 16..=24 {
            check(format!("{prefix:0<length$}"), Err(Code::PaymentCodeShown));
        }
        check(format!("{prefix:0<15}"), Err(Code::CodeUnknownKind));
        check(format!("{prefix:0<25}"), Err(Code::CodeUnknownKind));
    }
    check("6212345678901234567", Err(Code::PaymentCodeShown));
    check("81234567890123456789", Err(Code::CodeUnknownKind));
    check("4241234567890123456789O30000", Err(Code::CodeUnknownKind));
    check("]Q", Err(Code::CodeUnknownKind));
    check("]Q1", Err(Code::CodeUnknownKind));
    check([0xff, 0xfe], Err(Code::CodeEncoding));
    check("４２４", Err(Code::CodeEncoding));
    check("42412\u{7}34", Err(Code::CodeEncoding));
}

/// Regions 11 to 15 begin as WeChat codes do, region 42 as a voucher does: the check character tells.
#[test]
fn id_numbers_are_told_from_payment_codes() {
    for region in [
        "110101", "120101", "130102", "140105", "150102", "420102", "424000",
    ] {
        let id = with_check(&format!("{region}19900101001"));
        check(&id, Err(Code::IdNumberShown));
        check(id.to_lowercase(), Err(Code::IdNumberShown));
    }
    let mut wrong = with_check("11010119900101001");
    let last = if wrong.pop() == Some('1') { '2' } else { '1' };
    wrong.push(last);
    check(wrong, Err(Code::PaymentCodeShown));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(shown in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(code) = evoucher(&shown) {
            prop_assert_eq!(code.expose().len(), 28);
            prop_assert!(code.expose().starts_with("424") || code.expose().starts_with("opc"));
        }
    }

    #[test]
    fn any_digits_have_an_answer(shown in "[0-9]{0,40}") {
        let found = evoucher(shown.as_bytes());
        let is_voucher = shown.len() == 28 && shown.starts_with("424");
        prop_assert_eq!(found.is_ok(), is_voucher);
    }

    #[test]
    fn a_number_with_a_wechat_prefix_is_a_payment_code_or_an_id(
        shown in "1[0-5][0-9]{16}"
    ) {
        let expected = if resident_id_is_valid(&shown) {
            Code::IdNumberShown
        } else {
            Code::PaymentCodeShown
        };
        prop_assert_eq!(evoucher(shown.as_bytes()).err(), Some(expected));
    }
}
