//! Which rows of 5206 count, and what is printed of them.

use std::collections::BTreeMap;

use crate::settlement::bill::Fen;

/// The figure that counts visits; all others are money.
pub const VISITS: &str = "visits";
/// The figures of a sheet in the order of the form. Money bears the names that `setlinfo` has for the same.
pub const FIGURES: [&str; 8] = [
    VISITS,
    "medfee_sumamt",
    "hifp_pay",
    "hifob_pay",
    "cvlserv_pay",
    "hifmi_pay",
    "acct_pay",
    "maf_pay",
];

/// A row of `cuminfo`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CumRow {
    /// 险种类型.
    pub insutype: String,
    /// 年度.
    pub year: String,
    /// 累计年月, may be empty.
    pub cum_ym: String,
    /// 累计类别代码.
    pub cum_type_code: String,
    /// 累计值; absent when it is no number of two decimals.
    pub cum: Option<Fen>,
}

/// What `cum_ym` of the question names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CumYm {
    /// Nothing.
    #[default]
    Empty,
    /// The year.
    Year,
    /// The month.
    Month,
}

/// What several rows of one code are that differ in `cum_ym`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Months {
    /// Each counts from January on: the last one is meant.
    #[default]
    Latest,
    /// Each is a month's own: together they are the year.
    Sum,
}

/// How a site counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YearRules {
    /// Whether the platform is asked at all.
    pub is_enabled: bool,
    /// How long the sheet waits for it.
    pub wait_ms: u32,
    /// What the question names.
    pub cum_ym: CumYm,
    /// What rows of several months are.
    pub months: Months,
    /// By [`FIGURES`]: the 累计类别代码 that are added up.
    pub codes: BTreeMap<String, Vec<String>>,
}

/// Whose rows, and of which year.
#[derive(Clone, Copy, Debug)]
pub struct Meant<'a> {
    /// 险种类型 that the settlement was paid by.
    pub insutype: &'a str,
    /// `yyyy` of the settlement.
    pub year: &'a str,
}

/// What is printed, by [`FIGURES`], as text: yuan with two decimals, whole visits. What the answer does not tell
/// surely is left out.
#[must_use]
pub fn figures(rows: &[CumRow], meant: Meant<'_>, rules: &YearRules) -> BTreeMap<String, String> {
    let is_meant = |row: &&CumRow| row.insutype == meant.insutype && row.year == meant.year;
    let rows: Vec<&CumRow> = rows.iter().filter(is_meant).collect();
    let figure = |(name, codes): (&String, &Vec<String>)| {
        let sum = of_codes(&rows, codes, rules.months)?;
        let text = match name.as_str() {
            VISITS => whole(sum)?,
            _ => sum.to_string(),
        };
        Some((name.clone(), text))
    };
    rules.codes.iter().filter_map(figure).collect()
}

/// The sum over the codes that the answer has; none when it has none of them, or one of its rows is unclear.
fn of_codes(rows: &[&CumRow], codes: &[String], months: Months) -> Option<Fen> {
    let mut sum = None;
    for code in codes {
        let of_code = rows
            .iter()
            .copied()
            .filter(|row| row.cum_type_code == *code);
        let of_code: Vec<&CumRow> = of_code.collect();
        if of_code.is_empty() {
            continue;
        }
        let sum = sum.get_or_insert(Fen::ZERO);
        *sum = sum.checked_add(of_code_in_year(&of_code, months)?)?;
    }
    sum
}

fn of_code_in_year(rows: &[&CumRow], months: Months) -> Option<Fen> {
    match months {
        Months::Sum => {
            let amounts: Option<Vec<Fen>> = rows.iter().map(|row| row.cum).collect();
            Fen::sum(amounts?)
        }
        Months::Latest => {
            let last = rows.iter().map(|row| row.cum_ym.as_str()).max()?;
            let mut latest = rows.iter().filter(|row| row.cum_ym == last);
            let cum = latest.next()?.cum;
            // Two of one month: which of them is meant cannot be told.
            cum.filter(|_| latest.next().is_none())
        }
    }
}

/// A count of visits, which comes as an amount does.
fn whole(sum: Fen) -> Option<String> {
    let visits = sum.0.checked_div(100)?;
    (sum.0 >= 0 && sum.0 % 100 == 0).then(|| visits.to_string())
}

/// `cum_ym` of a question asked at this civil time about that year. After the year's end its last month is meant.
#[must_use]
pub fn cum_ym(of: CumYm, year: &str, civil: &str) -> String {
    match of {
        CumYm::Empty => String::new(),
        CumYm::Year => year.to_owned(),
        CumYm::Month => match (civil.get(..4), civil.get(5..7)) {
            (Some(asked_in), Some(month)) if asked_in == year => format!("{year}{month}"),
            (_, _) => format!("{year}12"),
        },
    }
}
