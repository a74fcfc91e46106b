//! 家庭共济: a family member's account pays only where the site has it and the platform knows of the relation.

use serde_json::json;
use yibaod::api::{AccountUse, Money, RefundMoney, ScanAndPayRequest};
use yibaod::book::Code;

use super::quiet;
use crate::desk::{Desk, Setup, Shows, bill_for, refusal};
use crate::refund::{ended, of_request};
use crate::told::check_ended;

/// A child without an account, and the parent.
const CHILD: &str = "resident";
const PARENT: &str = "employee";

async fn desk(is_shared: bool) -> Desk {
    Desk::start(Setup {
        profile_more: format!("[voucher]\nshared_account = {is_shared}\n"),
        ..Setup::default()
    })
    .await
}

fn shared(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    let mut request = quiet(bill_for(&desk.platform, CHILD, request_id));
    request.account_use = AccountUse::Shared.into();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_it_refuses_before_anything_is_scanned() {
    let desk = desk(false).await;
    let refused = desk.scan_and_pay(shared(&desk, "shared")).await;
    let refused = refusal(&refused.expect_err("the site has it not"));
    assert_eq!(refused.name, "ACCOUNT_NOT_SHARED");
    assert_eq!(refused.fields, "account_use");
    let asked = desk.platform.ledger(|ledger| ledger.received("1101").len());
    assert_eq!(asked, 0, "nobody was asked anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_the_platform_knows_no_relation_of_is_refused_with_its_reason() {
    let desk = desk(true).await;
    let answer = desk
        .pay(shared(&desk, "shared"), &[Shows::fresh(CHILD)])
        .await;
    check_ended(&desk, &answer, Money::Refused, Code::PlatformRefused).await;
    let detail = &answer.error.as_ref().expect("why").detail;
    assert!(detail.contains("未建立个人账户共济关系"), "{detail}");
    let received = desk.platform.ledger(|ledger| ledger.received("2207").len());
    assert_eq!(received, 0, "the preview said no: no money call was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_members_account_pays_where_both_say_so() {
    let desk = desk(true).await;
    let relation = json!({ "family_accounts": { CHILD: PARENT } });
    desk.platform.switch(&relation).expect("a switch");
    let own = quiet(bill_for(&desk.platform, CHILD, "own"));
    let own = desk.pay(own, &[Shows::fresh(CHILD)]).await;
    let of = |answer: &yibaod::api::Settlement| answer.amounts.clone().expect("it settled");
    assert_eq!(
        (of(&own).acct_pay_fen, of(&own).acct_mulaid_pay_fen),
        (0, 0)
    );
    let answer = desk
        .pay(shared(&desk, "shared"), &[Shows::fresh(CHILD)])
        .await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let amounts = of(&answer);
    assert!(amounts.acct_pay_fen > 0, "{amounts:?}");
    assert_eq!(amounts.acct_mulaid_pay_fen, amounts.acct_pay_fen);
    assert_eq!(
        amounts.psn_part_amt_fen,
        amounts.acct_pay_fen + amounts.psn_cash_pay_fen
    );
    // It is the parent's account that has less.
    let (before, person) = {
        let person = desk.platform.person(PARENT).expect("a person");
        (person.main_insurance().balance.0, person.psn_no)
    };
    assert_eq!(amounts.balc_fen, before - amounts.acct_pay_fen);
    assert_ne!(answer.psn_no, person, "the bill is the child's");
    // And gets it back.
    let back = ended(&desk, of_request("back", "shared")).await;
    assert_eq!(back.money(), RefundMoney::Refunded, "{back:?}");
    let given = back.given_back.expect("how much");
    assert_eq!(given.to_account_fen, amounts.acct_pay_fen);
}
