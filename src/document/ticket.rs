//! The ticket of a hand-out or take-back: what the patient takes along with the medicines, or gets for those brought
//! back. Only rows that the platform recorded stand on it.

use super::model::{Align, Block, Cell, Document, Rule, Style};
use super::receipt::Surround;
use crate::settlement::handout::{Dispense, What};

/// What a ticket is, for job lists.
const TITLE: &str = "ticket";
const PLAIN: Style = Style {
    bold: false,
    wide: false,
    high: false,
    underline: false,
};
const BOLD: Style = Style {
    bold: true,
    ..PLAIN
};

/// The ticket; none where nothing is recorded, or what was told is no longer known.
#[must_use]
pub fn of(story: &Dispense, surround: &Surround) -> Option<Document> {
    let order = story.order.as_deref()?;
    let goods = &order.goods;
    let recorded: Vec<usize> = (story.rows.iter().enumerate())
        .filter_map(|(place, row)| row.is_taken.then_some(place))
        .collect();
    if recorded.is_empty() {
        return None;
    }
    let (title, when) = match story.what {
        What::HandOut => ("取药凭条", "发药时间"),
        What::TakeBack => ("退药凭条", "退药时间"),
    };
    let mut blocks = vec![
        text(&surround.hospital, BOLD, Align::Center),
        text(title, BOLD, Align::Center),
        Block::Rule(Rule::Thick),
    ];
    let name = if surround.mask_names {
        goods.psn_name.masked()
    } else {
        goods.psn_name.expose().to_owned()
    };
    pair(&mut blocks, "姓名", &name);
    pair(&mut blocks, "单据号", &goods.rtal_docno);
    pair(&mut blocks, "结算ID", &goods.setl_id);
    blocks.push(Block::Rule(Rule::Thin));
    blocks.push(row("药品", "数量", BOLD));
    for place in recorded {
        let (Some(drug), Some((_, count))) = (goods.rows.get(place), story.lines.get(place)) else {
            continue;
        };
        blocks.push(row(&drug.fixmedins_hilist_name, &count.to_string(), PLAIN));
        pair(&mut blocks, "  批号", &drug.manu_lotnum);
    }
    blocks.push(Block::Rule(Rule::Thin));
    pair(&mut blocks, "药师", &goods.pharmacist.name);
    pair(&mut blocks, "经办人", &goods.opter_name);
    pair(&mut blocks, when, &goods.sel_retn_time);
    // On a line of its own: in a column it is too long and would go on above the foot.
    blocks.push(text(&format!("流水号 {}", story.id), PLAIN, Align::Left));
    if !surround.foot.is_empty() {
        blocks.push(Block::Rule(Rule::Thin));
    }
    for line in &surround.foot {
        blocks.push(text(line, PLAIN, Align::Center));
    }
    blocks.push(Block::Cut);
    Some(Document {
        title: TITLE.to_owned(),
        blocks,
    })
}

fn text(text: &str, style: Style, align: Align) -> Block {
    Block::Text {
        text: text.to_owned(),
        style,
        align,
    }
}

fn cells(left: &str, right: &str, share: u8, align: Align, style: Style) -> Block {
    let cell = |text: &str, share, align| Cell {
        text: text.to_owned(),
        share,
        align,
    };
    let cells = vec![
        cell(left, share, Align::Left),
        cell(right, 10 - share, align),
    ];
    Block::Columns { cells, style }
}

fn row(left: &str, right: &str, style: Style) -> Block {
    cells(left, right, 7, Align::Right, style)
}

/// A name and its value; nothing where there is no value.
fn pair(blocks: &mut Vec<Block>, name: &str, value: &str) {
    if !value.trim().is_empty() {
        blocks.push(cells(name, value, 3, Align::Left, PLAIN));
    }
}
