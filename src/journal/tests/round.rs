//! What goes in comes out, in order, once.

use std::os::unix::fs::PermissionsExt;

use futures_util::future::join_all;

use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn what_is_appended_is_loaded_in_order_also_after_reopening() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let mut first = append("s", vec![event(1), sealed(2, "姓名与整条报文")]);
    first.after = Some(0);
    let done = journal.append(first).await.unwrap();
    assert_eq!(
        (done.last_seq - done.first_seq, done.last_stream_seq),
        (1, 2)
    );
    let mut by_another = event(3);
    by_another.by = Some("uid:0".to_owned());
    let done = journal.append(append("s", vec![by_another])).await.unwrap();
    assert_eq!((done.first_seq, done.last_stream_seq), (done.last_seq, 3));

    for reopened in [false, true] {
        let journal = if reopened {
            open(&dir).await
        } else {
            journal.clone()
        };
        let events = journal.load("s").await.unwrap();
        let expected = [
            (1, r#"{"n":1}"#, "-"),
            (2, r#"{"n":2}"#, "姓名与整条报文"),
            (3, r#"{"n":3}"#, "-"),
        ]
        .map(|(at, body, text)| (at, body.to_owned(), text.to_owned()));
        assert_eq!(texts(&events), expected);
        let callers: Vec<&str> = events.iter().map(|event| &*event.caller).collect();
        assert_eq!(callers, ["uid:1000", "uid:1000", "uid:0"]);
        let row = journal.find("s").await.unwrap().unwrap();
        assert_eq!(
            (row.first_seq, row.last_seq),
            (events[0].seq, events[2].seq)
        );
        assert_eq!((row.started_utc_ms, row.changed_utc_ms), (AT + 1, AT + 3));
        journal.close().await;
    }
}

#[tokio::test]
async fn an_append_of_a_closed_journal_is_refused() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    journal.clone().close().await;
    assert!(matches!(
        journal.append(append("s", vec![event(1)])).await,
        Err(Error::Closed)
    ));
    assert!(matches!(journal.load("s").await, Err(Error::Closed)));
    assert_eq!(journal.health().why, Some(Hindrance::Closed));
}

#[tokio::test]
async fn appends_at_once_share_commits_and_keep_the_chain() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let before = journal.commits();
    let names: Vec<String> = (0..32).map(|number| format!("s{number}")).collect();
    let appends = names
        .iter()
        .map(|name| journal.append(append(name, vec![event(1), event(2)])));
    let mut seqs: Vec<i64> = join_all(appends)
        .await
        .into_iter()
        .map(|done| done.unwrap().last_seq)
        .collect();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), 32);
    let commits = journal.commits() - before;
    assert!(
        (1..=6).contains(&commits),
        "{commits} commits for 32 appends"
    );
    let beside = verify(&dir, &site_key()).unwrap();
    assert_eq!(
        (beside.events, beside.streams, beside.faults),
        (65, 33, vec![])
    );
    journal.close().await;
    assert_eq!(verify(&dir, &site_key()).unwrap().faults, []);
}

#[tokio::test]
async fn a_refused_append_leaves_the_others_of_its_commit_alone() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    journal.append(append("s0", vec![event(1)])).await.unwrap();
    let mut appends = Vec::new();
    for number in 1..20 {
        let mut one = append(&format!("s{number}"), vec![sealed(number, "x"), event(2)]);
        if number % 3 == 0 {
            one.head.request_id = Some("req-s0".to_owned());
        }
        if number % 3 == 1 {
            one.after = Some(5);
        }
        appends.push(journal.append(one));
    }
    for (number, done) in (1..20).zip(join_all(appends).await) {
        match number % 3 {
            0 => assert!(matches!(done, Err(Error::RequestTaken { stream }) if stream == "s0")),
            1 => assert!(matches!(
                done,
                Err(Error::Moved {
                    expected: 5,
                    found: 0,
                    ..
                })
            )),
            2 => assert_eq!(done.unwrap().last_stream_seq, 2),
            other => unreachable!("{other}"),
        }
    }
    assert_eq!(journal.load("s3").await.unwrap().len(), 0);
    assert_eq!(journal.load("s5").await.unwrap().len(), 2);
    journal.close().await;
    assert_eq!(verify(&dir, &site_key()).unwrap().faults, []);
}

#[tokio::test]
async fn a_request_id_belongs_to_one_stream_of_a_caller_for_good() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let both = join_all(["x", "y"].map(|stream| {
        let mut one = append(stream, vec![event(1)]);
        one.head.request_id = Some("r1".to_owned());
        journal.append(one)
    }))
    .await;
    let taken = both
        .iter()
        .filter(|done| matches!(done, Err(Error::RequestTaken { .. })));
    assert_eq!(taken.count(), 1);
    let first = journal
        .find_request("uid:1000", "r1")
        .await
        .unwrap()
        .unwrap();
    assert!(
        journal
            .find_request("uid:1001", "r1")
            .await
            .unwrap()
            .is_none()
    );

    let mut over = append(&first.stream, vec![event(2)]);
    over.head.open = false;
    // What names a stream is fixed by its first append; a later disagreement changes nothing.
    over.head.request_id = Some("r2".to_owned());
    over.head.body_digest = "d2".to_owned();
    journal.append(over).await.unwrap();
    let row = journal.find(&first.stream).await.unwrap().unwrap();
    assert_eq!(
        (row.request_id.as_deref(), &*row.body_digest, row.open),
        (Some("r1"), "d1", false)
    );

    let mut again = append("z", vec![event(1)]);
    again.head.request_id = Some("r1".to_owned());
    assert!(matches!(
        journal.append(again.clone()).await,
        Err(Error::RequestTaken { .. })
    ));
    again.head.caller = "uid:1001".to_owned();
    journal.append(again).await.unwrap();
    let of_all = Filter {
        request_id: Some("r1".to_owned()),
        ..Filter::default()
    };
    assert_eq!(journal.list(of_all).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_visit_is_worked_on_by_one_open_stream_of_a_kind() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let on_visit = |stream: &str, kind: &str, open: bool| {
        let mut one = append(stream, vec![event(1)]);
        one.head.visit = Some("v1".to_owned());
        one.head.kind = kind.to_owned();
        one.head.open = open;
        journal.append(one)
    };
    on_visit("a", "settlement", true).await.unwrap();
    let second = on_visit("b", "settlement", true).await;
    assert!(matches!(second, Err(Error::VisitOpen { stream }) if stream == "a"));
    assert_eq!(
        journal
            .find_open_visit("settlement", "v1")
            .await
            .unwrap()
            .unwrap()
            .stream,
        "a"
    );
    on_visit("p", "print_job", true).await.unwrap();
    on_visit("a", "settlement", false).await.unwrap();
    assert!(
        journal
            .find_open_visit("settlement", "v1")
            .await
            .unwrap()
            .is_none()
    );
    on_visit("b", "settlement", true).await.unwrap();
}

#[tokio::test]
async fn marks_only_rise() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    assert_eq!(journal.mark("msgid").await.unwrap(), None);
    for (given, stands) in [(5, 5), (3, 5), (9, 9), (-1, 9)] {
        let mut one = append("s", vec![event(1)]);
        one.marks = vec![("msgid".to_owned(), given)];
        journal.append(one).await.unwrap();
        assert_eq!(journal.mark("msgid").await.unwrap(), Some(stands));
    }
}

/// Ten settlements: even ones open, the fourth stuck, the third of a person.
async fn fill(journal: &Journal) {
    for number in 0..10_i64 {
        let mut one = append(&format!("s{number}"), vec![event(number)]);
        one.head.open = number % 2 == 0;
        one.head.stuck = number == 4;
        one.head.summary = format!(r#"{{"setl_id":"S{number}"}}"#);
        one.head.person = (number == 3).then(|| PersonKeyInput::new(PERSON));
        journal.append(one).await.unwrap();
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    fill(&journal).await;
    let of_kind = Filter {
        kind: Some("settlement".to_owned()),
        ..Filter::default()
    };
    assert_eq!(names(&journal, of_kind.clone()).await.len(), 10);
    assert_eq!(
        names(&journal, Filter::default()).await.len(),
        11,
        "the desk's own stream is one more"
    );
    let page = Filter {
        limit: 3,
        ..of_kind.clone()
    };
    let rows = journal.list(page.clone()).await.unwrap();
    assert_eq!(rows[0].stream, "s9");
    let next = Filter {
        before_seq: Some(rows[2].first_seq),
        ..page
    };
    assert_eq!(names(&journal, next).await, ["s6", "s5", "s4"]);
    let open_only = Filter {
        open_only: true,
        ..of_kind.clone()
    };
    assert_eq!(
        names(&journal, open_only).await,
        ["s8", "s6", "s4", "s2", "s0"]
    );
    assert_eq!(
        names(
            &journal,
            Filter {
                stuck_only: true,
                ..of_kind.clone()
            }
        )
        .await,
        ["s4"]
    );
    let times = Filter {
        from_utc_ms: Some(AT + 2),
        to_utc_ms: Some(AT + 4),
        ..of_kind.clone()
    };
    assert_eq!(names(&journal, times).await, ["s3", "s2"]);
    assert_eq!(
        names(
            &journal,
            Filter {
                text: Some("S7".to_owned()),
                ..of_kind.clone()
            }
        )
        .await,
        ["s7"]
    );
    let person = Some(PersonKeyInput::new(&PERSON.to_lowercase()));
    assert_eq!(names(&journal, Filter { person, ..of_kind }).await, ["s3"]);
    let open: Vec<_> = journal.open_streams().await.unwrap();
    assert_eq!(
        open.iter().map(|row| &*row.stream).collect::<Vec<_>>(),
        ["s0", "s2", "s4", "s6", "s8"]
    );
}

async fn names(journal: &Journal, filter: Filter) -> Vec<String> {
    let rows = journal.list(filter).await.unwrap();
    rows.into_iter().map(|row| row.stream).collect()
}

#[tokio::test]
async fn limits_are_held_before_anything_is_written() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let mut cases = vec![
        append("", vec![event(1)]),
        append(&"s".repeat(NAME_BYTES_MAX + 1), vec![event(1)]),
        append("s", vec![]),
        append("s", vec![event(1); EVENTS_PER_APPEND_MAX + 1]),
        append(
            "s",
            vec![NewEvent::new("k", 1, AT, " ".repeat(BODY_BYTES_MAX + 1))],
        ),
        append("s", vec![sealed(1, &" ".repeat(SEALED_BYTES_MAX + 1))]),
        append(
            "s",
            vec![NewEvent::new("desk_identity", 1, AT, "{}".to_owned())],
        ),
    ];
    let mut long = append("s", vec![event(1)]);
    long.head.summary = " ".repeat(SUMMARY_BYTES_MAX + 1);
    cases.push(long);
    for case in cases {
        assert!(matches!(
            journal.append(case).await,
            Err(Error::Refused { .. })
        ));
    }
    assert!(journal.open_streams().await.unwrap().is_empty());
    let whole = append("s", vec![sealed(1, &" ".repeat(SEALED_BYTES_MAX))]);
    journal.append(whole).await.unwrap();
    assert_eq!(journal.load("s").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_start_says_whether_the_process_before_ended() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let first = journal.begin_process("0.1.0").await.unwrap();
    assert_eq!((first.previous_seq, first.previous_ended), (None, false));
    journal.close().await;
    assert!(
        !dir.join("journal.sqlite-wal").exists(),
        "closing moves the log into the database"
    );
    let journal = open(&dir).await;
    let second = journal.begin_process("0.1.0").await.unwrap();
    assert_eq!(
        (second.previous_seq, second.previous_ended),
        (Some(first.seq), false)
    );
    journal.end_process().await.unwrap();
    journal.close().await;
    let journal = open(&dir).await;
    assert!(journal.begin_process("0.1.1").await.unwrap().previous_ended);
}

#[tokio::test]
async fn all_files_are_private_and_plain_text_of_sealed_parts_is_in_none() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    let mut one = append("s", vec![sealed(1, "planted 李四 secret")]);
    one.head.person = Some(PersonKeyInput::new(PERSON));
    journal.append(one).await.unwrap();
    assert_eq!(
        std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let mut seen = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{entry:?}"
        );
        let content = std::fs::read(entry.path()).unwrap();
        for planted in ["planted", "李四", PERSON, &desk().machine_id] {
            let found = content
                .windows(planted.len())
                .any(|part| part == planted.as_bytes());
            assert!(!found, "{planted} is in {entry:?}");
        }
        seen += 1;
    }
    assert!(seen >= 5, "database, log, its index, lock and ballast");
}

#[tokio::test]
async fn a_large_journal_opens_by_its_index() {
    const STREAMS: i64 = 1600;
    let (_above, dir) = place();
    let journal = open(&dir).await;
    for chunk in 0..STREAMS / 100 {
        let appends = (0..100).map(|number| {
            let number = chunk * 100 + number;
            let mut one = append(&format!("s{number:05}"), (0..63).map(event).collect());
            one.head.open = number % 400 == 0;
            journal.append(one)
        });
        for done in join_all(appends).await {
            done.unwrap();
        }
    }
    journal.close().await;

    // The quickest of some: what else the machine does is not the journal's.
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let journal = open(&dir).await;
        assert_eq!(journal.open_streams().await.unwrap().len(), 4);
        quickest = quickest.min(begun.elapsed());
        journal.close().await;
    }
    assert!(
        quickest < Duration::from_millis(500),
        "{quickest:?}; the goal is 50 ms"
    );

    // The same without a clock: steps of SQLite's machine, against those of a full scan.
    let steps = |ask: &dyn Fn(&Connection, &key::Keys)| {
        let mut conn = schema::open_reader(&schema::path_in(&dir)).unwrap();
        let count = Arc::new(Mutex::new(0_u64));
        let counted = Arc::clone(&count);
        let each = move || {
            *counted.lock().unwrap() += 1;
            false
        };
        conn.progress_handler(1, Some(each)).unwrap();
        ask(&conn, &key::Keys::derive(&site_key()));
        *count.lock().unwrap()
    };
    let opening = steps(&|conn, keys| {
        stored::check_site_key(conn, keys).unwrap();
        stored::tail(conn).unwrap();
        stored::last_of_desk(conn, keys, identity::KIND)
            .unwrap()
            .unwrap();
        reader::open_streams(conn).unwrap();
        index::find_request(conn, "uid:1000", "req-s00800")
            .unwrap()
            .unwrap();
        index::mark(conn, "msgid").unwrap();
    });
    let scan = steps(&|conn, _| {
        conn.query_row("SELECT max(length(body)) FROM event", [], |_| Ok(()))
            .unwrap();
    });
    assert!(scan > 100_000, "{scan}");
    assert!(opening < 600, "{opening} steps");
}

#[tokio::test]
async fn two_journals_never_share_a_directory() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    assert!(matches!(
        Journal::open(options(&dir)).await,
        Err(Error::Locked { .. })
    ));
    assert!(matches!(
        adopt(&dir, &desk(), &site_key()),
        Err(Error::Locked { .. })
    ));
    assert!(matches!(
        rebuild(&dir, &site_key(), |_, _| None),
        Err(Error::Locked { .. })
    ));
    journal.close().await;
    open(&dir).await.close().await;
}

#[tokio::test]
async fn a_place_that_others_can_read_is_refused() {
    let (_above, dir) = place();
    open(&dir).await.close().await;
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(&dir, 0o750);
    assert!(matches!(
        Journal::open(options(&dir)).await,
        Err(Error::Place { .. })
    ));
    chmod(&dir, 0o700);
    chmod(&schema::path_in(&dir), 0o644);
    assert!(matches!(
        Journal::open(options(&dir)).await,
        Err(Error::Place { .. })
    ));
    chmod(&schema::path_in(&dir), 0o600);
    open(&dir).await;
}

#[tokio::test]
async fn another_site_key_is_refused() {
    let (_above, dir) = place();
    open(&dir).await.close().await;
    let other = SiteKey::from_bytes([1; 32]);
    let opened = Journal::open(Options {
        site_key: other.clone(),
        ..options(&dir)
    })
    .await;
    assert!(matches!(opened, Err(Error::WrongSiteKey)));
    assert!(matches!(
        adopt(&dir, &desk(), &other),
        Err(Error::WrongSiteKey)
    ));
    assert!(!verify(&dir, &other).unwrap().faults.is_empty());
}
