//! Printers on real TCP connections and ptys do what every printer must do.

mod left;
mod look;

use std::path::PathBuf;
use std::time::Duration;

use crate::book::Code;
use crate::config::devices::{At, Flow, Kind};
use crate::device::conformance::printer::Far as _;
use crate::device::conformance::{Driver, printer};
use crate::device::far_end::{FarPrinter, PATIENCE, until};
use crate::device::opening::aside;
use crate::device::printer::PrintOutcome;
use crate::device::{DeviceState, Hub, What};

#[tokio::test]
async fn a_printer_on_tcp_conforms() {
    printer::all_hold::<OnTcp>().await;
}

#[tokio::test]
async fn a_serial_printer_conforms() {
    printer::all_hold::<OnPty>().await;
}

/// As a device on USB does whose port hangs.
#[tokio::test]
async fn a_line_that_does_not_open_by_the_deadline_printed_nothing() {
    let at = At::Path("/nowhere/hangs-while-it-opens".into());
    let (let_go, kernel) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let place = at.clone();
    let hanging = tokio::spawn(async move {
        let forever = PATIENCE * 10;
        let open = move |_: &At| {
            begun.send(()).unwrap();
            kernel.recv().unwrap();
            Ok(())
        };
        aside(&place, forever, Code::PrinterMissing, open).await
    });
    has_begun.await.unwrap();
    let kind = Kind::EscPosSerial {
        at,
        baud: 9_600,
        flow: Flow::None,
    };
    let hub = printer::hub(kind, "generic-80");
    let deadline = Duration::from_secs(1);
    let document = printer::document();
    let printing = hub.print("receipt", "job", &document, printer::within(deadline));
    let outcome = tokio::time::timeout(deadline + Duration::from_secs(1), printing).await;
    let code = Code::PrinterMissing;
    assert_eq!(outcome.unwrap(), PrintOutcome::NotPrinted { code });
    let_go.send(()).unwrap();
    hanging.await.unwrap().unwrap();
}

/// Nobody asks for it.
#[tokio::test]
async fn a_printer_on_tcp_that_was_missing_comes_back_by_itself() {
    let mut desk = OnTcp::on("epson-tm-80").await;
    desk.off();
    let code = Code::PrinterMissing;
    assert_eq!(
        printer::print(&desk).await,
        PrintOutcome::NotPrinted { code }
    );
    let mut watcher = desk.hub.watch(None);
    desk.on_again().await;
    until(&desk.hub, "slip", |it| it.state == DeviceState::Ready).await;
    printer::wait_for(&mut watcher, &What::Ready).await;
    assert_eq!(desk.printer.far().paper, b"");
    // Once it was seen it is left to others again; one that was never missing is not called at all.
    assert_eq!(desk.hub.list()[0].counters.opened, 1);
}

struct OnTcp {
    hub: Hub,
    printer: FarPrinter,
    address: String,
}

impl printer::Far for OnTcp {
    const DRIVER: Driver = Driver {
        id: "conformance-escpos-tcp",
        en: "what every receipt printer must do: TCP",
        zh: "小票打印机一致性：网络",
    };
    const IS_WATCHED: bool = false;

    async fn on(model: &str) -> Self {
        let printer = FarPrinter::on_tcp("127.0.0.1:0").await;
        let address = printer.address.clone();
        let kind = Kind::EscPosTcp {
            address: address.clone(),
        };
        Self {
            hub: printer::hub(kind, model),
            printer,
            address,
        }
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn printer(&self) -> &FarPrinter {
        &self.printer
    }

    fn off(&mut self) {
        self.printer = FarPrinter::nowhere();
    }

    async fn on_again(&mut self) {
        self.printer = FarPrinter::on_tcp(&self.address).await;
    }
}

/// On a link that survives the cable.
struct OnPty {
    hub: Hub,
    printer: FarPrinter,
    link_path: PathBuf,
    _dir: tempfile::TempDir,
}

impl OnPty {
    fn plug(link_path: &PathBuf) -> FarPrinter {
        let printer = FarPrinter::on_pty();
        std::os::unix::fs::symlink(&printer.address, link_path).unwrap();
        printer
    }
}

impl printer::Far for OnPty {
    const DRIVER: Driver = Driver {
        id: "conformance-escpos-serial",
        en: "what every receipt printer must do: serial",
        zh: "小票打印机一致性：串口",
    };
    const IS_WATCHED: bool = true;

    async fn on(model: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link_path = dir.path().join("slip");
        let printer = Self::plug(&link_path);
        let kind = Kind::EscPosSerial {
            at: At::Path(link_path.clone()),
            baud: 115_200,
            flow: Flow::None,
        };
        Self {
            hub: printer::hub(kind, model),
            printer,
            link_path,
            _dir: dir,
        }
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn printer(&self) -> &FarPrinter {
        &self.printer
    }

    fn off(&mut self) {
        std::fs::remove_file(&self.link_path).unwrap();
        self.printer = FarPrinter::nowhere();
    }

    async fn on_again(&mut self) {
        self.printer = Self::plug(&self.link_path);
    }
}
