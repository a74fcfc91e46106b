//! The page for monitoring: what the process counts, and how devices, journal and platform are at this moment.

use super::ask::Status;
use super::operations::Operations;
use crate::device::{Counters, DeviceInfo, DeviceState};
use crate::observe::metrics::PROCESS;
use crate::observe::openmetrics::{Kind, Page, seconds_of_ms};
use crate::observe::process;

const STATES: [DeviceState; 7] = [
    DeviceState::Closed,
    DeviceState::Missing,
    DeviceState::Ready,
    DeviceState::Busy,
    DeviceState::PaperOut,
    DeviceState::CoverOpen,
    DeviceState::Fault,
];

impl Operations {
    /// Everything, as OpenMetrics text. Waits for no device and not for the platform.
    pub async fn metrics(&self) -> String {
        let status = self.status().await;
        let mut page = Page::default();
        page.family("yibaod_build", Kind::Info, "The program.");
        page.sample("yibaod_build_info", &[("version", &status.version)], 1);
        self.service(&mut page, &status);
        PROCESS.write(&mut page);
        platform(&mut page, &status);
        self.journal(&mut page, &status);
        devices(&mut page, &status.devices);
        process::write(&mut page, status.started_at_ms);
        page.end()
    }

    fn service(&self, page: &mut Page, status: &Status) {
        let accepting = u8::from(status.refusing.is_none());
        page.gauge(
            "yibaod_accepting",
            "1 when a new settlement would be taken.",
            accepting,
        );
        if let Some(why) = &status.refusing {
            page.family(
                "yibaod_not_accepting",
                Kind::Gauge,
                "Why no new settlement is taken.",
            );
            let labels = [("code", why.code.id()), ("name", why.code.name())];
            page.sample("yibaod_not_accepting", &labels, 1);
        }
        page.family("yibaod_open", Kind::Gauge, "What runs, by kind.");
        for (kind, count) in [
            ("settlement", status.open),
            ("refund", self.inner.refunds.registry().count()),
            ("hand_out", self.inner.hand_outs.registry().count()),
            (
                "reconciliation",
                self.inner.reconciliations.registry().count(),
            ),
            ("print_job", self.inner.prints.registry().count()),
        ] {
            page.sample("yibaod_open", &[("kind", kind)], count);
        }
        page.gauge(
            "yibaod_stuck",
            "What only a person can resolve: yibaoctl stuck. At most 1000 are counted.",
            status.stuck,
        );
        page.gauge(
            "yibaod_settlements_max",
            "Settlements that may run at once.",
            self.waits().settlements_max,
        );
        page.gauge(
            "yibaod_waiting_callers_max",
            "Callers at one scanner or card reader, the one that has it included (limits.waiting_callers).",
            self.parts().hub.waiting_max(),
        );
    }

    fn journal(&self, page: &mut Page, status: &Status) {
        let journal = &self.parts().journal;
        page.gauge(
            "yibaod_journal_events",
            "Records in the journal.",
            status.journal.events,
        );
        page.counter(
            "yibaod_journal_syncs",
            "Commits, each one disk sync.",
            status.journal.commits,
        );
        page.gauge(
            "yibaod_journal_waiting",
            "Appends that wait for the disk.",
            journal.waiting(),
        );
        page.gauge(
            "yibaod_journal_size_bytes",
            "Its files, ballast not counted.",
            journal.size_bytes(),
        );
        page.gauge(
            "yibaod_journal_free_bytes",
            "Room on its file system.",
            journal.health().free_bytes,
        );
    }
}

fn platform(page: &mut Page, status: &Status) {
    let reached = status.platform.reached;
    page.gauge(
        "yibaod_platform_silent_calls",
        "Calls since the platform last answered that came to nothing; 0: the last one was answered.",
        reached.silent_calls,
    );
    if let Some(at_ms) = reached.answered_at_ms {
        page.gauge(
            "yibaod_platform_last_answer_timestamp_seconds",
            "When the insurance platform last answered, Unix time.",
            seconds_of_ms(at_ms),
        );
    }
    if let Some(skew_ms) = status.platform.skew_ms {
        page.gauge(
            "yibaod_platform_clock_skew_seconds",
            "Its clock minus ours. Over 300 either way no new settlement is taken.",
            seconds_of_ms(skew_ms),
        );
    }
}

/// What is told of a device's counters: family, help, how to read it.
type Told = (&'static str, &'static str, fn(&Counters) -> u64);

const TOLD: [Told; 10] = [
    ("opened", "How often its line was opened.", |it| it.opened),
    ("bytes_in", "Bytes from it.", |it| it.bytes_in),
    ("bytes_out", "Bytes to it.", |it| it.bytes_out),
    ("codes", "Codes that were given to somebody.", |it| it.codes),
    (
        "codes_ignored",
        "Codes that came while nobody waited.",
        |it| it.codes_ignored,
    ),
    ("jobs", "Papers that it began.", |it| it.jobs),
    ("jobs_proven", "Papers that are proven.", |it| {
        it.jobs_proven
    }),
    ("cards", "Cards that were given to somebody.", |it| it.cards),
    ("cards_failed", "Readings of cards that failed.", |it| {
        it.cards_failed
    }),
    (
        "losses",
        "Codes whose keys came faster than they were read.",
        |it| it.losses,
    ),
];

fn devices(page: &mut Page, devices: &[DeviceInfo]) {
    let labels = |it: &DeviceInfo| {
        [
            ("device", it.name.clone()),
            ("role", it.role.clone()),
            ("kind", it.kind.to_owned()),
        ]
    };
    let name = "yibaod_device_state";
    page.family(name, Kind::StateSet, "How each device is.");
    for it in devices {
        for state in STATES {
            let own = labels(it);
            let mut labels: Vec<(&str, &str)> = own.iter().map(|(l, v)| (*l, v.as_str())).collect();
            labels.push((name, word(state)));
            page.sample(name, &labels, u8::from(it.state == state));
        }
    }
    let name = "yibaod_device_waiting";
    page.family(
        name,
        Kind::Gauge,
        "Who waits for each device, the one that has it not counted.",
    );
    for it in devices {
        page.sample(name, &[("device", &it.name)], it.waiting);
    }
    for (what, help, of) in TOLD {
        let name = format!("yibaod_device_{what}");
        page.family(&name, Kind::Counter, help);
        for it in devices {
            let total = format!("{name}_total");
            page.sample(&total, &[("device", &it.name)], of(&it.counters));
        }
    }
}

fn word(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Closed => "closed",
        DeviceState::Missing => "missing",
        DeviceState::Ready => "ready",
        DeviceState::Busy => "busy",
        DeviceState::PaperOut => "paper_out",
        DeviceState::CoverOpen => "cover_open",
        DeviceState::Fault => "fault",
    }
}
