//! A printer of other makers reads and draws what the daemon sends as the daemon's own preview says, and its troubles are
//! understood. emupos knows no Chinese mode and no process ids: it has the bytes of Chinese characters but not their
//! shapes, and the proof is the queued status answer.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use yibaod::api::print_block::Block;
use yibaod::api::print_request::Content;
use yibaod::api::watch_devices_response::Update;
use yibaod::api::{
    DeviceChange, PaperProof, PreviewRequest, PreviewResponse, PrintAlign, PrintBarCode,
    PrintBarCodeKind, PrintBlock, PrintCell, PrintColumns, PrintDocument, PrintDrawer,
    PrintJobState as State, PrintQr, PrintRequest, PrintRule, PrintStyle, PrintText,
    WatchDevicesRequest, WatchDevicesResponse,
};
use yibaod::document::Bitmap;
use yibaod::ipc::convert::picture;

use super::emupos::Emupos;
use super::{client, document, hasty, print, request, text, until, until_state, why};
use crate::desk::{Desk, Setup};
use crate::device::devices;

/// Longest wait for an event.
const EVENT_S_MAX: u64 = 30;
/// Rows of a line of text, and of a bar code without its letters.
const LINE_ROWS: usize = 30;
const BAR_ROWS: usize = 80;

/// A desk whose receipt printer listens at this port.
async fn desk_at(port: u16) -> Desk {
    desk_of("gb18030-80", port).await
}

/// The same; the printer is taken for this model.
async fn desk_of(model: &str, port: u16) -> Desk {
    let printer = format!(
        "[[device]]\nname = \"printer\"\nrole = \"receipt\"\nkind = \"escpos-tcp\"\n\
         model = \"{model}\"\naddress = \"127.0.0.1:{port}\"\n"
    );
    let setup = Setup {
        no_printer: true,
        config_more: printer,
        ..Setup::default()
    };
    Desk::start(setup).await
}

fn block(block: Block) -> PrintBlock {
    PrintBlock { block: Some(block) }
}

fn styled(text: &str, style: PrintStyle, align: PrintAlign) -> PrintBlock {
    block(Block::Text(PrintText {
        text: text.to_owned(),
        style: Some(style),
        align: align.into(),
    }))
}

fn row(cells: [(&str, PrintAlign); 3]) -> PrintBlock {
    let cells = cells.map(|(text, align)| PrintCell {
        text: text.to_owned(),
        share: 1,
        align: align.into(),
    });
    block(Block::Columns(PrintColumns {
        cells: cells.into(),
        style: None,
    }))
}

fn qr(data: &str) -> PrintBlock {
    block(Block::Qr(PrintQr {
        data: data.to_owned(),
        module_dots: 5,
    }))
}

fn bar_code(kind: PrintBarCodeKind, data: &str) -> PrintBlock {
    block(Block::BarCode(PrintBarCode {
        kind: kind.into(),
        data: data.to_owned(),
        ..PrintBarCode::default()
    }))
}

/// These blocks, cut.
fn paper(blocks: Vec<PrintBlock>) -> PrintDocument {
    let mut document = document(&[]);
    document.blocks = blocks.into_iter().chain(document.blocks).collect();
    document
}

async fn preview(desk: &Desk, document: &PrintDocument) -> PreviewResponse {
    let wish = PreviewRequest {
        role: String::new(),
        document: Some(document.clone()),
    };
    let shown = client(desk).await.preview(wish).await;
    shown.expect("a preview").into_inner()
}

/// Prints it, proven.
async fn proven(desk: &Desk, request_id: &str, document: PrintDocument) {
    let wish = PrintRequest {
        content: Some(Content::Document(document)),
        ..request(request_id, &[])
    };
    let told = print(desk, wish).await.expect("it is taken");
    assert_eq!(
        (told.state(), told.proof()),
        (State::Printed, PaperProof::Status),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_maker_reads_the_words_of_the_preview() {
    let emupos = Emupos::start().await;
    let desk = desk_at(emupos.port()).await;
    let large = PrintStyle {
        wide: true,
        high: true,
        bold: true,
        ..PrintStyle::default()
    };
    let (left, right) = (PrintAlign::Left, PrintAlign::Right);
    let long =
        "本次就诊的费用由医保基金支付一部分，其余由个人账户与现金支付，请核对无误后离开窗口。"
            .repeat(3);
    let document = paper(vec![
        styled("测试医院收费小票", large, PrintAlign::Center),
        block(Block::Rule(PrintRule { thick: true })),
        row([
            ("阿莫西林胶囊0.25g×24粒", left),
            ("2盒", right),
            ("¥25.00", right),
        ]),
        styled("合计 25.00", PrintStyle::default(), right),
        text(&long),
        text("㐀 是扩展区的四字节汉字"),
        block(Block::Rule(PrintRule { thick: false })),
        qr("医保结算 A-12"),
        block(Block::Drawer(PrintDrawer { pin: 1 })),
    ]);
    let shown = preview(&desk, &document).await;
    proven(&desk, "words", document).await;
    let papers = emupos.papers(1).await;
    // What moves no ink stands in the preview only.
    let expected = shown
        .text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("[drawer") && !line.starts_with("- - -"));
    let expected: Vec<String> = expected.map(|line| line.replace("[QR ", "[qr ")).collect();
    let read: Vec<&str> = papers[0].lines.iter().map(String::as_str).collect();
    assert_eq!(read, expected);
    let said = emupos.said();
    assert_eq!(said.matches("drawer.opened").count(), 1, "{said}");
    assert!(said.contains("cut"), "{said}");
    assert!(!said.contains("command.unknown"), "{said}");
    assert_eq!(emupos.finished().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_maker_draws_the_dots_of_the_preview() {
    draws_the_preview("gb18030-80").await;
}

/// Where the command for QR codes is not known to be one: its dots are sent, and the printer's own alignment moves them.
#[tokio::test(flavor = "multi_thread")]
async fn another_maker_puts_a_qr_code_of_dots_where_the_preview_has_it() {
    draws_the_preview("generic-80").await;
}

async fn draws_the_preview(model: &str) {
    let emupos = Emupos::start().await;
    let desk = desk_of(model, emupos.port()).await;
    // Compared is what is drawn or made of modules: the shapes of letters are each printer's own.
    let document = paper(vec![
        text("\u{9FCD}野家 龘 é"),
        qr("HTTPS://EXAMPLE.ORG/MZ-0012"),
        bar_code(PrintBarCodeKind::Code128, "MZ-20261122-0007"),
        bar_code(PrintBarCodeKind::Ean13, "690123456789"),
    ]);
    let shown = preview(&desk, &document).await;
    assert_eq!((shown.drawn_lines, shown.unprintable), (1, 0));
    proven(&desk, "dots", document).await;
    let papers = emupos.papers(1).await;
    let drawn = picture::read(&papers[0].png).expect("a PNG");
    let expected = picture::read(&shown.png).expect("a PNG");
    assert_eq!((drawn.width, expected.width), (576, 576));
    let rows = |bitmap: &Bitmap, rows: Range<usize>| {
        let bytes = bitmap.row_bytes();
        bitmap.rows[rows.start * bytes..rows.end * bytes].to_vec()
    };
    // The line, 25 modules of five dots, bars; behind the letters the other bars.
    let bars = LINE_ROWS + 125 + BAR_ROWS;
    for drawn_rows in [0..bars, bars + LINE_ROWS..bars + LINE_ROWS + BAR_ROWS] {
        let (one, other) = (
            rows(&drawn, drawn_rows.clone()),
            rows(&expected, drawn_rows),
        );
        let differs = one.iter().zip(&other).position(|(one, other)| one != other);
        let at = differs.map(|byte| (byte % drawn.row_bytes() * 8, byte / drawn.row_bytes()));
        assert_eq!(at, None, "differs at x, y");
        assert!(one.iter().any(|byte| *byte != 0), "there is ink");
    }
}

/// Reads events until this one.
async fn change(events: &mut tonic::Streaming<WatchDevicesResponse>, wanted: DeviceChange) {
    let mut seen = Vec::new();
    loop {
        let next = timeout(Duration::from_secs(EVENT_S_MAX), events.message()).await;
        let next = next.unwrap_or_else(|_| panic!("no {wanted:?}: {seen:?}"));
        match next.expect("the stream holds").expect("it goes on").update {
            Some(Update::Event(event)) if event.change() == wanted => return,
            Some(Update::Event(event)) => seen.push(event.change()),
            Some(Update::Snapshot(_)) | None => {}
        }
    }
}

async fn events(desk: &Desk) -> tonic::Streaming<WatchDevicesResponse> {
    let watch = WatchDevicesRequest { from_seq: 0 };
    let events = devices(desk).await.watch_devices(watch).await;
    events.expect("they can be watched").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_troubles_are_told_and_waited_for() {
    let emupos = Emupos::start().await;
    let desk = desk_at(emupos.port()).await;
    // The first job shows that the printer is there and reports changes.
    proven(&desk, "first", document(&["一"])).await;
    let mut events = events(&desk).await;
    for (at, (fault, begun, over, code)) in [
        (
            "paper-out",
            DeviceChange::PaperOut,
            DeviceChange::PaperOk,
            "PAPER_OUT",
        ),
        (
            "cover-open",
            DeviceChange::CoverOpen,
            DeviceChange::CoverClosed,
            "COVER_OPEN",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        emupos.fail(fault);
        change(&mut events, begun).await;
        print(&desk, hasty(fault, &[fault])).await.expect("taken");
        let told = until(&desk, fault, |job| why(job) == code).await;
        assert_eq!(told.state(), State::Waiting);
        assert_eq!(emupos.finished().len(), at + 1);
        emupos.mend(fault);
        change(&mut events, over).await;
        let told = until_state(&desk, fault, State::Printed).await;
        assert_eq!(told.proof(), PaperProof::Status);
        let papers = emupos.papers(at + 2).await;
        assert_eq!(papers.last().expect("a paper").lines, [fault]);
    }
    emupos.fail("paper-near-end");
    change(&mut events, DeviceChange::PaperLow).await;
    proven(&desk, "low", document(&["四"])).await;
    assert_eq!(emupos.finished().len(), 4, "each came out once");
}

/// A line to the printer that can be held.
struct Valve {
    port: u16,
    /// Bytes that may pass to the printer in all.
    open: Arc<watch::Sender<usize>>,
    passed: watch::Receiver<usize>,
}

impl Valve {
    async fn before(printer: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its own").port();
        let open = Arc::new(watch::Sender::new(usize::MAX));
        let (told, passed) = watch::channel(0);
        let opening = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", printer)).await else {
                    continue;
                };
                let ((near_in, mut near_out), (mut far_in, far_out)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut far_in, &mut near_out).await });
                tokio::spawn(pass(near_in, far_out, opening.subscribe(), told.clone()));
            }
        });
        Self { port, open, passed }
    }
}

/// Byte by byte, as far as it is open.
async fn pass(
    mut near: OwnedReadHalf,
    mut far: OwnedWriteHalf,
    mut open: watch::Receiver<usize>,
    told: watch::Sender<usize>,
) {
    let mut byte = [0];
    while let Ok(1) = near.read(&mut byte).await {
        let passed = *told.borrow();
        if open.wait_for(|limit| *limit > passed).await.is_err()
            || far.write_all(&byte).await.is_err()
        {
            return;
        }
        told.send_modify(|passed| *passed += 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_it_says_why_goes_on_and_prints_once() {
    let emupos = Emupos::start().await;
    let mut valve = Valve::before(emupos.port()).await;
    let desk = desk_at(valve.port).await;
    proven(&desk, "first", document(&["一"])).await;
    let mut events = events(&desk).await;
    for (at, (fault, begun, over, code)) in [
        (
            "paper-out",
            DeviceChange::PaperOut,
            DeviceChange::PaperOk,
            "PAPER_OUT",
        ),
        (
            "cover-open",
            DeviceChange::CoverOpen,
            DeviceChange::CoverClosed,
            "COVER_OPEN",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let lines = ["长长的一行，打到一半"; 40];
        let before = *valve.passed.borrow();
        // Beyond the questions and the job's first lines, far from its end.
        let middle = before + 400;
        valve.open.send_replace(middle);
        print(&desk, hasty(fault, &lines)).await.expect("taken");
        let reached = valve.passed.wait_for(|passed| *passed == middle);
        reached.await.expect("it goes on");
        emupos.fail(fault);
        change(&mut events, begun).await;
        valve.open.send_replace(usize::MAX);
        let told = until(&desk, fault, |job| why(job) == code).await;
        assert_eq!(told.state(), State::Printing);
        assert_eq!(emupos.finished().len(), at + 1, "it is held");
        emupos.mend(fault);
        change(&mut events, over).await;
        let told = until_state(&desk, fault, State::Printed).await;
        assert_eq!((told.proof(), why(&told)), (PaperProof::Status, ""));
        let papers = emupos.papers(at + 2).await;
        assert_eq!(papers.last().expect("a paper").lines, lines);
    }
    assert_eq!(emupos.finished().len(), 3, "each came out once");
}
