//! Reconcile: whether the journals and the platform agree.
//!
//! The set is gathered and checked before anything is asked of the platform. Nothing here changes a settlement;
//! a reconciliation that breaks off loses only itself.

use std::collections::BTreeSet;

use futures_util::Stream;
use sm3::{Digest as _, Sm3};
use tokio::sync::{mpsc, watch};

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use super::settle::{SETTLEMENT, not_taken, running, taken_by, unreadable};
use crate::book::Code;
use crate::journal::{DESK_STREAM, Filter, Stored, own_rows, refund_row, refunded_stream};
use crate::platform::Site;
use crate::runner::{Seen, Slot};
use crate::settlement::order::Operator;
use crate::settlement::reconcile::export::Export;
use crate::settlement::reconcile::own::Own;
use crate::settlement::reconcile::row::{Group, Row};
use crate::settlement::reconcile::span::Span;
use crate::settlement::reconcile::story::{Event, Plan, Progress, Reconciliation, Table};
use crate::settlement::reconcile::{ENQUIRIES_MAX, Fault, ROWS_MAX, gather, his, own};
use crate::settlement::refund::Refund;
use crate::settlement::story::Story as _;

/// Steps that wait for a slow caller; a slower one misses some in between, never the end.
const BACKLOG_MAX: usize = 16;
/// Streams of one kind that are looked through: those that settled and those that did not.
const STREAMS_MAX: usize = 4 * ROWS_MAX;
/// Desks of one hospital.
const DESKS_MAX: usize = 1_000;

/// What is to be reconciled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// The caller's id for it.
    pub request_id: String,
    /// Who works the terminal.
    pub operator: Operator,
    /// The first day, `yyyy-MM-dd`.
    pub from: String,
    /// The last day; empty: the first.
    pub to: String,
    /// Against 3201 and 3202 with the exports of all desks.
    pub whole_hospital: bool,
    /// The desks of the set; this one may be left out.
    pub desks: BTreeSet<u16>,
    /// The exports of the other desks, as text.
    pub exports: Vec<String>,
    /// The list of the HIS, as text; empty: there is none.
    pub his_list: String,
    /// Further insurances, clearings and offices to ask 3201 for.
    pub besides: Vec<Group>,
}

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// How far it is.
    Progress(Progress),
    /// The table: the last of all.
    Table(Table),
}

impl Operations {
    /// Reconciles, joins the reconciliation that runs, or repeats the table of the one that ended. A caller
    /// that goes changes nothing: it runs on, and the same request has its table.
    ///
    /// # Errors
    /// Nothing was begun.
    pub async fn reconcile(
        &self,
        caller: CallerId,
        wanted: Reconcile,
    ) -> Result<impl Stream<Item = Reconciled> + Send + use<>, Failure> {
        let digest = digest(&wanted);
        let errands = &self.inner.reconciliations;
        let view = loop {
            match errands.reserve(&caller.id, &wanted.request_id) {
                Slot::Taken(taken) => {
                    // The one who had it did not begin: now it may be ours.
                    let Some(follow) = running(taken).await else {
                        continue;
                    };
                    same(follow.view().borrow().story.digest(), &digest)?;
                    break follow.view();
                }
                Slot::Yours(reservation) => {
                    if let Some(story) = self.ended_reconciliation(&caller, &wanted).await? {
                        same(story.digest(), &digest)?;
                        break ended(story);
                    }
                    if let Some(refusing) = self.refusing() {
                        return Err(refusing);
                    }
                    let first = self.accept_reconciliation(&caller, wanted, digest).await?;
                    let id = self.inner.runner.new_id();
                    let begun = errands.accept(reservation, id, first, ()).await;
                    break begun.map_err(|error| not_taken(&error))?.view();
                }
            }
        };
        let (sender, receiver) = mpsc::channel(BACKLOG_MAX);
        tokio::spawn(follow(view, sender));
        Ok(tokio_stream::wrappers::ReceiverStream::new(receiver))
    }

    async fn ended_reconciliation(
        &self,
        caller: &CallerId,
        wanted: &Reconcile,
    ) -> Result<Option<Reconciliation>, Failure> {
        let journal = &self.parts().journal;
        let found = journal.find_request(&caller.id, &wanted.request_id).await;
        let Some(row) = found.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        if row.kind != Reconciliation::KIND {
            return Err(taken_by(&row.kind));
        }
        let story = self.inner.reconciliations.load(&row.stream).await;
        story
            .map(Some)
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))
    }

    async fn accept_reconciliation(
        &self,
        caller: &CallerId,
        wanted: Reconcile,
        digest: String,
    ) -> Result<Event, Failure> {
        let span = Span::parse(&wanted.from, &wanted.to).map_err(failed)?;
        let begun = self.parts().journal.find(DESK_STREAM).await;
        let begun = begun.map_err(|error| unreadable(&error))?;
        let now_ms = self.parts().clock.now_ms();
        let begun_ms = begun.map_or(now_ms, |desk| desk.started_utc_ms);
        span.check(now_ms, begun_ms).map_err(failed)?;
        let site = self.parts().ways().platform.site();
        let exports = self.exports(&wanted, &site, &span)?;
        // A list of blank lines is a list: an export that failed is no agreement.
        let his = match wanted.his_list.as_str() {
            "" => None,
            list => Some(his::parse(list).map_err(failed)?),
        };
        let (own, mut forgotten) = self.own_rows(&span).await?;
        forgotten = exports.iter().fold(forgotten, |sum, export| {
            sum.saturating_add(export.forgotten)
        });
        let mut desks: BTreeSet<u16> = exports.iter().map(|export| export.desk).collect();
        desks.insert(self.inner.identity.desk_number);
        let sets = std::iter::once(own).chain(exports.into_iter().map(|export| export.rows));
        let rows = gather::merge(sets, &site.optins).map_err(failed)?;
        if !wanted.whole_hospital && rows.len() > ENQUIRIES_MAX {
            let detail = format!("{} rows, {ENQUIRIES_MAX} at most", rows.len());
            return Err(Failure::new(Code::TooManySettlements, detail));
        }
        Ok(Event::Accepted {
            request_id: wanted.request_id,
            caller: caller.id.clone(),
            span,
            whole_hospital: wanted.whole_hospital,
            desks: desks.into_iter().collect(),
            digest,
            plan: Some(Box::new(Plan {
                operator: wanted.operator,
                rows,
                his,
                besides: wanted.besides,
                forgotten,
                rules: site.rules,
                asks_unplaced: true,
                marks_broken_parts: true,
            })),
        })
    }

    fn exports(
        &self,
        wanted: &Reconcile,
        site: &Site,
        span: &Span,
    ) -> Result<Vec<Export>, Failure> {
        if wanted.desks.len() > DESKS_MAX || wanted.exports.len() > DESKS_MAX {
            let detail = format!("at most {DESKS_MAX} desks");
            return Err(Failure::new(Code::RequestInvalid, detail));
        }
        if !wanted.whole_hospital {
            let given = !wanted.exports.is_empty()
                || !wanted.desks.is_empty()
                || !wanted.besides.is_empty();
            return match given {
                true => {
                    let detail = "desks, exports and besides want whole_hospital";
                    Err(Failure::new(Code::RequestInvalid, detail))
                }
                false => Ok(Vec::new()),
            };
        }
        let mut exports = Vec::new();
        for (at, text) in wanted.exports.iter().enumerate() {
            let export = Export::parse(text).map_err(|fault| Failure {
                fields: vec![format!("exports[{at}]")],
                ..failed(fault.of_export(at))
            })?;
            exports.push(export);
        }
        let mut desks = wanted.desks.clone();
        desks.insert(self.inner.identity.desk_number);
        let named = gather::Named {
            fixmedins_code: &site.fixmedins_code,
            desk: self.inner.identity.desk_number,
            span,
            desks: &desks,
        };
        gather::check(&named, &exports).map_err(failed)?;
        Ok(exports)
    }

    /// This journal's rows of these days, and how many settlements of them were forgotten.
    async fn own_rows(&self, span: &Span) -> Result<(Vec<Row>, u32), Failure> {
        let desk = self.inner.identity.desk_number;
        let (from_ms, to_ms) = span.accepted_between_ms();
        let (mut settlements, mut refunds) = (Vec::new(), Vec::new());
        // One after the other: their messages together would not fit into the memory of a desk.
        for stream in self.streams(SETTLEMENT, (from_ms, Some(to_ms))).await? {
            settlements.push(self.rows_of(desk, &stream).await?.unwrap_or_default());
        }
        for stream in self.streams(Refund::KIND, (from_ms, None)).await? {
            refunds.extend(self.row_of_refund(desk, &stream).await?);
        }
        Ok(own::of_days(settlements, refunds, span))
    }

    /// The rows of one settlement; `None`: this journal does not have it.
    async fn rows_of(&self, desk: u16, stream: &str) -> Result<Option<Own>, Failure> {
        let stored = self.load(stream).await?;
        let own = (!stored.is_empty()).then(|| own_rows(desk, stream, &stored));
        own.transpose().map_err(|error| unread(stream, &error))
    }

    async fn row_of_refund(&self, desk: u16, stream: &str) -> Result<Option<Row>, Failure> {
        let stored = self.load(stream).await?;
        let original = refunded_stream(&stored);
        let original = match original.is_empty() {
            true => None,
            false => self.rows_of(desk, &original).await?,
        };
        let row = refund_row(desk, stream, &stored, original.as_ref());
        row.map_err(|error| unread(stream, &error))
    }

    async fn load(&self, stream: &str) -> Result<Vec<Stored>, Failure> {
        let stored = self.parts().journal.load(stream).await;
        stored.map_err(|error| unreadable(&error))
    }

    /// The names of the streams of a kind that began in this time.
    async fn streams(
        &self,
        kind: &str,
        (from_ms, to_ms): (i64, Option<i64>),
    ) -> Result<Vec<String>, Failure> {
        let mut filter = Filter {
            kind: Some(kind.to_owned()),
            from_utc_ms: Some(from_ms),
            to_utc_ms: to_ms,
            ..Filter::default()
        };
        let mut streams = Vec::new();
        loop {
            let page = self.parts().journal.list(filter.clone()).await;
            let page = page.map_err(|error| unreadable(&error))?;
            let Some(last) = page.last() else {
                return Ok(streams);
            };
            filter.before_seq = Some(last.first_seq);
            streams.extend(page.into_iter().map(|row| row.stream));
            if streams.len() > STREAMS_MAX {
                let detail = format!("more than {STREAMS_MAX} streams");
                return Err(Failure::new(Code::TooManySettlements, detail));
            }
        }
    }
}

fn unread(stream: &str, error: &serde_json::Error) -> Failure {
    Failure::new(Code::Internal, format!("stream {stream}: {error}"))
}

/// A view of what ended: it changes no more.
fn ended(story: Reconciliation) -> watch::Receiver<Seen<Reconciliation>> {
    let (_, view) = watch::channel(Seen {
        story: std::sync::Arc::new(story),
        parked: false,
    });
    view
}

/// Tells each step, and the table at the end.
async fn follow(mut view: watch::Receiver<Seen<Reconciliation>>, sender: mpsc::Sender<Reconciled>) {
    let mut told = None;
    loop {
        let seen = view.borrow_and_update().clone();
        if seen.story.is_answered() || seen.parked {
            // An error means that nobody listens any more.
            drop(sender.send(Reconciled::Table(seen.story.table())).await);
            return;
        }
        let progress = seen.story.progress();
        if told.as_ref() != Some(&progress) {
            told = Some(progress.clone());
            if sender.send(Reconciled::Progress(progress)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = view.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = sender.closed() => return,
        }
    }
}

/// What the request is compared by: its fields, long ones by their digest.
fn digest(wanted: &Reconcile) -> String {
    let short = |text: &str| hex::encode(Sm3::digest(text.as_bytes()));
    let exports: Vec<String> = wanted.exports.iter().map(|text| short(text)).collect();
    let operator = &wanted.operator;
    serde_json::json!({
        "operator": [operator.id, short(&operator.name)],
        "from": wanted.from,
        "to": wanted.to,
        "whole_hospital": wanted.whole_hospital,
        "desks": wanted.desks,
        "exports": exports,
        "his_list": short(&wanted.his_list),
        "besides": wanted.besides,
    })
    .to_string()
}

/// Refuses another body under the same id, naming the fields.
fn same(first: &str, second: &str) -> Result<(), Failure> {
    super::errand::same(first.as_bytes(), second.as_bytes())
}

fn failed(fault: Fault) -> Failure {
    Failure::new(fault.code, fault.detail)
}
