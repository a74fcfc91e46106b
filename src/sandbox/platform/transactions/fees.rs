//! 2204 and 2205.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::visit;
use crate::sandbox::platform::catalogue;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::ledger::FeeLine;
use crate::sandbox::platform::money::{Fen, Ratio, price_times_count, scaled, text_of};
use crate::sandbox::platform::split::{Line, divide};
use crate::sandbox::platform::world::World;

/// All lines of one call are taken, or none.
pub(super) fn upload(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let rows: Vec<&Map<String, Value>> = call
        .input
        .get("feedetail")
        .and_then(Value::as_array)
        .map(|rows| rows.iter().filter_map(Value::as_object).collect())
        .unwrap_or_default();
    check_batches(world, &rows)?;
    let mut lines = Vec::with_capacity(rows.len());
    let mut results = Vec::with_capacity(rows.len());
    let mut serials = BTreeSet::new();
    for row in rows {
        if !serials.insert(text(row, "feedetl_sn")) {
            return Err(Refusal::new("费用明细流水号重复[feedetl_sn]"));
        }
        let (line, result) = read_line(world, row)?;
        lines.push(line);
        results.push(result);
    }
    for line in lines {
        let ledger = &mut world.ledger;
        let (batch, serial) = (line.chrg_bchno.clone(), line.feedetl_sn.clone());
        ledger
            .batches_seen
            .entry(batch)
            .or_default()
            .insert(line.mdtrt_id.clone());
        ledger
            .lines_seen
            .entry(serial)
            .or_default()
            .insert(line.mdtrt_id.clone());
        ledger
            .lines
            .entry(line.mdtrt_id.clone())
            .or_default()
            .push(line);
    }
    if world.switches.lines_reversed {
        results.reverse();
    }
    Ok(json!({ "result": results }))
}

/// A batch has one disease code, comes in one call, and is not settled.
fn check_batches(world: &World, rows: &[&Map<String, Value>]) -> Result<(), Refusal> {
    for row in rows {
        let (mdtrt_id, batch) = (text(row, "mdtrt_id"), text(row, "chrg_bchno"));
        visit::open_visit(world, mdtrt_id, text(row, "psn_no"))?;
        if batch == "0000" {
            return Err(Refusal::new("收费批次号不正确[chrg_bchno]"));
        }
        if world.ledger.live_of_batch(mdtrt_id, batch).is_some() {
            return Err(Refusal::new(
                "该收费批次已结算，不允许上传费用明细[chrg_bchno]",
            ));
        }
        let known = world
            .ledger
            .batch(mdtrt_id, batch)
            .next()
            .map(|line| line.dise_codg.as_str());
        if known.is_some() && !world.switches.split_upload {
            return Err(Refusal::new(
                "该收费批次费用明细已上传，不允许重复上传[chrg_bchno]",
            ));
        }
        let same_batch = |other: &&&Map<String, Value>| text(other, "chrg_bchno") == batch;
        let first = rows
            .iter()
            .find(same_batch)
            .map(|other| text(other, "dise_codg"));
        if known.or(first) != Some(text(row, "dise_codg")) {
            return Err(Refusal::new("同一收费批次只能有一个病种编码[dise_codg]"));
        }
    }
    Ok(())
}

/// A line and its division.
pub(super) fn read_line(
    world: &World,
    row: &Map<String, Value>,
) -> Result<(FeeLine, Value), Refusal> {
    let number = |name: &str, places| {
        row.get(name)
            .and_then(text_of)
            .and_then(|t| scaled(&t, places))
    };
    let amount = Fen(number("det_item_fee_sumamt", 2).expect("checked to be a number"));
    let count_e4 = number("cnt", 4).expect("checked to be a number");
    let price_e6 = number("pric", 6).expect("checked to be a number");
    let (mdtrt_id, serial) = (text(row, "mdtrt_id"), text(row, "feedetl_sn"));
    check_line(world, row, amount, count_e4, price_e6)?;
    let code = text(row, "med_list_codg");
    let approved = text(row, "hosp_appr_flag");
    let parts = divide(&Line {
        code,
        amount,
        count_e4,
        approved,
    });
    let item = catalogue::find(code);
    let limit = item
        .and_then(|item| item.limit_e6)
        .unwrap_or(999_999_000_000);
    let selfpay = item.map_or(Ratio(10_000), |item| item.selfpay);
    let flag = |on: bool| if on { "1" } else { "0" };
    let result = json!({
        "feedetl_sn": serial,
        "det_item_fee_sumamt": amount.to_json(),
        "cnt": row.get("cnt"),
        "pric": row.get("pric"),
        "pric_uplmt_amt": Fen(limit / 10_000).to_json(),
        "selfpay_prop": selfpay.to_json(),
        "fulamt_ownpay_amt": parts.own.to_json(),
        "overlmt_amt": parts.over.to_json(),
        "preselfpay_amt": parts.first.to_json(),
        "inscp_scp_amt": parts.inside.to_json(),
        "chrgitm_lv": item.map_or("03", |item| item.level),
        "med_chrgitm_type": item.map_or("14", |item| item.charge_type),
        "bas_medn_flag": "0",
        "hi_nego_drug_flag": "0",
        "chld_medc_flag": "0",
        "list_sp_item_flag": "0",
        "lmt_used_flag": flag(item.is_some_and(|item| item.restricted)),
        "drt_reim_flag": "0",
        "memo": item.map_or_else(|| json!("未在医保目录内"), |item| json!(item.name)),
        "exp_content": null,
    });
    let line = FeeLine {
        mdtrt_id: mdtrt_id.to_owned(),
        chrg_bchno: text(row, "chrg_bchno").to_owned(),
        feedetl_sn: serial.to_owned(),
        dise_codg: text(row, "dise_codg").to_owned(),
        amount,
        parts,
        revoked: false,
    };
    Ok((line, result))
}

fn check_line(
    world: &World,
    row: &Map<String, Value>,
    amount: Fen,
    count_e4: i64,
    price_e6: i64,
) -> Result<(), Refusal> {
    let (mdtrt_id, serial) = (text(row, "mdtrt_id"), text(row, "feedetl_sn"));
    if world
        .ledger
        .lines_of(mdtrt_id)
        .any(|line| line.feedetl_sn == serial)
    {
        return Err(Refusal::new("费用明细流水号重复[feedetl_sn]"));
    }
    let plain = serial.len() <= 15 && serial != "0" && serial.bytes().all(|b| b.is_ascii_digit());
    if world.switches.hunan && !plain {
        return Err(Refusal::new("费用明细流水号格式不正确[feedetl_sn]"));
    }
    if amount <= Fen::ZERO || count_e4 <= 0 || price_e6 <= 0 {
        return Err(Refusal::new(
            "费用明细金额、数量、单价必须大于零[det_item_fee_sumamt]",
        ));
    }
    let off = price_times_count(price_e6, count_e4).map_or(i64::MAX, |due| (amount - due).0.abs());
    if off > world.switches.line_tolerance_fen {
        return Err(Refusal::new(
            "明细项目费用总额与单价乘数量不符[det_item_fee_sumamt]",
        ));
    }
    if !catalogue::is_national_form(text(row, "med_list_codg")) {
        return Err(Refusal::new("医疗目录编码不正确[med_list_codg]"));
    }
    Ok(())
}

/// `0000` takes back every line of the visit that is not settled.
pub(super) fn revoke(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let (mdtrt_id, batch) = (call.data("mdtrt_id"), call.data("chrg_bchno"));
    visit::open_visit(world, mdtrt_id, call.data("psn_no"))?;
    let all = batch == "0000";
    if !all && world.ledger.live_of_batch(mdtrt_id, batch).is_some() {
        return Err(Refusal::new(
            "该收费批次已结算，不允许撤销费用明细[chrg_bchno]",
        ));
    }
    let settled: BTreeSet<String> = world
        .ledger
        .settlements_of(mdtrt_id)
        .filter(|row| row.is_live())
        .map(|row| row.chrg_bchno.clone())
        .collect();
    let mut revoked = 0_usize;
    for line in world.ledger.lines.get_mut(mdtrt_id).into_iter().flatten() {
        let meant = all && !settled.contains(&line.chrg_bchno) || line.chrg_bchno == batch;
        if meant && !line.revoked {
            line.revoked = true;
            revoked += 1;
        }
    }
    if revoked == 0 {
        return Err(Refusal::new("未查询到可撤销的费用明细[chrg_bchno]"));
    }
    Ok(Value::Null)
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or("")
}
