//! The platform's books: what it was asked, what it did, who was charged.
//!
//! Honest by construction: nothing is ever taken out; a reversal marks rows, a refund adds
//! negative ones. Tests compare the daemon's word with these rows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::money::Fen;
use super::split::{Amounts, Parts};
use crate::sandbox::http::Delivery;

/// Requests kept with their whole body; later ones are kept without.
pub(super) const BODIES_MAX: usize = 20_000;

/// One request as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// Transaction number, or `ec.query`.
    pub infno: String,
    /// The sender's message id; empty where there is none.
    pub msgid: String,
    /// When its last byte was there, by the platform's clock.
    pub at: Timestamp,
    /// What the platform did.
    pub outcome: Outcome,
    /// What became of the answer; `None` while it is being worked on.
    pub delivery: Option<Delivery>,
    /// The faults that struck it.
    pub faults: Vec<String>,
    /// The whole request; null beyond the first 20 000.
    pub body: Value,
}

/// What the platform did with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Being worked on.
    Open,
    /// Done and, where it writes, written.
    Done,
    /// Refused with this text; nothing written.
    Refused(String),
    /// Turned away at the gateway with this HTTP status; nothing written.
    TurnedAway(u16),
    /// Never reached the platform's core.
    Lost,
}

/// One registered visit.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Given by 2201.
    pub mdtrt_id: String,
    /// Whose.
    pub psn_no: String,
    /// The hospital's number of the visit.
    pub ipt_otp_no: String,
    /// Insurance type of the registration.
    pub insutype: String,
    /// As registered.
    pub mdtrt_cert_type: String,
    /// As registered.
    pub begntime: String,
    /// From 2203; `None` until then.
    pub med_type: Option<String>,
    /// From 2203.
    pub dise_codg: String,
    /// `dept_code`, `dept_name`, `atddr_no`, `dr_name` of 2201.
    pub desk: [String; 4],
    /// Valid diagnoses by diag_srt_no: code and name.
    pub diagnoses: BTreeMap<String, (String, String)>,
    /// Taken back by 2202.
    pub cancelled: bool,
}

/// One fee line.
#[derive(Clone, Debug)]
pub struct FeeLine {
    /// Whose visit.
    pub mdtrt_id: String,
    /// Batch.
    pub chrg_bchno: String,
    /// Serial of the line.
    pub feedetl_sn: String,
    /// Disease code of the line.
    pub dise_codg: String,
    /// Amount.
    pub amount: Fen,
    /// Its division.
    pub parts: Parts,
    /// Taken back by 2205.
    pub revoked: bool,
}

/// One row of money: a settlement, or with negative amounts a refund.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Given by 2207 or 2208, 2102 or 2103.
    pub setl_id: String,
    /// The visit.
    pub mdtrt_id: String,
    /// Whose.
    pub psn_no: String,
    /// The batch.
    pub chrg_bchno: String,
    /// msgid of the request that made the row.
    pub medins_setl_id: String,
    /// `2207`, `2207A`, `2208`, `2102` or `2103`.
    pub infno: String,
    /// Insurance type.
    pub insutype: String,
    /// Kind of visit.
    pub med_type: String,
    /// Credential of the settlement.
    pub mdtrt_cert_type: String,
    /// What it cost whom.
    pub amounts: Amounts,
    /// Platform time, `yyyy-MM-dd HH:mm:ss`.
    pub setl_time: String,
    /// Receipt number given by the hospital.
    pub invono: String,
    /// refd_setl_flag: on the original once refunded, and on the refund.
    pub refunded: bool,
    /// On a refund: the setl_id it takes back.
    pub refund_of: Option<String>,
    /// Undone by 2601: as if it had never been.
    pub reversed: bool,
    /// Trace codes of the packages sold, of a 2102.
    pub trace_codes: Vec<String>,
    /// The family member whose account paid, psn_no and insurance.
    pub account_of: Option<(String, String)>,
}

impl Settlement {
    /// Charges somebody at this moment.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.refunded && !self.reversed && self.refund_of.is_none()
    }
}

/// One row of goods that went out, or came back.
#[derive(Clone, Debug)]
pub struct GoodsRow {
    /// Given by 3505A or 3506A.
    pub number: String,
    /// `3505A` or `3506A`.
    pub infno: String,
    /// msgid of the request that made the row.
    pub msgid: String,
    /// fixmedins_bchno.
    pub batch: String,
    /// rtal_docno.
    pub document: String,
    /// Count in ten-thousandths; negative when it came back.
    pub count_e4: i64,
    /// Given by the piece.
    pub by_piece: bool,
    /// Packages.
    pub trace_codes: Vec<String>,
}

/// One sign-in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Given by 9001.
    pub sign_no: String,
    /// Operator.
    pub opter_no: String,
    /// When.
    pub at: Timestamp,
    /// Signed out, or ended by a fault.
    pub ended: bool,
}

/// What a person has used of a year's account, deductible and limit under one insurance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Personal account.
    pub account: Fen,
    /// Deductible.
    pub deductible: Fen,
    /// Pooled fund.
    pub pooled: Fen,
}

/// Numbers that came twice although they must not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Message ids of more than one request.
    pub msgids: Vec<String>,
    /// Batch numbers used in more than one visit.
    pub batches: Vec<String>,
    /// Line serials used in more than one visit.
    pub lines: Vec<String>,
    /// Visit numbers of the hospital registered more than once.
    pub visit_numbers: Vec<String>,
}

/// The books.
#[derive(Debug, Default)]
pub struct Ledger {
    pub(super) received: Vec<Received>,
    pub(super) visits: BTreeMap<String, Visit>,
    /// By mdtrt_id.
    pub(super) lines: BTreeMap<String, Vec<FeeLine>>,
    pub(super) settlements: Vec<Settlement>,
    /// By mdtrt_id, places in `settlements`.
    of_visit: BTreeMap<String, Vec<usize>>,
    /// By setl_id, the place in `settlements`.
    pub(super) of_setl_id: BTreeMap<String, usize>,
    pub(super) goods: Vec<GoodsRow>,
    pub(super) sign_ins: BTreeMap<String, SignIn>,
    pub(super) used: BTreeMap<(String, String), Used>,
    pub(super) msgids_seen: BTreeMap<String, usize>,
    pub(super) batches_seen: BTreeMap<String, BTreeSet<String>>,
    pub(super) lines_seen: BTreeMap<String, BTreeSet<String>>,
    pub(super) visit_numbers_seen: BTreeMap<String, usize>,
    pub(super) warnings: BTreeMap<String, usize>,
}

impl Ledger {
    /// Writes a request down; the number names it later.
    pub(super) fn receive(&mut self, mut received: Received) -> usize {
        if !received.msgid.is_empty() {
            *self.msgids_seen.entry(received.msgid.clone()).or_default() += 1;
        }
        if self.received.len() >= BODIES_MAX {
            received.body = Value::Null;
        }
        self.received.push(received);
        self.received.len() - 1
    }

    pub(super) fn outcome(&mut self, ticket: usize, outcome: Outcome) {
        if let Some(row) = self.received.get_mut(ticket) {
            row.outcome = outcome;
        }
    }

    pub(super) fn delivered(&mut self, ticket: usize, delivery: Delivery) {
        if let Some(row) = self.received.get_mut(ticket) {
            row.delivery = Some(delivery);
        }
    }

    /// Counts something that real platforms let pass.
    pub(super) fn warn(&mut self, what: String) {
        *self.warnings.entry(what).or_default() += 1;
    }

    /// Lines of a batch that count.
    pub(super) fn batch<'a>(
        &'a self,
        mdtrt_id: &'a str,
        chrg_bchno: &'a str,
    ) -> impl Iterator<Item = &'a FeeLine> {
        self.lines_of(mdtrt_id)
            .filter(move |line| line.chrg_bchno == chrg_bchno)
    }

    /// Lines of a visit that count.
    pub(super) fn lines_of(&self, mdtrt_id: &str) -> impl Iterator<Item = &FeeLine> {
        self.lines
            .get(mdtrt_id)
            .into_iter()
            .flatten()
            .filter(|line| !line.revoked)
    }

    /// Rows of money of a visit, reversed ones too.
    pub(super) fn settlements_of(&self, mdtrt_id: &str) -> impl Iterator<Item = &Settlement> {
        let places = self.of_visit.get(mdtrt_id).into_iter().flatten();
        places.map(|index| &self.settlements[*index])
    }

    /// The settlement that charges this batch at this moment.
    pub(super) fn live_of_batch(&self, mdtrt_id: &str, chrg_bchno: &str) -> Option<&Settlement> {
        self.settlements_of(mdtrt_id)
            .find(|row| row.chrg_bchno == chrg_bchno && row.is_live())
    }

    /// Books a row of money and moves account, deductible and limit with it.
    pub(super) fn book(&mut self, row: Settlement) {
        self.move_used(&row, false);
        let index = self.settlements.len();
        self.of_visit
            .entry(row.mdtrt_id.clone())
            .or_default()
            .push(index);
        self.of_setl_id.insert(row.setl_id.clone(), index);
        self.settlements.push(row);
    }

    /// Undoes a row of money.
    pub(super) fn unbook(&mut self, index: usize) {
        let row = self.settlements[index].clone();
        self.move_used(&row, true);
        self.settlements[index].reversed = true;
    }

    fn move_used(&mut self, row: &Settlement, back: bool) {
        let amounts = if back {
            row.amounts.negated(Fen::ZERO)
        } else {
            row.amounts
        };
        let own = (row.psn_no.clone(), row.insutype.clone());
        let payer = row.account_of.clone().unwrap_or_else(|| own.clone());
        self.used.entry(payer).or_default().account += amounts.account;
        let used = self.used.entry(own).or_default();
        used.deductible += amounts.deductible;
        used.pooled += amounts.pooled;
    }

    pub(super) fn used_by(&self, psn_no: &str, insutype: &str) -> Used {
        let key = (psn_no.to_owned(), insutype.to_owned());
        self.used.get(&key).copied().unwrap_or_default()
    }

    // What tests ask.

    /// Rows that charge or refund this person, without reversed ones.
    #[must_use]
    pub fn charges_of(&self, psn_no: &str) -> Vec<Settlement> {
        let counts = |row: &&Settlement| row.psn_no == psn_no && !row.reversed;
        self.settlements.iter().filter(counts).cloned().collect()
    }

    /// What fund and account paid for this person in the end.
    #[must_use]
    pub fn net_charged(&self, psn_no: &str) -> (Fen, Fen) {
        let rows = self.charges_of(psn_no);
        (
            rows.iter().map(|row| row.amounts.fund()).sum(),
            rows.iter().map(|row| row.amounts.account).sum(),
        )
    }

    /// Requests of this transaction in order of arrival.
    #[must_use]
    pub fn received(&self, infno: &str) -> Vec<Received> {
        self.received
            .iter()
            .filter(|row| row.infno == infno)
            .cloned()
            .collect()
    }

    /// Requests of every kind in order of arrival.
    #[must_use]
    pub fn requests(&self) -> &[Received] {
        &self.received
    }

    /// Requests that came in, of every kind.
    #[must_use]
    pub fn received_count(&self) -> usize {
        self.received.len()
    }

    /// Numbers that came twice although they must not.
    #[must_use]
    pub fn duplicates(&self) -> Duplicates {
        let more = |(key, count): (&String, &usize)| (*count > 1).then(|| key.clone());
        let spread =
            |(key, visits): (&String, &BTreeSet<String>)| (visits.len() > 1).then(|| key.clone());
        Duplicates {
            msgids: self.msgids_seen.iter().filter_map(more).collect(),
            batches: self.batches_seen.iter().filter_map(spread).collect(),
            lines: self.lines_seen.iter().filter_map(spread).collect(),
            visit_numbers: self.visit_numbers_seen.iter().filter_map(more).collect(),
        }
    }

    /// Visits neither taken back nor charged.
    #[must_use]
    pub fn visits_open(&self) -> Vec<Visit> {
        let charged = |id: &str| self.settlements_of(id).any(Settlement::is_live);
        let open = |visit: &&Visit| !visit.cancelled && !charged(&visit.mdtrt_id);
        self.visits.values().filter(open).cloned().collect()
    }

    /// Fee lines neither revoked nor settled.
    #[must_use]
    pub fn lines_open(&self) -> Vec<FeeLine> {
        let open = |line: &&FeeLine| {
            !line.revoked
                && self
                    .live_of_batch(&line.mdtrt_id, &line.chrg_bchno)
                    .is_none()
        };
        self.lines
            .values()
            .flatten()
            .filter(open)
            .cloned()
            .collect()
    }

    /// All rows of money, reversed ones too.
    #[must_use]
    pub fn settlements(&self) -> Vec<Settlement> {
        self.settlements.clone()
    }

    /// All visits, taken back or not.
    #[must_use]
    pub fn visits(&self) -> Vec<Visit> {
        self.visits.values().cloned().collect()
    }

    /// All goods that went out and came back.
    #[must_use]
    pub fn goods(&self) -> Vec<GoodsRow> {
        self.goods.clone()
    }

    /// Whether this package is out: what happened to it last.
    pub(super) fn is_out(&self, code: &str) -> bool {
        let has = |row: &&GoodsRow| row.trace_codes.iter().any(|known| known == code);
        let last = self.goods.iter().rev().find(has);
        last.is_some_and(|row| row.count_e4 > 0)
    }

    /// All sign-ins.
    #[must_use]
    pub fn sign_ins(&self) -> Vec<SignIn> {
        self.sign_ins.values().cloned().collect()
    }

    /// What was let pass, with how often: unknown fields, repeated visit numbers, a strange clock.
    #[must_use]
    pub fn warnings(&self) -> BTreeMap<String, usize> {
        self.warnings.clone()
    }
}
