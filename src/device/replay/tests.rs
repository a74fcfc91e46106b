//! Every driver of a byte line replays a recording to its outcome. Those of HID and keyboards lie beside their drivers;
//! those of USB are replayed by USB devices too, in the guest (`tests/guest/`).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Tape, as_program, on_pty, on_tcp};
use crate::config::devices::{At, DeviceConfig, Flow, Framing, Kind};
use crate::device::board::Board;
use crate::device::card::{self, CardTalk, Medium, ShownCard};
use crate::device::event::EventLog;
use crate::device::far_end::{PATIENCE, Pty, until};
use crate::device::record::shape_of;
use crate::device::record::text::NOBODYS_NUMBER;
use crate::device::{
    Asker, DeviceState, Hub, PrintOptions, PrintOutcome, Proof, ROLE_ID_CARD, ROLE_RECEIPT,
    ROLE_SCANNER,
};
use crate::document::{Align, Block, Document, Style};

/// A receipt whose paper ends in the middle.
const RECEIPT: &str = include_str!("../printer/recordings/escpos.txt");

#[tokio::test]
async fn a_serial_scanner() {
    let tape = Tape::parse(include_str!("../scanner/recordings/serial.txt"));
    let mut line = Pty::open();
    let framing = Framing::default();
    let kind = Kind::SerialScanner {
        at: At::Path(line.path().into()),
        baud: 9_600,
        framing,
    };
    let hub = hub(&tape, ROLE_SCANNER, kind);
    let place = watch::Sender::new(0);
    let claimed = hub
        .claim_scanner(ROLE_SCANNER, asker(), soon(), place)
        .await;
    let mut lease = claimed.unwrap();
    let mut codes = Vec::new();
    for bytes in tape.came() {
        lease.arm(soon()).await.unwrap();
        line.send(bytes);
        codes.push(lease.read(soon()).await.unwrap().bytes.to_vec());
    }
    codes.dedup();
    let named = b"\xc4\xb3\xc4\xb3\xc4\xb3,000000000000000000";
    assert_eq!(
        codes,
        [
            b"4240000000000000000000000000".to_vec(),
            NOBODYS_NUMBER.to_vec(),
            named.to_vec()
        ]
    );
}

#[tokio::test]
async fn a_receipt_whose_paper_ends_in_the_middle() {
    let tape = Tape::parse(RECEIPT);
    let model = tape.model.clone();
    let shape = shape_of(&Kind::EscPosTcp {
        address: "h:1".into(),
    });
    let (address, playing) = on_tcp(tape, shape);
    let kind = Kind::EscPosTcp { address };
    let hub = Hub::start(vec![DeviceConfig {
        model,
        ..config(ROLE_RECEIPT, kind)
    }]);
    // A printer on TCP is not called at the start: the owner's first glance at the clock is over before ours is.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let state = hub.printer_state(ROLE_RECEIPT).await;
    is_printed(&hub, playing).await;
    assert!(state.unwrap().trouble().is_none());
}

/// The bytes are the same on every line.
#[tokio::test]
async fn a_receipt_on_a_serial_line() {
    let tape = Tape::parse(RECEIPT);
    let (line, model) = (Pty::open(), tape.model.clone());
    let kind = Kind::EscPosSerial {
        at: At::Path(line.path().into()),
        baud: 115_200,
        flow: Flow::None,
    };
    let playing = on_pty(tape, shape_of(&kind), line);
    let hub = Hub::start(vec![DeviceConfig {
        model,
        ..config(ROLE_RECEIPT, kind)
    }]);
    until(&hub, "played", |it| it.state == DeviceState::Ready).await;
    is_printed(&hub, playing).await;
}

/// The receipt of the recording, to its end.
async fn is_printed<T>(hub: &Hub, playing: JoinHandle<T>) {
    let line = |text: &str| Block::Text {
        text: text.into(),
        style: Style::default(),
        align: Align::Left,
    };
    let blocks = vec![
        line("测试小票"),
        line("姓名：某某某"),
        line("证件：000000000000000000"),
        line("合计：￥0.00"),
        line("仅供核对，不作报销凭证"),
        Block::Cut,
    ];
    let document = Document {
        title: "小票".into(),
        blocks,
    };
    let options = PrintOptions {
        deadline: soon(),
        want_proof: true,
        plus_line_time: false,
    };
    let outcome = hub.print(ROLE_RECEIPT, "job", &document, options).await;
    playing
        .join()
        .expect("what the printer heard is what is recorded");
    let proof = Proof::ProcessId;
    assert_eq!(outcome, PrintOutcome::Printed { proof });
    let told = hub.list().remove(0).last_error.map(|(code, _)| code);
    assert_eq!(told, Some(crate::book::Code::PaperOut));
}

#[tokio::test]
async fn a_resident_card() {
    let tape = Tape::parse(include_str!("../card/recordings/resident.txt"));
    assert_eq!(tape.kind, "id-card-serial");
    reads_a_resident_card(tape).await;
}

/// The bytes are the same on every line.
#[tokio::test]
async fn what_was_recorded_of_a_resident_card_on_usb() {
    let tape = Tape::parse(include_str!("../card/recordings/resident-usb.txt"));
    assert_eq!(tape.kind, "id-card-usb");
    reads_a_resident_card(tape).await;
}

async fn reads_a_resident_card(tape: Tape) {
    let line = Pty::open();
    let kind = Kind::IdCardSerial {
        at: At::Path(line.path().into()),
        baud: 115_200,
    };
    let shape = shape_of(&kind);
    let hub = Hub::start(vec![config(ROLE_ID_CARD, kind)]);
    let playing = on_pty(tape, shape, line);
    until(&hub, "played", |it| it.state == DeviceState::Ready).await;
    let wanted = [Medium::ResidentId];
    let place = watch::Sender::new(0);
    let claimed = hub.claim_card(None, &wanted, asker(), soon(), place).await;
    let mut lease = claimed.unwrap();
    lease.arm(&wanted, soon()).await.unwrap();
    let shown = lease.read().await.unwrap();
    is_nobodys(&shown);
    assert_eq!(shown.resident.unwrap().photo.expose(), [0; 1_024]);
    playing
        .join()
        .expect("what the reader heard is what is recorded");
}

#[tokio::test]
async fn a_social_card() {
    let tape = Tape::parse(include_str!("../card/recordings/social.txt"));
    let dir = tempfile::tempdir().unwrap();
    let (program, playing) = as_program(tape, Box::<CardTalk>::default(), dir.path());
    let kind = Kind::PcscReader {
        reader: Some("Reader 1".into()),
        keypad: None,
    };
    let config = config("card", kind);
    let board = Arc::new(Board::new(config, Arc::new(EventLog::new())));
    let reader = card::start_with(program, Some("Reader 1".into()), None, board);
    let wanted = [Medium::SocialCard];
    let claimed = reader.claim(asker(), soon(), watch::Sender::new(0)).await;
    let mut lease = claimed.unwrap();
    lease.arm(&wanted, soon()).await.unwrap();
    let shown = lease.read().await.unwrap();
    is_nobodys(&shown);
    assert_eq!(shown.card_no.expose(), "A00000000");
    assert_eq!(shown.version, "2.00");
    playing
        .join()
        .expect("what the program heard is what is recorded");
}

fn is_nobodys(shown: &ShownCard) {
    assert_eq!(shown.certno.expose().as_bytes(), NOBODYS_NUMBER);
    assert_eq!(shown.name.expose(), "某某某");
    assert_eq!(shown.valid_from, "2020-01-31");
}

fn hub(tape: &Tape, role: &str, kind: Kind) -> Hub {
    let hub = Hub::start(vec![config(role, kind)]);
    assert_eq!(hub.list()[0].kind, tape.kind);
    hub
}

fn config(role: &str, kind: Kind) -> DeviceConfig {
    DeviceConfig {
        name: "played".into(),
        role: role.into(),
        kind,
        model: None,
    }
}

fn asker() -> Asker {
    Asker {
        stream: "replay".into(),
        what: "test".into(),
        by: String::new(),
    }
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
