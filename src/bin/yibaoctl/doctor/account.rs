//! What the daemon's user may open: by its number and all its groups, as the kernel decides it. Access lists show in a
//! mode as the group's bits and are not looked into.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Machine;

/// Bits of a mode, of one of its three.
pub(super) const READ: u32 = 0o4;
pub(super) const WRITE: u32 = 0o2;
/// Of a folder: to open what lies in it.
const PASS: u32 = 0o1;

/// A user of this machine.
#[derive(Debug)]
pub(super) struct Account {
    uid: u32,
    gids: Vec<u32>,
}

impl Account {
    /// `None`: there is no such user here.
    pub(super) fn of(machine: &Machine, name: &str) -> Option<Self> {
        let uid = machine.uid(name)?;
        let gids = machine.gids_of(name);
        Some(Self { uid, gids })
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether it has all of these rights.
    pub(super) fn may(&self, found: &Metadata, bits: u32) -> bool {
        let shift = match (found.uid() == self.uid, self.gids.contains(&found.gid())) {
            _ if self.uid == 0 => return true,
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        (found.mode() >> shift) & bits == bits
    }

    /// The file, or the first folder before it, that keeps it from reading. What is not there or not seen keeps nobody.
    pub(super) fn kept_from(&self, machine: &Machine, file: &Path) -> Option<PathBuf> {
        let stands_in_the_way = |path: &Path, bits| {
            let found = std::fs::metadata(machine.path(path));
            found.is_ok_and(|found| !self.may(&found, bits))
        };
        let mut folders: Vec<&Path> = file.ancestors().skip(1).collect();
        folders.reverse();
        let folder = folders.iter().find(|it| stands_in_the_way(it, PASS));
        match folder {
            Some(folder) => Some((*folder).to_owned()),
            None => stands_in_the_way(file, READ).then(|| file.to_owned()),
        }
    }
}

/// `yibaod:yibao 0640`, as `stat` would say it.
pub(super) fn shown(machine: &Machine, found: &Metadata) -> String {
    let user = machine.user(found.uid());
    let user = user.unwrap_or_else(|| found.uid().to_string());
    let group = machine.group(found.gid());
    let group = group.unwrap_or_else(|| found.gid().to_string());
    format!("{user}:{group} {:04o}", found.mode() & 0o7777)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn rights_come_from_all_groups_of_a_user() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let path = dir.path().join("line");
        std::fs::write(&path, "").unwrap();
        let own = std::fs::metadata(&path).unwrap();
        let (uid, gid) = (own.uid(), own.gid());
        let machine = Machine::under(dir.path());
        let may = |accounts: (u32, u32), groups: &str, mode: u32| {
            let passwd = format!("yibaod:x:{}:{}::/:\n", accounts.0, accounts.1);
            std::fs::write(dir.path().join("etc/passwd"), passwd).unwrap();
            std::fs::write(dir.path().join("etc/group"), groups).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let account = Account::of(&machine, "yibaod").unwrap();
            account.may(&std::fs::metadata(&path).unwrap(), READ | WRITE)
        };
        let other = (uid + 77, gid + 77);
        let member = format!("dialout:x:{gid}:cashier,yibaod\n");
        assert!(may(other, &member, 0o660), "by a group that lists it");
        assert!(may((other.0, gid), "", 0o660), "by its own group");
        assert!(!may(other, &format!("dialout:x:{gid}:cashier\n"), 0o660));
        assert!(!may(other, &member, 0o640));
        assert!(may(other, "", 0o666));
        assert!(!may(other, &member, 0o606), "a group's bits count alone");
        if uid != 0 {
            assert!(!may((uid, gid), "", 0o066), "an owner's bits count alone");
        }
    }

    #[test]
    fn what_keeps_it_from_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let set = |path: &str, mode| {
            std::fs::set_permissions(dir.path().join(path), PermissionsExt::from_mode(mode))
                .unwrap();
        };
        std::fs::create_dir_all(dir.path().join("etc/d")).unwrap();
        std::fs::write(dir.path().join("etc/d/x"), "").unwrap();
        let own = std::fs::metadata(dir.path()).unwrap();
        let account = Account {
            uid: own.uid() + 77,
            gids: vec![own.gid() + 77],
        };
        let machine = Machine::under(dir.path());
        let kept = |path: &str| account.kept_from(&machine, Path::new(path));
        for path in ["", "etc", "etc/d"] {
            set(path, 0o755);
        }
        set("etc/d/x", 0o640);
        assert_eq!(kept("/etc/d/x"), Some("/etc/d/x".into()));
        set("etc/d/x", 0o644);
        assert_eq!(kept("/etc/d/x"), None);
        assert_eq!(kept("/etc/d/none"), None);
        set("etc/d", 0o700);
        assert_eq!(kept("/etc/d/x"), Some("/etc/d".into()));
    }
}
