//! 9001 seen from outside: renewed at every transaction, never twice at once, never guessed about on a money call.

use serde_json::json;
use yibaod::api::{Money, Settlement};

use crate::desk::{Desk, Setup, Shows, bill, bill_for, error_name};

/// One settlement under these faults; 9001 was received so often.
async fn under(setup: Setup, faults: &[&str]) -> (Desk, Settlement) {
    let desk = Desk::start(setup).await;
    for fault in faults {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let request_id = faults.join("-").replace(['@', ':', '!'], "_");
    let shows = [Shows::fresh("employee")];
    let answer = desk.pay(bill(&desk, &request_id), &shows).await;
    (desk, answer)
}

fn without_setl_id() -> Setup {
    Setup {
        profile_more: "[enquiry]\nwithout_setl_id = false\n".to_owned(),
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_renewed_wherever_it_ends() {
    for infno in ["1101", "2201", "2203", "2204", "2206", "2207"] {
        let (desk, answer) = under(Setup::default(), &[&format!("F14@{infno}")]).await;
        assert_eq!(answer.money(), Money::Settled, "{infno}: {answer:?}");
        desk.assert_charged_once(&answer);
        let sent_as = if infno == "2203" { "2203A" } else { infno };
        assert_eq!(desk.received(sent_as), 2, "{infno}");
        assert_eq!(desk.received("9001"), 2, "{infno}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_renewed_while_something_is_found_out_or_taken_back() {
    for (setup, faults, money) in [
        (Setup::default(), ["F12@2207", "F14@2208"], Money::Reversed),
        (Setup::default(), ["F1@2207", "F14@5203"], Money::Settled),
        (without_setl_id(), ["F1@2207", "F14@2601"], Money::Reversed),
    ] {
        let (desk, answer) = under(setup, &faults).await;
        assert_eq!(answer.money(), money, "{faults:?}: {answer:?}");
        let infno = &faults[1][4..];
        assert_eq!(desk.received(infno), 2, "{faults:?}");
        assert_eq!(desk.received("9001"), 2, "{faults:?}");
        assert_eq!(desk.received("2207"), 1, "{faults:?}");
        if money == Money::Settled {
            desk.assert_charged_once(&answer);
        } else {
            desk.assert_nothing_charged();
        }
    }
}

/// Where the site is not known to say so surely, words about a sign-in do not mean that nothing was charged.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_money_call_its_words_alone_decide_nothing() {
    let setup = Setup {
        profile_more: "[answers.refusals]\n2207 = [\"无效token\"]\n2208 = [\"结算信息不存在\"]\n"
            .to_owned(),
        ..Setup::default()
    };
    // Unlisted where it was not processed: found out, and nothing is there.
    let (desk, answer) = under(setup.clone(), &["F14@2207"]).await;
    assert!(
        matches!(answer.money(), Money::Cancelled | Money::Reversed),
        "{answer:?}"
    );
    assert_eq!(desk.received("2207"), 1);
    assert!(desk.received("5203") >= 1);
    desk.assert_nothing_charged();
    // The same where the answer is another lie: it was processed.
    let (desk, answer) = under(setup, &["F21@2207"]).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    desk.assert_charged_once(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_or_lost_it_charges_nothing() {
    for fault in ["F13@9001!", "F1@9001!"] {
        let (desk, answer) = under(Setup::default(), &[fault]).await;
        assert_eq!(answer.money(), Money::Refused, "{fault}: {answer:?}");
        assert_eq!(error_name(&answer), "SIGN_IN_FAILED", "{fault}");
        assert_eq!(desk.received("1101"), 0, "{fault}");
        desk.assert_nothing_charged();
    }
    // Lost once: asked again, by a message of its own.
    let (desk, answer) = under(Setup::default(), &["F1@9001"]).await;
    desk.assert_charged_once(&answer);
    assert_eq!(desk.received("9001"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_settlements_at_once_share_one() {
    let desk = Desk::start(Setup::default()).await;
    // Long enough for both to need it.
    desk.platform.arm("F3@9001:1500").expect("a fault");
    let first = bill(&desk, "both-1");
    let second = bill_for(&desk.platform, "resident", "both-2");
    let (shows_first, shows_second) = ([Shows::fresh("employee")], [Shows::fresh("resident")]);
    let (first, second) = tokio::join!(
        desk.pay(first, &shows_first),
        desk.pay(second, &shows_second)
    );
    desk.assert_charged_once(&first);
    desk.assert_charged_once(&second);
    assert_eq!(desk.received("9001"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_day_wants_a_new_one_and_the_end_signs_out() {
    let mut desk = Desk::start(Setup::default()).await;
    let shows = [Shows::fresh("employee")];
    let today = desk.pay(bill(&desk, "today"), &shows).await;
    desk.assert_charged_once(&today);
    // It is past midnight at the platform; the gateway would refuse our clock before that.
    let tomorrow = json!({ "check_headers": false, "clock_shift_s": 86_400 });
    desk.platform.switch(&tomorrow).expect("its switches");
    let answer = desk.pay(bill(&desk, "tomorrow"), &shows).await;
    desk.assert_charged_once(&answer);
    assert_eq!(desk.received("9001"), 2);
    desk.until_idle().await;
    desk.stop().await;
    assert_eq!(desk.received("9002"), 1);
    let msgids = desk.platform.ledger(|ledger| ledger.duplicates().msgids);
    assert_eq!(msgids, Vec::<String>::new());
}
