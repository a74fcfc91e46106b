//! The table: what a loop took, ours beside its floor, and how it is shown.

use std::time::Duration;

use crate::judge;

/// What, ours, floor, ratio, bar.
pub(super) type Table = Vec<[String; 5]>;

/// What a loop took.
pub(super) struct Spread {
    pub(super) middle: Duration,
    pub(super) p99: Duration,
}

impl Spread {
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |hundredths: usize| {
            let place = times.len() * hundredths / 100;
            let time = times.get(place.min(times.len().saturating_sub(1)));
            time.copied().unwrap_or_default()
        };
        Self {
            middle: at(50),
            p99: at(99),
        }
    }

    pub(super) fn shown(&self) -> String {
        format!("{} / {}", us(self.middle), us(self.p99))
    }
}

pub(super) fn compared(table: &mut Table, name: &str, [ours, floor]: &[Spread; 2], bar: &str) {
    let middle = times(ours.middle, floor.middle);
    let p99 = times(ours.p99, floor.p99);
    let ratio = format!("{middle} / {p99}");
    table.push(row(name, &ours.shown(), &floor.shown(), &ratio, bar));
}

pub(super) fn row(name: &str, ours: &str, floor: &str, ratio: &str, bar: &str) -> [String; 5] {
    [name, ours, floor, ratio, bar].map(str::to_owned)
}

pub(super) fn us(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}

/// How many times the floor.
pub(super) fn times(ours: Duration, floor: Duration) -> String {
    let hundredths = ours.as_micros() * 100 / floor.as_micros().max(1);
    format!("{}.{:02} ×", hundredths / 100, hundredths % 100)
}

pub(super) fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

pub(super) fn drawn(table: &Table, calls: usize, settlements: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut text = format!(
        "yibaod {} at {}, {cores} cores, Linux {}, {calls} calls, {settlements} settlements; p50 / p99 where there are \
         two; ✓ and ✗: whether the bar is held.\n\n\
         | what · 项目 | ours · 实测 | floor · 下限 | ratio · 倍数 | bar · 目标 |\n|---|---:|---:|---:|---|\n",
        env!("CARGO_PKG_VERSION"),
        commit(),
        kernel.trim(),
    );
    for row in table {
        let mark = judge::mark(row);
        let [what, ours, floor, ratio, bar] = row;
        text.push_str(&format!(
            "| {what} | {ours} | {floor} | {ratio} | {mark}{bar} |\n"
        ));
    }
    text
}

/// What was measured, and of which day it is.
fn commit() -> String {
    let told = |words: &[&str]| {
        let root = env!("CARGO_MANIFEST_DIR");
        let git = std::process::Command::new("git")
            .args(["-C", root])
            .args(words)
            .output();
        let told = git.map(|git| String::from_utf8_lossy(&git.stdout).trim().to_owned());
        told.unwrap_or_default()
    };
    let head = told(&["log", "-1", "--abbrev=12", "--format=%h of %cs"]);
    match told(&["status", "--porcelain", "--", "src", "Cargo.lock"]).is_empty() {
        true => head,
        false => format!("{head} with changes"),
    }
}
