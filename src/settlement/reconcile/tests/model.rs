//! A platform to be asked, and a reconciliation carried against it without runner, journal or wire.

use std::collections::BTreeMap;

use crate::book::Code;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::order::{Operator, OperatorKind};
use crate::settlement::reconcile::his::HisRow;
use crate::settlement::reconcile::row::{
    DetailRow, Group, Looked, Row, Standing, StatementRow, There, Totals,
};
use crate::settlement::reconcile::span::Span;
use crate::settlement::reconcile::story::event::Rules;
use crate::settlement::reconcile::story::{Event, Plan, Reconciliation, Table};
use crate::settlement::story::{Act, Story};

/// A row of this desk, number `n`.
pub(super) fn row(n: u16, standing: Standing) -> Row {
    let total = i64::from(n) * 100 + 10_000;
    let sign = if standing == Standing::Refund { -1 } else { 1 };
    Row {
        desk: 7,
        standing,
        settlement_id: format!("id-{n}"),
        psn_no: format!("P{n}"),
        mdtrt_id: format!("M{n}"),
        setl_id: match standing {
            Standing::Settled | Standing::Refunded | Standing::Refund => format!("S{n}"),
            Standing::Open | Standing::Gone => String::new(),
        },
        msgid: msgid(n, 7),
        refund_of: String::new(),
        setl_time: format!("2026-03-01 08:{:02}:{:02}", n / 60 % 60, n % 60),
        insutype: if n.is_multiple_of(3) { "390" } else { "310" }.to_owned(),
        clr_type: "11".to_owned(),
        clr_optins: "430100".to_owned(),
        insuplc_admdvs: "430100".to_owned(),
        total: Fen(sign * total),
        fund: Fen(sign * (total - 3_000)),
        account: Fen(sign * 1_000),
        cash: Fen(sign * 2_000),
        parts_are_broken: false,
    }
}

pub(super) fn msgid(n: u16, desk: u16) -> String {
    format!("H4301009990120260301{:06}{desk:03}{}", n, n % 10)
}

/// What the platform has for a row that agrees with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) row: Row,
    pub(super) there: There,
}

pub(super) fn held(row: &Row) -> Held {
    Held {
        row: row.clone(),
        there: There {
            setl_id: row.setl_id.clone(),
            msgid: row.msgid.clone(),
            setl_time: row.setl_time.clone(),
            refunded: row.standing.is_flagged_refunded(),
            total: row.total,
            fund: row.fund,
            account: row.account,
            cash: row.cash,
        },
    }
}

/// The platform's books: honest.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) held: Vec<Held>,
    /// What went up, by file number.
    uploaded: BTreeMap<String, Vec<DetailRow>>,
    results: BTreeMap<String, Vec<StatementRow>>,
    /// Questions of each number.
    pub(super) asked: BTreeMap<&'static str, usize>,
    /// Every so-manyth question gets no answer.
    pub(super) loses: Option<usize>,
    /// 5203 is refused.
    pub(super) refuses_5203: bool,
    /// 5203 without the row that was asked for, but with others of the visit, says nothing.
    pub(super) unclear_of_others: bool,
    /// Insurances whose totals differ, whatever the books say.
    pub(super) unbalanced: Vec<&'static str>,
}

impl Model {
    pub(super) fn of(rows: &[Row]) -> Self {
        let counts = rows.iter().filter(|row| row.standing.counts());
        Self {
            held: counts.map(held).collect(),
            ..Self::default()
        }
    }

    fn answer(&mut self, errand: &Errand) -> Outcome {
        let infno = match &errand.ask {
            Ask::Compare(_) => "5203",
            Ask::Totals(_) => "3201",
            Ask::Upload { .. } => "9101",
            Ask::Details { .. } => "3202",
            Ask::Download { .. } => "9102",
            Ask::Refund(_)
            | Ask::Enquiry(_)
            | Ask::Look(_)
            | Ask::HandOut(_)
            | Ask::TakeBack(_)
            | Ask::YearToDate { .. } => panic!("a reconciliation only reads"),
        };
        *self.asked.entry(infno).or_default() += 1;
        let all: usize = self.asked.values().sum();
        if self.loses.is_some_and(|every| all.is_multiple_of(every)) {
            return Outcome::Unknown {
                code: Code::PlatformNoAnswer,
                why: "time-out".to_owned(),
            };
        }
        if infno == "5203" && self.refuses_5203 {
            return Outcome::Refused {
                code: Code::PlatformRefused,
                infcode: "-1".to_owned(),
                text: "系统忙".to_owned(),
            };
        }
        Outcome::Done {
            found: Some(self.found(&errand.ask)),
        }
    }

    fn found(&mut self, ask: &Ask) -> Found {
        match ask {
            Ask::Compare(numbers) => {
                let hit = self.held.iter().find(|held| {
                    let same = match numbers.setl_id.is_empty() {
                        false => held.there.setl_id == numbers.setl_id,
                        true => held.there.msgid == numbers.settle_msgid,
                    };
                    same && held.row.mdtrt_id == numbers.mdtrt_id
                });
                let looked = hit.map(|held| Looked::There(held.there.clone()));
                let mut visit = self.held.iter().map(|held| &held.row.mdtrt_id);
                let nothing = match visit.any(|mdtrt_id| *mdtrt_id == numbers.mdtrt_id) {
                    true if self.unclear_of_others => Looked::Unclear,
                    true | false => Looked::Nothing,
                };
                Found::Compared(looked.unwrap_or(nothing))
            }
            Ask::Totals(statement) => {
                let group = self.of_group(&statement.group);
                let mut sums = Totals::of(&group.iter().map(booked).collect::<Vec<_>>());
                sums.cash = statement.totals.cash;
                let insutype = statement.group.insutype.as_str();
                let is_odd = self.unbalanced.contains(&insutype);
                Found::Totals {
                    stmt_rslt: if sums == statement.totals && !is_odd {
                        "0"
                    } else {
                        "1"
                    }
                    .to_owned(),
                    dscr: String::new(),
                }
            }
            Ask::Upload { name, rows } => {
                self.uploaded.insert(name.clone(), rows.to_vec());
                file(name)
            }
            Ask::Details {
                statement,
                file_qury_no,
            } => {
                // All insurances: 3202 names none.
                let held = self.held.iter().filter(|held| {
                    let group = held.row.group();
                    group.clr_type == statement.group.clr_type
                        && group.setl_optins == statement.group.setl_optins
                });
                let held: Vec<Held> = held.cloned().collect();
                let lines = lines(&self.uploaded[file_qury_no], &held);
                self.results.insert(file_qury_no.clone(), lines);
                file(file_qury_no)
            }
            Ask::Download { file_qury_no, .. } => {
                Found::Statement(self.results[file_qury_no].clone())
            }
            Ask::Refund(_)
            | Ask::Enquiry(_)
            | Ask::Look(_)
            | Ask::HandOut(_)
            | Ask::TakeBack(_)
            | Ask::YearToDate { .. } => panic!("a reconciliation only reads"),
        }
    }

    fn of_group(&self, group: &Group) -> Vec<Held> {
        let held = self.held.iter();
        held.filter(|held| held.row.group() == *group)
            .cloned()
            .collect()
    }
}

fn file(name: &str) -> Found {
    Found::File {
        file_qury_no: name.to_owned(),
        filename: name.to_owned(),
    }
}

/// The row as the platform sees it.
fn booked(held: &Held) -> Row {
    let there = &held.there;
    let is_refund = there.total < Fen::ZERO;
    Row {
        standing: if is_refund {
            Standing::Refund
        } else {
            Standing::Settled
        },
        total: there.total,
        fund: there.fund,
        account: there.account,
        cash: there.cash,
        ..held.row.clone()
    }
}

/// What 3202 lists: what is not the same on both sides.
fn lines(uploaded: &[DetailRow], held: &[Held]) -> Vec<StatementRow> {
    let same = |up: &DetailRow, there: &There| {
        (up.total, up.fund, up.account, up.refunded)
            == (there.total, there.fund, there.account, there.refunded)
    };
    let by_number = |number: &str| held.iter().find(|held| held.there.setl_id == number);
    let mut lines = Vec::new();
    for up in uploaded {
        match by_number(&up.setl_id).filter(|_| !up.setl_id.is_empty()) {
            Some(held) if same(up, &held.there) => {}
            Some(held) => lines.push(of_centre(held)),
            None => lines.push(echo(up)),
        }
    }
    let unheard = held
        .iter()
        .filter(|held| !uploaded.iter().any(|up| up.setl_id == held.there.setl_id));
    lines.extend(unheard.map(of_centre));
    lines
}

fn of_centre(held: &Held) -> StatementRow {
    StatementRow {
        psn_no: held.row.psn_no.clone(),
        mdtrt_id: held.row.mdtrt_id.clone(),
        setl_id: held.there.setl_id.clone(),
        msgid: held.there.msgid.clone(),
        stmt_rslt: "1".to_owned(),
        refunded: held.there.refunded,
        memo: String::new(),
        total: held.there.total,
        fund: held.there.fund,
        account: held.there.account,
    }
}

fn echo(up: &DetailRow) -> StatementRow {
    StatementRow {
        psn_no: up.psn_no.clone(),
        mdtrt_id: up.mdtrt_id.clone(),
        setl_id: up.setl_id.clone(),
        msgid: String::new(),
        stmt_rslt: "1".to_owned(),
        refunded: up.refunded,
        memo: "中心无此记录".to_owned(),
        total: up.total,
        fund: up.fund,
        account: up.account,
    }
}

/// A reconciliation of these rows as it was accepted.
pub(super) fn accepted(rows: &[Row], his: Option<Vec<HisRow>>, whole_hospital: bool) -> Event {
    let groups = ["310", "390"].map(|insutype| Group {
        insutype: insutype.to_owned(),
        clr_type: "11".to_owned(),
        setl_optins: "430100".to_owned(),
    });
    Event::Accepted {
        request_id: "r-1".to_owned(),
        caller: "uid:0".to_owned(),
        span: Span::parse("2026-03-01", "").unwrap(),
        whole_hospital,
        desks: vec![7],
        digest: "d".to_owned(),
        plan: Some(Box::new(Plan {
            operator: Operator {
                id: "001".to_owned(),
                name: "收费员".to_owned(),
                kind: OperatorKind::Staff,
            },
            rows: rows.to_vec(),
            his,
            besides: groups.to_vec(),
            forgotten: 0,
            rules: Rules {
                balanced: vec!["0".to_owned()],
                without_setl_id: true,
                pace_ms: 200,
            },
            asks_unplaced: true,
            marks_broken_parts: true,
        })),
    }
}

/// Carries it to its end. Also replayed from its events, as after a restart, it tells the same.
pub(super) fn carry(event: Event, model: &mut Model) -> Table {
    let mut story = Reconciliation::new("c-1");
    let mut events = vec![(event, 0)];
    story.apply(&events[0].0, 0);
    let mut now_ms = 1;
    let rules = crate::settlement::tests::sample::rules();
    loop {
        let event = match story.next(now_ms, &rules) {
            Act::Finished => break,
            Act::Wait { until_ms } => {
                assert!(until_ms > now_ms, "a wait that is over");
                now_ms = until_ms;
                continue;
            }
            Act::Record(event) => event,
            Act::Ask(errand) => {
                let intent = Event::Intent {
                    infno: String::new(),
                    msgid: String::new(),
                    request: None,
                };
                story.apply(&intent, now_ms);
                events.push((intent, now_ms));
                Event::Answered {
                    result: model.answer(&errand),
                    sign_in_expired: false,
                    answer: None,
                }
            }
        };
        story.apply(&event, now_ms);
        events.push((event, now_ms));
        now_ms += 10;
    }
    let mut replayed = Reconciliation::new("c-1");
    for (event, at_ms) in &events {
        let body = serde_json::to_string(event).unwrap();
        let mut read: Event = serde_json::from_str(&body).unwrap();
        if let Some(private) = event.private() {
            read = read.with_private(&private).unwrap();
        }
        replayed.apply(&read, *at_ms);
    }
    assert_eq!(replayed, story, "a restart changes nothing");
    story.table()
}

/// Code and number of each difference, in order.
pub(super) fn told(table: &Table) -> Vec<(Code, String)> {
    let mut told: Vec<(Code, String)> = table
        .differences
        .iter()
        .map(|difference| (difference.code, difference.mdtrt_id.clone()))
        .collect();
    told.sort();
    told
}
