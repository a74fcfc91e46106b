//! Receipts: making the bytes of one, and how soon the first of them is at the printer.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use yibaod::api::print_block::Block as ApiBlock;
use yibaod::api::print_request::Content;
use yibaod::api::print_service_client::PrintServiceClient;
use yibaod::api::{PrintBlock, PrintCut, PrintDocument, PrintRequest, PrintText};
use yibaod::device::printer::escpos::encode;
use yibaod::device::quirks;
use yibaod::document::{Align, Block, Document, Style};

use super::desk::{Desk, Setup, channel};
use super::table::{Spread, Table, row, us};
use super::{WARM_UP, metric};

const LINES: usize = 40;
const LINE: &str = "统筹基金支付 城镇职工基本医疗保险 128.50 元";
const QR: &str = "https://receipt.example/check?settlement=430100000000000001";
/// That it was accepted, and that it is about to be printed: both are on disk before the first byte leaves.
const COMMITS_BEFORE_INK: u32 = 2;
/// How the bytes of a job begin: the printer is set back. Questions for its status begin otherwise.
const JOB_BEGINS: &[u8] = b"\x1b@";

/// A 40-line receipt with a QR code, from the document to the printer's bytes.
pub(super) fn format(table: &mut Table, papers: usize) {
    let lines = (0..LINES).map(|_| Block::Text {
        text: LINE.to_owned(),
        style: Style::default(),
        align: Align::Left,
    });
    let qr = Block::Qr {
        data: QR.to_owned(),
        module_dots: 6,
    };
    let document = Document {
        title: String::new(),
        blocks: lines.chain([qr, Block::Cut]).collect(),
    };
    let profile = quirks::profile("epson-tm-80").expect("a row");
    let mut took = Vec::new();
    for turn in 0..papers + WARM_UP {
        let began = Instant::now();
        let encoded = encode(&document, profile);
        if turn >= WARM_UP {
            took.push(began.elapsed());
        }
        assert!(encoded.bytes.len() > LINES * LINE.len() / 2);
    }
    let spread = Spread::of(took);
    table.push(row(
        "40-line receipt with QR formatted · 小票排版",
        &spread.shown(),
        "–",
        "–",
        "≤ 200 µs",
    ));
}

/// From the call to the first byte of the job on the printer's wire, and what the disk had of that.
pub(super) async fn first_byte(table: &mut Table, papers: usize) {
    let mut relay = Relay::bind().await;
    let setup = Setup {
        no_printer: true,
        config_more: format!(
            "[[device]]\nname = \"printer\"\nrole = \"receipt\"\nkind = \"escpos-tcp\"\n\
             model = \"epson-tm-80\"\naddress = \"{}\"\n",
            relay.address
        ),
        ..Setup::default()
    };
    let desk = Desk::prepare(super::platform().await, setup);
    relay.lead_to(desk.printer.addr().expect("it is on TCP"));
    let mut desk = desk;
    desk.start_daemon().await;
    let channel = channel(&desk.socket()).await.expect("it listens");
    let mut client = PrintServiceClient::new(channel);
    let sync = |sums: [u64; 2]| Duration::from_micros(sums[0] / sums[1].max(1));
    let mut took = Vec::new();
    let before = commits(&desk).await;
    for turn in 0..papers + WARM_UP {
        relay.forget();
        let request = request(&format!("bench-{turn}"));
        let began = Instant::now();
        let (answer, begun) = tokio::join!(client.print(request), relay.job_begins());
        answer.expect("it is taken");
        if turn >= WARM_UP {
            took.push(begun.duration_since(began));
        }
    }
    let after = commits(&desk).await;
    let sync = sync([after[0] - before[0], after[1] - before[1]]);
    let spread = Spread::of(took);
    let over = spread.middle.saturating_sub(sync * COMMITS_BEFORE_INK);
    table.push(row(
        "print call → first byte at the printer · 首字节",
        &spread.shown(),
        &format!("{COMMITS_BEFORE_INK} commits of {} (mean)", us(sync)),
        &format!("{} over them", us(over)),
        "≤ 1 ms over the syncs",
    ));
}

/// Time and number of the journal's commits.
async fn commits(desk: &Desk) -> [u64; 2] {
    [
        metric(desk, "yibaod_journal_commit_seconds_sum").await,
        metric(desk, "yibaod_journal_commit_seconds_count").await,
    ]
}

fn request(id: &str) -> PrintRequest {
    let text = PrintText {
        text: LINE.to_owned(),
        ..PrintText::default()
    };
    let blocks = [ApiBlock::Text(text), ApiBlock::Cut(PrintCut {})];
    let blocks = blocks.map(|block| PrintBlock { block: Some(block) }).into();
    PrintRequest {
        request_id: id.to_owned(),
        content: Some(Content::Document(PrintDocument {
            blocks,
            ..PrintDocument::default()
        })),
        answer_wait_ms: 20_000,
        ..PrintRequest::default()
    }
}

/// Stands on the wire before the sandbox's printer and notes when a job begins.
struct Relay {
    address: SocketAddr,
    printer: Arc<OnceLock<SocketAddr>>,
    begun: mpsc::UnboundedReceiver<Instant>,
}

impl Relay {
    async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let printer = Arc::new(OnceLock::new());
        let (tell, begun) = mpsc::unbounded_channel();
        let far = Arc::clone(&printer);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = far.get().copied().expect("it leads somewhere");
                tokio::spawn(pass(near, far, tell.clone()));
            }
        });
        Self {
            address,
            printer,
            begun,
        }
    }

    fn lead_to(&self, printer: SocketAddr) {
        self.printer.set(printer).expect("it is led once");
    }

    fn forget(&mut self) {
        while self.begun.try_recv().is_ok() {}
    }

    async fn job_begins(&mut self) -> Instant {
        self.begun.recv().await.expect("it runs")
    }
}

async fn pass(near: TcpStream, far: SocketAddr, begun: mpsc::UnboundedSender<Instant>) {
    let far = TcpStream::connect(far).await.expect("it listens");
    for line in [&near, &far] {
        line.set_nodelay(true).expect("it is TCP");
    }
    let (mut from_host, mut to_host) = near.into_split();
    let (mut from_printer, mut to_printer) = far.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_printer, &mut to_host).await });
    let mut bytes = vec![0; 16_384];
    while let Ok(length @ 1..) = from_host.read(&mut bytes).await {
        let some = &bytes[..length];
        if some.windows(JOB_BEGINS.len()).any(|two| two == JOB_BEGINS) {
            begun.send(Instant::now()).ok();
        }
        to_printer.write_all(some).await.expect("it reads");
    }
}
