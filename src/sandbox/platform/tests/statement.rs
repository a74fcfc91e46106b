//! 3201, 3202, 9101 and 9102: what is required, and what does not fit.

use serde_json::{Value, json};

use super::desk::{Desk, done, refused};
use crate::sandbox::platform::{fields, zip};

fn totals(day: &str, count: i64) -> Value {
    json!({ "data": {
        "insutype": "310", "clr_type": "11", "setl_optins": "430100",
        "stmt_begndate": day, "stmt_enddate": day, "medfee_sumamt": 0, "fund_pay_sumamt": 0,
        "acct_pay": 0, "fixmedins_setl_cnt": count, "fixmedins_refd_setl_flag": "0",
    }})
}

fn details(day: &str, number: &str) -> Value {
    json!({ "data": {
        "setl_optins": "430100", "file_qury_no": number, "stmt_begndate": day,
        "stmt_enddate": day, "medfee_sumamt": 0, "fund_pay_sumamt": 0, "cash_payamt": 0,
        "fixmedins_setl_cnt": 0, "clr_type": "11", "fixmedins_refd_setl_flag": "0",
    }})
}

fn upload(bytes: &[u8]) -> Value {
    json!({ "fsUploadIn": {
        "in": bytes, "filename": "a.zip", "fixmedins_code": "H43010099901",
    }})
}

fn today() -> String {
    crate::sandbox::platform::clock::day(jiff::Timestamp::now())
}

#[tokio::test]
async fn every_required_field_is_required() {
    let desk = Desk::open("employee").await;
    let day = today();
    let download = json!({ "fsDownloadIn": {
        "file_qury_no": "1", "filename": "a.zip", "fixmedins_code": "H43010099901",
    }});
    let mut tried = 0;
    for (infno, input) in [
        ("3201", totals(&day, 0)),
        ("3202", details(&day, "1")),
        ("9101", upload(b"x")),
        ("9102", download),
    ] {
        let node = fields::nodes(infno).unwrap()[0];
        for field in node
            .fields
            .iter()
            .filter(|f| f.need == fields::Need::Always)
        {
            let mut broken = input.clone();
            broken[node.name]
                .as_object_mut()
                .unwrap()
                .remove(field.name);
            let answer = desk.call(infno, broken).await;
            refused(&answer, &format!("不能为空[{}]", field.name));
            tried += 1;
        }
    }
    assert!(tried >= 24, "{tried}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let desk = Desk::open("employee").await;
    let day = today();
    let answer = desk.call("3201", totals(&day, 0)).await;
    done(&answer);
    assert_eq!(answer["output"]["stmtinfo"]["stmt_rslt"], "0");
    let answer = desk.call("3201", totals(&day, 1)).await;
    assert_eq!(answer["output"]["stmtinfo"]["stmt_rslt"], "1");
    refused(
        &desk.call("3201", totals("2999-01-01", 0)).await,
        "对账日期",
    );
    let mut elsewhere = totals(&day, 0);
    elsewhere["data"]["setl_optins"] = json!("110000");
    refused(&desk.call("3201", elsewhere).await, "结算经办机构");
    refused(
        &desk.call("3202", details(&day, "1")).await,
        "文件查询号不存在",
    );
    for (bytes, words) in [
        (b"no zip".to_vec(), "ZIP"),
        (zip::stored("a.txt", b"one\ttwo\n"), "格式不正确"),
        (zip::stored("a.txt", b"\t\t\t0\t0\t0\t0\n"), "格式不正确"),
        (zip::stored("a.txt", b"S\tM\tP\t1\t0\t0\t0\n"), "合计不一致"),
    ] {
        let answer = desk.call("9101", upload(&bytes)).await;
        done(&answer);
        let number = answer["output"]["file_qury_no"]
            .as_str()
            .unwrap()
            .to_owned();
        refused(&desk.call("3202", details(&day, &number)).await, words);
    }
    let mut other = upload(b"x");
    other["fsUploadIn"]["fixmedins_code"] = json!("H1");
    refused(&desk.call("9101", other).await, "医药机构编号");
}
