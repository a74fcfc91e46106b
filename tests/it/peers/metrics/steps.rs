//! How long the steps took: each settlement is in the histogram of each stage once, where it belongs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use yibaod::api::{Money, Stage};

use super::Page;
use crate::callers::{answer_of, calling, next, show};
use crate::desk::{Desk, Setup, bill};

const STAGE: &str = "yibaod_settlement_stage_seconds";
/// How long the patient looks for the phone. It lies between two ends of buckets.
const LOOKS_FOR_MS: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_is_timed_once_for_each_settlement() {
    let desk = Desk::start(Setup::default()).await;
    let before = Page::of(&desk).await;
    assert_eq!(before.of_family(STAGE), BTreeMap::new(), "nothing ran");
    let began = Instant::now();
    let mut seen = Vec::new();
    for request_id in ["steps-1", "steps-2"] {
        seen.extend(pay_slowly(&desk, request_id).await);
    }
    desk.until_idle().await;
    let took = began.elapsed().as_secs_f64();

    let page = Page::of(&desk).await;
    let times = page.of_family(STAGE);
    for stage in [
        Stage::Queued,
        Stage::WaitingScan,
        Stage::Settling,
        Stage::Printing,
    ] {
        assert!(seen.contains(&stage), "{stage:?} was told: {seen:?}");
    }
    for stage in seen {
        let word = stage.as_str_name().replace("STAGE_", "").to_lowercase();
        let word = word.replace("visit", "visit_info");
        match times.get(&word) {
            Some(times) => assert_eq!(times.count, 2.0, "{word}: {times:?}"),
            None => assert_eq!(stage, Stage::Ended, "{times:?}"),
        }
    }
    let waiting = &times["waiting_scan"];
    assert_eq!(waiting.at_most("0.25"), 0.0, "{waiting:?}");
    assert_eq!(waiting.at_most("180.0"), 2.0, "{waiting:?}");
    let looked_for = Duration::from_millis(2 * LOOKS_FOR_MS).as_secs_f64();
    assert!(waiting.sum >= looked_for, "{waiting:?}");
    let all: f64 = times.values().map(|times| times.sum).sum();
    assert!(all <= took, "{all} s in stages, {took} s in all: {times:?}");
    let whole = page.number("yibaod_settlement_seconds_sum", &[("outcome", "settled")]);
    assert!(
        whole >= waiting.sum && whole <= took,
        "{whole} s, {took} s in all"
    );
    for family in [
        "yibaod_settlement_seconds",
        "yibaod_platform_call_seconds",
        "yibaod_journal_commit_seconds",
    ] {
        assert!(!page.of_family(family).is_empty(), "{family}");
    }
}

/// Pays when the patient has found the code; what was told on the way.
async fn pay_slowly(desk: &Desk, request_id: &str) -> Vec<Stage> {
    let mut events = desk.watch(request_id).await;
    let call = calling(desk, bill(desk, request_id)).await;
    let mut seen = Vec::new();
    while let Some(event) = next(&mut events).await {
        let is_first = !seen.contains(&event.stage());
        if is_first {
            seen.push(event.stage());
        }
        if is_first && event.stage() == Stage::WaitingScan {
            tokio::time::sleep(Duration::from_millis(LOOKS_FOR_MS)).await;
            show(desk, "employee").await;
        }
    }
    assert_eq!(answer_of(call).await.money(), Money::Settled);
    seen
}

/// One row of a histogram.
#[derive(Debug, Default, PartialEq)]
struct Times {
    /// By the bucket's end, in the order of the page; not added up by us.
    buckets: Vec<(String, f64)>,
    count: f64,
    sum: f64,
}

impl Times {
    fn at_most(&self, end: &str) -> f64 {
        let mut found = self.buckets.iter().filter(|(it, _)| it == end);
        found.next().unwrap_or_else(|| panic!("{end}: {self:?}")).1
    }

    /// Buckets hold those below too, and the last one all.
    fn is_whole(&self) -> bool {
        let last = self.buckets.last();
        self.buckets.is_sorted_by(|(_, one), (_, next)| one <= next)
            && last.is_some_and(|(end, all)| end == "+Inf" && *all == self.count)
    }
}

impl Page {
    /// The rows of a histogram with at most one label, by that label; each must add up.
    fn of_family(&self, family: &str) -> BTreeMap<String, Times> {
        let mut rows: BTreeMap<String, Times> = BTreeMap::new();
        for sample in &self.samples {
            let name = sample[0].as_str().expect("a name");
            let Some(part) = name.strip_prefix(family) else {
                continue;
            };
            let labels = sample[1].as_object().expect("labels");
            let own = labels.iter().find(|(label, _)| *label != "le");
            let own = own.and_then(|(_, text)| text.as_str()).unwrap_or_default();
            let row = rows.entry(own.to_owned()).or_default();
            let value = sample[2].as_f64().expect("a number");
            match part {
                "_bucket" => row.buckets.push((text(&labels["le"]), value)),
                "_count" => row.count = value,
                "_sum" => row.sum = value,
                other => panic!("{family}{other}"),
            }
        }
        for (label, row) in &rows {
            assert!(row.is_whole(), "{family} {label}: {row:?}");
        }
        rows
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
