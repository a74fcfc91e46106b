//! Which other programs of this machine have a device file open, as far as this user may see.
//!
//! The kernel shows a process's open files to its own user and to root only; a program of another user stays
//! unseen unless the daemon has that right.

use std::fmt;
use std::path::Path;

/// Processes that are named at most.
const NAMED_MAX: usize = 4;

/// A program that has the device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pid: u32,
    name: String,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Other programs that have this file open. Walks `/proc`: not for the threads that carry tasks.
pub(crate) fn of(device: &Path) -> Vec<Program> {
    let own = std::process::id();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own && has_open(*pid, device))
        .take(NAMED_MAX)
        .map(|pid| Program {
            pid,
            name: name_of(pid),
        })
        .collect()
}

fn has_open(pid: u32, device: &Path) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    files
        .filter_map(Result::ok)
        .any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == device))
}

fn name_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm"))
        .map(|name| name.trim_end().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::far_end::Pty;

    #[test]
    fn a_program_with_the_line_open_is_named() {
        let far = Pty::open();
        let real = far.path().canonicalize().unwrap();
        let file = std::fs::File::open(&real).unwrap();
        assert_eq!(of(&real), [], "our own files are not others'");
        let mut sleeper = std::process::Command::new("sleep")
            .arg("60")
            .stdin(file)
            .spawn()
            .unwrap();
        let found = of(&real);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pid, sleeper.id());
        assert_eq!(found[0].name, "sleep");
    }
}
