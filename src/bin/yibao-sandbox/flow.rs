//! One of the five flows, acted before people: each step a line, each paper drawn and saved.

use std::sync::Mutex;
use std::time::Duration;

use yibaod::api::{Credential, DispenseState, ErrorEntry, Money, PrintJobState, Settlement};
use yibaod::sandbox::acting::{Line, Patient, PickUp, Room, Scene, Sheet, Tick, Told, Who};
use yibaod::sandbox::his::{His, When};
use yibaod::sandbox::persons::everybody;
use yibaod::sandbox::platform::clock;

use crate::Trouble;
use crate::args::{Args, By, Flow};
use crate::desk::Desk;
use crate::draw::{Say, left};
use crate::files::Place;
use crate::programs::Programs;
use crate::{paper, pay, play};

/// How long a code is waited for, milliseconds.
const CODE_WAIT_MS: u32 = 60_000;
/// Columns before a step's words.
const WHO_COLUMNS: usize = 6;

/// What is told, shown.
struct Audience<'a> {
    say: &'a Say,
    place: &'a Place,
    /// The command line for this run's socket, where it stays up and can still be asked.
    ctl: Option<String>,
    receipts: Mutex<usize>,
}

/// Acts it. `false`: it did not end as it should.
pub(crate) async fn run(
    wanted: Flow,
    args: &Args,
    say: &Say,
    desk: &Desk,
    (place, programs): (&Place, &Programs),
) -> Result<bool, Trouble> {
    let number = wanted.number;
    let (en, zh) = match number {
        1 => ("kiosk registration", "流程一 自助挂号"),
        2 => ("kiosk payment", "流程二 门诊缴费"),
        3 => ("report printing", "流程三 检验报告打印"),
        4 => ("settlement at the doctor's desk", "流程四 诊间结算"),
        _ => ("pharmacy pick-up and return", "流程五 取药与退药"),
    };
    say.section(en, zh);
    let audience = Audience {
        say,
        place,
        ctl: (!args.once).then(|| play::ctl(args, place, programs)),
        receipts: Mutex::new(0),
    };
    let room = Room {
        platform: &desk.platform,
        scanner: &desk.devices.scanner,
        id_cards: desk.id_cards.as_ref(),
        social_cards: None,
        receipts: &desk.devices.printer,
        reports: &desk.reports,
    };
    let now = clock::now(0);
    let his = His::open(&everybody(), &clock::day(now), &clock::minute(now));
    let run = pay::new_request_id();
    let told = |told: Told<'_>| audience.told(told);
    let scene = Scene::new(desk.door().await?, room, his, &run, told);
    let looks = Duration::from_millis(args.patient_delay_ms);
    let credential = match wanted.by {
        By::Code => Credential::EVoucher,
        By::IdCard => Credential::ResidentId,
    };
    let patient = Patient::new(&args.person).looks_for(looks);
    let patient = patient.chooses(credential);
    let when = match wanted.appointment {
        true => When::Appointment,
        false => When::Today,
    };
    let is_right = act(number, when, &scene, &patient).await?;
    say.section("is it true?", "核对");
    say.check(is_right, "the flow ended as it should  流程按预期完成");
    Ok(is_right)
}

async fn act(
    number: u8,
    when: When,
    scene: &Scene<'_>,
    patient: &Patient,
) -> Result<bool, Trouble> {
    Ok(match number {
        1 => {
            let acted = scene.registration(patient, when, |_, _| {}).await?;
            acted.registered.is_some() && acted.tickets.len() == 1
        }
        2 => is_paid(scene, patient).await?,
        3 => {
            let acted = scene.reports(patient, 1, |_, _| {}).await?;
            let jobs = acted.jobs.iter();
            let printed = jobs.filter(|job| job.state() == PrintJobState::Printed);
            !acted.jobs.is_empty() && printed.count() == acted.papers.len() + acted.printed_before
        }
        4 => {
            let acted = scene.consultation(patient, "").await?;
            let is_settled = acted.paying.is_some_and(|it| it.money() == Money::Settled);
            is_settled && acted.sheet.as_ref().is_some_and(is_printed_or_missing)
        }
        _ => {
            // What is picked up was paid for before.
            let is_paid = is_paid(scene, patient).await?;
            let acted = scene.pick_up(patient).await?;
            let recorded = |state| state == DispenseState::Recorded;
            let all = acted.dispensed.iter().all(|it| recorded(it.state()));
            let is_picked_up = is_paid && all && !acted.tickets.is_empty();
            is_picked_up && is_brought_back(scene, &acted).await?
        }
    })
}

/// The sheet came out, or this machine has nothing that typesets it, or no Chinese font, and the receipt stood for it.
fn is_printed_or_missing(sheet: &Sheet) -> bool {
    let is_missing =
        |error: &ErrorEntry| matches!(error.name.as_str(), "RENDER_MISSING" | "FONT_MISSING");
    let state = sheet.job.as_ref().map(|job| job.state());
    state == Some(PrintJobState::Printed) || sheet.error.as_ref().is_some_and(is_missing)
}

/// One package of the first medicine comes back.
async fn is_brought_back(scene: &Scene<'_>, picked_up: &PickUp) -> Result<bool, Trouble> {
    let medicine = picked_up.prescriptions.first();
    let medicine = medicine.and_then(|it| it.medicines.first());
    let codes = medicine.and_then(|it| it.trace_codes.get(..1));
    let (Some(handed_out), Some(codes)) = (picked_up.dispensed.first(), codes) else {
        return Ok(false);
    };
    let acted = scene.bring_back(handed_out, 1, codes).await?;
    let state = acted.dispense.map(|it| it.state());
    Ok(state == Some(DispenseState::Recorded) && acted.tickets.len() == 1)
}

async fn is_paid(scene: &Scene<'_>, patient: &Patient) -> Result<bool, Trouble> {
    let acted = scene
        .payment(patient, Tick::All, CODE_WAIT_MS, |_, _| {})
        .await?;
    let money = acted.paying.map(|it| it.money());
    Ok(money == Some(Money::Settled))
}

impl Audience<'_> {
    fn told(&self, told: Told<'_>) {
        match told {
            Told::Line(line) => self.line(line),
            Told::Receipt(receipt) => {
                paper::show(self.say, receipt);
                let number = match self.receipts.lock() {
                    Ok(mut count) => {
                        *count += 1;
                        *count
                    }
                    Err(_) => return,
                };
                let path = self.place.picture(number);
                self.saved("picture", "小票图片", &path, &receipt.png());
            }
            Told::Report(report, pdf) => {
                paper::sheet(self.say, &report.page().text());
                let name = format!("{}.png", report.number);
                let path = self.place.lasting(&name);
                self.saved("picture", "报告图片", &path, &report.page().png());
                let path = path.with_extension("pdf");
                self.saved("pdf", "打印的文件", &path, pdf);
            }
            Told::Sheet(settlement, pdf) => {
                self.sheet(settlement, pdf);
            }
        }
    }

    /// The sheet on the screen: its main figures here, the whole of it in files. What is printed is typeset anew.
    fn sheet(&self, settlement: &Settlement, pdf: &[u8]) {
        paper::sheet(self.say, &paper::summary(settlement));
        let path = self.place.lasting("settlement-sheet.pdf");
        self.saved("as shown", "所示结算单", &path, pdf);
        if let Some(picture) = paper::picture(&path) {
            let path = picture.display().to_string();
            self.say.done("picture", "结算单图片", &path);
        }
        if let Some(ctl) = &self.ctl {
            let id = &settlement.settlement_id;
            let again = format!("  再看：/ See it again: {ctl} sheet {id} --pdf FILE");
            self.say.line(&self.say.dim(&again));
        }
    }

    fn line(&self, line: &Line) {
        let say = self.say;
        let who = left(line.who.zh(), WHO_COLUMNS);
        let zh = match line.who {
            Who::Screen => say.bold(&format!("「{}」", line.zh)),
            Who::StaffScreen => say.dim(&format!("「{}」", line.zh)),
            Who::Patient | Who::Staff | Who::His | Who::Paper => line.zh.clone(),
        };
        say.line(&format!("  {} {zh}", say.dim(&who)));
        say.line(&say.dim(&format!("  {} {}", left("", WHO_COLUMNS), line.en)));
    }

    fn saved(&self, en: &str, zh: &str, path: &std::path::Path, bytes: &[u8]) {
        match std::fs::write(path, bytes) {
            Ok(()) => self.say.done(en, zh, &path.display().to_string()),
            Err(error) => self.say.line(&format!("  {}: {error}", path.display())),
        }
    }
}
