//! What a paper says of the refund of its settlement. PURE.

use super::model::{Align, Block, Rule, Style};
use crate::settlement::refund::{Money, Summary};

/// How a refund that was not refused stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refunding {
    /// It is given back.
    Done {
        /// 结算ID of the refund; empty when its answer was lost.
        setl_id: String,
    },
    /// It runs, or what became of it is not known.
    Open,
}

/// Of which settlement a paper of ours is, and what it says of its refund. Names no person.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Said {
    /// 结算ID of the settlement.
    pub setl_id: String,
    /// How its refund stood when the paper was made.
    pub refund: Option<Refunding>,
}

impl Refunding {
    /// What is to be said; nothing of a refund that gave nothing back.
    #[must_use]
    pub fn of(refund: &Summary) -> Option<Self> {
        match refund.money {
            Money::Refused => None,
            Money::Refunded => Some(Refunding::Done {
                setl_id: refund.refund_setl_id.clone(),
            }),
            Money::Pending | Money::Unknown => Some(Refunding::Open),
        }
    }

    /// What stands above a receipt.
    pub(super) fn mark(&self) -> Vec<Block> {
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
        let (word, more) = match self {
            Refunding::Done { setl_id } if setl_id.is_empty() => ("已退费", String::new()),
            Refunding::Done { setl_id } => ("已退费", format!("退费结算ID {setl_id}")),
            Refunding::Open => ("退费处理中", "结果待查".to_owned()),
        };
        let mut blocks = vec![line(word.to_owned(), big), Block::Feed { lines: 1 }];
        if !more.is_empty() {
            blocks.push(line(more, Style::default()));
        }
        blocks.push(Block::Rule(Rule::Thin));
        blocks
    }
}
