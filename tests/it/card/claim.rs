//! Claims of card readers: held while their holder lives, and not a moment longer; read under by their holder alone.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tonic::Request;
use tonic::transport::Endpoint;
use yibaod::api::claim_response::Update;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::watch_devices_response::Update as Seen;
use yibaod::api::{
    ClaimEnd, ClaimGranted, ClaimRequest, ClaimResponse, Credential, DeviceChange, Money,
    ReadCardRequest, ReleaseClaimRequest, ScanRequest, ShownCard, WatchDevicesRequest,
    WatchDevicesResponse,
};
use yibaod::sandbox::devices::card::Fault;

use super::resident::start_as;
use super::{CardDesk, LONG_MS, devices, is_of, until};
use crate::desk::{Desk, Refusal, Stalls, bill, refusal};
use crate::doors::{TOKEN, tcp};

/// The bar is 50 ms; a busy machine gets ten times that, and what it stood still itself.
const FREE_MS_MAX: u64 = 500;
/// A lease within which a busy machine begins what it must.
const LEASE_MS: u32 = 4_000;
/// Longest wait for news that will come.
const NEWS: Duration = Duration::from_secs(20);

type News = tonic::Streaming<ClaimResponse>;

fn of(role: &str) -> ClaimRequest {
    ClaimRequest {
        role: role.to_owned(),
        purpose: "window 3".to_owned(),
        ..ClaimRequest::default()
    }
}

async fn claim(desk: &Desk, request: ClaimRequest) -> (News, ClaimGranted) {
    let mut client = devices(desk).await;
    let mut news = client.claim(request).await.expect("a stream").into_inner();
    let told = next(&mut news).await;
    let Update::Granted(granted) = told else {
        panic!("not granted: {told:?}")
    };
    (news, granted)
}

async fn next(news: &mut News) -> Update {
    let message = tokio::time::timeout(NEWS, news.message()).await;
    let message = message.expect("news in time").expect("no error");
    message
        .and_then(|it| it.update)
        .expect("the stream goes on")
}

async fn ends(news: &mut News) -> ClaimEnd {
    let told = next(news).await;
    let Update::Ended(ended) = told else {
        panic!("it does not end: {told:?}")
    };
    ended.why()
}

/// Reads a card under a claim; without one when it is empty.
async fn read_under(desk: &Desk, claim_id: &str) -> Result<ShownCard, Refusal> {
    let request = ReadCardRequest {
        wait_ms: LONG_MS,
        claim_id: claim_id.to_owned(),
        ..ReadCardRequest::default()
    };
    match devices(desk).await.read_card(request).await {
        Ok(answer) => Ok(answer.into_inner().card.expect("a card")),
        Err(status) => Err(refusal(&status)),
    }
}

/// Whether each reading was under a claim, as the journal has it.
fn were_claimed(desk: &Desk) -> Vec<bool> {
    let journal = desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(journal, flags).expect("it opens");
    let mut rows = journal
        .prepare("SELECT body FROM event WHERE kind = 'card_read' ORDER BY seq")
        .expect("a journal");
    let bodies = rows.query_map([], |row| row.get::<_, String>(0));
    let bodies = bodies.expect("rows").map(|body| body.expect("a text"));
    bodies
        .map(|body| serde_json::from_str::<serde_json::Value>(&body).expect("JSON"))
        .map(|body| body["claimed"].as_bool().expect("it is said"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_read_under_its_claim_while_another_waits() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    let (mut news, granted) = claim(desk, of("card")).await;
    assert_eq!(granted.device, "cards");
    let held = until(desk, "cards", |device| !device.held_by.is_empty()).await;
    assert_eq!(
        (&held.held_by, held.held_for.as_str()),
        (&granted.claim_id, "window 3")
    );
    let behind = read_under(desk, "");
    let under = async {
        until(desk, "cards", |device| device.waiting == 1).await;
        card_desk.insert("employee", Fault::None);
        let card = read_under(desk, &granted.claim_id).await.expect("a card");
        assert!(is_of(&card, &card_desk.person("employee")));
        // What lies there is read again for the holder, and still not for who waits.
        let again = read_under(desk, &granted.claim_id).await.expect("a card");
        assert!(is_of(&again, &card_desk.person("employee")));
        assert_eq!(were_claimed(desk), [true, true]);
        let claim_id = granted.claim_id.clone();
        let given_back = ReleaseClaimRequest { claim_id };
        let released = devices(desk).await.release_claim(given_back).await;
        released.expect("ours");
        assert_eq!(ends(&mut news).await, ClaimEnd::Released);
    };
    let (behind, ()) = tokio::join!(behind, under);
    let card = behind.expect("its turn has come");
    assert!(is_of(&card, &card_desk.person("employee")));
    assert_eq!(were_claimed(desk), [true, true, false]);
    let over = read_under(desk, &granted.claim_id).await.unwrap_err();
    assert_eq!(over.name, "CLAIM_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_frees_the_card_reader() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    let mut holder = yibaoctl(desk, &["card", "--each"])
        .stdout(Stdio::null())
        .spawn()
        .expect("yibaoctl starts");
    let held = until(desk, "cards", |device| !device.held_by.is_empty()).await;
    assert_eq!(held.held_for, "yibaoctl card");
    let watch = WatchDevicesRequest::default();
    let events = devices(desk).await.watch_devices(watch).await;
    let mut events = events.expect("a stream").into_inner();
    let behind = read_under(desk, "");
    let killed = async {
        until(desk, "cards", |device| device.waiting == 1).await;
        let (killed, stalls) = (Instant::now(), Stalls::watch());
        holder.start_kill().expect("it runs");
        let by = claimed(&mut events).await;
        let took = killed.elapsed();
        assert!(by.starts_with("card-"), "{by}");
        let most = Duration::from_millis(FREE_MS_MAX) + stalls.lost();
        assert!(took <= most, "free after {took:?}, not {most:?}");
        card_desk.insert("employee", Fault::None);
    };
    let (behind, ()) = tokio::join!(behind, killed);
    let card = behind.expect("its turn has come");
    assert!(is_of(&card, &card_desk.person("employee")));
    holder.wait().await.expect("it is dead");
}

/// Who takes the reader next.
async fn claimed(events: &mut tonic::Streaming<WatchDevicesResponse>) -> String {
    loop {
        let seen = tokio::time::timeout(NEWS, events.message()).await;
        let seen = seen.expect("in time").expect("no error").expect("it runs");
        if let Some(Seen::Event(event)) = seen.update
            && event.device == "cards"
            && event.change() == DeviceChange::Claimed
        {
            return event.held_by;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_waits_behind_a_claim_until_its_lease_is_over() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    let silent = ClaimRequest {
        lease_ms: LEASE_MS,
        ..of("card")
    };
    let mut events = desk.watch("behind").await;
    let (mut news, granted) = claim(desk, silent).await;
    assert_eq!(granted.lease_ms, LEASE_MS);
    let mut request = bill(desk, "behind");
    request.credentials = vec![Credential::SocialCard.into()];
    let (answer, ()) = tokio::join!(desk.pay(request, &[]), async {
        loop {
            let event = crate::callers::next(&mut events).await.expect("it runs");
            if event.queue_place == 1 {
                break;
            }
        }
        assert_eq!(ends(&mut news).await, ClaimEnd::LeaseOver);
        card_desk.insert("employee", Fault::None);
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let over = read_under(desk, &granted.claim_id).await.unwrap_err();
    assert_eq!(over.name, "CLAIM_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_card_keeps_its_claim() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    let short = ClaimRequest {
        lease_ms: LEASE_MS,
        ..of("card")
    };
    let (mut news, granted) = claim(desk, short).await;
    let request = ReadCardRequest {
        wait_ms: LEASE_MS + LEASE_MS / 2,
        claim_id: granted.claim_id.clone(),
        ..ReadCardRequest::default()
    };
    let read = devices(desk).await.read_card(request).await;
    let refused = refusal(&read.expect_err("nobody shows a card"));
    assert_eq!(refused.name, "NOBODY_SHOWED_CARD");
    // Silent from here on: that alone ends it.
    assert_eq!(ends(&mut news).await, ClaimEnd::LeaseOver);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_takes_a_claim_away_and_reads_nothing_under_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "admin");
    let (desk, _reader, _line) = super::resident::start_with("id-card", &config_more).await;
    let (mut news, granted) = claim(&desk, of("id-card")).await;
    let address = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel = address.connect().await.expect("it listens");
    let mut admin = DeviceServiceClient::new(channel);
    let claim_id = granted.claim_id;
    let read = admin.read_card(signed(ReadCardRequest {
        claim_id: claim_id.clone(),
        ..ReadCardRequest::default()
    }));
    let read = refusal(&read.await.expect_err("it is another's"));
    assert_eq!(read.name, "CLAIM_UNKNOWN");
    let taken = admin.release_claim(signed(ReleaseClaimRequest { claim_id }));
    taken.await.expect("an admin may");
    assert_eq!(ends(&mut news).await, ClaimEnd::TakenAway);
    let ids = until(&desk, "ids", |device| device.held_by.is_empty()).await;
    assert_eq!(ids.waiting, 0);
}

fn signed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {TOKEN}").parse().expect("a token");
    request.metadata_mut().insert("authorization", bearer);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_claimed_so_is_said() {
    let (desk, _reader, _line) = start_as("id-card-2").await;
    let codes = ClaimRequest {
        codes: true,
        ..of("id-card-2")
    };
    for (request, name, fields, word) in [
        (of("receipt"), "REQUEST_INVALID", "role", "jobs"),
        (codes, "REQUEST_INVALID", "codes", "ReadCard"),
        (of("card"), "CARD_READER_NOT_CONFIGURED", "", ""),
        (of("card-9"), "DEVICE_UNKNOWN", "", ""),
    ] {
        let role = request.role.clone();
        let stream = devices(&desk).await.claim(request).await;
        let mut news = stream.expect("a stream").into_inner();
        let status = news.message().await.expect_err("it never begins");
        let refused = refusal(&status);
        assert_eq!(
            (refused.name.as_str(), refused.fields.as_str()),
            (name, fields),
            "{role}"
        );
        assert!(refused.detail.contains(word), "{refused:?}");
    }
    // A claim is of what it is of.
    let (_reader_news, of_reader) = claim(&desk, of("id-card-2")).await;
    let (_scanner_news, of_scanner) = claim(&desk, of("scanner")).await;
    let read = read_under(&desk, &of_scanner.claim_id).await.unwrap_err();
    assert_eq!(
        (read.name.as_str(), read.fields.as_str()),
        ("REQUEST_INVALID", "claim_id")
    );
    let request = ScanRequest {
        claim_id: of_reader.claim_id,
        ..ScanRequest::default()
    };
    let scan = devices(&desk).await.scan(request).await;
    let scan = refusal(&scan.expect_err("it is a card reader's"));
    assert_eq!(
        (scan.name.as_str(), scan.fields.as_str()),
        ("REQUEST_INVALID", "claim_id")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_lives_through_a_replug() {
    let (desk, reader, _line) = start_as("id-card-2").await;
    let (mut news, granted) = claim(&desk, of("id-card-2")).await;
    for person in ["employee", "resident"] {
        reader.unplug();
        let Update::Presence(gone) = next(&mut news).await else {
            panic!("it went away")
        };
        assert!(!gone.present);
        reader.replug().expect("a pty");
        let Update::Presence(back) = next(&mut news).await else {
            panic!("it came back")
        };
        assert!(back.present);
        let person = desk.platform.person(person).expect("of the sandbox");
        reader.lay(&person);
        let card = read_under(&desk, &granted.claim_id).await.expect("a card");
        assert_eq!(card.certno, person.idno);
        reader.lift();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_card_is_shown_once_until_ctrl_c() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    card_desk.insert("employee", Fault::None);
    let mut holder = yibaoctl(desk, &["--json", "card", "--each", "--unmasked"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("yibaoctl starts");
    let mut lines = BufReader::new(holder.stdout.take().expect("piped")).lines();
    for person in ["employee", "resident"] {
        let line = tokio::time::timeout(NEWS, lines.next_line()).await;
        let line = line.expect("in time").expect("a text").expect("a line");
        let shown: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(shown["card"]["certno"], card_desk.person(person).idno);
        if person == "employee" {
            card_desk.replace("resident", Fault::None).await;
        }
    }
    assert_eq!(were_claimed(desk), [true, true]);
    let pid = holder.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(rustix::process::Pid::from_raw);
    let interrupt = rustix::process::Signal::INT;
    rustix::process::kill_process(pid.expect("it runs"), interrupt).expect("it is ours");
    assert!(holder.wait().await.expect("it ends").success());
    let left = lines.next_line().await.expect("a text");
    assert_eq!(left, None, "a card is shown once");
    until(desk, "cards", |device| device.held_by.is_empty()).await;
}

fn yibaoctl(desk: &Desk, words: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket()).args(words);
    command.stderr(Stdio::null()).kill_on_drop(true);
    command
}
