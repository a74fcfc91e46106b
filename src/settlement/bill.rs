//! Money in whole fen, prices and counts as exact decimals, and the lines of a bill.
//!
//! A leaf: it imports nothing of ours. Widths come from the platform's own fields: sums are num(16,2),
//! prices num(16,6), counts num(16,4).

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};

/// The largest sum a num(16,2) field holds: 14 digits before the point.
pub const FEN_MAX: i64 = 9_999_999_999_999_999;

/// Fields of a line that [`Line::more`] may fill, by the platform's names and in its order (transaction 2204).
/// `prd_days` is a number, all others are text.
pub const LINE_EXTRAS: [&str; 16] = [
    "sin_dos_dscr",
    "used_frqu_dscr",
    "prd_days",
    "medc_way_dscr",
    "acord_dept_codg",
    "acord_dept_name",
    "orders_dr_code",
    "orders_dr_name",
    "tcmdrug_used_way",
    "etip_flag",
    "etip_hosp_code",
    "dscg_tkdrug_flag",
    "matn_fee_flag",
    "memo",
    "comb_no",
    "exp_content",
];

/// Those of [`LINE_EXTRAS`] that a line of transactions 2101 and 2102 has too.
pub const DRUG_EXTRAS: [&str; 6] = [
    "sin_dos_dscr",
    "used_frqu_dscr",
    "prd_days",
    "medc_way_dscr",
    "tcmdrug_used_way",
    "exp_content",
];

/// Money in fen, 1/100 yuan. Never a float.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

/// Why a text is no amount, price or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not digits with at most one point.
    #[error("not a decimal number")]
    Malformed,
    /// More decimals than the field has.
    #[error("more than {max} decimals")]
    TooManyDecimals {
        /// How many the field has.
        max: u32,
    },
    /// More digits than the field has.
    #[error("too large for the platform's field")]
    TooLarge,
}

impl Fen {
    /// Nothing.
    pub const ZERO: Fen = Fen(0);

    /// Adds, or `None` when the sum leaves the field num(16,2).
    #[must_use]
    pub fn checked_add(self, other: Fen) -> Option<Fen> {
        self.0
            .checked_add(other.0)
            .filter(|sum| is_in_field(*sum))
            .map(Fen)
    }

    /// Subtracts, or `None` when the difference leaves the field num(16,2).
    #[must_use]
    pub fn checked_sub(self, other: Fen) -> Option<Fen> {
        self.0
            .checked_sub(other.0)
            .filter(|sum| is_in_field(*sum))
            .map(Fen)
    }

    /// Adds all, or `None` when a sum leaves the field.
    #[must_use]
    pub fn sum(amounts: impl IntoIterator<Item = Fen>) -> Option<Fen> {
        amounts.into_iter().try_fold(Fen::ZERO, Fen::checked_add)
    }

    /// How far two amounts are apart, never negative.
    #[must_use]
    pub fn distance(self, other: Fen) -> i64 {
        self.0.saturating_sub(other.0).saturating_abs()
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl FromStr for Fen {
    type Err = NumberError;

    /// Reads yuan as the platform writes them: `4.52`, `4.5`, `4`, `-0.01`, also `4.5200`.
    /// Further decimals must be zeros.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let number = decimal(text)?;
        let fen = number
            .checked_mul(Decimal::ONE_HUNDRED)
            .ok_or(NumberError::TooLarge)?;
        if !fen.fract().is_zero() {
            return Err(NumberError::TooManyDecimals { max: 2 });
        }
        let fen: i64 = fen.trunc().try_into().map_err(|_| NumberError::TooLarge)?;
        if is_in_field(fen) {
            Ok(Fen(fen))
        } else {
            Err(NumberError::TooLarge)
        }
    }
}

/// Also for the smallest i64, which has no absolute value of its type.
fn is_in_field(fen: i64) -> bool {
    fen.unsigned_abs() <= FEN_MAX.unsigned_abs()
}

/// Digits, at most one point, at most one leading minus: nothing else is a number on our wires.
fn decimal(text: &str) -> Result<Decimal, NumberError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let well_formed = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1;
    if !well_formed {
        return Err(NumberError::Malformed);
    }
    Decimal::from_str_exact(text).map_err(|_| NumberError::TooLarge)
}

macro_rules! exact {
    ($(#[$doc:meta])* $name:ident, $places:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Decimal);

        impl $name {
            /// The number.
            #[must_use]
            pub fn decimal(self) -> Decimal {
                self.0
            }

            /// Whether it is greater than zero.
            #[must_use]
            pub fn is_positive(self) -> bool {
                self.0 > Decimal::ZERO
            }
        }

        impl FromStr for $name {
            type Err = NumberError;
            fn from_str(text: &str) -> Result<Self, NumberError> {
                let number = decimal(text)?.normalize();
                if number.scale() > $places {
                    return Err(NumberError::TooManyDecimals { max: $places });
                }
                // num(16,n): sixteen digits in all.
                let whole_digits_max = 16 - $places;
                let limit = Decimal::from(10_i64.pow(whole_digits_max));
                if number.abs() >= limit { Err(NumberError::TooLarge) } else { Ok(Self(number)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

exact!(
    /// A price in yuan, at most six decimals (`pric`, num 16,6).
    Price,
    6
);
exact!(
    /// A count, at most four decimals (`cnt`, num 16,4).
    Count,
    4
);

/// Price × count in fen, half up: the one place where money is rounded.
#[must_use]
pub fn line_amount(price: Price, count: Count) -> Option<Fen> {
    let yuan = price.decimal().checked_mul(count.decimal())?;
    let fen = yuan
        .checked_mul(Decimal::ONE_HUNDRED)?
        .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
    i64::try_from(fen)
        .ok()
        .filter(|fen| is_in_field(*fen))
        .map(Fen)
}

/// One bill: lines under one disease code.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bill {
    /// The HIS's own number of the bill, empty when it has none. It is printed, not sent.
    pub bill_no: String,
    /// 病种编码, empty when there is none.
    pub dise_codg: String,
    /// 病种名称, empty when there is none.
    pub dise_name: String,
    /// At least one.
    pub lines: Vec<Line>,
}

/// One fee line, named as transaction 2204 names it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// 费用明细流水号: unique in the visit. Made by the daemon when the caller brings none.
    pub feedetl_sn: String,
    /// What the line is called on paper.
    pub name: String,
    /// 医疗目录编码: the national code. Required.
    pub med_list_codg: String,
    /// 医药机构目录编码: the hospital's code. Required.
    pub medins_list_codg: String,
    /// 单价, yuan.
    pub pric: Price,
    /// 数量.
    pub cnt: Count,
    /// 明细项目费用总额.
    pub det_item_fee_sumamt: Fen,
    /// 费用发生时间, civil +08:00, `yyyy-MM-dd HH:mm:ss`; empty: when the order was accepted.
    pub fee_ocur_time: String,
    /// 处方号, empty when none.
    pub rxno: String,
    /// 外购处方标志, `0` or `1`.
    pub rx_circ_flag: String,
    /// 开单科室编码; empty: the visit's department.
    pub bilg_dept_codg: String,
    /// 开单科室名称; empty: the visit's department.
    pub bilg_dept_name: String,
    /// 开单医生编码 (national); empty: the visit's doctor.
    pub bilg_dr_codg: String,
    /// 开单医师姓名; empty: the visit's doctor.
    pub bilg_dr_name: String,
    /// 医院审批标志: `0` none needed, `1` approved, `2` not approved.
    pub hosp_appr_flag: String,
    /// Further fields of the line by the platform's names, as text: those of [`LINE_EXTRAS`].
    pub more: std::collections::BTreeMap<String, String>,
    /// 追溯码 of the packages, sent with 2102. Left out where there is none, so that an order without them is
    /// stored as it was before there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace_codes: Vec<TraceCode>,
}

/// A package of a drug.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TraceCode {
    /// 药品追溯码.
    pub drug_trac_codg: String,
    /// 拆零标志: the package was opened and sold by the piece. Such a code may be sold again.
    pub by_piece: bool,
}

impl TraceCode {
    /// `trdn_flag`.
    #[must_use]
    pub fn trdn_flag(&self) -> &'static str {
        if self.by_piece { "1" } else { "0" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_read_as_the_platform_writes_them() {
        for (text, fen) in [
            ("4.52", 452),
            ("4.5", 450),
            ("4", 400),
            ("0", 0),
            ("-0.01", -1),
            ("4.5200", 452),
        ] {
            assert_eq!(text.parse(), Ok(Fen(fen)), "{text}");
        }
        for text in [
            "", ".", "4.", ".5", "+1", "1e3", "1,000", " 1", "0x1", "--1", "1.2.3", "１",
        ] {
            assert_eq!(text.parse::<Fen>(), Err(NumberError::Malformed), "{text:?}");
        }
        assert_eq!(
            "0.001".parse::<Fen>(),
            Err(NumberError::TooManyDecimals { max: 2 })
        );
        assert_eq!(
            "100000000000000.00".parse::<Fen>(),
            Err(NumberError::TooLarge)
        );
        assert_eq!("99999999999999.99".parse(), Ok(Fen(FEN_MAX)));
        assert_eq!(
            "-92233720368547758.08".parse::<Fen>(),
            Err(NumberError::TooLarge)
        );
        assert_eq!(Fen(i64::MIN).checked_add(Fen::ZERO), None);
    }

    #[test]
    fn a_line_is_rounded_half_up() {
        let amount = |price: &str, count: &str| {
            line_amount(price.parse().unwrap(), count.parse().unwrap()).unwrap()
        };
        assert_eq!(amount("0.125", "1"), Fen(13));
        assert_eq!(amount("0.124999", "1"), Fen(12));
        assert_eq!(amount("3.333333", "3"), Fen(1000));
        assert_eq!(amount("12.5", "0.5"), Fen(625));
    }

    #[test]
    fn fields_have_their_widths() {
        assert!("0.1234567".parse::<Price>().is_err());
        assert!("0.12345".parse::<Count>().is_err());
        assert!("9999999999.999999".parse::<Price>().is_ok());
        assert_eq!("10000000000".parse::<Price>(), Err(NumberError::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_back(fen in -FEN_MAX..=FEN_MAX) {
            proptest::prop_assert_eq!(Fen(fen).to_string().parse(), Ok(Fen(fen)));
        }
    }
}
