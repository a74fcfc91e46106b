//! The settlement sheet (结算单): the values that a template gets, from a settlement that stands. PURE.
//!
//! The form of the values is a promise to the templates of hospitals: fields are only added. Their meanings stand in
//! `packaging/templates/README.md`, an example in `sheet.json` beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::job::{Private, Reprint};
use super::receipt::{gender, insurance_name, masked_number, price};
use super::refunding::Refunding;
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::{Fen, Line};
use crate::settlement::call::{LineSplit, Settled};
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::state::State;
use crate::settlement::year_to_date::figures::FIGURES;

/// The form of the values.
const VERSION: u32 = 1;
/// How the kinds of the funds for retired cadres (离休) begin.
pub(super) const RETIRED: &str = "340";

/// The paper it is laid out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// Upright.
    A4,
    /// Across.
    A5,
}

impl Paper {
    /// The word in the values and in the id of a printed sheet.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Paper::A4 => "a4",
            Paper::A5 => "a5",
        }
    }
}

/// What stands around a sheet, from the configuration and the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetSurround {
    /// The hospital.
    pub hospital: String,
    /// 定点医药机构编号.
    pub hospital_code: String,
    /// 医院等级, may be empty.
    pub hospital_level: String,
    /// Lines above.
    pub head: Vec<String>,
    /// Lines below.
    pub foot: Vec<String>,
    /// Whether names and numbers are masked.
    pub mask_names: bool,
}

/// How a sheet comes to be.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// For which paper.
    pub paper: Paper,
    /// When, civil time.
    pub at: &'a str,
    /// How its refund stands.
    pub refund: Option<&'a Refunding>,
    /// It is to be shown only: whatever else prints it prints no original.
    pub is_viewed: bool,
    /// What the copy is, and who asked for it.
    pub copy: Option<(&'a Reprint, &'a Private)>,
    /// What is said of the year, where the site wants it.
    pub year: Option<&'a Year>,
}

/// What the patient's care came to by then in the year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Year {
    /// `yyyy`.
    pub year: String,
    /// When the platform was asked, civil time.
    pub at: String,
    /// By [`FIGURES`]; empty: they could not be had.
    pub figures: Arc<BTreeMap<String, String>>,
}

/// The values, JSON; none where nothing was settled or what was is no longer known.
#[must_use]
pub fn values(state: &State, surround: &SheetSurround, making: &Making) -> Option<Value> {
    let order = state.order.as_deref()?;
    let settled = state.known.settled.as_ref()?;
    let copy = making.copy.map(|(copy, private)| {
        let by = match private.operator_name.as_str() {
            "" => &copy.operator_id,
            name => name,
        };
        json!({ "count": copy.count, "at": private.at, "by": by })
    });
    let refunded = making.refund.and_then(|refund| match refund {
        Refunding::Done { setl_id } => Some(setl_id),
        Refunding::Open => None,
    });
    Some(json!({
        "version": VERSION,
        "paper": making.paper.word(),
        "copy": copy,
        "refunded": refunded,
        "viewing": making.is_viewed,
        "refunding": making.refund == Some(&Refunding::Open),
        "printed_at": making.at,
        "hospital": {
            "name": surround.hospital,
            "code": surround.hospital_code,
            "level": surround.hospital_level,
        },
        "patient": patient(state, order, surround.mask_names),
        "visit": visit(state, order),
        "insurance": insurance(state, settled),
        "settlement": settlement(state, order, settled),
        "amounts": amounts(&settled.amounts),
        "funds": funds(&settled.amounts),
        "year_to_date": making.year.map(year_to_date),
        "lines": lines(state, order),
        "head": surround.head,
        "foot": surround.foot,
    }))
}

fn patient(state: &State, order: &Order, masked: bool) -> Value {
    let person = state.known.person.as_ref();
    let (name, id_no) = match person {
        Some(person) if masked => (person.psn_name.masked(), person.certno.masked()),
        Some(person) => (
            person.psn_name.expose().to_owned(),
            person.certno.expose().to_owned(),
        ),
        None => (String::new(), String::new()),
    };
    let psn_no = person.map_or_else(String::new, |person| match masked {
        true => masked_number(&person.psn_no),
        false => person.psn_no.clone(),
    });
    json!({
        "name": name,
        "sex": person.map_or("", |person| gender(&person.gend)),
        "age": person.map_or("", |person| &person.age),
        "id_no": id_no,
        "psn_no": psn_no,
        "his_id": order.patient.his_id,
    })
}

fn visit(state: &State, order: &Order) -> Value {
    let visit = &order.visit;
    let diagnoses: Vec<Value> = (visit.diagnoses.iter().enumerate())
        .map(
            |(place, it)| json!({ "code": it.diag_code, "name": it.diag_name, "main": place == 0 }),
        )
        .collect();
    let bills = order.bills.iter().map(|bill| bill.bill_no.as_str());
    let bills: Vec<&str> = bills.filter(|number| !number.is_empty()).collect();
    let begun_at = match visit.begntime.as_str() {
        "" => &state.known.ids.accepted,
        begntime => begntime,
    };
    json!({
        "kind": match order.kind {
            OrderKind::Registration => "门诊挂号",
            OrderKind::Outpatient => "门诊",
            OrderKind::DoctorDesk => "诊间",
            OrderKind::Pharmacy => "药店购药",
        },
        "ipt_otp_no": state.known.ids.ipt_otp_no,
        "mdtrt_id": state.known.mdtrt_id.as_deref().unwrap_or(""),
        "begun_at": begun_at,
        "med_type": visit.med_type,
        "department": visit.dept_name,
        "doctor": visit.dr_name,
        "bills": bills,
        "diagnoses": diagnoses,
    })
}

fn insurance(state: &State, settled: &Settled) -> Value {
    let row = state.known.insurance.as_ref();
    let insutype = match settled.insutype.as_str() {
        "" => row.map_or("", |row| row.insutype.as_str()),
        insutype => insutype,
    };
    json!({
        "type": insutype,
        "name": insurance_name(insutype),
        "person_type": row.map_or("", |row| &row.psn_type),
        "area": row.map_or("", |row| &row.insuplc_admdvs),
    })
}

fn settlement(state: &State, order: &Order, settled: &Settled) -> Value {
    json!({
        "setl_id": settled.setl_id,
        "setl_time": settled.setl_time,
        "chrg_bchno": state.known.ids.chrg_bchno,
        "msgid": state.known.settle_msgid.as_deref().unwrap_or(""),
        "clr_type": settled.clr_type,
        "clr_way": settled.clr_way,
        "clr_optins": settled.clr_optins,
        "operator": order.operator.name,
    })
}

/// What is not known is an empty text.
fn year_to_date(of: &Year) -> Value {
    let figure = |name: &str| of.figures.get(name).map_or("", String::as_str);
    let figures = FIGURES.map(|name| (name.to_owned(), figure(name).into()));
    let mut values = serde_json::Map::from_iter(figures);
    values.insert("year".to_owned(), of.year.as_str().into());
    values.insert("at".to_owned(), of.at.as_str().into());
    values.insert("had".to_owned(), (!of.figures.is_empty()).into());
    Value::Object(values)
}

/// Yuan with two decimals, as text: a template computes with no float by oversight.
fn amounts(of: &Amounts) -> Value {
    let yuan = |fen: Fen| fen.to_string();
    json!({
        "medfee_sumamt": yuan(of.medfee_sumamt),
        "fulamt_ownpay_amt": yuan(of.fulamt_ownpay_amt),
        "overlmt_selfpay": yuan(of.overlmt_selfpay),
        "preselfpay_amt": yuan(of.preselfpay_amt),
        "inscp_scp_amt": yuan(of.inscp_scp_amt),
        "act_pay_dedc": yuan(of.act_pay_dedc),
        "hifp_pay": yuan(of.hifp_pay),
        "cvlserv_pay": yuan(of.cvlserv_pay),
        "hifes_pay": yuan(of.hifes_pay),
        "hifmi_pay": yuan(of.hifmi_pay),
        "hifob_pay": yuan(of.hifob_pay),
        "maf_pay": yuan(of.maf_pay),
        "hifdm_pay": yuan(of.hifdm_pay),
        "oth_pay": yuan(of.oth_pay),
        "retired_pay": of_funds(of, RETIRED).map_or_else(String::new, yuan),
        "fund_pay_sumamt": yuan(of.fund_pay_sumamt),
        "psn_part_amt": yuan(of.psn_part_amt),
        "acct_pay": yuan(of.acct_pay),
        "acct_mulaid_pay": yuan(of.acct_mulaid_pay),
        "psn_cash_pay": yuan(of.psn_cash_pay),
        "hosp_part_amt": yuan(of.hosp_part_amt),
        "balc": yuan(of.balc),
    })
}

/// What funds of this kind paid: the platform has no sum of its own for it. Nothing where funds paid and it is not known
/// which: after a lost answer the rows of several settlements cannot be told apart.
pub(super) fn of_funds(of: &Amounts, kind: &str) -> Option<Fen> {
    if of.setldetail.is_empty() && of.fund_pay_sumamt != Fen::ZERO {
        return None;
    }
    let rows = of.setldetail.iter();
    let of_kind = rows.filter(|row| row.fund_pay_type.starts_with(kind));
    let sum = of_kind.fold(0_i64, |sum, row| sum.saturating_add(row.fund_payamt.0));
    Some(Fen(sum))
}

/// What the platform listed by fund, as it listed it.
fn funds(of: &Amounts) -> Vec<Value> {
    let rows = of.setldetail.iter();
    rows.map(|row| {
        let name = match row.fund_pay_type_name.as_str() {
            "" => &row.fund_pay_type,
            name => name,
        };
        json!({ "type": row.fund_pay_type, "name": name, "amount": row.fund_payamt.to_string() })
    })
    .collect()
}

fn lines(state: &State, order: &Order) -> Vec<Value> {
    let lines = order.bills.iter().flat_map(|bill| &bill.lines);
    let row = |(place, line): (usize, &Line)| {
        // The platform may answer in another order than it was asked.
        let number = state.known.ids.feedetl_sn.get(place);
        let is_its = |split: &&LineSplit| Some(&split.feedetl_sn) == number;
        let split = state.known.lines.iter().find(is_its);
        let yuan = |fen: Option<Fen>| fen.map_or_else(String::new, |fen| fen.to_string());
        json!({
            "name": line.name,
            "code": line.med_list_codg,
            "level": split.map_or("", |split| split.chrgitm_lv.as_str()),
            "count": line.cnt.to_string(),
            "price": price(line.pric),
            "amount": line.det_item_fee_sumamt.to_string(),
            "fulamt_ownpay_amt": yuan(split.map(|split| split.fulamt_ownpay_amt)),
            "overlmt_amt": yuan(split.map(|split| split.overlmt_amt)),
            "preselfpay_amt": yuan(split.map(|split| split.preselfpay_amt)),
            "inscp_scp_amt": yuan(split.map(|split| split.inscp_scp_amt)),
        })
    };
    lines.enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settlement::amounts::FundPart;
    use crate::settlement::tests::sample;

    /// Every path of the values, list places left out.
    fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    paths(field, &format!("{path}.{name}"), found);
                }
            }
            Value::Array(items) => {
                for item in items {
                    paths(item, &format!("{path}[]"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                found.insert(path.to_owned());
            }
        }
    }

    #[test]
    fn nothing_settled_has_no_sheet() {
        let surround = SheetSurround {
            hospital: String::new(),
            hospital_code: String::new(),
            hospital_level: String::new(),
            head: Vec::new(),
            foot: Vec::new(),
            mask_names: true,
        };
        let making = Making {
            paper: Paper::A4,
            at: "2026-11-22 10:00:00",
            refund: None,
            is_viewed: false,
            copy: None,
            year: None,
        };
        assert!(values(&State::new("s-1"), &surround, &making).is_none());
    }

    #[test]
    fn each_line_has_its_own_split_in_whatever_order_the_platform_answers() {
        let mut order = sample::order();
        order.bills = vec![
            sample::bill(vec![
                sample::line("1", "1", 100),
                sample::line("2", "1", 200),
            ]),
            sample::bill(vec![sample::line("3", "1", 300)]),
        ];
        let split = |number: &str, level: &str, fen| LineSplit {
            feedetl_sn: number.to_owned(),
            chrgitm_lv: level.to_owned(),
            det_item_fee_sumamt: Fen(fen),
            fulamt_ownpay_amt: Fen(fen),
            overlmt_amt: Fen(0),
            preselfpay_amt: Fen(0),
            inscp_scp_amt: Fen(0),
        };
        let mut state = State::new("s-1");
        state.known.ids.feedetl_sn = ["a", "b", "c"].map(str::to_owned).to_vec();
        state.known.lines = vec![
            split("a", "01", 100),
            split("b", "02", 200),
            split("c", "03", 300),
        ];
        let in_order = lines(&state, &order);
        let parts = |row: &Value| [row["amount"].clone(), row["fulamt_ownpay_amt"].clone()];
        assert_eq!(in_order.len(), 3);
        for (row, level) in in_order.iter().zip(["01", "02", "03"]) {
            let [amount, own] = parts(row);
            assert_eq!((row["level"].as_str(), amount), (Some(level), own));
        }
        state.known.lines.reverse();
        assert_eq!(lines(&state, &order), in_order);
        // What was not split is not given another line's parts.
        state.known.lines.retain(|split| split.feedetl_sn != "b");
        let told = lines(&state, &order);
        assert_eq!((&told[0], &told[2]), (&in_order[0], &in_order[2]));
        assert_eq!(
            (&told[1]["level"], &told[1]["fulamt_ownpay_amt"]),
            (&json!(""), &json!(""))
        );
    }

    #[test]
    fn what_funds_for_retired_cadres_paid_is_summed() {
        let row = |kind: &str, fen| FundPart {
            fund_pay_type: kind.to_owned(),
            fund_pay_type_name: String::new(),
            fund_payamt: Fen(fen),
        };
        let of = Amounts {
            setldetail: vec![row("310100", 5), row("340100", 1_200), row("340200", 34)],
            ..Amounts::default()
        };
        assert_eq!(amounts(&of)["retired_pay"], "12.34");
        assert_eq!(amounts(&Amounts::default())["retired_pay"], "0.00");
        let of_unknown_funds = Amounts {
            fund_pay_sumamt: Fen(1_239),
            ..Amounts::default()
        };
        assert_eq!(amounts(&of_unknown_funds)["retired_pay"], "");
    }

    #[test]
    fn every_amount_of_the_sample_is_one_of_ours_and_the_other_way_round() {
        let sample = include_str!("../../packaging/templates/sheet.json");
        let sample: Value = serde_json::from_str(sample).unwrap();
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        paths(&amounts(&Amounts::default()), "", &mut ours);
        paths(&sample["amounts"], "", &mut theirs);
        assert_eq!(ours, theirs);
        assert_eq!(sample["version"], VERSION);
        let year = Year {
            year: "2026".to_owned(),
            at: "2026-11-22 10:30:00".to_owned(),
            figures: Arc::default(),
        };
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        paths(&year_to_date(&year), "", &mut ours);
        paths(&sample["year_to_date"], "", &mut theirs);
        assert_eq!(ours, theirs);
    }
}
