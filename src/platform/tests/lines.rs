//! Which lines a site takes, before anything is sent.

use super::fixtures::{Case, desk, profile, stamp};
use crate::book::Code;
use crate::platform::wire::{LineFault, check_lines, request};
use crate::settlement::bill::LINE_EXTRAS;
use crate::settlement::call::Step;
use crate::settlement::checks::order::Fault;

#[test]
fn the_lines_that_fit_are_counted_before_anything_is_sent() {
    let mut case = Case::new();
    let one = case.order.bills[0].lines[1].clone();
    case.order.bills[0].lines = vec![one; 200];
    let by_count = profile(|p| p.lines.lines_max = 20);
    let too_many = LineFault::TooMany {
        given: 200,
        fit: 20,
    };
    assert_eq!(check_lines(&by_count, &case.order), Err(too_many.clone()));
    let told = Fault::from(too_many);
    assert_eq!(
        (told.code, told.field.as_str()),
        (Code::TooManyLines, "bills")
    );
    assert!(told.detail.contains("20"), "{}", told.detail);
    let by_chars = profile(|p| p.lines.lines_max = 200);
    let Err(LineFault::TooMany { fit, .. }) = check_lines(&by_chars, &case.order) else {
        panic!("they fit");
    };
    assert!((20..60).contains(&fit), "{fit}");
    case.order.bills[0].lines.truncate(fit);
    assert_eq!(check_lines(&by_chars, &case.order), Ok(()));
    // What is counted is never less than what is sent.
    case.known.ids.feedetl_sn = (0..fit).map(|n| format!("{n:015}")).collect();
    let built = request::build(&desk(&by_chars, ""), &case.call(Step::Fees), &stamp());
    let message = built.expect("it was counted");
    assert!(message.body.chars().count() < 40_000 + 1_000);
}

#[test]
fn a_callers_numbers_are_what_the_site_wants() {
    let any = profile(|_| ());
    let hunan = profile(|p| {
        p.lines.feedetl_sn_digits = true;
        p.lines.feedetl_sn_len_max = 15;
    });
    let field = "bills[0].lines[1].feedetl_sn".to_owned();
    let not_digits = Err(LineFault::SerialNotDigits {
        field: field.clone(),
    });
    let too_long = |max| {
        let field = field.clone();
        Err(LineFault::SerialTooLong { field, max })
    };
    let (fifteen, sixteen, long) = ("1".repeat(15), "1".repeat(16), "1".repeat(31));
    for (number, at_any, at_hunan) in [
        ("", Ok(()), Ok(())),
        ("7", Ok(()), Ok(())),
        (fifteen.as_str(), Ok(()), Ok(())),
        (sixteen.as_str(), Ok(()), too_long(15)),
        (long.as_str(), too_long(30), too_long(15)),
        ("A-7", Ok(()), not_digits.clone()),
        ("０１", Ok(()), not_digits.clone()),
        ("0", Ok(()), not_digits.clone()),
        ("000", Ok(()), not_digits.clone()),
    ] {
        let mut case = Case::new();
        number.clone_into(&mut case.order.bills[0].lines[1].feedetl_sn);
        assert_eq!(check_lines(&any, &case.order), at_any, "{number}");
        assert_eq!(check_lines(&hunan, &case.order), at_hunan, "{number}");
    }
}

#[test]
fn every_further_field_is_written_and_no_other_is_taken() {
    let site = profile(|_| ());
    for name in LINE_EXTRAS {
        let mut case = Case::new();
        let value = if name == "prd_days" { "77" } else { "marked" };
        let more = &mut case.order.bills[0].lines[0].more;
        more.insert(name.to_owned(), value.to_owned());
        assert_eq!(check_lines(&site, &case.order), Ok(()));
        let built = request::build(&desk(&site, ""), &case.call(Step::Fees), &stamp());
        let body = built.expect("all facts are there").body;
        let expected = if name == "prd_days" {
            "\"prd_days\":77".to_owned()
        } else {
            format!("\"{name}\":\"marked\"")
        };
        assert_eq!(body.matches(&expected).count(), 1, "{name}");
    }
    for (name, value, code) in [
        ("psn_no", "another", Code::UnknownField),
        ("expContent", "x", Code::UnknownField),
        ("prd_days", "three", Code::RequestInvalid),
    ] {
        let mut case = Case::new();
        let more = &mut case.order.bills[0].lines[0].more;
        more.insert(name.to_owned(), value.to_owned());
        let fault = check_lines(&site, &case.order).unwrap_err();
        assert_eq!(fault.code(), code, "{name}");
        assert!(fault.field().starts_with("bills[0].lines[0].more"));
    }
}
