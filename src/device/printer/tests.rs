//! Printers on real TCP connections and ptys do what every printer must do.

mod left;

use std::path::PathBuf;

use crate::config::devices::{At, Kind};
use crate::device::Hub;
use crate::device::conformance::{Driver, printer};
use crate::device::far_end::FarPrinter;

#[tokio::test]
async fn a_printer_on_tcp_conforms() {
    printer::all_hold::<OnTcp>().await;
}

#[tokio::test]
async fn a_serial_printer_conforms() {
    printer::all_hold::<OnPty>().await;
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
