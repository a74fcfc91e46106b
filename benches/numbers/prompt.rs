//! What is told or free at once: a printer's word at who watches, a killed program's device at the next in the queue.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tonic::Streaming;
use yibaod::api::claim_response::Update;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::watch_devices_response::Update as Seen;
use yibaod::api::{
    ClaimRequest, DeviceChange, ListDevicesRequest, ReleaseClaimRequest, WatchDevicesRequest,
    WatchDevicesResponse,
};
use yibaod::sandbox::devices::printer::{Options, Printer};

use super::desk::{Desk, Setup, channel};
use super::table::{Spread, Table, row};
use super::{WARM_UP, until};

const BAR: &str = "≤ 50 ms";

/// From the cover that opens or shuts to the program that watches; the printer reports it by itself on a serial line.
pub(super) async fn printer(table: &mut Table, turns: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let printer = Printer::start_pty(folder.path(), Options::default()).expect("a pty");
    let path = printer.path().expect("it has a line").display();
    let setup = Setup {
        no_printer: true,
        config_more: format!(
            "[[device]]\nname = \"printer\"\nrole = \"receipt\"\nkind = \"escpos-serial\"\nbaud = 115200\n\
             model = \"epson-tm-80\"\npath = \"{path}\"\n"
        ),
        ..Setup::default()
    };
    let desk = Desk::prepare(super::platform().await, setup);
    let mut desk = desk;
    desk.start_daemon().await;
    let line = channel(&desk.socket()).await.expect("it listens");
    let mut client = DeviceServiceClient::new(line);
    // From its first event on: it may be ready already.
    let from = WatchDevicesRequest { from_seq: 1 };
    let told = client.watch_devices(from).await.expect("a stream");
    let mut told = told.into_inner();
    until_told(&mut told, DeviceChange::Ready).await;
    let mut times = Vec::with_capacity(turns);
    for turn in 0..turns + WARM_UP {
        let began = Instant::now();
        printer.open_cover();
        until_told(&mut told, DeviceChange::CoverOpen).await;
        let took = began.elapsed();
        printer.close_cover();
        until_told(&mut told, DeviceChange::CoverClosed).await;
        if turn >= WARM_UP {
            times.push(took);
        }
    }
    shown(table, "printer's report → watcher · 打印机状态告知", times);
}

/// Waits for this change of the printer.
async fn until_told(events: &mut Streaming<WatchDevicesResponse>, wanted: DeviceChange) {
    loop {
        let told = events.message().await.expect("it is told");
        let Some(Seen::Event(event)) = told.expect("it lives").update else {
            continue;
        };
        if event.device == "printer" && event.change() == wanted {
            return;
        }
    }
}

/// From the kill of a program that holds the scanner to the word that it is the next one's.
pub(super) async fn killed_holder(table: &mut Table, desk: &Desk, turns: usize) {
    let line = channel(&desk.socket()).await.expect("it listens");
    let mut client = DeviceServiceClient::new(line);
    let mut times = Vec::with_capacity(turns);
    for _ in 0..turns {
        let mut holder = std::process::Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
            .arg("--socket")
            .arg(desk.socket())
            .args(["device", "scan", "--each"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("yibaoctl starts");
        while !is_held(&mut client).await {
            tokio::task::yield_now().await;
        }
        let claim = ClaimRequest {
            role: "scanner".to_owned(),
            purpose: "benchmark".to_owned(),
            ..ClaimRequest::default()
        };
        let mut news = client.claim(claim).await.expect("a stream").into_inner();
        until(&mut news, |it| matches!(it, Update::Waiting(_))).await;
        let began = Instant::now();
        holder.kill().expect("it runs");
        let mut claim_id = String::new();
        until(&mut news, |it| {
            if let Update::Granted(granted) = it {
                claim_id.clone_from(&granted.claim_id);
            }
            !claim_id.is_empty()
        })
        .await;
        times.push(began.elapsed());
        let released = client.release_claim(ReleaseClaimRequest { claim_id }).await;
        released.expect("ours");
        holder.wait().expect("it is dead");
    }
    shown(
        table,
        "holder killed → the next has it · 强杀后释放占用",
        times,
    );
}

async fn is_held(client: &mut DeviceServiceClient<tonic::transport::Channel>) -> bool {
    let listed = client.list_devices(ListDevicesRequest {}).await;
    let devices = listed.expect("a list").into_inner().devices;
    devices
        .iter()
        .any(|device| device.role == "scanner" && !device.held_by.is_empty())
}

fn shown(table: &mut Table, name: &str, times: Vec<Duration>) {
    table.push(row(name, &Spread::of(times).shown(), "–", "–", BAR));
}
