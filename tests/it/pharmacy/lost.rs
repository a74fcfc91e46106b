//! Lost answers of 2102 and 2103. A lost 2102 leaves no number to ask by: where the site cannot be asked by person
//! it is reversed, and where it cannot be reversed a person decides.

use yibaod::api::{Money, Settlement};
use yibaod::sandbox::bills;

use super::{by_person, received, sale};
use crate::desk::{Desk, Setup, Shows, error_name, request_from};

/// One sale under these faults; its end agrees with the ledger, and 2102 went out once.
async fn under(setup: Setup, faults: &[&str]) -> (Desk, Settlement) {
    let desk = Desk::start(setup).await;
    let asked_by_person = serde_json::json!({ "query_by_person": true });
    desk.platform.switch(&asked_by_person).expect("a switch");
    for fault in faults {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let request_id = faults.join("-").replace(['@', ':', '!', '.', ','], "_");
    let shows = [
        Shows::fresh("employee"),
        Shows::fresh("employee"),
        Shows::fresh("employee"),
    ];
    let answer = desk.pay(sale(&desk, &request_id), &shows).await;
    let truth = desk.truth(&request_id).await.expect("it was accepted");
    assert_eq!(answer.money, truth.money, "the first answer was the truth");
    (desk, truth)
}

/// [`under`]; the settling call went out once.
async fn once(setup: Setup, faults: &[&str]) -> (Desk, Settlement) {
    let (desk, settlement) = under(setup, faults).await;
    assert_eq!(received(&desk, "2102"), 1, "{faults:?}");
    (desk, settlement)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_2102_is_reversed_by_its_own_number() {
    for fault in ["F1@2102", "F21@2102", "F22@2102", "F5@2102", "F4@2102:504"] {
        let (desk, settlement) = once(Setup::default(), &[fault]).await;
        assert_eq!(
            settlement.money(),
            Money::Reversed,
            "{fault}: {settlement:?}"
        );
        assert_eq!(error_name(&settlement), "REVERSED_AFTER_LOST_ANSWER");
        assert_eq!((received(&desk, "2601"), received(&desk, "5203")), (1, 0));
        let body = desk
            .platform
            .ledger(|ledger| ledger.received("2601")[0].body.clone());
        assert_eq!(body["input"]["data"]["oinfno"], "2102");
        assert_eq!(body["input"]["data"]["omsgid"], settlement.msgid.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_2102_is_found_where_the_person_alone_can_be_asked_about() {
    for fault in [
        "F1@2102",
        "F5@2102:1",
        "F4@2102:504",
        "F21@2102",
        "F22@2102",
        "F23@2102:2",
        "F3@2102:1900",
    ] {
        let (desk, settlement) = once(by_person(), &[fault]).await;
        assert_eq!(
            settlement.money(),
            Money::Settled,
            "{fault}: {settlement:?}"
        );
        assert!(!settlement.mdtrt_id.is_empty(), "2102's own visit");
        assert_eq!(received(&desk, "2601"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2102_that_commits_after_we_gave_up_is_found() {
    let setup = Setup {
        money_call_ms: 1_200,
        settle_quiet_s: 3,
        ..by_person()
    };
    let (_desk, settlement) = once(setup, &["F20@2102:2000"]).await;
    assert_eq!(settlement.money(), Money::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2102_that_never_arrived_is_not_charged() {
    for setup in [Setup::default(), by_person()] {
        for fault in ["F2@2102", "F4@2102"] {
            let (desk, settlement) = once(setup.clone(), &[fault]).await;
            let money = settlement.money();
            assert!(
                matches!(money, Money::Cancelled | Money::Reversed),
                "{settlement:?}"
            );
            assert_eq!(desk.platform.ledger(|ledger| ledger.settlements().len()), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_2601_is_asked_again() {
    let (desk, settlement) = once(Setup::default(), &["F1@2102", "F24@2601"]).await;
    assert_eq!(settlement.money(), Money::Reversed);
    assert_eq!(received(&desk, "2601"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_neither_be_found_nor_reversed_waits_for_a_person() {
    let uid = rustix::process::getuid().as_raw();
    let setup = Setup {
        settle_quiet_s: 1,
        profile_more: "[transactions]\nreversible = [\"2207\"]\n".to_owned(),
        config_more: format!("[access]\nunnamed_bill = [\"uid:{uid}\"]\n"),
        ..Setup::default()
    };
    let (desk, settlement) = once(setup, &["F1@2102"]).await;
    assert_eq!(settlement.money(), Money::Unknown);
    // It may be the same sale again: nothing more is sold to this person before a person has looked.
    let again = desk.scan_and_pay(sale(&desk, "again")).await;
    let again = again.expect_err("the first one is in doubt");
    assert_eq!(crate::desk::refusal(&again).name, "SALE_IN_DOUBT");
    assert_eq!(received(&desk, "2102"), 1);
    assert!(settlement.stuck);
    assert_eq!(error_name(&settlement), "STUCK");
    assert_eq!((received(&desk, "2601"), received(&desk, "5203")), (0, 0));
    // Named or not: once 1101 has said who it is, it is the same person.
    let mut unnamed = sale(&desk, "unnamed");
    unnamed.patient = None;
    let unnamed = desk.pay(unnamed, &[Shows::fresh("employee")]).await;
    assert_eq!(unnamed.money(), Money::Refused, "{unnamed:?}");
    assert_eq!(error_name(&unnamed), "SALE_IN_DOUBT");
    assert_eq!((received(&desk, "2101"), received(&desk, "2102")), (1, 1));
    // Somebody else buys as ever.
    let person = desk.platform.person("resident").expect("a person");
    let mut other = request_from(&bills::pharmacy(&person));
    other.request_id = "other".to_owned();
    other.print = yibaod::api::PrintWish::No.into();
    let other = desk.pay(other, &[Shows::fresh("resident")]).await;
    assert_eq!(other.money(), Money::Settled, "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sales_to_one_person_at_once_one_is_sent() {
    let setup = Setup {
        money_call_ms: 9_000,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    desk.platform.arm("F3@2102:6000").expect("a fault");
    let shows = [Shows::fresh("employee")];
    let (one, two) = tokio::join!(
        desk.pay(sale(&desk, "one"), &shows),
        desk.pay(sale(&desk, "two"), &shows)
    );
    let (sent, kept) = if one.money() == Money::Settled {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(sent.money(), Money::Settled, "{sent:?}");
    assert_eq!(kept.money(), Money::Refused, "{kept:?}");
    assert_eq!(error_name(&kept), "SALE_IN_DOUBT");
    assert_eq!(received(&desk, "2102"), 1);
    // Once the first has its end, the second basket is sold under a new id.
    let anew = desk.pay(sale(&desk, "anew"), &shows).await;
    assert_eq!(anew.money(), Money::Settled, "{anew:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fen_between_2101_and_2102_is_given_back() {
    let (desk, settlement) = once(Setup::default(), &["F12@2102"]).await;
    assert_eq!(settlement.money(), Money::Reversed, "{settlement:?}");
    assert_eq!(error_name(&settlement), "REVERSED_AMOUNTS_DIFFER");
    assert_eq!((received(&desk, "2103"), received(&desk, "2208")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_2103_is_asked_after_by_the_settlements_own_number() {
    for fault in [
        "F1@2103",
        "F2@2103",
        "F4@2103",
        "F4@2103:504",
        "F5@2103",
        "F5@2103:1",
        "F21@2103",
        "F22@2103",
        "F23@2103:2",
        "F8@2103",
        "F6@2103",
        "F20@2103:1900",
    ] {
        let (desk, settlement) = once(Setup::default(), &["F12@2102", fault]).await;
        assert_eq!(
            settlement.money(),
            Money::Reversed,
            "{fault}: {settlement:?}"
        );
        let sent = received(&desk, "2103");
        let lost = ["F2@2103", "F4@2103"].contains(&fault);
        assert_eq!(sent, if lost { 2 } else { 1 }, "{fault}");
        if sent == 2 {
            assert!(
                received(&desk, "5203") >= 1,
                "{fault}: it was asked between"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2103_that_is_refused_waits_for_a_person() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform.arm("F12@2102").expect("a fault");
    // From here on everything that writes is refused, by a text that is on the list.
    let platform = std::sync::Arc::downgrade(&desk.platform);
    desk.platform.on_moment(move |moment| {
        let is_whole = moment.edge == yibaod::sandbox::http::Edge::LastByte;
        if moment.infno == "2103" && is_whole {
            let closed = serde_json::json!({ "closed": "结算信息不存在" });
            let platform = platform.upgrade().expect("it runs");
            platform.switch(&closed).expect("a switch");
        }
    });
    let answer = desk
        .pay(sale(&desk, "kept"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(answer.money(), Money::Unknown, "{answer:?}");
    assert!(answer.stuck);
    assert_eq!(received(&desk, "2103"), 1);
    let standing = |ledger: &yibaod::sandbox::platform::Ledger| ledger.settlements()[0].is_live();
    assert!(desk.platform.ledger(standing), "it is charged still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2102_that_is_refused_by_a_known_text_is_refused() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = sale(&desk, "refused");
    // 2101 does not take trace codes, so that only 2102 can find fault with them.
    request.bills[0].lines[0].trace_codes[0].drug_trac_codg = "8".repeat(100);
    let spelling = serde_json::json!({ "trace_node": "drug_trac_info" });
    desk.platform.switch(&spelling).expect("a switch");
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_eq!(answer.money(), Money::Refused, "{answer:?}");
    assert_eq!(error_name(&answer), "SETTLE_REFUSED");
    desk.truth("refused").await.expect("it was accepted");
    assert_eq!((received(&desk, "2102"), received(&desk, "2601")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_text_is_no_refusal() {
    let desk = Desk::start(Setup::default()).await;
    let closed = serde_json::json!({ "closed": "日终处理中" });
    desk.platform.switch(&closed).expect("a switch");
    let answer = desk
        .pay(sale(&desk, "night"), &[Shows::fresh("employee")])
        .await;
    assert_ne!(answer.money(), Money::Refused, "{answer:?}");
    assert_ne!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(received(&desk, "2102"), 1);
    desk.truth("night").await.expect("it was accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_before_the_money_do_not_show() {
    for kind in ["F1", "F2", "F4", "F5", "F6", "F7", "F8", "F17"] {
        let (_desk, settlement) = once(Setup::default(), &[&format!("{kind}@2101")]).await;
        assert_eq!(settlement.money(), Money::Settled, "{kind}: {settlement:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_right_answers_of_2102_are_understood() {
    for kind in ["F6", "F7", "F8", "F17", "F3", "F23"] {
        let value = if kind == "F3" { ":700" } else { "" };
        let (_desk, settlement) = once(Setup::default(), &[&format!("{kind}@2102{value}")]).await;
        assert_eq!(settlement.money(), Money::Settled, "{kind}: {settlement:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_surely_was_not_processed_is_sent_again_under_another_number() {
    for (fault, money) in [
        ("F14@2102", Money::Settled),
        ("F11@2102", Money::Refused),
        ("F10@2102", Money::Refused),
    ] {
        let (desk, settlement) = under(Setup::default(), &[fault]).await;
        assert_eq!(settlement.money(), money, "{fault}: {settlement:?}");
        let sent = received(&desk, "2102");
        assert_eq!(sent, if money == Money::Settled { 2 } else { 1 }, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_said_to_be_repeated_is_looked_into() {
    let (_desk, settlement) = once(by_person(), &["F13@2102"]).await;
    assert!(
        matches!(settlement.money(), Money::Cancelled | Money::Reversed),
        "{settlement:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn funds_with_the_account_inside_are_refused_before_the_money() {
    let (desk, settlement) = under(Setup::default(), &["F9@2101"]).await;
    assert_eq!(settlement.money(), Money::Refused, "{settlement:?}");
    assert_eq!(error_name(&settlement), "AMOUNTS_IMBALANCED");
    assert_eq!(received(&desk, "2102"), 0);
    let (desk, settlement) = once(Setup::default(), &["F9@2102"]).await;
    assert_eq!(settlement.money(), Money::Reversed, "{settlement:?}");
    assert_eq!(received(&desk, "2103"), 1);
}
