//! Every kind of answer and what it means, without a socket.

use super::fixtures::{Case, MSGID, SETTLE_MSGID, STEPS, desk, profile, stamp};
use crate::book::Code;
use crate::config::Profile;
use crate::config::profile::Reading;
use crate::platform::wire::answer::{self, Body};
use crate::platform::wire::request;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Enquiry, Found, FoundVisit, Outcome, Reversal, Step};

/// What this body means at this site, for this step of the fixture.
fn read_at(profile: &Profile, case: &Case, step: Step, status: u16, text: &str) -> (Outcome, bool) {
    let message = request::build(&desk(profile, ""), &case.call(step), &stamp())
        .ok()
        .unwrap();
    answer::read(profile, step, &message.expect, &Body { status, text })
}

pub(super) fn read(step: Step, text: &str) -> Outcome {
    read_at(&profile(|_| ()), &Case::new(), step, 200, text).0
}

pub(super) fn yes(output: &str) -> String {
    format!(r#"{{"infcode":0,"inf_refmsgid":"R","err_msg":null,"output":{output}}}"#)
}

pub(super) fn no(text: &str) -> String {
    format!(
        r#"{{"infcode":-1,"inf_refmsgid":"R","err_msg":"{text}(trace@127.0.0.1)","output":null}}"#
    )
}

fn found(outcome: Outcome) -> Found {
    let Outcome::Done { found: Some(found) } = outcome else {
        panic!("not done: {outcome:?}");
    };
    found
}

pub(super) fn code(outcome: &Outcome) -> (&'static str, Option<Code>) {
    match outcome {
        Outcome::Done { .. } => ("done", None),
        Outcome::Refused { code, .. } => ("refused", Some(*code)),
        Outcome::NotSent { code, .. } => ("not sent", Some(*code)),
        Outcome::Unknown { code, .. } => ("unknown", Some(*code)),
    }
}

pub(super) const SETLINFO: &str = r#"{"mdtrt_id":"M1","psn_no":"4300009900000001","setl_id":"S1",
    "setl_time":"2026-01-02 03:04:06","insutype":"310","clr_type":"11","clr_way":null,"clr_optins":null,
    "medins_setl_id":"H43010099901202601020304050010","medfee_sumamt":19.04,"fulamt_ownpay_amt":0,
    "overlmt_selfpay":"0.00","preselfpay_amt":"0.45","inscp_scp_amt":18.59,"act_pay_dedc":null,
    "hifp_pay":13.0100,"fund_pay_sumamt":13.01,"psn_part_amt":6.03,"acct_pay":6.03,"psn_cash_pay":0.0,
    "hosp_part_amt":0,"balc":93.97,"acct_mulaid_pay":null}"#;

pub(super) fn settled_with(change: impl Fn(&str) -> String) -> String {
    let detail = r#"[{"fund_pay_type":"310102","fund_payamt":"13.01","fund_pay_type_name":null}]"#;
    yes(&format!(
        r#"{{"setlinfo":{},"setldetail":{detail}}}"#,
        change(SETLINFO)
    ))
}

#[test]
fn what_is_no_answer_of_the_platform_is_unknown_on_every_step() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    let cut = r#"{"infcode":0,"output":{"setlinfo":{"medfee"#;
    let profile = profile(|_| ());
    for step in STEPS {
        for (status, body) in [
            (200, ""),
            (200, html),
            (200, cut),
            (200, "[]"),
            (200, "0"),
            (200, "{}"),
            (200, r#"{"status":"UP"}"#),
            (200, r#"{"infcode":null}"#),
            (200, r#"{"infcode":{}}"#),
            (500, html),
            (502, html),
            (500, r#"{"infcode":-1,"err_msg":"x"}"#),
            (302, ""),
            (400, "{}"),
        ] {
            let (outcome, expired) = read_at(&profile, &Case::new(), step, status, body);
            let seen = code(&outcome);
            let expected = ("unknown", Some(Code::PlatformUnreadable));
            assert_eq!(seen, expected, "{step:?} {status} {body}");
            assert!(!expired);
        }
    }
}

#[test]
fn a_gateways_no_is_a_refusal_on_every_step() {
    let profile = profile(|_| ());
    let csb = r#"{"code":401,"message":"签名时间戳超时!"}"#;
    for step in STEPS {
        for (status, body) in [(401, csb), (403, ""), (404, "<html>"), (200, csb)] {
            let (outcome, _) = read_at(&profile, &Case::new(), step, status, body);
            let expected = ("refused", Some(Code::GatewayRefused));
            assert_eq!(code(&outcome), expected, "{step:?} {status}");
        }
        let other = r#"{"code":7,"message":"service busy"}"#;
        let (outcome, _) = read_at(&profile, &Case::new(), step, 200, other);
        let refused = step == Step::Decode;
        assert_eq!(code(&outcome).0 == "refused", refused, "{step:?}");
    }
}

#[test]
fn a_money_call_is_refused_only_by_a_known_text() {
    let any = no("系统繁忙");
    for (step, body, expected) in [
        (Step::Settle, &any, ("unknown", Some(Code::SettleUnknown))),
        (
            Step::UndoSettle,
            &any,
            ("unknown", Some(Code::SettleUnknown)),
        ),
        (
            Step::Settle,
            &no("全自费金额与预结算不一致[fulamt_ownpay_amt]"),
            ("refused", Some(Code::SettleRefused)),
        ),
        (
            Step::Settle,
            &no("调用就诊凭证返回异常，异常信息：无效token"),
            ("refused", Some(Code::CodeExpired)),
        ),
        // A text of 2207 does not count on 2208.
        (
            Step::UndoSettle,
            &no("与预结算不一致"),
            ("unknown", Some(Code::SettleUnknown)),
        ),
        (
            Step::UndoSettle,
            &no("结算信息不存在[setl_id]"),
            ("refused", Some(Code::UndoFailed)),
        ),
        (
            Step::UndoSettle,
            &no("该结算已退费，不允许重复退费"),
            ("done", None),
        ),
        (
            Step::PreSettle,
            &any,
            ("refused", Some(Code::PlatformRefused)),
        ),
        (
            Step::Register,
            &any,
            ("refused", Some(Code::PlatformRefused)),
        ),
        (
            Step::UndoFees,
            &any,
            ("refused", Some(Code::PlatformRefused)),
        ),
        (
            Step::UndoFees,
            &no("未查询到可撤销的费用明细"),
            ("done", None),
        ),
        (
            Step::Person,
            &no("错误原因：本地查询错误:该参保人的基本信息为空null"),
            ("refused", Some(Code::PersonUnknown)),
        ),
        (
            Step::Person,
            &no("异常信息：无效token"),
            ("refused", Some(Code::CodeExpired)),
        ),
    ] {
        assert_eq!(code(&read(step, body)), expected, "{step:?} {body}");
    }
}

#[test]
fn a_sign_in_that_is_over_is_told_apart_from_a_refusal() {
    let profile = profile(|_| ());
    for step in STEPS.into_iter().filter(|step| *step != Step::Decode) {
        let body = no("签到编号已失效，请重新签到[sign_no]");
        let (outcome, expired) = read_at(&profile, &Case::new(), step, 200, &body);
        assert_eq!(
            code(&outcome),
            ("refused", Some(Code::SignInFailed)),
            "{step:?}"
        );
        assert!(expired, "{step:?}");
    }
}

#[test]
fn on_a_money_call_a_sign_in_text_counts_only_where_it_is_a_sure_refusal() {
    let over = no("签到编号已失效，请重新签到[sign_no]");
    let unsure = profile(|p| p.answers.refusals.clear());
    let relayed = profile(|p| p.answers.relay_lost = vec!["签到编号已失效".to_owned()]);
    for step in [Step::Settle, Step::UndoSettle] {
        let (outcome, expired) = read_at(&unsure, &Case::new(), step, 200, &over);
        let unknown = ("unknown", Some(Code::SettleUnknown));
        assert_eq!((code(&outcome), expired), (unknown, false), "{step:?}");
        let (outcome, expired) = read_at(&relayed, &Case::new(), step, 200, &over);
        let lost = ("unknown", Some(Code::PlatformNoAnswer));
        assert_eq!((code(&outcome), expired), (lost, false), "{step:?}");
    }
    // What is sure of one money call is not sure of the other.
    let only_settle = profile(|p| drop(p.answers.refusals.remove("2208")));
    for (step, is_sure) in [(Step::Settle, true), (Step::UndoSettle, false)] {
        let (outcome, expired) = read_at(&only_settle, &Case::new(), step, 200, &over);
        assert_eq!(code(&outcome).0 == "refused", is_sure, "{step:?}");
        assert_eq!(expired, is_sure, "{step:?}");
    }
}

#[test]
fn a_no_that_the_platform_did_not_mark_is_unknown_where_something_is_made() {
    let profile = profile(|_| ());
    let bare = r#"{"infcode":-2,"err_msg":"签到编号已失效","inf_refmsgid":"","refmsg_time":null}"#;
    let numbered = r#"{"infcode":-1,"err_msg":"x","inf_refmsgid":"R","refmsg_time":null}"#;
    let timed =
        r#"{"infcode":-1,"err_msg":"x","inf_refmsgid":"","refmsg_time":"20260102030405000"}"#;
    for step in [Step::Register, Step::Fees] {
        let (outcome, expired) = read_at(&profile, &Case::new(), step, 200, bare);
        let unknown = ("unknown", Some(Code::PlatformUnreadable));
        assert_eq!((code(&outcome), expired), (unknown, false), "{step:?}");
        for marked in [numbered, timed] {
            let (outcome, _) = read_at(&profile, &Case::new(), step, 200, marked);
            let refused = ("refused", Some(Code::PlatformRefused));
            assert_eq!(code(&outcome), refused, "{step:?}");
        }
    }
    let (outcome, expired) = read_at(&profile, &Case::new(), Step::Person, 200, bare);
    assert_eq!((code(&outcome).0, expired), ("refused", true));
}

#[test]
fn what_a_relay_made_of_a_lost_answer_is_unknown() {
    let profile = profile(|p| p.answers.relay_lost = vec!["医保访问超时".to_owned()]);
    for step in STEPS.into_iter().filter(|step| *step != Step::Decode) {
        let (outcome, _) = read_at(&profile, &Case::new(), step, 200, &no("医保访问超时"));
        let expected = ("unknown", Some(Code::PlatformNoAnswer));
        assert_eq!(code(&outcome), expected, "{step:?}");
    }
}

#[test]
fn a_settlement_is_read_whatever_its_numbers_look_like() {
    let Found::Settled(settled) = found(read(Step::Settle, &settled_with(str::to_owned))) else {
        panic!("no settlement");
    };
    assert_eq!(settled.setl_id, "S1");
    assert_eq!(settled.clr_way, "");
    let amounts = &settled.amounts;
    assert_eq!(amounts.medfee_sumamt, Fen(1904));
    assert_eq!(amounts.preselfpay_amt, Fen(45));
    assert_eq!(amounts.hifp_pay, Fen(1301));
    assert_eq!(amounts.balc, Fen(9397));
    assert_eq!(amounts.setldetail[0].fund_payamt, Fen(1301));
    assert_eq!(settled.setlinfo, SETLINFO);
    assert!(settled.setldetail.contains("\"13.01\""));
}

#[test]
fn output_may_be_text_and_data_a_list_of_one() {
    let output = format!(r#"{{"setlinfo":[{SETLINFO}],"setldetail":"[]"}}"#);
    let as_text = serde_json::to_string(&output).unwrap();
    let infcode_as_text = yes(&as_text).replace("\"infcode\":0", "\"infcode\":\"0\"");
    for body in [
        yes(&output),
        infcode_as_text,
        format!("\u{feff}{}\n", yes(&output)),
    ] {
        let Found::Settled(settled) = found(read(Step::Settle, &body)) else {
            panic!("no settlement");
        };
        assert_eq!(settled.amounts.medfee_sumamt, Fen(1904));
    }
}

#[test]
fn an_answer_about_something_else_is_unknown() {
    let other = |from: &'static str, to: &'static str| settled_with(|s| s.replace(from, to));
    for (step, body) in [
        (
            Step::Settle,
            other(
                "H43010099901202601020304050010",
                "H43010099901202601020304050099",
            ),
        ),
        (Step::Settle, other("\"M1\"", "\"M2\"")),
        (Step::Settle, other("4300009900000001", "4300009900000002")),
        (Step::Settle, other("\"S1\"", "null")),
        (
            Step::Settle,
            other("\"medfee_sumamt\":19.04", "\"medfee_sumamt\":null"),
        ),
        (Step::Settle, other("19.04", "19.045")),
        (Step::Settle, yes("null")),
        (Step::Settle, yes("{}")),
        (Step::PreSettle, other("\"M1\"", "\"M2\"")),
        (Step::UndoSettle, other("\"M1\"", "\"M2\"")),
        (Step::Person, yes(r#"{"baseinfo":{}}"#)),
        (
            Step::Register,
            yes(r#"{"data":{"mdtrt_id":"M9","ipt_otp_no":"OTHER"}}"#),
        ),
        (Step::Register, yes(r#"{"data":{"mdtrt_id":""}}"#)),
        (Step::Fees, yes(r#"{"result":[]}"#)),
        (
            Step::Fees,
            yes(r#"{"result":[{"feedetl_sn":"1001","det_item_fee_sumamt":1}]}"#),
        ),
        (
            Step::FindSettlement,
            other("4300009900000001", "4300009900000002"),
        ),
        (
            Step::FindVisit,
            yes(r#"{"mdtrtinfo":[{"mdtrt_id":"M1","psn_no":"other"}]}"#),
        ),
    ] {
        let outcome = read(step, &body);
        let expected = ("unknown", Some(Code::PlatformUnreadable));
        assert_eq!(code(&outcome), expected, "{step:?} {body}");
        if let Outcome::Unknown { why, .. } = outcome {
            assert!(!why.contains("43000099"), "{why}");
        }
    }
}

#[test]
fn a_person_has_all_insured_rows() {
    let body = yes(
        r#"{"baseinfo":{"psn_no":"P1","psn_cert_type":"01","certno":"110101190001011009",
        "psn_name":"测试甲","gend":1,"age":35.0},"insuinfo":[
        {"insutype":"310","psn_type":"11","psn_insu_stas":"1","insuplc_admdvs":"430100","balc":"58.02"},
        {"insutype":"390","psn_type":"15","psn_insu_stas":"2","insuplc_admdvs":"430100","balc":null}]}"#,
    );
    let Found::Person(person) = found(read(Step::Person, &body)) else {
        panic!("no person");
    };
    assert_eq!((person.gend.as_str(), person.age.as_str()), ("1", "35.0"));
    let balances: Vec<Fen> = person.insuinfo.iter().map(|row| row.balc).collect();
    assert_eq!(balances, [Fen(5802), Fen(0)]);
}

#[test]
fn a_refund_gets_back_what_its_answer_leaves_out() {
    // A published refund: the hospital's part is null in the answer and −32.86 by E2.
    let info = r#"{"mdtrt_id":"M1","setl_id":"S2","setl_time":"2026-01-02 03:04:06",
        "medfee_sumamt":-3379.26,"fulamt_ownpay_amt":-956.34,"overlmt_selfpay":-186.31,
        "preselfpay_amt":-197.22,"inscp_scp_amt":-2039.39,"fund_pay_sumamt":"-2039.39",
        "acct_pay":0,"CASH":"-1307.01","psn_part_amt":null,"hosp_part_amt":null,"balc":0}"#;
    for name in ["psn_cash_pay", "pdn_cash_pay"] {
        let body = yes(&format!(r#"{{"setlinfo":{}}}"#, info.replace("CASH", name)));
        let Found::Refunded {
            setl_id, amounts, ..
        } = found(read(Step::UndoSettle, &body))
        else {
            panic!("no refund");
        };
        assert_eq!(setl_id, "S2");
        assert_eq!(amounts.psn_cash_pay, Fen(-130_701));
        assert_eq!(amounts.psn_part_amt, Fen(-130_701));
        assert_eq!(amounts.hosp_part_amt, Fen(-3286));
    }
    // Where the funds contain the account, it is not counted twice.
    let site = profile(|p| p.amounts.fund_contains_account = true);
    let info = r#"{"setl_id":"S2","medfee_sumamt":-10,"fund_pay_sumamt":-8,"acct_pay":-3,"psn_cash_pay":-2}"#;
    let body = yes(&format!(r#"{{"setlinfo":{info}}}"#));
    let (outcome, _) = read_at(&site, &Case::new(), Step::UndoSettle, 200, &body);
    let Found::Refunded { amounts, .. } = found(outcome) else {
        panic!("no refund");
    };
    assert_eq!(
        (amounts.psn_part_amt, amounts.hosp_part_amt),
        (Fen(-500), Fen(0))
    );
}

fn row(msgid: &str, setl_id: &str, refunded: &str) -> String {
    format!(
        r#"{{"setl_id":"{setl_id}","mdtrt_id":"M1","psn_no":"4300009900000001",
        "medins_setl_id":"{msgid}","refd_setl_flag":"{refunded}","medfee_sumamt":19.04,
        "fund_pay_sumamt":13.01,"psn_pay":"6.03","acct_pay":5,"cash_payamt":1.03}}"#
    )
}

fn enquiry_at(profile: &Profile, case: &Case, body: &str) -> Enquiry {
    let (outcome, _) = read_at(profile, case, Step::FindSettlement, 200, body);
    let Found::Enquiry(enquiry) = found(outcome) else {
        panic!("no answer of 5203");
    };
    enquiry
}

#[test]
fn an_enquiry_finds_by_content_only() {
    let site = profile(|_| ());
    let mut case = Case::new();
    case.known.settled = None;
    let ask = |rows: &str| enquiry_at(&site, &case, &yes(&format!(r#"{{"setlinfo":{rows}}}"#)));
    let Enquiry::Found(settled) = ask(&row(SETTLE_MSGID, "S7", "0")) else {
        panic!("not found");
    };
    assert_eq!(settled.setl_id, "S7");
    assert_eq!(settled.amounts.psn_part_amt, Fen(603));
    assert_eq!(settled.amounts.psn_cash_pay, Fen(103));
    assert_eq!(ask(&row(SETTLE_MSGID, "S7", "1")), Enquiry::Refunded);
    let both = format!("[{},{}]", row("x", "S8", "1"), row(SETTLE_MSGID, "S7", "1"));
    assert_eq!(ask(&both), Enquiry::Refunded);
    let second = format!("[{},{}]", row("x", "S8", "0"), row(SETTLE_MSGID, "S7", "0"));
    assert!(matches!(ask(&second), Enquiry::Found(settled) if settled.setl_id == "S7"));
    assert_eq!(ask(&row(MSGID, "S7", "0")), Enquiry::Unclear);
    assert_eq!(ask(&row("", "S7", "0")), Enquiry::Unclear);
    assert_eq!(ask("[]"), Enquiry::Unclear);
}

#[test]
fn what_an_empty_enquiry_means_is_the_sites_to_say() {
    let nothing = profile(|p| {
        p.enquiry.empty_output = Reading::Nothing;
        p.enquiry.other_rows = Reading::Nothing;
    });
    let unclear = profile(|p| p.enquiry.nothing.clear());
    let (site, mut case) = (profile(|_| ()), Case::new());
    for (profile, body, expected) in [
        (&nothing, yes("{}"), Enquiry::NothingThere),
        (&nothing, yes("null"), Enquiry::NothingThere),
        (&site, yes("null"), Enquiry::Unclear),
        (
            &site,
            no("未查询到结算信息[setl_id]"),
            Enquiry::NothingThere,
        ),
        (&unclear, no("未查询到结算信息[setl_id]"), Enquiry::Unclear),
        (&site, no("系统繁忙"), Enquiry::Unclear),
    ] {
        assert_eq!(enquiry_at(profile, &case, &body), expected, "{body}");
    }
    case.known.settled = None;
    let others = yes(&format!(r#"{{"setlinfo":{}}}"#, row("x", "S8", "0")));
    assert_eq!(enquiry_at(&nothing, &case, &others), Enquiry::NothingThere);
}

#[test]
fn a_known_settlement_is_found_by_its_number_where_no_msgid_is_said() {
    let (site, case) = (profile(|_| ()), Case::new());
    let body = |rows: String| yes(&format!(r#"{{"setlinfo":{rows}}}"#));
    let refunded = enquiry_at(&site, &case, &body(row("", "S1", "1")));
    assert_eq!(refunded, Enquiry::Refunded);
    // The number is the same and the msgid another's: it cannot be told.
    let contradiction = enquiry_at(&site, &case, &body(row("x", "S1", "0")));
    assert_eq!(contradiction, Enquiry::Unclear);
}

#[test]
fn a_reversal_is_read_by_the_sites_table() {
    let strict = profile(|p| {
        p.reversal.success = Reading::Unclear;
        p.reversal.nothing.clear();
        p.reversal.reversed = vec!["已冲正".to_owned()];
    });
    let site = profile(|_| ());
    for (profile, body, expected) in [
        (&site, yes("null"), Reversal::Reversed),
        (&strict, yes("null"), Reversal::Unclear),
        (&site, no("未找到原交易[omsgid]"), Reversal::NothingThere),
        (&strict, no("未找到原交易[omsgid]"), Reversal::Unclear),
        (&strict, no("原交易已冲正"), Reversal::Reversed),
        (&site, no("系统繁忙"), Reversal::Unclear),
    ] {
        let (outcome, _) = read_at(profile, &Case::new(), Step::Reverse, 200, &body);
        assert_eq!(found(outcome), Found::Reversal(expected), "{body}");
    }
}

#[test]
fn visits_are_listed_and_none_is_a_list_too() {
    let one =
        yes(r#"{"mdtrtinfo":{"mdtrt_id":"M1","ipt_otp_no":"OP1","psn_no":"4300009900000001"}}"#);
    let visit = FoundVisit {
        mdtrt_id: "M1".to_owned(),
        ipt_otp_no: "OP1".to_owned(),
    };
    assert_eq!(
        found(read(Step::FindVisit, &one)),
        Found::Visits(vec![visit])
    );
    for none in [
        yes("null"),
        yes("{}"),
        yes(r#"{"mdtrtinfo":[]}"#),
        yes("\"\""),
    ] {
        assert_eq!(
            found(read(Step::FindVisit, &none)),
            Found::Visits(Vec::new()),
            "{none}"
        );
    }
}

#[test]
fn a_voucher_is_read_as_object_or_text_and_its_errors_are_told_apart() {
    let data = r#"{"userName":"测试甲","idNo":"110101190001011009","idType":"01","ecToken":"T","insuOrg":"430100"}"#;
    let as_text = serde_json::to_string(data).unwrap();
    for data in [data.to_owned(), as_text] {
        let body = format!(r#"{{"code":0,"message":"成功","data":{data},"orgId":"H"}}"#);
        let Found::Voucher(voucher) = found(read(Step::Decode, &body)) else {
            panic!("no voucher");
        };
        assert_eq!(voucher.ec_token.expose(), "T");
        assert_eq!(voucher.insu_org, "430100");
    }
    for (number, expected) in [
        ("500159", Code::CodeUnknownKind),
        ("\"500161\"", Code::CodeExpired),
        ("500163", Code::PlatformRefused),
    ] {
        let body = format!(r#"{{"code":{number},"message":"x","data":null}}"#);
        let outcome = read(Step::Decode, &body);
        assert_eq!(code(&outcome), ("refused", Some(expected)), "{number}");
    }
    let outcome = read(
        Step::Decode,
        r#"{"code":0,"data":{"userName":"x","idNo":"1"}}"#,
    );
    assert_eq!(code(&outcome).0, "unknown");
}
