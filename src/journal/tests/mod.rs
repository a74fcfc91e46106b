//! The journal as its users see it. What the tests share stands here; persons are invented.

mod disk;
mod foreign;
mod links;
mod round;
mod tamper;
mod torn;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use zeroize::Zeroizing;

use super::*;

/// 2026-11-20 10:00 in China.
const AT: i64 = 1_795_140_000_000;
const PERSON: &str = "99010119850101007X";

fn site_key() -> SiteKey {
    SiteKey::from_bytes([0x42; 32])
}

fn desk() -> Desk {
    Desk {
        name: "收费一".to_owned(),
        number: 7,
        machine_id: "a".repeat(32),
    }
}

fn options(dir: &Path) -> Options {
    Options {
        min_free_bytes: 0,
        ballast_bytes: 64 * 1024,
        on_fatal: Arc::new(|reason| panic!("{reason}")),
        on_commit: Arc::new(|_| {}),
        ..Options::new(dir, desk(), site_key())
    }
}

/// A place for a journal; it is made private by the journal itself.
fn place() -> (tempfile::TempDir, PathBuf) {
    let above = tempfile::tempdir().unwrap();
    let dir = above.path().join("journal");
    (above, dir)
}

/// A desk's journal; other rooms' tests begin with one too.
pub(crate) async fn open(dir: &Path) -> Journal {
    Journal::open(options(dir)).await.unwrap().0
}

fn head(stream: &str) -> StreamHead {
    StreamHead {
        kind: "settlement".to_owned(),
        request_id: Some(format!("req-{stream}")),
        caller: "uid:1000".to_owned(),
        body_digest: "d1".to_owned(),
        open: true,
        stuck: false,
        visit: None,
        visit_is_shared: false,
        person: None,
        summary: r#"{"money":"PENDING"}"#.to_owned(),
    }
}

fn event(number: i64) -> NewEvent {
    NewEvent::new("stepped", 1, AT + number, format!(r#"{{"n":{number}}}"#))
}

fn sealed(number: i64, text: &str) -> NewEvent {
    event(number).sealing(Zeroizing::new(text.as_bytes().to_vec()))
}

fn append(stream: &str, events: Vec<NewEvent>) -> Append {
    let stream_name = stream.to_owned();
    Append {
        stream: stream_name,
        after: None,
        events,
        head: head(stream),
        marks: Vec::new(),
    }
}

/// A closed journal with three streams of sealed and plain events, a person and a mark.
async fn written(dir: &Path) {
    let journal = open(dir).await;
    for number in 0..4 {
        for stream in ["a", "b", "c"] {
            let mut one = append(stream, vec![event(number), sealed(number, "张三，测试")]);
            one.head.person = Some(PersonKeyInput::new(PERSON));
            one.head.visit = Some(format!("visit-{stream}"));
            one.marks = vec![("msgid".to_owned(), number)];
            journal.append(one).await.unwrap();
        }
    }
    journal.close().await;
}

/// A connection that can do what nobody should.
fn raw(dir: &Path) -> Connection {
    Connection::open(schema::path_in(dir)).unwrap()
}

/// Bodies and opened seals of a stream, for comparing.
fn texts(events: &[Stored]) -> Vec<(i64, String, String)> {
    let text = |event: &Stored| match &event.sealed {
        Sealed::None => "-".to_owned(),
        Sealed::Open(plain) => String::from_utf8(plain.to_vec()).unwrap(),
        Sealed::Forgotten => "forgotten".to_owned(),
    };
    events
        .iter()
        .map(|event| (event.stream_seq, event.body.clone(), text(event)))
        .collect()
}

fn copy_dir(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
