//! A few items of the insurance catalogue, codes in the national form.

use super::money::Ratio;

/// One item.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// `med_list_codg`.
    pub code: &'static str,
    /// Name in the catalogue.
    pub name: &'static str,
    /// 01 class A, 02 class B, 03 self-paid.
    pub level: &'static str,
    /// `med_chrgitm_type`.
    pub charge_type: &'static str,
    /// First-pay share.
    pub selfpay: Ratio,
    /// Price limit in millionths of a yuan; `None` without.
    pub limit_e6: Option<i64>,
    /// Paid by the fund only when the hospital approved.
    pub restricted: bool,
}

/// Registration fee.
pub const REGISTRATION: &str = "001101000010000";
/// Consultation fee, limited to 15.00.
pub const CONSULTATION: &str = "001102000010000";
/// Blood count.
pub const LABORATORY: &str = "002501010150000";
/// A class A drug.
pub const DRUG_A: &str = "XJ01CAA040E001010100001";
/// A class B drug, 10 % first paid by the patient.
pub const DRUG_B: &str = "XC09CAX092A001010100001";
/// A drug outside the catalogue.
pub const SELF_PAID: &str = "XA11GAW001A001010200002";
/// A class B drug for approved use only.
pub const RESTRICTED: &str = "XL04AXL012E002010100003";

const ITEMS: [Item; 8] = [
    item(REGISTRATION, "挂号费", "01", "13", 0, None),
    item(
        CONSULTATION,
        "普通门诊诊察费",
        "01",
        "02",
        0,
        Some(15_000_000),
    ),
    item(LABORATORY, "血细胞分析", "01", "04", 0, Some(25_000_000)),
    item(DRUG_A, "阿莫西林胶囊", "01", "09", 0, None),
    item(DRUG_B, "缬沙坦胶囊", "02", "09", 1_000, None),
    item(SELF_PAID, "复合维生素片", "03", "09", 10_000, None),
    item("T000500001", "当归", "01", "10", 0, None),
    Item {
        restricted: true,
        ..item(RESTRICTED, "来那度胺胶囊", "02", "09", 2_000, None)
    },
];

/// The item of this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Item> {
    ITEMS.iter().find(|item| item.code == code)
}

/// Whether the code begins as a national code does; more is not public.
#[must_use]
pub fn is_national_form(code: &str) -> bool {
    matches!(
        code.as_bytes().first(),
        Some(b'X' | b'Z' | b'T' | b'C' | b'0')
    )
}

const fn item(
    code: &'static str,
    name: &'static str,
    level: &'static str,
    charge_type: &'static str,
    selfpay: i64,
    limit_e6: Option<i64>,
) -> Item {
    Item {
        code,
        name,
        level,
        charge_type,
        selfpay: Ratio(selfpay),
        limit_e6,
        restricted: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_national_lengths() {
        for item in &ITEMS {
            assert!(is_national_form(item.code), "{}", item.code);
            let wanted = match item.code.as_bytes()[0] {
                b'X' | b'Z' => 23,
                b'T' => 10,
                _ => 15,
            };
            assert_eq!(item.code.len(), wanted, "{}", item.code);
        }
    }
}
