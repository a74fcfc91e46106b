//! What this process started ends with it, also when it is killed: a shell at the other end of a pipe sees to it.
//!
//! A daemon that outlives its sandbox holds the scanner's pty, and the next one meets a busy device. The kernel's own
//! death signal would not do: it comes when the thread that forked ends, and a tracer in between swallows it.
//! It knows processes and groups by number, nothing else.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Lines `tie TARGET` and `free TARGET`; at the end of the input all that are tied are killed.
const KEEPER: &str = r#"
trap '' HUP INT TERM
all=
while read -r what target; do
    left=
    for one in $all; do [ "$one" = "$target" ] || left="$left $one"; done
    all=$left
    [ "$what" = free ] || all="$all $target"
done
for one in $all; do kill -s KILL -- "$one"; done
"#;

/// The keeper of this process, from its first tie on.
static KEEPER_OF_THIS: Mutex<Option<Keeper>> = Mutex::new(None);

/// One process or group that ends with this process, until it is dropped.
#[derive(Debug)]
pub struct Tie {
    target: String,
}

impl Tie {
    /// Ties a process.
    ///
    /// # Errors
    /// There is no shell.
    pub fn process(pid: u32) -> io::Result<Self> {
        Self::to(pid.to_string())
    }

    /// Ties a whole group.
    ///
    /// # Errors
    /// There is no shell.
    pub fn group(leader: u32) -> io::Result<Self> {
        Self::to(format!("-{leader}"))
    }

    fn to(target: String) -> io::Result<Self> {
        let mut keeper = KEEPER_OF_THIS
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if keeper.is_none() {
            *keeper = Some(Keeper::start()?);
        }
        if let Some(keeper) = keeper.as_mut() {
            keeper.say("tie", &target)?;
        }
        Ok(Self { target })
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        let mut keeper = KEEPER_OF_THIS
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = keeper.as_mut() {
            // Without a keeper nothing is tied.
            keeper.say("free", &self.target).ok();
        }
    }
}

/// The shell; it ends when its input does, and with it everything that is tied.
#[derive(Debug)]
struct Keeper {
    input: ChildStdin,
}

impl Keeper {
    fn start() -> io::Result<Self> {
        let mut keeper = Command::new("/bin/sh");
        keeper
            .args(["-c", KEEPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Of its own group: what ends the tests' group must not end it too.
            .process_group(0);
        let input = keeper.spawn()?.stdin.take();
        let input = input.ok_or_else(|| io::Error::other("no pipe to the keeper"))?;
        Ok(Self { input })
    }

    fn say(&mut self, what: &str, target: &str) -> io::Result<()> {
        // One write: a line is never half there.
        let line = format!("{what} {target}\n");
        self.input.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Child;
    use std::time::{Duration, Instant};

    use super::*;

    /// Longest time for a killed process to be gone.
    const GONE_S_MAX: u64 = 20;

    fn sleeper() -> Child {
        let mut sleep = Command::new("sleep");
        sleep.arg("600").process_group(0);
        sleep.spawn().unwrap()
    }

    #[test]
    fn what_is_tied_ends_and_what_is_freed_lives() {
        let [mut process, mut group, mut freed] = [sleeper(), sleeper(), sleeper()];
        let mut keeper = Keeper::start().unwrap();
        let leader = format!("-{}", group.id());
        keeper.say("tie", &freed.id().to_string()).unwrap();
        keeper.say("tie", &process.id().to_string()).unwrap();
        keeper.say("free", &freed.id().to_string()).unwrap();
        keeper.say("tie", &leader).unwrap();
        for child in [&mut process, &mut group, &mut freed] {
            assert!(child.try_wait().unwrap().is_none(), "as long as we live");
        }
        drop(keeper);
        let until = Instant::now() + Duration::from_secs(GONE_S_MAX);
        for child in [&mut process, &mut group] {
            while child.try_wait().unwrap().is_none() {
                assert!(Instant::now() < until, "it lives on");
                std::thread::yield_now();
            }
        }
        assert!(freed.try_wait().unwrap().is_none(), "it is nobody's");
        freed.kill().unwrap();
        freed.wait().unwrap();
    }
}
