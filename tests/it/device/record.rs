//! `yibaoctl device record` and `device test` on a running desk: what is recorded has nobody in it.
//!
//! The recordings lie in `target/tmp/recordings` afterwards; those that drivers replay in their own tests were made so.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use yibaod::api::{PrintJobState, ScanRequest};
use yibaod::sandbox::devices::card::IdCardReader;
use yibaod::sandbox::devices::scanner::Terminator;
use yibaod::sandbox::persons::Person;

use super::{devices, until_held};
use crate::desk::{Desk, Setup, eventually};

/// Longest wait for a line.
const LINE_S_MAX: u64 = 20;
/// Digits in a row that would give somebody away.
const WINDOW: usize = 6;
/// The number that stands for all others.
const NOBODYS_NUMBER: &str = "110101190001011009";

/// A running `yibaoctl device record`.
pub(crate) struct Recording {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    file: PathBuf,
}

impl Recording {
    /// Begins; returns when it listens.
    pub(crate) async fn begin(desk: &Desk, device: &str, name: &str) -> Self {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("recordings");
        std::fs::create_dir_all(&dir).expect("a folder");
        let file = dir.join(format!("{name}.txt"));
        std::fs::remove_file(&file).ok();
        let out = file.display().to_string();
        let mut child = ctl(desk, &["device", "record", device, "--out", &out]);
        let mut child = child.stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its pipe")).lines();
        let mut recording = Self { child, lines, file };
        recording.until(|line| line.starts_with("kind ")).await;
        recording
    }

    /// Waits for a line.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let next = timeout(Duration::from_secs(LINE_S_MAX), self.lines.next_line()).await;
            let line = next.expect("in time").expect("a line").expect("it goes on");
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Ctrl-C; what it wrote.
    pub(crate) async fn end(mut self) -> String {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid
            .and_then(rustix::process::Pid::from_raw)
            .expect("it runs");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
        let ended = self.child.wait().await.expect("its child");
        assert!(ended.success(), "{ended}");
        std::fs::read_to_string(&self.file).expect("its file")
    }
}

/// `yibaoctl` with these words.
fn ctl(desk: &Desk, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    let socket = desk.socket();
    command.arg("--socket").arg(socket).args(words);
    command.kill_on_drop(true);
    command
}

/// The bytes of a recording, one after the other, and the recording itself.
fn bytes_of(recording: &str) -> Vec<u8> {
    let mut all = recording.as_bytes().to_vec();
    for line in recording.lines() {
        let payload = line.split_once(" < ").or_else(|| line.split_once(" > "));
        let Some((_, payload)) = payload else {
            continue;
        };
        let digits = payload
            .split('|')
            .next()
            .unwrap_or_default()
            .replace(' ', "");
        all.extend(hex::decode(digits).unwrap_or_default());
    }
    all
}

/// Nothing of this person is in it.
pub(crate) fn innocent(recording: &str, person: &Person, more: &[&str]) {
    let all = bytes_of(recording);
    let has = |needle: &[u8]| all.windows(needle.len()).any(|it| it == needle);
    let (gbk, _, _) = encoding_rs::GB18030.encode(&person.name);
    let utf16: Vec<u8> = person
        .name
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for needle in [
        person.name.as_bytes(),
        &gbk,
        &utf16,
        hex::encode(&gbk).as_bytes(),
    ] {
        assert!(!has(needle), "the name is in it");
    }
    let numbers = [&person.idno, &person.card_no, &person.card_sn].map(String::as_str);
    for number in numbers.iter().chain(more) {
        for window in number.as_bytes().windows(WINDOW) {
            let text = String::from_utf8_lossy(window);
            let zeros = window.iter().filter(|byte| **byte == b'0').count();
            if NOBODYS_NUMBER.contains(&*text) || zeros > WINDOW / 2 {
                continue;
            }
            let wide: Vec<u8> = window.iter().flat_map(|byte| [*byte, 0]).collect();
            for needle in [window, &wide, hex::encode(window).as_bytes()] {
                assert!(!has(needle), "{text} is in it");
            }
        }
    }
}

/// Recordings in the journal.
pub(crate) fn written_down(desk: &Desk) -> i64 {
    let journal = desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(journal, flags).expect("a journal");
    let counted =
        "SELECT count(*) FROM event WHERE kind = 'device_recorded' AND caller LIKE 'uid:%'";
    journal
        .query_row(counted, [], |row| row.get(0))
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_is_recorded_without_its_codes() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk.platform.person("employee").expect("a person");
    let mut recording = Recording::begin(&desk, "scanner", "serial-scanner").await;
    desk.scanner.unplug();
    recording.until(|line| line.ends_with("closed")).await;
    desk.scanner.replug().expect("a pty");
    recording.until(|line| line.ends_with("opened")).await;
    let evoucher = "4243017759283164028817935626";
    let name = encoding_rs::GB18030.encode(&person.name).0.into_owned();
    let named = [&name[..], b",", person.idno.as_bytes()].concat();
    for code in [evoucher.as_bytes(), person.idno.as_bytes(), &named] {
        let mut client = devices(&desk).await;
        let call = tokio::spawn(async move { client.scan(ScanRequest::default()).await });
        until_held(&desk).await;
        let heard = async || {
            desk.scanner.scan(code, Terminator::CrLf).await.ok()?;
            call.is_finished().then_some(())
        };
        eventually(heard).await.expect("the code is heard");
    }
    // The last of them, whose name was two bytes a character.
    recording.until(|line| line.contains(" < c4 b3")).await;
    let told = recording.end().await;
    innocent(&told, &person, &[evoucher]);
    let bytes = bytes_of(&told);
    let has = |text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
    assert!(has(b"4240000000000000000000000000\r\n"), "{told}");
    assert!(has(format!("{NOBODYS_NUMBER}\r\n").as_bytes()), "{told}");
    assert_eq!(written_down(&desk), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_recorded_without_its_patient() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk.platform.person("employee").expect("a person");
    let mut recording = Recording::begin(&desk, "receipt", "escpos-tcp").await;
    desk.printer.paper_out_after(60);
    let named = format!("姓名：{}", person.name);
    let number = format!("证件：{}", person.idno);
    let lines = [
        "测试小票",
        &named,
        &number,
        "合计：￥4.52",
        "仅供核对，不作报销凭证",
    ];
    let request = crate::print::hasty("recorded", &lines);
    crate::print::print(&desk, request).await.expect("taken");
    recording
        .until(|line| line.ends_with("error PAPER_OUT"))
        .await;
    desk.printer.refill();
    let printed = crate::print::until_state(&desk, "recorded", PrintJobState::Printed).await;
    assert_eq!(crate::print::why(&printed), "");
    // The answer that proves it.
    recording
        .until(|line| line.contains(" < ") && line.contains("37 22"))
        .await;
    let told = recording.end().await;
    innocent(&told, &person, &[]);
    assert!(
        told.contains("\nkind escpos-tcp\nmodel epson-tm-80\n"),
        "{told}"
    );
    assert!(told.contains("1d 28 48 06 00 30 30"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_tried_one_after_the_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let reader = IdCardReader::start(dir.path()).expect("a pty");
    let path = reader.path().display();
    let desk = Desk::start(Setup {
        config_more: format!(
            "[[device]]\nname = \"ids\"\nrole = \"id-card\"\nkind = \"id-card-serial\"\npath = \"{path}\"\n"
        ),
        ..Setup::default()
    })
    .await;
    let person = desk.platform.person("resident").expect("a person");
    let mut recording = Recording::begin(&desk, "ids", "id-card-serial").await;
    reader.unplug();
    recording.until(|line| line.ends_with("closed")).await;
    reader.replug().expect("a pty");
    recording.until(|line| line.ends_with("opened")).await;
    recording.until(|line| line.contains(" < ")).await;

    reader.lay(&person);
    let trying = ctl(&desk, &["device", "test", "--wait-s", "20"]).output();
    let (tried, ()) = tokio::join!(trying, async {
        until_held(&desk).await;
        let scanned = async || {
            let code = person.idno.as_bytes();
            desk.scanner.scan(code, Terminator::CrLf).await.ok()?;
            let by = super::holder(&desk).await.0;
            by.is_empty().then_some(())
        };
        eventually(scanned).await.expect("the code is heard");
    });
    let tried = tried.expect("it ran");
    let said = String::from_utf8(tried.stdout).expect("text");
    assert!(tried.status.success(), "{said}");
    for seen in ["CR LF", "process id", "可用 works", "居民身份证"] {
        assert!(said.contains(seen), "{seen}: {said}");
    }
    assert_eq!(
        said.matches("可用 works").count(),
        6,
        "three, told and in the table: {said}"
    );
    assert!(
        !said.contains(&person.name) && !said.contains(&person.idno[6..14]),
        "{said}"
    );
    // Text and photo.
    recording.until(|line| line.len() > 1_000).await;
    innocent(&recording.end().await, &person, &[]);
    assert_eq!(
        written_down(&desk),
        2,
        "the scanner's line was looked at too"
    );

    desk.printer.off();
    let failed = ctl(&desk, &["--json", "device", "test", "receipt"])
        .output()
        .await;
    let failed = failed.expect("it ran");
    let said = String::from_utf8(failed.stdout).expect("text");
    assert_eq!(failed.status.code(), Some(1), "{said}");
    let told: serde_json::Value = serde_json::from_str(&said).expect("one object");
    assert!(told["verdict"] != "works", "{said}");
}
