//! What monitoring sees: the metrics by Prometheus' own parser, the health of the services, `status --check`.

mod limits;
mod queue;
mod scrape;
mod steps;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use yibaod::api::{GetMetricsRequest, Money};

use super::{finished, here, tool};
use crate::desk::{Desk, Setup, Shows, bill, channel, eventually};

const SETTLES: &str = "yibao.v1.SettlementService";
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_are_what_happened() {
    let setup = Setup {
        settle_quiet_s: 1,
        profile_more: "[transactions]\nreversible = []\n[enquiry]\nwithout_setl_id = false\n"
            .to_owned(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let before = Page::of(&desk).await;
    assert_eq!(before.settlements("settled"), "0", "told before it is met");
    for (request_id, fault, money) in [
        ("metrics-1", None, Money::Settled),
        ("metrics-2", None, Money::Settled),
        ("metrics-3", Some("F1@2207"), Money::Unknown),
        ("metrics-4", Some("F2@1101!"), Money::Refused),
    ] {
        if let Some(fault) = fault {
            desk.platform.arm(fault).expect("a fault of the sandbox");
        }
        let shows = [Shows::fresh("employee"), Shows::fresh("employee")];
        desk.pay(bill(&desk, request_id), &shows).await;
        let truth = desk.truth(request_id).await.expect("it was accepted");
        assert_eq!(truth.money(), money, "{truth:?}");
    }

    let page = Page::of(&desk).await;
    for (outcome, count) in [
        ("settled", "2"),
        ("unknown", "1"),
        ("refused", "1"),
        ("cancelled", "0"),
        ("reversed", "0"),
    ] {
        assert_eq!(page.settlements(outcome), count, "{outcome}");
    }
    assert_eq!(
        page.of_label("yibaod_money_answers_lost_total", "outpatient"),
        "1"
    );
    assert_eq!(page.one("yibaod_stuck"), "1");
    assert_eq!(
        page.of_label("yibaod_settlement_seconds_count", "settled"),
        "2"
    );
    // Every message that the platform has seen was counted, by its transaction and by what came back.
    for (infno, outcome) in [("2207", "answered"), ("2207", "lost"), ("1101", "lost")] {
        let received = desk.platform.ledger(|ledger| ledger.received(infno).len());
        let lost = page.platform(infno, "lost");
        let answered = page.platform(infno, "answered");
        assert_eq!(answered + lost, received, "{infno}");
        assert!(page.platform(infno, outcome) > 0, "{infno} {outcome}");
    }
    let papers = page.labelled("yibaod_print_jobs_total", &[("outcome", "printed")]);
    assert_eq!(papers, ["2"], "two receipts came out");
    let scanner = page.labelled(
        "yibaod_device_state",
        &[("role", "scanner"), ("yibaod_device_state", "ready")],
    );
    assert_eq!(scanner, ["1"]);
    let syncs = page.one("yibaod_journal_syncs_total");
    let timed = page.one("yibaod_journal_commit_seconds_count");
    assert_eq!(timed, syncs, "each sync is timed");
    are_fetched_over_http(&desk).await;
    let pid = std::fs::read_to_string(format!("/proc/{}/status", desk.pid())).expect("it runs");
    assert!(pid.contains("VmRSS") && page.one("process_resident_memory_bytes") != "0");
    page.names_nobody(&desk);
}

async fn are_fetched_over_http(desk: &Desk) {
    let fetched = fetched(desk, "GET").await;
    assert!(fetched.starts_with("HTTP/1.1 200 OK\r\n"), "{fetched}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(fetched.contains(kind), "{fetched}");
    assert!(fetched.contains("yibaod_accepting 1\n") && fetched.contains("# EOF"));
    let posted = self::fetched(desk, "POST").await;
    assert!(posted.starts_with("HTTP/1.1 405 "), "{posted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_settles_nothing_says_so_to_its_monitor() {
    let mut desk = Desk::start(Setup::default()).await;
    assert!(health_becomes(&desk, SERVING).await);
    let (said, exit) = status_check(&desk).await;
    // The receipt printer of the sandbox is on TCP and nobody used it: that is no alarm.
    assert_eq!((exit, &said[..12]), (0, "YIBAOD OK - "), "{said}");

    desk.stop().await;
    let (said, exit) = status_check(&desk).await;
    assert_eq!(exit, 2, "{said}");
    let config = std::fs::read_to_string(desk.config()).expect("its configuration");
    let other = config.replace("number = 7", "number = 8");
    assert_ne!(config, other);
    std::fs::write(desk.config(), other).expect("its configuration");
    desk.start_daemon().await;
    assert!(health_becomes(&desk, NOT_SERVING).await, "it says so");
    assert_eq!(health(&desk, "").await, SERVING, "it answers all the same");
    let (said, exit) = status_check(&desk).await;
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("E7002"), "{said}");
    let page = Page::of(&desk).await;
    assert_eq!(page.one("yibaod_accepting"), "0");
    let why = page.labelled("yibaod_not_accepting", &[("code", "E7002")]);
    assert_eq!(why, ["1"]);
}

/// Within the time that things are waited for.
async fn health_becomes(desk: &Desk, wanted: i32) -> bool {
    let is = async || (health(desk, SETTLES).await == wanted).then_some(());
    eventually(is).await.is_some()
}

async fn health(desk: &Desk, service: &str) -> i32 {
    let channel = channel(&desk.socket()).await.expect("its door is open");
    let service = service.to_owned();
    let mut client = HealthClient::new(channel);
    let answer = client.check(HealthCheckRequest { service });
    answer.await.expect("it is known").into_inner().status
}

/// `/metrics` by plain HTTP/1, as Prometheus and curl ask.
async fn fetched(desk: &Desk, method: &str) -> String {
    let mut line = tokio::net::UnixStream::connect(desk.socket())
        .await
        .expect("it listens");
    let asked =
        format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    line.write_all(asked.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("it answers");
    answer
}

async fn status_check(desk: &Desk) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket());
    command.args(["status", "--check"]);
    let output = finished(command, "").await;
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
    (said, output.status.code().expect("it ended by itself"))
}

/// The samples, as Prometheus' parser read them.
struct Page {
    text: String,
    samples: Vec<Value>,
}

impl Page {
    async fn of(desk: &Desk) -> Self {
        let channel = channel(&desk.socket()).await.expect("its door is open");
        let mut daemon = yibaod::api::daemon_service_client::DaemonServiceClient::new(channel);
        let answer = daemon.get_metrics(GetMetricsRequest {}).await;
        let text = answer.expect("everybody who gets in may").into_inner().text;
        Self::read(text).await
    }

    /// What was fetched, by whatever way.
    async fn read(text: String) -> Self {
        let mut command = Command::new(tool("YIBAO_PYTHON"));
        command.arg(here("tests/peers/openmetrics.py"));
        let output = finished(command, &text).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{text}");
        let samples = serde_json::from_slice(&output.stdout).expect("its JSON");
        Self { text, samples }
    }

    /// The values of the samples that have these labels.
    fn labelled(&self, name: &str, labels: &[(&str, &str)]) -> Vec<String> {
        let has = |sample: &&Value| {
            sample[0] == name
                && labels
                    .iter()
                    .all(|(label, text)| sample[1][*label] == *text)
        };
        let found = self.samples.iter().filter(has);
        found.map(|sample| sample[2].to_string()).collect()
    }

    fn one(&self, name: &str) -> String {
        let found = self.labelled(name, &[]);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].clone()
    }

    /// The one sample with this value in any label.
    fn of_label(&self, name: &str, text: &str) -> String {
        let has = |sample: &&Value| {
            let labels = sample[1].as_object().expect("labels");
            sample[0] == name && labels.values().any(|value| value == text)
        };
        let found: Vec<&Value> = self.samples.iter().filter(has).collect();
        assert_eq!(found.len(), 1, "{name} {text}: {found:?}");
        found[0][2].to_string()
    }

    /// The one sample with these labels, as a number.
    fn number(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.labelled(name, labels);
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0].parse().expect("a number")
    }

    fn settlements(&self, outcome: &str) -> String {
        let labels = [("kind", "outpatient"), ("outcome", outcome)];
        self.labelled("yibaod_settlements_total", &labels).concat()
    }

    fn platform(&self, infno: &str, outcome: &str) -> usize {
        let labels = [("transaction", infno), ("outcome", outcome)];
        let found = self.labelled("yibaod_platform_calls_total", &labels);
        let count = found.first().map_or("0", String::as_str);
        count.parse().expect("a whole number")
    }

    fn names_nobody(&self, desk: &Desk) {
        let person = desk.platform.person("employee").expect("of the sandbox");
        for secret in [&person.name, &person.idno, &person.psn_no] {
            assert!(!self.text.contains(secret.as_str()), "{}", self.text);
        }
    }
}
