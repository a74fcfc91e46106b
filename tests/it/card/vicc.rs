//! A card that others wrote: Debian's `vicc`, an ISO 7816 card that knows nothing of ours, beside the sandbox's own.

use std::process::{Child, Command, Stdio};

use super::{CardDesk, LONG_MS, until};
use crate::peers::tool;
use yibaod::sandbox::devices::card::Fault;

/// Where Debian has its modules: its own Python would not find them either.
const MODULES: &str = "/usr/lib/python3/site-packages/virtualsmartcard";

/// The card, in the reader until it is dropped.
struct Vicc(Child);

impl Vicc {
    fn insert(port: u16) -> Self {
        let mut command = Command::new(tool("YIBAO_PYTHON"));
        command.args([
            "/usr/bin/vicc",
            "--type",
            "iso7816",
            "--hostname",
            "127.0.0.1",
        ]);
        command.args(["--port", &port.to_string()]);
        command.env("PYTHONPATH", MODULES).stdin(Stdio::null());
        // What it says of commands that it does not know is no news.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("tests/run installs it"))
    }
}

impl Drop for Vicc {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().expect("its child");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_another_maker_is_told_apart() {
    let card_desk = CardDesk::start().await;
    for _ in 0..2 {
        let other = Vicc::insert(card_desk.pcscd.port());
        until(&card_desk.desk, "cards", |device| device.has_card).await;
        assert_eq!(card_desk.refuses(LONG_MS).await, "CARD_UNKNOWN_KIND");
        drop(other);
        until(&card_desk.desk, "cards", |device| !device.has_card).await;
        card_desk.insert("employee", Fault::None);
        card_desk.reads("employee").await;
        card_desk.slot.pull();
        until(&card_desk.desk, "cards", |device| !device.has_card).await;
    }
}
