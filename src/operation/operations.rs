//! The one handle that doors hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::ask::{BusState, Failure, TcpState};
use super::audit::Audit;
use super::document::Uploads;
use super::steward::ReloadAsked;
use crate::book::Code;
use crate::journal::Hindrance;
use crate::runner::{Errands, Identifies, Parts, Prints, RowError, Runner};
use crate::settlement::code_kind::Pattern;
use crate::settlement::handout::Dispense;
use crate::settlement::reconcile::story::Reconciliation;
use crate::settlement::refund::Refund;
use crate::settlement::year_to_date::story::YearToDate;

/// The platform's clock may be off by so much before nothing new is settled.
const SKEW_MS_MAX: i64 = 300_000;

/// Who this desk is, for status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub desk_name: String,
    /// Its number, 0–999.
    pub desk_number: u16,
}

/// How long answers are waited for, and how much runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// A receipt is waited for so long before the answer says QUEUED.
    pub print_wait_ms: i64,
    /// A call without a deadline is answered PENDING after so long.
    pub pending_ms: i64,
    /// Settlements that run at once.
    pub settlements_max: usize,
}

/// What can be asked. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) runner: Runner,
    pub(super) reconciliations: Errands<Reconciliation>,
    pub(super) refunds: Errands<Refund>,
    pub(super) identity: Identity,
    pub(super) waits: ArcSwap<Waits>,
    pub(super) stopping: AtomicBool,
    /// The journal's chain does not hold: somebody, or the disk, changed it.
    pub(super) damaged: AtomicBool,
    /// Hand-outs and take-backs.
    pub(super) hand_outs: Errands<Dispense>,
    /// Whoever begins a take-back holds it, also when its caller goes.
    pub(super) dispense_turn: Arc<tokio::sync::Mutex<()>>,
    /// Print jobs.
    pub(super) prints: Prints,
    /// Identifications.
    pub(super) identifies: Identifies,
    /// Whoever draws a preview holds it.
    pub(super) preview_turn: tokio::sync::Mutex<()>,
    /// Whoever begins a copy holds it, also when its caller goes.
    pub(super) reprint_turn: Arc<tokio::sync::Mutex<()>>,
    /// What the years of persons came to, for sheets.
    pub(super) years: Errands<YearToDate>,
    /// Documents that come in pieces.
    pub(super) uploads: Uploads,
    /// Whoever asks for a document by its id holds it until a job of it is on disk, also when its caller goes.
    pub(super) document_turn: Arc<tokio::sync::Mutex<()>>,
    /// The site's own codes.
    pub(super) patterns: ArcSwap<Vec<Pattern>>,
    /// The door on the system bus.
    pub(super) bus: ArcSwap<BusState>,
    /// The port for TCP.
    pub(super) tcp: ArcSwap<TcpState>,
    /// Who was given a code.
    pub(super) audit: Audit,
    /// Where the daemon hears that its configuration shall be read again.
    pub(super) asked: OnceLock<mpsc::Sender<ReloadAsked>>,
}

impl Operations {
    /// Over a runner, within the runtime that carries it.
    #[must_use]
    pub fn new(runner: Runner, identity: Identity, waits: Waits, patterns: Vec<Pattern>) -> Self {
        let (stopping, damaged) = (AtomicBool::new(false), AtomicBool::new(false));
        let (hand_outs, prints) = (Errands::new(&runner), Prints::new(&runner));
        let years = Errands::new(&runner);
        let audit = Audit::new(runner.parts().journal.clone());
        Self {
            inner: Arc::new(Inner {
                identifies: Identifies::new(&runner),
                audit,
                reconciliations: Errands::new(&runner),
                refunds: Errands::new(&runner),
                runner,
                identity,
                waits: ArcSwap::from_pointee(waits),
                stopping,
                damaged,
                hand_outs,
                dispense_turn: Arc::default(),
                prints,
                preview_turn: tokio::sync::Mutex::default(),
                reprint_turn: Arc::default(),
                years,
                uploads: Uploads::default(),
                document_turn: Arc::default(),
                patterns: ArcSwap::from_pointee(patterns),
                bus: ArcSwap::from_pointee(BusState::Off),
                tcp: ArcSwap::from_pointee(TcpState::Off),
                asked: OnceLock::new(),
            }),
        }
    }

    /// Carries on what is no settlement and was open. Gives how many.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn resume_errands(&self) -> Result<usize, RowError> {
        let (refunds, hand_outs) = (&self.inner.refunds, &self.inner.hand_outs);
        let resumed = refunds.resume().await? + hand_outs.resume().await?;
        let resumed = resumed + self.inner.prints.resume().await?;
        let resumed = resumed + self.inner.years.resume().await?;
        self.inner.identifies.end_open().await?;
        Ok(resumed + self.inner.reconciliations.resume().await?)
    }

    /// How long is waited and how much runs at once, from here on.
    pub fn change_waits(&self, waits: Waits, patterns: Vec<Pattern>) {
        self.inner.waits.store(Arc::new(waits));
        self.inner.patterns.store(Arc::new(patterns));
    }

    pub(super) fn waits(&self) -> Waits {
        **self.inner.waits.load()
    }

    pub(super) fn parts(&self) -> &Parts {
        self.inner.runner.parts()
    }

    /// From here on nothing new is taken; what has not passed the point of no return rests.
    pub fn stop_taking(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.parts().stop();
    }

    /// Returns when what was noted of scans is on disk, or after a second.
    pub async fn write_audit(&self) {
        self.inner.audit.flush().await;
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }

    /// The journal was found changed: nothing new is taken until a person looked.
    pub fn distrust_journal(&self) {
        self.inner.damaged.store(true, Ordering::Relaxed);
    }

    /// Why the journal takes nothing, if so.
    pub(super) fn journal_refuses(&self) -> Option<Failure> {
        let health = self.parts().journal.health();
        (!health.accepts_new).then(|| hindrance(health.why, health.free_bytes))
    }

    /// Why nothing new is taken, if so.
    #[must_use]
    pub fn refusing(&self) -> Option<Failure> {
        if self.is_stopping() {
            return Some(Failure::new(Code::ShuttingDown, "the daemon is stopping"));
        }
        if self.inner.damaged.load(Ordering::Relaxed) {
            let detail = "the journal was changed; see yibaoctl journal verify";
            return Some(Failure::new(Code::JournalRefuses, detail));
        }
        if let Some(refuses) = self.journal_refuses() {
            return Some(refuses);
        }
        if self.parts().platform_is_off_by(SKEW_MS_MAX) {
            let skew_s = self.parts().platform_skew_ms().unwrap_or(0) / 1_000;
            let detail = format!("the platform's clock is {skew_s} s ahead of ours");
            return Some(Failure::new(Code::ClockSkew, detail));
        }
        if !self.parts().clock.is_plausible() {
            let detail = "this machine's clock stands before 2020";
            return Some(Failure::new(Code::ClockSkew, detail));
        }
        None
    }
}

pub(super) fn hindrance(why: Option<Hindrance>, free_bytes: u64) -> Failure {
    match why {
        Some(Hindrance::NotAdopted) => Failure::new(
            Code::DeskNotAdopted,
            "the journal belongs to another machine or desk; see yibaoctl desk adopt",
        ),
        Some(Hindrance::RolledBack { had_seq, last_seq }) => Failure::new(
            Code::JournalRolledBack,
            format!("it ends at record {last_seq} and held {had_seq}"),
        ),
        Some(Hindrance::DiskLow {
            free_bytes,
            min_free_bytes,
        }) => Failure::new(
            Code::JournalRefuses,
            format!("{free_bytes} bytes are free, {min_free_bytes} are needed"),
        ),
        Some(Hindrance::BallastSpent) => Failure::new(Code::JournalRefuses, "the disk was full"),
        Some(Hindrance::Closed) => Failure::new(Code::JournalRefuses, "the journal is closed"),
        None => Failure::new(Code::JournalRefuses, format!("{free_bytes} bytes are free")),
    }
}
