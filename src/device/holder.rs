//! Which other programs of this machine have a device file open, as far as this user may see.
//!
//! The kernel shows a process's open files to its own user and to root only, and a service under
//! `ProtectProc=invisible` does not even see that there are processes of others. What was not seen is said.

use std::fmt;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Processes that are named at most.
const NAMED_MAX: usize = 4;
/// Where the kernel shows processes.
const PROC: &str = "/proc";
/// Of the far ends of pseudo terminals.
const TERMINAL_MAJORS: RangeInclusive<u32> = 136..=143;
/// The first process of every machine; where it is not shown, others are hidden too.
const FIRST_PID: u32 = 1;

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

/// Who was found to have a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holders {
    pub(crate) programs: Vec<Program>,
    /// Every process of the machine could be looked into: who is not here does not have it.
    pub(crate) saw_all: bool,
}

/// Other programs that have this file open. Walks `/proc`: not for the threads that carry tasks.
pub(crate) fn of(device: &Path) -> Holders {
    of_under(Path::new(PROC), device)
}

fn of_under(proc: &Path, device: &Path) -> Holders {
    let mut found = Holders {
        programs: Vec::new(),
        saw_all: proc.join(FIRST_PID.to_string()).is_dir(),
    };
    let Ok(processes) = std::fs::read_dir(proc) else {
        return found;
    };
    let own = std::process::id();
    let pids = processes
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids.filter(|pid| *pid != own) {
        let process = proc.join(pid.to_string());
        match has_open(&process, device) {
            Ok(true) if found.programs.len() < NAMED_MAX => found.programs.push(Program {
                pid,
                name: name_of(&process),
            }),
            Ok(_) => {}
            Err(_) => found.saw_all = false,
        }
    }
    found
}

/// Whether this process has it open; an error: its files are not shown.
fn has_open(process: &Path, device: &Path) -> std::io::Result<bool> {
    let files = match std::fs::read_dir(process.join("fd")) {
        Ok(files) => files,
        Err(error) if has_ended(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    for file in files {
        let file = file?.path();
        match std::fs::read_link(&file) {
            Ok(target) if target == device && !is_of_another_set(&file, device) => {
                return Ok(true);
            }
            Ok(_) => {}
            Err(error) if has_ended(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether both are terminals of the same number in different sets of them: those of a container are not ours.
fn is_of_another_set(file: &Path, device: &Path) -> bool {
    let (Ok(file), Ok(device)) = (std::fs::metadata(file), std::fs::metadata(device)) else {
        return false;
    };
    TERMINAL_MAJORS.contains(&rustix::fs::major(device.rdev())) && file.dev() != device.dev()
}

/// Whether the process, or its file, went away meanwhile.
fn has_ended(error: &std::io::Error) -> bool {
    let no_such_process = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(no_such_process)
}

fn name_of(process: &Path) -> String {
    std::fs::read_to_string(process.join("comm"))
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
        assert_eq!(of(&real).programs, [], "our own files are not others'");
        let mut sleeper = std::process::Command::new("sleep")
            .arg("60")
            .stdin(file)
            .spawn()
            .unwrap();
        let found = of(&real).programs;
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pid, sleeper.id());
        assert_eq!(found[0].name, "sleep");
    }

    /// Processes as a `/proc` of the test's own shows them: each with its open files, or with none to be seen.
    fn shown(processes: &[(u32, Option<&str>)]) -> Holders {
        let proc = tempfile::tempdir().unwrap();
        for (pid, file) in processes {
            let process = proc.path().join(pid.to_string());
            std::fs::create_dir(&process).unwrap();
            std::fs::write(process.join("comm"), "thief\n").unwrap();
            match file {
                Some(file) => {
                    std::fs::create_dir(process.join("fd")).unwrap();
                    std::os::unix::fs::symlink(file, process.join("fd/3")).unwrap();
                }
                // Not to be listed, also for root.
                None => std::fs::write(process.join("fd"), "").unwrap(),
            }
        }
        of_under(proc.path(), Path::new("/dev/gun"))
    }

    #[test]
    fn what_is_not_shown_is_not_called_free() {
        let free = shown(&[(1, Some("/dev/null")), (4_000_000, Some("/dev/other"))]);
        assert_eq!((free.programs.len(), free.saw_all), (0, true));
        let closed = shown(&[(1, Some("/dev/null")), (4_000_000, None)]);
        assert_eq!((closed.programs.len(), closed.saw_all), (0, false));
        // As under `ProtectProc=invisible`: only our own processes are there.
        let hidden = shown(&[(4_000_000, Some("/dev/other"))]);
        assert_eq!((hidden.programs.len(), hidden.saw_all), (0, false));
        let found = shown(&[(1, None), (4_000_000, Some("/dev/gun"))]);
        assert_eq!(found.programs[0].to_string(), "thief (pid 4000000)");
        assert!(!found.saw_all);
    }
}
