//! Money and the platform's other exact numbers.
//!
//! The sandbox keeps its own money type on purpose: it judges the client's arithmetic, so it must
//! not share it. Nothing here goes through a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde_json::{Number, Value};

/// More significant digits than this in a JSON *number* are refused: a reader that uses doubles
/// would bend them.
const NUMBER_DIGITS_MAX: usize = 15;

/// An amount in whole fen (0.01 yuan); negative in refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fen(pub i64);

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads decimal text of at most two decimals; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        scaled(text, 2).map(Self)
    }

    /// As a JSON number, `4.5` for 4.50: the platform writes numbers without trailing zeros.
    #[must_use]
    pub fn to_json(self) -> Value {
        number(&self.to_string())
    }

    /// Negative amounts become zero.
    #[must_use]
    pub fn at_least_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// The share of `ratio`, half a fen rounded up.
    #[must_use]
    pub fn share_half_up(self, ratio: Ratio) -> Self {
        Self((self.0 * ratio.0 + 5_000).div_euclid(10_000))
    }

    /// The share of `ratio`, parts of a fen dropped.
    #[must_use]
    pub fn share_down(self, ratio: Ratio) -> Self {
        Self((self.0 * ratio.0).div_euclid(10_000))
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl Add for Fen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Fen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Fen {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Fen {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// A share in ten-thousandths, as `selfpay_prop` (5,4): 0.1 is `Ratio(1000)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio(pub i64);

impl Ratio {
    /// As a JSON number.
    #[must_use]
    pub fn to_json(self) -> Value {
        number(&format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000))
    }
}

/// Price (six decimals) times count (four decimals), half a fen rounded up.
#[must_use]
pub(in crate::sandbox::platform) fn price_times_count(price_e6: i64, count_e4: i64) -> Option<Fen> {
    let product = i128::from(price_e6) * i128::from(count_e4);
    let fen = (product + 50_000_000).div_euclid(100_000_000);
    i64::try_from(fen).ok().map(Fen)
}

/// The digits of decimal text as a whole number of `10^-places`; `None` when it has more decimals
/// or is no number.
#[must_use]
pub(in crate::sandbox::platform) fn scaled(text: &str, places: usize) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) || digits.ends_with('.') {
        return None;
    }
    let part = part.trim_end_matches('0');
    if part.len() > places {
        return None;
    }
    let value: i64 = format!("{whole}{part:0<places$}").parse().ok()?;
    Some(if negative { -value } else { value })
}

/// The decimal text of a JSON number or of a number sent as text; `None` for anything else.
#[must_use]
pub(in crate::sandbox::platform) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            (digits <= NUMBER_DIGITS_MAX).then_some(text)
        }
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(text: &str) -> Value {
    let number: Number = serde_json::from_str(text).expect("our own decimal text is a JSON number");
    Value::Number(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_exactly() {
        assert_eq!(Fen::parse("4.52"), Some(Fen(452)));
        assert_eq!(Fen::parse("-0.07"), Some(Fen(-7)));
        assert_eq!(Fen::parse("12"), Some(Fen(1200)));
        assert_eq!(Fen::parse("1.500"), Some(Fen(150)));
        for bad in ["", "1.", ".5", "1.005", "1e3", "+1", "1,0", "--1"] {
            assert_eq!(Fen::parse(bad), None, "{bad}");
        }
        assert_eq!(Fen(-7).to_string(), "-0.07");
        assert_eq!(Fen(19_020).to_json().to_string(), "190.2");
    }

    #[test]
    fn rounds_half_up() {
        assert_eq!(price_times_count(3_333_333, 30_000), Some(Fen(1000)));
        assert_eq!(price_times_count(5_000, 10_000), Some(Fen(1)));
        assert_eq!(Fen(5).share_half_up(Ratio(1_000)), Fen(1));
        assert_eq!(Fen(9).share_down(Ratio(1_000)), Fen(0));
    }
}
