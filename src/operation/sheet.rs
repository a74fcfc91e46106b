//! The settlement sheet (结算单): made of what is on disk, given as bytes or printed once.

use super::ask::{CallerId, Failure, SettlementKey};
use super::jobs::JobKey;
use super::look::Scope;
use super::operations::Operations;
use super::print::{PrintPaper, PrintWish};
use super::settle::{SETTLEMENT, unreadable};
use crate::book::Code;
use crate::document::job::{Job, Private, Reprint};
use crate::document::refunding::Said;
use crate::document::sheet::{self, Making, Paper};
use crate::document::{Content, Pdf};
use crate::journal::{Append, NewEvent, StreamHead};
use crate::runner::{JobFollow, NotTypeset, Typeset, Ways, civil, said_of, state_of, wall_ms};
use crate::settlement::state::{Phase, State};

/// What the id of a printed sheet begins with. No caller can give an id with a colon.
const DOCUMENT: &str = "sheet:";
/// What a sheet is, for lists.
const TITLE: &str = "结算单";
/// The `kind` of the stream of a day, of its rows, and the version of those.
const AUDIT_STREAM: &str = "sheets";
const AUDIT_ROW: &str = "unmasked_read";
const AUDIT_VERSION: u16 = 1;

/// A checked GetSettlementSheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetWish {
    /// Of which settlement.
    pub key: SettlementKey,
    /// For which paper.
    pub paper: Paper,
}

/// A sheet to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SheetTold {
    /// Of which settlement.
    pub settlement_id: String,
    /// The PDF.
    pub bytes: Vec<u8>,
    /// Its pages.
    pub pages: u32,
}

/// A sheet that was typeset.
#[derive(Clone)]
pub struct MadeSheet {
    typeset: Typeset,
    said: Said,
}

/// Which sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SheetOf {
    settlement_id: String,
    paper: Paper,
}

/// What a sheet is made for.
#[derive(Clone, Copy)]
pub(super) enum For<'a> {
    /// To be looked at.
    Eyes,
    /// The first on paper.
    Paper,
    /// A copy of the one that was taken to be printed then.
    Copy {
        mark: &'a Reprint,
        private: &'a Private,
        first_seq: i64,
    },
}

/// A Print whose paper is there, or that is known already.
pub(super) enum Ready {
    /// To be printed.
    Wish(Box<PrintWish>),
    /// It prints, was printed, or may have been.
    Known(Box<Result<JobFollow, Job>>),
}

impl SheetOf {
    /// The id of the printed document: one sheet of a settlement on each paper.
    fn document_id(&self) -> String {
        format!("{DOCUMENT}{}:{}", self.settlement_id, self.paper.word())
    }

    /// The sheet that a document is, if it is one.
    pub(super) fn parse(document_id: &str) -> Option<Self> {
        let (settlement_id, word) = document_id.strip_prefix(DOCUMENT)?.rsplit_once(':')?;
        let mut papers = [Paper::A4, Paper::A5].into_iter();
        Some(Self {
            settlement_id: settlement_id.to_owned(),
            paper: papers.find(|paper| paper.word() == word)?,
        })
    }
}

impl Operations {
    /// The sheet of a settlement that stands, to be shown.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_ALLOWED`; `PRINT_GONE` when what stood on it is forgotten; why it cannot be typeset.
    pub async fn sheet(&self, caller: CallerId, wish: SheetWish) -> Result<SheetTold, Failure> {
        let of = SheetOf {
            settlement_id: self.settled_here(&caller, &wish.key).await?,
            paper: wish.paper,
        };
        // Whether the names are whole, and whether that is recorded, is one decision.
        let ways = self.parts().ways();
        let made = self.typeset(&ways, &of, For::Eyes).await?;
        let Typeset { bytes, pages } = made.typeset;
        let settlement_id = of.settlement_id;
        if !ways.sheet.mask_names {
            self.note_reading(&caller, &settlement_id).await?;
        }
        Ok(SheetTold {
            settlement_id,
            bytes,
            pages,
        })
    }

    /// The wish with its sheet as PDF; any other wish as it is.
    pub(super) async fn with_sheet(
        &self,
        caller: &CallerId,
        wish: PrintWish,
    ) -> Result<Ready, Failure> {
        let PrintPaper::Sheet(key, paper) = &wish.paper else {
            return Ok(Ready::Wish(Box::new(wish)));
        };
        let of = SheetOf {
            settlement_id: self.settled_here(caller, key).await?,
            paper: *paper,
        };
        let document_id = of.document_id();
        if let Some((id, _)) = self.job_of_document(caller, &document_id).await? {
            let found = self.running_or_ended(&id).await?;
            return Ok(Ready::Known(Box::new(found)));
        }
        // One that came to nothing is still what this request was.
        let own = JobKey::RequestId(wish.request_id.clone());
        if let Ok(id) = self.job_id(caller, &own).await {
            let known = self.loaded(&id).await?;
            let report = known.order.report.as_ref();
            if report.and_then(|report| report.document_id.as_ref()) == Some(&document_id) {
                let found = self.running_or_ended(&id).await?;
                return Ok(Ready::Known(Box::new(found)));
            }
        }
        let made = self.typeset(&self.parts().ways(), &of, For::Paper).await?;
        Ok(Ready::Wish(Box::new(PrintWish {
            title: TITLE.to_owned(),
            paper: PrintPaper::Made(Box::new(made)),
            document_id: Some(document_id),
            ..wish
        })))
    }

    /// A sheet on disk, to be printed.
    pub(super) async fn kept_sheet(&self, made: MadeSheet) -> Result<Content, Failure> {
        let pdf = self.kept_pdf(made.typeset.bytes.into()).await?;
        let said = Some(Box::new(made.said));
        Ok(Content::Pdf(Pdf { said, ..pdf }))
    }

    pub(super) async fn typeset(
        &self,
        ways: &Ways,
        of: &SheetOf,
        purpose: For<'_>,
    ) -> Result<MadeSheet, Failure> {
        let state = self.standing(&of.settlement_id).await?;
        let (copy, year) = match purpose {
            For::Eyes => {
                let year = self.year_to_date(&state).await;
                let unknown = |failure: Failure| {
                    tracing::warn!(%failure, "a sheet is shown without the year to date");
                    self.year_unknown(&state)
                };
                (None, year.unwrap_or_else(unknown))
            }
            For::Paper => (None, self.year_to_date(&state).await?),
            For::Copy {
                mark,
                private,
                first_seq,
            } => {
                let year = self.year_of_first(&state, first_seq).await?;
                (Some((mark, private)), year)
            }
        };
        let said = self.said_of_refund(&state).await?;
        let making = Making {
            paper: of.paper,
            at: &civil(wall_ms()),
            refund: said.refund.as_ref(),
            is_viewed: matches!(purpose, For::Eyes),
            copy,
            year: year.as_ref(),
        };
        let values = sheet::values(&state, &ways.sheet, &making);
        let values = values.ok_or_else(|| Failure::new(Code::PrintGone, ""))?;
        let values = zeroize::Zeroizing::new(values.to_string().into_bytes());
        let typeset = ways.typesetting.typeset(&values).await?;
        Ok(MadeSheet { typeset, said })
    }

    /// What a paper of this settlement has to say of its refund.
    pub(super) async fn said_of_refund(&self, state: &State) -> Result<Said, Failure> {
        let settled = state.known.settled.as_ref();
        let setl_id = settled.map_or("", |settled| settled.setl_id.as_str());
        let said = said_of(&self.parts().journal, setl_id).await;
        said.map_err(|error| unreadable(&error))
    }

    /// The settlement that is meant, if this caller may have its sheet: whoever settled it, and who may see persons.
    async fn settled_here(
        &self,
        caller: &CallerId,
        key: &SettlementKey,
    ) -> Result<String, Failure> {
        let id = self.stream_of(caller, key, Scope::Own).await?;
        let row = self.parts().journal.find(&id).await;
        let row = row.map_err(|error| unreadable(&error))?;
        let Some(row) = row.filter(|row| row.kind == SETTLEMENT) else {
            return Err(self.not_found("no settlement has this id"));
        };
        if row.caller != caller.id && !caller.may_see_persons {
            let detail = "it is another caller's settlement";
            return Err(Failure::new(Code::NotAllowed, detail));
        }
        Ok(id)
    }

    async fn standing(&self, settlement_id: &str) -> Result<State, Failure> {
        let stored = self.parts().journal.load(settlement_id).await;
        let stored = stored.map_err(|error| unreadable(&error))?;
        let state = state_of(settlement_id, &stored);
        let state =
            state.map_err(|error| Failure::new(Code::StreamUnreadable, error.to_string()))?;
        if state.phase != Phase::Standing {
            return Err(self.not_found("the settlement does not stand: it has no sheet"));
        }
        Ok(state)
    }

    /// On disk before the sheet is given: it names a person whole.
    async fn note_reading(&self, caller: &CallerId, settlement_id: &str) -> Result<(), Failure> {
        let at_ms = wall_ms();
        let body = serde_json::json!({ "settlement_id": settlement_id, "door": caller.door });
        let body = body.to_string();
        let event = NewEvent {
            by: Some(caller.id.clone()),
            ..NewEvent::new(AUDIT_ROW, AUDIT_VERSION, at_ms, body)
        };
        let day: String = civil(at_ms).chars().take(10).collect();
        let append = Append {
            stream: format!("{AUDIT_STREAM}-{day}"),
            after: None,
            events: vec![event],
            head: StreamHead::closed(AUDIT_STREAM, "desk"),
            marks: Vec::new(),
        };
        let written = self.parts().journal.append(append).await;
        let refused =
            |error: crate::journal::Error| Failure::new(Code::JournalRefuses, error.to_string());
        written.map(drop).map_err(refused)
    }
}

impl std::fmt::Debug for SheetTold {
    /// Its size only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SheetTold({} bytes)", self.bytes.len())
    }
}

impl std::fmt::Debug for MadeSheet {
    /// Its size only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeSheet({} bytes)", self.typeset.bytes.len())
    }
}

impl From<NotTypeset> for Failure {
    fn from(not: NotTypeset) -> Self {
        Self {
            code: not.code,
            detail: not.detail,
            fields: not.fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_found_again_by_its_document() {
        for paper in [Paper::A4, Paper::A5] {
            let of = SheetOf {
                settlement_id: "0197-1".to_owned(),
                paper,
            };
            assert_eq!(SheetOf::parse(&of.document_id()), Some(of));
        }
        for other in ["", "sheet:1", "sheet:1:a3", "LIS-1", "sheet.1.a4"] {
            assert_eq!(SheetOf::parse(other), None, "{other}");
        }
    }
}
