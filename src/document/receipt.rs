//! The receipt of a settlement that stands: what the patient takes home.
//!
//! It has what the settlement sheet has, on a roll: what is empty, and funds that paid nothing, take no line. Names of
//! the amounts are those usual on 医保 receipts; the order of blocks is ours. Names and numbers are masked unless the
//! site asks otherwise. Of a settlement that was given back, or perhaps was, it says so on top.

use super::model::{Align, Block, Cell, Document, Rule, Style};
use super::refunding::Refunding;
use super::sheet::{RETIRED, of_funds};
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::{Fen, Line, Price};
use crate::settlement::call::Settled;
use crate::settlement::insurance;
use crate::settlement::known::Person;
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::state::State;

/// What stands around a receipt, from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surround {
    /// The hospital.
    pub hospital: String,
    /// 医院等级, may be empty.
    pub hospital_level: String,
    /// Lines above.
    pub head: Vec<String>,
    /// Lines below.
    pub foot: Vec<String>,
    /// Whether names and numbers are masked.
    pub mask_names: bool,
}

const BOLD: Style = Style {
    bold: true,
    wide: false,
    high: false,
    underline: false,
};
const TITLE: Style = Style {
    bold: true,
    wide: true,
    high: true,
    underline: false,
};
const PLAIN: Style = Style {
    bold: false,
    wide: false,
    high: false,
    underline: false,
};
/// Dots per module of the receipt's QR code.
const QR_MODULE_DOTS: u8 = 5;

/// The receipt of a settlement that stands; empty where there is none.
#[must_use]
pub fn of(state: &State, surround: &Surround, refund: Option<&Refunding>) -> Document {
    let mut blocks = Vec::new();
    let (Some(order), Some(settled)) = (state.order.as_deref(), &state.known.settled) else {
        return Document {
            title: "receipt".to_owned(),
            blocks,
        };
    };
    blocks.extend(refund.map(Refunding::mark).into_iter().flatten());
    heading(&mut blocks, order, surround);
    if let Some(person) = &state.known.person {
        whom(&mut blocks, state, person, surround.mask_names);
    }
    visit(&mut blocks, order, state);
    lines(&mut blocks, order);
    split(&mut blocks, &settled.amounts);
    numbers(&mut blocks, state, settled);
    text(&mut blocks, "患者（家属）签名：", PLAIN, Align::Left);
    blocks.push(Block::Feed { lines: 2 });
    for line in &surround.foot {
        text(&mut blocks, line, PLAIN, Align::Center);
    }
    blocks.push(Block::Cut);
    Document {
        title: "receipt".to_owned(),
        blocks,
    }
}

fn heading(blocks: &mut Vec<Block>, order: &Order, surround: &Surround) {
    text(blocks, &surround.hospital, TITLE, Align::Center);
    // Letters of double height fill their line: air before the next one.
    blocks.push(Block::Feed { lines: 1 });
    for line in &surround.head {
        text(blocks, line, PLAIN, Align::Center);
    }
    let title = match order.kind {
        OrderKind::Registration => "门诊挂号医保结算凭条",
        OrderKind::Outpatient => "门诊缴费医保结算凭条",
        OrderKind::DoctorDesk => "诊间结算医保结算凭条",
        OrderKind::Pharmacy => "药店购药医保结算凭条",
    };
    text(blocks, title, BOLD, Align::Center);
    pair(blocks, "医院等级", &surround.hospital_level);
    blocks.push(Block::Rule(Rule::Thick));
}

fn whom(blocks: &mut Vec<Block>, state: &State, person: &Person, masked: bool) {
    let (name, number) = if masked {
        (person.psn_name.masked(), person.certno.masked())
    } else {
        (
            person.psn_name.expose().to_owned(),
            person.certno.expose().to_owned(),
        )
    };
    let insutype = state
        .known
        .insurance
        .as_ref()
        .map_or("", |row| row.insutype.as_str());
    let age = match person.age.as_str() {
        "" => String::new(),
        age => format!("  {age}岁"),
    };
    let gender = gender(&person.gend);
    pair(blocks, "姓名", &format!("{name}  {gender}{age}"));
    pair(blocks, "证件号码", &number);
    let psn_no = match masked {
        true => masked_number(&person.psn_no),
        false => person.psn_no.clone(),
    };
    pair(blocks, "个人编号", &psn_no);
    pair(blocks, "险种", insurance_name(insutype));
}

/// The last four characters, enough for comparing.
pub(super) fn masked_number(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(4);
    let characters = number.chars().enumerate();
    characters
        .map(|(place, c)| if place < hidden { '*' } else { c })
        .collect()
}

pub(super) fn gender(code: &str) -> &str {
    match code {
        "1" => "男",
        "2" => "女",
        _ => "",
    }
}

/// 险种类型 by its name; a local child without a national one shows its code.
pub(super) fn insurance_name(insutype: &str) -> &str {
    match insurance::name(insutype) {
        "" => insutype,
        name => name,
    }
}

fn visit(blocks: &mut Vec<Block>, order: &Order, state: &State) {
    let visit = &order.visit;
    pair(blocks, "科室", &visit.dept_name);
    pair(blocks, "医师", &visit.dr_name);
    pair(blocks, "门诊号", &state.known.ids.ipt_otp_no);
    pair(blocks, "病人号", &order.patient.his_id);
    let bills: Vec<&str> = order
        .bills
        .iter()
        .map(|bill| bill.bill_no.as_str())
        .collect();
    pair(blocks, "单据号", bills.join(" ").trim());
    // Of an appointment the day of the visit is another one than that of its registration.
    match visit.begntime.as_str() {
        "" => pair(blocks, "登记时间", &state.known.ids.accepted),
        begntime => pair(blocks, "就诊时间", begntime),
    }
    for (name, diagnosis) in ["主要诊断"]
        .iter()
        .chain(std::iter::repeat(&"次要诊断"))
        .zip(&visit.diagnoses)
    {
        pair(blocks, name, &diagnosis.diag_name);
    }
    blocks.push(Block::Rule(Rule::Thin));
}

fn lines(blocks: &mut Vec<Block>, order: &Order) {
    row(
        blocks,
        &[("项目", 5), ("数量", 2), ("单价", 3), ("金额", 3)],
        BOLD,
    );
    for line in order.bills.iter().flat_map(|bill| &bill.lines) {
        line_row(blocks, line);
    }
    blocks.push(Block::Rule(Rule::Thin));
}

fn line_row(blocks: &mut Vec<Block>, line: &Line) {
    text(blocks, &line.name, PLAIN, Align::Left);
    let (count, price) = (line.cnt.to_string(), price(line.pric));
    let amount = line.det_item_fee_sumamt.to_string();
    row(
        blocks,
        &[("", 5), (&count, 2), (&price, 3), (&amount, 3)],
        PLAIN,
    );
}

/// A price with two decimals at least.
pub(super) fn price(pric: Price) -> String {
    let text = pric.to_string();
    match text.split_once('.') {
        None => format!("{text}.00"),
        Some((_, decimals)) if decimals.len() < 2 => format!("{text}0"),
        Some(_) => text,
    }
}

fn split(blocks: &mut Vec<Block>, amounts: &Amounts) {
    money(blocks, "医疗费总额", amounts.medfee_sumamt, BOLD);
    some_money(
        blocks,
        &[
            ("  全自费金额", amounts.fulamt_ownpay_amt),
            ("  超限价自费", amounts.overlmt_selfpay),
            ("  先行自付", amounts.preselfpay_amt),
        ],
    );
    money(blocks, "  符合政策范围金额", amounts.inscp_scp_amt, PLAIN);
    money(blocks, "  本次起付线", amounts.act_pay_dedc, PLAIN);
    money(blocks, "基金支付总额", amounts.fund_pay_sumamt, PLAIN);
    money(blocks, "  医保统筹基金支付", amounts.hifp_pay, PLAIN);
    some_money(
        blocks,
        &[
            ("  公务员医疗补助", amounts.cvlserv_pay),
            ("  企业补充医疗保险", amounts.hifes_pay),
            ("  居民大病保险", amounts.hifmi_pay),
            ("  职工大额补助", amounts.hifob_pay),
            ("  医疗救助", amounts.maf_pay),
            ("  伤残人员医疗保障", amounts.hifdm_pay),
            ("  其他支出", amounts.oth_pay),
            (
                "  离休人员医疗保障",
                of_funds(amounts, RETIRED).unwrap_or(Fen::ZERO),
            ),
        ],
    );
    money(blocks, "个人负担总额", amounts.psn_part_amt, PLAIN);
    money(blocks, "  个人账户支付", amounts.acct_pay, PLAIN);
    some_money(blocks, &[("  其中家庭共济", amounts.acct_mulaid_pay)]);
    money(blocks, "  个人现金支付", amounts.psn_cash_pay, BOLD);
    some_money(blocks, &[("医院负担", amounts.hosp_part_amt)]);
    money(blocks, "账户余额", amounts.balc, PLAIN);
    blocks.push(Block::Rule(Rule::Thin));
}

/// Those that are something.
fn some_money(blocks: &mut Vec<Block>, amounts: &[(&str, Fen)]) {
    for (name, amount) in amounts.iter().filter(|(_, amount)| *amount != Fen::ZERO) {
        money(blocks, name, *amount, PLAIN);
    }
}

fn numbers(blocks: &mut Vec<Block>, state: &State, settled: &Settled) {
    pair(blocks, "结算ID", &settled.setl_id);
    pair(
        blocks,
        "就诊ID",
        state.known.mdtrt_id.as_deref().unwrap_or(""),
    );
    pair(blocks, "结算时间", &settled.setl_time);
    blocks.push(Block::Feed { lines: 1 });
    blocks.push(Block::Qr {
        data: settled.setl_id.clone(),
        module_dots: QR_MODULE_DOTS,
    });
    blocks.push(Block::Feed { lines: 1 });
}

fn text(blocks: &mut Vec<Block>, line: &str, style: Style, align: Align) {
    blocks.push(Block::Text {
        text: line.to_owned(),
        style,
        align,
    });
}

/// A name and its value; nothing where there is no value.
fn pair(blocks: &mut Vec<Block>, name: &str, value: &str) {
    if value.trim().is_empty() {
        return;
    }
    let cell = |text: &str, share, align| Cell {
        text: text.to_owned(),
        share,
        align,
    };
    let cells = vec![cell(name, 3, Align::Left), cell(value, 7, Align::Left)];
    blocks.push(Block::Columns {
        cells,
        style: PLAIN,
    });
}

fn money(blocks: &mut Vec<Block>, name: &str, amount: Fen, style: Style) {
    let cells = vec![
        Cell {
            text: name.to_owned(),
            share: 6,
            align: Align::Left,
        },
        Cell {
            text: amount.to_string(),
            share: 4,
            align: Align::Right,
        },
    ];
    blocks.push(Block::Columns { cells, style });
}

fn row(blocks: &mut Vec<Block>, cells: &[(&str, u8)], style: Style) {
    let cells = cells
        .iter()
        .enumerate()
        .map(|(i, (text, share))| Cell {
            text: (*text).to_owned(),
            share: *share,
            align: if i == 0 { Align::Left } else { Align::Right },
        })
        .collect();
    blocks.push(Block::Columns { cells, style });
}
