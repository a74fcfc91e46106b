//! Asking the person at the terminal. The terminal itself is asked, not stdin: that may be the bill.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use tokio::sync::oneshot;

/// The controlling terminal.
const TERMINAL: &str = "/dev/tty";

/// Whether there is a terminal to ask at.
pub(crate) fn is_possible() -> bool {
    File::open(Path::new(TERMINAL)).is_ok()
}

/// Waits for a line; `y`, `yes` and 是 are yes. Without a terminal the answer is no.
pub(crate) async fn yes() -> bool {
    let (answer, answered) = oneshot::channel();
    // A thread of its own: a read of the terminal cannot be called off, and nothing may wait for it at the end.
    std::thread::spawn(move || answer.send(yes_now()).ok());
    answered.await.unwrap_or(false)
}

/// The same, where nothing else goes on.
pub(crate) fn yes_now() -> bool {
    let line = File::open(Path::new(TERMINAL)).and_then(|terminal| {
        let mut line = String::new();
        BufReader::new(terminal).read_line(&mut line).map(|_| line)
    });
    line.is_ok_and(|line| is_yes(&line))
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes" | "是")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for line in ["y\n", "Y", "yes\r\n", "是\n"] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in ["", "\n", "n", "no", "yy", "不是"] {
            assert!(!is_yes(line), "{line:?}");
        }
    }
}
