//! Whole visits, and what the books say afterwards.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, done, refused};
use crate::sandbox::platform::{CodeKind, Fen, Options, Platform};

#[tokio::test]
async fn a_visit_from_code_to_settlement() {
    let mut desk = Desk::open("employee").await;
    let found = desk.call("1101", desk.person_query()).await;
    assert_eq!(
        found["output"]["baseinfo"]["psn_no"],
        json!(desk.person.psn_no)
    );
    assert_eq!(
        found["output"]["insuinfo"][0]["balc"].to_string(),
        "3218.46"
    );
    desk.register().await;
    done(&desk.call("2203A", desk.visit()).await);
    let uploaded = desk.call("2204", desk.fees()).await;
    assert_eq!(uploaded["output"]["result"].as_array().unwrap().len(), 3);
    let settled = desk.settle().await;
    done(&settled);

    // 142 = 45 own + 5 over the limit + 7.70 first + 84.30 inside; fund (84.30 - 20) * 0.7.
    let info = &settled["output"]["setlinfo"];
    for (name, amount) in [
        ("medfee_sumamt", "142.0"),
        ("fulamt_ownpay_amt", "45.0"),
        ("overlmt_selfpay", "5.0"),
        ("preselfpay_amt", "7.7"),
        ("inscp_scp_amt", "84.3"),
        ("act_pay_dedc", "20.0"),
        ("fund_pay_sumamt", "45.01"),
        ("psn_part_amt", "96.99"),
        ("acct_pay", "46.99"),
        ("psn_cash_pay", "50.0"),
    ] {
        assert_eq!(info[name].to_string(), amount, "{name}");
    }
    let row = &desk.platform.ledger(|ledger| ledger.settlements())[0];
    assert_eq!(info["medins_setl_id"], json!(row.medins_setl_id));
    assert!(row.is_live());
    assert_eq!(net(&desk), (Fen(4_501), Fen(4_699)));
    assert!(
        desk.platform
            .ledger(|ledger| ledger.visits_open())
            .is_empty()
    );
    refused(&desk.call("2205", desk.of_visit()).await, "已结算");
    done(
        &desk
            .call(
                "9002",
                json!({ "signOut": { "sign_no": desk.sign_no, "opter_no": "0107" } }),
            )
            .await,
    );
    refused(&desk.call("1101", desk.person_query()).await, "签到");
}

#[tokio::test]
async fn a_refund_adds_a_negative_row() {
    let mut desk = Desk::with_fees("employee").await;
    let settled = desk.settle().await;
    let refunded = desk.call("2208", desk.refund(&settled)).await;
    done(&refunded);
    let info = &refunded["output"]["setlinfo"];
    assert_ne!(info["setl_id"], settled["output"]["setlinfo"]["setl_id"]);
    assert_eq!(info["psn_cash_pay"].to_string(), "-50.0");
    assert_eq!(info["balc"].to_string(), "3218.46");
    assert_eq!(net(&desk), (Fen::ZERO, Fen::ZERO));
    assert_eq!(charges(&desk), 2);
    refused(&desk.call("2208", desk.refund(&settled)).await, "已退费");

    let setl_id = settled["output"]["setlinfo"]["setl_id"].as_str().unwrap();
    let seen = desk.call("5203", desk.query(setl_id)).await;
    assert_eq!(seen["output"]["setlinfo"]["refd_setl_flag"], "1");
    let both = desk.call("5203", desk.query("")).await;
    assert_eq!(both["output"]["setlinfo"].as_array().unwrap().len(), 2);
    done(&desk.settle().await);
    assert_eq!(net(&desk), (Fen(4_501), Fen(4_699)));
}

#[tokio::test]
async fn the_year_is_what_the_books_say() {
    let mut desk = Desk::with_fees("civil_servant").await;
    let asked =
        |cum_ym: &str| json!({ "data": { "psn_no": desk.person.psn_no, "cum_ym": cum_ym } });
    let (nothing, whole, before) = (asked("2000"), asked(""), asked("200012"));
    assert_eq!(
        desk.call("5206", whole.clone()).await["output"]["cuminfo"],
        json!([])
    );
    let first = desk.settle().await;
    done(&first);
    let of = |answer: &Value, code: &str| {
        let rows = answer["output"]["cuminfo"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["cum_type_code"] == code);
        row.map(|row| row["cum"].to_string())
    };
    let setlinfo = &first["output"]["setlinfo"];
    let answer = desk.call("5206", whole.clone()).await;
    assert_eq!(of(&answer, "C0000_BIZ11").as_deref(), Some("1.0"));
    for (code, field) in [
        ("F0000_BIZ11", "medfee_sumamt"),
        ("D310102_BIZ11", "hifp_pay"),
        ("D320101", "cvlserv_pay"),
        ("D310201", "acct_pay"),
    ] {
        let charged = setlinfo[field].to_string();
        assert_eq!(of(&answer, code), Some(charged), "{code}");
    }
    let row = &answer["output"]["cuminfo"][0];
    let time = setlinfo["setl_time"].as_str().unwrap();
    assert_eq!(
        (&row["insutype"], &row["year"]),
        (&json!("310"), &json!(&time[..4]))
    );
    assert_eq!(
        row["cum_ym"],
        json!(format!("{}{}", &time[..4], &time[5..7]))
    );
    for other in [nothing, before] {
        assert_eq!(
            desk.call("5206", other).await["output"]["cuminfo"],
            json!([])
        );
    }
    done(&desk.call("2208", desk.refund(&first)).await);
    let answer = desk.call("5206", whole.clone()).await;
    for code in [
        "C0000_BIZ11",
        "F0000_BIZ11",
        "D310102_BIZ11",
        "D320101",
        "D310201",
    ] {
        let left = of(&answer, code);
        assert!(
            left.as_deref()
                .is_some_and(|left| left.trim_matches(['0', '.', '-']).is_empty()),
            "{code} {left:?}"
        );
    }
    let odd = json!({ "data": { "psn_no": desk.person.psn_no, "cum_ym": "26" } });
    refused(&desk.call("5206", odd).await, "cum_ym");
}

#[tokio::test]
async fn a_reversal_undoes_everything() {
    let mut desk = Desk::with_fees("civil_servant").await;
    desk.platform.arm("F1@2207").unwrap();
    let trial = desk.call("2206", desk.trial()).await;
    let request = desk.envelope("2207", desk.settlement(&trial));
    assert_eq!(desk.send_raw(&request).await, None);
    let msgid = request["msgid"].as_str().unwrap();
    let seen = desk.call("5203", desk.query("")).await;
    assert_eq!(seen["output"]["setlinfo"]["medins_setl_id"], json!(msgid));
    assert_eq!(seen["output"]["setlinfo"]["refd_setl_flag"], "0");
    assert!(seen["output"]["setlinfo"]["cash_payamt"].is_number());

    let reversed = desk.call("2601", desk.reversal(msgid)).await;
    done(&reversed);
    assert!(reversed["output"].is_null());
    done(&desk.call("2601", desk.reversal(msgid)).await);
    assert_eq!(net(&desk), (Fen::ZERO, Fen::ZERO));
    assert_eq!(charges(&desk), 0);
    refused(&desk.call("5203", desk.query("")).await, "未查询到结算信息");
    let again = desk.settle().await;
    done(&again);
    assert_eq!(
        again["output"]["setlinfo"]["balc"],
        trial["output"]["setlinfo"]["balc"]
    );
}

/// A random walk of settlements, refunds and reversals: the books add up after each step.
#[tokio::test]
async fn the_books_add_up() {
    let mut desk = Desk::with_fees("civil_servant").await;
    let start = desk.platform.balance(&desk.person.psn_no, "310").unwrap();
    let mut live: Option<Value> = None;
    let mut steps = [0_usize; 3];
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..60 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        match live.take() {
            None => {
                live = Some(desk.settle().await);
                steps[0] += 1;
            }
            Some(settled) if seed.is_multiple_of(2) => {
                done(&desk.call("2208", desk.refund(&settled)).await);
                steps[1] += 1;
            }
            Some(settled) => {
                let msgid = &settled["output"]["setlinfo"]["medins_setl_id"];
                done(
                    &desk
                        .call("2601", desk.reversal(msgid.as_str().unwrap()))
                        .await,
                );
                steps[2] += 1;
            }
        }
        let rows = desk.platform.ledger(|ledger| ledger.settlements());
        let charging: Vec<_> = rows.iter().filter(|row| row.is_live()).collect();
        assert_eq!(charging.len(), usize::from(live.is_some()));
        let fund = charging.iter().map(|row| row.amounts.fund()).sum();
        let account = charging.iter().map(|row| row.amounts.account).sum();
        assert_eq!(net(&desk), (fund, account));
        let left = desk.platform.balance(&desk.person.psn_no, "310").unwrap();
        assert_eq!(left + account, start);
        let told = live
            .as_ref()
            .map(|settled| settled["output"]["setlinfo"]["balc"].to_string());
        assert!(told.is_none_or(|balc| Fen::parse(&balc) == Some(left)));
    }
    assert!(steps.iter().all(|taken| *taken > 5), "{steps:?}");
}

/// Forty desks at once, a person each; every one is charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_settle_at_once() {
    let options = Options {
        crowd: 40,
        ..Options::default()
    };
    let platform = Arc::new(Platform::start(options).await.unwrap());
    let mut desks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let platform = Arc::clone(&platform);
        desks.spawn(async move {
            let mut desk = Desk::at(platform, &format!("crowd_{number:04}")).await;
            desk.batch = format!("B{number:020}");
            desk.upload().await;
            done(&desk.settle().await);
            (net(&desk), charges(&desk))
        });
    }
    while let Some(result) = desks.join_next().await {
        assert_eq!(result.unwrap(), ((Fen(4_501), Fen(4_699)), 1));
    }
    assert_eq!(platform.ledger(|ledger| ledger.settlements()).len(), 40);
    let duplicates = platform.ledger(|ledger| ledger.duplicates());
    assert_eq!((duplicates.msgids.len(), duplicates.batches.len()), (0, 0));
    // The desks of this test number their lines alike, and the books notice.
    assert_eq!(duplicates.lines.len(), 3);
}

#[tokio::test]
async fn what_was_made_can_be_taken_back() {
    let desk = Desk::with_fees("resident").await;
    let cancel = || {
        let visit = desk
            .platform
            .ledger(|ledger| ledger.visits_open())
            .pop()
            .unwrap();
        json!({ "data": {
            "psn_no": visit.psn_no, "mdtrt_id": visit.mdtrt_id, "ipt_otp_no": visit.ipt_otp_no,
        } })
    };
    refused(&desk.call("2202", cancel()).await, "费用明细");
    done(&desk.call("2205", desk.of_visit()).await);
    refused(&desk.call("2205", desk.of_visit()).await, "未查询到");
    done(&desk.call("2204", desk.fees()).await);
    done(&desk.call("2205", desk.of_visit()).await);
    done(&desk.call("2202", cancel()).await);
    assert!(
        desk.platform
            .ledger(|ledger| ledger.visits_open())
            .is_empty()
    );
    assert_eq!(
        desk.platform.ledger(|ledger| ledger.duplicates()),
        Default::default()
    );
}

#[tokio::test]
async fn money_rules_are_held() {
    let desk = Desk::with_fees("employee").await;
    let mut wrong = desk.trial();
    wrong["data"]["medfee_sumamt"] = json!("142.01");
    refused(&desk.call("2206", wrong).await, "合计不一致");
    let trial = desk.call("2206", desk.trial()).await;
    assert!(trial["output"]["setlinfo"].get("setl_id").is_none());
    assert!(trial["output"]["setlinfo"]["clr_optins"].is_null());
    for name in [
        "fulamt_ownpay_amt",
        "overlmt_selfpay",
        "preselfpay_amt",
        "inscp_scp_amt",
    ] {
        let mut wrong = desk.settlement(&trial);
        wrong["data"][name] = json!("0.01");
        refused(&desk.call("2207", wrong).await, "与预结算不一致");
    }
    let right = desk.envelope("2207", desk.settlement(&trial));
    done(&desk.send(&right).await);
    refused(&desk.send(&right).await, "报文ID重复");
    desk.platform
        .switch(&json!({ "repeated_msgid_answers_stored": true }))
        .unwrap();
    done(&desk.send(&right).await);
    refused(
        &desk.call("2207", desk.settlement(&trial)).await,
        "不允许重复结算",
    );
    assert_eq!(charges(&desk), 1);
    assert_eq!(
        desk.platform
            .ledger(|ledger| ledger.duplicates())
            .msgids
            .len(),
        1
    );
}

#[tokio::test]
async fn codes_are_of_every_kind() {
    let desk = Desk::open("employee").await;
    for (kind, code) in [
        (CodeKind::Fresh, 0),
        (CodeKind::Expired, 500_161),
        (CodeKind::Used, 500_162),
        (CodeKind::Wechat, 500_159),
        (CodeKind::Alipay, 500_159),
        (CodeKind::Half, 500_159),
        (CodeKind::Glued, 500_159),
        (CodeKind::IdNumber, 500_159),
    ] {
        let scanned = desk.platform.code("employee", kind).unwrap();
        assert_eq!(desk.decode_code(&scanned).await["code"], code, "{kind:?}");
    }
    let scanned = desk.platform.fresh_code("employee").unwrap();
    assert_eq!(
        (scanned.len(), &scanned[..3], &scanned[24..]),
        (28, "424", "0000")
    );
    desk.platform
        .switch(&json!({ "clock_shift_s": 61 }))
        .unwrap();
    assert_eq!(desk.decode_code(&scanned).await["code"], 500_161);
    desk.platform.switch(&json!({ "code_age_s": 300 })).unwrap();
    assert_eq!(desk.decode_code(&scanned).await["code"], 0);
    assert_eq!(desk.decode_code(&scanned).await["code"], 500_162);
}

#[tokio::test]
async fn tokens_age_and_may_be_single_use() {
    let mut desk = Desk::open("employee").await;
    desk.platform
        .switch(&json!({ "token_single_use": true }))
        .unwrap();
    done(&desk.call("1101", desk.person_query()).await);
    refused(&desk.call("1101", desk.person_query()).await, "无效token");
    desk.platform
        .switch(&json!({ "token_single_use": false, "clock_shift_s": 1801 }))
        .unwrap();
    desk.platform
        .switch(&json!({ "check_headers": false, "sign_in_required": false }))
        .unwrap();
    refused(&desk.call("1101", desk.person_query()).await, "无效token");
    desk.token = desk.decode().await["data"]["ecToken"]
        .as_str()
        .unwrap()
        .to_owned();
    done(&desk.call("1101", desk.person_query()).await);
}

#[tokio::test]
async fn persons_differ() {
    let desk = Desk::open("two_insurances").await;
    let found = desk.call("1101", desk.person_query()).await;
    let in_force = found["output"]["insuinfo"].as_array().unwrap().iter();
    assert_eq!(
        in_force.filter(|row| row["psn_insu_stas"] == "1").count(),
        2
    );

    let desk = Desk::open("paused").await;
    refused(&desk.call("2201", desk.registration()).await, "暂停参保");

    let desk = Desk::open("other_area").await;
    let mut request = desk.envelope("2201", desk.registration());
    request["insuplc_admdvs"] = json!("");
    refused(
        &desk.send(&request).await,
        "参保地医保区划不能为空[insuplc_admdvs]",
    );
    done(&desk.call("2201", desk.registration()).await);

    for key in ["employee_no_account", "resident"] {
        let mut desk = Desk::with_fees(key).await;
        let settled = desk.settle().await;
        assert_eq!(
            settled["output"]["setlinfo"]["acct_pay"].to_string(),
            "0.0",
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_visit_is_found_by_5201() {
    let mut desk = Desk::open("employee").await;
    desk.register().await;
    let mut ask = json!({ "data": {
        "psn_no": desk.person.psn_no, "begntime": "2020-01-01 00:00:00",
        "endtime": "2099-01-01 00:00:00", "med_type": "11",
    } });
    let found = desk.call("5201", ask.clone()).await;
    assert_eq!(
        found["output"]["mdtrtinfo"][0]["mdtrt_id"],
        json!(desk.mdtrt_id)
    );
    ask["data"]["endtime"] = json!("2020-01-02 00:00:00");
    let none = desk.call("5201", ask).await;
    assert_eq!(none["output"]["mdtrtinfo"], json!([]));
}

#[tokio::test]
async fn a_card_and_an_id_number_work_too() {
    let desk = Desk::open("employee").await;
    let person = &desk.person;
    for (kind, number) in [("02", &person.idno), ("03", &person.card_no)] {
        let ask = json!({ "data": {
            "mdtrt_cert_type": kind, "mdtrt_cert_no": number, "card_sn": person.card_sn,
            "psn_cert_type": "01", "certno": person.idno, "psn_name": person.name,
        } });
        done(&desk.call("1101", ask).await);
    }
}

#[tokio::test]
async fn scripts_control_it_over_http() {
    let mut desk = Desk::with_fees("employee").await;
    let ask = async |method: &str, path: &str, body: &str| -> (u16, Value) {
        let (status, text) = desk.request(method, path, body, "").await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    };
    let (_, armed) = ask("POST", "/sandbox/fault", r#"{"fault":"F3@2206:1!"}"#).await;
    assert_eq!(armed["armed"], json!(["F3@2206:1!"]));
    assert_eq!(
        ask("POST", "/sandbox/fault", r#"{"fault":"F99@2206"}"#)
            .await
            .0,
        400
    );
    assert_eq!(
        ask("DELETE", "/sandbox/faults", "").await.1["armed"],
        json!([])
    );
    let (_, code) = ask(
        "POST",
        "/sandbox/code",
        r#"{"person":"resident","kind":"fresh"}"#,
    )
    .await;
    assert_eq!(code["code"].as_str().unwrap().len(), 28);
    assert_eq!(
        ask("POST", "/sandbox/switch", r#"{"nothing":1}"#).await.0,
        400
    );
    let (_, switches) = ask("POST", "/sandbox/switch", r#"{"code_age_s":5}"#).await;
    assert_eq!(switches["code_age_s"], 5);
    assert_eq!(
        ask("GET", "/sandbox/persons", "").await.1["persons"]
            .as_array()
            .unwrap()
            .len(),
        8
    );
    let (_, bill) = ask("GET", "/sandbox/bill?person=resident", "").await;
    assert_eq!(bill["kind"], "ORDER_KIND_OUTPATIENT");
    done(&desk.settle().await);
    let (status, text) = desk
        .request("GET", "/sandbox/ledger", "", "")
        .await
        .unwrap();
    let ledger: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (status, &ledger["settlements"][0]["fund"]),
        (200, &json!("45.01"))
    );
    assert_eq!(
        ledger["received"].as_array().unwrap().last().unwrap()["delivery"],
        "sent"
    );
}

fn net(desk: &Desk) -> (Fen, Fen) {
    desk.platform
        .ledger(|ledger| ledger.net_charged(&desk.person.psn_no))
}

fn charges(desk: &Desk) -> usize {
    desk.platform
        .ledger(|ledger| ledger.charges_of(&desk.person.psn_no).len())
}
