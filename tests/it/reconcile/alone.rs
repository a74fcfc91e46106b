//! This desk's journal alone, asked for one by one with 5203.

use std::time::Duration;

use yibaod::api::{Money, ReconcileRequest};

use super::{other, reconcile, request, settle, today, told};
use crate::desk::{Desk, Setup, eventually, refusal};

fn setup() -> Setup {
    Setup {
        profile_more: "[reconciliation]\npace_ms = 0\n".to_owned(),
        no_printer: true,
        ..Setup::default()
    }
}

fn asked(desk: &Desk, infno: &str) -> usize {
    desk.platform.ledger(|ledger| ledger.received(infno).len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_all_agrees_is_one_line_with_its_sums() {
    let desk = Desk::start(setup()).await;
    let one = settle(&desk, "employee", "a-1").await;
    // Given back by the daemon itself: two rows more, and nothing in sum.
    desk.platform.arm("F12@2207").expect("a fault");
    let back = settle(&desk, "employee", "a-2").await;
    assert_eq!(back.money(), Money::Reversed, "{back:?}");
    let before = asked(&desk, "5203");
    let table = reconcile(&desk, request("r-1")).await.expect("it begins");
    assert_eq!(told(&table), []);
    assert!(
        table.error.is_none() && !table.ended_at.is_empty(),
        "{table:?}"
    );
    assert_eq!((table.settlements, table.refunds, table.asked), (2, 1, 3));
    let amounts = one.amounts.expect("it is settled");
    assert_eq!(table.medfee_sumamt_fen, amounts.medfee_sumamt_fen);
    assert_eq!(table.psn_cash_pay_fen, amounts.psn_cash_pay_fen);
    assert_eq!(asked(&desk, "5203"), before + 3);

    // The same request again, also after a restart, has the same table and asks nobody.
    let mut desk = desk;
    desk.kill();
    desk.start_daemon().await;
    let again = reconcile(&desk, request("r-1")).await.expect("it is there");
    assert_eq!(again, table);
    assert_eq!(asked(&desk, "5203"), before + 3);
    let body = ReconcileRequest {
        his_list: "setl_id,amount\n".to_owned(),
        ..request("r-1")
    };
    let refused = refusal(&reconcile(&desk, body).await.unwrap_err());
    assert_eq!(refused.name, "REQUEST_ID_OTHER_BODY");
    assert_eq!(refused.fields, "his_list");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_found_and_none_is_invented() {
    let desk = Desk::start(setup()).await;
    settle(&desk, "employee", "a-1").await;
    let refunded = settle(&desk, "employee", "a-2").await;
    let reversed = settle(&desk, "employee", "a-3").await;
    other::refund(&desk.platform, &refunded).await;
    other::reverse(&desk.platform, &reversed).await;
    let expected = [
        ("NOT_AT_PLATFORM", reversed.setl_id.clone()),
        ("REFUNDED_THERE_ONLY", refunded.setl_id.clone()),
    ];
    let table = reconcile(&desk, request("r-1")).await.expect("it begins");
    assert_eq!(told(&table), expected);
    for explanation in &table.explanations {
        assert!(!explanation.action_zh.is_empty() && !explanation.action_en.is_empty());
    }
    assert_eq!(table.explanations.len(), 2);

    // One answer whose fund contains the account: that amount differs, and no other.
    desk.platform.arm("F9@5203").expect("a fault");
    let table = reconcile(&desk, request("r-2")).await.expect("it begins");
    let odd: Vec<_> = table
        .differences
        .iter()
        .filter(|difference| difference.name == "AMOUNT_DIFFERS")
        .collect();
    assert_eq!((odd.len(), table.differences.len()), (1, 3), "{table:?}");
    assert_eq!(odd[0].field, "fund_pay_sumamt");
    assert!(odd[0].there_fen > odd[0].here_fen);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stuck_here_is_found_there_with_its_number() {
    // It cannot be found out by itself: 5203 wants a setl_id and 2601 reverses nothing.
    let setup = Setup {
        settle_quiet_s: 1,
        profile_more: "[reconciliation]\npace_ms = 0\n[transactions]\nreversible = []\n\
                       [enquiry]\nwithout_setl_id = false\n"
            .to_owned(),
        no_printer: true,
        ..Setup::default()
    };
    let mut desk = Desk::start(setup).await;
    desk.platform.arm("F1@2207").expect("a fault");
    let stuck = settle(&desk, "employee", "a-1").await;
    assert!(stuck.stuck, "{stuck:?}");
    let table = reconcile(&desk, request("r-1")).await.expect("it begins");
    assert_eq!(
        told(&table),
        [("OPEN_HERE", String::new())],
        "nobody can be asked here"
    );
    let body = ReconcileRequest {
        whole_hospital: true,
        besides: vec![super::group("310")],
        ..request("r-2")
    };
    let table = reconcile(&desk, body).await.expect("it begins");
    let there = desk.platform.ledger(|ledger| ledger.settlements());
    assert_eq!(
        told(&table),
        [("OPEN_HERE_FOUND_THERE", there[0].setl_id.clone())]
    );
    assert_eq!(table.differences[0].settlement_id, stuck.settlement_id);
    desk.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_asked_again_and_a_platform_that_is_down_is_said() {
    let desk = Desk::start(setup()).await;
    for n in 1..=3 {
        settle(&desk, "employee", &format!("a-{n}")).await;
    }
    for fault in [
        "F1@5203", "F4@5203", "F5@5203", "F22@5203", "F14@5203", "F6@5203", "F7@5203",
    ] {
        desk.platform.arm(fault).expect("a fault");
        let id = fault.replace('@', "-");
        let table = reconcile(&desk, request(&id)).await.expect("it begins");
        assert_eq!(told(&table), [], "{fault}");
        assert!(table.error.is_none(), "{fault}");
    }
    desk.platform.arm("F2@5203!").expect("a fault");
    let table = reconcile(&desk, request("down")).await.expect("it begins");
    let error = table.error.as_ref().expect("it is not whole");
    assert_eq!(error.name, "RECONCILIATION_INCOMPLETE");
    assert!(told(&table).iter().all(|(name, _)| *name == "NOT_COMPARED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_loses_nothing() {
    let mut desk = Desk::start(setup()).await;
    for n in 1..=4 {
        settle(&desk, "employee", &format!("a-{n}")).await;
    }
    let before = asked(&desk, "5203");
    desk.platform.arm("F3@5203!:400").expect("a fault");
    let mut client = desk.settlements().await;
    let mut told_steps = client
        .reconcile(request("r-1"))
        .await
        .expect("it begins")
        .into_inner();
    let both_out = async || (asked(&desk, "5203") >= before + 2).then_some(());
    eventually(both_out).await.expect("two questions go out");
    desk.kill();
    while let Ok(Some(_)) = told_steps.message().await {}
    desk.platform.disarm();
    desk.start_daemon().await;
    let table = tokio::time::timeout(Duration::from_secs(30), reconcile(&desk, request("r-1")));
    let table = table.await.expect("in time").expect("it is carried on");
    assert_eq!(told(&table), []);
    assert_eq!(table.settlements, 4);
    assert!(!table.ended_at.is_empty());
    let charges = desk.platform.ledger(|ledger| ledger.received("2207").len());
    assert_eq!(charges, 4, "a reconciliation moves no money");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reconciled_says_why() {
    let desk = Desk::start(setup()).await;
    let span = |from: &str, to: &str| ReconcileRequest {
        from: from.to_owned(),
        to: to.to_owned(),
        ..request("bad")
    };
    let today = today();
    for (body, name) in [
        (span("", ""), "SPAN_INVALID"),
        (span("2026-02-30", ""), "SPAN_INVALID"),
        (span("明天", ""), "SPAN_INVALID"),
        (span(&today, "2020-01-01"), "SPAN_INVALID"),
        (span("2999-01-01", ""), "SPAN_IN_FUTURE"),
        (span("2020-01-01", ""), "SPAN_BEFORE_JOURNAL"),
        (span("2020-01-01", "2021-01-01"), "SPAN_TOO_LONG"),
        (
            ReconcileRequest {
                his_list: "x".to_owned(),
                ..request("bad")
            },
            "HIS_LIST_UNREADABLE",
        ),
        (
            ReconcileRequest {
                his_list: "\n \n".to_owned(),
                ..request("bad")
            },
            "HIS_LIST_UNREADABLE",
        ),
        (
            ReconcileRequest {
                desks: vec![1],
                ..request("bad")
            },
            "REQUEST_INVALID",
        ),
        (
            ReconcileRequest {
                desks: vec![1_000],
                whole_hospital: true,
                ..request("bad")
            },
            "REQUEST_INVALID",
        ),
        (
            ReconcileRequest {
                operator: None,
                ..request("bad")
            },
            "REQUEST_INVALID",
        ),
        (
            ReconcileRequest {
                request_id: "张".to_owned(),
                ..request("bad")
            },
            "REQUEST_ID_INVALID",
        ),
    ] {
        let status = reconcile(&desk, body.clone()).await.unwrap_err();
        assert_eq!(refusal(&status).name, name, "{body:?}");
    }
    assert_eq!(
        desk.platform.ledger(|ledger| ledger.received_count()),
        0,
        "nobody was asked"
    );
}
