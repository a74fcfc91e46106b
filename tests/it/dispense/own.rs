//! Goods that come back by their own fields, and take-backs at the same moment: no more comes back than went out.

use yibaod::api::take_back_request::Of;
use yibaod::api::{DispenseState, TakeBackRequest};

use super::{FIRST, SECOND, back, goods, hand_out, received, show, take_back};
use crate::desk::{Desk, Setup, eventually, refusal};

/// These rows of the sample by their own fields: place, count, trace codes.
fn by_fields(request_id: &str, rows: &[(usize, &str, &[&str])]) -> TakeBackRequest {
    let mut given = goods("").goods.expect("goods");
    let all = std::mem::take(&mut given.lines);
    for (index, count, codes) in rows {
        let mut line = all[*index].clone();
        line.sel_retn_cnt = (*count).to_owned();
        line.trace_codes = codes.iter().map(|code| (*code).to_owned()).collect();
        given.lines.push(line);
    }
    let mut request = back(request_id, "", &[]);
    request.of = Some(Of::Goods(given));
    request
}

async fn check_refused(desk: &Desk, request: TakeBackRequest, name: &str, field: &str) {
    let id = request.request_id.clone();
    let told = refusal(&take_back(desk, request).await.expect_err(&id));
    assert_eq!(
        (told.name.as_str(), told.fields.as_str()),
        (name, field),
        "{id}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_given_by_their_fields_count_against_this_desks_own_hand_out() {
    let desk = Desk::start(Setup::default()).await;
    let out = hand_out(&desk, goods("out")).await.expect("it is taken");
    let much = by_fields("much", &[(0, "3", &[FIRST, SECOND])]);
    check_refused(
        &desk,
        much,
        "TAKEN_BACK_TOO_MUCH",
        "goods.lines[0].sel_retn_cnt",
    )
    .await;
    let mut pieces = by_fields("pieces", &[(0, "2", &[FIRST, SECOND])]);
    if let Some(Of::Goods(goods)) = &mut pieces.of {
        goods.lines[0].by_piece = true;
    }
    check_refused(&desk, pieces, "REQUEST_INVALID", "goods.lines[0].by_piece").await;
    let one = by_fields("one", &[(0, "1", &[SECOND])]);
    let one = take_back(&desk, one).await.expect("it is taken");
    assert_eq!(one.state(), DispenseState::Recorded, "{one:?}");
    assert_eq!(one.hand_out_id, out.dispense_id);
    assert_eq!(one.rows[0].line, 1);
    // It counts both ways: by the fields again, and by the id of the hand-out.
    let again = by_fields("again", &[(0, "1", &[SECOND])]);
    check_refused(
        &desk,
        again,
        "REQUEST_INVALID",
        "goods.lines[0].trace_codes",
    )
    .await;
    let both = back("both", "out", &[(1, "2", &[])]);
    let told = refusal(&take_back(&desk, both).await.expect_err("one is back"));
    assert_eq!(told.name, "TAKEN_BACK_TOO_MUCH");
    // With what is not of it they come back apart.
    let mixed = [
        (0, "1", [FIRST].as_slice()),
        (1, "1", &["81000030000000000399"]),
    ];
    let mixed = by_fields("mixed", &mixed);
    check_refused(&desk, mixed, "REQUEST_INVALID", "goods.lines[1]").await;
    assert_eq!(received(&desk, "3506A"), 1);
    // What this desk did not hand out is the platform's to judge.
    let elsewhere = by_fields("elsewhere", &[(1, "1", &["81000030000000000399"])]);
    let elsewhere = take_back(&desk, elsewhere).await.expect("it is told");
    assert_eq!(elsewhere.hand_out_id, "");
    assert_eq!(received(&desk, "3506A"), 2);
    let rest = by_fields("rest", &[(0, "1", &[FIRST])]);
    let rest = take_back(&desk, rest).await.expect("it is taken");
    assert_eq!(rest.state(), DispenseState::Recorded, "{rest:?}");
    // What came back and went out again is out again.
    hand_out(&desk, goods("anew")).await.expect("it is taken");
    let anew = by_fields("back-anew", &[(0, "2", &[FIRST, SECOND])]);
    let anew = take_back(&desk, anew).await.expect("it is taken");
    assert_eq!(anew.hand_out_id, show(&desk, "anew").await.dispense_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_take_back_does_not_hold_up_another_and_is_counted() {
    let desk = Desk::start(Setup::default()).await;
    hand_out(&desk, goods("out")).await.expect("it is taken");
    desk.platform.arm("F3@3506A:6000").expect("a fault");
    let slow = take_back(&desk, back("slow", "out", &[(1, "2", &[])]));
    let others = async {
        let out = eventually(async || (received(&desk, "3506A") == 1).then_some(()));
        out.await.expect("the first is out");
        let other = take_back(&desk, back("other", "out", &[(2, "1", &[])])).await;
        assert_eq!(other.expect("it is taken").state(), DispenseState::Recorded);
        assert_eq!(show(&desk, "slow").await.state(), DispenseState::Pending);
        // What is on its way back counts as back.
        let twice = back("twice", "out", &[(1, "1", &[FIRST])]);
        let told = refusal(&take_back(&desk, twice).await.expect_err("it is on its way"));
        assert_eq!(told.name, "TAKEN_BACK_TOO_MUCH");
        let fields = by_fields("fields", &[(0, "2", &[FIRST, SECOND])]);
        let field = "goods.lines[0].sel_retn_cnt,goods.lines[0].trace_codes";
        check_refused(&desk, fields, "TAKEN_BACK_TOO_MUCH", field).await;
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow.expect("it is taken").state(), DispenseState::Recorded);
    assert_eq!(received(&desk, "3506A"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_same_moment_one_of_two_brings_it_back() {
    let desk = Desk::start(Setup::default()).await;
    hand_out(&desk, goods("out")).await.expect("it is taken");
    let all = (0..6).map(|n| {
        let request = match n % 2 {
            0 => back(&format!("back-{n}"), "out", &[(1, "2", &[])]),
            _ => by_fields(&format!("back-{n}"), &[(0, "2", &[FIRST, SECOND])]),
        };
        take_back(&desk, request)
    });
    let told = futures_util::future::join_all(all).await;
    assert_eq!(
        told.iter().filter(|told| told.is_ok()).count(),
        1,
        "{told:?}"
    );
    assert_eq!(received(&desk, "3506A"), 1);
}
