//! Each row of the daemon's table of steps done twice, against the strict sandbox: a relay delivers it twice,
//! its answer is lost, the daemon is killed behind it. The platform's books end as with once.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use yibaod::api::Money;
use yibaod::sandbox::http::Edge;
use yibaod::settlement::call::Step;
use yibaod::settlement::steps::TABLE;

use super::kill::{Aim, Killer};
use super::record::{Found, Proof};
use crate::desk::{Desk, Setup, Shows, bill, error_name};

/// Cases that run at once.
const AT_ONCE: usize = 8;
const REQUEST: &str = "twice";
/// Longer than a busy machine takes for a few enquiries: what is found within it is found for sure.
const QUIET_S: u32 = 4;
/// Lines of the daemon's log that go with a finding.
const LOG_LINES: usize = 40;
/// Profiles where 5203 cannot be asked: a lost answer is reversed.
const NO_ENQUIRY: &str = "[enquiry]\nwithout_setl_id = false\n";

/// How it happens twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twice {
    /// It does not: what the others are held against.
    Not,
    /// A relay delivers it twice, and the first is answered.
    Delivered,
    /// The same, and the second is answered.
    AnsweredBySecond,
    /// Done, and nobody hears of it.
    Lost,
    /// The daemon is killed before the answer leaves, and the caller comes back.
    Restarted,
}

const KINDS: [Twice; 4] = [
    Twice::Delivered,
    Twice::AnsweredBySecond,
    Twice::Lost,
    Twice::Restarted,
];

/// What leads to a step.
#[derive(Clone, Copy, Debug)]
struct Way {
    infno: &'static str,
    faults: &'static [&'static str],
    profile: &'static str,
}

fn way_to(step: Step) -> Way {
    let way = |infno, faults| Way {
        infno,
        faults,
        profile: "",
    };
    match step {
        Step::Decode => way("ec.query", &[]),
        Step::Person => way("1101", &[]),
        Step::Register => way("2201", &[]),
        Step::VisitInfo => way("2203A", &[]),
        Step::Fees => way("2204", &[]),
        Step::PreSettle => way("2206", &[]),
        Step::Settle => way("2207", &[]),
        Step::UndoSettle => way("2208", &["F12@2207"]),
        Step::UndoFees => way("2205", &["F10@2206"]),
        Step::UndoRegister => way("2202", &["F10@2206"]),
        Step::Reverse => Way {
            infno: "2601",
            faults: &["F1@2207"],
            profile: NO_ENQUIRY,
        },
        Step::FindVisit => way("5201", &["F1@2201"]),
        Step::FindSettlement => way("5203", &["F1@2207"]),
    }
}

/// What there is in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Books {
    money: Money,
    stuck: bool,
    charges: usize,
    refunds: usize,
    /// What fund and account paid in the end.
    net_fen: i64,
    visits_open: usize,
    lines_open: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_done_twice_is_as_once() {
    let proof = Proof::begin(
        "twice",
        "Each step and undo done twice",
        "每一步及其撤销做两遍",
    );
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for row in TABLE {
        let room = Arc::clone(&room);
        running.spawn(async move {
            let mut ends = Vec::new();
            for twice in [&[Twice::Not], &KINDS[..]].concat() {
                let _place = room.acquire().await.expect("nobody closes it");
                let handle = Handle::current();
                let run = move || handle.block_on(run(way_to(row.step), twice));
                ends.push((twice, tokio::task::spawn_blocking(run).await));
            }
            (row.step, ends)
        });
    }
    let (mut count, mut amiss) = (0, Vec::new());
    for (step, ends) in running.join_all().await {
        let mut ends = ends.into_iter();
        let (_, once) = ends.next().expect("it is the first");
        let (once, _) = once.expect("once goes well");
        for (twice, books) in ends {
            count += 1;
            match books {
                Ok((books, _)) if books == once => {}
                Ok((books, said)) => amiss.push(format!(
                    "{step:?} {twice:?}: {books:?}, not {once:?}; it says {said}"
                )),
                Err(error) => amiss.push(format!("{step:?} {twice:?}: {error}")),
            }
        }
    }
    proof.end(&Found {
        count,
        failures: u64::try_from(amiss.len()).expect("few"),
        seeds: None,
    });
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

/// The books, and what the daemon says of it.
async fn run(way: Way, twice: Twice) -> (Books, String) {
    let mut desk = Desk::start(Setup {
        settle_quiet_s: QUIET_S,
        rejoin_s: 20,
        money_call_ms: 10_000,
        profile_more: way.profile.to_owned(),
        ..Setup::default()
    })
    .await;
    let more = match twice {
        Twice::Not | Twice::Restarted => None,
        Twice::Delivered => Some(format!("F23@{}", way.infno)),
        Twice::AnsweredBySecond => Some(format!("F23@{}:2", way.infno)),
        Twice::Lost => Some(format!("F1@{}", way.infno)),
    };
    for fault in way.faults.iter().copied().chain(more.as_deref()) {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let killer = Killer::new(&desk.platform);
    if twice == Twice::Restarted {
        killer.aim(Aim::Call(way.infno, 1, Edge::BeforeAnswer), desk.pid());
        let patient = desk.patient(REQUEST, &[Shows::fresh("employee")]).await;
        let call = desk.scan_and_pay(bill(&desk, REQUEST)).await;
        assert!(call.is_err(), "{call:?}");
        patient.abort();
        let wait = std::time::Duration::from_secs(20);
        assert!(desk.wait_until_ended(wait).await, "it was killed");
        desk.start_daemon().await;
    }
    let shows = [const { Shows::fresh("employee") }; 4];
    desk.pay(bill(&desk, REQUEST), &shows).await;
    books(&desk).await
}

/// See [`run`].
async fn books(desk: &Desk) -> (Books, String) {
    let settlement = desk.ended(REQUEST).await.expect("it was accepted");
    let person = desk.platform.person("employee").expect("a person");
    let books = desk.platform.ledger(|ledger| {
        let rows = ledger.charges_of(&person.psn_no);
        let refunds = rows.iter().filter(|row| row.refund_of.is_some()).count();
        let (fund, account) = ledger.net_charged(&person.psn_no);
        Books {
            money: settlement.money(),
            stuck: settlement.stuck,
            charges: rows.len() - refunds,
            refunds,
            net_fen: fund.0 + account.0,
            visits_open: ledger.visits_open().len(),
            lines_open: !ledger.lines_open().is_empty(),
        }
    });
    let log = desk.log();
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    (books, format!("{}\n{tail}", error_name(&settlement)))
}
