//! What differs by site and desk, as values for the pure core.

use super::bill::Fen;
use super::year_to_date::figures::YearRules;

/// Whether `fund_pay_sumamt` already contains the personal account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FundReading {
    /// The national reading: funds only.
    FundsOnly,
    /// Some Guangdong sites: funds and account.
    WithAccount,
}

/// The rules of one site at one desk. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How far 2207 may be from what was confirmed.
    pub accept_difference: Fen,
    /// How far a line's amount may be from price × count.
    pub line_tolerance: Fen,
    /// How E2 reads `fund_pay_sumamt`.
    pub fund_reading: FundReading,
    /// Whether E4 adds `hifdm_pay` besides `oth_pay`.
    pub hifdm_beside_oth: bool,
    /// Which of `E5` … `E9` stop a settlement instead of warning.
    pub hardened: Vec<String>,
    /// Whether a code is read afresh before the money call.
    pub fresh_code: bool,
    /// Whether an identification pays, without anything being shown again.
    pub identity_pays: bool,
    /// How long an identification can be used.
    pub identity_ref_ms: i64,
    /// Whether a family member's account may pay here.
    pub shared_account: bool,
    /// Whether 2601 reverses the settling call here.
    pub settle_is_reversible: bool,
    /// Whether 2601 reverses a pharmacy's settling call here.
    pub pharmacy_is_reversible: bool,
    /// Whether hand-outs are told to the platform here.
    pub dispense_is_enabled: bool,
    /// Whether telling a hand-out twice is as once here.
    pub dispense_repeat_is_harmless: bool,
    /// Until then after a lost answer only a positive enquiry decides.
    pub settle_quiet_ms: i64,
    /// How long a code is waited for, unless the order says otherwise.
    pub scan_wait_ms: i64,
    /// How long a confirmation is waited for.
    pub confirm_wait_ms: i64,
    /// How long the same request may join after its caller went.
    pub rejoin_ms: i64,
    /// How long the receipt may wait for its printer.
    pub print_give_up_ms: i64,
    /// What the settlement sheet says of the year.
    pub year_to_date: YearRules,
}
