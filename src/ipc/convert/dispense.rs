//! `HandOutRequest`, `TakeBackRequest` → ours, and what became of them → wire. Lengths are those of transaction 3505A,
//! in characters.

use super::error;
use super::fields::Fields;
use super::order::{IDENTITY_REF_LENGTH_MAX, operator, print_wish, request_id_into};
use super::settlement::paper;
use super::stuck::dispense_resolution;
use super::time::{is_civil, rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{DispenseKey, Dispensed, Failure, HandOut, HandedOut, TakeBack};
use crate::person::{IdNo, Name};
use crate::settlement::answer::Money;
use crate::settlement::bill::{Count, Price};
use crate::settlement::handout::{
    Dispense, Ending, Goods, Payer, Pharmacist, Phase, Prescriber, Returned, Row, What,
};
use crate::settlement::order::PrintWish;

/// Rows of one request.
const ROWS_MAX: usize = 100;
/// Trace codes of one row.
const TRACE_CODES_MAX: usize = 200;
/// Characters of one trace code.
const TRACE_CODE_LENGTH_MAX: usize = 30;

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn hand_out(request: wire::HandOutRequest) -> Result<HandOut, Failure> {
    let mut f = Fields::default();
    request_id_into(&mut f, &request.request_id);
    let operator = operator(&mut f, request.operator.unwrap_or_default());
    let goods = goods(&mut f, request.goods.unwrap_or_default());
    let identity_ref = f.optional(
        "identity_ref",
        request.identity_ref,
        IDENTITY_REF_LENGTH_MAX,
    );
    let ticket = ticket(&mut f, request.print);
    match goods {
        Some(goods) => f.finish(HandOut {
            request_id: request.request_id,
            operator,
            goods,
            identity_ref,
            ticket,
        }),
        None => Err(unfinished(f)),
    }
}

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn take_back(request: wire::TakeBackRequest) -> Result<TakeBack, Failure> {
    use wire::take_back_request::Of;
    let mut f = Fields::default();
    request_id_into(&mut f, &request.request_id);
    let operator = operator(&mut f, request.operator.unwrap_or_default());
    let of = match request.of {
        None => {
            f.wrong(Code::RequestInvalid, "of", "is required");
            None
        }
        Some(Of::DispenseId(id)) => Some(HandedOut::Id(f.required("dispense_id", id, 64))),
        Some(Of::HandOutRequestId(id)) => Some(HandedOut::RequestId(f.required(
            "hand_out_request_id",
            id,
            64,
        ))),
        Some(Of::Goods(given)) => goods(&mut f, given).map(|it| HandedOut::Goods(Box::new(it))),
    };
    if matches!(of, Some(HandedOut::Goods(_))) != request.lines.is_empty() {
        let why = "are given when the goods are not, and only then";
        f.wrong(Code::RequestInvalid, "lines", why);
    }
    if request.lines.len() > ROWS_MAX {
        f.wrong(
            Code::RequestInvalid,
            "lines",
            format!("has more than {ROWS_MAX} rows"),
        );
    }
    let lines = request.lines.into_iter().take(ROWS_MAX).enumerate();
    let lines = lines
        .filter_map(|(i, line)| returned(&mut f, i, line))
        .collect();
    let rtal_docno = f.optional("rtal_docno", request.rtal_docno, 40);
    let sel_retn_time = f.civil("sel_retn_time", request.sel_retn_time);
    let ticket = ticket(&mut f, request.print);
    match of {
        Some(of) => f.finish(TakeBack {
            request_id: request.request_id,
            operator,
            of,
            lines,
            rtal_docno,
            sel_retn_time,
            ticket,
        }),
        None => Err(unfinished(f)),
    }
}

/// Whether a ticket is printed. The printer is not looked at before: what was handed out is told all the same.
fn ticket(f: &mut Fields, print: i32) -> bool {
    let wish = f.known("print", print, Some(PrintWish::No), print_wish);
    wish.is_some_and(|wish| wish != PrintWish::No)
}

/// What is true of it, and of its ticket.
#[must_use]
pub fn dispensed(told: &Dispensed) -> wire::Dispense {
    let ticket = told.ticket.as_ref();
    wire::Dispense {
        ticket: ticket.map(|ticket| paper(ticket.paper)),
        ticket_job_id: ticket.map_or_else(String::new, |ticket| ticket.job_id.clone()),
        ..dispense(&told.story)
    }
}

/// Something could not be read, which was noted.
fn unfinished(f: Fields) -> Failure {
    let failure = f.finish(()).err();
    failure.unwrap_or_else(|| Failure::new(Code::RequestInvalid, "goods: cannot be read"))
}

fn goods(f: &mut Fields, goods: wire::DispensedGoods) -> Option<Goods> {
    let payer = f.known("goods.payer", goods.payer, None, payer);
    if goods.lines.is_empty() {
        f.wrong(Code::RequestInvalid, "goods.lines", "is required");
    }
    if goods.lines.len() > ROWS_MAX {
        let why = format!("has more than {ROWS_MAX} rows");
        f.wrong(Code::RequestInvalid, "goods.lines", why);
        return None;
    }
    let area = f.optional("goods.insuplc_admdvs", goods.insuplc_admdvs, 6);
    if !area.is_empty() && (area.len() != 6 || !area.bytes().all(|b| b.is_ascii_digit())) {
        f.wrong(
            Code::RequestInvalid,
            "goods.insuplc_admdvs",
            "must be 6 digits",
        );
    }
    let given = goods.lines.len();
    let lines = goods.lines.into_iter().enumerate();
    let rows: Vec<Row> = lines.filter_map(|(i, line)| row(f, i, line)).collect();
    let read = rows.len() == given;
    let goods = Goods {
        payer: payer.unwrap_or(Payer::Nobody),
        setl_id: f.optional("goods.setl_id", goods.setl_id, 30),
        mdtrt_sn: f.required("goods.mdtrt_sn", goods.mdtrt_sn, 30),
        psn_no: f.optional("goods.psn_no", goods.psn_no, 30),
        insuplc_admdvs: area,
        insutype: f.optional("goods.insutype", goods.insutype, 6),
        psn_cert_type: f.optional("goods.psn_cert_type", goods.psn_cert_type, 6),
        certno: IdNo::new(f.optional("goods.certno", goods.certno, 50)),
        psn_name: Name::new(f.optional("goods.psn_name", goods.psn_name, 50)),
        prescriber: prescriber(f, goods.prescriber.unwrap_or_default()),
        pharmacist: pharmacist(f, goods.pharmacist.unwrap_or_default()),
        rtal_docno: f.required("goods.rtal_docno", goods.rtal_docno, 40),
        stoout_no: f.optional("goods.stoout_no", goods.stoout_no, 40),
        sel_retn_time: f.civil("goods.sel_retn_time", goods.sel_retn_time),
        opter_name: String::new(),
        rows,
    };
    read.then_some(goods)
}

fn prescriber(f: &mut Fields, person: wire::Prescriber) -> Prescriber {
    let at = "goods.prescriber";
    Prescriber {
        cert_type: f.optional(&format!("{at}.cert_type"), person.cert_type, 6),
        certno: IdNo::new(f.optional(&format!("{at}.certno"), person.certno, 50)),
        name: f.required(&format!("{at}.name"), person.name, 50),
        no: f.optional(&format!("{at}.no"), person.no, 50),
    }
}

fn pharmacist(f: &mut Fields, person: wire::Pharmacist) -> Pharmacist {
    let at = "goods.pharmacist";
    Pharmacist {
        cert_type: f.optional(&format!("{at}.cert_type"), person.cert_type, 6),
        certno: IdNo::new(f.optional(&format!("{at}.certno"), person.certno, 50)),
        name: f.required(&format!("{at}.name"), person.name, 50),
        prac_cert_no: f.required(&format!("{at}.prac_cert_no"), person.prac_cert_no, 50),
        no: f.optional(&format!("{at}.no"), person.no, 50),
    }
}

/// Absent when price or count could not be read, which is noted then.
fn row(f: &mut Fields, index: usize, line: wire::DispensedLine) -> Option<Row> {
    let path = |field: &str| format!("goods.lines[{index}].{field}");
    let med_list_codg = or_none(
        f,
        &path("med_list_codg"),
        line.med_list_codg,
        50,
        line.no_national_code,
    );
    let drug_prod_barc = or_none(
        f,
        &path("drug_prod_barc"),
        line.drug_prod_barc,
        500,
        line.no_bar_code,
    );
    let finl_trns_pric = f.number(
        &path("finl_trns_pric"),
        &line.finl_trns_pric,
        Price::is_positive,
    );
    let sel_retn_cnt = f.number(
        &path("sel_retn_cnt"),
        &line.sel_retn_cnt,
        Count::is_positive,
    );
    let trace_codes = trace_codes(f, &path("trace_codes"), line.trace_codes);
    if trace_codes.is_empty() {
        f.wrong(Code::RequestInvalid, path("trace_codes"), "is required");
    }
    let hilist = (line.fixmedins_hilist_id, line.fixmedins_hilist_name);
    let row = (finl_trns_pric, sel_retn_cnt);
    let row = (row.0?, row.1?);
    Some(Row {
        med_list_codg,
        fixmedins_hilist_id: f.required(&path("fixmedins_hilist_id"), hilist.0, 30),
        fixmedins_hilist_name: f.required(&path("fixmedins_hilist_name"), hilist.1, 200),
        fixmedins_bchno: f.required(&path("fixmedins_bchno"), line.fixmedins_bchno, 30),
        manu_lotnum: f.required(&path("manu_lotnum"), line.manu_lotnum, 30),
        manu_date: day(f, &path("manu_date"), line.manu_date, true),
        expy_end: day(f, &path("expy_end"), line.expy_end, false),
        is_prescription_drug: line.is_prescription_drug,
        by_piece: line.by_piece,
        finl_trns_pric: row.0,
        rxno: f.optional(&path("rxno"), line.rxno, 40),
        rx_circ_flag: f.one_of(&path("rx_circ_flag"), line.rx_circ_flag, &["0", "1"]),
        bchno: f.optional(&path("bchno"), line.bchno, 30),
        drug_prod_barc,
        shelf_posi: f.optional(&path("shelf_posi"), line.shelf_posi, 20),
        sel_retn_cnt: row.1,
        memo: f.optional(&path("memo"), line.memo, 500),
        trace_codes,
    })
}

/// A code that must be there unless the caller says that there is none.
fn or_none(f: &mut Fields, path: &str, text: String, length_max: usize, none: bool) -> String {
    let text = f.optional(path, text, length_max);
    if text.is_empty() != none {
        let why = "is given, or it is said that there is none, not both and not neither";
        f.wrong(Code::RequestInvalid, path, why);
    }
    text
}

fn day(f: &mut Fields, path: &str, text: String, required: bool) -> String {
    let text = text.trim().to_owned();
    if text.is_empty() && required {
        f.wrong(Code::RequestInvalid, path, "is required");
    }
    if !text.is_empty() && !is_civil(&format!("{text} 00:00:00")) {
        f.wrong(Code::RequestInvalid, path, "must be yyyy-MM-dd");
    }
    text
}

fn trace_codes(f: &mut Fields, at: &str, codes: Vec<String>) -> Vec<String> {
    if codes.len() > TRACE_CODES_MAX {
        f.wrong(
            Code::RequestInvalid,
            at,
            format!("has more than {TRACE_CODES_MAX}"),
        );
        return Vec::new();
    }
    let codes = codes.into_iter().enumerate();
    codes
        .map(|(i, code)| f.required(&format!("{at}[{i}]"), code, TRACE_CODE_LENGTH_MAX))
        .collect()
}

fn returned(f: &mut Fields, index: usize, line: wire::ReturnedLine) -> Option<Returned> {
    let path = |field: &str| format!("lines[{index}].{field}");
    if line.line == 0 {
        f.wrong(Code::RequestInvalid, path("line"), "is required");
    }
    let sel_retn_cnt = f.number(
        &path("sel_retn_cnt"),
        &line.sel_retn_cnt,
        Count::is_positive,
    );
    Some(Returned {
        line: line.line,
        trace_codes: trace_codes(f, &path("trace_codes"), line.trace_codes),
        memo: f.optional(&path("memo"), line.memo, 500),
        sel_retn_cnt: sel_retn_cnt?,
    })
}

fn payer(payer: wire::DispensePayer) -> Option<Payer> {
    match payer {
        wire::DispensePayer::Unspecified => None,
        wire::DispensePayer::Self_ => Some(Payer::Nobody),
        wire::DispensePayer::Local => Some(Payer::Local),
        wire::DispensePayer::Elsewhere => Some(Payer::Elsewhere),
    }
}

/// Which one is asked for.
///
/// # Errors
/// No key, or an empty one.
pub fn key(request: wire::GetDispenseRequest) -> Result<DispenseKey, Failure> {
    use wire::get_dispense_request::Key;
    let mut f = Fields::default();
    let key = match request.key {
        None => {
            f.wrong(Code::RequestInvalid, "key", "is required");
            DispenseKey::Id(String::new())
        }
        Some(Key::DispenseId(id)) => DispenseKey::Id(f.required("dispense_id", id, 64)),
        Some(Key::RequestId(id)) => {
            request_id_into(&mut f, &id);
            DispenseKey::RequestId(id)
        }
    };
    f.finish(key)
}

/// What is true of it.
#[must_use]
pub fn dispense(story: &Dispense) -> wire::Dispense {
    let state = state(story);
    let kind = match story.what {
        What::HandOut => wire::DispenseKind::HandOut,
        What::TakeBack => wire::DispenseKind::TakeBack,
    };
    let reason = match state {
        wire::DispenseState::Recorded => None,
        wire::DispenseState::PartlyRecorded
        | wire::DispenseState::Refused
        | wire::DispenseState::Unknown
        | wire::DispenseState::Pending
        | wire::DispenseState::Unspecified => story.reason.as_ref(),
    };
    let error = reason.map(|reason| {
        let of_case = wire::ErrorEntry {
            money: wire::ErrorMoney::NotConcerned.into(),
            detail: error::entry_of_settlement(reason, Money::Pending).detail,
            ..error::entry(reason.code)
        };
        error::with_case(reason.code, of_case)
    });
    let rows = story.lines.iter().enumerate().map(|(i, (line, count))| {
        let result = story.rows.get(i).cloned().unwrap_or_default();
        wire::DispensedRow {
            line: *line,
            sel_retn_cnt: count.to_string(),
            taken: result.is_taken,
            message: result.message,
            medins_prod_sel_no: result.medins_prod_sel_no,
        }
    });
    wire::Dispense {
        dispense_id: story.id.clone(),
        request_id: story.request_id.clone(),
        kind: kind.into(),
        hand_out_id: story.of.clone(),
        state: state.into(),
        rows: rows.collect(),
        msgid: story.msgid.clone(),
        error,
        stuck: story.phase == Phase::Stuck,
        accepted_at: rfc3339(story.accepted_at_ms),
        ended_at: rfc3339_or_empty(story.ended_at_ms),
        resolution: story.resolved.as_ref().map(dispense_resolution),
        ticket: None,
        ticket_job_id: String::new(),
    }
}

fn state(story: &Dispense) -> wire::DispenseState {
    match story.phase {
        Phase::Telling => wire::DispenseState::Pending,
        Phase::InDoubt | Phase::Stuck => wire::DispenseState::Unknown,
        Phase::Ended(Ending::Refused) => wire::DispenseState::Refused,
        Phase::Ended(Ending::Recorded) if story.rows.iter().all(|row| row.is_taken) => {
            wire::DispenseState::Recorded
        }
        Phase::Ended(Ending::Recorded) => wire::DispenseState::PartlyRecorded,
    }
}
