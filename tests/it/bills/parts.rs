//! Bills that are larger than one upload, where the site takes a batch in parts.

use serde_json::json;
use yibaod::api::{Money, ScanAndPayRequest};
use yibaod::book::Code;
use yibaod::sandbox::http::Edge;

use super::quiet;
use crate::desk::{Desk, Setup, Shows, bill};
use crate::told::{check_ended, check_not_begun};

/// Uploads that the lines below take at this site.
const PARTS: usize = 4;

async fn desk_that_splits(site_takes_parts: bool) -> Desk {
    let setup = Setup {
        profile_more: "[lines]\nlines_max = 4\nsplit_upload = true\n".to_owned(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let change = json!({ "split_upload": site_takes_parts });
    desk.platform.switch(&change).expect("a switch");
    desk
}

/// Two bills of the same kind: more lines than three uploads take.
fn large(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    let mut request = quiet(bill(desk, request_id));
    let lines = request.bills[0].lines.clone();
    request.bills.push(super::another(&request.bills[0], 1));
    request.bills[1].lines = lines.into_iter().cycle().take(8).collect();
    let count: usize = request.bills.iter().map(|bill| bill.lines.len()).sum();
    assert_eq!(count.div_ceil(4), PARTS, "{count} lines");
    request
}

async fn pay_large(desk: &Desk, request_id: &str) -> yibaod::api::Settlement {
    let request = large(desk, request_id);
    desk.pay(request, &[Shows::fresh("employee")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_bill_goes_up_in_parts_and_settles_once() {
    let desk = desk_that_splits(true).await;
    let total: i64 = (large(&desk, "sum").bills.iter())
        .flat_map(|bill| &bill.lines)
        .map(|line| line.amount_fen)
        .sum();
    let answer = pay_large(&desk, "large").await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let amounts = answer.amounts.clone().expect("what settled has amounts");
    assert_eq!(amounts.medfee_sumamt_fen, total);
    assert_eq!((desk.received("2204"), desk.received("2205")), (PARTS, 0));
    assert_eq!(desk.received("2207"), 1);
    desk.assert_charged_once(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_answer_is_lost_sends_the_whole_batch_anew() {
    for nth in 1..=PARTS {
        let desk = desk_that_splits(true).await;
        let platform = desk.platform.clone();
        // Armed by the upload before it, which has taken its own faults when it is answered.
        let before = if nth == 1 { "2203A" } else { "2204" };
        desk.platform.on_moment(move |moment| {
            let answers = moment.infno == before && moment.edge == Edge::BeforeAnswer;
            let uploads = platform.ledger(|ledger| ledger.received("2204").len());
            if answers && uploads == nth - 1 {
                platform.arm("F1@2204").expect("a fault of the sandbox");
            }
        });
        let answer = pay_large(&desk, &format!("lost-{nth}")).await;
        assert_eq!(answer.money(), Money::Settled, "{nth}: {answer:?}");
        let sent = (desk.received("2204"), desk.received("2205"));
        assert_eq!(sent, (nth + PARTS, 1), "part {nth} was lost");
        desk.assert_charged_once(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_takes_one_upload_only_gets_its_lines_back() {
    let desk = desk_that_splits(false).await;
    let answer = pay_large(&desk, "one-only").await;
    check_ended(&desk, &answer, Money::Refused, Code::PlatformRefused).await;
    let sent = (desk.received("2204"), desk.received("2205"));
    assert_eq!(
        sent,
        (2, 1),
        "the second part was refused, the first taken back"
    );
    assert!(
        desk.platform
            .ledger(|ledger| ledger.lines_open().is_empty())
    );
    assert!(
        desk.platform
            .ledger(|ledger| ledger.visits_open().is_empty())
    );
    desk.assert_nothing_charged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_fits_no_upload_is_refused_before_anything_is_scanned() {
    let setup = Setup {
        profile_more: "[lines]\nsplit_upload = true\ninput_chars_max = 1000\n".to_owned(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let mut request = quiet(bill(&desk, "long-line"));
    let long = "长".repeat(900);
    let line = &mut request.bills[0].lines[0];
    line.more.insert("exp_content".to_owned(), long);
    check_not_begun(&desk, request, Code::TooManyLines, "bills").await;
}
