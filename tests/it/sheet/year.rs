//! What the year came to, on the sheet: right to the fen, the same on every sheet and copy, and nothing that money, or
//! the sheet, depends on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use yibaod::api::print_request::Content;
use yibaod::api::reprint_request::Of;
use yibaod::api::{
    Money, Operator, OperatorKind, PrintJobState, PrintRequest, RefundMoney, ReprintRequest,
    Settlement, SheetPaper,
};
use yibaod::sandbox::devices::report::ReportPrinter;
use yibaod::sandbox::http::Edge;

use super::paper::{desk, get, settled, sheet};
use super::text_of;
use crate::desk::{Desk, Setup, Shows, bill, bill_for};
use crate::print::{ANSWER_WAIT_MS, client, print};
use crate::refund::{ended, of_request};

/// Longer than any test.
const NEVER_MS: u32 = 600_000;
const MISSING: &str = "年度累计未取得";

/// A site that prints the year, and a desk with a report printer at it. It waits as long as a site may: a busy machine
/// shall cost no figures.
async fn site() -> (Desk, ReportPrinter) {
    desk(Setup {
        profile_more: "[year_to_date]\nenabled = true\nwait_ms = 10000\n".to_owned(),
        ..Setup::default()
    })
    .await
}

fn asked(desk: &Desk) -> usize {
    (desk.platform).ledger(|ledger| ledger.received("5206").len())
}

/// What the sheet says of the year, from the first figure to the moment.
fn year_of(pdf: &[u8]) -> String {
    let text = text_of(pdf);
    let begin = text
        .find("就诊次数")
        .unwrap_or_else(|| panic!("no year in {text}"));
    let end = text.find("支付分项").expect("the parts come behind it");
    // The name of the grid stands before its last row.
    text[begin..end].replacen("累计公务员", "公务员", 1)
}

/// How the figures of these settlements stand on a sheet.
fn figures(of: &[&Settlement]) -> String {
    let sum = |amount: fn(&yibaod::api::Amounts) -> i64| {
        let amounts = of.iter().map(|it| it.amounts.as_ref().expect("it settled"));
        let fen: i64 = amounts.map(amount).sum();
        format!("{}.{:02}", fen / 100, fen % 100)
    };
    format!(
        "就诊次数{}医疗费总额{}统筹基金支付{}公务员医疗补助{}个人账户支付{}",
        of.len(),
        sum(|it| it.medfee_sumamt_fen),
        sum(|it| it.hifp_pay_fen),
        sum(|it| it.cvlserv_pay_fen),
        sum(|it| it.acct_pay_fen),
    )
}

async fn shown(desk: &Desk, request_id: &str) -> Vec<u8> {
    get(desk, request_id).await.expect("a sheet").pdf
}

fn printing(request_id: &str, of: &str, paper: SheetPaper) -> PrintRequest {
    PrintRequest {
        request_id: request_id.to_owned(),
        content: Some(Content::SettlementSheet(sheet(of, paper))),
        answer_wait_ms: ANSWER_WAIT_MS,
        ..PrintRequest::default()
    }
}

/// The papers of one settlement: A4, a copy of it, A5.
async fn papers(desk: &Desk, reports: &ReportPrinter, of: &str) -> Vec<Vec<u8>> {
    let before = reports.papers().len();
    let first = printing(&format!("{of}-a4"), of, SheetPaper::A4);
    let first = print(desk, first).await.expect("it prints");
    assert_eq!(first.state(), PrintJobState::Printed, "{first:?}");
    copy(desk, &format!("{of}-copy"), &first.job_id).await;
    let small = printing(&format!("{of}-a5"), of, SheetPaper::A5);
    let small = print(desk, small).await.expect("it prints");
    assert_eq!(small.state(), PrintJobState::Printed, "{small:?}");
    reports.papers().split_off(before)
}

async fn copy(desk: &Desk, request_id: &str, job_id: &str) {
    let wish = ReprintRequest {
        request_id: request_id.to_owned(),
        of: Some(Of::JobId(job_id.to_owned())),
        operator: Some(Operator {
            id: "007".to_owned(),
            name: "收费员甲".to_owned(),
            kind: OperatorKind::Staff.into(),
        }),
        reason: "患者遗失".to_owned(),
        wait_ms: None,
        answer_wait_ms: ANSWER_WAIT_MS,
    };
    let answer = client(desk).await.reprint(wish).await.expect("it is taken");
    let copied = answer.into_inner().job.expect("what is true");
    assert_eq!(copied.state(), PrintJobState::Printed, "{copied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_year_is_what_the_platform_charged_and_gave_back() {
    let (desk, reports) = site().await;
    let one = settled(&desk, "one").await;
    settled(&desk, "two").await;
    let back = ended(&desk, of_request("back", "two")).await;
    assert_eq!(back.money(), RefundMoney::Refunded);
    let three = settled(&desk, "three").await;
    // Somebody else's year.
    let shows = [Shows::fresh("resident")];
    let other = desk
        .pay(bill_for(&desk.platform, "resident", "other"), &shows)
        .await;
    assert_eq!(other.money(), Money::Settled, "{other:?}");
    assert_eq!(asked(&desk), 0, "no settlement asks");

    let first = year_of(&shown(&desk, "three").await);
    let expected = figures(&[&one, &three]);
    assert!(
        first.contains(&expected) && first.contains("年度累计，截至"),
        "no {expected} in {first}"
    );
    let others = year_of(&shown(&desk, "other").await);
    assert!(others.contains(&figures(&[&other])), "{others}");
    // What comes later changes nothing of a sheet that was seen; papers and copies say the same.
    let four = settled(&desk, "four").await;
    assert_eq!(year_of(&shown(&desk, "three").await), first);
    for paper in papers(&desk, &reports, "three").await {
        assert_eq!(year_of(&paper), first);
    }
    assert_eq!(asked(&desk), 2, "once for each settlement");
    let all = year_of(&shown(&desk, "four").await);
    assert!(all.contains(&figures(&[&one, &three, &four])), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_did_not_switch_it_on_asks_and_prints_nothing() {
    let (mut desk, reports) = desk(Setup::default()).await;
    let paid = settled(&desk, "paid").await;
    let mut papers = papers(&desk, &reports, "paid").await;
    papers.push(shown(&desk, "paid").await);
    for paper in papers {
        assert!(!text_of(&paper).contains("累计"));
    }
    assert_eq!(asked(&desk), 0);
    // Switched on later it stands on what is made then, and on no copy of what did not have it.
    desk.stop().await;
    let path = desk.dir().join("site.toml");
    let profile = std::fs::read_to_string(&path).expect("its profile");
    let on = profile.replace("enabled = false", "enabled = true");
    assert_ne!(on, profile);
    std::fs::write(&path, on).expect("its folder");
    desk.start_daemon().await;
    let year = year_of(&shown(&desk, "paid").await);
    assert!(year.contains(&figures(&[&paid])), "{year}");
    let first = print(&desk, printing("paid-a4", "paid", SheetPaper::A4)).await;
    copy(&desk, "late-copy", &first.expect("it is known").job_id).await;
    let copied = reports.papers().pop().expect("it came out");
    assert!(!text_of(&copied).contains("累计"));
    assert_eq!(asked(&desk), 1);
    // Switched off again it stands on nothing new, though it is known.
    desk.stop().await;
    std::fs::write(&path, &profile).expect("its folder");
    desk.start_daemon().await;
    assert!(!text_of(&shown(&desk, "paid").await).contains("累计"));
}

/// The sheet gives up, the 签到 that it waited for does not: the next patient is not kept by a second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_late_for_a_sheet_is_there_for_the_next_settlement() {
    let (mut desk, _reports) = desk(Setup {
        profile_more: "[year_to_date]\nenabled = true\nwait_ms = 1000\n".to_owned(),
        ..Setup::default()
    })
    .await;
    settled(&desk, "one").await;
    desk.stop().await;
    desk.start_daemon().await;
    let before = desk.received("9001");
    desk.platform.arm("F3@9001:4000").expect("a fault");
    assert!(text_of(&shown(&desk, "one").await).contains(MISSING));
    assert_eq!((desk.received("9001"), asked(&desk)), (before + 1, 0));
    settled(&desk, "two").await;
    assert_eq!(desk.received("9001"), before + 1);
}

/// Of somebody with two insurances each sheet says what the paying one came to.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_insurance_that_paid_counts() {
    let (desk, _reports) = desk(Setup {
        profile_more: "[year_to_date]\nenabled = true\nwait_ms = 10000\ncum_ym = \"month\"\n"
            .to_owned(),
        ..Setup::default()
    })
    .await;
    let mut paid = Vec::new();
    for (id, insutype) in [("residents", "390"), ("employees", "310")] {
        let mut request = bill_for(&desk.platform, "two_insurances", id);
        request.insutype = insutype.to_owned();
        let answer = desk.pay(request, &[Shows::fresh("two_insurances")]).await;
        assert_eq!(
            (answer.money(), &*answer.insutype),
            (Money::Settled, insutype)
        );
        paid.push((id, answer));
    }
    for (id, answer) in &paid {
        let year = year_of(&shown(&desk, id).await);
        assert!(year.contains(&figures(&[answer])), "{id}: {year}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pressed_ten_times_it_is_asked_once() {
    let (desk, _reports) = site().await;
    let paid = settled(&desk, "paid").await;
    let presses = (0..10).map(|_| shown(&desk, "paid"));
    let sheets = futures_util::future::join_all(presses).await;
    let first = year_of(&sheets[0]);
    assert!(first.contains(&figures(&[&paid])), "{first}");
    assert!(sheets.iter().all(|sheet| year_of(sheet) == first));
    assert_eq!(asked(&desk), 1);
}

/// Refused, lost, garbage, cut, slow: the sheet comes, says so, and says so ever after; the next one has its figures.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_an_answer_costs_the_figures_and_nothing_else() {
    let (desk, reports) = site().await;
    let slow = format!("F3@5206:{NEVER_MS}");
    let faults = [
        "N4@5206", "F2@5206", "F5@5206", "N6@5206", "F10@5206", "F21@5206",
    ];
    let mut all = Vec::new();
    for (place, fault) in faults.into_iter().chain([slow.as_str()]).enumerate() {
        let id = format!("paid-{place}");
        all.push(settled(&desk, &id).await);
        let before = asked(&desk);
        desk.platform.arm(fault).expect("a fault of the sandbox");
        let text = text_of(&shown(&desk, &id).await);
        assert!(
            text.contains(MISSING) && !text.contains("就诊次数"),
            "{fault}: {text}"
        );
        assert_eq!(asked(&desk), before + 1, "{fault}");
    }
    // The slow one is still being answered: the sheet did not wait for that.
    let last = (desk.platform).ledger(|ledger| ledger.received("5206"));
    assert_eq!(last.last().map(|row| row.delivery.is_none()), Some(true));
    // The platform is well again; what was said stays said, on paper too.
    desk.platform.disarm();
    let before = asked(&desk);
    let last = format!("paid-{}", all.len() - 1);
    let mut papers = papers(&desk, &reports, &last).await;
    papers.push(shown(&desk, "paid-0").await);
    for paper in papers {
        assert!(text_of(&paper).contains(MISSING));
    }
    assert_eq!(asked(&desk), before);
    all.push(settled(&desk, "well").await);
    let year = year_of(&shown(&desk, "well").await);
    assert!(
        year.contains(&figures(&all.iter().collect::<Vec<_>>())),
        "{year}"
    );
}

/// While a question hangs, the next patient pays.
#[tokio::test(flavor = "multi_thread")]
async fn no_settlement_waits_for_a_sheet() {
    let (desk, _reports) = site().await;
    settled(&desk, "first").await;
    (desk.platform.arm(&format!("F3@5206:{NEVER_MS}"))).expect("a fault of the sandbox");
    let paying = async {
        let out = async || (asked(&desk) == 1).then_some(());
        crate::desk::eventually(out).await.expect("it is asked");
        let shows = [Shows::fresh("employee")];
        let paid = desk.pay(bill(&desk, "second"), &shows).await;
        assert_eq!(paid.money(), Money::Settled, "{paid:?}");
    };
    tokio::pin!(paying);
    let sheet = shown(&desk, "first");
    tokio::pin!(sheet);
    tokio::select! {
        biased;
        () = &mut paying => {}
        _ = &mut sheet => panic!("the sheet was there first"),
    }
    assert!(text_of(&sheet.await).contains(MISSING));
}

/// Killed before anything is asked, and at every edge of the question: the money stands as it was told, and the sheet
/// has its figures, asked for anew where the answer was lost with the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_between_money_and_sheet_has_both() {
    let edges = [
        None,
        Some(Edge::FirstByte),
        Some(Edge::LastByte),
        Some(Edge::BeforeAnswer),
        Some(Edge::AfterAnswer),
    ];
    for edge in edges {
        let (mut desk, reports) = site().await;
        let paid = settled(&desk, "paid").await;
        match edge {
            None => desk.kill(),
            Some(edge) => {
                let fired = desk.kill_at("5206", edge);
                assert!(get(&desk, "paid").await.is_err(), "{edge:?}");
                assert!(fired.load(Ordering::SeqCst), "{edge:?}: never reached");
                assert!(desk.wait_until_ended(Duration::from_secs(20)).await);
            }
        }
        desk.start_daemon().await;
        let first = year_of(&shown(&desk, "paid").await);
        assert!(first.contains(&figures(&[&paid])), "{edge:?}: {first}");
        let times = asked(&desk);
        let expected = match edge {
            None => 1..=1,
            // The rest of it may have been on its way.
            Some(Edge::FirstByte) => 1..=2,
            Some(Edge::LastByte | Edge::BeforeAnswer | Edge::AfterAnswer) => 2..=2,
        };
        assert!(expected.contains(&times), "{edge:?}: asked {times} times");
        // The next process says the same again.
        desk.kill();
        desk.start_daemon().await;
        for paper in papers(&desk, &reports, "paid").await {
            assert_eq!(year_of(&paper), first, "{edge:?}");
        }
        assert_eq!(asked(&desk), times, "{edge:?}");
        let shows = [Shows::fresh("employee")];
        let told = desk.pay(bill(&desk, "paid"), &shows).await;
        assert_eq!(
            (told.money(), &told.setl_id),
            (Money::Settled, &paid.setl_id)
        );
        let charges = (desk.platform).ledger(|ledger| ledger.charges_of(&paid.psn_no).len());
        assert_eq!(charges, 1, "{edge:?}");
    }
}
