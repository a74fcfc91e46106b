//! `[year_to_date]` of a site profile: 5206 for the settlement sheet.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{Keys, Words};
use super::profile_check::{Finding, say};

/// The figures of a sheet, by the names that a profile gives them. Money is called as `setlinfo` calls it.
pub const YEAR_FIGURES: [&str; 8] = [
    "visits",
    "medfee_sumamt",
    "hifp_pay",
    "hifob_pay",
    "cvlserv_pay",
    "hifmi_pay",
    "acct_pay",
    "maf_pay",
];
/// Characters of a code; the specification says 10, Hunan's have up to 16.
const CODE_CHARS_MAX: usize = 64;
/// Codes of one figure.
const CODES_MAX: usize = 64;
/// A sheet that is waited for longer is a mistake in the file.
const WAIT_MS_MAX: i64 = 10_000;

/// 5206.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YearToDateRules {
    /// Whether the sheet shows what the year came to.
    pub enabled: bool,
    /// How long a sheet waits for it, milliseconds.
    pub wait_ms: u32,
    /// What `cum_ym` of the question names.
    pub cum_ym: CumYm,
    /// What several rows of one code are that differ in `cum_ym`.
    pub months: Months,
    /// By figure: the 累计类别代码 that are added up.
    pub codes: BTreeMap<String, Vec<String>>,
}

/// What `cum_ym` of 5206 names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CumYm {
    /// Nothing.
    Empty,
    /// The year.
    Year,
    /// The month.
    Month,
}

/// What several rows of one code are that differ in `cum_ym`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Months {
    /// The last one is the year.
    Latest,
    /// All together are the year.
    Sum,
}

pub(super) fn year_to_date(mut keys: Keys) -> YearToDateRules {
    let cum_ym = [
        ("", CumYm::Empty),
        ("year", CumYm::Year),
        ("month", CumYm::Month),
    ];
    let months = [("latest", Months::Latest), ("sum", Months::Sum)];
    YearToDateRules {
        enabled: keys.flag("enabled", false),
        wait_ms: keys.number("wait_ms", 3_000, 100..=WAIT_MS_MAX),
        cum_ym: keys.choice("cum_ym", CumYm::Empty, &cum_ym),
        months: keys.choice("months", Months::Latest, &months),
        codes: keys.map_of_lists("codes"),
    }
}

/// What cannot work.
pub(super) fn check(rules: &YearToDateRules, found: &mut Vec<Finding>) {
    if rules.enabled && rules.codes.is_empty() {
        let words = (
            "is empty: nothing could be printed",
            "为空：没有可打印的内容",
        );
        say(found, "year_to_date.codes", words);
    }
    if rules.enabled && rules.cum_ym == CumYm::Month && rules.months == Months::Sum {
        let words = (
            "of one month alone is not the year: months = \"sum\" wants cum_ym = \"\" or \"year\"",
            "只问一个月得不到全年：months = \"sum\" 时 cum_ym 应为 \"\" 或 \"year\"",
        );
        say(found, "year_to_date.months", words);
    }
    for (figure, codes) in &rules.codes {
        let key = format!("year_to_date.codes.{figure}");
        if let Some(words) = wrong(figure, codes) {
            say(found, &key, words);
        }
    }
}

fn wrong(figure: &str, codes: &[String]) -> Option<Words> {
    if !YEAR_FIGURES.contains(&figure) {
        let known = YEAR_FIGURES.join(", ");
        let en = format!("is no figure of the sheet; known here: {known}");
        return Some((en, format!("结算单没有这一项；此处可用：{known}")).into());
    }
    let is_code = |code: &String| {
        let chars = code.chars().count();
        chars > 0 && chars <= CODE_CHARS_MAX && !code.contains(char::is_whitespace)
    };
    if codes.is_empty() || codes.len() > CODES_MAX || !codes.iter().all(is_code) {
        let en = format!("wants 1 to {CODES_MAX} codes of 1 to {CODE_CHARS_MAX} characters");
        let zh = format!("应有 1 至 {CODES_MAX} 个代码，各 1 至 {CODE_CHARS_MAX} 个字符");
        return Some((en, zh).into());
    }
    // It would be added twice.
    let different: BTreeSet<&String> = codes.iter().collect();
    (different.len() < codes.len()).then(|| ("names a code twice", "有重复的代码").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(codes: &[(&str, &[&str])]) -> YearToDateRules {
        let owned = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
        YearToDateRules {
            enabled: true,
            wait_ms: 3_000,
            cum_ym: CumYm::Empty,
            months: Months::Latest,
            codes: (codes.iter())
                .map(|(figure, codes)| ((*figure).to_owned(), owned(codes)))
                .collect(),
        }
    }

    fn keys_of(rules: &YearToDateRules) -> Vec<String> {
        let mut found = Vec::new();
        check(rules, &mut found);
        found.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn what_could_not_be_printed_is_told_with_its_key() {
        let fine = rules(&[("visits", &["C0000_BIZ11"]), ("maf_pay", &["D1", "D2"])]);
        assert!(keys_of(&fine).is_empty());
        let one_month = YearToDateRules {
            cum_ym: CumYm::Month,
            months: Months::Sum,
            ..fine.clone()
        };
        assert_eq!(keys_of(&one_month), ["year_to_date.months"]);
        assert_eq!(keys_of(&rules(&[])), ["year_to_date.codes"]);
        let wrong = rules(&[
            ("hifp_pay", &["D1", "D1"]),
            ("hifob_pay", &[]),
            ("acct_pay", &["D 1"]),
            ("balc", &["D1"]),
        ]);
        assert_eq!(
            keys_of(&wrong),
            ["acct_pay", "balc", "hifob_pay", "hifp_pay"]
                .map(|figure| format!("year_to_date.codes.{figure}"))
        );
        let off = YearToDateRules {
            enabled: false,
            ..rules(&[])
        };
        assert!(keys_of(&off).is_empty());
    }
}
