//! The people of the five flows: kiosk registration, kiosk payment, report printing, settlement at the doctor's desk,
//! picking up medicines.
//!
//! Each flow is one function that does what the people do, step by step, as a HIS's client does it: it asks the small
//! [`His`], calls the daemon through its gRPC door, shows what the screen would show, and has the patient hold codes
//! before the scanner when the prompt says so. Nobody here knows the daemon by anything but its door. What happened is
//! returned as the door told it, and every line that was on a screen is kept: people watch the lines, tests check them.

mod card;
mod choice;
mod desk;
mod identify;
mod insurance;
mod orders;
mod patient;
mod pay;
mod payment;
mod pharmacy;
mod registration;
mod report;
mod sheet;
mod ticket;
mod words;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::api::{ErrorEntry, Settlement};
use crate::sandbox::devices::card::{CardSlot, IdCardReader};
use crate::sandbox::devices::printer::{Paper, Printer};
use crate::sandbox::devices::report::ReportPrinter;
use crate::sandbox::devices::scanner::Scanner;
use crate::sandbox::his::{His, Refused, Report};
use crate::sandbox::platform::Platform;

pub use desk::Consultation;
pub use insurance::name as insurance_name;
pub use patient::{At, Patient, Show};
pub use pay::Paying;
pub use payment::{Payment, Tick};
pub use pharmacy::{BroughtBack, PickUp};
pub use registration::Registration;
pub use report::Reports;
pub use sheet::Sheet;

/// Longest wait for a paper after the daemon has its proof.
const PAPER_WAIT_MS_MAX: u64 = 5_000;
/// Longest wait for what led to an answer, when the answer was faster.
const SEEN_MS_MAX: u64 = 2_000;

/// Why a flow could not be acted: the door, the scanner, or a person nobody knows. What the daemon or the HIS says no
/// to is no trouble but a part of the story.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The screen says it.
    Screen,
    /// The screen that only the staff sees says it.
    StaffScreen,
    /// The patient does it.
    Patient,
    /// A doctor or pharmacist does it.
    Staff,
    /// The HIS notes it.
    His,
    /// Something comes out of a printer.
    Paper,
}

impl Who {
    /// For people.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Who::Screen => "屏幕",
            Who::StaffScreen => "后台",
            Who::Patient => "患者",
            Who::Staff => "医护",
            Who::His => "HIS",
            Who::Paper => "纸张",
        }
    }
}

/// One step, as people would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose.
    pub who: Who,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What is told while it happens.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A step.
    Line(&'a Line),
    /// A receipt or ticket.
    Receipt(&'a Paper),
    /// A report, and the PDF that came out.
    Report(&'a Report, &'a [u8]),
    /// A settlement's sheet on the screen.
    Sheet(&'a Settlement, &'a [u8]),
}

/// The devices and books around one desk.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// Makes the codes that patients show.
    pub platform: &'a Platform,
    /// Before it they are held.
    pub scanner: &'a Scanner,
    /// On it a 居民身份证 is laid, where there is one.
    pub id_cards: Option<&'a IdCardReader>,
    /// Into it a 社保卡 is put, where there is one.
    pub social_cards: Option<&'a CardSlot>,
    /// Receipts come out here.
    pub receipts: &'a Printer,
    /// And reports here.
    pub reports: &'a ReportPrinter,
}

/// Who listens to what is told.
type Listener<'a> = Box<dyn Fn(Told<'_>) + Send + Sync + 'a>;

/// One desk or kiosk, its HIS and who watches.
pub struct Scene<'a> {
    door: Channel,
    room: Room<'a>,
    his: Mutex<His>,
    /// Begins the ids of this run's requests.
    run: String,
    serial: AtomicU32,
    /// The insurance that a patient of the desk was settled with, by the HIS's number.
    insurances: Mutex<BTreeMap<String, String>>,
    told: Mutex<Vec<Line>>,
    listener: Listener<'a>,
}

impl<'a> Scene<'a> {
    /// Before this door. `run` makes the request ids of one run differ from another's.
    #[must_use]
    pub fn new(
        door: Channel,
        room: Room<'a>,
        his: His,
        run: &str,
        listener: impl Fn(Told<'_>) + Send + Sync + 'a,
    ) -> Self {
        Self {
            door,
            room,
            his: Mutex::new(his),
            run: run.to_owned(),
            serial: AtomicU32::new(0),
            insurances: Mutex::default(),
            told: Mutex::default(),
            listener: Box::new(listener),
        }
    }

    /// The HIS of this hospital.
    pub fn his(&self) -> MutexGuard<'_, His> {
        self.his.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every line so far.
    #[must_use]
    pub fn told(&self) -> Vec<Line> {
        let told = self.told.lock();
        told.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the patient's screens said so far, in Chinese.
    #[must_use]
    pub fn screens(&self) -> Vec<String> {
        self.said_by(Who::Screen)
    }

    /// What the staff's screens said so far, in Chinese.
    #[must_use]
    pub fn staff_screens(&self) -> Vec<String> {
        self.said_by(Who::StaffScreen)
    }

    fn said_by(&self, who: Who) -> Vec<String> {
        let told = self.told().into_iter();
        told.filter(|line| line.who == who)
            .map(|line| line.zh)
            .collect()
    }

    fn new_id(&self, what: &str) -> String {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}-{what}-{serial}", self.run)
    }

    fn line(&self, who: Who, zh: impl Into<String>, en: impl Into<String>) {
        let line = Line {
            who,
            zh: zh.into(),
            en: en.into(),
        };
        (self.listener)(Told::Line(&line));
        let told = self.told.lock();
        told.unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn screen(&self, zh: impl Into<String>, en: impl Into<String>) {
        self.line(Who::Screen, zh, en);
    }

    /// An error of the daemon's: the patient's screen says it in plain words, the staff's all of it.
    fn error(&self, error: &ErrorEntry) {
        let en = format!("{} {}", error.meaning_en, error.action_en);
        self.screen(error.patient_zh.as_str(), en.as_str());
        self.line(Who::StaffScreen, words::for_staff(error), en);
    }

    /// Nothing that the patient has to know: another screen says what is done instead.
    fn staff_error(&self, error: &ErrorEntry) {
        let en = format!("{} {}", error.meaning_en, error.action_en);
        self.line(Who::StaffScreen, words::for_staff(error), en);
    }

    /// A call that started nothing: everybody is told.
    fn refused(&self, status: tonic::Status) -> Result<ErrorEntry, Trouble> {
        let error = refusal(status)?;
        self.error(&error);
        Ok(error)
    }

    /// The HIS says no.
    fn his_refuses(&self, refused: &Refused) {
        self.screen(refused.zh(), refused.en());
    }

    /// Takes the receipts that came out after the first `before`; waits for one.
    async fn take_receipts(&self, before: usize) -> Vec<Paper> {
        let until = Instant::now() + Duration::from_millis(PAPER_WAIT_MS_MAX);
        let printer = self.room.receipts;
        let mut papers = printer.wait_papers(before + 1, until).await;
        let papers = papers.split_off(before.min(papers.len()));
        for paper in &papers {
            self.line(
                Who::Paper,
                "小票已打印，请取走。",
                "A receipt comes out; it is taken.",
            );
            (self.listener)(Told::Receipt(paper));
        }
        papers
    }
}

/// The book's words stand in the status of a call that started nothing. Anything else is trouble.
fn refusal(status: tonic::Status) -> Result<ErrorEntry, Trouble> {
    let Some(info) = status.get_details_error_info() else {
        return Err(status.into());
    };
    let word = |key: &str| info.metadata.get(key).cloned().unwrap_or_default();
    Ok(ErrorEntry {
        code: word("code"),
        name: info.reason.clone(),
        meaning_zh: word("meaning_zh"),
        meaning_en: word("meaning_en"),
        action_zh: word("action_zh"),
        action_en: word("action_en"),
        detail: word("detail"),
        patient_zh: word("patient_zh"),
        ..ErrorEntry::default()
    })
}

/// Fen as a screen shows them.
fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// What a watch says next. Behind the answer one that breaks is one that ends: it takes nothing away.
fn known<T, A>(
    said: Result<Option<T>, tonic::Status>,
    ended: &Option<A>,
) -> Result<Option<T>, tonic::Status> {
    match said {
        Err(_) if ended.is_some() => Ok(None),
        said => said,
    }
}
