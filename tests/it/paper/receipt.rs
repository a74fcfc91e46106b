//! What stands on the receipt.

use yibaod::api::{PaperProof, PaperState, Settlement};
use yibaod::sandbox::persons::Person;

use super::{assert_told, pay};
use crate::desk::{Desk, Setup, Shows, bill};

fn employee(desk: &Desk) -> Person {
    desk.platform
        .person("employee")
        .expect("a person of the sandbox")
}

async fn receipt(desk: &Desk, request_id: &str) -> (Settlement, String) {
    let answer = pay(desk, request_id).await;
    assert_told(
        desk,
        &answer,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    (answer, papers[0].text())
}

/// Name and value stand in one line, however far apart.
#[track_caller]
fn assert_line(text: &str, name: &str, value: &str) {
    let found = text
        .lines()
        .any(|line| line.contains(name) && line.trim_end().ends_with(value));
    assert!(found, "no line {name} … {value} in\n{text}");
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// The fields that a settlement sheet must have stand on the receipt too.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sheet_has_stands_on_the_receipt() {
    let desk = Desk::start(Setup {
        config_more: "[sheet]\nhospital_level = \"三级甲等\"\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let (answer, text) = receipt(&desk, "sheet").await;
    let amounts = answer.amounts.as_ref().expect("settled");
    let diagnosis = &bill(&desk, "x").visit.expect("it has one").diagnoses[0];
    assert_line(&text, "医院等级", "三级甲等");
    let (hidden, end) = answer.psn_no.split_at(answer.psn_no.len() - 4);
    let psn_no = format!("{}{end}", "*".repeat(hidden.len()));
    assert_line(&text, "个人编号", &psn_no);
    assert_line(&text, "主要诊断", &diagnosis.diag_name);
    for (name, fen) in [
        ("符合政策范围金额", amounts.inscp_scp_amt_fen),
        ("本次起付线", amounts.act_pay_dedc_fen),
        ("全自费金额", amounts.fulamt_ownpay_amt_fen),
        ("先行自付", amounts.preselfpay_amt_fen),
        ("基金支付总额", amounts.fund_pay_sumamt_fen),
        ("医保统筹基金支付", amounts.hifp_pay_fen),
        ("个人负担总额", amounts.psn_part_amt_fen),
        ("个人账户支付", amounts.acct_pay_fen),
        ("账户余额", amounts.balc_fen),
    ] {
        assert_line(&text, name, &yuan(fen));
    }
    for words in ["登记时间", "岁", "签名"] {
        assert!(text.contains(words), "no {words}:\n{text}");
    }
    assert_eq!(amounts.cvlserv_pay_fen, 0);
    assert!(
        !text.contains("公务员"),
        "what is nothing takes no line:\n{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_stands_on_it_and_names_are_masked() {
    let desk = Desk::start(Setup::default()).await;
    let (answer, text) = receipt(&desk, "lines").await;
    for words in [
        "虚构市第一人民医院",
        "门诊缴费医保结算凭条",
        "职工基本医疗保险",
        "仅供核对，不作报销凭证",
    ] {
        assert!(text.contains(words), "no {words}:\n{text}");
    }
    for (name, count_price_amount) in [
        ("挂号费", ["1", "1.00", "1.00"]),
        ("普通门诊诊察费", ["1", "20.00", "20.00"]),
        ("阿莫西林胶囊0.25g×24粒", ["2", "12.60", "25.20"]),
        ("缬沙坦胶囊80mg×7粒", ["2", "38.50", "77.00"]),
        ("复合维生素片30片", ["1", "45.00", "45.00"]),
        ("血细胞分析", ["1", "22.00", "22.00"]),
    ] {
        // The sign × takes two columns on paper; how a text shows that is of no interest here.
        let mut lines = text
            .lines()
            .skip_while(|line| line.replace(' ', "") != name);
        assert!(lines.next().is_some(), "no {name}:\n{text}");
        let row: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        assert_eq!(row, count_price_amount, "{name}");
    }
    let amounts = answer.amounts.as_ref().expect("settled");
    assert_line(&text, "医疗费总额", "190.20");
    assert_line(&text, "个人账户支付", &yuan(amounts.acct_pay_fen));
    assert_line(&text, "个人现金支付", &yuan(amounts.psn_cash_pay_fen));
    assert_line(&text, "结算ID", &answer.setl_id);
    assert_line(&text, "就诊ID", &answer.mdtrt_id);
    assert_line(&text, "门诊号", &answer.ipt_otp_no);
    assert_line(&text, "结算时间", &answer.setl_time);

    let person = employee(&desk);
    assert!(
        text.contains(&answer.masked_name) && answer.masked_name.contains('*'),
        "{text}"
    );
    for secret in [&person.name, &person.idno, &person.psn_no] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
    assert!(!desk.log().contains(&person.name) && !desk.log().contains(&person.idno));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_may_ask_for_whole_names_and_its_own_lines() {
    let config_more = "[receipt]\nmask_names = false\nhead = [\"内科楼一层收费处\"]\n\
                       foot = [\"请妥善保管\", \"咨询电话 0731-00000000\"]\n";
    let setup = Setup {
        config_more: config_more.to_owned(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let (_, text) = receipt(&desk, "names").await;
    let person = employee(&desk);
    for words in [
        &person.name,
        &person.idno,
        &person.psn_no,
        "内科楼一层收费处",
        "请妥善保管",
        "咨询电话 0731-00000000",
    ] {
        assert!(text.contains(words), "no {words}:\n{text}");
    }
    assert!(
        !text.contains("不作报销凭证"),
        "the site's own foot replaces it:\n{text}"
    );
    let (head, foot) = (text.find("内科楼一层收费处"), text.find("请妥善保管"));
    assert!(
        head < text.find("医疗费总额") && text.find("医疗费总额") < foot,
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_stands_on_it() {
    let desk = Desk::start(Setup::default()).await;
    let (answer, text) = receipt(&desk, "qr").await;
    let paper = &desk.printer.papers()[0];
    assert!(text.contains("[QR"), "{text}");
    let qr = text
        .lines()
        .find(|line| line.contains("[QR"))
        .unwrap_or_default();
    assert!(qr.contains(&answer.setl_id), "{qr}");
    // Its finder patterns are drawn: dark rows of many dots below the last text.
    let dark = (0..paper.height())
        .filter(|y| (0..576).filter(|x| paper.dot(*x, *y)).count() > 40)
        .count();
    assert!(dark > 20, "{dark} dark rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_without_glyph_is_printed_as_its_code_point() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = bill(&desk, "rare");
    // U+20BB7 is in no receipt printer; U+9FA5 is in all.
    request.bills[0].lines[2].name = "\u{20BB7}氏\u{9FA5}膏".to_owned();
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_told(
        &desk,
        &answer,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    let text = papers[0].text();
    assert!(text.contains("[U+20BB7]氏\u{9FA5}膏"), "{text}");
    assert_eq!(
        desk.printer.errors(),
        vec![],
        "no byte that it cannot print"
    );
    assert!(desk.log().contains("code point"), "a warning is in the log");
}
