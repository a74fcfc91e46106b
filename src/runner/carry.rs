//! The loop: asks what is next, does it, writes it down, folds it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::live::{Command, Presence, View};
use super::measure::{self, Measure};
use super::readers::Readers;
use super::rows::{Row, STREAM_KIND, to_new};
use super::start::Parts;
use super::ways::Ways;
use super::{charge, same_bill};
use crate::book::Code;
use crate::journal::{Append, Journal, PersonKeyInput, StreamHead};
use crate::person::ScannedCode;
use crate::settlement::answer::{Money, Point, Stage, Summary};
use crate::settlement::event::Event;
use crate::settlement::next::{Effect, next};
use crate::settlement::state::{Phase, PointKey, State};
use crate::settlement::tell;

/// One settlement being carried.
pub(super) struct Carrier {
    pub(super) parts: Arc<Parts>,
    /// As they were when it began.
    pub(super) ways: Arc<Ways>,
    pub(super) state: State,
    /// Folded, not on disk yet.
    pub(super) pending: Vec<Row>,
    /// The stream's last row on disk.
    pub(super) after: Option<i64>,
    /// What the index showed at the start: it remembers numbers whose rows are forgotten.
    pub(super) kept: Option<Summary>,
    pub(super) view: watch::Sender<View>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) presence: watch::Receiver<Presence>,
    /// The devices that it holds.
    pub(super) lease: Option<Readers>,
    /// The code in hand, and those that were decoded before: a fresh one must differ.
    pub(super) code: Option<ScannedCode>,
    pub(super) codes_used: Vec<ScannedCode>,
    pub(super) measure: Measure,
}

impl Carrier {
    /// Carries it to its end. The caller of this task gets nothing: the view tells.
    pub(super) async fn carry(mut self) {
        loop {
            self.notice_presence();
            let now_ms = self.parts.clock.now_ms();
            let effect = next(&self.state, now_ms, &self.ways.rules);
            if self.parts.is_stopping() && self.may_park(&effect) {
                self.park().await;
            }
            match effect {
                Effect::Record(event @ Event::InsuranceChosen { .. }) => {
                    self.person_is_known(event).await;
                }
                Effect::Record(event) => self.record(event),
                Effect::Finished => break,
                Effect::Wait { until_ms } => {
                    self.release_scanner();
                    self.flush().await;
                    self.wait_until(until_ms).await;
                }
                Effect::Read { wait_ms } => self.read(wait_ms).await,
                Effect::Call(step) => self.call(step).await,
                Effect::RecallInsurance => self.recall_insurance().await,
                Effect::LookAtPrinter { until_ms } => self.look_at_printer(until_ms).await,
                Effect::Print => self.print().await,
            }
            if self.lease.is_some() && !tell::keeps_scanner(&self.state, self.ways.rules.fresh_code)
            {
                self.release_scanner();
            }
        }
        self.flush().await;
        self.release_scanner();
        self.parts.crashes.forget(&self.state.settlement_id);
        let (id, caller) = (&self.state.settlement_id, &self.state.caller);
        self.parts
            .registry
            .remove(id, caller, &self.state.request_id);
    }

    /// While the process is ending only what must not be left half-way goes on.
    fn may_park(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Wait { .. } | Effect::Read { .. } => true,
            // A receipt whose printer was not asked yet is printed before the end.
            Effect::LookAtPrinter { .. } => {
                self.state.phase == Phase::Forward || self.state.trail.printer_fault.is_some()
            }
            Effect::Call(_) => {
                self.state.phase == Phase::Forward && !self.state.is_past_no_return()
            }
            Effect::Record(_) | Effect::RecallInsurance | Effect::Print | Effect::Finished => false,
        }
    }

    /// Rests until the process ends. The next one carries it on.
    async fn park(&mut self) {
        self.release_scanner();
        self.flush().await;
        // Whoever commands it from here on is told that it can no longer be done.
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        self.view.send_modify(|view| view.parked = true);
        tracing::info!(settlement = %self.state.settlement_id, "left to the next process");
        std::future::pending::<()>().await;
    }

    pub(super) fn release_scanner(&mut self) {
        self.lease = None;
    }

    /// Folds what happened. It is on disk only after [`Carrier::flush`].
    pub(super) fn record(&mut self, event: Event) {
        let at_ms = self.parts.clock.now_ms();
        tracing::debug!(settlement = %self.state.settlement_id, event = event.kind(), "recorded");
        let (was, was_open) = (tell::stage(&self.state), self.state.ended_at_ms.is_none());
        self.state.apply(&event, at_ms);
        if let Event::PrintEnded { paper } = &event {
            measure::receipt(*paper);
        }
        self.say_what_matters(was, was_open);
        let armed = self.view.borrow().armed;
        self.measure
            .stage(tell::stage_now(&self.state, armed), at_ms);
        self.pending.push(Row { event, at_ms });
    }

    /// What a person who reads the log must see: money in doubt, given back, or for a person to resolve.
    fn say_what_matters(&self, was: Stage, was_open: bool) {
        let id = &self.state.settlement_id;
        let stage = tell::stage(&self.state);
        let code = (self.state.reason.as_ref()).map_or("", |reason| reason.code.name());
        if stage == Stage::Stuck && was != Stage::Stuck {
            tracing::error!(settlement = %id, code, "a person must resolve it: yibaoctl stuck");
        } else if stage == Stage::FindingOut && was != Stage::FindingOut {
            tracing::warn!(settlement = %id, "no answer to the money call: finding out");
            measure::answer_lost(&self.state);
        }
        if was_open && tell::money(&self.state) == Money::Reversed {
            tracing::warn!(settlement = %id, code, "what was, or may have been, charged is given back");
        }
    }

    /// [`Carrier::write`], or the end of the process.
    ///
    /// A journal that cannot be written ends the process: what is not on disk must not be acted upon, and
    /// the next process finds out what became of everything.
    pub(super) async fn flush(&mut self) {
        let written = self.write().await;
        super::rows::written_or_end(written).await;
    }

    /// Writes what is pending in one transaction, then tells the watchers.
    pub(super) async fn write(&mut self) -> Result<(), crate::journal::Error> {
        if !self.pending.is_empty() {
            let append = self.append();
            let appended = self.parts.journal.append(append).await?;
            self.after = Some(appended.last_stream_seq);
            self.measure.money(&self.state, self.parts.clock.now_ms());
        }
        let state = Arc::new(self.state.clone());
        self.view.send_modify(|view| {
            view.state = state;
            // What was read is told together with the end of listening.
            view.armed = false;
        });
        let now_ms = self.parts.clock.now_ms();
        self.measure
            .stage(tell::stage_now(&self.state, false), now_ms);
        Ok(())
    }

    fn append(&mut self) -> Append {
        let rows = std::mem::take(&mut self.pending);
        let events = rows
            .iter()
            .map(|row| to_new(row).expect("events are maps with text keys: they have a JSON form"))
            .collect();
        Append {
            stream: self.state.settlement_id.clone(),
            after: self.after,
            events,
            head: head(
                &self.parts.journal,
                &self.state,
                self.kept.as_ref(),
                self.digest(),
            ),
            marks: self.parts.numbers.marks(),
        }
    }

    /// The digest of the request. The journal keeps that of the first append.
    fn digest(&self) -> String {
        match (&self.after, &self.state.order) {
            (None, Some(order)) => self
                .parts
                .journal
                .request_digest(&tell::bare_request(order)),
            (_, _) => String::new(),
        }
    }

    async fn wait_until(&mut self, until_ms: i64) {
        let until = self.parts.clock.instant(until_ms);
        let parts = Arc::clone(&self.parts);
        let stopped = parts.stopped();
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            command = self.commands.recv() => self.obey(command).await,
            _ = self.presence.changed() => {}
            () = stopped => {}
        }
    }

    /// Callers come and go; only the moment at which the last one went, or one came back, is recorded.
    pub(super) fn notice_presence(&mut self) {
        let presence = *self.presence.borrow_and_update();
        let alone = self.state.trail.alone_since_ms.is_some();
        if self.state.phase != Phase::Forward || self.state.is_past_no_return() {
            return;
        }
        if alone && presence.waiting > 0 {
            self.record(Event::Joined);
        } else if !alone && presence.is_gone() {
            self.record(Event::CallerGone);
        }
    }

    /// Does what was commanded, as far as it still can be done. The reply comes after the disk.
    pub(super) async fn obey(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Confirm {
                point,
                token,
                reply,
            }) => {
                let verdict = self.may_confirm(point, &token);
                if verdict.is_ok() {
                    self.record(Event::Confirmed { point });
                    self.flush().await;
                }
                if reply.send(verdict).is_err() {
                    tracing::debug!("the one who confirmed is gone; the confirmation stands");
                }
            }
            Some(Command::Cancel { by, reply }) => {
                let may = !self.state.is_past_no_return() && self.state.phase != Phase::Standing;
                if may && !self.state.trail.cancel_asked {
                    self.record(Event::CancelAsked { by });
                    self.flush().await;
                }
                if reply.send(may).is_err() {
                    tracing::debug!("the one who cancelled is gone; the cancellation stands");
                }
            }
            // Nobody holds a handle any more: the registry does until the end, so this is the end.
            None => {}
        }
    }

    fn may_confirm(&self, point: Point, token: &str) -> Result<(), Code> {
        if self.state.trail.confirmed.contains(&point) || self.state.phase != Phase::Forward {
            return Err(Code::NotConfirmable);
        }
        match self.state.trail.shown.get(&PointKey::from(point)) {
            None => Err(Code::NotConfirmable),
            Some((shown, _)) if shown == token => Ok(()),
            Some(_) => Err(Code::ConfirmStale),
        }
    }
}

/// What the journal's index shows of a settlement.
pub(super) fn head(
    journal: &Journal,
    state: &State,
    kept: Option<&Summary>,
    digest: String,
) -> StreamHead {
    let marks = same_bill::marks(journal, state.order.as_deref());
    let mut summary = tell::summary(state);
    summary.bill_marks = marks.into_iter().map(|(mark, _)| mark).collect();
    let summary = summary.remembering(kept);
    let person = charge::certno(state).map(|certno| PersonKeyInput::new(certno.expose()));
    let doubtful = matches!(state.phase, Phase::Stuck(None));
    StreamHead {
        kind: STREAM_KIND.to_owned(),
        request_id: Some(state.request_id.clone()),
        caller: state.caller.clone(),
        body_digest: digest,
        open: !state.is_over() || doubtful,
        stuck: summary.stuck,
        visit: visit_key(state),
        visit_is_shared: false,
        person,
        summary: serde_json::to_string(&summary).expect("a summary has a JSON form"),
    }
}

/// What no two settlements of this desk may have open at once.
fn visit_key(state: &State) -> Option<String> {
    let order = state.order.as_ref()?;
    super::start::visit_of(order)
}
