//! 2101, which writes nothing, 2102, which charges, and 2103, which takes it back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{fees, person, refund, rows, settle};
use crate::sandbox::persons::Person;
use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::ledger::{FeeLine, Settlement, Visit};
use crate::sandbox::platform::money::{Fen, text_of};
use crate::sandbox::platform::split::{Parts, settle as split};
use crate::sandbox::platform::world::World;

/// The spellings of the node of trace codes that were seen.
const TRACE_NODES: [&str; 2] = ["durg_trac_info", "drug_trac_info"];

/// A purchase that is in order.
struct Purchase {
    person: Person,
    row: Settlement,
    lines: Vec<FeeLine>,
    /// `detlcutinfo`.
    cut: Vec<Value>,
}

pub(super) fn trial(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let purchase = compute(world, call, hits)?;
    let mut output = output(world, &purchase, call, hits);
    if let Some(info) = output["setlinfo"].as_object_mut() {
        info.shift_remove("setl_id");
        info.insert("clr_optins".to_owned(), Value::Null);
    }
    Ok(output)
}

pub(super) fn settle(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let mut purchase = compute(world, call, hits)?;
    if hits.has(Kind::OneFenOff) {
        purchase.row.amounts = purchase.row.amounts.one_fen_off();
    }
    purchase.row.setl_id = settle::next_setl_id(world, call);
    let mut output = output(world, &purchase, call, hits);
    if hits.has(Kind::ClrOptinsNull) {
        output["setlinfo"]["clr_optins"] = Value::Null;
    }
    let Purchase { row, lines, .. } = purchase;
    let ledger = &mut world.ledger;
    let mdtrt_id = row.mdtrt_id.clone();
    for line in &lines {
        let visits = ledger
            .lines_seen
            .entry(line.feedetl_sn.clone())
            .or_default();
        visits.insert(mdtrt_id.clone());
    }
    ledger.lines.insert(mdtrt_id.clone(), lines);
    ledger.visits.insert(mdtrt_id, visit(&row, call));
    ledger.book(row);
    Ok(output)
}

pub(super) fn refund(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let mut output = refund::refund(world, call, hits)?;
    forget(world, call.data("mdtrt_id"));
    if let Some(output) = output.as_object_mut() {
        output.shift_remove("setldetail");
    }
    Ok(output)
}

/// A purchase that was taken back leaves no visit and no lines.
pub(super) fn forget(world: &mut World, mdtrt_id: &str) {
    if let Some(visit) = world.ledger.visits.get_mut(mdtrt_id) {
        visit.cancelled = true;
    }
    for line in world.ledger.lines.get_mut(mdtrt_id).into_iter().flatten() {
        line.revoked = true;
    }
}

fn output(world: &World, purchase: &Purchase, call: &Call<'_>, hits: &Hits) -> Value {
    let inside = world.switches.fund_includes_account || hits.has(Kind::FundWithAccount);
    let Purchase {
        person, row, cut, ..
    } = purchase;
    json!({
        "setlinfo": rows::setlinfo(world, person, row, inside, call.now),
        "setldetail": rows::setldetail(row),
        "detlcutinfo": cut,
    })
}

/// All that 2101 and 2102 check alike, and what they come to. The visit gets another number each time.
fn compute(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Purchase, Refusal> {
    let person = person::entitled(world, call, hits)?;
    let serial = world.next_serial();
    let mdtrt_id = format!(
        "{}{}{serial:06}",
        world.options.area,
        clock::compact(call.now)
    );
    let details = call.input.get("drugdetail").and_then(Value::as_array);
    let mut purchase_lines = Lines::default();
    for row in details.into_iter().flatten().filter_map(Value::as_object) {
        purchase_lines.take(world, row, &mdtrt_id)?;
    }
    let Lines {
        lines,
        cut,
        parts,
        sum,
        trace_codes,
        ..
    } = purchase_lines;
    let told = call.input["druginfo"]
        .get("medfee_sumamt")
        .and_then(text_of);
    if told.and_then(|text| Fen::parse(&text)) != Some(sum) {
        return Err(Refusal::new(
            "医疗费总额与费用明细合计不一致[medfee_sumamt]",
        ));
    }
    let insutype = call.data("insutype").to_owned();
    let (standing, account_of) = settle::standing(world, call, &person, &insutype)?;
    let row = Settlement {
        setl_id: String::new(),
        mdtrt_id,
        psn_no: person.psn_no.clone(),
        chrg_bchno: String::new(),
        medins_setl_id: call.msgid.to_owned(),
        infno: call.infno.to_owned(),
        insutype,
        med_type: call.data("med_type").to_owned(),
        mdtrt_cert_type: call.data("mdtrt_cert_type").to_owned(),
        amounts: split(parts, &standing),
        setl_time: clock::spaced(call.now),
        invono: call.data("invono").to_owned(),
        refunded: false,
        refund_of: None,
        reversed: false,
        trace_codes,
        account_of,
    };
    Ok(Purchase {
        person,
        row,
        lines,
        cut,
    })
}

#[derive(Default)]
struct Lines {
    lines: Vec<FeeLine>,
    cut: Vec<Value>,
    parts: Parts,
    sum: Fen,
    trace_codes: Vec<String>,
    serials: BTreeSet<String>,
}

impl Lines {
    fn take(
        &mut self,
        world: &World,
        row: &Map<String, Value>,
        mdtrt_id: &str,
    ) -> Result<(), Refusal> {
        let (mut line, mut cut) = fees::read_line(world, row)?;
        mdtrt_id.clone_into(&mut line.mdtrt_id);
        if !self.serials.insert(line.feedetl_sn.clone()) {
            return Err(Refusal::new("费用明细流水号重复[feedetl_sn]"));
        }
        self.trace(world, row, &line.feedetl_sn)?;
        if let Some(cut) = cut.as_object_mut() {
            cut.shift_remove("lmt_used_flag");
            cut.shift_remove("exp_content");
        }
        self.parts = self.parts.plus(line.parts);
        self.sum += line.amount;
        self.lines.push(line);
        self.cut.push(cut);
        Ok(())
    }

    fn trace(
        &mut self,
        world: &World,
        row: &Map<String, Value>,
        serial: &str,
    ) -> Result<(), Refusal> {
        let ours = world.switches.trace_node.as_str();
        for node in TRACE_NODES {
            let codes = row.get(node).and_then(Value::as_array);
            for code in codes.into_iter().flatten() {
                let text = |name: &str| code.get(name).and_then(Value::as_str).unwrap_or("");
                if node != ours {
                    return Err(Refusal::new(format!("追溯码节点名称不正确[{node}]")));
                }
                if text("feedetl_sn") != serial {
                    return Err(Refusal::new("追溯码与费用明细不一致[feedetl_sn]"));
                }
                let traced = text("drug_trac_codg").to_owned();
                if text("trdn_flag") == "0" && self.trace_codes.contains(&traced) {
                    return Err(Refusal::new("追溯码重复[drug_trac_codg]"));
                }
                self.trace_codes.push(traced);
            }
        }
        Ok(())
    }
}

fn visit(row: &Settlement, call: &Call<'_>) -> Visit {
    Visit {
        mdtrt_id: row.mdtrt_id.clone(),
        psn_no: row.psn_no.clone(),
        ipt_otp_no: String::new(),
        insutype: row.insutype.clone(),
        mdtrt_cert_type: row.mdtrt_cert_type.clone(),
        begntime: call.data("begntime").to_owned(),
        med_type: Some(row.med_type.clone()),
        dise_codg: call.data("dise_codg").to_owned(),
        desk: std::array::from_fn(|_| String::new()),
        diagnoses: BTreeMap::new(),
        cancelled: false,
    }
}
