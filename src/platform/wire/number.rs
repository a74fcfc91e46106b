//! Numbers of answers become amounts, from their text: `4.52`, `"4.52"`, `0.0`, `4.5200`, `1.0E7`, `null`.

use std::str::FromStr;

use super::json::{Node, Unreadable};
use crate::settlement::bill::Fen;

/// Exponents that are read; no amount has more digits.
const EXPONENT_MAX: i32 = 20;

impl Node {
    /// An amount; absent, `null` and `""` are `None`.
    pub(super) fn fen_option(&self, key: &str) -> Result<Option<Fen>, Unreadable> {
        let text = self.text(key)?;
        if text.is_empty() {
            return Ok(None);
        }
        let plain = plain(&text).ok_or_else(|| Unreadable::at(key, "is no amount"))?;
        Fen::from_str(&plain)
            .map(Some)
            .map_err(|error| Unreadable(format!("{key}: {error}")))
    }

    /// An amount; absent is nothing.
    pub(super) fn fen(&self, key: &str) -> Result<Fen, Unreadable> {
        Ok(self.fen_option(key)?.unwrap_or(Fen::ZERO))
    }

    /// An amount that must be there.
    pub(super) fn fen_required(&self, key: &str) -> Result<Fen, Unreadable> {
        self.fen_option(key)?
            .ok_or_else(|| Unreadable::at(key, "is missing"))
    }
}

/// Moves the point of `1.05E7` to where it belongs; Java writes large doubles so.
fn plain(text: &str) -> Option<String> {
    let Some(at) = text.find(['e', 'E']) else {
        return Some(text.to_owned());
    };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let exponent: i32 = exponent.parse().ok()?;
    if exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).ok()?;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        Some(format!("{sign}{whole}"))
    } else {
        Some(format!("{sign}{whole}.{fraction}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<Fen>, Unreadable> {
        Node::parse(&format!("{{\"a\":{json}}}"))
            .expect("the test wrote JSON")
            .fen_option("a")
    }

    #[test]
    fn every_form_of_a_number_is_read() {
        for (json, fen) in [
            ("4.52", Some(452)),
            ("\"4.52\"", Some(452)),
            ("\" 4.52 \"", Some(452)),
            ("0", Some(0)),
            ("0.0", Some(0)),
            ("-0.0", Some(0)),
            ("4.5200", Some(452)),
            ("-3379.26", Some(-337_926)),
            ("1.0E7", Some(1_000_000_000)),
            ("1.23456789E7", Some(1_234_567_890)),
            ("4.52e0", Some(452)),
            ("1e-2", Some(1)),
            ("-1E-2", Some(-1)),
            ("null", None),
            ("\"null\"", None),
            ("\"\"", None),
        ] {
            assert_eq!(read(json), Ok(fen.map(Fen)), "{json}");
        }
        assert_eq!(Node::parse("{}").unwrap().fen_option("a"), Ok(None));
    }

    #[test]
    fn what_is_no_amount_is_said_to_be_none() {
        for json in [
            "4.525",
            "0.1e-2",
            "\"4,52\"",
            "\"+1\"",
            "true",
            "{}",
            "[1]",
            "\"1e999999999\"",
            "1e30",
            "\"e5\"",
            "\"NaN\"",
            "100000000000000",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn all_forms_of_one_amount_are_the_same(
            fen in -9_999_999_999_999_999_i64..=9_999_999_999_999_999,
            zeros in 0_usize..6,
            shift in -12_i32..12,
        ) {
            let yuan = Fen(fen).to_string();
            let padded = format!("{yuan}{}", "0".repeat(zeros));
            // The digits as a whole number, shifted by hand, and the exponent that takes it back.
            let digits = format!("{fen}{}", "0".repeat(usize::try_from(shift.max(0)).unwrap()));
            let scientific = format!("{digits}E{}", -2 - shift.max(0));
            for form in [yuan.clone(), padded.clone(), scientific] {
                proptest::prop_assert_eq!(read(&form), Ok(Some(Fen(fen))), "{}", form);
                let text = format!("\"{form}\"");
                proptest::prop_assert_eq!(read(&text), Ok(Some(Fen(fen))), "{}", text);
            }
        }
    }
}
