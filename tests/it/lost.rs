//! Lost answers: found by enquiry, reversed by 2601, or said to be unknown – never guessed.

use yibaod::api::{Money, PaperState, Settlement};

use crate::desk::{Desk, Setup, Shows, bill};

/// One settlement under these faults; its end agrees with the ledger, and 2207 went out once at most.
async fn under(setup: Setup, faults: &[&str]) -> (Desk, Settlement) {
    let (desk, truth) = under_repeats(setup, faults).await;
    let sent = received(&desk, "2207");
    assert!(sent <= 1, "{faults:?}: {sent} settling calls");
    (desk, truth)
}

/// [`under`], where a sure refusal lets 2207 go out again.
async fn under_repeats(setup: Setup, faults: &[&str]) -> (Desk, Settlement) {
    let desk = Desk::start(setup).await;
    for fault in faults {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let request_id = faults.join("-").replace(['@', ':', '!', '.', ','], "_");
    let shows = [
        Shows::fresh("employee"),
        Shows::fresh("employee"),
        Shows::fresh("employee"),
    ];
    let answer = desk.pay(bill(&desk, &request_id), &shows).await;
    let truth = desk.truth(&request_id).await.expect("it was accepted");
    assert_eq!(
        answer.money, truth.money,
        "the first answer was the truth: {answer:?}"
    );
    (desk, truth)
}

fn received(desk: &Desk, infno: &str) -> usize {
    desk.platform.ledger(|ledger| ledger.received(infno).len())
}

#[track_caller]
fn check_error(settlement: &Settlement, name: &str) {
    let error = settlement
        .error
        .as_ref()
        .expect("an answer that is not SETTLED says why");
    assert_eq!(error.name, name, "{settlement:?}");
    for text in [
        &error.meaning_zh,
        &error.meaning_en,
        &error.action_zh,
        &error.action_en,
    ] {
        assert!(!text.is_empty(), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_2207_answer_is_found_by_enquiry() {
    let (desk, settlement) = under(Setup::default(), &["F1@2207"]).await;
    assert_eq!(settlement.money(), Money::Settled);
    assert_eq!(
        settlement.paper.expect("it speaks of paper").state(),
        PaperState::Printed
    );
    assert_eq!((received(&desk, "2207"), received(&desk, "2601")), (1, 0));
    assert!(received(&desk, "5203") >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2207_that_commits_after_we_gave_up_is_found() {
    let setup = Setup {
        money_call_ms: 1_200,
        settle_quiet_s: 3,
        ..Setup::default()
    };
    // The platform commits two seconds after it read the request: the client gave up before.
    let (desk, settlement) = under(setup, &["F20@2207:2000"]).await;
    assert_eq!(settlement.money(), Money::Settled);
    assert_eq!(received(&desk, "2207"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_reversed_where_5203_cannot_be_asked() {
    let setup = Setup {
        profile_more: "[enquiry]\nwithout_setl_id = false\n".to_owned(),
        ..Setup::default()
    };
    let (desk, settlement) = under(setup, &["F1@2207"]).await;
    assert_eq!(settlement.money(), Money::Reversed);
    check_error(&settlement, "REVERSED_AFTER_LOST_ANSWER");
    assert_eq!((received(&desk, "2207"), received(&desk, "2601")), (1, 1));
    assert_eq!(desk.printer.papers().len(), 0, "nothing to take home");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_2601_is_asked_again() {
    let setup = Setup {
        profile_more: "[enquiry]\nwithout_setl_id = false\n".to_owned(),
        ..Setup::default()
    };
    let (desk, settlement) = under(setup, &["F1@2207", "F24@2601"]).await;
    assert_eq!(settlement.money(), Money::Reversed);
    assert_eq!((received(&desk, "2207"), received(&desk, "2601")), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2207_that_never_arrived_is_not_charged() {
    let (desk, settlement) = under(Setup::default(), &["F2@2207"]).await;
    assert!(
        matches!(settlement.money(), Money::Cancelled | Money::Reversed),
        "{settlement:?}"
    );
    assert_eq!(received(&desk, "2207"), 1);
    let standing = desk.platform.ledger(|ledger| ledger.settlements().len());
    assert_eq!(standing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn minus_one_though_committed_is_no_refusal() {
    let (_desk, settlement) = under(Setup::default(), &["F21@2207"]).await;
    assert_eq!(settlement.money(), Money::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_message_is_not_ours() {
    let (_desk, settlement) = under(Setup::default(), &["F22@2207"]).await;
    assert_eq!(
        settlement.money(),
        Money::Settled,
        "found by its own msgid: {settlement:?}"
    );
}

/// The ends of a 2207 whose answer cannot be read: what was done is found, what was not done is said by 5203
/// twice, the quiet time apart. None is refused.
#[tokio::test(flavor = "multi_thread")]
async fn html_and_cut_answers_are_unknown_until_asked() {
    let found = (Money::Settled, "");
    let not_there = (Money::Cancelled, "NOTHING_CHARGED");
    for (fault, end, charged, asked) in [
        // A gateway's page before the platform saw it, and one behind which it was done.
        ("F4@2207", not_there, 0, 2..),
        ("F4@2207:504", found, 1, 1..),
        // Half a JSON, and a body that breaks off.
        ("F5@2207", found, 1, 1..),
        ("F5@2207:1", found, 1, 1..),
        // Done at once, answered after the client gave up.
        ("F3@2207:1900", found, 1, 1..),
    ] {
        let (desk, settlement) = under(Setup::default(), &[fault]).await;
        let error = settlement.error.as_ref().map_or("", |error| &error.name);
        assert_eq!((settlement.money(), error), end, "{fault}: {settlement:?}");
        let live = desk.platform.ledger(|ledger| {
            let rows = ledger.settlements();
            rows.iter().filter(|row| row.is_live()).count()
        });
        assert_eq!(live, charged, "{fault}");
        let enquiries = received(&desk, "5203");
        assert!(
            asked.contains(&enquiries),
            "{fault}: asked {enquiries} times"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fen_between_2206_and_2207_is_given_back() {
    let (desk, settlement) = under(Setup::default(), &["F12@2207"]).await;
    assert_eq!(settlement.money(), Money::Reversed, "{settlement:?}");
    check_error(&settlement, "REVERSED_AMOUNTS_DIFFER");
    assert_eq!(received(&desk, "2208"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_2208_answer_is_asked_after() {
    let (desk, settlement) = under(Setup::default(), &["F12@2207", "F1@2208"]).await;
    assert_eq!(settlement.money(), Money::Reversed, "{settlement:?}");
    assert_eq!(received(&desk, "2208"), 1, "5203 said that it was refunded");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_before_the_money_do_not_show() {
    for infno in ["1101", "2201", "2203A", "2204", "2206"] {
        for kind in ["F1", "F2", "F4", "F5"] {
            let fault = format!("{kind}@{infno}");
            let (_desk, settlement) = under(Setup::default(), &[&fault]).await;
            assert_eq!(
                settlement.money(),
                Money::Settled,
                "{fault}: {settlement:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_right_answers_are_understood() {
    for fault in [
        "F6@2207", "F7@2207", "F8@2208", "F17@2207", "F6@1101", "F7@1101", "F14@2204",
    ] {
        let (_desk, settlement) = under(Setup::default(), &[fault]).await;
        assert_eq!(
            settlement.money(),
            Money::Settled,
            "{fault}: {settlement:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_down_charges_nothing() {
    let (_desk, settlement) = under(Setup::default(), &["F2@1101!"]).await;
    assert_eq!(settlement.money(), Money::Refused, "{settlement:?}");
    check_error(&settlement, "PLATFORM_NO_ANSWER");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_said_to_be_unknown() {
    let setup = Setup {
        settle_quiet_s: 1,
        profile_more: "[transactions]\nreversible = []\n[enquiry]\nwithout_setl_id = false\n"
            .to_owned(),
        ..Setup::default()
    };
    let (desk, settlement) = under(setup, &["F1@2207"]).await;
    assert_eq!(settlement.money(), Money::Unknown);
    assert!(settlement.stuck);
    check_error(&settlement, "STUCK");
    assert_eq!(received(&desk, "2207"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_ends_at_the_money_call_charges_once() {
    let (desk, settlement) = under_repeats(Setup::default(), &["F14@2207"]).await;
    assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
    // Refused for its sign-in, surely: signed in again and sent anew, under another msgid.
    assert_eq!((received(&desk, "2207"), received(&desk, "9001")), (2, 2));
}
