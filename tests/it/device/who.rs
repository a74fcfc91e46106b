//! `yibaoctl device who` and `device release`: who has a device, until when, and how it is taken away.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use yibaod::api::claim_response::Update;
use yibaod::api::{ClaimEnd, ClaimRequest, DeviceState};

use super::claim::{claim, next};
use super::{device, devices, until_held, until_state};
use crate::desk::{Desk, Setup, eventually};
use crate::identify::rights::{as_stranger, open_to_all};
use crate::print::{hasty, print};

/// What the desk's claims here are leased for.
const LEASE_MS: u32 = 120_000;
/// A clock read at two ends, on a busy machine.
const LATE_S_MAX: i64 = 30;

async fn yibaoctl(desk: &Desk, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket()).args(words);
    command.output().await.expect("it starts")
}

async fn who(desk: &Desk) -> Vec<Value> {
    let told = yibaoctl(desk, &["--json", "device", "who"]).await;
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    told["devices"].as_array().expect("a list").clone()
}

/// It is held for about so many seconds.
fn assert_leased(row: &Value, lease_s: i64) {
    let told_s = seconds(&row["heldSince"], &row["heldUntil"]);
    let about = lease_s - LATE_S_MAX..=lease_s + LATE_S_MAX;
    assert!(about.contains(&told_s), "{row}");
}

/// From one time of an RFC 3339 text to another within a day, seconds.
fn seconds(from: &Value, until: &Value) -> i64 {
    let of_day = |at: &Value| {
        let at = at.as_str().expect("a time");
        let clock = at.split('T').nth(1).and_then(|it| it.get(..8));
        let parts = clock
            .unwrap_or_else(|| panic!("{at:?} is no time"))
            .split(':');
        parts.fold(0, |sum, part| {
            sum * 60 + part.parse::<i64>().expect("a number")
        })
    };
    (of_day(until) - of_day(from)).rem_euclid(86_400)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_is_shown_and_release_gives_the_device_to_who_waits() {
    let desk = Desk::start(Setup::default()).await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    assert_eq!(who(&desk).await, Vec::<Value>::new());
    let free = yibaoctl(&desk, &["device", "who"]).await;
    assert!(String::from_utf8_lossy(&free.stdout).contains("没有设备被占用"));

    let mut holder = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    let holder = holder.arg("--socket").arg(desk.socket());
    let holder = holder.args(["device", "scan", "--each"]);
    let mut holder = holder.kill_on_drop(true).spawn().expect("it starts");
    let (held_by, _) = until_held(&desk).await;
    let mut client = devices(&desk).await;
    let second = ClaimRequest {
        lease_ms: LEASE_MS,
        purpose: "the next window".into(),
        ..ClaimRequest::default()
    };
    let mut news = client.claim(second).await.expect("a stream").into_inner();
    assert!(matches!(next(&mut news).await, Update::Waiting(_)));

    let (uid, pid) = (
        rustix::process::geteuid().as_raw(),
        holder.id().expect("it runs"),
    );
    let rows = who(&desk).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!(row["heldBy"], held_by.as_str());
    assert_eq!(row["heldByCaller"], format!("uid:{uid} pid {pid}"));
    assert_eq!(
        (&row["role"], &row["waiting"]),
        (&"scanner".into(), &1.into())
    );
    assert_leased(row, 60);
    let shown = yibaoctl(&desk, &["device", "who"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("yibaoctl") && shown.contains("scanner"),
        "{shown}"
    );

    let released = yibaoctl(&desk, &["device", "release", &held_by]).await;
    assert!(released.status.success(), "{released:?}");
    let Update::Granted(granted) = next(&mut news).await else {
        panic!("the one who waits gets it")
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), holder.wait()).await;
    ended.expect("its stream ended").expect("our child");
    let row = &who(&desk).await[0];
    assert_eq!(row["heldBy"], granted.claim_id.as_str());
    assert_eq!(
        (&row["heldFor"], &row["waiting"]),
        (&"the next window".into(), &0.into())
    );
    assert_leased(row, 120);

    let own = yibaoctl(&desk, &["device", "release", &granted.claim_id]).await;
    assert!(own.status.success(), "{own:?}");
    let Update::Ended(ended) = next(&mut news).await else {
        panic!("it ends")
    };
    assert_eq!(ended.why(), ClaimEnd::Released, "the same caller's");
    assert_eq!(who(&desk).await, Vec::<Value>::new());
    let again = yibaoctl(&desk, &["--json", "device", "release", &granted.claim_id]).await;
    let again: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(again["error"]["name"], "CLAIM_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_the_right_releases_anothers_claim() {
    let desk = Desk::start(Setup::default()).await;
    open_to_all(&desk);
    let (mut news, granted) = claim(&desk, ClaimRequest::default()).await;
    let (code, told) = as_stranger(&desk, &["device", "release", &granted.claim_id]).await;
    // Whose it is, or whether there is one, is not its affair.
    assert_eq!(told["error"]["name"], "CLAIM_UNKNOWN", "{told}");
    assert_eq!(code, Some(2));
    assert_eq!(device(&desk, "scanner").await.held_by, granted.claim_id);
    // Root may take it away from anybody, and its holder is told so.
    let held = tokio::spawn({
        let (dir, socket) = (desk.dir().to_owned(), desk.socket());
        async move {
            let mut command = std::process::Command::new(dir.join("yibaoctl"));
            command
                .arg("--socket")
                .arg(socket)
                .args(["device", "scan", "--each"]);
            std::os::unix::process::CommandExt::uid(&mut command, 65_534);
            let mut command = Command::from(command);
            command
                .kill_on_drop(true)
                .output()
                .await
                .expect("it starts")
        }
    });
    let waits = async || (device(&desk, "scanner").await.waiting == 1).then_some(());
    eventually(waits).await.expect("the stranger waits");
    let claim_id = granted.claim_id;
    let own = yibaoctl(&desk, &["device", "release", &claim_id]).await;
    assert!(own.status.success(), "{own:?}");
    assert!(matches!(next(&mut news).await, Update::Ended(_)));
    let is_strangers = async || {
        let seen = device(&desk, "scanner").await;
        (seen.held_by_caller.starts_with("uid:65534 pid ")).then_some(seen.held_by)
    };
    let theirs = eventually(is_strangers).await.expect("who waited has it");
    let taken = yibaoctl(&desk, &["device", "release", &theirs]).await;
    assert!(taken.status.success(), "{taken:?}");
    let ended = tokio::time::timeout(Duration::from_secs(20), held).await;
    let ended = ended.expect("it ends").expect("its task");
    assert!(!ended.status.success(), "{ended:?}");
}

/// A print job outlives its connection: its caller is told, and no process.
#[tokio::test(flavor = "multi_thread")]
async fn whose_print_job_has_the_printer_is_told() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(40);
    let job = print(
        &desk,
        hasty("long", &["第一行", "第二行", "第三行", "第四行", "第五行"]),
    )
    .await;
    let job = job.expect("taken");
    let has_it = async || {
        let seen = device(&desk, "receipt").await;
        (seen.held_by == job.job_id).then_some(seen)
    };
    let seen = eventually(has_it).await.expect("it prints");
    let uid = rustix::process::geteuid().as_raw();
    assert_eq!(seen.held_by_caller, format!("uid:{uid}"));
    assert_eq!(
        (seen.held_for.as_str(), seen.held_until.as_str()),
        ("print", "")
    );
    desk.printer.refill();
}
