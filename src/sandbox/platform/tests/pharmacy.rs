//! 2101, 2102 and 2103 at the platform.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::desk::{Desk, done, refused};
use crate::sandbox::platform::fields::{self, Need};
use crate::sandbox::platform::{Fen, catalogue, clock};

const TRACE: &str = "durg_trac_info";

impl Desk {
    /// 77.00 for a class B drug and 45.00 that the buyer pays alone.
    fn purchase(&self) -> Value {
        let now = clock::spaced(Timestamp::now());
        let line = |serial: &str, code: &str, price: &str, count: &str, amount: &str| {
            json!({
                "feedetl_sn": serial, "rxno": "", "rx_circ_flag": "0", "fee_ocur_time": now,
                "med_list_codg": code, "medins_list_codg": "M1", "det_item_fee_sumamt": amount,
                "cnt": count, "pric": price,
            })
        };
        json!({
            "druginfo": {
                "psn_no": self.person.psn_no, "mdtrt_cert_type": "01", "mdtrt_cert_no": self.token,
                "begntime": now, "medfee_sumamt": "122.00", "acct_used_flag": "1", "med_type": "41",
                "insutype": self.person.main_insurance().insutype,
            },
            "drugdetail": [
                line("1", catalogue::DRUG_B, "38.5", "2", "77.00"),
                line("2", catalogue::SELF_PAID, "45", "1", "45"),
            ],
        })
    }

    fn traced(&self, node: &str, codes: &[(&str, &str)]) -> Value {
        let mut input = self.purchase();
        let rows: Vec<Value> = codes
            .iter()
            .map(|(code, by_piece)| {
                json!({ "feedetl_sn": "1", "drug_trac_codg": code, "trdn_flag": by_piece })
            })
            .collect();
        input["drugdetail"][0][node] = json!(rows);
        input
    }

    fn take_back(&self, settled: &Value) -> Value {
        let info = &settled["output"]["setlinfo"];
        json!({ "data": {
            "setl_id": info["setl_id"], "mdtrt_id": info["mdtrt_id"], "psn_no": self.person.psn_no,
        } })
    }

    fn by_person(&self) -> Value {
        json!({ "data": { "psn_no": self.person.psn_no, "setl_id": "", "mdtrt_id": "" } })
    }
}

#[tokio::test]
async fn a_sale_is_previewed_charged_and_taken_back() {
    let desk = Desk::open("employee").await;
    let before = desk.platform.balance(&desk.person.psn_no, "310");
    let trial = desk.call("2101", desk.purchase()).await;
    done(&trial);
    assert!(trial["output"]["setlinfo"].get("setl_id").is_none());
    let cut = trial["output"]["detlcutinfo"].as_array().unwrap();
    assert_eq!(cut.len(), 2);
    assert_eq!(cut[0]["preselfpay_amt"].to_string(), "7.7");
    assert!(desk.platform.ledger(|ledger| ledger.visits().is_empty()));
    let settled = desk
        .call(
            "2102",
            desk.traced(TRACE, &[("8101", "0"), ("8102", "1"), ("8102", "1")]),
        )
        .await;
    done(&settled);
    let info = &settled["output"]["setlinfo"];
    assert_ne!(info["mdtrt_id"], trial["output"]["setlinfo"]["mdtrt_id"]);
    assert_eq!(info["clr_type"], "41");
    for amount in [
        "medfee_sumamt",
        "fund_pay_sumamt",
        "acct_pay",
        "psn_cash_pay",
    ] {
        assert_eq!(
            info[amount], trial["output"]["setlinfo"][amount],
            "{amount}"
        );
    }
    let row = desk
        .platform
        .ledger(|ledger| ledger.settlements()[0].clone());
    assert_eq!(row.trace_codes, ["8101", "8102", "8102"]);
    assert_eq!(
        (row.amounts.total, row.infno.as_str()),
        (Fen(12_200), "2102")
    );

    refused(
        &desk.call("2208", desk.take_back(&settled)).await,
        "结算类型",
    );
    let back = desk.call("2103", desk.take_back(&settled)).await;
    done(&back);
    let given_back = back["output"]["setlinfo"]["medfee_sumamt"].to_string();
    assert!(given_back.starts_with("-122"), "{given_back}");
    assert!(back["output"].get("setldetail").is_none());
    refused(&desk.call("2103", desk.take_back(&settled)).await, "已退费");
    assert_eq!(desk.platform.balance(&desk.person.psn_no, "310"), before);
    let (visits, lines) = desk
        .platform
        .ledger(|ledger| (ledger.visits_open().len(), ledger.lines_open().len()));
    assert_eq!((visits, lines), (0, 0));
}

#[tokio::test]
async fn an_outpatient_settlement_is_not_taken_back_by_2103() {
    let mut desk = Desk::with_fees("employee").await;
    let settled = desk.settle().await;
    done(&settled);
    refused(
        &desk.call("2103", desk.take_back(&settled)).await,
        "结算类型",
    );
}

#[tokio::test]
async fn each_required_field_is_missed() {
    let desk = Desk::open("employee").await;
    let back = json!({ "data": { "setl_id": "1", "mdtrt_id": "1", "psn_no": desk.person.psn_no } });
    for (infno, input) in [
        ("2101", desk.purchase()),
        ("2102", desk.purchase()),
        ("2103", back),
    ] {
        let mut tried = 0;
        for node in fields::nodes(infno).unwrap() {
            for field in node.fields.iter().filter(|f| f.need == Need::Always) {
                let mut broken = input.clone();
                let place = if node.list {
                    &mut broken[node.name][0]
                } else {
                    &mut broken[node.name]
                };
                place.as_object_mut().unwrap().remove(field.name);
                let answer = desk.call(infno, broken).await;
                refused(&answer, &format!("{}不能为空[{}]", field.label, field.name));
                tried += 1;
            }
        }
        assert!(tried >= 3, "{infno}: {tried}");
    }
    assert!(
        desk.platform
            .ledger(|ledger| ledger.settlements().is_empty())
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_sale_is_refused() {
    let desk = Desk::open("employee").await;
    type Spoil = fn(&mut Value);
    let spoilt: [(&str, Spoil); 6] = [
        ("医疗费总额与费用明细合计不一致", |i| {
            i["druginfo"]["medfee_sumamt"] = json!("122.01")
        }),
        ("明细项目费用总额与单价乘数量不符", |i| {
            i["drugdetail"][0]["det_item_fee_sumamt"] = json!("77.01");
        }),
        ("费用明细流水号重复", |i| {
            i["drugdetail"][1]["feedetl_sn"] = json!("1")
        }),
        ("医疗目录编码不正确", |i| {
            i["drugdetail"][0]["med_list_codg"] = json!("Q1")
        }),
        ("未参加该险种", |i| {
            i["druginfo"]["insutype"] = json!("390")
        }),
        ("未建立个人账户共济关系", |i| {
            i["druginfo"]["acct_used_flag"] = json!("2")
        }),
    ];
    for infno in ["2101", "2102"] {
        for (text, spoil) in spoilt {
            let mut input = desk.purchase();
            spoil(&mut input);
            refused(&desk.call(infno, input).await, text);
        }
    }
    let twice = desk.traced(TRACE, &[("8101", "0"), ("8101", "0")]);
    refused(&desk.call("2102", twice).await, "追溯码重复");
    let other = desk.traced("drug_trac_info", &[("8101", "0")]);
    refused(
        &desk.call("2102", other.clone()).await,
        "追溯码节点名称不正确",
    );
    let odd = desk.traced(TRACE, &[("8101", "7")]);
    refused(&desk.call("2102", odd).await, "代码值不正确[trdn_flag]");
    let long = "8".repeat(101);
    let long = desk.traced(TRACE, &[(long.as_str(), "0")]);
    refused(&desk.call("2102", long).await, "[drug_trac_codg]");
    assert!(
        desk.platform
            .ledger(|ledger| ledger.settlements().is_empty())
    );
    desk.platform
        .switch(&json!({ "trace_node": "drug_trac_info" }))
        .unwrap();
    done(&desk.call("2102", other).await);
}

#[tokio::test]
async fn a_lost_2102_is_reversed_or_found_by_person_where_allowed() {
    let desk = Desk::open("employee").await;
    let envelope = desk.envelope("2102", desk.purchase());
    desk.platform.arm("F1@2102").unwrap();
    assert_eq!(desk.send_raw(&envelope).await, None);
    refused(&desk.call("5203", desk.by_person()).await, "就诊ID不能为空");
    desk.platform
        .switch(&json!({ "query_by_person": true }))
        .unwrap();
    let found = desk.call("5203", desk.by_person()).await;
    assert_eq!(
        found["output"]["setlinfo"]["medins_setl_id"],
        envelope["msgid"]
    );
    let reverse = json!({ "data": {
        "psn_no": desk.person.psn_no, "omsgid": envelope["msgid"], "oinfno": "2102",
    } });
    done(&desk.call("2601", reverse.clone()).await);
    done(&desk.call("2601", reverse).await);
    assert!(
        desk.platform
            .ledger(|l| l.charges_of(&desk.person.psn_no).is_empty())
    );
    assert!(
        desk.platform
            .ledger(|ledger| ledger.visits_open().is_empty())
    );
}

#[tokio::test]
async fn a_second_delivery_charges_nothing() {
    let desk = Desk::open("employee").await;
    desk.platform.arm("F23@2102").unwrap();
    done(&desk.call("2102", desk.purchase()).await);
    assert_eq!(desk.platform.ledger(|ledger| ledger.settlements().len()), 1);
    desk.platform.arm("F12@2102").unwrap();
    let trial = desk.call("2101", desk.purchase()).await;
    let off = desk.call("2102", desk.purchase()).await;
    let fund = |answer: &Value| answer["output"]["setlinfo"]["psn_part_amt"].clone();
    assert_ne!(fund(&trial), fund(&off));
}
