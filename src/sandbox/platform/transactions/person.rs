//! 1101, 1162, and whom a credential belongs to.

use serde_json::{Value, json};

use super::rows;
use crate::sandbox::persons::Person;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::voucher::CodeError;
use crate::sandbox::platform::world::World;

pub(super) fn find(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let person = holder(world, call, hits)?;
    let certno = call.data("certno");
    if !certno.is_empty() && certno != person.idno {
        return Err(Refusal::new("证件号码与就诊凭证不一致[certno]"));
    }
    let name = call.data("psn_name");
    if !name.is_empty() && name != person.name {
        return Err(Refusal::new("姓名与参保人员基本信息不一致[psn_name]"));
    }
    Ok(described(world, &person, call))
}

/// 1162: the e-voucher centre is asked behind the platform.
pub(super) fn decode(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    if call.data("orgId") != world.options.fixmedins_code {
        return Err(Refusal::new("机构ID不一致[orgId]"));
    }
    let kind = call.data("mdtrt_cert_type");
    if !matches!(kind, "" | "01") {
        return Err(Refusal::new(
            "电子凭证的就诊凭证类型应为01[mdtrt_cert_type]",
        ));
    }
    let switches = world.switches.clone();
    let decoded = match hits.has(Kind::TokenInvalid) {
        true => Err(CodeError::Expired),
        false => world
            .voucher
            .decode(call.data("ecQrCode"), call.now, &switches),
    };
    let (psn_no, token) = decoded.map_err(|error| {
        let (number, text) = error.answer();
        Refusal::new(format!(
            "电子凭证解码-1162, 请求失败,错误原因：{number}{text}"
        ))
    })?;
    let person = world.person_of(&psn_no).filter(|person| person.is_known);
    let person = person.cloned().ok_or_else(|| {
        Refusal::new("HygeiaException: 请求失败,错误原因：本地查询错误:该参保人的基本信息为空null")
    })?;
    let mut output = described(world, &person, call);
    for (name, value) in [("ecToken", token.as_str()), ("cardno", ""), ("card_sn", "")] {
        output["baseinfo"][name] = json!(value);
    }
    Ok(output)
}

fn described(world: &World, person: &Person, call: &Call<'_>) -> Value {
    let insured: Vec<Value> = person
        .insured
        .iter()
        .map(|row| {
            let used = world.ledger.used_by(&person.psn_no, row.insutype);
            json!({
                "balc": (row.balance - used.account).to_json(),
                "insutype": row.insutype,
                "psn_type": row.psn_type,
                "psn_insu_stas": row.stas,
                "psn_insu_date": "2015-01-01",
                "paus_insu_date": if row.stas == "2" { json!("2024-06-30") } else { Value::Null },
                "cvlserv_flag": row.cvlserv,
                "insuplc_admdvs": row.insuplc,
                "emp_name": row.employer,
            })
        })
        .collect();
    json!({
        "baseinfo": {
            "psn_no": person.psn_no,
            "psn_cert_type": "01",
            "certno": person.idno,
            "psn_name": person.name,
            "gend": person.gend,
            "naty": "01",
            "brdy": person.born,
            "age": rows::age(person, call.now),
            "exp_content": null,
        },
        "insuinfo": insured,
        "idetinfo": [],
    })
}

/// The person behind the credential of `input.data`.
pub(super) fn holder(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Person, Refusal> {
    let cert_no = call.data("mdtrt_cert_no");
    let found = match call.data("mdtrt_cert_type") {
        "01" => {
            let switches = world.switches.clone();
            let psn_no = world.voucher.present(cert_no, call.now, &switches);
            let Some(psn_no) = psn_no.filter(|_| !hits.has(Kind::TokenInvalid)) else {
                return Err(Refusal::new(format!(
                    "人员信息获取-{}, 请求失败,错误原因：调用就诊凭证返回异常，异常信息：无效token",
                    call.infno
                )));
            };
            world.person_of(&psn_no)
        }
        "02" => world.persons.iter().find(|person| person.idno == cert_no),
        "03" => {
            // Some provinces send card number, bar, and an opaque text of the reader.
            let card_no = cert_no.split('|').next().unwrap_or_default();
            let card_sn = call.data("card_sn");
            world
                .persons
                .iter()
                .find(|p| p.card_no == card_no && p.card_sn == card_sn)
        }
        other => {
            return Err(Refusal::new(format!(
                "不支持的就诊凭证类型{other}[mdtrt_cert_type]"
            )));
        }
    };
    let known = found.filter(|person| person.is_known);
    known.cloned().ok_or_else(|| {
        Refusal::new("HygeiaException: 请求失败,错误原因：本地查询错误:该参保人的基本信息为空null")
    })
}

/// The person of `psn_no`, who must also hold the credential and be insured in force by `insutype`.
pub(super) fn entitled(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Person, Refusal> {
    let person = holder(world, call, hits)?;
    if person.psn_no != call.data("psn_no") {
        return Err(Refusal::new("就诊凭证与人员编号不一致[mdtrt_cert_no]"));
    }
    let certno = call.data("certno");
    if !certno.is_empty() && certno != person.idno {
        return Err(Refusal::new("证件号码与人员编号不一致[certno]"));
    }
    let Some(row) = person.insurance(call.data("insutype")) else {
        return Err(Refusal::new("人员未参加该险种[insutype]"));
    };
    if row.stas == "1" {
        return Ok(person);
    }
    Err(Refusal::new(
        "人员参保状态为暂停参保，不能享受医保待遇[insutype]",
    ))
}
