//! A small honest platform: visits, lines, charges by msgid. It takes every money call it gets, so that a second
//! one shows.

use std::collections::BTreeMap;

use super::sample::{self, TOTAL};
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Enquiry, Found, FoundVisit, LineSplit, Settled, Step};
use crate::settlement::state::State;

/// What a message asks for, taken from the call when it left.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) step: Step,
    pub(super) msgid: String,
    pub(super) ipt_otp_no: String,
    pub(super) mdtrt_id: String,
    pub(super) chrg_bchno: String,
    pub(super) settle_msgid: String,
    pub(super) setl_id: String,
    /// 费用明细流水号 of the lines that are not uploaded yet, 2204.
    pub(super) lines: Vec<String>,
    /// How far the charge is from the preview.
    pub(super) differs: u8,
    /// Settled by 2101 and 2102: without a visit and without lines uploaded before.
    pub(super) is_pharmacy: bool,
}

impl Message {
    pub(super) fn of(step: Step, msgid: String, state: &State, differs: u8) -> Self {
        let known = &state.known;
        let settled = known.settled.as_ref();
        Self {
            step,
            msgid,
            ipt_otp_no: known.ids.ipt_otp_no.clone(),
            mdtrt_id: known.mdtrt_id.clone().unwrap_or_default(),
            chrg_bchno: known.ids.chrg_bchno.clone(),
            settle_msgid: known.settle_msgid.clone().unwrap_or_default(),
            setl_id: settled
                .map(|settled| settled.setl_id.clone())
                .unwrap_or_default(),
            lines: (known.ids.feedetl_sn.iter())
                .skip(known.lines.len())
                .cloned()
                .collect(),
            differs,
            is_pharmacy: state.is_pharmacy(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) msgid: String,
    pub(super) chrg_bchno: String,
    pub(super) amounts: Amounts,
    pub(super) stands: bool,
    /// How often it was given back, by 2208 or 2601.
    pub(super) given_back: u32,
    pub(super) is_pharmacy: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) mdtrt_id: String,
    pub(super) ipt_otp_no: String,
    /// Made by a 2201 of this settlement.
    pub(super) ours: bool,
    pub(super) open: bool,
}

/// A line that is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FeeLine {
    pub(super) mdtrt_id: String,
    pub(super) chrg_bchno: String,
    pub(super) feedetl_sn: String,
}

#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) visits: Vec<Visit>,
    pub(super) lines: Vec<FeeLine>,
    pub(super) charges: Vec<Charge>,
    /// What each line costs, by its 费用明细流水号.
    pub(super) prices: BTreeMap<String, Fen>,
    /// How a sum is split, of 1 000: what the funds pay, and of the rest what the account pays.
    pub(super) split: (i64, i64),
    /// Lines that one 2204 takes.
    pub(super) part: usize,
}

/// What the ledger does with a message: done with this, or refused.
pub(super) type Said = Result<Found, &'static str>;

impl Ledger {
    /// With a visit of the hospital's own and one of another desk.
    pub(super) fn new() -> Self {
        let visit = |mdtrt_id: &str, ipt_otp_no: &str| Visit {
            mdtrt_id: mdtrt_id.to_owned(),
            ipt_otp_no: ipt_otp_no.to_owned(),
            ours: false,
            open: true,
        };
        Self {
            visits: vec![visit("HIS", "O1-HIS"), visit("OTHER", "O2")],
            lines: Vec::new(),
            charges: Vec::new(),
            prices: [("F1".to_owned(), TOTAL)].into(),
            split: (500, 500),
            part: usize::MAX,
        }
    }

    pub(super) fn standing(&self) -> usize {
        self.charges.iter().filter(|charge| charge.stands).count()
    }

    /// What was charged for a batch.
    pub(super) fn charges_of<'a>(&'a self, batch: &'a str) -> impl Iterator<Item = &'a Charge> {
        let of_batch = move |charge: &&Charge| charge.chrg_bchno == batch;
        self.charges.iter().filter(of_batch)
    }

    /// Processes a message.
    pub(super) fn commit(&mut self, message: &Message) -> Said {
        match message.step {
            Step::Decode | Step::Person => Err("asked elsewhere"),
            Step::Register => Ok(self.register(message)),
            Step::VisitInfo => self.open_visit(message).map(|_| Found::Nothing),
            Step::Fees => self.fees(message),
            Step::PreSettle => self.pre_settle(message),
            Step::Settle => self.settle(message),
            Step::UndoSettle => self.undo_settle(message),
            Step::UndoFees => self.undo_fees(message),
            Step::UndoRegister => self.undo_register(message),
            Step::Reverse => Ok(Found::Reversal(self.reverse(message))),
            Step::FindVisit => Ok(Found::Visits(self.find_visits())),
            Step::FindSettlement => Ok(Found::Enquiry(self.find_settlement(message))),
        }
    }

    fn register(&mut self, message: &Message) -> Found {
        let mdtrt_id = format!("M{}", self.visits.len());
        self.visits.push(Visit {
            mdtrt_id: mdtrt_id.clone(),
            ipt_otp_no: message.ipt_otp_no.clone(),
            ours: true,
            open: true,
        });
        Found::Registered { mdtrt_id }
    }

    fn open_visit(&mut self, message: &Message) -> Result<&mut Visit, &'static str> {
        let mut visits = self.visits.iter_mut();
        visits
            .find(|visit| visit.mdtrt_id == message.mdtrt_id && visit.open)
            .ok_or("no such visit")
    }

    fn fees(&mut self, message: &Message) -> Said {
        self.open_visit(message)?;
        let there = |number: &String| self.lines.iter().any(|line| line.feedetl_sn == *number);
        let sent = &message.lines[..message.lines.len().min(self.part)];
        if sent.iter().any(there) {
            return Err("the lines are there already");
        }
        let new = sent.iter().map(|number| FeeLine {
            mdtrt_id: message.mdtrt_id.clone(),
            chrg_bchno: message.chrg_bchno.clone(),
            feedetl_sn: number.clone(),
        });
        self.lines.extend(new);
        let split = sent.iter().map(|number| self.part_of(number));
        Ok(Found::Lines(split.collect()))
    }

    fn part_of(&self, number: &str) -> LineSplit {
        LineSplit {
            feedetl_sn: number.to_owned(),
            chrgitm_lv: "01".to_owned(),
            det_item_fee_sumamt: self.price(number),
            fulamt_ownpay_amt: Fen::ZERO,
            overlmt_amt: Fen::ZERO,
            preselfpay_amt: Fen::ZERO,
            inscp_scp_amt: self.price(number),
        }
    }

    fn price(&self, number: &str) -> Fen {
        self.prices.get(number).copied().unwrap_or(Fen::ZERO)
    }

    fn amounts(&self, message: &Message) -> Amounts {
        if message.is_pharmacy {
            let sum = self.prices.values().map(|price| price.0).sum();
            return sample::split_amounts(Fen(sum), self.split);
        }
        let lines = self.lines.iter();
        let of_batch = lines.filter(|line| line.chrg_bchno == message.chrg_bchno);
        let sum = of_batch.map(|line| self.price(&line.feedetl_sn).0).sum();
        sample::split_amounts(Fen(sum), self.split)
    }

    fn pre_settle(&mut self, message: &Message) -> Said {
        let mut amounts = self.amounts(message);
        amounts.psn_cash_pay.0 += i64::from(message.differs);
        if message.is_pharmacy {
            let lines = self.prices.keys().map(|number| self.part_of(number));
            let lines = lines.collect();
            return Ok(Found::DrugPreview { amounts, lines });
        }
        self.open_visit(message)?;
        Ok(Found::Preview(amounts))
    }

    fn settle(&mut self, message: &Message) -> Said {
        if !message.is_pharmacy {
            self.open_visit(message)?;
        }
        // The same message once more; another one of the same bill would be taken, so that it shows.
        if self
            .charges
            .iter()
            .any(|charge| charge.msgid == message.msgid)
        {
            return Err("a repeated msgid");
        }
        let amounts = match message.differs {
            0 => self.amounts(message),
            1 => sample::one_fen_apart(self.amounts(message)),
            _ => {
                let mut amounts = self.amounts(message);
                amounts.psn_cash_pay.0 += 1;
                amounts
            }
        };
        self.charges.push(Charge {
            msgid: message.msgid.clone(),
            chrg_bchno: message.chrg_bchno.clone(),
            amounts,
            stands: true,
            given_back: 0,
            is_pharmacy: message.is_pharmacy,
        });
        Ok(Found::Settled(
            self.settled(self.charges.last().expect("just pushed")),
        ))
    }

    fn settled(&self, charge: &Charge) -> Settled {
        Settled {
            setl_id: format!("S-{}", charge.msgid),
            mdtrt_id: sale(charge.is_pharmacy).to_owned(),
            medins_setl_id: charge.msgid.clone(),
            setl_time: "2026-01-01 08:01:00".to_owned(),
            insutype: "310".to_owned(),
            clr_type: "11".to_owned(),
            clr_way: String::new(),
            clr_optins: String::new(),
            amounts: charge.amounts.clone(),
            setlinfo: "{}".to_owned(),
            setldetail: "[]".to_owned(),
        }
    }

    fn undo_settle(&mut self, message: &Message) -> Said {
        if message.is_pharmacy {
            assert_eq!(message.mdtrt_id, sale(true), "2103 names 2102's own visit");
        }
        let setl_id = &message.setl_id;
        let mut charges = self.charges.iter_mut();
        let charge = charges
            .find(|charge| format!("S-{}", charge.msgid) == *setl_id)
            .ok_or("no such settlement")?;
        if !charge.stands {
            return Err("already refunded");
        }
        charge.stands = false;
        charge.given_back += 1;
        Ok(Found::Refunded {
            setl_id: "S-back".to_owned(),
            setl_time: "2026-01-01 08:02:00".to_owned(),
            amounts: Amounts::default(),
        })
    }

    fn undo_fees(&mut self, message: &Message) -> Said {
        let batch = &message.chrg_bchno;
        assert!(batch.starts_with('C'), "2205 of lines that are not its own");
        if self.charges_of(batch).any(|charge| charge.stands) {
            return Err("it is settled");
        }
        let before = self.lines.len();
        self.lines.retain(|line| line.chrg_bchno != *batch);
        if self.lines.len() < before {
            Ok(Found::Nothing)
        } else {
            Err("no lines")
        }
    }

    fn undo_register(&mut self, message: &Message) -> Said {
        let has_lines = (self.lines.iter()).any(|line| line.mdtrt_id == message.mdtrt_id);
        let visit = self.open_visit(message)?;
        assert!(visit.ours, "2202 of a visit that is not its own");
        if has_lines {
            return Err("it has lines");
        }
        visit.open = false;
        Ok(Found::Nothing)
    }

    fn reverse(&mut self, message: &Message) -> crate::settlement::call::Reversal {
        use crate::settlement::call::Reversal;
        let mut charges = self.charges.iter_mut();
        match charges.find(|charge| charge.msgid == message.settle_msgid) {
            None => Reversal::NothingThere,
            Some(charge) => {
                charge.given_back += u32::from(charge.stands);
                charge.stands = false;
                Reversal::Reversed
            }
        }
    }

    fn find_visits(&self) -> Vec<FoundVisit> {
        let open = self.visits.iter().filter(|visit| visit.open);
        open.map(|visit| FoundVisit {
            mdtrt_id: visit.mdtrt_id.clone(),
            ipt_otp_no: visit.ipt_otp_no.clone(),
        })
        .collect()
    }

    fn find_settlement(&self, message: &Message) -> Enquiry {
        let mut charges = self.charges.iter();
        match charges.find(|charge| charge.msgid == message.settle_msgid) {
            None => Enquiry::NothingThere,
            Some(charge) if charge.stands => Enquiry::Found(self.settled(charge)),
            Some(_) => Enquiry::Refunded,
        }
    }
}

/// The visit that 2102 makes.
fn sale(is_pharmacy: bool) -> &'static str {
    if is_pharmacy { "SALE" } else { "" }
}
