//! The rules that a faithful platform holds, point by point, and where each is held and tried. Files are those of
//! the platform; tests those of this folder. What a rule leaves open is a switch.
//!
//! | rule | held in | tried in |
//! |---|---|---|
//! | 1 msgid: 30 characters, begins with the hospital's code, a time | `envelope::check_values` | `strict::the_envelope_is_checked`, [`a_msgid_is_plain_text`] |
//! | 1 msgid: used once; a repeated 2207 or 2102 refused, or answered as before | `envelope::claim_msgid` | `chain::money_rules_are_held`, `pharmacy::a_second_delivery_charges_nothing` |
//! | 2 sign_no: missing, unknown, ended, of another day | `envelope::check_sign_in` | `strict::the_envelope_is_checked`, `strict::a_sign_in_ends_at_midnight` |
//! | 2 signed out only when signed in on that day, by the same person | `transactions/sign.rs` | [`only_who_signed_in_today_signs_out`] |
//! | 3 1101: the ecToken is known, young enough, not used up | `voucher::present` | `chain::tokens_age_and_may_be_single_use` |
//! | 4 2201 makes the visit that all others name | `visit::open_visit` | [`a_visit_is_made_before_it_is_used`] |
//! | 4 2206 and 2207 want a 2203, 2204 does not | `settle::compute` | [`a_visit_is_described_before_it_is_settled`] |
//! | 5 a batch comes in one call, further lines by a switch | `fees::check_batches` | `strict::lines_are_checked`, [`a_batch_is_one_call_unless_the_site_splits`] |
//! | 5 a batch has one disease; a call may have several batches | `fees::check_batches` | `strict::lines_are_checked`, [`a_call_may_bring_several_batches`] |
//! | 6 2206: the total is the sum of the lines | `settle::compute` | `chain::money_rules_are_held` |
//! | 6 2206 writes nothing, has no setl_id and no clr_optins | `settle::trial` | `chain::money_rules_are_held`, [`a_trial_writes_nothing`] |
//! | 7 2207: the four parts are those of 2206; medins_setl_id is the msgid | `settle::check_buckets`, `settle::compute` | `chain::money_rules_are_held`, `chain::a_visit_from_code_to_settlement` |
//! | 8 2205 leaves what is settled, also by `0000` | `fees::revoke` | `chain::a_visit_from_code_to_settlement`, [`what_is_settled_stays`] |
//! | 8 2202 leaves a visit that is settled | `visit::unregister` | [`what_is_settled_stays`] |
//! | 9 2208: a setl_id of its own, negative amounts, the original is marked | `transactions/refund.rs` | `chain::a_refund_adds_a_negative_row` |
//! | 9 2208 after the day was stated; it counts on its own day | `transactions/statement.rs` | [`a_refund_counts_on_its_own_day`] |
//! | 10 2601 has no output | `transactions/reverse.rs` | `chain::a_reversal_undoes_everything` |
//! | 10 2601 is keyed by person, msgid and transaction | `transactions/reverse.rs` | [`a_reversal_names_all_three`] |
//! | 11 lost after and before, slow, garbage, 401, −1 though done | `faults/` | `faults::f1` … `faults::f24`, `wire` |
//! | 12 night, and limits of a day: any words | `transactions/mod.rs` | `strict::a_sign_in_ends_at_midnight` |

use serde_json::{Value, json};

use super::desk::{Desk, done, refused, sign_in};

/// What would have to change in the books for a call to have written something.
fn books(desk: &Desk) -> String {
    desk.platform.ledger(|ledger| {
        let (visits, lines) = (ledger.visits_open(), ledger.lines_open());
        format!("{visits:?} {lines:?} {:?}", ledger.settlements())
    })
}

fn with(mut input: Value, node: &str, name: &str, value: &str) -> Value {
    input[node][name] = json!(value);
    input
}

/// The visit as 2202 names it.
fn registered(desk: &Desk) -> Value {
    let visits = desk.platform.ledger(|ledger| ledger.visits.clone());
    let visit = &visits[&desk.mdtrt_id];
    json!({ "data": {
        "psn_no": visit.psn_no, "mdtrt_id": visit.mdtrt_id, "ipt_otp_no": visit.ipt_otp_no,
    } })
}

/// Thirty bytes are not thirty characters, and a character may stand across the place where the time ends.
#[tokio::test]
async fn a_msgid_is_plain_text() {
    let desk = Desk::open("employee").await;
    let whole = desk.envelope("1101", desk.person_query());
    let msgid = whole["msgid"].as_str().unwrap();
    for wrong in [
        format!("{}医1", &msgid[..26]),
        format!("{}医{}", &msgid[..25], &msgid[28..]),
        format!("{}医", &msgid[..29]),
    ] {
        let mut broken = whole.clone();
        broken["msgid"] = json!(wrong);
        refused(&desk.send(&broken).await, "[msgid]");
    }
}

#[tokio::test]
async fn only_who_signed_in_today_signs_out() {
    let desk = Desk::open("employee").await;
    let out = |opter: &str| json!({ "signOut": { "sign_no": desk.sign_no, "opter_no": opter } });
    refused(&desk.call("9002", out("0999")).await, "[opter_no]");
    let switches = json!({
        "clock_shift_s": 86_400, "check_headers": false, "sign_in_required": false,
    });
    desk.platform.switch(&switches).unwrap();
    refused(&desk.call("9002", out("0107")).await, "当日无有效签到");
    desk.platform
        .switch(&json!({ "clock_shift_s": 0 }))
        .unwrap();
    done(&desk.call("9002", out("0107")).await);
    refused(&desk.call("9002", out("0107")).await, "当日无有效签到");
}

#[tokio::test]
async fn a_visit_is_made_before_it_is_used() {
    let mut desk = Desk::open("employee").await;
    let before = books(&desk);
    desk.mdtrt_id = "430100202501010000000001".to_owned();
    for (infno, input) in [
        ("2203", desk.visit()),
        ("2203A", desk.visit()),
        ("2204", desk.fees()),
        ("2205", desk.of_visit()),
        ("2206", desk.trial()),
    ] {
        refused(&desk.call(infno, input).await, "就诊登记信息不存在");
    }
    assert_eq!(books(&desk), before);
    desk.register().await;
    done(&desk.call("2203", desk.visit()).await);
    done(&desk.call("2202", registered(&desk)).await);
    for (infno, input) in [("2203", desk.visit()), ("2204", desk.fees())] {
        refused(&desk.call(infno, input).await, "就诊登记已撤销");
    }
}

#[tokio::test]
async fn a_visit_is_described_before_it_is_settled() {
    let mut desk = Desk::open("employee").await;
    desk.register().await;
    done(&desk.call("2204", desk.fees()).await);
    let answer = desk.call("2206", desk.trial()).await;
    refused(&answer, "未上传门诊就诊信息");
    let required = |is: bool| json!({ "visit_info_required": is });
    desk.platform.switch(&required(false)).unwrap();
    let trial = desk.call("2206", desk.trial()).await;
    done(&trial);
    desk.platform.switch(&required(true)).unwrap();
    let answer = desk.call("2207", desk.settlement(&trial)).await;
    refused(&answer, "未上传门诊就诊信息");
    done(&desk.call("2203", desk.visit()).await);
    done(&desk.call("2207", desk.settlement(&trial)).await);
}

#[tokio::test]
async fn a_batch_is_one_call_unless_the_site_splits() {
    let mut desk = Desk::open("employee").await;
    desk.register().await;
    done(&desk.call("2203", desk.visit()).await);
    let mut parts = desk.fees();
    let rest = parts["feedetail"].as_array_mut().unwrap().split_off(1);
    let rest = json!({ "feedetail": rest });
    done(&desk.call("2204", parts).await);
    refused(&desk.call("2204", rest.clone()).await, "不允许重复上传");
    desk.platform
        .switch(&json!({ "split_upload": true }))
        .unwrap();
    let mut sick = rest.clone();
    for line in sick["feedetail"].as_array_mut().unwrap() {
        line["dise_codg"] = json!("M03900");
    }
    refused(&desk.call("2204", sick).await, "一个病种编码");
    done(&desk.call("2204", rest).await);
    done(&desk.settle().await);
}

#[tokio::test]
async fn a_call_may_bring_several_batches() {
    let mut desk = Desk::open("employee").await;
    desk.register().await;
    done(&desk.call("2203", desk.visit()).await);
    let mut both = desk.fees();
    let other = "B202500000000000000000000002".to_owned();
    let last = &mut both["feedetail"][2];
    (last["chrg_bchno"], last["dise_codg"]) = (json!(other), json!("M03900"));
    done(&desk.call("2204", both).await);
    let total = |amount: &str| with(desk.trial(), "data", "medfee_sumamt", amount);
    refused(&desk.call("2206", total("142.00")).await, "合计不一致");
    done(&desk.call("2206", total("97.00")).await);
    desk.batch = other;
    let total = with(desk.trial(), "data", "medfee_sumamt", "45.00");
    done(&desk.call("2206", total).await);
}

#[tokio::test]
async fn a_trial_writes_nothing() {
    let desk = Desk::with_fees("employee").await;
    let before = books(&desk);
    let first = desk.call("2206", desk.trial()).await;
    for _ in 0..3 {
        let again = desk.call("2206", desk.trial()).await;
        assert_eq!(again["output"]["setldetail"], first["output"]["setldetail"]);
        for name in ["medfee_sumamt", "fund_pay_sumamt", "acct_pay", "balc"] {
            let info = |answer: &Value| answer["output"]["setlinfo"][name].clone();
            assert_eq!(info(&again), info(&first), "{name}");
        }
    }
    assert_eq!(books(&desk), before);
}

#[tokio::test]
async fn what_is_settled_stays() {
    let mut desk = Desk::with_fees("employee").await;
    let settled = desk.settle().await;
    let before = books(&desk);
    refused(&desk.call("2202", registered(&desk)).await, "有效结算信息");
    refused(&desk.call("2205", desk.of_visit()).await, "已结算");
    // Another batch goes by 0000; the settled one stays.
    let all = with(desk.of_visit(), "data", "chrg_bchno", "0000");
    refused(&desk.call("2205", all.clone()).await, "未查询到");
    let mut fees = desk.fees();
    for line in fees["feedetail"].as_array_mut().unwrap() {
        let serial = format!("9{}", line["feedetl_sn"].as_str().unwrap());
        line["feedetl_sn"] = json!(serial);
        line["chrg_bchno"] = json!("B202500000000000000000000002");
    }
    done(&desk.call("2204", fees).await);
    assert_ne!(books(&desk), before);
    done(&desk.call("2205", all).await);
    assert_eq!(books(&desk), before);
    // Given back, it goes the way it came.
    done(&desk.call("2208", desk.refund(&settled)).await);
    refused(&desk.call("2202", registered(&desk)).await, "费用明细");
    done(&desk.call("2205", desk.of_visit()).await);
    done(&desk.call("2202", registered(&desk)).await);
}

#[tokio::test]
async fn a_refund_counts_on_its_own_day() {
    let mut desk = Desk::with_fees("employee").await;
    let settled = desk.settle().await;
    let info = settled["output"]["setlinfo"].clone();
    let stated = |day: &str, sign: i64| {
        let amount =
            |name: &str| json!(format!("{}{}", if sign < 0 { "-" } else { "" }, info[name]));
        json!({ "data": {
            "insutype": info["insutype"], "clr_type": "11", "setl_optins": "430100",
            "stmt_begndate": day, "stmt_enddate": day, "medfee_sumamt": amount("medfee_sumamt"),
            "fund_pay_sumamt": amount("fund_pay_sumamt"), "acct_pay": amount("acct_pay"),
            "fixmedins_setl_cnt": 1, "fixmedins_refd_setl_flag": "0",
        } })
    };
    let day_of = |answer: &Value| {
        let time = answer["output"]["setlinfo"]["setl_time"].as_str().unwrap();
        time[..10].to_owned()
    };
    let balanced = |answer: &Value| answer["output"]["stmtinfo"]["stmt_rslt"] == "0";
    let first_day = day_of(&settled);
    assert!(balanced(&desk.call("3201", stated(&first_day, 1)).await));
    let switches = json!({ "clock_shift_s": 86_400, "check_headers": false });
    desk.platform.switch(&switches).unwrap();
    let signed = desk.call("9001", sign_in()).await;
    let sign_no = signed["output"]["signinoutb"]["sign_no"].as_str();
    desk.sign_no = sign_no.unwrap().to_owned();
    let refunded = desk.call("2208", desk.refund(&settled)).await;
    done(&refunded);
    let next_day = day_of(&refunded);
    assert!(next_day > first_day, "{next_day}");
    assert!(balanced(&desk.call("3201", stated(&first_day, 1)).await));
    assert!(balanced(&desk.call("3201", stated(&next_day, -1)).await));
    assert!(!balanced(&desk.call("3201", stated(&next_day, 1)).await));
}

#[tokio::test]
async fn a_reversal_names_all_three() {
    let mut desk = Desk::with_fees("employee").await;
    let settled = desk.settle().await;
    let msgid = settled["output"]["setlinfo"]["medins_setl_id"].as_str();
    let msgid = msgid.unwrap();
    let before = books(&desk);
    let other = desk.platform.person("resident").unwrap();
    let right = desk.reversal(msgid);
    let by = |name: &str, value: &str| with(right.clone(), "data", name, value);
    let mut elsewhere = desk.envelope("2601", by("psn_no", &other.psn_no));
    elsewhere["insuplc_admdvs"] = json!(other.main_insurance().insuplc);
    refused(&desk.send(&elsewhere).await, "未找到原交易");
    refused(
        &desk.call("2601", by("omsgid", &desk.msgid())).await,
        "未找到",
    );
    refused(&desk.call("2601", by("oinfno", "2102")).await, "未找到");
    refused(&desk.call("2601", by("oinfno", "2207A")).await, "未找到");
    refused(&desk.call("2601", by("oinfno", "2204")).await, "不支持冲正");
    assert_eq!(books(&desk), before);
    done(&desk.call("2601", right).await);
    let live = desk.platform.ledger(|ledger| ledger.settlements());
    assert!(live.iter().all(|row| !row.is_live()));
}
