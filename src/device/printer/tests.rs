//! Printers on real TCP connections and ptys.

mod left;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Paper, PrintOptions, PrintOutcome, PrinterState, Proof, escpos};
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Kind};
use crate::device::event::{Watched, Watcher, What};
use crate::device::far_end::{FarPrinter, PATIENCE, until};
use crate::device::{DeviceState, Hub, quirks};
use crate::document::{Align, Block, Document, Style};

const OUT: PrinterState = PrinterState {
    online: false,
    paper: Paper::Out,
    cover_open: false,
    error: false,
    queue: None,
};
const BY_NUMBER: PrintOutcome = PrintOutcome::Printed {
    proof: Proof::ProcessId,
};
const BY_STATUS: PrintOutcome = PrintOutcome::Printed {
    proof: Proof::StatusAfter,
};

#[tokio::test]
async fn proven_by_the_jobs_number() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    for job in 1..=3 {
        assert_eq!(desk.print().await, BY_NUMBER);
        assert_eq!(
            desk.printer.far().paper.len(),
            job * paper_of("epson-tm-80").len()
        );
    }
    assert_eq!(
        desk.printer.far().paper[..paper_of("epson-tm-80").len()],
        paper_of("epson-tm-80")
    );
    let slip = desk.hub.list().remove(0);
    assert_eq!((slip.counters.jobs, slip.counters.jobs_proven), (3, 3));
    assert_eq!((slip.counters.opened, slip.state), (1, DeviceState::Ready));
}

#[tokio::test]
async fn proven_by_the_status_behind() {
    let desk = Desk::on_tcp("generic-80").await;
    assert_eq!(desk.print().await, BY_STATUS);
    assert_eq!(desk.printer.far().paper, paper_of("generic-80"));
}

#[tokio::test]
async fn a_number_that_never_comes_is_made_up_for() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    desk.printer.far().answers_process = false;
    assert_eq!(desk.print().await, BY_STATUS);
    desk.printer.far().answers_process = true;
    assert_eq!(desk.print().await, BY_NUMBER);
}

#[tokio::test]
async fn without_an_answer_nothing_is_proven() {
    let bytes_sent = job_of("mute-80").len();
    let unproven = PrintOutcome::Unknown {
        code: Code::PrintNotProven,
        bytes_sent,
    };
    let desk = Desk::on_tcp("mute-80").await;
    desk.printer.far().answers_status = false;
    assert_eq!(desk.print().await, unproven);

    let desk = Desk::on_tcp("generic-80").await;
    let options = PrintOptions {
        want_proof: false,
        ..soon()
    };
    let outcome = desk.print_with(options).await;
    let bytes_sent = job_of("generic-80").len();
    assert_eq!(
        outcome,
        PrintOutcome::Unknown {
            code: Code::PrintNotProven,
            bytes_sent
        }
    );
}

#[tokio::test]
async fn a_late_answer_to_one_job_proves_no_other() {
    let desk = Desk::on_tcp("generic-80").await;
    desk.printer.far().answers_queued = false;
    let bytes_sent = job_of("generic-80").len() + 3;
    let unproven = PrintOutcome::Unknown {
        code: Code::PrintNotProven,
        bytes_sent,
    };
    assert_eq!(desk.print_with(within(800)).await, unproven);

    // The answer to the first job comes while the second one is looked after.
    let before = desk.printer.far().paper.len();
    let printing = tokio::spawn(desk.job(within(3_000)));
    desk.printer.until(|far| far.paper.len() > before).await;
    desk.printer.far().outbox.push(0);
    assert_eq!(printing.await.unwrap(), unproven);

    // It comes while nobody prints: everything is answered, and the next proof counts.
    let heard = desk.hub.list()[0].counters.bytes_in;
    desk.printer.far().outbox.extend([0; 3]);
    until(&desk.hub, "slip", |slip| {
        slip.counters.bytes_in == heard + 3
    })
    .await;
    desk.printer.far().answers_queued = true;
    assert_eq!(desk.print().await, BY_STATUS);
}

#[tokio::test]
async fn a_foreign_number_proves_nothing() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    desk.printer.far().answers_process = false;
    desk.printer.far().answers_queued = false;
    let printing = tokio::spawn(desk.job(within(600)));
    let whole = paper_of("epson-tm-80").len();
    desk.printer.until(|far| far.paper.len() == whole).await;
    desk.printer.far().outbox.extend(b"\x37\x22#old\0");
    let outcome = printing.await.unwrap();
    assert!(matches!(
        outcome,
        PrintOutcome::Unknown {
            code: Code::PrintNotProven,
            ..
        }
    ));
}

#[tokio::test]
async fn trouble_before_a_job_keeps_every_byte_back() {
    let fine = PrinterState::default();
    for (state, code) in [
        (OUT, Code::PaperOut),
        (
            PrinterState {
                online: false,
                cover_open: true,
                ..fine
            },
            Code::CoverOpen,
        ),
        (
            PrinterState {
                online: false,
                error: true,
                ..fine
            },
            Code::PrinterError,
        ),
    ] {
        let desk = Desk::on_tcp("epson-tm-80").await;
        desk.printer.far().state = state;
        assert_eq!(desk.hub.printer_state("receipt").await.unwrap(), state);
        assert_eq!(desk.print().await, PrintOutcome::NotPrinted { code });
        assert_eq!(desk.printer.far().paper, b"");
        desk.printer.far().state = fine;
        assert_eq!(desk.print().await, BY_NUMBER);
    }
    let desk = Desk::on_tcp("generic-80").await;
    desk.printer.far().state = PrinterState {
        paper: Paper::Low,
        ..fine
    };
    assert_eq!(desk.print().await, BY_STATUS);
}

#[tokio::test]
async fn paper_ends_in_the_middle_and_comes_back() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    let mut watcher = desk.hub.watch(None);
    desk.printer.far().paper_ends_after = Some(20);
    let printing = tokio::spawn(desk.job(soon()));
    wait_for(&mut watcher, &What::PaperOut).await;
    desk.printer.far().set(PrinterState::default());
    wait_for(&mut watcher, &What::PaperOk).await;
    assert_eq!(printing.await.unwrap(), BY_NUMBER);
    assert_eq!(desk.printer.far().paper, paper_of("epson-tm-80"));
}

#[tokio::test]
async fn paper_ends_in_the_middle_for_good() {
    for model in ["epson-tm-80", "generic-80"] {
        let desk = Desk::on_tcp(model).await;
        desk.printer.far().paper_ends_after = Some(20);
        let outcome = desk.print_with(within(1_000)).await;
        assert!(
            matches!(outcome, PrintOutcome::Unknown { code: Code::PaperOut, bytes_sent } if bytes_sent > 20),
            "{outcome:?}"
        );
        until(&desk.hub, "slip", |slip| {
            slip.state == DeviceState::PaperOut
        })
        .await;
        assert_eq!(
            desk.print().await,
            PrintOutcome::NotPrinted {
                code: Code::PaperOut
            }
        );
        // The printer finishes the doubtful job by itself; the next one is proven on its own.
        desk.printer.far().set(PrinterState::default());
        let proven = if model == "generic-80" {
            BY_STATUS
        } else {
            BY_NUMBER
        };
        assert_eq!(desk.print().await, proven);
        let whole = [paper_of(model), paper_of(model)].concat();
        assert_eq!(desk.printer.far().paper, whole);
    }
}

#[tokio::test]
async fn an_idle_printer_reports_by_itself() {
    let desk = Desk::on_pty("generic-58");
    let mut watcher = desk.hub.watch(None);
    until(&desk.hub, "slip", |slip| slip.state == DeviceState::Ready).await;
    desk.printer.until(|far| far.reports).await;
    desk.printer.far().set(OUT);
    wait_for(&mut watcher, &What::PaperOut).await;
    desk.printer.far().set(PrinterState::default());
    wait_for(&mut watcher, &What::PaperOk).await;
}

#[tokio::test]
async fn paper_ends_behind_the_last_line() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    assert_eq!(desk.print().await, BY_NUMBER);
    let mut watcher = desk.hub.watch(None);
    desk.printer.far().set(OUT);
    wait_for(&mut watcher, &What::PaperOut).await;
    assert_eq!(desk.hub.list()[0].state, DeviceState::PaperOut);
    assert_eq!(desk.hub.list()[0].last_error.unwrap().0, Code::PaperOut);
}

#[tokio::test]
async fn the_line_is_cut_in_the_middle() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    desk.printer.far().cut_after = Some(10);
    let outcome = desk.print().await;
    assert!(
        matches!(outcome, PrintOutcome::Unknown { code: Code::PrinterMissing, bytes_sent } if bytes_sent > 0),
        "{outcome:?}"
    );
    desk.printer.far().cut_after = None;
    assert_eq!(desk.print().await, BY_NUMBER);
}

#[tokio::test]
async fn a_printer_that_is_off() {
    let mut desk = Desk::on_tcp("epson-tm-80").await;
    assert_eq!(desk.print().await, BY_NUMBER);
    let mut watcher = desk.hub.watch(None);
    desk.printer = FarPrinter::on_tcp().await;
    wait_for(&mut watcher, &What::Unplugged).await;
    let missing = PrintOutcome::NotPrinted {
        code: Code::PrinterMissing,
    };
    assert_eq!(desk.print().await, missing);
    assert_eq!(
        desk.hub.printer_state("receipt").await.unwrap_err().code,
        Code::PrinterMissing
    );
    assert_eq!(
        desk.hub.print("report", "j", &document(), soon()).await,
        missing
    );
}

#[tokio::test]
async fn a_printer_that_says_nothing_is_missing() {
    let desk = Desk::on_tcp("generic-80").await;
    desk.printer.far().answers_status = false;
    assert_eq!(
        desk.print().await,
        PrintOutcome::NotPrinted {
            code: Code::PrinterMissing
        }
    );
    assert_eq!(desk.printer.far().paper, b"");
}

#[tokio::test]
async fn jobs_wait_for_their_turn_and_can_be_withdrawn() {
    let desk = Desk::on_tcp("epson-tm-80").await;
    desk.printer.far().paper_ends_after = Some(5);
    let first = tokio::spawn(desk.job(soon()));
    until(&desk.hub, "slip", |slip| slip.printer == Some(OUT)).await;
    let slip = desk.hub.list().remove(0);
    assert_eq!(
        (slip.state, slip.holder.unwrap().stream.as_str()),
        (DeviceState::Busy, "job")
    );
    assert_eq!(desk.hub.printer_state("receipt").await.unwrap(), OUT);
    let second = desk.print_with(within(50)).await;
    assert_eq!(
        second,
        PrintOutcome::NotPrinted {
            code: Code::PaperOut
        }
    );
    assert!(
        timeout(Duration::from_millis(50), desk.print())
            .await
            .is_err()
    );
    let fourth = tokio::spawn(desk.job(soon()));
    desk.printer.far().set(PrinterState::default());
    assert_eq!(
        (first.await.unwrap(), fourth.await.unwrap()),
        (BY_NUMBER, BY_NUMBER)
    );
    // The second was withdrawn, the third given up: neither was printed.
    assert_eq!(
        desk.printer.far().paper.len(),
        2 * paper_of("epson-tm-80").len()
    );
    assert_eq!(desk.hub.list()[0].holder, None);
}

#[tokio::test]
async fn on_a_serial_line() {
    let desk = Desk::on_pty("xprinter-80");
    until(&desk.hub, "slip", |slip| slip.state == DeviceState::Ready).await;
    assert_eq!(desk.print().await, BY_NUMBER);
    assert_eq!(desk.printer.far().paper, paper_of("xprinter-80"));
    desk.printer.far().cut_after = Some(paper_of("xprinter-80").len() + 10);
    let outcome = desk.print().await;
    assert!(
        matches!(
            outcome,
            PrintOutcome::Unknown {
                code: Code::PrinterMissing,
                ..
            }
        ),
        "{outcome:?}"
    );
    until(&desk.hub, "slip", |slip| slip.state == DeviceState::Missing).await;
    assert_eq!(
        desk.print().await,
        PrintOutcome::NotPrinted {
            code: Code::PrinterMissing
        }
    );
}

#[tokio::test]
async fn a_printer_that_stops_reading_holds_nobody() {
    let desk = Desk::on_pty("mute-80");
    until(&desk.hub, "slip", |slip| slip.state == DeviceState::Ready).await;
    desk.printer.far().deaf = true;
    let text = "医保".repeat(20_000);
    let block = Block::Text {
        text,
        style: Style::default(),
        align: Align::Left,
    };
    let long = Document {
        title: "receipt".into(),
        blocks: vec![block],
    };
    let hub = desk.hub.clone();
    let start = Instant::now();
    let printing =
        tokio::spawn(async move { hub.print("receipt", "job", &long, within(600)).await });
    until(&desk.hub, "slip", |slip| slip.counters.jobs == 1).await;
    let outcome = printing.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(
        matches!(outcome, PrintOutcome::Unknown { code: Code::PrintNotProven, bytes_sent } if bytes_sent < 80_000),
        "{outcome:?}"
    );
    // What the printer was cut off in cannot swallow the next job.
    desk.printer.far().deaf = false;
    until(&desk.hub, "slip", |slip| slip.counters.opened == 2).await;
    assert!(matches!(desk.print().await, PrintOutcome::Unknown { .. }));
    let whole = paper_of("mute-80");
    desk.printer.until(|far| far.paper.ends_with(&whole)).await;
    assert!(
        desk.printer
            .far()
            .paper
            .windows(1_024)
            .any(|zeros| zeros.iter().all(|b| *b == 0))
    );
}

/// A hub with one printer and what stands at its far end.
struct Desk {
    hub: Hub,
    printer: FarPrinter,
}

impl Desk {
    async fn on_tcp(model: &str) -> Self {
        let printer = FarPrinter::on_tcp().await;
        let kind = Kind::EscPosTcp {
            address: printer.address.clone(),
        };
        Self {
            hub: hub(kind, model),
            printer,
        }
    }

    fn on_pty(model: &str) -> Self {
        let printer = FarPrinter::on_pty();
        let kind = Kind::EscPosSerial {
            at: crate::config::devices::At::Path(printer.address.clone().into()),
            baud: 115_200,
        };
        Self {
            hub: hub(kind, model),
            printer,
        }
    }

    async fn print(&self) -> PrintOutcome {
        self.print_with(soon()).await
    }

    async fn print_with(&self, options: PrintOptions) -> PrintOutcome {
        self.job(options).await
    }

    /// A job that can be carried by another task.
    fn job(&self, options: PrintOptions) -> impl Future<Output = PrintOutcome> + use<> {
        let hub = self.hub.clone();
        async move { hub.print("receipt", "job", &document(), options).await }
    }
}

fn hub(kind: Kind, model: &str) -> Hub {
    Hub::start(vec![config(kind, model)])
}

fn config(kind: Kind, model: &str) -> DeviceConfig {
    let model = Some(model.to_owned());
    let config = DeviceConfig {
        name: "slip".into(),
        role: "receipt".into(),
        kind,
        model,
    };
    assert_eq!(
        quirks::check_models(std::slice::from_ref(&config)),
        Vec::<String>::new()
    );
    config
}

fn document() -> Document {
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
fn paper_of(model: &str) -> Vec<u8> {
    let job = job_of(model);
    match job.windows(3).position(|w| w == [0x1d, b'a', 0x0e]) {
        Some(at) => [&job[..at], &job[at + 3..]].concat(),
        None => job,
    }
}

fn soon() -> PrintOptions {
    PrintOptions {
        deadline: Instant::now() + PATIENCE,
        want_proof: true,
        plus_line_time: false,
    }
}

fn within(ms: u64) -> PrintOptions {
    PrintOptions {
        deadline: Instant::now() + Duration::from_millis(ms),
        want_proof: true,
        plus_line_time: false,
    }
}

async fn wait_for(watcher: &mut Watcher, what: &What) {
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
