//! `yibaoctl device watch`: what happened is told again to who comes back.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use yibaod::api::DeviceState;

use super::until_state;
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

    /// What is told next.
    async fn told(&mut self) -> Value {
        let next = timeout(Duration::from_secs(LINE_S_MAX), self.lines.next_line()).await;
        let line = next.expect("in time").expect("a line").expect("it goes on");
        serde_json::from_str(&line).expect("an object a line")
    }

    /// The next event; lists of devices are passed over.
    async fn event(&mut self) -> Value {
        loop {
            let told = self.told().await;
            if !told["change"].is_null() {
                return told;
            }
        }
    }
}

fn number(told: &Value, field: &str) -> u64 {
    let number = told[field].as_str().expect("uint64 as text");
    number.parse().expect("a number")
}

fn seq(event: &Value) -> u64 {
    number(event, "seq")
}

/// What a person is told first who watches from this number on: the lines up to the first that has these words.
async fn shown(desk: &Desk, from: u64, words: &str) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket());
    command.args(["device", "watch", "--from", &from.to_string()]);
    let command = command.kill_on_drop(true).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its pipe")).lines();
    let mut shown = Vec::new();
    loop {
        let next = timeout(Duration::from_secs(LINE_S_MAX), lines.next_line()).await;
        let next = next.unwrap_or_else(|_| panic!("no {words:?} in {shown:#?}"));
        shown.push(next.expect("a line").expect("it goes on"));
        if shown.last().is_some_and(|line| line.contains(words)) {
            return shown;
        }
    }
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

/// The number that follows is told with the state: who was told another one before knows that it missed something.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_knows_whether_it_missed_something() {
    let desk = Desk::start(Setup::default()).await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let first = Watching::begin(&desk, 0).told().await;
    assert_eq!(first["missed"], Value::Bool(false), "{first}");
    let next = number(&first, "nextSeq");
    desk.scanner.unplug();
    desk.scanner.replug().expect("a pty");
    let mut back = Watching::begin(&desk, next);
    let state = back.told().await;
    assert_eq!(
        (number(&state, "nextSeq"), &state["missed"]),
        (next, &Value::Bool(false))
    );
    assert_eq!(seq(&back.event().await), next, "nothing in between");
    // Who does not say where it was is told where it is.
    let later = number(&Watching::begin(&desk, 0).told().await, "nextSeq");
    assert!(later > next, "{later} after {next}");
    assert!(number(&state, "firstSeq") < next);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_a_life_before_are_told_from_missed_ones() {
    let mut desk = Desk::start(Setup::default()).await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let before = Watching::begin(&desk, 0).told().await;
    let (was, began) = (number(&before, "nextSeq"), number(&before, "firstSeq"));
    desk.kill();
    desk.start_daemon().await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let mut back = Watching::begin(&desk, was);
    let state = back.told().await;
    assert_eq!(state["missed"], Value::Bool(true), "{state}");
    let again = number(&state, "firstSeq");
    assert!(again > was && was > began, "{again}, {was}, {began}");
    // All of this life is told, from its first number on.
    assert_eq!(number(&state, "nextSeq"), again);
    assert_eq!(seq(&back.event().await), again);

    let told = shown(&desk, was, "未予保留").await;
    let told = told.last().expect("a line");
    assert!(
        told.contains(&format!("#{was}")) && told.contains(&format!("#{again}")),
        "{told}"
    );
    let missed = |lines: &[String]| {
        lines
            .iter()
            .any(|line| line.contains("漏掉") || line.contains("未予保留"))
    };
    let whole = shown(&desk, again, &format!("#{again}")).await;
    assert!(!missed(&whole), "{whole:#?}");
    shown(&desk, u64::MAX, "没有序号为").await;
}
