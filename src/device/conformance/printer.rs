//! What every receipt printer's driver must do.

mod noise;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use self::noise::{
    a_stray_byte_behind_a_job_proves_nothing, noise_proves_nothing_and_harms_nothing,
    one_that_answers_in_its_own_way_is_proven, one_that_was_off_behind_a_stray_byte_proves_nothing,
    stray_bytes_of_one_that_lives_prove_nothing, strays_follow,
};
use super::{Check, Driver, checks, in_time};
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Kind};
use crate::device::event::{Watched, Watcher, What};
use crate::device::far_end::{FarPrinter, PATIENCE, until};
use crate::device::printer::escpos;
use crate::device::{
    DeviceState, Hub, Paper, PrintOptions, PrintOutcome, PrinterState, Proof, ROLE_RECEIPT,
    Verdict, quirks,
};
use crate::document::{Align, Block, Document, Style};

/// What the printer is called.
const NAME: &str = "slip";
/// A model that gives back numbers, one that answers behind a job only, and one that says nothing.
const BY_NUMBER_MODEL: &str = "epson-tm-80";
const BY_STATUS_MODEL: &str = "generic-80";
const MUTE_MODEL: &str = "mute-80";
/// A model of narrow paper that reports changes.
const NARROW_MODEL: &str = "generic-58";
/// Longest look at a printer that does not answer.
const LOOK: Duration = Duration::from_secs(6);
/// For a job whose answer never comes: every byte of it has left by then, on a busy machine too.
pub(in crate::device) const UNANSWERED: Duration = Duration::from_secs(4);
/// How often it is asked how it is, where that takes no time.
const ROUND: Duration = Duration::from_millis(20);
/// What is told while nobody asks is told within this.
const TOLD: Duration = Duration::ZERO;

const OUT: PrinterState = PrinterState {
    online: false,
    paper: Paper::Out,
    cover_open: false,
    error: false,
    queue: None,
};
pub(in crate::device) const BY_NUMBER: PrintOutcome = PrintOutcome::Printed {
    proof: Proof::ProcessId,
};
pub(in crate::device) const BY_STATUS: PrintOutcome = PrintOutcome::Printed {
    proof: Proof::StatusAfter,
};
const MISSING: PrintOutcome = PrintOutcome::NotPrinted {
    code: Code::PrinterMissing,
};

/// A printer at the far end of a line.
pub(in crate::device) trait Far: Sized + 'static {
    const DRIVER: Driver;
    /// Whether its owner looks at it while there is no job.
    const IS_WATCHED: bool;

    /// One that is on, of this model, owned by [`hub`].
    async fn on(model: &str) -> Self;
    fn hub(&self) -> &Hub;
    fn printer(&self) -> &FarPrinter;
    /// It is switched off: its line ends.
    fn off(&mut self);
    /// It is on again, in the same place, with a new roll.
    async fn on_again(&mut self);
}

/// Every check of this driver.
pub(in crate::device) async fn all_hold<F: Far>() {
    let checks: Vec<Check> = checks![F:
        proven_by_the_jobs_number,
        proven_by_the_status_behind,
        a_number_that_never_comes_is_made_up_for,
        without_an_answer_nothing_is_proven,
        a_late_answer_to_one_job_proves_no_other,
        a_foreign_number_proves_nothing,
        trouble_before_a_job_keeps_every_byte_back,
        paper_ends_in_the_middle_and_comes_back,
        paper_ends_in_the_middle_for_good,
        the_cover_is_opened_in_the_middle,
        an_idle_printer_reports_by_itself,
        paper_ends_behind_the_last_line,
        the_line_is_cut_in_the_middle,
        a_printer_that_is_off_and_on_again,
        a_printer_that_says_nothing_is_missing,
        noise_proves_nothing_and_harms_nothing,
        a_stray_byte_behind_a_job_proves_nothing,
        stray_bytes_of_one_that_lives_prove_nothing,
        one_that_answers_in_its_own_way_is_proven,
        one_that_was_off_behind_a_stray_byte_proves_nothing,
        one_that_falls_silent_in_a_job_is_not_called_well,
        jobs_wait_for_their_turn_and_can_be_withdrawn,
        a_printer_that_stops_reading_holds_nobody,
    ];
    super::all_hold(&F::DRIVER, checks).await;
}

/// A hub that owns one receipt printer of this model.
pub(in crate::device) fn hub(kind: Kind, model: &str) -> Hub {
    Hub::start(vec![config(kind, model)])
}

/// A receipt printer of this model.
pub(in crate::device) fn config(kind: Kind, model: &str) -> DeviceConfig {
    let model = Some(model.to_owned());
    let config = DeviceConfig {
        name: NAME.into(),
        role: ROLE_RECEIPT.into(),
        kind,
        model,
    };
    let wrong = quirks::check_models(std::slice::from_ref(&config));
    assert_eq!(wrong, Vec::<String>::new());
    config
}

async fn proven_by_the_jobs_number<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    let paper = paper_of(BY_NUMBER_MODEL);
    for job in 1..=3 {
        assert_eq!(print(&far).await, BY_NUMBER);
        assert_eq!(far.printer().far().paper.len(), job * paper.len());
    }
    assert_eq!(far.printer().far().paper[..paper.len()], paper);
    let slip = far.hub().list().remove(0);
    assert_eq!((slip.counters.jobs, slip.counters.jobs_proven), (3, 3));
    assert_eq!((slip.counters.opened, slip.state), (1, DeviceState::Ready));
}

async fn proven_by_the_status_behind<F: Far>() {
    let far = F::on(BY_STATUS_MODEL).await;
    assert_eq!(print(&far).await, BY_STATUS);
    assert_eq!(far.printer().far().paper, paper_of(BY_STATUS_MODEL));
}

async fn a_number_that_never_comes_is_made_up_for<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    far.printer().far().answers_process = false;
    assert_eq!(print(&far).await, BY_STATUS);
    far.printer().far().answers_process = true;
    assert_eq!(print(&far).await, BY_NUMBER);
}

async fn without_an_answer_nothing_is_proven<F: Far>() {
    let far = F::on(MUTE_MODEL).await;
    far.printer().far().answers_status = false;
    assert_eq!(print(&far).await, unproven(job_of(MUTE_MODEL).len()));

    let far = F::on(BY_STATUS_MODEL).await;
    let options = PrintOptions {
        want_proof: false,
        ..within(PATIENCE)
    };
    let outcome = in_time(PATIENCE, job(&far, options)).await;
    assert_eq!(outcome, unproven(job_of(BY_STATUS_MODEL).len()));
}

async fn a_late_answer_to_one_job_proves_no_other<F: Far>() {
    let far = F::on(BY_STATUS_MODEL).await;
    far.printer().far().answers_queued = false;
    let unproven = unproven(job_of(BY_STATUS_MODEL).len());
    assert_eq!(print_within(&far, UNANSWERED).await, unproven);

    // The answer to the first job comes while the second one is looked after.
    let before = far.printer().far().paper.len();
    let deadline = Duration::from_secs(3);
    let printing = tokio::spawn(job(&far, within(deadline)));
    far.printer().until(|far| far.paper.len() > before).await;
    far.printer().far().outbox.push(0);
    assert_eq!(in_time(deadline, printing).await.unwrap(), unproven);

    // It comes while nobody prints: everything is answered, and the next proof counts.
    let heard = far.hub().list()[0].counters.bytes_in;
    far.printer().far().outbox.extend([0; 3]);
    until(far.hub(), NAME, |slip| slip.counters.bytes_in >= heard + 3).await;
    far.printer().far().answers_queued = true;
    assert_eq!(print(&far).await, BY_STATUS);
}

async fn a_foreign_number_proves_nothing<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    far.printer().far().answers_process = false;
    far.printer().far().answers_queued = false;
    let deadline = UNANSWERED;
    let printing = tokio::spawn(job(&far, within(deadline)));
    let whole = paper_of(BY_NUMBER_MODEL).len();
    far.printer().until(|far| far.paper.len() == whole).await;
    far.printer().far().outbox.extend(b"\x37\x22#old\0");
    let outcome = in_time(deadline, printing).await.unwrap();
    assert_eq!(unknown(outcome).0, Code::PrintNotProven);
}

async fn trouble_before_a_job_keeps_every_byte_back<F: Far>() {
    let fine = PrinterState::default();
    let cover = PrinterState {
        online: false,
        cover_open: true,
        ..fine
    };
    let fault = PrinterState {
        online: false,
        error: true,
        ..fine
    };
    for (state, code) in [
        (OUT, Code::PaperOut),
        (cover, Code::CoverOpen),
        (fault, Code::PrinterError),
    ] {
        let far = F::on(BY_NUMBER_MODEL).await;
        far.printer().far().state = state;
        let looked = in_time(LOOK, far.hub().printer_state(ROLE_RECEIPT)).await;
        assert_eq!(looked.unwrap(), state);
        assert_eq!(print(&far).await, PrintOutcome::NotPrinted { code });
        assert_eq!(far.printer().far().paper, b"");
        far.printer().far().state = fine;
        assert_eq!(print(&far).await, BY_NUMBER);
    }
    let far = F::on(BY_STATUS_MODEL).await;
    far.printer().far().state = PrinterState {
        paper: Paper::Low,
        ..fine
    };
    assert_eq!(print(&far).await, BY_STATUS);
}

async fn paper_ends_in_the_middle_and_comes_back<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    let mut watcher = far.hub().watch(None);
    far.printer().far().paper_ends_after = Some(20);
    let printing = tokio::spawn(job(&far, within(PATIENCE)));
    wait_for(&mut watcher, &What::PaperOut).await;
    far.printer().far().set(PrinterState::default());
    wait_for(&mut watcher, &What::PaperOk).await;
    assert_eq!(in_time(PATIENCE, printing).await.unwrap(), BY_NUMBER);
    assert_eq!(far.printer().far().paper, paper_of(BY_NUMBER_MODEL));
}

async fn paper_ends_in_the_middle_for_good<F: Far>() {
    for (model, proven) in [(BY_NUMBER_MODEL, BY_NUMBER), (BY_STATUS_MODEL, BY_STATUS)] {
        let far = F::on(model).await;
        far.printer().far().paper_ends_after = Some(20);
        let (code, bytes_sent) = unknown(print_within(&far, UNANSWERED).await);
        assert_eq!(code, Code::PaperOut);
        assert!(bytes_sent > 20, "{bytes_sent}");
        until(far.hub(), NAME, |slip| slip.state == DeviceState::PaperOut).await;
        assert_eq!(print(&far).await, PrintOutcome::NotPrinted { code });
        // The printer finishes the doubtful job by itself; the next one is proven on its own.
        far.printer().far().set(PrinterState::default());
        assert_eq!(print(&far).await, proven);
        let whole = [paper_of(model), paper_of(model)].concat();
        assert_eq!(far.printer().far().paper, whole);
    }
}

async fn the_cover_is_opened_in_the_middle<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    let mut watcher = far.hub().watch(None);
    far.printer().far().paper_ends_after = Some(20);
    let printing = tokio::spawn(job(&far, within(PATIENCE)));
    wait_for(&mut watcher, &What::PaperOut).await;
    far.printer().far().set(PrinterState {
        cover_open: true,
        ..OUT
    });
    wait_for(&mut watcher, &What::CoverOpen).await;
    far.printer().far().set(PrinterState::default());
    wait_for(&mut watcher, &What::CoverClosed).await;
    assert_eq!(in_time(PATIENCE, printing).await.unwrap(), BY_NUMBER);
    assert_eq!(far.printer().far().paper, paper_of(BY_NUMBER_MODEL));
}

async fn an_idle_printer_reports_by_itself<F: Far>() {
    let far = F::on(NARROW_MODEL).await;
    let mut watcher = far.hub().watch(None);
    if !F::IS_WATCHED {
        far.hub().printer_state(ROLE_RECEIPT).await.unwrap();
    }
    until(far.hub(), NAME, |slip| slip.state == DeviceState::Ready).await;
    far.printer().until(|far| far.reports).await;
    far.printer().far().set(OUT);
    wait_for(&mut watcher, &What::PaperOut).await;
    far.printer().far().set(PrinterState::default());
    wait_for(&mut watcher, &What::PaperOk).await;
}

async fn paper_ends_behind_the_last_line<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    assert_eq!(print(&far).await, BY_NUMBER);
    let mut watcher = far.hub().watch(None);
    far.printer().far().set(OUT);
    wait_for(&mut watcher, &What::PaperOut).await;
    assert_eq!(far.hub().list()[0].state, DeviceState::PaperOut);
    assert_eq!(far.hub().list()[0].last_error.unwrap().0, Code::PaperOut);
}

async fn the_line_is_cut_in_the_middle<F: Far>() {
    let mut far = F::on(BY_NUMBER_MODEL).await;
    assert_eq!(print(&far).await, BY_NUMBER);
    let whole = paper_of(BY_NUMBER_MODEL).len();
    far.printer().far().cut_after = Some(whole + 10);
    let mut watcher = far.hub().watch(None);
    let (code, bytes_sent) = unknown(print(&far).await);
    assert_eq!(code, Code::PrinterMissing);
    assert!(bytes_sent > 0);
    // It is gone at once, and not ready first.
    wait_for(&mut watcher, &What::Busy).await;
    assert_eq!(next(&mut watcher).await, What::Unplugged);
    far.off();
    assert_eq!(print(&far).await, MISSING);
    far.on_again().await;
    assert_eq!(print(&far).await, BY_NUMBER);
    // What the printer may still hold of the lost job does not come out on top of it.
    let paper = far.printer().far().paper.clone();
    assert!(paper.starts_with(&[0; 1_024]));
    assert!(paper.ends_with(&paper_of(BY_NUMBER_MODEL)));
}

async fn a_printer_that_is_off_and_on_again<F: Far>() {
    let mut far = F::on(BY_NUMBER_MODEL).await;
    assert_eq!(print(&far).await, BY_NUMBER);
    let mut watcher = far.hub().watch(None);
    far.off();
    wait_for(&mut watcher, &What::Unplugged).await;
    assert_eq!(far.hub().list()[0].state, DeviceState::Missing);
    assert_eq!(print(&far).await, MISSING);
    let looked = in_time(LOOK, far.hub().printer_state(ROLE_RECEIPT)).await;
    assert_eq!(looked.unwrap_err().code, Code::PrinterMissing);
    assert_eq!(print(&far).await, MISSING);
    far.on_again().await;
    assert_eq!(print(&far).await, BY_NUMBER);
    assert_eq!(far.printer().far().paper, paper_of(BY_NUMBER_MODEL));
}

async fn a_printer_that_says_nothing_is_missing<F: Far>() {
    let far = F::on(BY_STATUS_MODEL).await;
    far.printer().far().answers_status = false;
    assert_eq!(print_within(&far, UNANSWERED).await, MISSING);
    assert_eq!(far.printer().far().paper, b"");
}

/// It cannot be asked meanwhile: that is said, and not that it answered.
async fn one_that_falls_silent_in_a_job_is_not_called_well<F: Far>() {
    let far = F::on(BY_STATUS_MODEL).await;
    let printing = strays_follow(&far).await;
    let answer = async || {
        let checked = in_time(TOLD, far.hub().check(NAME)).await;
        let (_, checks) = checked.expect("its own name");
        let mut all = checks.into_iter();
        all.find(|check| check.name == "answer").expect("a printer")
    };
    let told = answer().await;
    assert_eq!(told.verdict, Verdict::NotKnown, "{told:?}");
    assert!(told.en.starts_with("not asked"), "{told:?}");
    far.printer().far().answers_status = false;
    let latest = Instant::now() + PATIENCE;
    loop {
        let told = answer().await;
        if told.verdict == Verdict::Bad {
            break;
        }
        assert_eq!(told.verdict, Verdict::NotKnown, "{told:?}");
        assert!(Instant::now() < latest, "in vain: {told:?}");
        sleep(ROUND).await;
    }
    unknown(in_time(UNANSWERED, printing).await.unwrap());
}

async fn jobs_wait_for_their_turn_and_can_be_withdrawn<F: Far>() {
    let far = F::on(BY_NUMBER_MODEL).await;
    far.printer().far().paper_ends_after = Some(5);
    let first = tokio::spawn(job(&far, within(PATIENCE)));
    until(far.hub(), NAME, |slip| slip.printer == Some(OUT)).await;
    let slip = far.hub().list().remove(0);
    assert_eq!(
        (slip.state, slip.holder.unwrap().stream.as_str()),
        (DeviceState::Busy, "job")
    );
    let looked = in_time(TOLD, far.hub().printer_state(ROLE_RECEIPT)).await;
    assert_eq!(looked.unwrap(), OUT);
    let code = Code::PaperOut;
    let second = print_within(&far, Duration::from_millis(50)).await;
    assert_eq!(second, PrintOutcome::NotPrinted { code });
    let third = timeout(Duration::from_millis(50), print(&far)).await;
    assert!(third.is_err());
    let fourth = tokio::spawn(job(&far, within(PATIENCE)));
    far.printer().far().set(PrinterState::default());
    assert_eq!(in_time(PATIENCE, first).await.unwrap(), BY_NUMBER);
    assert_eq!(in_time(PATIENCE, fourth).await.unwrap(), BY_NUMBER);
    // The second was withdrawn, the third given up: neither was printed.
    let whole = paper_of(BY_NUMBER_MODEL).len();
    assert_eq!(far.printer().far().paper.len(), 2 * whole);
    assert_eq!(far.hub().list()[0].holder, None);
}

async fn a_printer_that_stops_reading_holds_nobody<F: Far>() {
    let far = F::on(MUTE_MODEL).await;
    if F::IS_WATCHED {
        until(far.hub(), NAME, |slip| slip.state == DeviceState::Ready).await;
    }
    far.printer().far().deaf = true;
    let block = Block::Text {
        text: "医保".repeat(20_000),
        style: Style::default(),
        align: Align::Left,
    };
    let long = Document {
        title: "receipt".into(),
        blocks: vec![block],
    };
    let profile = quirks::profile(MUTE_MODEL).unwrap();
    let whole = escpos::encode(&long, profile).bytes.len();
    let deadline = UNANSWERED;
    let printing = far
        .hub()
        .print(ROLE_RECEIPT, "job", &long, within(deadline));
    let (code, bytes_sent) = unknown(in_time(deadline, printing).await);
    assert_eq!(code, Code::PrintNotProven);
    let is_cut_off = bytes_sent < whole;
    far.printer().far().deaf = false;
    if is_cut_off && F::IS_WATCHED {
        until(far.hub(), NAME, |slip| slip.counters.opened == 2).await;
    }
    // What the printer was cut off in cannot swallow the next job.
    unknown(print(&far).await);
    let next = paper_of(MUTE_MODEL);
    far.printer().until(|far| far.paper.ends_with(&next)).await;
    let printer = far.printer().far();
    let mut windows = printer.paper.windows(1_024);
    let separated = windows.any(|zeros| zeros.iter().all(|byte| *byte == 0));
    assert_eq!(separated, is_cut_off);
}

/// A job that has all the time it needs.
pub(in crate::device) async fn print<F: Far>(far: &F) -> PrintOutcome {
    in_time(PATIENCE, job(far, within(PATIENCE))).await
}

pub(in crate::device) async fn print_within<F: Far>(far: &F, deadline: Duration) -> PrintOutcome {
    in_time(deadline, job(far, within(deadline))).await
}

/// A job that can be carried by another task.
fn job<F: Far>(far: &F, options: PrintOptions) -> impl Future<Output = PrintOutcome> + use<F> {
    let hub = far.hub().clone();
    async move { hub.print(ROLE_RECEIPT, "job", &document(), options).await }
}

/// The code and how much left.
fn unknown(outcome: PrintOutcome) -> (Code, usize) {
    let PrintOutcome::Unknown { code, bytes_sent } = outcome else {
        panic!("{outcome:?}");
    };
    (code, bytes_sent)
}

fn unproven(bytes_sent: usize) -> PrintOutcome {
    let code = Code::PrintNotProven;
    PrintOutcome::Unknown { code, bytes_sent }
}

pub(in crate::device) fn document() -> Document {
    let style = Style::default();
    let text = "合计 4.52 元\n仅供核对，不作报销凭证".to_owned();
    let blocks = vec![
        Block::Text {
            text,
            style,
            align: Align::Left,
        },
        Block::Cut,
    ];
    Document {
        title: "receipt".into(),
        blocks,
    }
}

fn job_of(model: &str) -> Vec<u8> {
    escpos::encode(&document(), quirks::profile(model).unwrap()).bytes
}

/// What stands on the paper: the job without the wish for reports, which is no paper.
pub(in crate::device) fn paper_of(model: &str) -> Vec<u8> {
    let job = job_of(model);
    match job.windows(3).position(|w| w == [0x1d, b'a', 0x0e]) {
        Some(at) => [&job[..at], &job[at + 3..]].concat(),
        None => job,
    }
}

pub(in crate::device) fn within(deadline: Duration) -> PrintOptions {
    PrintOptions {
        deadline: Instant::now() + deadline,
        want_proof: true,
        plus_line_time: false,
    }
}

async fn next(watcher: &mut Watcher) -> What {
    loop {
        if let Watched::Event(event) = timeout(PATIENCE, watcher.next()).await.unwrap() {
            return event.what;
        }
    }
}

pub(in crate::device) async fn wait_for(watcher: &mut Watcher, what: &What) {
    let found = async {
        loop {
            if let Watched::Event(event) = watcher.next().await
                && event.what == *what
            {
                return;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap();
}
