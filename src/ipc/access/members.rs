//! Who is in which group by the files of accounts: for callers of whom neither the kernel nor the bus says it.
//!
//! The files are read again when they changed, so that whoever is made a member has the right from its next call on,
//! and whoever is none any more has lost it.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::accounts::Accounts;

/// The members of all groups.
#[derive(Debug)]
pub(super) struct Members {
    /// Where they stand; absent: they do not change.
    files: Option<Files>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Files {
    passwd: PathBuf,
    group: PathBuf,
}

#[derive(Debug)]
struct Known {
    accounts: Accounts,
    /// The files as they were when they were read.
    read: Option<[Stamp; 2]>,
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
            files: None,
            known: Mutex::new(Known {
                accounts: accounts.clone(),
                read: None,
            }),
        }
    }

    /// Those of these accounts until the files, which are looked at when somebody asks, say otherwise.
    pub(super) fn in_files(accounts: &Accounts, passwd: PathBuf, group: PathBuf) -> Self {
        Self {
            files: Some(Files { passwd, group }),
            ..Self::of(accounts)
        }
    }

    /// Whether this user is in any of these groups.
    pub(super) fn is_in(&self, uid: u32, gids: &BTreeSet<u32>) -> bool {
        if gids.is_empty() {
            return false;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &self.files {
            known.renew(files);
        }
        known.accounts.is_member(uid, gids)
    }
}

impl Known {
    /// Reads them again if they changed. What cannot be read leaves what was known: a desk must not stand still
    /// because somebody edits its accounts.
    fn renew(&mut self, files: &Files) {
        let stamp = |path: &PathBuf| std::fs::metadata(path).map(|it| Stamp::of(&it));
        let (Ok(passwd), Ok(group)) = (stamp(&files.passwd), stamp(&files.group)) else {
            return;
        };
        // Looked at before they are read: what is written between is seen the next time.
        if self.read == Some([passwd, group]) {
            return;
        }
        match Accounts::read_from(&files.passwd, &files.group) {
            Ok(accounts) => {
                self.accounts = accounts;
                self.read = Some([passwd, group]);
            }
            Err(error) => {
                tracing::warn!(%error, "the accounts of this machine cannot be read again")
            }
        }
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

    #[test]
    fn who_joins_is_a_member_and_who_leaves_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (passwd, group) = (dir.path().join("passwd"), dir.path().join("group"));
        std::fs::write(&passwd, PASSWD).unwrap();
        // As usermod does it: another file in its place.
        let groups = |text: &str| {
            let new = dir.path().join("group-");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, &group).unwrap();
        };
        groups("yibao:x:500:\n");
        let accounts = Accounts::read_from(&passwd, &group).unwrap();
        let members = Members::in_files(&accounts, passwd.clone(), group.clone());
        let yibao = BTreeSet::from([500]);
        assert!(!members.is_in(1000, &yibao));
        assert!(members.is_in(1003, &yibao), "its primary group");
        groups("yibao:x:500:his\n");
        assert!(members.is_in(1000, &yibao), "it joined");
        assert!(!members.is_in(1000, &BTreeSet::from([501])));
        groups("yibao:x:500:\n");
        assert!(!members.is_in(1000, &yibao), "it left");
        std::fs::write(&passwd, PASSWD.replace("1003:500", "1003:501")).unwrap();
        assert!(!members.is_in(1003, &yibao), "its group is another");
        groups("yibao:x:500:his\n");
        assert!(members.is_in(1000, &yibao));
        std::fs::remove_file(&group).unwrap();
        assert!(members.is_in(1000, &yibao), "nothing says otherwise");
    }
}
