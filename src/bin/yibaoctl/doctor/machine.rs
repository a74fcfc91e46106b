//! The machine as the checks see it: files under a root, and programs of the system. Tests have a root of their own
//! and no programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of a file that are read at most.
const FILE_BYTES_MAX: usize = 1024 * 1024;
/// How long a program of the system may take.
const PROGRAM_WAIT_S_MAX: &str = "10";
/// How long one that mends something may: a service that ends what runs (TimeoutStopSec=60) and starts again.
const REPAIR_WAIT_S_MAX: &str = "90";
/// Processes that are looked at.
const PROCESSES_MAX: usize = 65_536;

/// Where files are looked for.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    root: PathBuf,
}

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
        }
    }

    #[cfg(test)]
    pub(crate) fn under(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// A path of the machine.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// The first of these that is there.
    pub(crate) fn first(&self, paths: &[&str]) -> Option<String> {
        let found = paths.iter().find(|path| self.exists(path));
        found.map(|path| (*path).to_owned())
    }

    /// A text file, if it can be read and is not too large.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let text = std::fs::read_to_string(self.path(path)).ok()?;
        (text.len() <= FILE_BYTES_MAX).then_some(text)
    }

    pub(crate) fn is_real(&self) -> bool {
        self.root == Path::new("/")
    }

    /// What a program prints; `None` when it is not there or says no. It is not waited for longer than a while.
    pub(crate) fn says(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let command = self.command(PROGRAM_WAIT_S_MAX, program, arguments);
        let output = command?.output().ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(said)
    }

    /// Whether it did what it was asked. What it says goes nowhere: standard output is the findings'.
    pub(crate) fn does(&self, program: &str, arguments: &[&str]) -> bool {
        let Some(mut command) = self.command(REPAIR_WAIT_S_MAX, program, arguments) else {
            return false;
        };
        let status = command.stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The same, with what it had to say against it; `None`: it could not be run at all.
    pub(crate) fn tries(&self, program: &str, arguments: &[&str]) -> Option<Result<(), String>> {
        let mut command = self.command(REPAIR_WAIT_S_MAX, program, arguments)?;
        let output = command.stderr(Stdio::piped()).output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Some(match output.status.success() {
            true => Ok(()),
            false => Err(said),
        })
    }

    fn command(&self, wait_s: &str, program: &str, arguments: &[&str]) -> Option<Command> {
        if !self.is_real() {
            return None;
        }
        // coreutils are on every machine that has a shell.
        let mut command = Command::new("timeout");
        command.arg(wait_s).arg(program).args(arguments);
        command.env("LC_ALL", "C").env("SYSTEMD_PAGER", "");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        Some(command)
    }

    /// All processes whose names can be read.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir(self.path("/proc")) else {
            return Vec::new();
        };
        let pids = entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.take(PROCESSES_MAX)
            .filter_map(|pid| {
                let name = self.text(format!("/proc/{pid}/comm"))?;
                let name = name.trim_end().to_owned();
                Some(Process { pid, name })
            })
            .collect()
    }

    /// The first process of this name. The kernel cuts names at 15 bytes.
    pub(crate) fn runs(&self, name: &str) -> Option<Process> {
        let cut = name.get(..15).unwrap_or(name);
        self.processes().into_iter().find(|it| it.name == cut)
    }

    /// Who has this file open, and whether every process could be looked into.
    pub(crate) fn holders(&self, file: &Path) -> (Vec<Process>, bool) {
        // Where the first process is hidden, those of other users are.
        let mut saw_all = self.exists("/proc/1/comm");
        let mut holders = Vec::new();
        for process in self.processes() {
            let fds = self.path(format!("/proc/{}/fd", process.pid));
            match std::fs::read_dir(fds) {
                Ok(fds) => {
                    let mut fds = fds.filter_map(Result::ok);
                    let is_it = |fd: std::fs::DirEntry| {
                        std::fs::read_link(fd.path()).is_ok_and(|target| target == file)
                    };
                    if fds.any(is_it) {
                        holders.push(process);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    saw_all = false;
                }
                // It ended meanwhile.
                Err(_) => {}
            }
        }
        (holders, saw_all)
    }

    /// Who has loaded a library with this in the name of its file, and whether every process could be looked into.
    pub(crate) fn users_of(&self, library: &str) -> (Vec<Process>, bool) {
        let mut saw_all = self.exists("/proc/1/comm");
        let mut users = Vec::new();
        for process in self.processes() {
            let maps = self.path(format!("/proc/{}/maps", process.pid));
            match std::fs::read(maps) {
                Ok(maps) => {
                    let is_it = |line: &[u8]| {
                        let line = String::from_utf8_lossy(line);
                        let file = line.rsplit('/').next().filter(|_| line.contains('/'));
                        file.is_some_and(|file| file.starts_with(library))
                    };
                    if maps.split(|byte| *byte == b'\n').any(is_it) {
                        users.push(process);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    saw_all = false;
                }
                // It ended meanwhile.
                Err(_) => {}
            }
        }
        (users, saw_all)
    }

    /// The number of a group, by its name.
    pub(crate) fn gid(&self, name: &str) -> Option<u32> {
        self.number_of("/etc/group", name)
    }

    /// The number of a user, by its name.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        self.number_of("/etc/passwd", name)
    }

    /// Who is listed in a group; none: there is no such group.
    pub(crate) fn members(&self, group: &str) -> Option<Vec<String>> {
        let line = self.line_of("/etc/group", group)?;
        let names = line.split(':').nth(3)?.trim().split(',');
        Some(
            names
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// The numbers of all groups of a user, its own first.
    pub(crate) fn gids_of(&self, user: &str) -> Vec<u32> {
        let own = self.line_of("/etc/passwd", user);
        let own = own.and_then(|line| line.split(':').nth(3)?.parse().ok());
        let groups = self.text("/etc/group").unwrap_or_default();
        let listed = groups.lines().filter_map(|line| {
            let fields: Vec<&str> = line.trim_end().split(':').collect();
            let is_member = fields.get(3)?.split(',').any(|it| it == user);
            fields.get(2)?.parse().ok().filter(|_: &u32| is_member)
        });
        own.into_iter().chain(listed).collect()
    }

    fn number_of(&self, file: &str, name: &str) -> Option<u32> {
        let line = self.line_of(file, name)?;
        line.split(':').nth(2)?.parse().ok()
    }

    fn line_of(&self, file: &str, name: &str) -> Option<String> {
        let text = self.text(file)?;
        let mut lines = text.lines();
        let is_it = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        lines.find(is_it).map(str::to_owned)
    }

    /// The name of a user of this number.
    pub(crate) fn user(&self, uid: u32) -> Option<String> {
        self.name_of("/etc/passwd", uid)
    }

    /// The name of a group of this number.
    pub(crate) fn group(&self, gid: u32) -> Option<String> {
        self.name_of("/etc/group", gid)
    }

    fn name_of(&self, file: &str, number: u32) -> Option<String> {
        let text = self.text(file)?;
        let wanted = number.to_string();
        let line = text
            .lines()
            .find(|line| line.split(':').nth(2) == Some(&wanted))?;
        line.split(':').next().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let group = "yibao-other:x:5:\nyibao:x:990:cashier\n";
        std::fs::write(dir.path().join("etc/group"), group).unwrap();
        std::fs::write(dir.path().join("etc/passwd"), "cashier:x:1000:1000::/:\n").unwrap();
        let machine = Machine::under(dir.path());
        assert_eq!(machine.gid("yibao"), Some(990));
        assert_eq!(machine.gid("yiba"), None);
        assert_eq!(machine.user(1000).as_deref(), Some("cashier"));
        assert_eq!(machine.says("true", &[]), None, "a test runs no programs");
    }

    #[test]
    fn who_has_a_file_open_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("line");
        let file = std::fs::File::create(&path).unwrap();
        let (holders, _) = Machine::here().holders(&path.canonicalize().unwrap());
        assert_eq!(holders.len(), 1, "{holders:?}");
        assert_eq!(holders[0].pid, std::process::id());
        drop(file);
        let (holders, _) = Machine::here().holders(&path.canonicalize().unwrap());
        assert_eq!(holders, []);
    }
}
