//! The platform refuses what the interface text refuses.

use serde_json::{Value, json};

use super::desk::{Desk, done, refused};
use crate::sandbox::platform::fields::{self, Need, Shape};

/// Every required field of every transaction, left out one at a time, is named in a refusal.
#[tokio::test]
async fn each_required_field_is_missed() {
    let desk = Desk::with_fees("employee").await;
    let trial = desk.call("2206", desk.trial()).await;
    let setl = json!({ "data": {
        "setl_id": "1", "mdtrt_id": desk.mdtrt_id, "psn_no": desk.person.psn_no,
    } });
    let back = json!({ "data": {
        "psn_no": desk.person.psn_no, "mdtrt_id": desk.mdtrt_id, "ipt_otp_no": "1",
    } });
    let span = json!({ "data": {
        "psn_no": desk.person.psn_no, "begntime": "2025-01-01 00:00:00",
        "endtime": "2025-01-02 00:00:00", "med_type": "11",
    } });
    let inputs = [
        ("9001", super::desk::sign_in()),
        (
            "9002",
            json!({ "signOut": { "sign_no": "1", "opter_no": "0107" } }),
        ),
        ("1101", desk.person_query()),
        (
            "1162",
            json!({ "data": {
                "orgId": "H43010099901", "businessType": "01301", "operatorId": "0107",
                "operatorName": "窗口七号", "officeId": "0301", "officeName": "内科门诊",
                "ecQrCode": "1",
            } }),
        ),
        ("2201", desk.registration()),
        ("2202", back),
        ("2203", desk.visit()),
        ("2203A", desk.visit()),
        ("2204", desk.fees()),
        ("2205", desk.of_visit()),
        ("2206", desk.trial()),
        ("2206A", desk.trial()),
        ("2207", desk.settlement(&trial)),
        ("2207A", desk.settlement(&trial)),
        ("2208", setl.clone()),
        ("2601", desk.reversal("x")),
        ("5201", span),
        ("5203", setl),
        ("5206", json!({ "data": { "psn_no": "1" } })),
    ];
    let mut tried = 0;
    for (infno, input) in inputs {
        for node in fields::nodes(infno).unwrap() {
            for field in node
                .fields
                .iter()
                .filter(|field| field.need == Need::Always)
            {
                for empty in [None, Some(json!("")), Some(Value::Null)] {
                    let broken = without(&input, node.name, field.name, empty);
                    let answer = desk.call(infno, broken).await;
                    refused(&answer, &format!("{}不能为空[{}]", field.label, field.name));
                    assert_eq!(answer["inf_refmsgid"], "");
                    tried += 1;
                }
            }
            let mut broken = input.clone();
            broken.as_object_mut().unwrap().remove(node.name);
            refused(
                &desk.call(infno, broken).await,
                &format!("不能为空[{}]", node.name),
            );
        }
    }
    assert!(tried > 300, "{tried}");
}

fn without(input: &Value, node: &str, field: &str, empty: Option<Value>) -> Value {
    let mut input = input.clone();
    let place = &mut input[node];
    let row = if place.is_array() {
        &mut place[0]
    } else {
        place
    };
    match empty {
        Some(value) => row[field] = value,
        None => {
            row.as_object_mut().unwrap().remove(field);
        }
    }
    input
}

/// Too long, wrong code, wrong number, wrong time: for every field of 2204 and 2207 that has such
/// a rule.
#[tokio::test]
async fn shapes_and_codes_are_checked() {
    let desk = Desk::with_fees("employee").await;
    let trial = desk.call("2206", desk.trial()).await;
    for (infno, input) in [("2204", desk.fees()), ("2207", desk.settlement(&trial))] {
        let node = fields::nodes(infno).unwrap()[0];
        for field in node.fields {
            let mut bad = match field.shape {
                Shape::Text(length) => vec![
                    (json!("1".repeat(length + 1)), "超过长度限制"),
                    (json!(1), "格式不正确"),
                ],
                Shape::Number(digits, decimals) => vec![
                    (json!(format!("1.{}1", "0".repeat(decimals))), "格式不正确"),
                    (json!("1a"), "格式不正确"),
                    (json!("1e"), "格式不正确"),
                    (json!("1".repeat(digits - decimals + 1)), "超过长度限制"),
                    (json!(true), "格式不正确"),
                ],
                Shape::Moment => vec![
                    (json!("2025/01/01 00:00:00"), "格式不正确"),
                    (json!("20250101"), "格式不正确"),
                ],
                Shape::Day | Shape::Object | Shape::Bytes | Shape::Rows(_) => Vec::new(),
            };
            if !field.codes.is_empty() {
                bad.push((json!("Q"), "代码值不正确"));
            }
            for (value, what) in bad {
                let answer = desk
                    .call(infno, without(&input, node.name, field.name, Some(value)))
                    .await;
                refused(&answer, what);
                refused(&answer, &format!("[{}]", field.name));
            }
        }
    }
}

#[tokio::test]
async fn the_envelope_is_checked() {
    let desk = Desk::open("employee").await;
    let whole = desk.envelope("1101", desk.person_query());
    for name in [
        "msgid",
        "mdtrtarea_admvs",
        "recer_sys_code",
        "infver",
        "opter_type",
        "opter",
        "opter_name",
        "inf_time",
        "fixmedins_code",
        "fixmedins_name",
        "input",
        "sign_no",
    ] {
        let mut broken = whole.clone();
        broken[name] = if name == "input" {
            Value::Null
        } else {
            json!("")
        };
        refused(&desk.send(&broken).await, &format!("不能为空[{name}]"));
    }
    let msgid = whole["msgid"].as_str().unwrap().to_owned();
    for (name, value) in [
        ("msgid", json!(msgid[..29])),
        ("msgid", json!(format!("H43010099902{}", &msgid[12..]))),
        (
            "msgid",
            json!(format!("{}20251332000000{}", &msgid[..12], &msgid[26..])),
        ),
        ("opter_type", json!("4")),
        ("infver", json!("2.0")),
        ("inf_time", json!("2025-1-1 00:00:00")),
        ("fixmedins_code", json!("H43010099902")),
        ("mdtrtarea_admvs", json!("430200")),
        ("opter_name", json!("长".repeat(51))),
        ("sign_no", json!("20250101000000000001")),
        ("input", json!("{}")),
    ] {
        let mut broken = whole.clone();
        broken[name] = value;
        refused(&desk.send(&broken).await, &format!("[{name}]"));
    }
    let mut noted = whole.clone();
    noted["fixmedins_soft_fcty"] = json!("x");
    noted["input"]["data"]["more"] = json!("x");
    done(&desk.send(&noted).await);
    let warnings = desk.platform.ledger(|ledger| ledger.warnings());
    assert_eq!(warnings.get("未知字段 fixmedins_soft_fcty"), Some(&1));
    assert_eq!(warnings.get("未知字段 1101.data.more"), Some(&1));
    refused(&desk.send(&noted).await, "报文ID重复");
}

#[tokio::test]
async fn the_gateway_checks_its_headers() {
    let desk = Desk::open("employee").await;
    let body = desk.envelope("1101", desk.person_query());
    let good = desk.headers();
    let changed = |name: &str, value: &str| {
        let mut lines = String::new();
        for line in good.lines() {
            let kept = !line.starts_with(name);
            lines += &if kept {
                format!("{line}\r\n")
            } else {
                format!("{name}: {value}\r\n")
            };
        }
        lines
    };
    for (headers, message) in [
        (String::new(), "缺少服务网关的请求头!"),
        (changed("x-tif-paasid", "somebody"), "非法用户!"),
        (changed("x-tif-timestamp", "1735689600"), "签名时间戳超时!"),
        (changed("x-tif-nonce", "other"), "签名不一致!"),
        (changed("x-tif-signature", "00"), "签名不一致!"),
    ] {
        let (status, text) = desk.post("/fsi/api/1101", &body, &headers).await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (status, &answer),
            (401, &json!({ "code": 401, "message": message }))
        );
    }
    assert_eq!(
        desk.post("/fsi/api/1101", &body, &good).await.unwrap().0,
        200
    );
    let (status, text) = desk.post("/fsi/api/1101", &body, &good).await.unwrap();
    assert_eq!((status, text.contains("重复的请求")), (401, true));
    let headers = desk.headers();
    assert_eq!(
        desk.post("/fsi/api/2207", &body, &headers).await.unwrap().0,
        400
    );
    assert_eq!(
        desk.post("/fsi/nothing", &body, &desk.headers())
            .await
            .unwrap()
            .0,
        404
    );
    assert_eq!(
        desk.post("/fsi/api", &json!([]), &desk.headers())
            .await
            .unwrap()
            .0,
        400
    );
}

/// security.md 1 gives this vector; the desk of these tests signs by the same code.
#[test]
fn the_signature_is_the_documented_one() {
    use sha2::{Digest, Sha256};
    let text = "1735689600demoSecretToken0123456789abcdef1735689600";
    assert_eq!(
        hex::encode(Sha256::digest(text.as_bytes())),
        "db4a870f1b39f5cc86e9c087d4300e7fc5eb80c94a12c6ec95125f90efce1988"
    );
}

#[tokio::test]
async fn lines_are_checked() {
    let desk = Desk::with_fees("employee").await;
    refused(&desk.call("2204", desk.fees()).await, "不允许重复上传");
    done(&desk.call("2205", desk.of_visit()).await);
    for (name, value, text) in [
        ("det_item_fee_sumamt", json!("20.01"), "单价乘数量不符"),
        ("det_item_fee_sumamt", json!("0"), "必须大于零"),
        ("cnt", json!("-1"), "必须大于零"),
        ("med_list_codg", json!("QQ"), "医疗目录编码不正确"),
        ("feedetl_sn", json!("2"), "流水号重复"),
        ("dise_codg", json!("M03900"), "一个病种编码"),
        ("mdtrt_id", json!("1"), "就诊登记信息不存在"),
    ] {
        let broken = without(&desk.fees(), "feedetail", name, Some(value));
        refused(&desk.call("2204", broken).await, text);
    }
    refused(
        &desk.call("2204", json!({ "feedetail": [] })).await,
        "不能为空[feedetail]",
    );
    assert!(
        desk.platform
            .ledger(|ledger| ledger.lines_open())
            .is_empty()
    );
    done(&desk.call("2204", desk.fees()).await);
}

#[tokio::test]
async fn hunan_asks_for_more() {
    let desk = Desk::open("employee").await;
    desk.platform.switch(&json!({ "hunan": true })).unwrap();
    refused(
        &desk.call("2201", desk.registration()).await,
        "证件类型不能为空[psn_cert_type]",
    );
    let mut whole = desk.registration();
    for (name, value) in [("psn_cert_type", "01"), ("psn_type", "11")] {
        whole["data"][name] = json!(value);
    }
    whole["data"]["certno"] = json!(desk.person.idno);
    whole["data"]["psn_name"] = json!(desk.person.name);
    done(&desk.call("2201", whole).await);
}

#[tokio::test]
async fn a_sign_in_ends_at_midnight() {
    let desk = Desk::open("employee").await;
    desk.platform
        .switch(&json!({ "check_headers": false, "clock_shift_s": 86_400 }))
        .unwrap();
    refused(
        &desk.call("1101", desk.person_query()).await,
        "签到编号已失效",
    );
    desk.platform
        .switch(&json!({ "clock_shift_s": 0, "closed": "超出当日结算次数" }))
        .unwrap();
    done(&desk.call("1101", desk.person_query()).await);
    refused(
        &desk.call("2201", desk.registration()).await,
        "超出当日结算次数",
    );
}
