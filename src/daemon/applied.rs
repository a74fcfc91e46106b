//! What the parts are told of the configuration and the profile.

use crate::config::codes::{self, CodePattern};
use crate::config::{Profile, Settings, profile};
use crate::device::ROLE_RECEIPT;
use crate::document::receipt::Surround;
use crate::document::sheet::SheetSurround;
use crate::operation::{Identity, Waits};
use crate::platform::Platform;
use crate::runner::{Typesetting, Ways};
use crate::settlement::bill::Fen;
use crate::settlement::code_kind::{self, Pattern};
use crate::settlement::rules::{FundReading, Rules};
use crate::settlement::year_to_date::figures::{CumYm, Months, YearRules};

/// How long the receipt may wait for its printer.
const PRINT_GIVE_UP_MS: i64 = 600_000;

const DAY_MS: i64 = 86_400_000;

/// How settlements are done.
pub(super) fn ways(platform: Platform, profile: &Profile, settings: &Settings) -> Ways {
    Ways {
        platform,
        rules: rules(profile, settings),
        receipt: surround(profile, settings),
        sheet: sheet_surround(profile, settings),
        typesetting: Typesetting::beside(settings.sheet.template_dir.as_deref()),
        bill_once_ms: i64::from(settings.limits.bill_once_days) * DAY_MS,
        has_receipt_printer: settings.devices.iter().any(|it| it.role == ROLE_RECEIPT),
    }
}

fn rules(profile: &Profile, settings: &Settings) -> Rules {
    let seconds = |s: u32| i64::from(s) * 1_000;
    Rules {
        accept_difference: Fen(profile.amounts.accept_difference_fen),
        line_tolerance: Fen(profile.amounts.line_tolerance_fen),
        fund_reading: if profile.amounts.fund_contains_account {
            FundReading::WithAccount
        } else {
            FundReading::FundsOnly
        },
        hifdm_beside_oth: profile.amounts.hifdm_beside_oth,
        hardened: profile.amounts.harden.clone(),
        fresh_code: profile.voucher.fresh_code,
        identity_pays: profile.voucher.identity_pays,
        identity_ref_ms: seconds(profile.voucher.identity_ref_s),
        shared_account: profile.voucher.shared_account,
        settle_is_reversible: profile
            .transactions
            .reversible
            .contains(&profile.transactions.settle),
        pharmacy_is_reversible: (profile.transactions.reversible.iter())
            .any(|infno| infno == "2102"),
        dispense_is_enabled: profile.dispense.enabled,
        dispense_repeat_is_harmless: profile.dispense.repeat_is_harmless,
        settle_quiet_ms: seconds(profile.settle_quiet_s),
        scan_wait_ms: seconds(settings.times.scan_wait_s),
        confirm_wait_ms: seconds(settings.times.confirm_wait_s),
        rejoin_ms: seconds(settings.times.rejoin_s),
        print_give_up_ms: PRINT_GIVE_UP_MS,
        year_to_date: year_rules(profile),
    }
}

fn year_rules(profile: &Profile) -> YearRules {
    let rules = &profile.year_to_date;
    YearRules {
        is_enabled: rules.enabled,
        wait_ms: rules.wait_ms,
        cum_ym: match rules.cum_ym {
            profile::CumYm::Empty => CumYm::Empty,
            profile::CumYm::Year => CumYm::Year,
            profile::CumYm::Month => CumYm::Month,
        },
        months: match rules.months {
            profile::Months::Latest => Months::Latest,
            profile::Months::Sum => Months::Sum,
        },
        codes: rules.codes.clone(),
    }
}

fn surround(profile: &Profile, settings: &Settings) -> Surround {
    Surround {
        hospital: profile.fixmedins_name.clone(),
        hospital_level: settings.sheet.hospital_level.clone(),
        head: settings.receipt.head.clone(),
        foot: settings.receipt.foot.clone(),
        mask_names: settings.receipt.mask_names,
    }
}

fn sheet_surround(profile: &Profile, settings: &Settings) -> SheetSurround {
    SheetSurround {
        hospital: profile.fixmedins_name.clone(),
        hospital_code: profile.fixmedins_code.clone(),
        hospital_level: settings.sheet.hospital_level.clone(),
        head: settings.sheet.head.clone(),
        foot: settings.sheet.foot.clone(),
        mask_names: settings.sheet.mask_names,
    }
}

pub(super) fn identity(settings: &Settings) -> Identity {
    Identity {
        desk_name: settings.desk.name.clone(),
        desk_number: settings.desk.number,
    }
}

pub(super) fn waits(settings: &Settings) -> Waits {
    Waits {
        print_wait_ms: i64::from(settings.times.print_wait_ms),
        pending_ms: i64::from(settings.times.pending_s) * 1_000,
        settlements_max: usize::try_from(settings.limits.settlements).unwrap_or(usize::MAX),
    }
}

pub(super) fn pattern(code: &CodePattern) -> Pattern {
    Pattern {
        name: code.name.clone(),
        prefix: code.prefix.clone(),
        length: (code.length_min, code.length_max),
        made_of: match code.made_of {
            codes::MadeOf::Digits => code_kind::MadeOf::Digits,
            codes::MadeOf::Alphanumeric => code_kind::MadeOf::Alphanumeric,
            codes::MadeOf::Any => code_kind::MadeOf::Any,
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::config::profile::YEAR_FIGURES;
    use crate::settlement::year_to_date::figures::FIGURES;

    /// A name of one of them only would be a key that prints nothing.
    #[test]
    fn a_profile_names_the_figures_that_a_sheet_prints() {
        assert_eq!(YEAR_FIGURES, FIGURES);
    }
}
