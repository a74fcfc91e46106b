//! Realistic bills, as the JSON form of a `ScanAndPayRequest`.

use serde_json::{Value, json};

use super::persons::Person;
use super::platform::catalogue;

/// A visit to internal medicine: registration, consultation (5.00 above the price limit), a class
/// A and a class B drug, one item the patient pays alone, a blood count. 190.20 yuan in all. The
/// caller sets `requestId`.
#[must_use]
pub fn outpatient(person: &Person) -> Value {
    json!({
        "requestId": "",
        "kind": "ORDER_KIND_OUTPATIENT",
        "operator": { "id": "0107", "name": "窗口七号", "kind": "OPERATOR_KIND_STAFF" },
        "office": { "id": "0301", "name": "内科门诊" },
        "patient": { "certno": person.idno, "name": person.name, "hisId": "P000123" },
        "visit": {
            "medType": "11",
            "deptCode": "0301",
            "deptName": "内科门诊",
            "caty": "A03",
            "atddrNo": "D430100099001",
            "drName": "虞问溪",
            "mainCondDscr": "咽痛三天，血压偏高",
            "diagnoses": [
                { "diagType": "1", "diagCode": "J03.900", "diagName": "急性扁桃体炎" },
                { "diagType": "1", "diagCode": "I10.x00", "diagName": "高血压病" },
            ],
        },
        "bills": [{
            "billNo": "B0001",
            "lines": [
                line("挂号费", catalogue::REGISTRATION, "F001", "1.00", "1", 100),
                line("普通门诊诊察费", catalogue::CONSULTATION, "F002", "20.00", "1", 2_000),
                line("阿莫西林胶囊 0.25g×24粒", catalogue::DRUG_A, "M1001", "12.60", "2", 2_520),
                line("缬沙坦胶囊 80mg×7粒", catalogue::DRUG_B, "M1002", "38.50", "2", 7_700),
                line("复合维生素片 30片", catalogue::SELF_PAID, "M1003", "45.00", "1", 4_500),
                line("血细胞分析", catalogue::LABORATORY, "L2001", "22.00", "1", 2_200),
            ],
        }],
    })
}

/// A retail pharmacy's sale: a class A drug, a class B drug by prescription with its packages' trace codes, one
/// item the buyer pays alone. 147.20 yuan in all. The caller sets `requestId`.
#[must_use]
pub fn pharmacy(person: &Person) -> Value {
    let mut drug_a = line(
        "阿莫西林胶囊 0.25g×24粒",
        catalogue::DRUG_A,
        "M1001",
        "12.60",
        "2",
        2_520,
    );
    drug_a["traceCodes"] = json!([
        { "drugTracCodg": "81000010000000000101" },
        { "drugTracCodg": "81000010000000000102" },
    ]);
    let mut drug_b = line(
        "缬沙坦胶囊 80mg×7粒",
        catalogue::DRUG_B,
        "M1002",
        "38.50",
        "2",
        7_700,
    );
    drug_b["rxno"] = json!("RX20260001");
    drug_b["rxCircFlag"] = json!("1");
    drug_b["bilgDrCodg"] = json!("D430100099001");
    drug_b["bilgDrName"] = json!("虞问溪");
    drug_b["more"] = json!({
        "sin_dos_dscr": "80mg",
        "used_frqu_dscr": "每日一次",
        "prd_days": "14",
        "medc_way_dscr": "口服",
    });
    drug_b["traceCodes"] = json!([{ "drugTracCodg": "81000020000000000201", "byPiece": true }]);
    json!({
        "requestId": "",
        "kind": "ORDER_KIND_PHARMACY",
        "operator": { "id": "0107", "name": "药店收银一号", "kind": "OPERATOR_KIND_STAFF" },
        "office": { "id": "Y01", "name": "药店前台" },
        "patient": { "certno": person.idno, "name": person.name, "hisId": "" },
        "visit": { "medType": "41" },
        "bills": [{
            "billNo": "Y0001",
            "lines": [
                drug_a,
                drug_b,
                line("复合维生素片 30片", catalogue::SELF_PAID, "M1003", "45.00", "1", 4_500),
            ],
        }],
    })
}

fn line(name: &str, code: &str, own_code: &str, price: &str, count: &str, fen: i64) -> Value {
    json!({
        "name": name,
        "medListCodg": code,
        "medinsListCodg": own_code,
        "pric": price,
        "cnt": count,
        "amountFen": fen.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::persons::everybody;

    #[test]
    fn lines_are_priced_right_and_in_the_catalogue() {
        check(&outpatient(&everybody()[0]), 6, 19_020);
        check(&pharmacy(&everybody()[0]), 3, 14_720);
    }

    fn check(bill: &Value, lines_expected: usize, total_expected: i64) {
        let lines = bill["bills"][0]["lines"].as_array().unwrap();
        let mut total = 0;
        for line in lines {
            assert!(catalogue::find(line["medListCodg"].as_str().unwrap()).is_some());
            let fen: i64 = line["amountFen"].as_str().unwrap().parse().unwrap();
            let price = line["pric"]
                .as_str()
                .unwrap()
                .replace('.', "")
                .parse::<i64>()
                .unwrap();
            let count = line["cnt"].as_str().unwrap().parse::<i64>().unwrap();
            assert_eq!(fen, price * count);
            total += fen;
        }
        assert_eq!((lines.len(), total), (lines_expected, total_expected));
    }
}
