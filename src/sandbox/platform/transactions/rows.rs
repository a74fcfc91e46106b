//! How a settlement looks on the wire: setlinfo and setldetail.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sandbox::persons::Person;
use crate::sandbox::platform::clock;
use crate::sandbox::platform::ledger::Settlement;
use crate::sandbox::platform::money::Fen;
use crate::sandbox::platform::split::Amounts;
use crate::sandbox::platform::world::World;

/// What 2206, 2207 and 2208 have in common; 5203 calls two amounts otherwise.
pub(super) fn setlinfo(
    world: &World,
    person: &Person,
    row: &Settlement,
    fund_with_account: bool,
    at: Timestamp,
) -> Map<String, Value> {
    let insurance = person
        .insurance(&row.insutype)
        .unwrap_or_else(|| person.main_insurance());
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| {
        info.insert(name.to_owned(), value);
    };
    put("mdtrt_id", json!(row.mdtrt_id));
    put("setl_id", json!(row.setl_id));
    put("psn_no", json!(row.psn_no));
    put("psn_name", json!(person.name));
    put("psn_cert_type", json!("01"));
    put("certno", json!(person.idno));
    put("gend", json!(person.gend));
    put("naty", json!("01"));
    put("brdy", json!(person.born));
    put("age", age(person, at));
    put("insutype", json!(row.insutype));
    put("psn_type", json!(insurance.psn_type));
    put("cvlserv_flag", json!(insurance.cvlserv));
    put("setl_time", json!(row.setl_time));
    put("mdtrt_cert_type", json!(row.mdtrt_cert_type));
    put("med_type", json!(row.med_type));
    for (name, amount) in amounts(&row.amounts, fund_with_account) {
        put(name, amount.to_json());
    }
    if row.account_of.is_some() {
        put("acct_mulaid_pay", row.amounts.account.to_json());
    }
    put("pool_prop_selfpay", json!(0));
    put("medins_setl_id", json!(row.medins_setl_id));
    put("clr_optins", json!(world.options.area));
    put("clr_way", json!("1"));
    put(
        "clr_type",
        json!(&row.med_type[..row.med_type.len().min(2)]),
    );
    put("exp_content", Value::Null);
    info
}

fn amounts(amounts: &Amounts, fund_with_account: bool) -> [(&'static str, Fen); 21] {
    let parts = amounts.parts;
    let account = if fund_with_account {
        amounts.account
    } else {
        Fen::ZERO
    };
    [
        ("medfee_sumamt", amounts.total),
        ("fulamt_ownpay_amt", parts.own),
        ("overlmt_selfpay", parts.over),
        ("preselfpay_amt", parts.first),
        ("inscp_scp_amt", parts.inside),
        ("act_pay_dedc", amounts.deductible),
        ("hifp_pay", amounts.pooled),
        ("cvlserv_pay", amounts.civil),
        ("hifes_pay", Fen::ZERO),
        ("hifmi_pay", Fen::ZERO),
        ("hifob_pay", Fen::ZERO),
        ("maf_pay", Fen::ZERO),
        ("hifdm_pay", Fen::ZERO),
        ("oth_pay", Fen::ZERO),
        ("fund_pay_sumamt", amounts.fund() + account),
        ("psn_part_amt", amounts.patient),
        ("acct_pay", amounts.account),
        ("psn_cash_pay", amounts.cash),
        ("hosp_part_amt", amounts.hospital),
        ("balc", amounts.balance),
        ("acct_mulaid_pay", Fen::ZERO),
    ]
}

/// One row for each fund that paid, the account and the hospital.
pub(super) fn setldetail(row: &Settlement) -> Vec<Value> {
    let amounts = &row.amounts;
    let pool = pool_of(row);
    let account = match row.account_of {
        Some(_) => ("310201", "个人账户共济支付"),
        None => ("310200", "城镇职工基本医疗保险个人账户基金"),
    };
    [
        (pool, amounts.pooled),
        (("320100", "公务员医疗补助基金"), amounts.civil),
        (account, amounts.account),
        (("999996", "医院垫付基金"), amounts.hospital),
    ]
    .into_iter()
    .filter(|(_, amount)| *amount != Fen::ZERO)
    .map(|((kind, name), amount)| {
        json!({
            "fund_pay_type": kind,
            "inscp_scp_amt": amounts.parts.inside.to_json(),
            "crt_payb_lmt_amt": 0,
            "fund_payamt": amount.to_json(),
            "fund_pay_type_name": name,
            "setl_proc_info": null,
        })
    })
    .collect()
}

/// The pooled fund that pays, and its name.
pub(super) fn pool_of(row: &Settlement) -> (&'static str, &'static str) {
    if row.insutype == "390" {
        ("390102", "居民门诊统筹基金")
    } else {
        ("310102", "职工门诊统筹基金")
    }
}

/// Whole years, in the platform's 4,1 form.
pub(super) fn age(person: &Person, at: Timestamp) -> Value {
    let (born, today) = (person.born.clone(), clock::day(at));
    let year = |day: &str| day[..4].parse::<i64>().unwrap_or_default();
    let before_birthday = today[5..] < born[5..];
    json!(year(&today) - year(&born) - i64::from(before_birthday))
}
