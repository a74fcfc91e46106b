//! A changed byte is found, and its record named.

use super::*;

/// Does something to the file that its triggers forbid.
fn meddle(dir: &Path, sql: &str) {
    let conn = raw(dir);
    let triggers: Vec<(String, String)> = conn
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (name, _) in &triggers {
        conn.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    assert!(conn.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
    for (_, text) in &triggers {
        conn.execute_batch(text).unwrap();
    }
}

/// A copy of a sound journal with something done to it, looked through.
async fn meddled(sql: &str) -> Vec<Fault> {
    let (_above, dir) = place();
    written(&dir).await;
    assert_eq!(verify(&dir, &site_key()).unwrap().faults, []);
    meddle(&dir, sql);
    verify(&dir, &site_key()).unwrap().faults
}

#[tokio::test]
async fn a_change_in_any_column_of_a_record_is_found_and_named() {
    const SEQ: i64 = 9;
    let changes = [
        "desk = desk || 'x'",
        "stream = 'zz'",
        "stream_seq = 99",
        "kind = 'other'",
        "version = 2",
        "at_utc_ms = at_utc_ms + 1",
        "caller = 'uid:0'",
        "body = replace(body, 'n', 'm')",
        "sealed = zeroblob(length(sealed))",
        "sealed = NULL, key_id = NULL",
        "key_id = key_id + 1",
        "link = zeroblob(32)",
    ];
    for change in changes {
        let faults = meddled(&format!("UPDATE event SET {change} WHERE seq = {SEQ}")).await;
        assert!(
            faults.contains(&Fault::Changed { seq: SEQ }),
            "{change}: {faults:?}"
        );
    }
}

#[tokio::test]
async fn missing_moved_and_added_records_are_found() {
    let faults = meddled("DELETE FROM event WHERE seq = 9").await;
    assert!(faults.contains(&Fault::Missing { seq: 9 }), "{faults:?}");
    let last = "(SELECT max(seq) FROM event)";
    let faults = meddled(&format!("DELETE FROM event WHERE seq = {last}")).await;
    assert!(
        faults.contains(&Fault::Index {
            stream: "c".to_owned()
        }),
        "{faults:?}"
    );
    let added = format!(
        "INSERT INTO event SELECT seq + 1, desk, stream, stream_seq + 1, kind, version, at_utc_ms,
         caller, body, sealed, key_id, link FROM event WHERE seq = {last}"
    );
    let faults = meddled(&added).await;
    assert!(
        faults
            .iter()
            .any(|fault| matches!(fault, Fault::Changed { .. })),
        "{faults:?}"
    );
    assert!(
        faults.contains(&Fault::Index {
            stream: "c".to_owned()
        }),
        "{faults:?}"
    );
}

#[tokio::test]
async fn a_change_in_the_index_the_marks_or_the_keys_is_found() {
    let index = Fault::Index {
        stream: "b".to_owned(),
    };
    let changes = [
        "kind = 'x'",
        "request_id = NULL",
        "caller = 'uid:0'",
        "body_digest = 'x'",
        "open = 0",
        "stuck = 1",
        "visit = NULL",
        "person_key = NULL",
        "summary = '{}'",
        "first_seq = first_seq + 1",
        "last_seq = last_seq - 1",
        "last_stream_seq = last_stream_seq - 1",
        "started_utc_ms = 0",
        "changed_utc_ms = 0",
        "code = zeroblob(32)",
    ];
    for change in changes {
        let sql = format!("UPDATE stream_state SET {change} WHERE stream = 'b'");
        assert_eq!(
            meddled(&sql).await,
            std::slice::from_ref(&index),
            "{change}"
        );
    }
    assert_eq!(
        meddled("DELETE FROM stream_state WHERE stream = 'b'").await,
        [index]
    );
    let mark = [Fault::Mark {
        name: "msgid".to_owned(),
    }];
    assert_eq!(meddled("UPDATE mark SET value = value - 1").await, mark);
    let key = [Fault::DataKey { key_id: 1 }];
    assert_eq!(
        meddled("UPDATE data_key SET wrapped = zeroblob(44)").await,
        key
    );
    assert_eq!(meddled("UPDATE data_key SET day = day + 1").await, key);
}

#[tokio::test]
async fn nobody_acts_on_a_changed_record() {
    let (_above, dir) = place();
    written(&dir).await;
    meddle(
        &dir,
        "UPDATE event SET body = '{}' WHERE stream = 'b' AND stream_seq = 5",
    );
    let journal = open(&dir).await;
    assert!(matches!(
        journal.load("b").await,
        Err(Error::Damaged { .. })
    ));
    assert_eq!(journal.load("a").await.unwrap().len(), 8);
}

/// Any single bit of the database file: found, or without effect on what is read.
#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_file_is_found_or_harmless() {
    const FLIPS: usize = 600;
    let (above, dir) = place();
    written(&dir).await;
    let sound = std::fs::read(schema::path_in(&dir)).unwrap();
    let keys = key::Keys::derive(&site_key());
    let expected = everything(&schema::path_in(&dir), &keys).unwrap();
    let copy = above.path().join("copy");
    copy_dir(&dir, &copy);
    let (mut found, mut harmless) = (0, 0);
    for flip in 0..FLIPS {
        // A fixed walk over the file that meets all its pages.
        let at = flip * 7919 % sound.len();
        let mut torn = sound.clone();
        torn[at] ^= 1 << (flip % 8);
        std::fs::write(schema::path_in(&copy), &torn).unwrap();
        match verify(&copy, &site_key()) {
            Ok(report) if report.faults.is_empty() => {
                let read = everything(&schema::path_in(&copy), &keys).unwrap();
                assert_eq!(
                    read,
                    expected,
                    "bit {} of byte {at} changed what is read",
                    flip % 8
                );
                harmless += 1;
            }
            Ok(_) | Err(_) => found += 1,
        }
    }
    assert!(found > FLIPS / 10, "{found} found, {harmless} harmless");
}

type Everything = (Vec<StreamRow>, Vec<Vec<(i64, String, String)>>);

fn everything(path: &Path, keys: &key::Keys) -> Result<Everything, Error> {
    let conn = schema::open_reader(path)?;
    let rows = reader::list(&conn, keys, &Filter::default())?;
    let load = |row: &StreamRow| Ok(texts(&stored::load(&conn, keys, &row.stream)?));
    let events = rows.iter().map(load).collect::<Result<_, Error>>()?;
    Ok((rows, events))
}

#[tokio::test]
async fn the_index_is_rebuilt_from_the_events() {
    let (_above, dir) = place();
    written(&dir).await;
    let keys = key::Keys::derive(&site_key());
    let before = everything(&schema::path_in(&dir), &keys).unwrap();
    meddle(&dir, "DELETE FROM stream_state");
    let streams = rebuild(&dir, &site_key(), |stream, events| {
        assert_eq!(events.len(), 8);
        let visit = Some(format!("visit-{stream}"));
        Some(StreamHead {
            visit,
            visit_is_shared: false,
            person: Some(PersonKeyInput::new(PERSON)),
            ..head(stream)
        })
    });
    assert_eq!(streams.unwrap(), 4);
    assert_eq!(everything(&schema::path_in(&dir), &keys).unwrap(), before);
    assert_eq!(verify(&dir, &site_key()).unwrap().faults, []);
}
