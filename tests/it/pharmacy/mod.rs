//! A pharmacy's sale: 2101, 2102, 2103 in place of the visit, the upload and 2206 to 2208.

mod killed;
mod lost;
mod wrong;

use yibaod::api::{ConfirmPoint, Money, ScanAndPayRequest, Settlement, Stage};
use yibaod::sandbox::bills;

use crate::desk::{Desk, Setup, Shows, request_from};

/// The realistic sale to the employee, without paper.
pub(crate) fn sale(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    let person = desk.platform.person("employee").expect("a person");
    let mut request = request_from(&bills::pharmacy(&person));
    request.request_id = request_id.to_owned();
    request_id.clone_into(&mut request.bills[0].bill_no);
    request.print = yibaod::api::PrintWish::No.into();
    request.account_use = yibaod::api::AccountUse::Own.into();
    request.credentials = vec![yibaod::api::Credential::EVoucher.into()];
    request
}

/// Requests of this transaction that were sent to the platform; what a relay delivers twice was sent once.
fn received(desk: &Desk, infno: &str) -> usize {
    let rows = desk.platform.ledger(|ledger| ledger.received(infno));
    let by_relay = |fault: &String| fault == "F23 second delivery";
    rows.iter()
        .filter(|row| !row.faults.iter().any(by_relay))
        .count()
}

/// A site where a lost 2102 may be asked for by psn_no alone.
fn by_person() -> Setup {
    Setup {
        profile_more: "[enquiry]\npharmacy_by_person = true\n".to_owned(),
        ..Setup::default()
    }
}

async fn pay(desk: &Desk, request_id: &str) -> Settlement {
    desk.pay(sale(desk, request_id), &[Shows::fresh("employee")])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_settles_without_a_visit() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = sale(&desk, "sale");
    request.print = yibaod::api::PrintWish::Receipt.into();
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    for infno in ["2201", "2203A", "2204", "2206", "2207", "5203", "2601"] {
        assert_eq!(received(&desk, infno), 0, "{infno}");
    }
    assert_eq!((received(&desk, "2101"), received(&desk, "2102")), (1, 1));
    let row = desk
        .platform
        .ledger(|ledger| ledger.settlements()[0].clone());
    assert_eq!(
        (
            row.setl_id.as_str(),
            row.mdtrt_id.as_str(),
            row.medins_setl_id.as_str()
        ),
        (
            answer.setl_id.as_str(),
            answer.mdtrt_id.as_str(),
            answer.msgid.as_str()
        )
    );
    assert_eq!(
        row.trace_codes,
        [
            "81000010000000000101",
            "81000010000000000102",
            "81000020000000000201"
        ]
    );
    let amounts = answer.amounts.as_ref().expect("it charged");
    assert_eq!(amounts.medfee_sumamt_fen, 14_720);
    let self_pay = answer.self_pay.as_ref().expect("it charged");
    assert_eq!(self_pay.amount_fen, row.amounts.cash.0);
    assert_eq!(
        (answer.clr_type.as_str(), answer.chrg_bchno.as_str()),
        ("41", "")
    );
    assert_eq!(answer.ipt_otp_no, "");
    let paper = desk.papers_in_the_end().await;
    let text = paper[0].text();
    assert!(text.contains("药店购药医保结算凭条"), "{text}");
    let warnings = desk.platform.ledger(|ledger| ledger.warnings());
    assert!(
        warnings.is_empty(),
        "nothing unknown was sent: {warnings:?}"
    );
    let again = desk.scan_and_pay(sale(&desk, "sale")).await;
    assert_eq!(again.expect("it is repeated").setl_id, answer.setl_id);
    assert_eq!(received(&desk, "2102"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_wares_may_be_sold_twice_at_once() {
    let desk = Desk::start(Setup::default()).await;
    let first = pay(&desk, "first").await;
    let second = pay(&desk, "second").await;
    assert_eq!(
        (first.money(), second.money()),
        (Money::Settled, Money::Settled)
    );
    assert_ne!(first.setl_id, second.setl_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_and_a_fresh_code_are_waited_for() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = sale(&desk, "confirmed");
    request.confirm = vec![ConfirmPoint::Person.into(), ConfirmPoint::Amounts.into()];
    request.fresh_code = true;
    let shows = [Shows::fresh("employee"), Shows::fresh("employee")];
    let patient = desk.patient("confirmed", &shows).await;
    let mut events = desk.watch("confirmed").await;
    let call = desk.scan_and_pay(request);
    let confirm = async {
        let mut client = desk.settlements().await;
        let mut stages = Vec::new();
        while let Ok(Some(event)) = events.message().await {
            let event = event.event.expect("an event");
            stages.push(event.stage());
            let (point, shown) = match event.shown {
                Some(yibaod::api::settlement_event::Shown::Person(person)) => {
                    (ConfirmPoint::Person, person.shown)
                }
                Some(yibaod::api::settlement_event::Shown::Amounts(amounts)) => {
                    let shown = amounts.amounts.expect("amounts");
                    assert_eq!(shown.medfee_sumamt_fen, 14_720);
                    (ConfirmPoint::Amounts, amounts.shown)
                }
                None => continue,
            };
            let yes = yibaod::api::ConfirmSettlementRequest {
                request_id: "confirmed".to_owned(),
                point: point.into(),
                shown,
            };
            client
                .confirm_settlement(yes)
                .await
                .expect("it waits for it");
        }
        stages
    };
    let (answer, stages) = tokio::join!(call, confirm);
    drop(patient.await);
    assert_eq!(answer.expect("it is taken").money(), Money::Settled);
    for never in [Stage::Registering, Stage::Visit, Stage::Fees] {
        assert!(!stages.contains(&never), "{stages:?}");
    }
    for seen in [
        Stage::WaitingPerson,
        Stage::WaitingAmounts,
        Stage::WaitingFreshScan,
    ] {
        assert!(stages.contains(&seen), "{seen:?}: {stages:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_cancelled_before_the_money_charges_nothing() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = sale(&desk, "cancelled");
    request.confirm = vec![ConfirmPoint::Amounts.into()];
    let patient = desk.patient("cancelled", &[Shows::fresh("employee")]).await;
    let mut events = desk.watch("cancelled").await;
    let call = desk.scan_and_pay(request);
    let cancel = async {
        crate::desk::wait_for(&mut events, Stage::WaitingAmounts).await;
        let mut client = desk.settlements().await;
        let asked = yibaod::api::CancelSettlementRequest {
            request_id: "cancelled".to_owned(),
        };
        client.cancel_settlement(asked).await.expect("it can be");
    };
    let (answer, ()) = tokio::join!(call, cancel);
    patient.abort();
    assert_eq!(answer.expect("it is taken").money(), Money::Cancelled);
    desk.truth("cancelled").await.expect("it was accepted");
    assert_eq!((received(&desk, "2101"), received(&desk, "2102")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_sale_is_refunded_by_2103() {
    let desk = Desk::start(Setup::default()).await;
    let paid = pay(&desk, "paid").await;
    let request = yibaod::api::RefundSettlementRequest {
        request_id: "back".to_owned(),
        operator: sale(&desk, "").operator,
        key: Some(yibaod::api::refund_settlement_request::Key::SettlementId(
            paid.settlement_id.clone(),
        )),
        ..Default::default()
    };
    let mut client = desk.settlements().await;
    let answer = client
        .refund_settlement(request)
        .await
        .expect("it is taken");
    let refund = answer
        .into_inner()
        .refund
        .expect("an answer has its refund");
    assert_eq!(
        refund.money(),
        yibaod::api::RefundMoney::Refunded,
        "{refund:?}"
    );
    assert_eq!((received(&desk, "2103"), received(&desk, "2208")), (1, 0));
    let standing = |ledger: &yibaod::sandbox::platform::Ledger| {
        let rows = ledger.settlements();
        rows.iter().filter(|row| row.is_live()).count()
    };
    assert_eq!(desk.platform.ledger(standing), 0);
}
