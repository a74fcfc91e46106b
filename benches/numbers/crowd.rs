//! A caller beside one that calls without a pause.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use yibaod::api::GetStatusRequest;
use yibaod::api::daemon_service_client::DaemonServiceClient;

use super::by_turns;
use super::desk::{Desk, Setup, channel, free_port};
use super::table::{Table, compared};

const TOKEN: &str = "bench-0123456789abcdef0123456789abcdef";
/// Calls of the greedy one at once: twice what one caller may have open.
const GREEDY: usize = 64;
/// As shipped.
const CALLS_PER_CALLER: u32 = 32;

/// Empty calls beside a flood through another door, and (the floor) without it, in rounds that change places.
pub(super) async fn beside_a_flood(table: &mut Table, calls: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (config_more, address) = on_tcp(folder.path());
    let desk = Desk::start(Setup {
        calls_per_caller: CALLS_PER_CALLER,
        config_more,
        ..Setup::default()
    })
    .await;
    let line = channel(&desk.socket()).await.expect("it listens");
    let client = HealthClient::new(line);
    let (go, going) = watch::channel(false);
    let mut flooding = JoinSet::new();
    for _ in 0..GREEDY {
        flooding.spawn(flood(address, going.clone()));
    }
    let spreads = by_turns(calls, async |which| {
        let is_beside = which == 0;
        go.send_if_modified(|now| std::mem::replace(now, is_beside) != is_beside);
        let asked = client.clone().check(HealthCheckRequest::default()).await;
        asked.expect("it answers");
    });
    compared(
        table,
        "call beside a flooding caller · 旁有泛滥调用",
        &spreads.await,
        "p99 ≤ 2 ×",
    );
}

/// TCP with a token, and where it listens.
fn on_tcp(folder: &Path) -> (String, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let file = folder.join("hall.token");
    let mut options = std::fs::File::options();
    let opened = options.write(true).create(true).mode(0o600).open(&file);
    (opened.expect("a folder").write_all(TOKEN.as_bytes())).expect("room");
    let text = format!(
        "[tcp]\nlisten = \"{address}\"\n[[tcp.token]]\nname = \"hall\"\nrole = \"monitor\"\nfile = \"{}\"\n",
        file.display()
    );
    (text, address)
}

/// Calls without a pause while it may.
async fn flood(address: SocketAddr, mut going: watch::Receiver<bool>) {
    let bearer: MetadataValue<_> = format!("Bearer {TOKEN}").parse().expect("a token");
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let mut client = DaemonServiceClient::new(endpoint.connect().await.expect("it listens"));
    while going.wait_for(|&go| go).await.is_ok() {
        let mut request = tonic::Request::new(GetStatusRequest {});
        let metadata = request.metadata_mut();
        metadata.insert("authorization", bearer.clone());
        // Most are refused: the caller has more calls open than it may.
        client.get_status(request).await.ok();
    }
}
