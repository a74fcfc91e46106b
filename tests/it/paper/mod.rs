//! Paper and money apart: whatever the printer does, the money is told truly, and no receipt comes out twice.

mod before;
mod during;
mod killed;
mod proof;
mod receipt;
mod refunded;

use std::io::Write as _;
use std::sync::Arc;

use yibaod::api::{Money, PaperProof, PaperState, PrintWish, ScanAndPayRequest, Settlement};
use yibaod::sandbox::devices::printer::{Options as PrinterOptions, Printer};
use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup, Shows, bill, paper_of};

/// A receipt that does not come is waited for so long.
const SHORT_PRINT_WAIT_MS: u32 = 300;

fn impatient() -> Setup {
    Setup {
        print_wait_ms: SHORT_PRINT_WAIT_MS,
        ..Setup::default()
    }
}

async fn platform() -> Arc<Platform> {
    Arc::new(
        Platform::start(Options::default())
            .await
            .expect("a free port"),
    )
}

/// A desk with a printer of this model, which the simulated one is like.
pub(crate) async fn desk_with(model: &str, options: PrinterOptions, setup: Setup) -> Desk {
    let mut desk = Desk::prepare(
        platform().await,
        Setup {
            no_printer: true,
            ..setup
        },
    );
    desk.printer = Printer::start_tcp(options).expect("a free port");
    let address = desk.printer.addr().expect("it is on TCP");
    let kind = format!("kind = \"escpos-tcp\"\naddress = \"{address}\"");
    add_printer(&desk, model, &kind);
    desk.start_daemon().await;
    desk
}

/// A desk whose printer is on a serial line.
async fn desk_with_serial_printer(setup: Setup) -> Desk {
    desk_on_line("epson-tm-80", PrinterOptions::default(), "", setup).await
}

/// The same with a printer of this model, which the simulated one is like, and these further keys.
pub(crate) async fn desk_on_line(
    model: &str,
    options: PrinterOptions,
    keys: &str,
    setup: Setup,
) -> Desk {
    let mut desk = Desk::prepare(
        platform().await,
        Setup {
            no_printer: true,
            ..setup
        },
    );
    desk.printer = Printer::start_pty(desk.dir(), options).expect("a pty");
    let path = desk
        .printer
        .path()
        .expect("it has a line")
        .display()
        .to_string();
    let kind = format!("kind = \"escpos-serial\"\nbaud = 115200\npath = \"{path}\"\n{keys}");
    add_printer(&desk, model, &kind);
    desk.start_daemon().await;
    desk
}

fn add_printer(desk: &Desk, model: &str, kind: &str) {
    let device = format!(
        "\n[[device]]\nname = \"printer\"\nrole = \"receipt\"\nmodel = \"{model}\"\n{kind}\n"
    );
    let file = std::fs::OpenOptions::new().append(true).open(desk.config());
    file.expect("its file")
        .write_all(device.as_bytes())
        .expect("it can be written");
}

fn with_required_print(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    let mut request = bill(desk, request_id);
    request.print = PrintWish::Required.into();
    request
}

async fn pay(desk: &Desk, request_id: &str) -> Settlement {
    desk.pay(bill(desk, request_id), &[Shows::fresh("employee")])
        .await
}

/// It is settled and charged once, and its paper is told to be like this. What a queued one waits for is told by
/// the printer's last word, which may still come: no `why` asks for none.
#[track_caller]
fn assert_told(
    desk: &Desk,
    settlement: &Settlement,
    state: PaperState,
    proof: PaperProof,
    why: &str,
) {
    assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
    let (told, proven, told_why) = paper_of(settlement);
    assert_eq!((told, proven), (state, proof), "{settlement:?}");
    if state != PaperState::Queued || !why.is_empty() {
        assert_eq!(told_why, why, "{settlement:?}");
    }
    desk.assert_charged_once(settlement);
}
