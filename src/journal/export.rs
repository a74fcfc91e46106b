//! The rows of a closed or running journal for a reconciliation, read beside its writer.
//!
//! What an event means is [`crate::settlement::reconcile::own`]'s; here streams are found, loaded and handed over.

use std::path::Path;

use rusqlite::Connection;

use super::event::{Filter, Sealed, Stored};
use super::key::{Keys, SiteKey};
use super::{DESK_STREAM, Error, identity, index, reader, schema, stored};
use crate::book::Code;
use crate::settlement::reconcile::export::Export;
use crate::settlement::reconcile::own::{self, Own, Written};
use crate::settlement::reconcile::row::Row;
use crate::settlement::reconcile::span::Span;
use crate::settlement::reconcile::{Fault, ROWS_MAX};
use crate::settlement::refund::Refund;
use crate::settlement::story::Story as _;

/// The kind of a settlement's stream.
const SETTLEMENT: &str = "settlement";
/// The kind of a refund's stream.
const REFUND: &str = Refund::KIND;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] Error),
    /// The days do not fit.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A stream holds what this program cannot read.
    #[error("stream {stream} cannot be read")]
    Stream {
        /// Which.
        stream: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl ExportError {
    /// The book's code, where the call was wrong and not the disk.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            ExportError::Fault(fault) => Some(fault.code),
            ExportError::Journal(_) | ExportError::Stream { .. } => None,
        }
    }
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The export, ready to be written to a file.
    pub text: String,
    /// The desk's number.
    pub desk: u16,
    /// Rows in it.
    pub rows: usize,
    /// Settlements whose details were forgotten by rule.
    pub forgotten: u32,
}

/// The rows of one settlement's stream.
///
/// # Errors
/// An event that this program cannot read.
pub fn own_rows(desk: u16, stream: &str, stored: &[Stored]) -> Result<Own, serde_json::Error> {
    own::settlement(desk, stream, &written(stored))
}

/// The row of one refund's stream; `original` is the stream of what it gives back, where the journal has it.
///
/// # Errors
/// An event that this program cannot read.
pub fn refund_row(
    desk: u16,
    stream: &str,
    stored: &[Stored],
    original: Option<&Own>,
) -> Result<Option<Row>, serde_json::Error> {
    own::refund_asked_for(desk, stream, &written(stored), original)
}

fn written(stored: &[Stored]) -> Vec<Written<'_>> {
    let written = stored.iter().map(|event| Written {
        at_ms: event.at_utc_ms,
        body: &event.body,
        sealed: match &event.sealed {
            Sealed::Open(plain) => Some(plain.as_slice()),
            Sealed::None | Sealed::Forgotten => None,
        },
    });
    written.collect()
}

/// Our settlement that a refund's stream says it gives back; empty when it is another desk's.
#[must_use]
pub fn refunded_stream(stored: &[Stored]) -> String {
    let first = stored.first().map_or("", |event| event.body.as_str());
    let first: serde_json::Value = serde_json::from_str(first).unwrap_or_default();
    let id = first.get("settlement_id").and_then(|id| id.as_str());
    id.unwrap_or_default().to_owned()
}

/// The rows of these days as text. Only reads; works beside a running daemon and without one.
///
/// # Errors
/// The journal cannot be read, or the days do not fit it.
pub fn export(
    dir: &Path,
    site_key: &SiteKey,
    fixmedins_code: &str,
    days: (&str, &str),
    now_ms: i64,
) -> Result<Exported, ExportError> {
    let span = Span::parse(days.0, days.1)?;
    let path = schema::path_in(dir);
    if !path.exists() {
        let path = dir.to_owned();
        return Err(Error::Absent { path }.into());
    }
    let conn = schema::open_reader(&path)?;
    let keys = Keys::derive(site_key);
    stored::check_site_key(&conn, &keys)?;
    let desk = identity::number(&conn, &keys)?;
    let begun = index::find(&conn, DESK_STREAM)?;
    let begun_ms = begun.map_or(now_ms, |desk| desk.row.started_utc_ms);
    span.check(now_ms, begun_ms)?;
    let mut export = Export {
        fixmedins_code: fixmedins_code.to_owned(),
        desk,
        span,
        forgotten: 0,
        rows: Vec::new(),
    };
    collect(&conn, &keys, &mut export)?;
    Ok(Exported {
        text: export.text(),
        desk,
        rows: export.rows.len(),
        forgotten: export.forgotten,
    })
}

fn collect(conn: &Connection, keys: &Keys, export: &mut Export) -> Result<(), ExportError> {
    let desk = export.desk;
    let (from_ms, to_ms) = export.span.accepted_between_ms();
    let mut settlements = Vec::new();
    each(
        conn,
        keys,
        SETTLEMENT,
        (from_ms, Some(to_ms)),
        |stream, stored| {
            settlements.push(own_rows(desk, stream, &stored)?);
            Ok(settlements.len())
        },
    )?;
    let mut refunds = Vec::new();
    each(conn, keys, REFUND, (from_ms, None), |stream, stored| {
        let original = refunded_stream(&stored);
        let original = stored::load(conn, keys, &original)
            .ok()
            .filter(|events| !events.is_empty())
            .map(|events| own_rows(desk, &original, &events))
            .transpose()?;
        refunds.extend(refund_row(desk, stream, &stored, original.as_ref())?);
        Ok(refunds.len())
    })?;
    (export.rows, export.forgotten) = own::of_days(settlements, refunds, &export.span);
    export.rows.sort_by(|one, other| {
        let key = |row: &Row| (row.setl_time.clone(), row.settlement_id.clone());
        key(one).cmp(&key(other))
    });
    Ok(())
}

/// Hands over each stream of a kind that began in this time; `take` says how many there are by then.
fn each(
    conn: &Connection,
    keys: &Keys,
    kind: &str,
    (from_ms, to_ms): (i64, Option<i64>),
    mut take: impl FnMut(&str, Vec<Stored>) -> Result<usize, serde_json::Error>,
) -> Result<(), ExportError> {
    let mut filter = Filter {
        kind: Some(kind.to_owned()),
        from_utc_ms: Some(from_ms),
        to_utc_ms: to_ms,
        ..Filter::default()
    };
    loop {
        let page = reader::list(conn, keys, &filter)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        filter.before_seq = Some(last.first_seq);
        for row in &page {
            let taken = take(&row.stream, stored::load(conn, keys, &row.stream)?);
            let taken = taken.map_err(|source| ExportError::Stream {
                stream: row.stream.clone(),
                source,
            })?;
            if taken > ROWS_MAX {
                let detail = format!("more than {ROWS_MAX}");
                return Err(Fault::new(Code::TooManySettlements, detail).into());
            }
        }
    }
}
