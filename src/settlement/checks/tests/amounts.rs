//! E1 to E9, both readings of the funds, the tolerance between preview and charge.

use crate::book::Code;
use crate::settlement::amounts::{Amounts, FundPart};
use crate::settlement::bill::{FEN_MAX, Fen};
use crate::settlement::checks::amounts::{preview, settled};
use crate::settlement::rules::{FundReading, Rules};
use crate::settlement::tests::sample::{self, TOTAL};

type Field = (&'static str, fn(&mut Amounts) -> &mut Fen);

/// The fields that stand in a hard equation: one fen more in any of them breaks it.
const HARD: [Field; 17] = [
    ("medfee_sumamt", |a| &mut a.medfee_sumamt),
    ("fulamt_ownpay_amt", |a| &mut a.fulamt_ownpay_amt),
    ("overlmt_selfpay", |a| &mut a.overlmt_selfpay),
    ("preselfpay_amt", |a| &mut a.preselfpay_amt),
    ("inscp_scp_amt", |a| &mut a.inscp_scp_amt),
    ("hifp_pay", |a| &mut a.hifp_pay),
    ("cvlserv_pay", |a| &mut a.cvlserv_pay),
    ("hifes_pay", |a| &mut a.hifes_pay),
    ("hifmi_pay", |a| &mut a.hifmi_pay),
    ("hifob_pay", |a| &mut a.hifob_pay),
    ("maf_pay", |a| &mut a.maf_pay),
    ("oth_pay", |a| &mut a.oth_pay),
    ("fund_pay_sumamt", |a| &mut a.fund_pay_sumamt),
    ("psn_part_amt", |a| &mut a.psn_part_amt),
    ("acct_pay", |a| &mut a.acct_pay),
    ("psn_cash_pay", |a| &mut a.psn_cash_pay),
    ("hosp_part_amt", |a| &mut a.hosp_part_amt),
];

fn with(change: impl FnOnce(&mut Amounts)) -> Amounts {
    let mut amounts = sample::amounts(TOTAL);
    change(&mut amounts);
    amounts
}

fn rules(change: impl FnOnce(&mut Rules)) -> Rules {
    let mut rules = sample::rules();
    change(&mut rules);
    rules
}

const NONE: Result<Vec<String>, Code> = Ok(Vec::new());

#[test]
fn what_is_balanced_holds() {
    assert_eq!(
        preview(&sample::amounts(TOTAL), TOTAL, &sample::rules()),
        NONE
    );
    let shown = sample::amounts(TOTAL);
    assert_eq!(settled(&shown, &shown, &sample::rules()), NONE);
}

/// The worked public samples: an outpatient bill paid by the account, an inpatient one with a hospital share.
#[test]
fn public_samples_hold() {
    let fen = |text: &str| text.parse::<Fen>().unwrap();
    let outpatient = Amounts {
        medfee_sumamt: fen("4.52"),
        preselfpay_amt: fen("0.23"),
        inscp_scp_amt: fen("4.29"),
        act_pay_dedc: fen("4.29"),
        psn_part_amt: fen("4.52"),
        acct_pay: fen("4.52"),
        ..Amounts::default()
    };
    assert_eq!(preview(&outpatient, fen("4.52"), &sample::rules()), NONE);
    let inpatient = Amounts {
        medfee_sumamt: fen("23442.46"),
        fulamt_ownpay_amt: fen("2533.97"),
        overlmt_selfpay: fen("1396.89"),
        preselfpay_amt: fen("703.44"),
        inscp_scp_amt: fen("18808.16"),
        hifob_pay: fen("18785.39"),
        fund_pay_sumamt: fen("18785.39"),
        psn_part_amt: fen("4152.06"),
        acct_pay: fen("170.04"),
        psn_cash_pay: fen("3982.02"),
        hosp_part_amt: fen("505.01"),
        ..Amounts::default()
    };
    assert_eq!(preview(&inpatient, fen("23442.46"), &sample::rules()), NONE);
}

#[test]
fn one_fen_in_any_field_breaks_e1_to_e4() {
    for (name, field) in HARD {
        for fen in [-1, 1] {
            let broken = with(|amounts| field(amounts).0 += fen);
            let total = broken.medfee_sumamt;
            let found = preview(&broken, total, &sample::rules());
            assert_eq!(found, Err(Code::AmountsImbalanced), "{name} {fen:+}");
            let found = settled(&broken, &sample::amounts(TOTAL), &sample::rules());
            assert_eq!(found, Err(Code::ReversedAmountsDiffer), "{name} {fen:+}");
        }
    }
}

#[test]
fn the_preview_is_of_this_bill() {
    for total in [TOTAL.0 - 1, TOTAL.0 + 1, 0] {
        let found = preview(&sample::amounts(TOTAL), Fen(total), &sample::rules());
        assert_eq!(found, Err(Code::AmountsImbalanced));
    }
}

#[test]
fn the_fund_sum_is_read_as_the_site_writes_it() {
    let inside = with(|amounts| amounts.fund_pay_sumamt.0 += amounts.acct_pay.0);
    let with_account = rules(|rules| rules.fund_reading = FundReading::WithAccount);
    assert_eq!(preview(&inside, TOTAL, &with_account), NONE);
    let wrong = Err(Code::AmountsImbalanced);
    assert_eq!(preview(&inside, TOTAL, &sample::rules()), wrong);
    assert_eq!(
        preview(&sample::amounts(TOTAL), TOTAL, &with_account),
        wrong
    );
}

#[test]
fn the_disabled_persons_fund_counts_where_it_stands_beside() {
    let beside = with(|amounts| {
        amounts.hifdm_pay.0 = 10;
        amounts.hifp_pay.0 -= 10;
    });
    let inside = with(|amounts| {
        amounts.hifdm_pay.0 = 10;
        amounts.oth_pay.0 = 10;
        amounts.hifp_pay.0 -= 10;
    });
    let rules_inside = rules(|rules| rules.hifdm_beside_oth = false);
    assert_eq!(preview(&beside, TOTAL, &sample::rules()), NONE);
    assert_eq!(preview(&inside, TOTAL, &rules_inside), NONE);
    assert!(preview(&beside, TOTAL, &rules_inside).is_err());
    assert!(preview(&inside, TOTAL, &sample::rules()).is_err());
}

#[test]
fn soft_checks_warn_until_they_are_hardened() {
    let row = |kind: &str, fen: i64| FundPart {
        fund_pay_type: kind.to_owned(),
        fund_pay_type_name: String::new(),
        fund_payamt: Fen(fen),
    };
    let table = [
        (
            "E5",
            with(|amounts| amounts.acct_mulaid_pay.0 = amounts.acct_pay.0 + 1),
        ),
        (
            "E6",
            with(|amounts| amounts.act_pay_dedc.0 = amounts.inscp_scp_amt.0 + 1),
        ),
        (
            "E9",
            with(|amounts| amounts.setldetail = vec![row("310100", 1)]),
        ),
    ];
    for (name, amounts) in table {
        let warned = Ok(vec![name.to_owned()]);
        assert_eq!(preview(&amounts, TOTAL, &sample::rules()), warned);
        assert_eq!(
            settled(&amounts, &sample::amounts(TOTAL), &sample::rules()),
            warned
        );
        let hard = rules(|rules| rules.hardened = vec![name.to_owned()]);
        let imbalanced = Err(Code::AmountsImbalanced);
        assert_eq!(preview(&amounts, TOTAL, &hard), imbalanced, "{name}");
        let differs = Err(Code::ReversedAmountsDiffer);
        assert_eq!(
            settled(&amounts, &sample::amounts(TOTAL), &hard),
            differs,
            "{name}"
        );
    }
}

#[test]
fn rows_of_account_and_hospital_are_no_funds() {
    let amounts = with(|amounts| {
        for (kind, fen) in [("310200", 2_500), ("310201", 1), ("999996", 7)] {
            amounts.setldetail.push(FundPart {
                fund_pay_type: kind.to_owned(),
                fund_pay_type_name: String::new(),
                fund_payamt: Fen(fen),
            });
        }
    });
    assert_eq!(preview(&amounts, TOTAL, &sample::rules()), NONE);
    let none = with(|amounts| amounts.setldetail.clear());
    assert_eq!(preview(&none, TOTAL, &sample::rules()), NONE);
}

#[test]
fn a_charge_is_what_was_shown_to_the_accepted_fen() {
    let shown = sample::amounts(TOTAL);
    for (apart, accepted, holds) in [(1, 0, false), (1, 1, true), (2, 1, false), (2, 2, true)] {
        let mut charged = shown.clone();
        for _ in 0..apart {
            charged = sample::one_fen_apart(charged);
        }
        charged.setldetail.clear();
        let rules = rules(|rules| rules.accept_difference = Fen(accepted));
        let found = settled(&charged, &shown, &rules);
        assert_eq!(found.is_ok(), holds, "{apart} of {accepted}");
    }
}

#[test]
fn what_leaves_the_field_is_imbalanced_and_no_panic() {
    for (_, field) in HARD {
        for fen in [i64::MAX, i64::MIN, FEN_MAX, -FEN_MAX] {
            let broken = with(|amounts| field(amounts).0 = fen);
            let total = broken.medfee_sumamt;
            assert!(preview(&broken, total, &sample::rules()).is_err());
            let account = rules(|rules| rules.fund_reading = FundReading::WithAccount);
            assert!(preview(&broken, total, &account).is_err());
            assert!(settled(&broken, &sample::amounts(TOTAL), &sample::rules()).is_err());
        }
    }
}
