//! Who is in which group by the files of accounts, beside what the kernel or the bus says of a caller's session.
//!
//! A thread of its own looks at the files once a second, and reads them again when they changed: whoever is made a member
//! has the right within a second. Whoever is none any more has lost what the files gave; a session that began as a
//! member's keeps its groups until it ends, as everywhere in the system. Who asks only reads memory, however slow the
//! disk is.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::accounts::Accounts;

/// How often the files are looked at.
const LOOK_MS: u64 = 1_000;

/// The members of all groups.
#[derive(Debug)]
pub(super) struct Members {
    known: ArcSwap<Accounts>,
}

/// The files, for who looks at them.
struct Files {
    passwd: PathBuf,
    group: PathBuf,
    /// As they were when they were read.
    read: Option<[Stamp; 2]>,
    /// Whether the log was told that they cannot be read.
    is_told: bool,
}

/// A file that was replaced or written to has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Members {
    /// Those of these accounts for ever.
    pub(super) fn of(accounts: &Accounts) -> Self {
        Self {
            known: ArcSwap::from_pointee(accounts.clone()),
        }
    }

    /// Those of these accounts until the files say otherwise. They are looked at while somebody holds this.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn in_files(
        accounts: &Accounts,
        passwd: PathBuf,
        group: PathBuf,
    ) -> io::Result<Arc<Self>> {
        let members = Arc::new(Self::of(accounts));
        let (files, held) = (Files::new(passwd, group), Arc::downgrade(&members));
        let thread = std::thread::Builder::new().name("accounts".to_owned());
        thread.spawn(move || follow(files, &held))?;
        Ok(members)
    }

    /// Whether this user is in any of these groups.
    pub(super) fn is_in(&self, uid: u32, gids: &BTreeSet<u32>) -> bool {
        !gids.is_empty() && self.known.load().is_member(uid, gids)
    }
}

/// The thread. It alone waits for the disk.
fn follow(mut files: Files, members: &Weak<Members>) {
    loop {
        std::thread::sleep(Duration::from_millis(LOOK_MS));
        if members.strong_count() == 0 {
            return;
        }
        let accounts = files.look();
        if let (Some(accounts), Some(members)) = (accounts, members.upgrade()) {
            members.known.store(Arc::new(accounts));
        }
    }
}

impl Files {
    fn new(passwd: PathBuf, group: PathBuf) -> Self {
        Self {
            passwd,
            group,
            read: None,
            is_told: false,
        }
    }

    /// The accounts, if the files changed. What cannot be read leaves what was known: a desk must not stand still because
    /// somebody edits its accounts.
    fn look(&mut self) -> Option<Accounts> {
        match self.try_look() {
            Ok(accounts) => {
                self.is_told = false;
                accounts
            }
            Err(error) => {
                if !self.is_told {
                    tracing::warn!(%error, "the accounts of this machine cannot be read again");
                }
                self.is_told = true;
                None
            }
        }
    }

    fn try_look(&mut self) -> io::Result<Option<Accounts>> {
        let stamp = |path: &PathBuf| std::fs::metadata(path).map(|it| Stamp::of(&it));
        // Looked at before they are read: what is written between is seen the next time.
        let stamps = Some([stamp(&self.passwd)?, stamp(&self.group)?]);
        if self.read == stamps {
            return Ok(None);
        }
        let accounts = Accounts::read_from(&self.passwd, &self.group)?;
        self.read = stamps;
        Ok(Some(accounts))
    }
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            inode: file.ino(),
            length: file.len(),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "his:x:1000:1000:::\nlate:x:1003:500:::\n";

    /// Two files of accounts. They are written as usermod does it: another file in the place of the old one.
    struct Written(tempfile::TempDir);

    impl Written {
        fn new(groups: &str) -> Self {
            let written = Self(tempfile::tempdir().unwrap());
            written.put("passwd", PASSWD);
            written.put("group", groups);
            written
        }

        fn put(&self, name: &str, text: &str) {
            let new = self.0.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, self.path(name)).unwrap();
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn files(&self) -> Files {
            Files::new(self.path("passwd"), self.path("group"))
        }
    }

    #[test]
    fn what_changed_is_read_and_what_did_not_is_not() {
        let written = Written::new("yibao:x:500:\n");
        let mut files = written.files();
        let yibao = BTreeSet::from([500]);
        let is_in = |accounts: Option<Accounts>, uid| accounts.unwrap().is_member(uid, &yibao);
        assert!(is_in(files.look(), 1003), "its primary group");
        assert!(files.look().is_none(), "it is as it was");
        written.put("group", "yibao:x:500:his\n");
        assert!(is_in(files.look(), 1000), "it joined");
        written.put("group", "yibao:x:500:\n");
        assert!(!is_in(files.look(), 1000), "it left");
        written.put("passwd", &PASSWD.replace("1003:500", "1003:501"));
        assert!(!is_in(files.look(), 1003), "its group is another");
        std::fs::remove_file(written.path("group")).unwrap();
        assert!(files.look().is_none() && files.is_told, "nothing says it");
        written.put("group", "yibao:x:500:his\n");
        assert!(is_in(files.look(), 1000) && !files.is_told);
    }

    #[test]
    fn who_asks_is_told_of_a_change_soon_and_reads_no_file() {
        let written = Written::new("yibao:x:500:\n");
        let (passwd, group) = (written.path("passwd"), written.path("group"));
        let accounts = Accounts::read_from(&passwd, &group).unwrap();
        let members = Members::in_files(&accounts, passwd.clone(), group).unwrap();
        let yibao = BTreeSet::from([500]);
        assert!(!members.is_in(1000, &yibao));
        assert!(!members.is_in(1003, &BTreeSet::new()));
        written.put("group", "yibao:x:500:his\n");
        let until = std::time::Instant::now() + Duration::from_millis(10 * LOOK_MS);
        while !members.is_in(1000, &yibao) {
            assert!(std::time::Instant::now() < until, "nobody looked");
            std::thread::sleep(Duration::from_millis(LOOK_MS / 20));
        }
        // A disk that says nothing, as a dead server's does: only the thread waits for it.
        std::fs::remove_file(&passwd).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&passwd).status();
        assert!(made.unwrap().success());
        let began = std::time::Instant::now();
        for _ in 0..10_000 {
            assert!(members.is_in(1000, &yibao), "what was known holds");
        }
        assert!(began.elapsed() < Duration::from_millis(LOOK_MS));
    }
}
