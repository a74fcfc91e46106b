//! `doctor --fix`: what is safe. It takes rights away, asks the system to look again, opens a socket of systemd; it gives nobody
//! a right, deletes nothing and touches no journal.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::finding::Repair;
use super::rights::USER;
use super::{Finding, Machine};
use crate::out::Out;

/// Does what can be done, says each, and gives how many were done.
pub(super) fn all(machine: &Machine, findings: &[Finding], out: &Out) -> usize {
    let mut done = 0;
    for finding in findings {
        let Some(repair) = &finding.repair else {
            continue;
        };
        let (what, is_done) = one(machine, repair);
        let sign = if is_done {
            "✓ 已修复 done"
        } else {
            "✗ 未能修复 not done"
        };
        out.notes(&[format!("  {sign}  {}: {what}", finding.subject)]);
        done += usize::from(is_done);
    }
    if done == 0 {
        out.notes(&["  没有可自动修复的项目  nothing here can be fixed safely".to_owned()]);
    }
    done
}

fn one(machine: &Machine, repair: &Repair) -> (String, bool) {
    match repair {
        Repair::Mode { path, mode } => {
            let what = format!("chmod {mode:03o} {}", path.display());
            let set = narrow(machine, path, *mode);
            (what, set.is_ok())
        }
        Repair::Run(words) => (words.join(" "), run(machine, words)),
        Repair::RunAfter { check, run: words } => match run(machine, check) {
            true => (words.join(" "), run(machine, words)),
            false => (format!("{} says no", check.join(" ")), false),
        },
    }
}

fn run(machine: &Machine, words: &[String]) -> bool {
    let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let program = words.first().map_or("", String::as_str);
    machine.does(program, &arguments)
}

/// Takes rights away from what lies at this very place: no link is followed, and what is neither the system's, the
/// daemon's nor this user's is left alone, since whoever owns a folder chooses what is found there. A folder has to be the
/// daemon's: what the configuration names may be one that the whole system shares.
fn narrow(machine: &Machine, path: &Path, mode: u32) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let found = file.metadata()?;
    let ours = [
        Some(0),
        Some(rustix::process::geteuid().as_raw()),
        machine.uid(USER),
    ];
    let is_one = match found.is_dir() {
        true => is_daemons_folder(machine, &found),
        false => found.is_file() && found.nlink() == 1 && ours.contains(&Some(found.uid())),
    };
    if !is_one {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let narrower = found.mode() & 0o7777 & mode;
    file.set_permissions(Permissions::from_mode(narrower))
}

/// Whether a folder is the daemon's own.
pub(super) fn is_daemons_folder(machine: &Machine, found: &Metadata) -> bool {
    found.is_dir() && machine.uid(USER) == Some(found.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_mended_and_what_fails_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let machine = Machine::under(dir.path());
        let mode = Repair::Mode {
            path: path.clone(),
            mode: 0o600,
        };
        assert!(one(&machine, &mode).1);
        let now = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(now & 0o777, 0o600);
        let gone = Repair::Mode {
            path: dir.path().join("none"),
            mode: 0o600,
        };
        assert!(!one(&machine, &gone).1);
        // A link that leads elsewhere, and another name of something else.
        let other = dir.path().join("other");
        std::fs::write(&other, "x").unwrap();
        std::fs::set_permissions(&other, Permissions::from_mode(0o644)).unwrap();
        let (link, name) = (dir.path().join("link"), dir.path().join("name"));
        std::os::unix::fs::symlink(&other, &link).unwrap();
        std::fs::hard_link(&other, &name).unwrap();
        for path in [link, name] {
            let mode = Repair::Mode { path, mode: 0o600 };
            assert!(!one(&machine, &mode).1, "{mode:?}");
        }
        let now = std::fs::metadata(&other).unwrap().permissions().mode();
        assert_eq!(now & 0o777, 0o644);
        // A folder that is not the daemon's, as one that root shares with all.
        let shared = dir.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
        let mode = Repair::Mode {
            path: shared.clone(),
            mode: 0o700,
        };
        assert!(!one(&machine, &mode).1, "{mode:?}");
        let own = std::fs::metadata(&shared).unwrap().uid();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let accounts = format!("{USER}:x:{own}:{own}:::\n");
        std::fs::write(dir.path().join("etc/passwd"), accounts).unwrap();
        assert!(one(&machine, &mode).1, "the daemon's own");
        let now = std::fs::metadata(&shared).unwrap().permissions().mode();
        assert_eq!(now & 0o777, 0o700);
        let program = Repair::Run(vec!["true".into()]);
        assert!(!one(&machine, &program).1, "tests run no programs");
    }
}
