//! The disk proofs: what a disk can do to the journal, on the shipped daemon.
//!
//! Nothing acknowledged is lost without a word: a daemon that takes new work has everything it ever
//! acknowledged, and one that has not says so, refuses by name and sends nothing. A full disk has a test of its
//! own (`identity/disk.rs`); the bytes of the log are torn one by one in the journal's own tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use yibaod::api::{PrintWish, ScanAndPayRequest, Settlement};
use yibaod::journal::{self, Identity, SiteKey};
use yibaod::sandbox::platform::{Options, Platform};

use super::record::{Found, Proof, is_long};
use crate::desk::{Desk, Setup, Shows, bill, eventually, refusal, without_paper};

/// Cases at once.
const AT_ONCE: usize = 8;
/// Places of the log at which it is torn, and of both files at which a bit is flipped: short and long form.
const PLACES: usize = 24;
const PLACES_LONG: usize = 400;
/// Syncs and writes of a run between those that fail in the short form; in the long one each does.
const FAILING_STEP: usize = 4;
/// Longest time for a daemon on a failing disk to answer or to end.
const RUN_S_MAX: u64 = 50;
/// The first seed of the places.
const SEED: u64 = 1;

/// What is done to the disk.
#[derive(Clone, Debug)]
enum Harm {
    /// The log ends early: bytes that are left.
    Torn(u64),
    /// A bit of the log is another.
    LogFlipped(u64),
    /// A bit of the database is another.
    DatabaseFlipped(u64),
    /// The database ends early: bytes that are left.
    DatabaseTorn(u64),
    /// An older copy of the whole journal was put back.
    RolledBack,
    /// The journal is gone.
    Gone,
    /// The note of how far it had come is gone: an undamaged journal goes on.
    NoteGone,
    /// That note is torn: the same.
    NoteTorn,
    /// A system call fails from the n-th on, or at the n-th.
    Fails(&'static str, &'static str, usize),
    /// The place is mounted read-only when it starts.
    ReadOnly,
}

/// Two settlements that were answered, and the files as they were after each.
struct Image {
    platform: Arc<Platform>,
    older: tempfile::TempDir,
    newer: tempfile::TempDir,
    /// The newer one, closed: all is in the database, the log is gone.
    closed: tempfile::TempDir,
    one: Settlement,
    two: Settlement,
}

fn setup() -> Setup {
    Setup {
        no_printer: true,
        ..Setup::default()
    }
}

fn request(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    let mut request = bill(desk, request_id);
    request.print = PrintWish::No.into();
    request
}

impl Image {
    async fn taken() -> Self {
        let platform = Platform::start(Options::default())
            .await
            .expect("a free port");
        let platform = Arc::new(platform);
        let mut desk = Desk::start_at(Arc::clone(&platform), setup()).await;
        let shows = [Shows::fresh("employee")];
        let one = desk.pay(request(&desk, "one"), &shows).await;
        desk.assert_charged_once(&one);
        desk.until_idle().await;
        desk.kill();
        let older = copied(&desk.state_dir());
        desk.start_daemon().await;
        let two = desk.pay(request(&desk, "two"), &shows).await;
        desk.assert_charged_once(&two);
        desk.until_idle().await;
        desk.kill();
        let newer = copied(&desk.state_dir());
        desk.start_daemon().await;
        desk.stop().await;
        let closed = copied(&desk.state_dir());
        Self {
            platform,
            older,
            newer,
            closed,
            one,
            two,
        }
    }

    fn log_bytes(&self) -> u64 {
        length(&self.newer.path().join("state/journal/journal.sqlite-wal"))
    }

    fn database_bytes(&self) -> u64 {
        length(&self.closed.path().join("state/journal/journal.sqlite"))
    }

    /// A desk that is not started, on these files with this harm.
    fn harmed(&self, harm: &Harm) -> Desk {
        let desk = Desk::prepare(Arc::clone(&self.platform), setup());
        let state = desk.state_dir();
        let image = match harm {
            Harm::DatabaseFlipped(_) | Harm::DatabaseTorn(_) => &self.closed,
            Harm::Torn(_)
            | Harm::LogFlipped(_)
            | Harm::RolledBack
            | Harm::Gone
            | Harm::NoteGone
            | Harm::NoteTorn
            | Harm::Fails(..)
            | Harm::ReadOnly => &self.newer,
        };
        put(&image.path().join("state"), &state);
        let journal = state.join("journal");
        let (database, log) = (
            journal.join("journal.sqlite"),
            journal.join("journal.sqlite-wal"),
        );
        match harm {
            Harm::Torn(left) => truncate(&log, *left),
            Harm::LogFlipped(bit) => flip(&log, *bit),
            Harm::DatabaseFlipped(bit) => flip(&database, *bit),
            Harm::DatabaseTorn(left) => truncate(&database, *left),
            Harm::RolledBack => put(&self.older.path().join("state/journal"), &journal),
            Harm::Gone => std::fs::remove_dir_all(&journal).expect("it is there"),
            Harm::NoteGone => std::fs::remove_file(note(&desk)).expect("it is there"),
            Harm::NoteTorn => truncate(&note(&desk), 40),
            Harm::Fails(..) | Harm::ReadOnly => {}
        }
        desk
    }
}

fn note(desk: &Desk) -> PathBuf {
    desk.state_dir().join("journal.high-water")
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).expect("it is there").len()
}

fn copied(state: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    put(state, &dir.path().join("state"));
    dir
}

/// A copy in the place of what stands there.
fn put(from: &Path, to: &Path) {
    if to.exists() {
        std::fs::remove_dir_all(to).expect("a test's own");
    }
    let mut copy = std::process::Command::new("cp");
    let copied = copy.arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success());
}

fn truncate(path: &Path, left: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.set_len(left))
        .expect("it is there");
}

fn flip(path: &Path, bit: u64) {
    let mut bytes = std::fs::read(path).expect("it is there");
    let at = usize::try_from(bit / 8).expect("a small file");
    bytes[at] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).expect("it can be written");
}

/// What came of a case: its end in words, and what is wrong with it.
type Ended = (String, Vec<String>);

async fn come_of(image: &Image, harm: &Harm) -> Ended {
    match harm {
        Harm::Fails(call, error, n) => while_it_fails(call, error, *n).await,
        Harm::ReadOnly => read_only(image).await,
        Harm::Torn(_)
        | Harm::LogFlipped(_)
        | Harm::DatabaseFlipped(_)
        | Harm::DatabaseTorn(_)
        | Harm::RolledBack
        | Harm::Gone
        | Harm::NoteGone
        | Harm::NoteTorn => on_what_is_left(image, harm).await,
    }
}

/// Starts on what is left, and looks whether it takes work only when it has everything.
async fn on_what_is_left(image: &Image, harm: &Harm) -> Ended {
    let mut desk = image.harmed(harm);
    let before = image
        .platform
        .ledger(yibaod::sandbox::platform::Ledger::received_count);
    let mut amiss = Vec::new();
    if !desk.try_start_daemon_under(&[]).await {
        let log = desk.log();
        if !log.contains("journal") {
            amiss.push(format!("it does not say why it ended: {log}"));
        }
        return ("did not start".to_owned(), amiss);
    }
    let walked = eventually(async || desk.log().contains("the journal").then_some(())).await;
    assert!(walked.is_some(), "{}", desk.log());
    let has_walked = async || {
        let log = desk.log();
        let words = ["chain holds", "was changed", "could not be walked"];
        words.iter().any(|words| log.contains(words)).then_some(())
    };
    assert!(eventually(has_walked).await.is_some(), "{}", desk.log());
    let status = desk.status().await;
    let end = match status.not_accepting {
        None => {
            for told in [&image.one, &image.two] {
                let kept = desk.get(&told.request_id).await;
                if kept.as_ref().map(without_paper) != Some(without_paper(told)) {
                    amiss.push(format!("{} is lost without a word", told.request_id));
                }
            }
            "accepts, all is there".to_owned()
        }
        Some(why) => {
            let refused = desk.scan_and_pay(request(&desk, "new")).await;
            let name = refused.map_err(|status| refusal(&status).name);
            if name.as_ref().err() != Some(&why.name) {
                amiss.push(format!("status says {}, the call {name:?}", why.name));
            }
            why.name
        }
    };
    let sent = image
        .platform
        .ledger(yibaod::sandbox::platform::Ledger::received_count);
    // No case sends anything: whatever came in is this one's or a neighbour's fault.
    if sent != before {
        amiss.push("something was sent".to_owned());
    }
    (end, amiss)
}

/// What must come of it, where only one end is right.
fn expected(harm: &Harm) -> Option<&'static str> {
    match harm {
        Harm::RolledBack | Harm::Gone => Some("JOURNAL_ROLLED_BACK"),
        Harm::NoteGone | Harm::NoteTorn => Some("accepts, all is there"),
        Harm::ReadOnly => Some("did not start"),
        Harm::Torn(_)
        | Harm::LogFlipped(_)
        | Harm::DatabaseFlipped(_)
        | Harm::DatabaseTorn(_)
        | Harm::Fails(..) => None,
    }
}

async fn read_only(image: &Image) -> Ended {
    let mut desk = image.harmed(&Harm::ReadOnly);
    let dir = desk.state_dir().display().to_string();
    let mount = format!("mount --bind {dir} {dir} && mount -o remount,ro,bind {dir}");
    let shell = format!("{mount} && exec \"$@\"");
    let mut words = vec!["unshare", "--mount"];
    if !rustix::process::geteuid().is_root() {
        words.push("--map-root-user");
    }
    words.extend(["sh", "-c", &shell, "sh"]);
    if desk.try_start_daemon_under(&words).await {
        return ("started".to_owned(), vec!["on a read-only disk".to_owned()]);
    }
    let log = desk.log();
    let mut amiss = Vec::new();
    if !log.contains("journal") || !log.contains("Read-only file system") {
        amiss.push(format!("it does not say why: {log}"));
    }
    ("did not start".to_owned(), amiss)
}

/// One settlement while a system call fails; then the same desk on a sound disk must tell the truth.
async fn while_it_fails(call: &str, error: &str, n: usize) -> Ended {
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    let mut desk = Desk::prepare(Arc::new(platform), setup());
    // A write that cannot be done cannot be done again; a sync fails once.
    let from = if call == "fdatasync" { "" } else { "+" };
    let inject = format!("inject={call}:error={error}:when={n}{from}");
    let trace = format!("trace={call}");
    let tracer = [
        "strace",
        "-f",
        "-qq",
        "-e",
        &trace,
        "-e",
        &inject,
        "-o",
        "/dev/null",
    ];
    let mut told = None;
    if desk.try_start_daemon_under(&tracer).await {
        let patient = desk.patient("failing", &[Shows::fresh("employee")]).await;
        let call = desk.scan_and_pay(request(&desk, "failing"));
        let answer = tokio::time::timeout(Duration::from_secs(RUN_S_MAX), call).await;
        patient.abort();
        told = answer.ok().and_then(Result::ok);
    }
    desk.kill();
    desk.start_daemon().await;
    let truth = desk.truth("failing").await;
    let mut amiss = Vec::new();
    if desk.received("2207") > 1 {
        amiss.push(format!("{} settling calls", desk.received("2207")));
    }
    if let Some(told) = told
        && truth.as_ref().map(Settlement::money) != Some(told.money())
        && !matches!(
            told.money(),
            yibaod::api::Money::Pending | yibaod::api::Money::Unknown
        )
    {
        amiss.push(format!("it told {:?}, now {truth:?}", told.money()));
    }
    let end = truth.map_or("never accepted", |truth| truth.money().as_str_name());
    (end.to_owned(), amiss)
}

/// How often a system call is made by a whole settlement.
async fn calls_of_one_settlement(call: &str) -> usize {
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    let mut desk = Desk::prepare(Arc::new(platform), setup());
    let trace = desk.dir().join("calls.txt").display().to_string();
    let traced = format!("trace={call}");
    desk.start_daemon_under(&["strace", "-f", "-qq", "-e", &traced, "-o", &trace])
        .await;
    let shows = [Shows::fresh("employee")];
    let settled = desk.pay(request(&desk, "dry"), &shows).await;
    desk.assert_charged_once(&settled);
    desk.kill();
    let text = std::fs::read_to_string(trace).expect("the tracer wrote it");
    let begun = format!("{call}(");
    text.lines().filter(|line| line.contains(&begun)).count()
}

async fn harms(image: &Image) -> Vec<Harm> {
    let places = if is_long() { PLACES_LONG } else { PLACES };
    let step = if is_long() { 1 } else { FAILING_STEP };
    let mut harms = vec![
        Harm::RolledBack,
        Harm::Gone,
        Harm::NoteGone,
        Harm::NoteTorn,
        Harm::ReadOnly,
    ];
    let (log, database) = (image.log_bytes(), image.database_bytes());
    for seed in (SEED..).take(places) {
        let drawn = super::network::mixed(seed);
        harms.push(Harm::Torn(drawn % log));
        harms.push(Harm::LogFlipped(drawn.rotate_left(21) % (log * 8)));
        harms.push(Harm::DatabaseFlipped(
            drawn.rotate_left(42) % (database * 8),
        ));
        harms.push(Harm::DatabaseTorn(drawn.rotate_left(11) % database));
    }
    for (call, errors) in [
        ("fdatasync", ["EIO", "ENOSPC"]),
        ("pwrite64", ["EROFS", "ENOSPC"]),
    ] {
        let count = calls_of_one_settlement(call).await;
        // Writes are many times as many as syncs.
        let step = if call == "pwrite64" { step * 8 } else { step };
        for (place, n) in (1..=count).step_by(step).enumerate() {
            harms.push(Harm::Fails(call, errors[place % errors.len()], n));
        }
    }
    harms
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_disk_does_nothing_acknowledged_is_lost() {
    let mut proof = Proof::begin(
        "disk",
        "Disk: read-only, failing, torn, flipped, rolled back",
        "磁盘故障：只读、写失败、断尾、翻位、回滚",
    );
    let image = Arc::new(Image::taken().await);
    let harms = harms(&image).await;
    let turn = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (place, harm) in harms.into_iter().enumerate() {
        let (turn, image) = (Arc::clone(&turn), Arc::clone(&image));
        running.spawn(async move {
            let _turn = turn.acquire().await.expect("it is never closed");
            let began = Instant::now();
            let (runtime, done) = (tokio::runtime::Handle::current(), harm.clone());
            let ended =
                tokio::task::spawn_blocking(move || runtime.block_on(come_of(&image, &done)));
            let ended = ended
                .await
                .unwrap_or_else(|error| ("the test gave up".to_owned(), vec![error.to_string()]));
            (place, harm, ended, began.elapsed())
        });
    }
    let mut cases = running.join_all().await;
    cases.sort_by_key(|(place, ..)| *place);
    let mut wrong = Vec::new();
    let count = u64::try_from(cases.len()).expect("few");
    for (_, harm, (end, mut amiss), took) in cases {
        if let Some(expected) = expected(&harm).filter(|expected| *expected != end) {
            amiss.push(format!("not {expected}"));
        }
        proof.cell(&format!("{harm:?}"), &end, "–", took);
        if !amiss.is_empty() {
            wrong.push(format!("{harm:?} ({end}): {}", amiss.join("; ")));
        }
    }
    let places = u64::try_from(if is_long() { PLACES_LONG } else { PLACES }).expect("few");
    proof.end(&Found {
        count,
        failures: u64::try_from(wrong.len()).expect("few"),
        seeds: Some((SEED, SEED + places - 1)),
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_journal_goes_on_when_a_person_has_looked() {
    let image = Image::taken().await;
    let mut desk = image.harmed(&Harm::RolledBack);
    desk.start_daemon().await;
    assert!(!desk.status().await.accepting);
    let refused = desk.scan_and_pay(request(&desk, "two")).await;
    let refused = refused.expect_err("it was charged, and the journal does not know it");
    assert_eq!(refusal(&refused).name, "JOURNAL_ROLLED_BACK");
    assert!(desk.log().contains("lacks records"), "{}", desk.log());
    // What is left can be read.
    assert_eq!(
        desk.get("one").await.as_ref().map(without_paper),
        Some(without_paper(&image.one))
    );
    // Of what is missing nobody says that it is not there.
    let mut client = desk.settlements().await;
    let key = Some(yibaod::api::get_settlement_request::Key::RequestId(
        "two".to_owned(),
    ));
    let asked = client
        .get_settlement(yibaod::api::GetSettlementRequest { key })
        .await;
    let refused = refusal(&asked.expect_err("the journal does not know it"));
    assert_eq!(refused.name, "JOURNAL_ROLLED_BACK");
    desk.stop().await;
    // Starting again makes it no younger.
    desk.start_daemon().await;
    assert!(!desk.status().await.accepting);
    desk.stop().await;

    let machine_id = std::fs::read_to_string("/etc/machine-id").expect("a machine has an id");
    let ours = journal::Desk {
        name: "测试窗口".to_owned(),
        number: setup().desk_number,
        machine_id: machine_id.trim().to_owned(),
    };
    let key = SiteKey::load(&desk.dir().join("site.key")).expect("the site key");
    let dir = desk.state_dir().join("journal");
    let found = journal::adopt(&dir, &ours, &key).expect("it can be adopted");
    assert!(matches!(found, Identity::RolledBack { had_seq, last_seq } if had_seq > last_seq));
    desk.start_daemon().await;
    let shows = [Shows::fresh("employee")];
    let three = desk.pay(request(&desk, "three"), &shows).await;
    desk.assert_charged_once(&three);
    assert!(desk.status().await.accepting);
}
