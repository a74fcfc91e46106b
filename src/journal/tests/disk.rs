//! A disk that is full, and a write that fails.

use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

/// A file system of its own, a few MiB, gone at the end. Wants root (as in CI) for mounting.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> SmallDisk {
        let at = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0700"),
                "tmpfs",
            ])
            .arg(at.path())
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "the test of the full disk mounts a tmpfs: run it as root"
        );
        SmallDisk(at)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status()
            .ok();
    }
}

fn large(number: i64) -> NewEvent {
    sealed(number, &"报文".repeat(8 * 1024))
}

#[tokio::test]
async fn on_a_full_disk_ballast_finishes_what_runs_and_nothing_acknowledged_is_lost() {
    let disk = SmallDisk::new("6m");
    let dir = disk.0.path().join("journal");
    let small = Options {
        ballast_bytes: 1024 * 1024,
        ..options(&dir)
    };
    let (journal, _) = Journal::open(small.clone()).await.unwrap();
    assert!(journal.health().accepts_new);
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![1; 3 * 1024 * 1024]).unwrap();

    let mut recorded = 0;
    let mut on_ballast = 0;
    let refused = loop {
        match journal.append(append("s", vec![large(recorded)])).await {
            Ok(done) => {
                recorded += 1;
                assert_eq!(done.last_stream_seq, recorded);
                on_ballast += i64::from(journal.health().why == Some(Hindrance::BallastSpent));
            }
            Err(error) => break error,
        }
        assert!(recorded < 1000, "the disk never got full");
    };
    assert!(matches!(refused, Error::DiskFull), "{refused}");
    assert!(
        on_ballast >= 5,
        "only {on_ballast} of {recorded} written on the ballast's room"
    );
    let expected = usize::try_from(recorded).unwrap();
    assert_eq!(journal.load("s").await.unwrap().len(), expected);

    // Room again: it goes on, and the ballast comes back.
    std::fs::remove_file(&filler).unwrap();
    journal.append(append("s", vec![event(1)])).await.unwrap();
    let begun = Instant::now();
    while !journal.health().accepts_new {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            journal.health()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    journal.close().await;
    let (journal, _) = Journal::open(small).await.unwrap();
    assert_eq!(journal.load("s").await.unwrap().len(), expected + 1);
    journal.close().await;
    assert_eq!(verify(&dir, &site_key()).unwrap().faults, []);
}

#[tokio::test]
async fn a_journal_on_a_full_disk_opens_on_its_ballast() {
    let disk = SmallDisk::new("3m");
    let dir = disk.0.path().join("journal");
    let small = Options {
        ballast_bytes: 512 * 1024,
        ..options(&dir)
    };
    let (journal, _) = Journal::open(small.clone()).await.unwrap();
    journal.append(append("s", vec![event(1)])).await.unwrap();
    journal.close().await;
    let filler = disk.0.path().join("filler");
    assert!(
        std::fs::write(&filler, vec![1; 4 * 1024 * 1024]).is_err(),
        "the disk is full"
    );

    let (journal, _) = Journal::open(small).await.unwrap();
    journal.append(append("s", vec![event(2)])).await.unwrap();
    assert_eq!(journal.health().why, Some(Hindrance::BallastSpent));
    assert_eq!(journal.load("s").await.unwrap().len(), 2);
}

#[tokio::test]
async fn little_room_stops_what_is_new_only() {
    let (_above, dir) = place();
    let low = Options {
        min_free_bytes: u64::MAX,
        ballast_bytes: 0,
        ..options(&dir)
    };
    let (journal, _) = Journal::open(low).await.unwrap();
    let health = journal.health();
    assert!(!health.accepts_new);
    assert!(health.why.is_some() && health.free_bytes > 0);
    journal.append(append("s", vec![event(1)])).await.unwrap();
}

#[tokio::test]
async fn a_write_that_fails_ends_the_process() {
    let (_above, dir) = place();
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&reasons);
    let on_fatal: OnFatal = Arc::new(move |reason| told.lock().unwrap().push(reason.to_owned()));
    let (journal, _) = Journal::open(Options {
        on_fatal,
        ..options(&dir)
    })
    .await
    .unwrap();
    journal.append(append("s", vec![event(1)])).await.unwrap();
    // The nearest to a broken disk that a test can do from outside: the table is gone.
    raw(&dir)
        .execute_batch("PRAGMA foreign_keys = OFF; DROP TABLE stream_state")
        .unwrap();
    let lost = journal.append(append("s", vec![event(2)])).await;
    assert!(
        matches!(lost, Err(Error::Closed)),
        "nobody is told that it was written"
    );
    assert!(matches!(
        journal.append(append("s", vec![event(3)])).await,
        Err(Error::Closed)
    ));
    assert_eq!(journal.health().why, Some(Hindrance::Closed));
    assert_eq!(reasons.lock().unwrap().len(), 1);
}
