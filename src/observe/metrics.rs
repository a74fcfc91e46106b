//! What the process counts while it lives: one set for the process, as there is one log.
//!
//! Whoever does something counts it here with one line; the page is written by `operation`. Labels are words of the
//! program, of the book or of the profile; nobody's name, number or text is ever one. Each family holds a bounded
//! number of rows: what comes beyond is counted as `other`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::openmetrics::{Kind, Page, seconds};

/// Rows of one family.
const ROWS_MAX: usize = 128;
/// The row that takes what is beyond.
const OTHER: &str = "other";
/// Upper ends of the buckets for what a machine does, microseconds.
const QUICK_US: &[u64] = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];
/// The same for what another machine or a person is waited for.
const SLOW_US: &[u64] = &[
    10_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    180_000_000,
];

/// Everything that this process counts.
pub static PROCESS: Metrics = Metrics::new();

/// The families.
#[derive(Debug)]
pub struct Metrics {
    /// Settlements whose money is known, or that need a person.
    pub settlements: Counts<2>,
    /// From the order to that moment.
    pub settlement_times: Times<1>,
    /// How long each stage took.
    pub stage_times: Times<1>,
    /// Money calls without an answer.
    pub answers_lost: Counts<1>,
    /// Refunds, hand-outs, reconciliations that ended or need a person.
    pub errands: Counts<2>,
    /// Identifications that ended.
    pub identifications: Counts<1>,
    /// Papers.
    pub prints: Counts<2>,
    /// Messages to the platform, by what came back.
    pub platform_calls: Counts<2>,
    /// How long their answers took.
    pub platform_times: Times<1>,
    /// How long one commit of the journal took, its sync included.
    pub commit_times: Times<0>,
    /// Calls that were not taken.
    pub calls_refused: Counts<1>,
    /// Calls that run.
    pub calls_open: Level,
    /// Calls that one caller may have open.
    pub calls_per_caller_max: Level,
    /// Connections that are open.
    pub connections_open: Level,
    /// Connections that may be open.
    pub connections_max: Level,
    /// Connections that one caller may have open.
    pub connections_per_caller_max: Level,
    /// Connections that could not stay: told so, or closed at once.
    pub connections_refused: Counts<0>,
}

impl Metrics {
    const fn new() -> Self {
        Self {
            settlements: settlements(),
            settlement_times: settlement_times(),
            stage_times: stage_times(),
            answers_lost: answers_lost(),
            errands: errands(),
            identifications: identifications(),
            prints: prints(),
            platform_calls: platform_calls(),
            platform_times: platform_times(),
            commit_times: commit_times(),
            calls_refused: calls_refused(),
            calls_open: Level::new(),
            calls_per_caller_max: Level::new(),
            connections_open: Level::new(),
            connections_max: Level::new(),
            connections_per_caller_max: Level::new(),
            connections_refused: connections_refused(),
        }
    }

    /// Writes all families.
    pub fn write(&self, page: &mut Page) {
        self.settlements.write(page);
        self.settlement_times.write(page);
        self.stage_times.write(page);
        self.answers_lost.write(page);
        self.errands.write(page);
        self.identifications.write(page);
        self.prints.write(page);
        self.platform_calls.write(page);
        self.platform_times.write(page);
        self.commit_times.write(page);
        self.calls_refused.write(page);
        for (name, help, level) in [
            (
                "yibaod_calls_open",
                "Calls that run at all doors.",
                &self.calls_open,
            ),
            (
                "yibaod_calls_per_caller_max",
                "Calls that one caller may have open (limits.calls_per_caller).",
                &self.calls_per_caller_max,
            ),
            (
                "yibaod_connections_open",
                "Connections at the socket and over TCP.",
                &self.connections_open,
            ),
            (
                "yibaod_connections_max",
                "Connections that may be open there, the last of them by root and the service's own user only.",
                &self.connections_max,
            ),
            (
                "yibaod_connections_per_caller_max",
                "Connections that one caller may have open there.",
                &self.connections_per_caller_max,
            ),
        ] {
            page.gauge(name, help, level.now());
        }
        self.connections_refused.write(page);
        page.counter(
            "yibaod_log_lines_dropped",
            "Lines that systemd's journal did not take in time.",
            super::dropped(),
        );
    }
}

const fn settlements() -> Counts<2> {
    Counts::new(
        "yibaod_settlements",
        "Settlements of this process whose money is known (settled, refused, cancelled, reversed) or that \
                 need a person (unknown).",
        ["kind", "outcome"],
        &[
            ["outpatient", "settled"],
            ["outpatient", "refused"],
            ["outpatient", "cancelled"],
            ["outpatient", "reversed"],
            ["outpatient", "unknown"],
            ["pharmacy", "settled"],
            ["pharmacy", "refused"],
            ["pharmacy", "cancelled"],
            ["pharmacy", "reversed"],
            ["pharmacy", "unknown"],
        ],
    )
}

const fn settlement_times() -> Times<1> {
    Times::new(
        "yibaod_settlement_seconds",
        "From the order on disk to the moment when its money was known, people included.",
        ["outcome"],
        SLOW_US,
    )
}

const fn stage_times() -> Times<1> {
    Times::new(
        "yibaod_settlement_stage_seconds",
        "How long settlements were in each stage.",
        ["stage"],
        SLOW_US,
    )
}

const fn answers_lost() -> Counts<1> {
    Counts::new(
        "yibaod_money_answers_lost",
        "Money calls without an answer: what became of them is found out.",
        ["kind"],
        &[["outpatient"], ["pharmacy"]],
    )
}

const fn errands() -> Counts<2> {
    Counts::new(
        "yibaod_errands",
        "Refunds, hand-outs, take-backs, reconciliations and years to date (of sheets) that ended, or that need a \
         person (stuck).",
        ["kind", "outcome"],
        &[
            ["refund", "refunded"],
            ["refund", "refused"],
            ["refund", "stuck"],
        ],
    )
}

const fn identifications() -> Counts<1> {
    Counts::new(
        "yibaod_identifications",
        "Identifications that ended: somebody was identified, was refused, or nobody came (cancelled).",
        ["outcome"],
        &[["identified"], ["refused"], ["cancelled"]],
    )
}

const fn prints() -> Counts<2> {
    Counts::new(
        "yibaod_print_jobs",
        "Papers that were printed (proven), were not, or may have been (unknown).",
        ["document", "outcome"],
        &[
            ["receipt", "printed"],
            ["receipt", "not_printed"],
            ["receipt", "unknown"],
        ],
    )
}

const fn platform_calls() -> Counts<2> {
    Counts::new(
        "yibaod_platform_calls",
        "Messages to the insurance platform by transaction: answered, lost (sent, no whole answer) or \
                 not_sent.",
        ["transaction", "outcome"],
        &[],
    )
}

const fn platform_times() -> Times<1> {
    Times::new(
        "yibaod_platform_call_seconds",
        "From the first byte to the whole answer, or to giving it up.",
        ["transaction"],
        SLOW_US,
    )
}

const fn commit_times() -> Times<0> {
    Times::new(
        "yibaod_journal_commit_seconds",
        "One commit of the journal, its disk sync included.",
        [],
        QUICK_US,
    )
}

const fn calls_refused() -> Counts<1> {
    Counts::new(
        "yibaod_calls_refused",
        "Calls that the doors did not take, by the code of the book.",
        ["code"],
        &[["E7004"], ["E7005"]],
    )
}

const fn connections_refused() -> Counts<0> {
    Counts::new(
        "yibaod_connections_refused",
        "Connections that could not stay: their caller, or everybody, had too many.",
        [],
        &[[]],
    )
}

/// What goes up and down.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// It is so from here on.
    pub fn set(&self, level: u32) {
        self.0.store(i64::from(level), Ordering::Relaxed);
    }

    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

type Key<const N: usize> = [Cow<'static, str>; N];

/// Counters of one family, by `N` labels.
#[derive(Debug)]
pub struct Counts<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    /// Rows that are told before they are counted, as 0: what is not there cannot be watched for.
    known: &'static [[&'static str; N]],
    rows: Mutex<BTreeMap<Key<N>, u64>>,
}

impl<const N: usize> Counts<N> {
    const fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        known: &'static [[&'static str; N]],
    ) -> Self {
        Self {
            name,
            help,
            labels,
            known,
            rows: Mutex::new(BTreeMap::new()),
        }
    }

    /// One more.
    pub fn count(&self, values: [&str; N]) {
        *row(&mut lock(&self.rows), values) += 1;
    }

    fn write(&self, page: &mut Page) {
        let mut rows = lock(&self.rows).clone();
        for known in self.known {
            rows.entry(known.map(Cow::Borrowed)).or_default();
        }
        page.family(self.name, Kind::Counter, self.help);
        let name = format!("{}_total", self.name);
        for (key, count) in &rows {
            page.sample(&name, &labelled(&self.labels, key), count);
        }
    }
}

/// Histograms of one family, by `N` labels.
#[derive(Debug)]
pub struct Times<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    ends_us: &'static [u64],
    rows: Mutex<BTreeMap<Key<N>, Spread>>,
}

/// How often each bucket was met, not added up; what is beyond the last stands in `count` only.
#[derive(Clone, Debug, Default)]
struct Spread {
    buckets: Vec<u64>,
    count: u64,
    sum_us: u64,
}

impl<const N: usize> Times<N> {
    const fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        ends_us: &'static [u64],
    ) -> Self {
        Self {
            name,
            help,
            labels,
            ends_us,
            rows: Mutex::new(BTreeMap::new()),
        }
    }

    /// It took so long.
    pub fn took(&self, values: [&str; N], time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = self.ends_us.iter().position(|end_us| us <= *end_us);
        let mut rows = lock(&self.rows);
        let spread = row(&mut rows, values);
        spread.buckets.resize(self.ends_us.len(), 0);
        if let Some(bucket) = bucket {
            spread.buckets[bucket] += 1;
        }
        spread.count += 1;
        spread.sum_us = spread.sum_us.saturating_add(us);
    }

    /// [`Times::took`], in milliseconds; what is negative took no time.
    pub fn took_ms(&self, values: [&str; N], ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        self.took(values, Duration::from_millis(ms));
    }

    fn write(&self, page: &mut Page) {
        page.family(self.name, Kind::Histogram, self.help);
        let name = |suffix: &str| format!("{}_{suffix}", self.name);
        for (key, spread) in lock(&self.rows).iter() {
            let labels = labelled(&self.labels, key);
            let mut below = 0;
            for (end_us, count) in self.ends_us.iter().zip(&spread.buckets) {
                below += count;
                let end = seconds(*end_us);
                let labels = [labels.as_slice(), &[("le", end.as_str())]].concat();
                page.sample(&name("bucket"), &labels, below);
            }
            let all = [labels.as_slice(), &[("le", "+Inf")]].concat();
            page.sample(&name("bucket"), &all, spread.count);
            page.sample(&name("count"), &labels, spread.count);
            page.sample(&name("sum"), &labels, seconds(spread.sum_us));
        }
    }
}

/// The row of these labels, or the one for what is too many.
fn row<'a, const N: usize, T: Default>(
    rows: &'a mut BTreeMap<Key<N>, T>,
    values: [&str; N],
) -> &'a mut T {
    let mut key: Key<N> = values.map(|value| Cow::Owned(value.to_owned()));
    if rows.len() >= ROWS_MAX && !rows.contains_key(&key) {
        key = [OTHER; N].map(Cow::Borrowed);
    }
    rows.entry(key).or_default()
}

fn labelled<'a, const N: usize>(
    labels: &'a [&'static str; N],
    key: &'a Key<N>,
) -> Vec<(&'a str, &'a str)> {
    let values = key.iter().map(AsRef::as_ref);
    labels.iter().copied().zip(values).collect()
}

fn lock<T>(rows: &Mutex<T>) -> MutexGuard<'_, T> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let times = Times::new("t_seconds", "h", ["x"], &[1_000, 5_000]);
        for us in [1_000, 1_001, 9_000] {
            times.took(["a"], Duration::from_micros(us));
        }
        let mut page = Page::default();
        times.write(&mut page);
        let text = page.end();
        for line in [
            "t_seconds_bucket{x=\"a\",le=\"0.001\"} 1\n",
            "t_seconds_bucket{x=\"a\",le=\"0.005\"} 2\n",
            "t_seconds_bucket{x=\"a\",le=\"+Inf\"} 3\n",
            "t_seconds_count{x=\"a\"} 3\n",
            "t_seconds_sum{x=\"a\"} 0.011001\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }

    #[test]
    fn rows_are_bounded_and_nothing_is_lost() {
        let counts = Counts::new("c", "h", ["x"], &[["known"]]);
        for number in 0..1_000 {
            counts.count([&number.to_string()]);
        }
        let rows = lock(&counts.rows).clone();
        assert_eq!(rows.len(), ROWS_MAX + 1);
        assert_eq!(rows.values().sum::<u64>(), 1_000);
        let mut page = Page::default();
        counts.write(&mut page);
        let text = page.end();
        assert!(text.contains("c_total{x=\"known\"} 0\n"), "{text}");
        assert!(text.contains("c_total{x=\"other\"} 872\n"), "{text}");
    }

    #[test]
    fn bucket_ends_rise() {
        for ends in [QUICK_US, SLOW_US] {
            assert!(ends.is_sorted_by(|one, next| one < next));
        }
    }
}
