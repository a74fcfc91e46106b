//! Whose code it is: who settles, for how much, and who cannot.

use yibaod::api::{AccountUse, Money, ScanAndPayRequest, Settlement};
use yibaod::book::Code;

use crate::bills::quiet;
use crate::desk::{Desk, Setup, Shows, bill_for};
use crate::told::{asked, check_ended};

/// The person's own bill, paid by this insurance; empty: whichever is in force.
fn own_bill(desk: &Desk, person: &str, insutype: &str) -> ScanAndPayRequest {
    let mut request = quiet(bill_for(
        &desk.platform,
        person,
        &format!("{person}-{insutype}"),
    ));
    request.insutype = insutype.to_owned();
    request
}

/// The person cannot settle, for this reason, before anything is registered.
async fn check_refused(person: &'static str, insutype: &str, code: Code) -> Settlement {
    let desk = Desk::start(Setup::default()).await;
    let request = own_bill(&desk, person, insutype);
    let answer = desk.pay(request, &[Shows::fresh(person)]).await;
    check_ended(&desk, &answer, Money::Refused, code).await;
    assert!(
        desk.platform.ledger(|ledger| ledger.visits().is_empty()),
        "nothing was registered"
    );
    assert_eq!((asked(&desk, "1101"), asked(&desk, "2207")), (1, 0));
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_insurance_is_refused() {
    check_refused("paused", "", Code::InsuranceNotInForce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insurance_the_person_has_not_is_refused() {
    let answer = check_refused("employee", "390", Code::InsuranceNotOfPerson).await;
    let error = answer.error.expect("it says why");
    assert_eq!(
        error.detail,
        "所选 chosen 390 城乡居民基本医疗保险；有效 in force 310 职工基本医疗保险"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_the_platform_does_not_know_is_refused() {
    check_refused("stranger", "", Code::PersonUnknown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_insurances_one_must_be_chosen_from_the_list() {
    let answer = check_refused("two_insurances", "", Code::SeveralInsurances).await;
    let error = answer.error.expect("it says why");
    assert_eq!(
        error.detail, "310 职工基本医疗保险, 390 城乡居民基本医疗保险",
        "the patient chooses from these"
    );
}

/// Fund, account and cash in fen, by hand from the bill of 190.20: 45.00 self-paid, 5.00 over a price limit,
/// 7.70 paid first, 132.50 within the scope.
const DUE: [(&str, &str, AccountUse, [i64; 3]); 8] = [
    // (132.50 − 20.00 deductible) × 70 %; the account takes all but what is self-paid or over a limit.
    ("employee", "", AccountUse::Own, [7_875, 6_145, 5_000]),
    // The deductible of the year is paid: 132.50 × 70 %.
    ("employee", "310", AccountUse::No, [9_275, 0, 9_745]),
    (
        "employee_no_account",
        "",
        AccountUse::Own,
        [7_875, 0, 11_145],
    ),
    // 132.50 × 50 %, no deductible, no account.
    ("resident", "", AccountUse::Own, [6_625, 0, 12_395]),
    // As an employee, and half of the rest, parts of a fen dropped.
    ("civil_servant", "", AccountUse::Own, [9_562, 4_458, 5_000]),
    (
        "two_insurances",
        "310",
        AccountUse::Own,
        [7_875, 6_145, 5_000],
    ),
    ("two_insurances", "390", AccountUse::Own, [6_625, 0, 12_395]),
    ("other_area", "", AccountUse::Own, [7_875, 6_145, 5_000]),
];

#[tokio::test(flavor = "multi_thread")]
async fn everybody_pays_what_is_due_to_the_fen() {
    let desk = Desk::start(Setup::default()).await;
    for (person, insutype, account_use, [fund, account, cash]) in DUE {
        let mut request = own_bill(&desk, person, insutype);
        request.account_use = account_use.into();
        let answer = desk.pay(request, &[Shows::fresh(person)]).await;
        assert_eq!(answer.money(), Money::Settled, "{person}: {answer:?}");
        let amounts = answer.amounts.clone().expect("what settled has amounts");
        let told = [
            amounts.fund_pay_sumamt_fen,
            amounts.acct_pay_fen,
            amounts.psn_cash_pay_fen,
        ];
        assert_eq!(told, [fund, account, cash], "{person} {insutype}");
        assert_eq!(
            answer.self_pay.expect("what settled has it").amount_fen,
            cash
        );
        check_books(&desk, person, &answer, &amounts);
    }
    check_area_is_told(&desk, "other_area");
}

/// The answer says what the platform's own row says, number by number.
fn check_books(desk: &Desk, person: &str, answer: &Settlement, told: &yibaod::api::Amounts) {
    let person = desk
        .platform
        .person(person)
        .expect("a person of the sandbox");
    let rows = desk
        .platform
        .ledger(|ledger| ledger.charges_of(&person.psn_no));
    let row = rows
        .iter()
        .find(|row| row.setl_id == answer.setl_id)
        .expect("it is in the books");
    let booked = &row.amounts;
    let pairs = [
        (told.medfee_sumamt_fen, booked.total),
        (told.fulamt_ownpay_amt_fen, booked.parts.own),
        (told.overlmt_selfpay_fen, booked.parts.over),
        (told.preselfpay_amt_fen, booked.parts.first),
        (told.inscp_scp_amt_fen, booked.parts.inside),
        (told.act_pay_dedc_fen, booked.deductible),
        (told.hifp_pay_fen, booked.pooled),
        (told.cvlserv_pay_fen, booked.civil),
        (told.fund_pay_sumamt_fen, booked.fund()),
        (told.psn_part_amt_fen, booked.patient),
        (told.acct_pay_fen, booked.account),
        (told.psn_cash_pay_fen, booked.cash),
        (told.balc_fen, booked.balance),
    ];
    for (n, (told, booked)) in pairs.into_iter().enumerate() {
        assert_eq!(told, booked.0, "{}: amount {n}", person.key);
    }
    assert_eq!(
        (answer.insutype.as_str(), answer.msgid.as_str()),
        (row.insutype.as_str(), row.medins_setl_id.as_str())
    );
    assert_eq!(
        desk.platform.balance(&person.psn_no, &row.insutype),
        Some(booked.balance)
    );
}

/// After 1101 has told where the person is insured, every message says so.
fn check_area_is_told(desk: &Desk, person: &str) {
    let person = desk
        .platform
        .person(person)
        .expect("a person of the sandbox");
    let sent = desk.platform.ledger(|ledger| {
        ["2201", "2203A", "2204", "2206", "2207"].map(|infno| ledger.received(infno))
    });
    for rows in sent {
        let last = rows.last().expect("each step was taken");
        let area = last.body["insuplc_admdvs"].as_str();
        assert_eq!(
            area,
            Some(person.main_insurance().insuplc),
            "{}",
            last.infno
        );
    }
}
