//! The limits, and what they turned away.

use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tonic::transport::{Channel, Endpoint};
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{
    GetMetricsRequest, GetStatusRequest, RefundSettlementRequest, ReloadRequest,
    WatchDevicesRequest,
};
use yibaod::sandbox::platform::{Options, Platform};

use super::Page;
use crate::callers::{calling, next};
use crate::desk::{Desk, Setup, bill, channel, eventually, refusal};
use crate::doors::{TOKEN, tcp};

/// Connections of one caller, as shipped.
const CONNECTIONS: usize = 64;
/// Connections of one caller over TCP that have shown no token yet.
const UNPROVEN: usize = 32;
/// So many more come, twice: on the socket and over TCP.
const MORE: usize = 5;
/// Connections over TCP that begin at once; fewer than one address may have.
const BEGIN_AT_ONCE: usize = 16;

type Daemon = DaemonServiceClient<Channel>;

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_are_what_is_configured_and_change_with_it() {
    let desk = limited().await;
    let page = Page::of(&desk).await;
    for (name, limit) in [
        ("yibaod_calls_per_caller_max", 4.0),
        ("yibaod_waiting_callers_max", 2.0),
        ("yibaod_settlements_max", 1.0),
        ("yibaod_connections_per_caller_max", 64.0),
        ("yibaod_connections_max", 256.0),
    ] {
        assert_eq!(page.number(name, &[]), limit, "{name}");
    }
    change(&desk, "calls_per_caller = 4", "calls_per_caller = 6");
    change(&desk, "settlements = 1", "settlements = 9");
    let told = daemon(&desk).await.reload(ReloadRequest {}).await;
    told.expect("it is right");
    let page = Page::of(&desk).await;
    assert_eq!(page.number("yibaod_calls_per_caller_max", &[]), 6.0);
    assert_eq!(page.number("yibaod_settlements_max", &[]), 9.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_counted_by_its_reason() {
    let desk = limited().await;
    let refused = [("code", "E7005")];
    let counted = "yibaod_calls_refused_total";
    assert_eq!(Page::of(&desk).await.number(counted, &refused), 0.0);

    // One settlement is all that may run: the second is not taken.
    let mut events = desk.watch("limits-1").await;
    let running = calling(&desk, bill(&desk, "limits-1")).await;
    next(&mut events).await.expect("it runs");
    let second = desk.scan_and_pay(bill(&desk, "limits-2")).await;
    let second = second.expect_err("one runs");
    assert_eq!(refusal(&second).name, "TOO_MANY_CALLS");

    // Two calls are open; with these three the last is one too many.
    let line = channel(&desk.socket()).await.expect("its door is open");
    let mut devices = DeviceServiceClient::new(line);
    let mut watching = Vec::new();
    for _ in 0..2 {
        let request = WatchDevicesRequest::default();
        watching.push(devices.watch_devices(request).await.expect("it may"));
    }
    let told = daemon(&desk).await.get_status(GetStatusRequest {}).await;
    let told = told.expect_err("four are open");
    assert_eq!(refusal(&told).name, "TOO_MANY_CALLS");
    drop((watching, devices, events));
    running.abort();
    // Until those have ended nothing more is taken of this caller, and each time is counted.
    let mut more = 0.0;
    let in_turn = async || match metrics(&mut daemon(&desk).await).await {
        Ok(text) => Some(text),
        Err(status) => {
            assert_eq!(refusal(&status).name, "TOO_MANY_CALLS");
            more += 1.0;
            None
        }
    };
    let page = eventually(in_turn).await.expect("they end");
    let page = Page::read(page).await;
    assert_eq!(page.number(counted, &refused), 1.0 + more, "{}", page.text);

    let other = [("code", "E7004")];
    let before = page.number(counted, &other);
    let line = over_tcp(&desk).await;
    let mut settlements = SettlementServiceClient::new(line);
    let mut refund = tonic::Request::new(RefundSettlementRequest::default());
    let bearer = format!("Bearer {TOKEN}").parse().expect("a token");
    refund.metadata_mut().insert("authorization", bearer);
    let told = settlements.refund_settlement(refund).await;
    assert_eq!(refusal(&told.expect_err("a monitor")).name, "NOT_ALLOWED");
    let page = Page::of(&desk).await;
    assert_eq!(page.number(counted, &other), before + 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_and_those_too_many() {
    let desk = limited().await;
    // One that is in asks, whatever becomes of the others.
    let mut keeper = daemon(&desk).await;
    until(&mut keeper, [1, 0]).await;
    let (mut lines, mut tcp) = (Vec::new(), Vec::new());
    for _ in 1..CONNECTIONS {
        lines.push(
            UnixStream::connect(desk.socket())
                .await
                .expect("it listens"),
        );
    }
    until(&mut keeper, [CONNECTIONS, 0]).await;
    for _ in 0..MORE {
        lines.push(
            UnixStream::connect(desk.socket())
                .await
                .expect("it listens"),
        );
    }
    until(&mut keeper, [CONNECTIONS, MORE]).await;
    // Over TCP what has shown no token has a share of its own, a smaller one; no more begin at once than may.
    while tcp.len() < UNPROVEN {
        for _ in 0..BEGIN_AT_ONCE {
            let line = TcpStream::connect(tcp_address(&desk)).await;
            tcp.push(line.expect("it listens"));
        }
        until(&mut keeper, [CONNECTIONS + tcp.len(), MORE]).await;
    }
    for _ in 0..MORE {
        let line = TcpStream::connect(tcp_address(&desk)).await;
        tcp.push(line.expect("it listens"));
    }
    until(&mut keeper, [CONNECTIONS + UNPROVEN, 2 * MORE]).await;
    drop((lines, tcp));
    until(&mut keeper, [1, 2 * MORE]).await;
}

/// Until so many connections are open and so many were refused in all.
async fn until(keeper: &mut Daemon, wanted: [usize; 2]) {
    let mut seen = Page::read(metrics(keeper).await.expect("a page")).await;
    let looks = async || {
        let text = metrics(&mut keeper.clone()).await.expect("a page");
        seen = Page::read(text).await;
        let open = seen.number("yibaod_connections_open", &[]);
        let refused = seen.number("yibaod_connections_refused_total", &[]);
        let wanted = wanted.map(|it| f64::from(u32::try_from(it).expect("a small number")));
        ([open, refused] == wanted).then_some(())
    };
    if eventually(looks).await.is_none() {
        panic!("never {wanted:?}: {}", seen.text);
    }
}

/// With limits that are soon met, and a monitor's token over TCP.
async fn limited() -> Desk {
    let platform = Platform::start(Options::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (config_more, _) = tcp(folder.path(), "monitor");
    let setup = Setup {
        calls_per_caller: 4,
        config_more,
        ..Setup::default()
    };
    let mut desk = Desk::prepare(Arc::new(platform.expect("a free port")), setup);
    let token = folder.path().join("hall.token");
    let kept = desk.dir().join("hall.token");
    std::fs::copy(&token, &kept).expect("its folder");
    let (token, kept) = (token.display().to_string(), kept.display().to_string());
    change(&desk, &token, &kept);
    let limits = "waiting_callers = 2\nsettlements = 1";
    change(&desk, "waiting_callers = 256", limits);
    desk.start_daemon().await;
    desk
}

fn change(desk: &Desk, from: &str, to: &str) {
    let text = std::fs::read_to_string(desk.config()).expect("its file");
    assert!(text.contains(from), "no {from} in {text}");
    std::fs::write(desk.config(), text.replace(from, to)).expect("its folder");
}

fn tcp_address(desk: &Desk) -> std::net::SocketAddr {
    let config: toml::Table = std::fs::read_to_string(desk.config())
        .expect("its file")
        .parse()
        .expect("TOML");
    let address = config["tcp"]["listen"].as_str().expect("a text");
    address.parse().expect("an address")
}

async fn over_tcp(desk: &Desk) -> Channel {
    let url = format!("http://{}", tcp_address(desk));
    let endpoint = Endpoint::from_shared(url).expect("an address");
    endpoint.connect().await.expect("it listens")
}

async fn daemon(desk: &Desk) -> Daemon {
    Daemon::new(channel(&desk.socket()).await.expect("its door is open"))
}

async fn metrics(client: &mut Daemon) -> Result<String, tonic::Status> {
    let told = client.get_metrics(GetMetricsRequest {}).await?;
    Ok(told.into_inner().text)
}
