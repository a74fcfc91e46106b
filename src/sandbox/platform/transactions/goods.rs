//! 3505A and 3506A: goods out and back, row by row, each package once.

use serde_json::{Map, Value, json};

use crate::sandbox::platform::catalogue;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::ledger::GoodsRow;
use crate::sandbox::platform::money::{scaled, text_of};
use crate::sandbox::platform::world::World;

/// What stands for a national code where goods have none.
const NO_NATIONAL_CODE: &str = "NMLC999";

pub(super) fn out(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    each(world, call, false)
}

pub(super) fn back(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    each(world, call, true)
}

fn each(world: &mut World, call: &Call<'_>, is_return: bool) -> Result<Value, Refusal> {
    let rows = call.input.get("selinfoDetail").and_then(Value::as_array);
    let rows: Vec<&Map<String, Value>> = rows
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    for row in &rows {
        insured(world, row)?;
    }
    let mut results = Vec::new();
    for row in rows {
        let mut goods = read(world, call, row, is_return);
        let before = told_before(world, &goods);
        if let Some(number) = &before {
            goods.number.clone_from(number);
        }
        let said = match &before {
            Some(_) => Ok(()),
            None => allowed(world, row, &goods),
        };
        let mut result = row.clone();
        let (flag, text) = match &said {
            Ok(()) => ("1", ""),
            Err(text) => ("0", *text),
        };
        result.insert("retRslt".to_owned(), json!(flag));
        result.insert("msgRslt".to_owned(), json!(text));
        let number = if said.is_ok() {
            goods.number.as_str()
        } else {
            ""
        };
        result.insert("medins_prod_sel_no".to_owned(), json!(number));
        results.push(Value::Object(result));
        if said.is_ok() && before.is_none() {
            world.ledger.goods.push(goods);
        }
    }
    Ok(json!({ "selinfoDetail": results }))
}

/// The number of the same row, where telling it twice is as once.
fn told_before(world: &World, goods: &GoodsRow) -> Option<String> {
    let same = |row: &&GoodsRow| {
        let what = |row: &GoodsRow| (row.infno.clone(), row.batch.clone(), row.document.clone());
        what(row) == what(goods)
            && (row.count_e4, row.by_piece) == (goods.count_e4, goods.by_piece)
            && row.trace_codes == goods.trace_codes
    };
    let rows = &world.ledger.goods;
    let first = rows
        .iter()
        .filter(|_| world.switches.goods_repeat_is_harmless);
    first.into_iter().find(same).map(|row| row.number.clone())
}

/// What an insurance paid for names its settlement, prescription, doctor and pharmacist.
fn insured(world: &World, row: &Map<String, Value>) -> Result<(), Refusal> {
    if matches!(text(row, "hi_feesetl_type"), "" | "0") {
        return Ok(());
    }
    for (name, label) in [
        ("setl_id", "结算ID"),
        ("rxno", "处方号"),
        ("prsc_dr_no", "开方医师编号"),
        ("phar_no", "医保药师编号"),
    ] {
        if text(row, name).is_empty() {
            return Err(Refusal::new(format!("{label}不能为空[{name}]")));
        }
    }
    let place = world.ledger.of_setl_id.get(text(row, "setl_id"));
    let settled = place.map(|index| &world.ledger.settlements[*index]);
    if settled.is_none_or(|settled| settled.reversed || settled.mdtrt_id != text(row, "mdtrt_sn")) {
        return Err(Refusal::new("结算信息不存在[setl_id]"));
    }
    Ok(())
}

fn read(world: &mut World, call: &Call<'_>, row: &Map<String, Value>, is_return: bool) -> GoodsRow {
    let count = row.get("sel_retn_cnt").and_then(text_of);
    let count_e4 = count.and_then(|text| scaled(&text, 4)).unwrap_or_default();
    let negative = is_return && !world.switches.return_is_negative;
    let codes = row.get("drugtracinfo").and_then(Value::as_array);
    let codes = codes.into_iter().flatten();
    let codes = codes.filter_map(|code| code.get("drug_trac_codg").and_then(Value::as_str));
    GoodsRow {
        number: format!("G{:012}", world.next_serial()),
        infno: call.infno.to_owned(),
        msgid: call.msgid.to_owned(),
        batch: text(row, "fixmedins_bchno").to_owned(),
        document: text(row, "rtal_docno").to_owned(),
        count_e4: if negative { -count_e4 } else { count_e4 },
        by_piece: text(row, "trdn_flag") == "1",
        trace_codes: codes.map(str::to_owned).collect(),
    }
}

fn allowed(world: &World, row: &Map<String, Value>, goods: &GoodsRow) -> Result<(), &'static str> {
    let code = text(row, "med_list_codg");
    let is_insured = !matches!(text(row, "hi_feesetl_type"), "" | "0");
    let named = catalogue::is_national_form(code) || (code == NO_NATIONAL_CODE && !is_insured);
    if !named {
        return Err("医疗目录编码不正确");
    }
    let is_return = goods.infno == "3506A";
    if goods.count_e4 == 0 || (goods.count_e4 < 0) != is_return {
        return Err("销售/退货数量不正确");
    }
    let left: i64 = world
        .ledger
        .goods
        .iter()
        .filter(|row| row.batch == goods.batch)
        .map(|row| row.count_e4)
        .sum();
    if is_return && left + goods.count_e4 < 0 {
        return Err("退货数量大于销售数量");
    }
    for code in &goods.trace_codes {
        match (world.ledger.is_out(code), is_return) {
            (true, false) if !goods.by_piece => return Err("追溯码已销售"),
            (false, true) => return Err("追溯码未销售"),
            (true | false, true | false) => {}
        }
    }
    Ok(())
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or("")
}
