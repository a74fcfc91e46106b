//! One line of the table: what differs, of which settlement, and by how much.

use super::row::{Row, StatementRow, There};
use crate::book::Code;
use crate::settlement::bill::Fen;

/// Characters of the platform's own words that go on.
const NOTE_CHARS_MAX: usize = 100;

/// One difference. Its cause and what to do stand in the book under its code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// What it is.
    pub code: Code,
    /// The journal's own id of the settlement, empty when no journal has it.
    pub settlement_id: String,
    /// The desk whose it is, or seems to be by its msgid.
    pub desk: Option<u16>,
    /// 结算ID, may be empty.
    pub setl_id: String,
    /// 就诊ID, may be empty.
    pub mdtrt_id: String,
    /// 人员编号, may be empty.
    pub psn_no: String,
    /// The msgid of the money call, may be empty.
    pub msgid: String,
    /// 结算时间, may be empty.
    pub setl_time: String,
    /// The amount that is meant by the two values, by the platform's name.
    pub field: String,
    /// What the journals say.
    pub here: Option<Fen>,
    /// What the other side says: the platform, or the HIS.
    pub there: Option<Fen>,
    /// Further words: the platform's, or another number. They may name a person: for who asked only.
    pub note: String,
}

/// The name of the amount that is shown when a whole row is missing.
pub const TOTAL: &str = "medfee_sumamt";

impl Difference {
    /// About a row of a journal.
    #[must_use]
    pub fn of(code: Code, row: &Row) -> Self {
        Difference {
            code,
            settlement_id: row.settlement_id.clone(),
            desk: Some(row.desk),
            setl_id: row.setl_id.clone(),
            mdtrt_id: row.mdtrt_id.clone(),
            psn_no: row.psn_no.clone(),
            msgid: row.msgid.clone(),
            setl_time: row.setl_time.clone(),
            field: TOTAL.to_owned(),
            here: Some(row.total),
            there: None,
            note: String::new(),
        }
    }

    /// About something that only the platform's statement has.
    #[must_use]
    pub fn of_statement(code: Code, row: &StatementRow, desk: Option<u16>) -> Self {
        Difference {
            code,
            settlement_id: String::new(),
            desk,
            setl_id: row.setl_id.clone(),
            mdtrt_id: row.mdtrt_id.clone(),
            psn_no: row.psn_no.clone(),
            msgid: row.msgid.clone(),
            setl_time: String::new(),
            field: TOTAL.to_owned(),
            here: None,
            there: Some(row.total),
            note: shortened(&row.memo),
        }
    }

    /// About no settlement in particular.
    #[must_use]
    pub fn general(code: Code, note: &str) -> Self {
        Difference {
            code,
            settlement_id: String::new(),
            desk: None,
            setl_id: String::new(),
            mdtrt_id: String::new(),
            psn_no: String::new(),
            msgid: String::new(),
            setl_time: String::new(),
            field: String::new(),
            here: None,
            there: None,
            note: shortened(note),
        }
    }

    /// With what the platform says of it.
    #[must_use]
    pub fn and_there(mut self, there: &There) -> Self {
        self.there = Some(there.total);
        if self.setl_id.is_empty() {
            self.setl_id.clone_from(&there.setl_id);
        }
        self
    }

    /// Two values of one amount.
    #[must_use]
    pub fn amount(mut self, field: &str, here: Fen, there: Fen) -> Self {
        field.clone_into(&mut self.field);
        (self.here, self.there) = (Some(here), Some(there));
        self
    }

    /// With further words.
    #[must_use]
    pub fn noting(mut self, note: &str) -> Self {
        self.note = shortened(note);
        self
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(NOTE_CHARS_MAX).collect()
}
