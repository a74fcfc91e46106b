//! Whole settlements with a patient who shows the code at once: what is ours of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use yibaod::api::Money;
use yibaod::sandbox::http::{Edge, Moment};

use super::desk::{Desk, Shows, bill};
use super::metric;
use super::table::{Table, row, tenths, us};

/// What the daemon counts of a settlement.
const SUMS: [&str; 6] = [
    "yibaod_settlement_seconds_sum",
    "yibaod_settlement_stage_seconds_sum{stage=\"waiting_scan\"}",
    "yibaod_platform_call_seconds_sum",
    "yibaod_journal_commit_seconds_sum",
    "yibaod_journal_syncs_total",
    "yibaod_platform_calls_total",
];

/// One settlement after the other.
pub(super) async fn alone(table: &mut Table, desk: &Desk, settlements: usize) {
    let wire = Wire::watch(desk);
    let mut before = [0; SUMS.len()];
    let mut cpu_before = Duration::ZERO;
    for turn in 0..=settlements {
        // The first is not counted: caches, first allocations.
        if turn == 1 {
            before = sums(desk).await;
            cpu_before = cpu(desk.pid());
            wire.forget();
        }
        let request = bill(desk, &format!("bench-{turn}"));
        let told = desk.pay(request, &[Shows::fresh("employee")]).await;
        assert_eq!(told.money(), Money::Settled);
    }
    let cpu = cpu(desk.pid()).saturating_sub(cpu_before);
    let on_the_wire_us = us_of(wire.answering());
    let after = sums(desk).await;
    let count = u64::try_from(settlements.max(1)).expect("a number");
    let of = |n: usize| after[n].saturating_sub(before[n]);
    let [all, scan, platform, sync] = [0, 1, 2, 3].map(of);
    let ms = |us: u64| format!("{} ms", tenths(us / count / 100));
    for (name, platform) in [
        ("own share of a settlement · 结算自身耗时", platform),
        ("the same, our HTTP with it", on_the_wire_us),
    ] {
        let own = ms(all.saturating_sub(scan + platform + sync));
        let others = format!("{} platform, {} sync", ms(platform), ms(sync));
        table.push(row(name, &own, &others, "–", "≤ 3 ms"));
    }
    let each = us(cpu / u32::try_from(count).expect("a number"));
    table.push(row(
        "processor time of a settlement · 结算处理器时间",
        &each,
        "–",
        "–",
        "–",
    ));
    let ratio = tenths(of(4) * 10 / count);
    let outside = format!("{} calls", tenths(of(5) * 10 / count));
    let name = "syncs of a settlement · 每笔落盘次数";
    table.push(row(name, &ratio, &outside, "–", "≤ calls + 1"));
}

async fn sums(desk: &Desk) -> [u64; SUMS.len()] {
    let mut sums = [0; SUMS.len()];
    for (sum, name) in sums.iter_mut().zip(SUMS) {
        *sum = metric(desk, name).await;
    }
    sums
}

/// What a process had of the processors so far, all of its threads that live.
fn cpu(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let of = |thread: std::io::Result<std::fs::DirEntry>| -> u64 {
        let path = thread.expect("a thread").path().join("schedstat");
        // One may end meanwhile.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let first = text.split(' ').next().unwrap_or_default();
        first.parse().unwrap_or(0)
    };
    Duration::from_nanos(threads.map(of).sum())
}

fn us_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// How long the platform's end of the wire had a request, seen there: from its first byte until the answer was written.
struct Wire(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    since: Option<Instant>,
    answering: Duration,
}

impl Wire {
    fn watch(desk: &Desk) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let noting = Arc::clone(&seen);
        desk.platform.on_moment(move |moment: &Moment| {
            let mut seen = noting.lock().expect("nobody panics with it");
            match moment.edge {
                Edge::FirstByte => seen.since = Some(Instant::now()),
                Edge::AfterAnswer => {
                    let since = seen.since.take();
                    seen.answering += since.map_or(Duration::ZERO, |since| since.elapsed());
                }
                Edge::LastByte | Edge::BeforeAnswer => {}
            }
        });
        Self(seen)
    }

    fn forget(&self) {
        *self.0.lock().expect("nobody panics with it") = Seen::default();
    }

    fn answering(&self) -> Duration {
        self.0.lock().expect("nobody panics with it").answering
    }
}
