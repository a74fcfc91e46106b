//! Names that somebody else laid where the journal's files belong: nothing of theirs is made, changed or read.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// What lies in the journal's folder, and beside it.
const NAMES: [&str; 6] = [
    "journal.sqlite",
    "journal.sqlite-wal",
    "journal.sqlite-shm",
    "lock",
    "ballast",
    "../journal.high-water",
];
const THEIRS: &[u8] = b"theirs, and it stays so";

/// A folder of the journal's, private, and a file of somebody else's.
fn planted(name: &str) -> (tempfile::TempDir, PathBuf, PathBuf, PathBuf) {
    let (above, dir) = place();
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
    let theirs = above.path().join("theirs");
    std::fs::write(&theirs, THEIRS).unwrap();
    std::fs::set_permissions(&theirs, PermissionsExt::from_mode(0o600)).unwrap();
    let laid = dir.join(name);
    (above, dir, theirs, laid)
}

async fn opens(dir: &Path) -> bool {
    match Journal::open(options(dir)).await {
        Ok((journal, _)) => {
            journal.append(append("a", vec![event(1)])).await.unwrap();
            journal.close().await;
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_leads_nowhere() {
    for name in NAMES {
        let (above, dir, theirs, laid) = planted(name);
        symlink(&theirs, &laid).unwrap();
        let opened = opens(&dir).await;
        let is_theirs = std::fs::read(&theirs).unwrap() == THEIRS;
        assert!(is_theirs, "{name}");
        // The ballast is laid anew and the mark beside the journal may be missing; without the rest there is none.
        let may_open = matches!(name, "ballast" | "../journal.high-water");
        assert_eq!(opened, may_open, "{name}");

        let (above_too, dir, _, laid) = planted(name);
        let nowhere = above_too.path().join("nowhere");
        symlink(&nowhere, &laid).unwrap();
        opens(&dir).await;
        assert!(!nowhere.exists(), "{name}: a file of theirs was made");
        drop(above);
    }
}

#[tokio::test]
async fn a_second_name_of_a_file_is_not_taken() {
    for name in NAMES {
        let (_above, dir, theirs, laid) = planted(name);
        std::fs::hard_link(&theirs, &laid).unwrap();
        opens(&dir).await;
        let is_theirs = std::fs::read(&theirs).unwrap() == THEIRS;
        assert!(is_theirs, "{name}");
    }
}

#[tokio::test]
async fn a_journal_with_a_second_name_is_not_opened() {
    let (above, dir) = place();
    written(&dir).await;
    let copy = above.path().join("copy.sqlite");
    std::fs::hard_link(schema::path_in(&dir), &copy).unwrap();
    let refused = Journal::open(options(&dir)).await;
    assert!(matches!(refused, Err(Error::Place { .. })));
    std::fs::remove_file(copy).unwrap();
    assert!(opens(&dir).await);
}
