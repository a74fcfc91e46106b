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

/// What was tried about a finding.
pub(super) struct Tried {
    subject: String,
    repair: Repair,
    /// The command.
    what: String,
    was_done: bool,
}

/// Does what can be done.
pub(super) fn all(machine: &Machine, findings: &[Finding]) -> Vec<Tried> {
    let mended = findings.iter().filter_map(|finding| {
        let repair = finding.repair.clone()?;
        let (what, was_done) = one(machine, &repair);
        Some(Tried {
            subject: finding.subject.clone(),
            repair,
            what,
            was_done,
        })
    });
    mended.collect()
}

/// A line for each, with what a second look found: a command that ended well need not have mended anything.
pub(super) fn told(tried: &[Tried], found: &[Finding]) -> Vec<String> {
    if tried.is_empty() {
        return vec!["  没有可自动修复的项目  nothing here can be fixed safely".to_owned()];
    }
    let lines = tried.iter().map(|it| {
        let is_it =
            |one: &Finding| one.subject == it.subject && one.repair.as_ref() == Some(&it.repair);
        let sign = match (it.was_done, found.iter().any(is_it)) {
            (true, false) => "✓ 已修复 done",
            (true, true) => "✗ 已执行，问题仍在 was run, and it is as before",
            (false, _) => "✗ 未能修复 not done",
        };
        format!("  {sign}  {}: {}", it.subject, it.what)
    });
    lines.collect()
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
    fn it_is_done_when_a_second_look_finds_it_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        let file = |name: &str, mode| {
            let path = dir.path().join(name);
            std::fs::write(&path, "x").unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let finding = Finding::bad(name, "x", "x").so("x", "x");
            finding.repaired_by(Repair::Mode { path, mode: 0o600 })
        };
        let mut findings = vec![file("one", 0o644), file("other", 0o644)];
        let gone = Repair::Run(vec!["true".into()]);
        findings.push(
            Finding::bad("third", "x", "x")
                .so("x", "x")
                .repaired_by(gone),
        );
        let tried = all(&machine, &findings);
        let lines = told(&tried, &findings[1..]);
        assert!(
            lines[0].contains("✓ 已修复 done  one: chmod 600"),
            "{lines:?}"
        );
        assert!(
            lines[1].contains("问题仍在") && !lines[1].contains("done"),
            "{lines:?}"
        );
        assert!(lines[2].contains("not done"), "{lines:?}");
        assert!(told(&[], &findings)[0].contains("nothing here can be fixed"));
    }

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
