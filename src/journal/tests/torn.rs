//! Power goes while the log is being written. A write can stop at any byte; what lies behind it is
//! the end of the file, zeros, or what an older use of the log left there. What was acknowledged
//! before is never lost, and of what was being written either all is there or nothing.

use super::*;

/// Steps between the bytes at which the log is torn; a prime, so that all places of a frame are
/// met.
const STRIDE: usize = 397;
/// The log's own header, then frames of a header and a page each.
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const FRAME: usize = FRAME_HEADER + 4096;

struct Snapshot {
    db: Vec<u8>,
    wal: Vec<u8>,
}

fn wal_path(dir: &Path) -> PathBuf {
    dir.join("journal.sqlite-wal")
}

fn snapshot(dir: &Path) -> Snapshot {
    Snapshot {
        db: std::fs::read(schema::path_in(dir)).unwrap(),
        wal: std::fs::read(wal_path(dir)).unwrap(),
    }
}

/// Opens a database with a log, as a restart does, and loads the stream `s`.
fn recovered(dir: &Path, db: &[u8], wal: &[u8]) -> Vec<(i64, String, String)> {
    let path = schema::path_in(dir);
    for name in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        std::fs::remove_file(dir.join(name)).ok();
    }
    std::fs::write(&path, db).unwrap();
    std::fs::write(wal_path(dir), wal).unwrap();
    let conn = schema::open_writer(&path).unwrap();
    texts(&stored::load(&conn, &key::Keys::derive(&site_key()), "s").unwrap())
}

async fn check_torn(dir: &Path, journal: &Journal, begun: i64) {
    // In memory: thousands of restarts are looked at, and none of them has to survive anything.
    let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
    let before = snapshot(dir);
    let acknowledged = texts(&journal.load("s").await.unwrap());
    let next = append("s", vec![event(begun), sealed(begun + 1, "还没有答复的事")]);
    journal.append(next).await.unwrap();
    let after = snapshot(dir);
    let complete = texts(&journal.load("s").await.unwrap());
    assert_eq!(before.db, after.db, "a commit writes the log only");

    let first = (0..after.wal.len())
        .find(|at| before.wal.get(*at) != after.wal.get(*at))
        .expect("a commit changes the log");
    let mut seen = [false; 2];
    // Beside even steps, more in the frames' headers and at the end: there it is decided.
    let telling = |cut: &usize| {
        cut.is_multiple_of(STRIDE)
            || cut.saturating_sub(WAL_HEADER) % FRAME <= FRAME_HEADER && cut.is_multiple_of(5)
            || cut + 8 >= after.wal.len()
    };
    for cut in (first..=after.wal.len()).filter(telling) {
        let left = before.wal.get(cut..).unwrap_or_default();
        let zeros = vec![0; after.wal.len() - cut];
        let older = (!left.is_empty()).then_some(left);
        for behind in [&[][..], &zeros].into_iter().chain(older) {
            let wal = [&after.wal[..cut], behind].concat();
            let read = recovered(scratch.path(), &after.db, &wal);
            assert!(
                read == acknowledged || read == complete,
                "torn at {cut}: {read:?}"
            );
            seen[usize::from(read == complete)] = true;
        }
    }
    assert_eq!(seen, [true, true], "both ends of the write were met");
}

#[tokio::test]
async fn a_growing_log_torn_at_any_byte_loses_nothing_acknowledged() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    for number in 0..3 {
        journal
            .append(append("s", vec![sealed(number, "记下了")]))
            .await
            .unwrap();
    }
    check_torn(&dir, &journal, 100).await;
    check_torn(&dir, &journal, 200).await;
}

#[tokio::test]
async fn a_log_used_again_torn_at_any_byte_loses_nothing_acknowledged() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    for number in 0..6 {
        journal
            .append(append("s", vec![sealed(number, "记下了")]))
            .await
            .unwrap();
    }
    let moved: (i64, i64) = raw(&dir)
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(moved.0, moved.1);
    check_torn(&dir, &journal, 100).await;
    check_torn(&dir, &journal, 200).await;
}

#[tokio::test]
async fn a_journal_goes_on_after_a_torn_write() {
    let (_above, dir) = place();
    let journal = open(&dir).await;
    journal.append(append("s", vec![event(1)])).await.unwrap();
    let kept = snapshot(&dir);
    journal.append(append("s", vec![event(2)])).await.unwrap();
    let torn = snapshot(&dir);
    journal.close().await;
    // The power went before the commit was on disk: nothing had been noted of it.
    std::fs::remove_file(dir.with_extension("high-water")).unwrap();

    std::fs::write(schema::path_in(&dir), &torn.db).unwrap();
    std::fs::write(wal_path(&dir), &torn.wal[..torn.wal.len() - 1]).unwrap();
    let journal = open(&dir).await;
    assert_eq!(journal.load("s").await.unwrap().len(), 1);
    assert!(kept.wal.len() < torn.wal.len());
    journal.append(append("s", vec![event(3)])).await.unwrap();
    assert_eq!(journal.load("s").await.unwrap().len(), 2);
    journal.close().await;
    assert_eq!(verify(&dir, &site_key()).unwrap().faults, []);
}
