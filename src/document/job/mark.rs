//! The mark of a copy: a paper that may exist twice says so on top.

use super::event::{Private, Reprint};
use crate::document::model::{Align, Block, Content, Document, Rule, Style};

/// What stands above a copy: the word 补打, which copy it is, when and by whom.
fn mark(copy: &Reprint, private: &Private) -> Vec<Block> {
    let line = |text: String, style| Block::Text {
        text,
        style,
        align: Align::Center,
    };
    let big = Style {
        bold: true,
        wide: true,
        high: true,
        ..Style::default()
    };
    let who = match private.operator_name.is_empty() {
        true => copy.operator_id.clone(),
        false => private.operator_name.clone(),
    };
    vec![
        line("补打".to_owned(), big),
        Block::Feed { lines: 1 },
        line(
            format!("第{}次补打  {}  {who}", copy.count, private.at),
            Style::default(),
        ),
        Block::Rule(Rule::Thin),
    ]
}

/// The content with the mark on each of its papers; no mark where it is no copy. Bytes of the caller's own get the
/// mark as a paper's beginning before them.
#[must_use]
pub fn marked(content: Content, copy: Option<&Reprint>, private: &Private) -> Content {
    let Some(copy) = copy else {
        return content;
    };
    let mark = mark(copy, private);
    match content {
        Content::Document(document) => Content::Document(on_each_paper(document, &mark)),
        Content::Raw(raw) | Content::MarkedRaw { raw, .. } => Content::MarkedRaw { mark, raw },
    }
}

/// A mark stands above something only: behind the last paper it would head the next one's. The money drawer opened
/// with the original.
fn on_each_paper(document: Document, mark: &[Block]) -> Document {
    let Document { title, blocks } = document;
    let mut out = Vec::with_capacity(blocks.len() + mark.len());
    let mut is_marked = false;
    for block in blocks {
        match &block {
            Block::Drawer { .. } => continue,
            Block::Cut => is_marked = false,
            Block::Feed { .. } => {}
            Block::Text { .. }
            | Block::Columns { .. }
            | Block::Rule(_)
            | Block::Qr { .. }
            | Block::BarCode { .. }
            | Block::Image(_) => {
                if !is_marked {
                    out.extend_from_slice(mark);
                }
                is_marked = true;
            }
        }
        out.push(block);
    }
    Document { title, blocks: out }
}
