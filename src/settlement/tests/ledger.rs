//! A small honest platform: visits, lines, charges by msgid. It takes every money call it gets, so that a second
//! one shows.

use std::collections::BTreeMap;

use super::sample::{self, TOTAL};
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Enquiry, Found, FoundVisit, LineSplit, Looked, Settled, Step};
use crate::settlement::errand::Ask;
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
    /// 费用明细流水号 of the lines that are not uploaded yet, 2204; a pharmacy's whole sale.
    pub(super) lines: Vec<String>,
    /// How far the charge is from the preview.
    pub(super) differs: u8,
    /// Settled by 2101 and 2102: without a visit and without lines uploaded before.
    pub(super) is_pharmacy: bool,
    /// Asked by the number of a settlement and on nobody's behalf: a refund's.
    pub(super) by_number: bool,
}

impl Message {
    pub(super) fn of(step: Step, msgid: String, state: &State, differs: u8) -> Self {
        let known = &state.known;
        let settled = known.settled.as_ref();
        let is_pharmacy = state.is_pharmacy();
        let uploaded = if is_pharmacy { 0 } else { known.lines.len() };
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
                .skip(uploaded)
                .cloned()
                .collect(),
            differs,
            is_pharmacy,
            by_number: false,
        }
    }

    /// What a refund asks.
    pub(super) fn of_refund(ask: &Ask, msgid: String) -> Self {
        let (step, numbers) = match ask {
            Ask::Refund(numbers) => (Step::UndoSettle, numbers),
            Ask::Look(numbers) => (Step::FindSettlement, numbers),
            Ask::Enquiry(_)
            | Ask::HandOut(_)
            | Ask::TakeBack(_)
            | Ask::Compare(_)
            | Ask::Totals(_)
            | Ask::Upload { .. }
            | Ask::Details { .. }
            | Ask::Download { .. }
            | Ask::YearToDate { .. } => panic!("a refund asks no such thing"),
        };
        Self {
            step,
            msgid,
            ipt_otp_no: String::new(),
            mdtrt_id: numbers.mdtrt_id.clone(),
            chrg_bchno: String::new(),
            settle_msgid: numbers.settle_msgid.clone(),
            setl_id: numbers.setl_id.clone(),
            lines: Vec::new(),
            differs: 0,
            is_pharmacy: numbers.is_pharmacy,
            by_number: true,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) msgid: String,
    pub(super) chrg_bchno: String,
    pub(super) mdtrt_id: String,
    pub(super) amounts: Amounts,
    pub(super) stands: bool,
    /// How often it was given back, by 2208 or 2601.
    pub(super) given_back: u32,
    pub(super) is_pharmacy: bool,
}

impl Charge {
    pub(super) fn setl_id(&self) -> String {
        format!("S-{}", self.msgid)
    }
}

/// What a 2208 gave back: a settlement of its own, with negative amounts.
#[derive(Clone, Debug)]
pub(super) struct GivenBack {
    pub(super) msgid: String,
    /// 结算ID of the settlement that it gives back.
    pub(super) of: String,
    pub(super) amounts: Amounts,
}

impl GivenBack {
    pub(super) fn setl_id(&self) -> String {
        format!("B-{}", self.msgid)
    }
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
    pub(super) given_back: Vec<GivenBack>,
    /// Gives back a second time what it gave back before, under another msgid.
    pub(super) is_forgetful: bool,
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
            given_back: Vec::new(),
            is_forgetful: false,
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
            Step::FindSettlement if message.by_number => Ok(self.look(message)),
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
            let sum = message.lines.iter().map(|line| self.price(line).0).sum();
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
            let lines = message.lines.iter().map(|number| self.part_of(number));
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
            mdtrt_id: if message.is_pharmacy {
                // The visit that 2102 makes.
                format!("SALE-{}", message.msgid)
            } else {
                message.mdtrt_id.clone()
            },
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
            setl_id: charge.setl_id(),
            mdtrt_id: if charge.is_pharmacy {
                charge.mdtrt_id.clone()
            } else {
                String::new()
            },
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
        if (self.given_back.iter()).any(|row| row.msgid == message.msgid) {
            return Err("a repeated msgid");
        }
        let mut charges = self.charges.iter_mut();
        let charge = charges
            .find(|charge| charge.setl_id() == message.setl_id)
            .ok_or("no such settlement")?;
        assert_eq!(message.mdtrt_id, charge.mdtrt_id, "of another visit");
        assert_eq!(message.is_pharmacy, charge.is_pharmacy, "2208, or 2103");
        if !charge.stands && !self.is_forgetful {
            return Err("already refunded");
        }
        charge.stands = false;
        charge.given_back += 1;
        let row = GivenBack {
            msgid: message.msgid.clone(),
            of: message.setl_id.clone(),
            amounts: sample::negative(&charge.amounts),
        };
        let refunded = Found::Refunded {
            setl_id: row.setl_id(),
            setl_time: "2026-01-01 08:02:00".to_owned(),
            amounts: row.amounts.clone(),
        };
        self.given_back.push(row);
        Ok(refunded)
    }

    /// 5203 by the number of a settlement, or of a refund.
    fn look(&self, message: &Message) -> Found {
        let setl_id = &message.setl_id;
        let mut charges = self.charges.iter();
        let charge = charges.find(|charge| charge.setl_id() == *setl_id);
        let mut rows = self.given_back.iter();
        let row = rows.find(|row| row.setl_id() == *setl_id);
        let (settled, is_refunded) = match (charge, row) {
            (Some(charge), _) => (self.settled(charge), !charge.stands),
            (None, Some(row)) => {
                let mut charges = self.charges.iter();
                let charge = charges.find(|charge| charge.setl_id() == row.of);
                let mut settled = self.settled(charge.expect("what was given back was charged"));
                settled.setl_id = row.setl_id();
                settled.amounts = row.amounts.clone();
                (settled, true)
            }
            (None, None) => return Found::Enquiry(Enquiry::NothingThere),
        };
        Found::Looked(Looked {
            settled,
            is_refunded,
            fixmedins_code: String::new(),
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
