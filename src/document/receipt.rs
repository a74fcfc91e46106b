//! The receipt of a settlement that stands: what the patient takes home.
//!
//! Names of the amounts are those usual on 医保 receipts; the order of blocks is ours. Names and numbers are
//! masked unless the site asks otherwise.

use super::model::{Align, Block, Cell, Document, Rule, Style};
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::{Fen, Line, Price};
use crate::settlement::call::Settled;
use crate::settlement::known::Person;
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::state::State;

/// What stands around a receipt, from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surround {
    /// The hospital.
    pub hospital: String,
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
pub fn of(state: &State, surround: &Surround) -> Document {
    let mut blocks = Vec::new();
    let (Some(order), Some(settled)) = (state.order.as_deref(), &state.known.settled) else {
        return Document {
            title: "receipt".to_owned(),
            blocks,
        };
    };
    heading(&mut blocks, order, surround);
    if let Some(person) = &state.known.person {
        whom(&mut blocks, state, person, surround.mask_names);
    }
    visit(&mut blocks, order, state);
    lines(&mut blocks, order);
    split(&mut blocks, &settled.amounts);
    numbers(&mut blocks, state, settled);
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
    pair(blocks, "姓名", &format!("{name}  {}", gender(&person.gend)));
    pair(blocks, "证件号码", &number);
    pair(blocks, "险种", insurance_name(insutype));
}

fn gender(code: &str) -> &str {
    match code {
        "1" => "男",
        "2" => "女",
        _ => "",
    }
}

/// 险种类型 by the national dictionary; an unknown local child shows its code.
fn insurance_name(insutype: &str) -> &str {
    match insutype {
        "310" => "职工基本医疗保险",
        "320" => "公务员医疗补助",
        "340" => "离休人员医疗保障",
        "390" => "城乡居民基本医疗保险",
        "510" => "生育保险",
        other => other,
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
fn price(pric: Price) -> String {
    let text = pric.to_string();
    match text.split_once('.') {
        None => format!("{text}.00"),
        Some((_, decimals)) if decimals.len() < 2 => format!("{text}0"),
        Some(_) => text,
    }
}

fn split(blocks: &mut Vec<Block>, amounts: &Amounts) {
    money(blocks, "医疗费总额", amounts.medfee_sumamt, BOLD);
    money(blocks, "医保统筹基金支付", amounts.hifp_pay, PLAIN);
    let others = Fen::sum([
        amounts.cvlserv_pay,
        amounts.hifes_pay,
        amounts.hifmi_pay,
        amounts.hifob_pay,
        amounts.maf_pay,
        amounts.oth_pay,
    ]);
    if let Some(others) = others.filter(|others| *others != Fen::ZERO) {
        money(blocks, "其他基金支付", others, PLAIN);
    }
    money(blocks, "个人账户支付", amounts.acct_pay, PLAIN);
    if amounts.hosp_part_amt != Fen::ZERO {
        money(blocks, "医院负担", amounts.hosp_part_amt, PLAIN);
    }
    money(blocks, "个人现金支付", amounts.psn_cash_pay, BOLD);
    let own = amounts
        .fulamt_ownpay_amt
        .checked_add(amounts.overlmt_selfpay);
    if let Some(own) = own {
        money(blocks, "  其中个人自费", own, PLAIN);
    }
    money(blocks, "账户余额", amounts.balc, PLAIN);
    blocks.push(Block::Rule(Rule::Thin));
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
