//! The log in systemd's journal: fields, nobody's name, and a journal that stands still stops nothing.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use yibaod::api::Money;
use yibaod::book::Code;
use yibaod::sandbox::platform::{Options, Platform};

use super::{ctl, told};
use crate::callers::{answer_of, calling};
use crate::desk::{Desk, Setup, Shows, bill, refusal};
use crate::doors::{TOKEN, tcp};

/// Puts the folder $JOURNAL where journald's sockets are, for this program alone.
const IN_ITS_PLACE: &str = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
                            mount --bind \"$JOURNAL\" /run/systemd/journal && exec \"$@\"";
/// Nothing for so long: all was read.
const QUIET_MS: u64 = 500;
/// Calls of one that has no right to them.
const FLOOD: usize = 30;
/// Longest datagram.
const DATAGRAM_BYTES_MAX: usize = 256 * 1024;

/// What stands where journald listens.
pub(super) struct Journal {
    socket: UnixDatagram,
    dir: TempDir,
}

impl Journal {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(dir.path().join("socket")).expect("a socket");
        let quiet = Duration::from_millis(QUIET_MS);
        socket.set_read_timeout(Some(quiet)).expect("a socket");
        Self { socket, dir }
    }

    /// A desk whose daemon writes here.
    async fn desk(&self, level: &str) -> Desk {
        self.desk_with(level, String::new()).await
    }

    pub(super) async fn desk_with(&self, level: &str, config_more: String) -> Desk {
        let set = |name: &str, value: String| (name.to_owned(), value);
        let platform = Platform::start(Options::default())
            .await
            .expect("a free port");
        let setup = Setup {
            env: vec![
                set("YIBAO_LOG_TO", "journal".to_owned()),
                set("YIBAO_LOG", level.to_owned()),
                set("JOURNAL", self.dir.path().display().to_string()),
            ],
            config_more,
            ..Setup::default()
        };
        let mut desk = Desk::prepare(std::sync::Arc::new(platform), setup);
        desk.start_daemon_under(&Self::place()).await;
        desk
    }

    /// Before the daemon's words, so that it finds this folder where journald's is.
    fn place() -> [&'static str; 8] {
        [
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-c",
            IN_ITS_PLACE,
            "sh",
        ]
    }

    /// Reads, as journald does, until it is told that nothing more comes, and then all that is there.
    pub(super) fn follow(&self) -> Reader {
        let socket = self.socket.try_clone().expect("a descriptor");
        let (enough, over) = mpsc::channel::<()>();
        let entries = std::thread::spawn(move || {
            let mut all = Vec::new();
            let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
            loop {
                // Whether it was over before it was quiet.
                let is_over = over.try_recv() == Err(mpsc::TryRecvError::Disconnected);
                match socket.recv(&mut bytes) {
                    Ok(length) => all.push(bytes[..length].to_vec()),
                    Err(_) if is_over => return all,
                    Err(_) => {}
                }
            }
        });
        Reader { enough, entries }
    }

    /// Puts it into the log that is looked through for names in the end.
    pub(super) fn keep(&self, desk: &Desk, entries: &[Vec<u8>]) {
        let path = desk.dir().join("daemon.log");
        let log = std::fs::OpenOptions::new().append(true).open(path);
        log.expect("its log")
            .write_all(&entries.join(&b'\n'))
            .expect("its log");
    }
}

pub(super) struct Reader {
    /// Only ever dropped.
    enough: mpsc::Sender<()>,
    entries: JoinHandle<Vec<Vec<u8>>>,
}

impl Reader {
    /// What was sent, once it is quiet.
    pub(super) fn end(self) -> Vec<Vec<u8>> {
        drop(self.enough);
        tokio::task::block_in_place(|| self.entries.join().expect("no panic"))
    }
}

/// A field of an entry, in either of its two forms.
pub(super) fn field(entry: &[u8], name: &str) -> Option<String> {
    let mut rest = entry;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        let (key, value, next) = match line.iter().position(|b| *b == b'=') {
            Some(at) => (&line[..at], &line[at + 1..], after),
            None => {
                let length = u64::from_le_bytes(after.get(..8)?.try_into().ok()?);
                let length = usize::try_from(length).ok()?;
                (line, after.get(8..8 + length)?, after.get(9 + length..)?)
            }
        };
        if key == name.as_bytes() {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        rest = next;
    }
    None
}

async fn pay(desk: &Desk, request_id: &str) -> yibaod::api::Settlement {
    let patient = desk.patient(request_id, &[Shows::fresh("employee")]).await;
    let answer = answer_of(calling(desk, bill(desk, request_id)).await).await;
    patient.abort();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_has_its_fields_and_nobodys_name() {
    let journal = Journal::new();
    let desk = journal.desk("yibaod=debug,warn").await;
    let reader = journal.follow();
    let answer = pay(&desk, "fields").await;
    let mut bad = bill(&desk, "refused");
    bad.bills.clear();
    let refused = desk.scan_and_pay(bad).await.expect_err("nothing is billed");
    assert_eq!(refusal(&refused).name, "EMPTY_BILL");
    let mut all = reader.end();
    journal.keep(&desk, &all);
    all.retain(|entry| !entry.is_empty());
    let with = |name: &str| {
        all.iter()
            .filter_map(|entry| field(entry, name))
            .collect::<Vec<_>>()
    };
    assert!(
        with("SETTLEMENT").contains(&answer.settlement_id),
        "{:?}",
        with("SETTLEMENT")
    );
    assert!(
        with("CALLER")
            .iter()
            .any(|caller| caller.starts_with("uid:"))
    );
    let code = Code::EmptyBill.id().to_owned();
    assert!(with("CODE").contains(&code), "{:?}", with("CODE"));
    assert!(
        with("DEVICE").iter().any(|device| device == "scanner"),
        "{:?}",
        with("DEVICE")
    );
    for entry in &all {
        for name in [
            "MESSAGE",
            "PRIORITY",
            "TARGET",
            "CODE_FILE",
            "CODE_LINE",
            "SYSLOG_IDENTIFIER",
            "VERSION",
        ] {
            assert!(
                field(entry, name).is_some(),
                "no {name}: {}",
                String::from_utf8_lossy(entry)
            );
        }
    }
    let ready = all
        .iter()
        .find(|entry| field(entry, "MESSAGE").is_some_and(|it| it.starts_with("ready ")));
    assert!(
        ready.is_some(),
        "the text has its values: {:?}",
        with("MESSAGE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_who_what_and_why_in_fields_and_a_flood_of_them_is_one_line() {
    let journal = Journal::new();
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = journal.desk_with("yibaod=info,warn", config_more).await;
    let reader = journal.follow();
    for _ in 0..FLOOD {
        let told = list_by_token(address).await;
        assert!(told.contains("E7004"), "{told}");
    }
    let all = reader.end();
    journal.keep(&desk, &all);
    let is_refusal = |entry: &&Vec<u8>| field(entry, "CODE").as_deref() == Some("E7004");
    let refusals: Vec<_> = all.iter().filter(is_refusal).collect();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    for (name, value) in [
        ("CALLER", "token:hall"),
        ("OPERATION", "ListSettlements"),
        ("DOOR", "tcp"),
        ("TOKEN_UID", "0"),
        ("PRIORITY", "4"),
    ] {
        let found = field(refusals[0], name);
        assert_eq!(found.as_deref(), Some(value), "{name}");
    }
}

/// What the settlements' list says to who shows the token.
async fn list_by_token(address: std::net::SocketAddr) -> String {
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["--silent", "--header", "content-type: application/json"]);
    curl.args(["--header", &format!("authorization: Bearer {TOKEN}")]);
    curl.args(["--data", "{}"]);
    let method = "yibao.v1.SettlementService/ListSettlements";
    let told = curl
        .arg(format!("http://{address}/{method}"))
        .output()
        .await;
    String::from_utf8_lossy(&told.expect("curl").stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_stands_still_stops_no_settlement_and_what_is_lost_is_counted() {
    let journal = Journal::new();
    // Everything that any library says: more than the queue takes.
    let desk = journal.desk("trace").await;
    let mut dropped = 0;
    for n in 0..40 {
        let answer = pay(&desk, &format!("still-{n}")).await;
        assert_eq!(answer.money(), Money::Settled);
        dropped = lines_dropped(&desk);
        if n > 0 && dropped > 0 {
            break;
        }
    }
    assert!(dropped > 0, "the queue took all of it");
    println!("{dropped} lines dropped while nobody read");
    // It is read again: the loss is said in the log itself.
    let reader = journal.follow();
    let entries = reader.end();
    journal.keep(&desk, &entries);
    let said = entries
        .iter()
        .filter_map(|entry| field(entry, "DROPPED"))
        .count();
    assert!(
        said > 0,
        "{} entries, none says what was dropped",
        entries.len()
    );
}

/// What the daemon itself said at its end of lines that nobody will read.
const LOST: &str = "lines of the log are lost";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_at_the_end_is_sent_or_counted() {
    let journal = Journal::new();
    let mut desk = journal.desk("trace").await;
    // More than the socket's own queue takes.
    for _ in 0..4 {
        told(&ctl(&desk, &["status"]));
    }
    desk.stop().await;
    let log = desk.log();
    let said = log.lines().find(|line| line.contains(LOST));
    let said = said.unwrap_or_else(|| panic!("not counted: {log}"));
    let lost = said.split_whitespace().find_map(|word| word.parse().ok());
    assert!(lost.is_some_and(|lost: u64| lost > 0), "{said}");
    // Once it is read, the last word comes too.
    desk.start_daemon_under(&Journal::place()).await;
    let reader = journal.follow();
    desk.stop().await;
    let entries = reader.end();
    assert_eq!(desk.log().matches(LOST).count(), 1, "{}", desk.log());
    journal.keep(&desk, &entries);
    let last = entries
        .iter()
        .rev()
        .find_map(|entry| field(entry, "TARGET"));
    assert!(last.is_some(), "{} entries", entries.len());
}

fn lines_dropped(desk: &Desk) -> u64 {
    let status = told(&ctl(desk, &["--json", "status"]));
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let lines = status["logLinesDropped"].as_str().expect("int64 is text");
    lines.parse().expect("a number")
}
