//! `yibaoctl device watch`: what happened is told again to who comes back.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::desk::{Desk, Setup};

/// Longest wait for a line; ends a test that hangs.
const LINE_S_MAX: u64 = 60;

/// A running `yibaoctl device watch --from`.
struct Watching {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn begin(desk: &Desk, from: u64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
        command.arg("--socket").arg(desk.socket());
        command.args(["--json", "device", "watch", "--from", &from.to_string()]);
        let command = command.kill_on_drop(true).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its pipe")).lines();
        Self {
            _child: child,
            lines,
        }
    }

    /// The next event; lists of devices are passed over.
    async fn event(&mut self) -> Value {
        loop {
            let next = timeout(Duration::from_secs(LINE_S_MAX), self.lines.next_line()).await;
            let line = next.expect("in time").expect("a line").expect("it goes on");
            let told: Value = serde_json::from_str(&line).expect("an object a line");
            if !told["change"].is_null() {
                return told;
            }
        }
    }
}

fn seq(event: &Value) -> u64 {
    let seq = event["seq"].as_str().expect("int64 as text");
    seq.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_over_are_told_from_a_number_on() {
    let desk = Desk::start(Setup::default()).await;
    // From before the daemon started: from the oldest that is known.
    let mut first = Watching::begin(&desk, 1);
    let (one, two) = (first.event().await, first.event().await);
    assert_eq!(seq(&two), seq(&one) + 1);
    let mut again = Watching::begin(&desk, seq(&two));
    assert_eq!(again.event().await, two);
}
