//! Lost answers of 3505A and 3506A: told again only where the site says that this is harmless, else for a person.

use std::sync::atomic::Ordering;
use std::time::Duration;

use yibaod::api::{Dispense, DispenseState, ResolvedAs};
use yibaod::sandbox::http::Edge;

use super::{back, goods, hand_out, ledger, received, show, take_back};
use crate::desk::{Desk, Setup, eventually, refusal};
use crate::resolve::yibaoctl;

const LOST: [&str; 7] = ["F1", "F5", "F5:1", "F4:504", "F20:1900", "F21", "F22"];
const NEVER_THERE: [&str; 2] = ["F2", "F4"];

/// A fault at this transaction: `F5:1` at `3505A` is `F5@3505A:1`.
fn at(fault: &str, infno: &str) -> String {
    match fault.split_once(':') {
        Some((name, value)) => format!("{name}@{infno}:{value}"),
        None => format!("{fault}@{infno}"),
    }
}

fn setup(harmless: bool) -> Setup {
    Setup {
        profile_more: format!(
            "[dispense]\nrepeat_is_harmless = {harmless}\n[timeouts]\ncall_ms = 1500\n"
        ),
        ..Setup::default()
    }
}

/// One hand-out, or one take-back of one, under a fault.
async fn under(desk: &Desk, fault: &str, is_return: bool) -> Dispense {
    if is_return {
        hand_out(desk, goods("out")).await.expect("it is taken");
        desk.platform.arm(&at(fault, "3506A")).expect("a fault");
        let request = back("it", "out", &[(2, "1", &[])]);
        return take_back(desk, request).await.expect("it is taken");
    }
    desk.platform.arm(&at(fault, "3505A")).expect("a fault");
    hand_out(desk, goods("it")).await.expect("it is taken")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_waits_for_a_person() {
    for is_return in [false, true] {
        let infno = if is_return { "3506A" } else { "3505A" };
        for fault in LOST.into_iter().chain(NEVER_THERE) {
            let desk = Desk::start(setup(false)).await;
            let told = under(&desk, fault, is_return).await;
            // An answer that speaks of our rows is ours.
            if fault == "F22" {
                assert_eq!(told.state(), DispenseState::Recorded, "{infno}: {told:?}");
                continue;
            }
            assert_eq!(
                told.state(),
                DispenseState::Unknown,
                "{fault} {infno}: {told:?}"
            );
            assert!(told.stuck);
            assert_eq!(
                told.error.as_ref().expect("a reason").name,
                "DISPENSE_UNKNOWN"
            );
            assert_eq!(received(&desk, infno), 1, "{fault}: told once");
            assert_eq!(
                desk.status().await.stuck_settlements,
                1,
                "{fault}: it is listed"
            );
            let mut client = desk.settlements().await;
            let listed = client.list_stuck(yibaod::api::ListStuckRequest {}).await;
            let listed = listed.expect("a list").into_inner().items;
            assert_eq!(listed[0].subject(), yibaod::api::StuckSubject::Dispense);
            assert_eq!(
                (listed[0].infno.as_str(), listed[0].msgid.as_str()),
                (infno, told.msgid.as_str())
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_harmless_a_lost_one_is_told_again() {
    for fault in NEVER_THERE {
        let desk = Desk::start(setup(true)).await;
        let told = under(&desk, fault, false).await;
        assert_eq!(told.state(), DispenseState::Recorded, "{fault}: {told:?}");
        assert_eq!((received(&desk, "3505A"), ledger(&desk).len()), (2, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_delivers_twice_and_odd_answers_change_nothing() {
    for fault in ["F23", "F6", "F7"] {
        let desk = Desk::start(setup(false)).await;
        let told = under(&desk, fault, false).await;
        assert_eq!(told.state(), DispenseState::Recorded, "{fault}: {told:?}");
        assert_eq!(ledger(&desk).len(), 2, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_in_doubt_is_counted_as_back() {
    let desk = Desk::start(setup(false)).await;
    under(&desk, "F1", true).await;
    let again = back("again", "out", &[(2, "1", &[])]);
    assert!(take_back(&desk, again).await.is_err());
    assert_eq!(received(&desk, "3506A"), 1);
}

/// Nothing asks the platform what became of the first: until a person has, the same goods are not told under another
/// id, and nobody is kept from other goods.
#[tokio::test(flavor = "multi_thread")]
async fn goods_in_doubt_are_not_told_again_under_another_id() {
    let desk = Desk::start(setup(false)).await;
    let told = under(&desk, "F1", false).await;
    assert_eq!(told.state(), DispenseState::Unknown, "{told:?}");
    let refused = refusal(&hand_out(&desk, goods("again")).await.expect_err("in doubt"));
    assert_eq!(refused.name, "DISPENSE_UNKNOWN");
    assert!(
        refused.detail.contains(&told.dispense_id),
        "it names the first: {refused:?}"
    );
    assert_eq!(received(&desk, "3505A"), 1);
    let mut others = goods("others");
    let of_others = others.goods.as_mut().expect("goods");
    of_others.mdtrt_sn = "MZ-OTHER".to_owned();
    for (number, line) in of_others.lines.iter_mut().enumerate() {
        line.trace_codes = vec![format!("8100009000000000099{number}")];
    }
    of_others.lines[0].sel_retn_cnt = "1".to_owned();
    let others = hand_out(&desk, others).await.expect("they are other goods");
    assert_eq!(others.state(), DispenseState::Recorded, "{others:?}");
    let stated = stated(&desk, &told, &["not-recorded"]).await;
    assert_eq!(stated.state(), DispenseState::Refused, "{stated:?}");
    hand_out(&desk, goods("again"))
        .await
        .expect("it is known that they are not out");
    assert_eq!(received(&desk, "3505A"), 3);
}

/// States this of what is stuck, as an operator does; what is true afterwards.
async fn stated(desk: &Desk, told: &Dispense, how: &[&str]) -> Dispense {
    let mut arguments = vec![
        "resolve",
        &told.dispense_id,
        "--reason",
        "门户已核对",
        "--as",
    ];
    arguments.extend(how);
    let (printed, _) = yibaoctl(desk, &arguments);
    assert!(printed.contains("人工认定"), "{printed}");
    show(desk, "it").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_states_what_the_platform_has() {
    // The platform has it: it can come back, once.
    let mut desk = Desk::start(setup(false)).await;
    let told = under(&desk, "F1", false).await;
    let (list, exit) = yibaoctl(&desk, &["stuck"]);
    assert_eq!(exit, 1);
    for fact in ["rtal_docno", "recorded|not-recorded", &told.msgid] {
        assert!(list.contains(fact), "{fact} not in {list}");
    }
    let early = take_back(&desk, back("early", "it", &[(2, "1", &[])])).await;
    assert!(early.is_err(), "nobody knows yet that it went out");
    let all = stated(&desk, &told, &["recorded"]).await;
    assert_eq!((all.state(), all.stuck), (DispenseState::Recorded, false));
    let resolution = all.resolution.as_ref().expect("it was stated");
    assert_eq!(resolution.r#as(), ResolvedAs::Recorded);
    assert!(resolution.by.starts_with("uid:"));
    assert_eq!(desk.status().await.stuck_settlements, 0);
    desk.stop().await;
    desk.start_daemon().await;
    assert_eq!(show(&desk, "it").await, all, "it is on disk");
    let first = take_back(&desk, back("first", "it", &[(2, "1", &[])])).await;
    assert_eq!(first.expect("it is taken").state(), DispenseState::Recorded);
    assert!(
        take_back(&desk, back("again", "it", &[(2, "1", &[])]))
            .await
            .is_err()
    );
    // The same again is as once; another is refused, and so is what speaks of money.
    assert_eq!(stated(&desk, &told, &["recorded"]).await, all);
    for (verdict, name) in [
        (ResolvedAs::NotRecorded, "RESOLVED_OTHERWISE"),
        (ResolvedAs::Settled, "RESOLVE_CONTRADICTS"),
        (ResolvedAs::Refunded, "RESOLVE_CONTRADICTS"),
    ] {
        let status = crate::resolve::state(&desk, &told.dispense_id, verdict).await;
        assert_eq!(refusal(&status.expect_err("it is refused")).name, name);
    }
    assert_eq!(received(&desk, "3505A"), 1, "nothing was told again");
    // The platform has nothing: the same goods go out under another id.
    let desk = Desk::start(setup(false)).await;
    let told = under(&desk, "F2", false).await;
    let none = stated(&desk, &told, &["not-recorded"]).await;
    assert_eq!((none.state(), none.stuck), (DispenseState::Refused, false));
    assert_eq!(
        none.error.as_ref().expect("a reason").name,
        "RESOLVED_BY_PERSON"
    );
    let anew = hand_out(&desk, goods("anew")).await.expect("it is taken");
    assert_eq!(anew.state(), DispenseState::Recorded);
    assert_eq!(ledger(&desk).len(), 2, "each package went out once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_back_that_did_not_happen_may_be_told_anew() {
    let desk = Desk::start(setup(false)).await;
    let told = under(&desk, "F2", true).await;
    assert!(
        take_back(&desk, back("more", "out", &[(2, "1", &[])]))
            .await
            .is_err()
    );
    let none = stated(&desk, &told, &["not-recorded"]).await;
    assert_eq!(none.state(), DispenseState::Refused);
    let anew = take_back(&desk, back("anew", "out", &[(2, "1", &[])])).await;
    assert_eq!(anew.expect("it is taken").state(), DispenseState::Recorded);
    // One that did happen stays back, row by row.
    let desk = Desk::start(setup(false)).await;
    let told = under(&desk, "F1", true).await;
    let back_there = stated(&desk, &told, &["recorded", "--lines", "2"]).await;
    assert_eq!(back_there.state(), DispenseState::Recorded);
    assert!(
        take_back(&desk, back("more", "out", &[(2, "1", &[])]))
            .await
            .is_err()
    );
    let status = crate::resolve::state(&desk, &told.dispense_id, ResolvedAs::NotRecorded).await;
    assert_eq!(
        refusal(&status.expect_err("it was stated")).name,
        "RESOLVED_OTHERWISE"
    );
}

async fn killed_at(infno: &'static str) {
    for edge in [
        Edge::FirstByte,
        Edge::LastByte,
        Edge::BeforeAnswer,
        Edge::AfterAnswer,
    ] {
        let mut desk = Desk::start(setup(false)).await;
        if infno == "3506A" {
            hand_out(&desk, goods("out")).await.expect("it is taken");
        }
        let fired = desk.kill_at(infno, edge);
        let gone = if infno == "3506A" {
            take_back(&desk, back("it", "out", &[(2, "1", &[])])).await
        } else {
            hand_out(&desk, goods("it")).await
        };
        assert!(gone.is_err(), "{edge:?}: {gone:?}");
        assert!(
            desk.wait_until_ended(Duration::from_secs(5)).await,
            "{edge:?}"
        );
        desk.start_daemon().await;
        let over = eventually(async || {
            let told = show(&desk, "it").await;
            (told.stuck || told.state() == DispenseState::Recorded).then_some(told)
        });
        let told = over.await.expect("it ends");
        assert_eq!(received(&desk, infno), 1, "{edge:?}: told once");
        if told.state() != DispenseState::Recorded {
            assert_eq!(told.state(), DispenseState::Unknown, "{edge:?}: {told:?}");
        }
        assert!(fired.load(Ordering::SeqCst));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_handing_out() {
    killed_at("3505A").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_taking_back() {
    killed_at("3506A").await;
}
