//! Nobody shuts the door to others: not by questions that polkit leaves unanswered, not by calls over many connections.
//! And what polkit allows is written down.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use zbus::connection::Builder;
use zbus::{Connection, Variant};

use super::world::{CASHIER, MONITOR, OWNER, PATH, TRUSTED, World, answer, said};
use crate::desk::{Setup, eventually};

const NAME: &str = "org.yibaod.Bridge1";
const POLKIT: &str = "org.freedesktop.PolicyKit1";
/// What busctl says of persons: it would let them be asked unless told.
const NOBODY_IS_ASKED: &str = "--allow-interactive-authorization=no";
const SOMEBODY_IS_ASKED: &str = "--allow-interactive-authorization=yes";
/// Questions that may be open for one user.
const QUESTIONS: usize = 2;
/// Connections of a flood and calls on each: more than the door has room for.
const LINES: usize = 40;
const CALLS: usize = 120;
/// Refusals of a caller that does not stop.
const REFUSALS: usize = 40;

/// Has polkit's name and says nothing.
async fn silence(world: &World) -> Connection {
    let polkit = line(world).await;
    let bus = "org.freedesktop.DBus";
    let taken = (polkit.call_method(
        Some(bus),
        "/org/freedesktop/DBus",
        Some(bus),
        "RequestName",
        &(POLKIT, 4_u32),
    ))
    .await
    .expect("root may");
    assert_eq!(taken.body().deserialize::<u32>().expect("a number"), 1);
    polkit
}

async fn line(world: &World) -> Connection {
    let built = Builder::address(world.address().as_str()).build().await;
    built.expect("a bus")
}

/// Asks for what only polkit could allow; gives what was said, in the order in which it was.
async fn ask(world: &World, uids: &[u32], flag: &str, deadline_ms: &str) -> Vec<(u32, String)> {
    let interface = super::interface("Settlement");
    let mut words = vec!["call", "--timeout=60", flag];
    words.extend([NAME, PATH, &interface, "ResolveSettlement"]);
    words.extend(["a{sv}", "1", "deadline_ms", "u", deadline_ms]);
    let calls = uids.iter().map(|uid| {
        let words = &words;
        async move { (*uid, said(&world.busctl(*uid, words).await)) }
    });
    calls.collect::<FuturesUnordered<_>>().collect().await
}

fn who(told: &[(u32, String)], what: &str) -> Vec<u32> {
    let with = told.iter().filter(|(_, told)| told.contains(what));
    with.map(|(uid, _)| *uid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_polkit_leaves_open_are_few_for_each_user() {
    let world = World::start().await;
    let _silent = silence(&world).await;
    let many = [MONITOR; 3 * QUESTIONS];
    let asked = async {
        let told = ask(&world, &many, NOBODY_IS_ASKED, "20000").await;
        // They were told before polkit's time was over, so before the two that waited for it.
        let (first, last) = told.split_at(many.len() - QUESTIONS);
        assert_eq!(who(first, "TOO_MANY_CALLS").len(), first.len(), "{told:?}");
        assert_eq!(
            who(last, "polkit did not answer").len(),
            QUESTIONS,
            "{told:?}"
        );
    };
    let others = async {
        let waits = eventually(async || {
            let log = world.desk.log();
            log.contains("polkit is being asked about 2").then_some(())
        });
        waits.await.expect("the third is refused");
        for uid in [CASHIER, OWNER, MONITOR] {
            let status = world.call(uid, "Daemon", "GetStatus", &[]).await;
            assert_eq!(answer(&status)["accepting"], true, "{uid}");
        }
    };
    // Who asks for itself has questions of its own.
    let another = async {
        let told = ask(&world, &[TRUSTED], NOBODY_IS_ASKED, "20000").await;
        assert_eq!(who(&told, "polkit did not answer"), [TRUSTED], "{told:?}");
    };
    tokio::join!(asked, others, another);
    // A dialog before a person is one at a time, and waits no longer than the caller.
    let told = ask(&world, &[MONITOR; 2], SOMEBODY_IS_ASKED, "4000").await;
    assert!(told[0].1.contains("TOO_MANY_CALLS"), "{told:?}");
    assert!(told[1].1.contains("polkit did not answer"), "{told:?}");
    // Places are given back.
    let told = ask(&world, &[MONITOR; QUESTIONS], NOBODY_IS_ASKED, "1000").await;
    assert_eq!(
        who(&told, "polkit did not answer").len(),
        QUESTIONS,
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_many_connections_of_one_user_leave_room_for_others() {
    let world = World::start().await;
    let mut lines = Vec::new();
    for _ in 0..LINES {
        lines.push(line(&world).await);
    }
    let body = BTreeMap::from([
        ("role", Variant::Str("scanner".into())),
        ("deadline_ms", Variant::U32(5_000)),
    ]);
    let interface = super::interface("Device");
    let calls = (0..LINES * CALLS).map(|n| {
        let (line, interface, body) = (&lines[n % LINES], &interface, &body);
        async move {
            let call = line.call_method(Some(NAME), PATH, Some(interface.as_str()), "Scan", body);
            call.await.is_err()
        }
    });
    let flood = async {
        let told: Vec<bool> = calls.collect::<FuturesUnordered<_>>().collect().await;
        assert!(told.iter().all(|refused| *refused), "nobody scanned");
    };
    let others = async {
        let begun = eventually(async || world.desk.log().contains("E7005").then_some(()));
        begun.await.expect("the flood is refused");
        for _ in 0..5 {
            let status = world.call(CASHIER, "Daemon", "GetStatus", &[]).await;
            assert_eq!(answer(&status)["accepting"], true);
        }
    };
    tokio::join!(flood, others);
    let log = world.desk.log();
    // They waited for their turn, as at every door, and of those that wait one user has so many.
    assert!(log.contains("calls on the bus"), "{log}");
    let told = warnings(&log, "E7005");
    assert!((1..10).contains(&told), "{told} lines of the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_again_and_again_are_one_line_of_the_log() {
    let setup = Setup {
        env: vec![("YIBAO_LOG".to_owned(), "yibaod=info,warn".to_owned())],
        ..Setup::default()
    };
    let world = World::start_with(setup).await;
    for _ in 0..REFUSALS {
        let told = world.call(MONITOR, "Print", "ListJobs", &[]).await;
        assert!(said(&told).contains("NOT_ALLOWED"), "{}", said(&told));
    }
    let log = world.desk.log();
    assert_eq!(warnings(&log, "E7004"), 1, "{log}");
    let line = log.lines().find(|line| line.contains("E7004"));
    let line = line.expect("it is told");
    for field in [
        format!("caller=\"uid:{MONITOR}\""),
        "code=\"E7004\"".to_owned(),
        "operation=\"ListJobs\"".to_owned(),
        "bus_name=\":1.".to_owned(),
    ] {
        assert!(line.contains(&field), "no {field}: {line}");
    }
    // Another operation, or another caller, is told by itself.
    for (uid, method) in [(MONITOR, "GetJob"), (TRUSTED, "ListJobs")] {
        let told = world.call(uid, "Print", method, &[]).await;
        assert!(said(&told).contains("NOT_ALLOWED"), "{}", said(&told));
    }
    assert_eq!(warnings(&world.desk.log(), "E7004"), 3);
}

fn warnings(log: &str, code: &str) -> usize {
    let is_one = |line: &&str| line.contains("WARN") && line.contains(code);
    log.lines().filter(is_one).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_polkit_allows_is_written_down_before_it_is_done() {
    let mut world = World::start().await;
    world.start_polkit().await;
    let told = world.call(TRUSTED, "Daemon", "Reload", &[]).await;
    assert!(told.status.success(), "{}", said(&told));
    let told = world.call(MONITOR, "Daemon", "Reload", &[]).await;
    assert!(said(&told).contains("NOT_ALLOWED"), "{}", said(&told));
    let by = |kind: &str| written(&world, kind);
    let trusted = format!("uid:{TRUSTED}");
    assert_eq!(
        by("granted"),
        [(
            trusted.clone(),
            "polkit".to_owned(),
            "org.yibaod.bridge1.configure".to_owned(),
            "Reload".to_owned()
        )]
    );
    assert_eq!(by("reload").len(), 1, "and once what was done");
    let log = world.desk.log();
    assert!(
        log.lines()
            .any(|line| line.contains("polkit allows it") && line.contains(&trusted)),
        "{log}"
    );
    assert_eq!(warnings(&log, &trusted), 0, "it was not refused: {log}");
}

/// Acts of this kind: by whom, by whose word, which action, which method.
fn written(world: &World, kind: &str) -> Vec<(String, String, String, String)> {
    let path = world.desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(path, flags).expect("it opens");
    let sql = "SELECT caller, ifnull(body ->> 'by', ''), ifnull(body ->> 'action', ''), \
               ifnull(body ->> 'method', '') FROM event WHERE kind = ? ORDER BY seq";
    let mut rows = journal.prepare(sql).expect("a query");
    let rows = rows.query_map([kind], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}
