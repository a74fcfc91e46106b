//! Sheets of settlements that stand: shown, printed once, copied with the mark.

use yibaod::api::print_request::Content;
use yibaod::api::reprint_request::Of;
use yibaod::api::settlement_sheet::Key;
use yibaod::api::{
    GetSettlementSheetRequest, GetSettlementSheetResponse, Money, Operator, OperatorKind, PrintJob,
    PrintJobState, PrintRequest, ReprintRequest, Settlement, SettlementSheet, SheetPaper,
};
use yibaod::sandbox::devices::report::ReportPrinter;

use super::{program, text_of};
use crate::desk::{Desk, Setup, Shows, bill, refusal};
use crate::identify::rights::{as_stranger, open_to_all, unmasked_reads};
use crate::print::{ANSWER_WAIT_MS, client, print};

/// A desk with a report printer.
pub(super) async fn desk(setup: Setup) -> (Desk, ReportPrinter) {
    program();
    let reports = ReportPrinter::start().expect("a free port");
    let device = format!(
        "[[device]]\nname = \"reports\"\nrole = \"report\"\nkind = \"ipp-printer\"\nuri = \"{}\"\n",
        reports.uri()
    );
    let config_more = format!("{device}\n{}", setup.config_more);
    let setup = Setup {
        config_more,
        ..setup
    };
    (Desk::start(setup).await, reports)
}

pub(super) async fn settled(desk: &Desk, request_id: &str) -> Settlement {
    let shows = [Shows::fresh("employee")];
    let answer = desk.pay(bill(desk, request_id), &shows).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    answer
}

pub(super) fn sheet(request_id: &str, paper: SheetPaper) -> SettlementSheet {
    SettlementSheet {
        key: Some(Key::RequestId(request_id.to_owned())),
        paper: paper.into(),
    }
}

pub(super) async fn get(
    desk: &Desk,
    request_id: &str,
) -> Result<GetSettlementSheetResponse, tonic::Status> {
    let request = GetSettlementSheetRequest {
        sheet: Some(sheet(request_id, SheetPaper::A4)),
    };
    let answer = client(desk).await.get_settlement_sheet(request).await?;
    Ok(answer.into_inner())
}

pub(super) fn printing(request_id: &str, paper: SheetPaper) -> PrintRequest {
    PrintRequest {
        request_id: request_id.to_owned(),
        content: Some(Content::SettlementSheet(sheet("paid", paper))),
        answer_wait_ms: ANSWER_WAIT_MS,
        ..PrintRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_shows_what_was_settled_and_nobody_whole() {
    let (desk, _reports) = desk(Setup {
        config_more: "[sheet]\nhospital_level = \"三级甲等\"\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let answer = settled(&desk, "paid").await;
    let told = get(&desk, "paid").await.expect("a sheet");
    assert_eq!(
        (&told.settlement_id, told.pages),
        (&answer.settlement_id, 1)
    );
    let text = text_of(&told.pdf);
    let amounts = answer.amounts.expect("it settled");
    let yuan = |fen: i64| format!("{}.{:02}", fen / 100, fen % 100);
    for (name, fen) in [
        ("医疗费总额", amounts.medfee_sumamt_fen),
        ("全自费金额", amounts.fulamt_ownpay_amt_fen),
        ("先行自付", amounts.preselfpay_amt_fen),
        ("符合政策范围金额", amounts.inscp_scp_amt_fen),
        ("本次起付线", amounts.act_pay_dedc_fen),
        ("基金支付总额", amounts.fund_pay_sumamt_fen),
        ("统筹基金支付", amounts.hifp_pay_fen),
        ("个人负担总额", amounts.psn_part_amt_fen),
        ("个人账户支付", amounts.acct_pay_fen),
        ("个人现金支付", amounts.psn_cash_pay_fen),
        ("账户余额", amounts.balc_fen),
    ] {
        let said = format!("{name}{}", yuan(fen));
        assert!(text.contains(&said), "no {said} in {text}");
    }
    for said in [
        &answer.setl_id,
        &answer.mdtrt_id,
        "三级甲等",
        "职工基本医疗保险",
        "阿莫西林",
    ] {
        assert!(text.contains(said), "no {said} in {text}");
    }
    let person = desk.platform.person("employee").expect("a person");
    for secret in [&person.name, &person.idno, &person.psn_no] {
        assert!(!text.contains(secret), "{text}");
    }
    let (hidden, end) = person.psn_no.split_at(person.psn_no.len() - 4);
    let psn_no = format!("{}{end}", "*".repeat(hidden.len()));
    assert!(text.contains(&psn_no), "no {psn_no} in {text}");
    let masked: String = person.name.chars().take(1).chain("**".chars()).collect();
    assert!(text.contains(&masked), "no {masked} in {text}");
    assert!(unmasked_reads(&desk).is_empty());
    let unknown = get(&desk, "never").await;
    assert_eq!(
        refusal(&unknown.expect_err("there is none")).name,
        "NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_has_its_own_split_when_the_platform_answers_in_reverse() {
    let (desk, _reports) = desk(Setup::default()).await;
    settled(&desk, "in-order").await;
    let reversed = serde_json::json!({ "lines_reversed": true });
    desk.platform.switch(&reversed).expect("a switch");
    settled(&desk, "reversed").await;
    let mut rows = Vec::new();
    for request_id in ["in-order", "reversed"] {
        let told = get(&desk, request_id).await.expect("a sheet");
        let text = text_of(&told.pdf);
        let begin = text.find("其中自费、自付").expect("the table of lines");
        let end = text
            .find("费医疗费总额")
            .or_else(|| text.find("医疗费总额"));
        rows.push(text[begin..end.expect("the amounts")].to_owned());
    }
    assert!(rows[0].contains("自费45.00"), "{}", rows[0]);
    assert_eq!(rows[0], rows[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_wants_names_whole_has_each_reading_recorded() {
    let (desk, _reports) = desk(Setup {
        config_more: "[sheet]\nmask_names = false\n".to_owned(),
        ..Setup::default()
    })
    .await;
    settled(&desk, "paid").await;
    let told = get(&desk, "paid").await.expect("a sheet");
    let person = desk.platform.person("employee").expect("a person");
    let text = text_of(&told.pdf);
    for whole in [&person.name, &person.idno, &person.psn_no] {
        assert!(text.contains(whole), "no {whole} in {text}");
    }
    assert_eq!(unmasked_reads(&desk).len(), 1);
    // Another user of the desk is told nothing of it.
    open_to_all(&desk);
    let path = desk.dir().join("sheet.pdf").display().to_string();
    let words = [
        "sheet",
        &told.settlement_id,
        "--by",
        "settlement",
        "--pdf",
        &path,
    ];
    let (_, refused) = as_stranger(&desk, &words).await;
    assert_eq!(refused["error"]["name"], "NOT_ALLOWED", "{refused}");
    assert_eq!(unmasked_reads(&desk).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_is_printed_once_on_each_paper() {
    let (desk, reports) = desk(Setup::default()).await;
    settled(&desk, "paid").await;
    let mut presses = Vec::new();
    for number in 0..10 {
        presses.push(print(
            &desk,
            printing(&format!("press-{number}"), SheetPaper::A4),
        ));
    }
    let jobs = futures_util::future::try_join_all(presses).await;
    let jobs: Vec<PrintJob> = jobs.expect("each is answered");
    for job in &jobs {
        assert_eq!(job.state(), PrintJobState::Printed, "{job:?}");
        assert_eq!(job.job_id, jobs[0].job_id);
    }
    // Asked again under its own id, also after a while.
    let again = print(&desk, printing(&jobs[0].request_id, SheetPaper::A4)).await;
    assert_eq!(again.expect("it is known").job_id, jobs[0].job_id);
    assert_eq!(reports.papers().len(), 1);
    let text = text_of(&reports.papers()[0]);
    assert!(text.contains("结算单") && !text.contains("补打"), "{text}");
    // What is shown is told from what was printed.
    assert!(!text.contains("供查看"), "{text}");
    let shown = get(&desk, "paid").await.expect("a sheet");
    assert!(text_of(&shown.pdf).contains("供查看"));
    // A5 is another paper.
    let small = print(&desk, printing("small", SheetPaper::A5)).await;
    assert_eq!(
        small.expect("it is printed").state(),
        PrintJobState::Printed
    );
    assert_eq!(reports.papers().len(), 2);
    // A copy says that it is one, and a copy of it that it is the second.
    let mut of = jobs[0].job_id.clone();
    for (id, count) in [("copy-1", "第1次"), ("copy-2", "第2次")] {
        let copy = copy(&desk, id, &of).await;
        assert_eq!(copy.state(), PrintJobState::Printed);
        assert_eq!(copy.copy_of, jobs[0].job_id);
        let papers = reports.papers();
        let text = text_of(papers.last().expect("it came out"));
        for said in ["补打", count, "收费员甲"] {
            assert!(text.contains(said), "no {said} in {text}");
        }
        let before = papers.len();
        assert_eq!(self::copy(&desk, id, &of).await.job_id, copy.job_id);
        assert_eq!(reports.papers().len(), before);
        of = copy.job_id;
    }
}

pub(super) async fn copy(desk: &Desk, request_id: &str, of: &str) -> PrintJob {
    let wish = ReprintRequest {
        request_id: request_id.to_owned(),
        of: Some(Of::JobId(of.to_owned())),
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
    answer.into_inner().job.expect("what is true")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_stand_has_no_sheet() {
    let (desk, reports) = desk(Setup::default()).await;
    // Another person's code.
    let answer = desk
        .pay(bill(&desk, "paid"), &[Shows::fresh("resident")])
        .await;
    assert_ne!(answer.money(), Money::Settled, "{answer:?}");
    let refused = get(&desk, "paid").await;
    assert_eq!(refusal(&refused.expect_err("none")).name, "NOT_FOUND");
    let refused = print(&desk, printing("press", SheetPaper::A4)).await;
    assert_eq!(refusal(&refused.expect_err("none")).name, "NOT_FOUND");
    assert!(reports.papers().is_empty());
}
