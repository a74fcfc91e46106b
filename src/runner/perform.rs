//! The effects: reading a code, asking the platform, looking at the printer, printing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::carry::Carrier;
use super::live::View;
use super::readers::{self, Readers, Shown};
use super::refunds::{refund_of, said_at_last};
use super::rows::STREAM_KIND;
use crate::book::Code;
use crate::device::{
    Asker, DeviceError, JobOf, PrintOptions, PrintOutcome, Proof as PaperProof, ROLE_RECEIPT,
    ShownCard,
};
use crate::document::receipt;
use crate::journal::{Filter, PersonKeyInput};
use crate::platform::{Prepared, Received};
use crate::settlement::answer::{Money, Paper, Proof, Summary};
use crate::settlement::call::{Call, Found, Outcome, Step};
use crate::settlement::credential;
use crate::settlement::event::Event;
use crate::settlement::tell;

/// Earlier settlements of a person that are looked at for the insurance.
const RECALLED_MAX: u32 = 32;
/// How often a printer that is not ready is looked at.
const LOOK_AGAIN_MS: u64 = 1_000;
/// Longest time for one receipt once its printer is ready.
const PRINT_MS_MAX: u64 = 60_000;

impl Carrier {
    /// Arms whatever may be shown something and takes the first that is complete.
    pub(super) async fn read(&mut self, wait_ms: i64) {
        self.flush().await;
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        let (place, places) = watch::channel(0);
        let mut readers = match self.lease.take() {
            Some(readers) => readers.telling(place),
            None => self.readers(place),
        };
        match self.show_to(&mut readers, places, wait).await {
            Some(Ok(Shown::Code(bytes))) => self.take_code(&bytes),
            Some(Ok(Shown::Card(card))) => self.take_card(*card),
            Some(Ok(Shown::Unread(code))) => self.record(Event::CodeRejected { code }),
            Some(Err(error)) => {
                readers.rest();
                self.read_failed(&error);
            }
            None => readers.rest(),
        }
        self.lease = Some(readers);
    }

    /// The devices for what this order may be paid with.
    fn readers(&self, place: watch::Sender<usize>) -> Readers {
        let order = self.state.order.as_ref();
        let wanted = order.map_or_else(Vec::new, |order| order.credentials.clone());
        let asker = Asker {
            stream: self.state.settlement_id.clone(),
            what: "scan_and_pay".to_owned(),
            by: self.state.caller.clone(),
        };
        Readers::new(self.parts.hub.clone(), &wanted, asker, place)
    }

    /// Whether nobody wants the code any more that is being waited for.
    fn is_interrupted(&self) -> bool {
        self.state.trail.cancel_asked
            || self.presence.borrow().is_gone()
            || self.parts.is_stopping()
    }

    fn tell_armed(&mut self, armed: bool) {
        self.view.send_modify(|view: &mut View| view.armed = armed);
        let now_ms = self.parts.clock.now_ms();
        self.measure
            .stage(tell::stage_now(&self.state, armed), now_ms);
    }

    fn tell_place(&self, place: Option<usize>) {
        self.view
            .send_modify(|view: &mut View| view.queue_place = place);
    }

    /// What was shown; `None` when something else happened first.
    async fn show_to(
        &mut self,
        readers: &mut Readers,
        mut places: watch::Receiver<usize>,
        wait: Duration,
    ) -> Option<Result<Shown, DeviceError>> {
        let armed = self.unless_interrupted(readers.arm(wait), &mut places);
        let armed = armed.await;
        self.tell_place(None);
        let deadline = match armed? {
            Ok(deadline) => deadline,
            Err(error) => return Some(Err(error)),
        };
        self.tell_armed(true);
        // What listens is told from here on; places in other queues are not.
        let (_, mut untold) = watch::channel(0);
        let reading = readers.read(deadline);
        let shown = self.unless_interrupted(reading, &mut untold).await;
        if shown.is_none() {
            self.tell_armed(false);
        }
        shown
    }

    /// What comes of it, while commands are heard and the place in the queue is told.
    async fn unless_interrupted<T>(
        &mut self,
        doing: impl Future<Output = T>,
        places: &mut watch::Receiver<usize>,
    ) -> Option<T> {
        tokio::pin!(doing);
        let parts = Arc::clone(&self.parts);
        let stopped = parts.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                biased;
                done = &mut doing => return Some(done),
                Ok(()) = places.changed() => {
                    let ahead = *places.borrow_and_update();
                    self.tell_place(Some(ahead));
                }
                command = self.commands.recv() => self.obey(command).await,
                Ok(()) = self.presence.changed() => {}
                () = &mut stopped => {}
            }
            if self.is_interrupted() {
                return None;
            }
        }
    }

    fn take_code(&mut self, bytes: &[u8]) {
        let event = match credential::evoucher(bytes) {
            Ok(code)
                if self.codes_used.contains(&code) || self.parts.identities.knows_code(&code) =>
            {
                Event::CodeRejected {
                    code: Code::SameCodeAgain,
                }
            }
            Ok(code) => {
                self.code = Some(code);
                Event::CodeRead
            }
            Err(code) => Event::CodeRejected { code },
        };
        self.record(event);
    }

    fn take_card(&mut self, card: ShownCard) {
        let (credential, voucher) = readers::voucher(card);
        self.record(Event::DocumentRead {
            credential,
            found: Some(Found::Voucher(voucher)),
        });
    }

    fn read_failed(&mut self, error: &DeviceError) {
        tracing::info!(settlement = %self.state.settlement_id, %error, "no code was read");
        self.record(Event::ReadFailed { code: error.code });
    }

    /// Which insurance this person was settled with last time at this desk. Without an answer the patient is
    /// asked: nothing is guessed.
    pub(super) async fn recall_insurance(&mut self) {
        let person = self.state.known.person.as_ref();
        let person = person.map(|person| PersonKeyInput::new(person.certno.expose()));
        let filter = Filter {
            limit: RECALLED_MAX,
            kind: Some(STREAM_KIND.to_owned()),
            person,
            ..Filter::default()
        };
        let rows = match self.parts.journal.list(filter).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "earlier settlements cannot be looked up");
                Vec::new()
            }
        };
        let settled = rows
            .iter()
            .filter_map(|row| serde_json::from_str::<Summary>(&row.summary).ok())
            .filter(|summary| summary.money == Money::Settled && !summary.insutype.is_empty());
        let mut insutype = String::new();
        for summary in settled {
            // What was given back may have been settled by the wrong insurance.
            if matches!(
                refund_of(&self.parts.journal, &summary.setl_id).await,
                Ok(None)
            ) {
                insutype = summary.insutype;
                break;
            }
        }
        self.record(Event::InsuranceRecalled { insutype });
    }

    /// One message: stamped, recorded, sent once, its outcome recorded.
    pub(super) async fn call(&mut self, step: Step) {
        if self.pending.iter().any(is_money_outcome) {
            // Preparing may take long, a sign-in may be in it: what is known of money is on disk before.
            self.flush().await;
        }
        let prepared = match self.prepare(step).await {
            Ok(prepared) => prepared,
            Err(outcome) => {
                let nothing = Received {
                    outcome,
                    answer: None,
                    skew_ms: None,
                    sign_in_expired: false,
                };
                return self.answered(step, nothing);
            }
        };
        let parts = Arc::clone(&self.parts);
        let turn = match self.charge_turn(&parts, step).await {
            Ok(turn) => turn,
            Err(event) => return self.record(event),
        };
        // Who went away, or cancelled, while it was prepared and waited for its turn is heard before the intent.
        self.notice_presence();
        while let Ok(command) = self.commands.try_recv() {
            self.obey(Some(command)).await;
        }
        if self.is_called_off(step) {
            return;
        }
        self.record(Event::Intent {
            step,
            infno: prepared.infno.clone(),
            msgid: prepared.msgid.clone(),
            request: Some(prepared.body.to_string()),
        });
        self.flush().await;
        drop(turn);
        let platform = self.ways.platform.clone();
        let sending = async move { platform.send(prepared).await };
        tokio::pin!(sending);
        let received = loop {
            tokio::select! {
                received = &mut sending => break received,
                Some(command) = self.commands.recv() => self.obey(Some(command)).await,
            }
        };
        self.answered(step, received);
    }

    /// The message, while commands are heard.
    async fn prepare(&mut self, step: Step) -> Result<Prepared, Outcome> {
        let Some(order) = self.state.order.clone() else {
            let why = "the order is sealed with a key that is gone".to_owned();
            return Err(Outcome::NotSent {
                code: Code::Internal,
                why,
            });
        };
        let (known, code) = (self.state.known.clone(), self.code.clone());
        let (parts, ways) = (Arc::clone(&self.parts), Arc::clone(&self.ways));
        let preparing = async move {
            let stamp = parts.numbers.stamp().await;
            let call = Call {
                step,
                order: &order,
                known: &known,
                code: code.as_ref(),
            };
            ways.platform.prepare(call, &stamp).await
        };
        tokio::pin!(preparing);
        loop {
            tokio::select! {
                prepared = &mut preparing => return prepared,
                Some(command) = self.commands.recv() => self.obey(Some(command)).await,
            }
        }
    }

    /// Whether something that happened since `next` was asked forbids this call.
    fn is_called_off(&self, step: Step) -> bool {
        let trail = &self.state.trail;
        let forward = self.state.phase == crate::settlement::state::Phase::Forward;
        let stopped =
            trail.cancel_asked || trail.alone_since_ms.is_some() || self.parts.is_stopping();
        forward && stopped && self.state.known.settled.is_none() && step.row().undo.is_some()
    }

    fn answered(&mut self, step: Step, received: Received) {
        let Received {
            outcome,
            answer,
            skew_ms,
            sign_in_expired,
        } = received;
        if step == Step::Decode
            && let Some(code) = self.code.take()
        {
            // A message that never left, or was not looked at, has not used the code up.
            if matches!(outcome, Outcome::NotSent { .. }) || sign_in_expired {
                self.code = Some(code);
            } else {
                self.codes_used.push(code);
            }
        }
        self.parts.note_answer(&outcome, answer.is_some(), skew_ms);
        self.record(Event::Answered {
            step,
            result: outcome,
            sign_in_expired,
            skew_ms,
            answer,
        });
    }

    /// Waits for a ready printer, at most until then. One look at least.
    pub(super) async fn look_at_printer(&mut self, until_ms: i64) {
        self.flush().await;
        let parts = Arc::clone(&self.parts);
        let stopped = parts.stopped();
        tokio::pin!(stopped);
        let fault = loop {
            let fault = match self.parts.hub.printer_state(ROLE_RECEIPT).await {
                Ok(printer) => printer.trouble(),
                Err(error) => Some(error.code),
            };
            let now_ms = self.parts.clock.now_ms();
            if fault.is_none() || now_ms >= until_ms || !self.ways.has_receipt_printer {
                break fault;
            }
            let again = Duration::from_millis(LOOK_AGAIN_MS);
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                command = self.commands.recv() => self.obey(command).await,
                () = &mut stopped => break fault,
            }
        };
        let hopeless = fault.is_some() && !self.ways.has_receipt_printer;
        if hopeless && self.state.phase == crate::settlement::state::Phase::Standing {
            let paper = Paper::NotPrinted(Code::PrinterNotConfigured);
            return self.record(Event::PrintEnded { paper });
        }
        self.record(Event::PrinterLooked { fault });
    }

    /// The receipt, once. A job of which no byte left may be tried again.
    pub(super) async fn print(&mut self) {
        let settled = self.state.known.settled.as_ref();
        let setl_id = settled.map_or("", |settled| settled.setl_id.as_str());
        // It may have waited for paper while the settlement was given back.
        let said = said_at_last(&self.parts.journal, setl_id).await;
        let refund = said.refund.as_ref();
        let document = receipt::of(&self.state, &self.ways.receipt, refund);
        let job = format!("{}-{}", self.state.settlement_id, self.state.events);
        self.record(Event::PrintIntent { job: job.clone() });
        self.flush().await;
        let options = PrintOptions {
            deadline: tokio::time::Instant::now() + Duration::from_millis(PRINT_MS_MAX),
            want_proof: true,
            plus_line_time: true,
        };
        let (hub, by) = (self.parts.hub.clone(), self.state.caller.clone());
        let printing = async move {
            let of = JobOf { id: &job, by: &by };
            hub.print(ROLE_RECEIPT, of, &document, options).await
        };
        tokio::pin!(printing);
        let outcome = loop {
            tokio::select! {
                outcome = &mut printing => break outcome,
                Some(command) = self.commands.recv() => self.obey(Some(command)).await,
            }
        };
        self.record(match outcome {
            PrintOutcome::Printed { proof } => {
                let proof = match proof {
                    PaperProof::ProcessId => Proof::ProcessId,
                    PaperProof::StatusAfter => Proof::QueuedStatus,
                };
                Event::PrintEnded {
                    paper: Paper::Printed(proof),
                }
            }
            PrintOutcome::NotPrinted { code } => Event::PrinterLooked { fault: Some(code) },
            PrintOutcome::Unknown {
                code,
                bytes_sent: _,
            } => Event::PrintEnded {
                paper: Paper::Unknown(code),
            },
        });
    }
}

/// An outcome of a call that moves money: it is not left in memory only.
fn is_money_outcome(row: &super::rows::Row) -> bool {
    matches!(&row.event, Event::Answered { step, .. } if step.moves_money())
}
