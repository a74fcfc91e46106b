//! Rows out of the events of a settlement's stream, or a refund's.
//!
//! A row stands for a money call: what was charged, what was given back, and what a call became of which
//! that is not known. A settlement that never came to its money call has none.

use std::collections::BTreeSet;

use super::row::{Row, Standing};
use super::span::{self, Span};
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome, Step};
use crate::settlement::checks;
use crate::settlement::event::{Event, Private};
use crate::settlement::refund::{End, Event as RefundEvent, Phase as RefundPhase, Refund};
use crate::settlement::rules::FundReading;
use crate::settlement::state::{Phase, State};
use crate::settlement::story::Story;

/// An event as it was written.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The readable half.
    pub body: &'a str,
    /// The sealed half, opened; `None`: there is none, or its key was deleted.
    pub sealed: Option<&'a [u8]>,
}

/// What a stream says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Its rows.
    pub rows: Vec<Row>,
    /// It charged at about this civil time, and the details were forgotten by rule.
    pub forgotten_at: Option<String>,
}

/// The rows of these days, and how many settlements of them were forgotten. A refund marks its original, also
/// one that was made after these days.
#[must_use]
pub fn of_days(settlements: Vec<Own>, refunds: Vec<Row>, span: &Span) -> (Vec<Row>, u32) {
    let refunded: BTreeSet<String> = refunds
        .iter()
        .filter(|row| row.standing == Standing::Refund && !row.refund_of.is_empty())
        .map(|row| row.refund_of.clone())
        .collect();
    let (mut rows, mut forgotten) = (Vec::new(), 0);
    for own in settlements {
        forgotten += u32::from(own.forgotten_at.is_some_and(|at| span.holds(&at)));
        rows.extend(own.rows);
    }
    for row in &mut rows {
        if row.standing == Standing::Settled && refunded.contains(&row.setl_id) {
            row.standing = Standing::Refunded;
        }
    }
    rows.extend(refunds);
    rows.retain(|row| span.holds(&row.setl_time));
    (rows, forgotten)
}

/// The rows of one settlement.
///
/// # Errors
/// An event that this program cannot read.
pub fn settlement(
    desk: u16,
    stream: &str,
    written: &[Written<'_>],
) -> Result<Own, serde_json::Error> {
    let mut state = State::new(stream);
    let mut seen = Seen::default();
    for row in written {
        let event: Event = serde_json::from_str(row.body)?;
        let event = match row.sealed {
            Some(plain) => {
                let private: Private = serde_json::from_slice(plain)?;
                event.with_private(private)
            }
            None => event,
        };
        state.apply(&event, row.at_ms);
        seen.note(&event, row.at_ms);
    }
    Ok(own(desk, &state, &seen))
}

/// The row of one refund that a person asked for; `original` is the stream of what it gives back, where this
/// journal has it. None: no 2208 of ours went out, or it was surely refused.
///
/// # Errors
/// An event that this program cannot read.
pub fn refund_asked_for(
    desk: u16,
    stream: &str,
    written: &[Written<'_>],
    original: Option<&Own>,
) -> Result<Option<Row>, serde_json::Error> {
    let mut refund = Refund::begin(stream);
    for row in written {
        let event: RefundEvent = serde_json::from_str(row.body)?;
        let event = match row.sealed {
            Some(plain) => <Refund as Story>::with_private(event, plain)?,
            None => event,
        };
        refund.apply(&event, row.at_ms);
    }
    let Some((msgid, _)) = refund.sent.clone() else {
        return Ok(None);
    };
    // Without a lost answer before, *given back before* speaks of somebody else's refund.
    let is_ours = refund.given.is_some() || refund.done || refund.was_maybe;
    let standing = match refund.phase {
        RefundPhase::Over(End::Refunded) if is_ours => Standing::Refund,
        RefundPhase::Over(_) => return Ok(None),
        RefundPhase::Looking(_)
        | RefundPhase::Giving
        | RefundPhase::Finding
        | RefundPhase::Comparing
        | RefundPhase::Given
        | RefundPhase::Stuck => Standing::Open,
    };
    let charged = original.and_then(|own| own.rows.iter().find(|row| row.standing.counts()));
    Ok(Some(refund_row(desk, standing, msgid, &refund, charged)))
}

fn refund_row(
    desk: u16,
    standing: Standing,
    msgid: String,
    refund: &Refund,
    charged: Option<&Row>,
) -> Row {
    let given = refund.given.as_ref();
    let answered = given.map(|given| &given.amounts);
    let fen = |pick: fn(&Amounts) -> Fen| match (answered, &refund.charged) {
        (Some(answered), _) => pick(answered),
        (None, Some(charged)) => Fen(pick(charged).0.saturating_neg()),
        (None, None) => Fen::ZERO,
    };
    let is_charge_broken = charged.is_some_and(|row| row.parts_are_broken)
        || refund
            .charged
            .as_ref()
            .is_some_and(|amounts| are_broken(amounts, None));
    let stated = refund
        .resolved
        .as_ref()
        .map(|stated| stated.setl_id.clone());
    let of_charged = |pick: fn(&Row) -> &String| charged.map(pick).cloned().unwrap_or_default();
    let known_at_ms = refund.ended_at_ms.unwrap_or(refund.at_ms);
    Row {
        desk,
        standing,
        settlement_id: refund.id.clone(),
        psn_no: refund.numbers.psn_no.clone(),
        mdtrt_id: refund.numbers.mdtrt_id.clone(),
        setl_id: given
            .map(|given| given.setl_id.clone())
            .or(stated)
            .unwrap_or_default(),
        msgid,
        refund_of: refund.numbers.setl_id.clone(),
        setl_time: given
            .map(|given| given.setl_time.clone())
            .filter(|time| !time.is_empty())
            .unwrap_or_else(|| span::civil(known_at_ms)),
        insutype: of_charged(|row| &row.insutype),
        clr_type: of_charged(|row| &row.clr_type),
        clr_optins: of_charged(|row| &row.clr_optins),
        insuplc_admdvs: refund.insuplc_admdvs.clone(),
        total: fen(|amounts| amounts.medfee_sumamt),
        fund: fen(|amounts| amounts.fund_pay_sumamt),
        account: fen(|amounts| amounts.acct_pay),
        cash: fen(|amounts| amounts.psn_cash_pay),
        parts_are_broken: match answered {
            Some(answered) => {
                let charged = refund.charged.as_ref().map(Parts::of);
                is_back_broken(answered, charged.filter(|_| is_charge_broken))
            }
            None => is_charge_broken,
        },
    }
}

/// What stands in a row beside the total.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Parts([Fen; 3]);

impl Parts {
    fn of(amounts: &Amounts) -> Self {
        Self([
            amounts.fund_pay_sumamt,
            amounts.acct_pay,
            amounts.psn_cash_pay,
        ])
    }
}

/// Whether who pays what does not make up the total, as the site read the funds when these were `shown`: before
/// anything is settled they add up. Where that tells no reading from the other, one that fits is enough.
fn are_broken(amounts: &Amounts, shown: Option<&Amounts>) -> bool {
    let adds_up = checks::amounts::payers_add_up;
    let mut readings = [FundReading::FundsOnly, FundReading::WithAccount].to_vec();
    readings.retain(|reading| shown.is_none_or(|shown| adds_up(shown, *reading)));
    !readings.is_empty() && !readings.iter().any(|reading| adds_up(amounts, *reading))
}

/// Whether what 2208 gave back has no sound parts. It may leave out the hospital's share, which is then made
/// up from the rest: the broken parts of a charge, given back as they were, are told by that charge.
fn is_back_broken(back: &Amounts, broken_charge: Option<Parts>) -> bool {
    let negative = Parts(Parts::of(back).0.map(|fen| Fen(fen.0.saturating_neg())));
    are_broken(back, None) || broken_charge == Some(negative)
}

/// What the folded state does not keep: when money calls went out, and what the refund was called.
#[derive(Default)]
struct Seen {
    /// msgid and time of each settling call.
    settling: Vec<(String, i64)>,
    /// msgid and time of the last 2208.
    refunding: Option<(String, i64)>,
    /// 结算ID, 结算时间 and amounts of what 2208 gave back.
    refund: Option<(String, String, Amounts)>,
    /// When it was known to be given back.
    refunded_at_ms: i64,
}

impl Seen {
    fn note(&mut self, event: &Event, at_ms: i64) {
        if let Event::Intent { step, msgid, .. } = event {
            let msgid = msgid.clone().unwrap_or_default();
            match step {
                Step::Settle => self.settling.push((msgid, at_ms)),
                Step::UndoSettle => self.refunding = Some((msgid, at_ms)),
                Step::Decode
                | Step::Person
                | Step::Register
                | Step::VisitInfo
                | Step::Fees
                | Step::PreSettle
                | Step::UndoFees
                | Step::UndoRegister
                | Step::Reverse
                | Step::FindVisit
                | Step::FindSettlement => {}
            }
        }
        if let Event::Answered {
            step: Step::UndoSettle | Step::FindSettlement,
            result: Outcome::Done { found },
            ..
        } = event
        {
            self.refunded_at_ms = at_ms;
            if let Some(Found::Refunded {
                setl_id,
                setl_time,
                amounts,
            }) = found
            {
                self.refund = Some((setl_id.clone(), setl_time.clone(), amounts.clone()));
            }
        }
    }
}

fn own(desk: u16, state: &State, seen: &Seen) -> Own {
    let Some(((msgid, at_ms), before)) = seen.settling.split_last() else {
        return Own::default();
    };
    let base = base(desk, state, msgid, *at_ms);
    let mut rows: Vec<Row> = before
        .iter()
        .map(|(msgid, at_ms)| Row {
            // Sent anew under another number only because this one was surely refused.
            standing: Standing::Gone,
            setl_id: String::new(),
            msgid: msgid.clone(),
            setl_time: span::civil(*at_ms),
            ..base.clone()
        })
        .collect();
    let standing = standing(state);
    if standing.counts() && state.known.settled.is_none() && state.resolved.is_none() {
        return Own {
            rows,
            forgotten_at: Some(base.setl_time),
        };
    }
    let refund = (standing == Standing::Refunded).then(|| refund(&base, seen));
    rows.push(Row { standing, ..base });
    rows.extend(refund);
    Own {
        rows,
        forgotten_at: None,
    }
}

fn standing(state: &State) -> Standing {
    if state.trail.refunded {
        return Standing::Refunded;
    }
    match state.phase {
        Phase::Standing => Standing::Settled,
        Phase::Forward | Phase::Finding(_) | Phase::Stuck(None) => Standing::Open,
        // A charge that could not be given back, or is just being given back.
        Phase::GivingUp(_) | Phase::Stuck(Some(_)) if state.is_charged() => Standing::Open,
        Phase::GivingUp(_) | Phase::Stuck(Some(_)) | Phase::Over(_) => Standing::Gone,
    }
}

fn base(desk: u16, state: &State, msgid: &str, at_ms: i64) -> Row {
    let known = &state.known;
    let settled = known.settled.as_ref();
    let amounts = settled
        .map(|settled| &settled.amounts)
        .or(known.preview.as_ref());
    let fen = |pick: fn(&Amounts) -> Fen| amounts.map_or(Fen::ZERO, pick);
    let insurance = known.insurance.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    Row {
        desk,
        standing: Standing::Open,
        settlement_id: state.settlement_id.clone(),
        psn_no: text(known.person.as_ref().map(|person| &person.psn_no)),
        mdtrt_id: text(known.mdtrt_id.as_ref()),
        setl_id: text(
            settled
                .map(|settled| &settled.setl_id)
                // Of a charge whose answer never came, the number that a person found.
                .or(state.resolved.as_ref().map(|resolved| &resolved.setl_id)),
        ),
        msgid: msgid.to_owned(),
        refund_of: String::new(),
        setl_time: settled
            .map(|settled| settled.setl_time.clone())
            .filter(|time| !time.is_empty())
            .unwrap_or_else(|| span::civil(at_ms)),
        insutype: settled
            .map(|settled| settled.insutype.clone())
            .filter(|insutype| !insutype.is_empty())
            .unwrap_or_else(|| text(insurance.map(|row| &row.insutype))),
        clr_type: text(settled.map(|settled| &settled.clr_type)),
        clr_optins: text(settled.map(|settled| &settled.clr_optins)),
        insuplc_admdvs: text(insurance.map(|row| &row.insuplc_admdvs)),
        total: amounts.map_or(state.total, |amounts| amounts.medfee_sumamt),
        fund: fen(|amounts| amounts.fund_pay_sumamt),
        account: fen(|amounts| amounts.acct_pay),
        cash: fen(|amounts| amounts.psn_cash_pay),
        parts_are_broken: amounts
            .is_some_and(|amounts| are_broken(amounts, known.preview.as_ref())),
    }
}

/// What 2208 gave back. Where its answer was lost, the negative of what was charged, without a number.
fn refund(charged: &Row, seen: &Seen) -> Row {
    let negative = |fen: Fen| Fen(fen.0.saturating_neg());
    let lost = Row {
        standing: Standing::Refund,
        setl_id: String::new(),
        msgid: seen
            .refunding
            .as_ref()
            .map(|(msgid, _)| msgid.clone())
            .unwrap_or_default(),
        refund_of: charged.setl_id.clone(),
        setl_time: span::civil(seen.refunded_at_ms),
        total: negative(charged.total),
        fund: negative(charged.fund),
        account: negative(charged.account),
        cash: negative(charged.cash),
        ..charged.clone()
    };
    match &seen.refund {
        None => lost,
        Some((setl_id, setl_time, amounts)) => Row {
            setl_id: setl_id.clone(),
            setl_time: match setl_time.is_empty() {
                true => lost.setl_time,
                false => setl_time.clone(),
            },
            total: amounts.medfee_sumamt,
            fund: amounts.fund_pay_sumamt,
            account: amounts.acct_pay,
            cash: amounts.psn_cash_pay,
            parts_are_broken: {
                let parts = Parts([charged.fund, charged.account, charged.cash]);
                is_back_broken(amounts, charged.parts_are_broken.then_some(parts))
            },
            ..lost
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settlement::call::Settled;
    use crate::settlement::tests::sample::{self, TOTAL};

    /// The rows of a settlement that was given back: what was shown, what was charged.
    fn rows(shown: Amounts, charged: Amounts, back: Option<Amounts>) -> Vec<bool> {
        let mut state = State::new("id-1");
        state.known.preview = Some(shown);
        state.known.settled = Some(Settled {
            setl_id: "S1".to_owned(),
            mdtrt_id: String::new(),
            medins_setl_id: String::new(),
            setl_time: "2026-03-01 08:00:00".to_owned(),
            insutype: "310".to_owned(),
            clr_type: "11".to_owned(),
            clr_way: String::new(),
            clr_optins: String::new(),
            amounts: charged,
            setlinfo: String::new(),
            setldetail: String::new(),
        });
        state.trail.refunded = true;
        let seen = Seen {
            settling: vec![("H1".to_owned(), 0)],
            refund: back.map(|back| ("R1".to_owned(), String::new(), back)),
            ..Seen::default()
        };
        let rows = own(7, &state, &seen).rows.into_iter();
        rows.map(|row| row.parts_are_broken).collect()
    }

    fn with_account(mut amounts: Amounts) -> Amounts {
        amounts.fund_pay_sumamt.0 += amounts.acct_pay.0;
        amounts
    }

    fn with_hospital(mut amounts: Amounts) -> Amounts {
        amounts.hosp_part_amt = Fen(100);
        amounts.fund_pay_sumamt.0 -= 100;
        amounts.hifp_pay.0 -= 100;
        amounts
    }

    #[test]
    fn parts_are_broken_where_the_reading_that_was_shown_does_not_hold() {
        let plain = sample::amounts(TOTAL);
        let minus = |amounts: &Amounts| Some(sample::negative(amounts));
        // Both readings, a hospital's share, another division than was shown: all of them make up the total.
        for charged in [
            plain.clone(),
            with_hospital(plain.clone()),
            sample::one_fen_apart(plain.clone()),
        ] {
            let back = minus(&charged).map(|mut back| {
                back.hosp_part_amt = Fen(-charged.hosp_part_amt.0);
                back
            });
            assert_eq!(rows(plain.clone(), charged.clone(), None), [false; 2]);
            assert_eq!(rows(plain.clone(), charged.clone(), back), [false; 2]);
            let inside = with_account(charged.clone());
            let back = minus(&inside).map(|mut back| {
                back.hosp_part_amt = Fen(-charged.hosp_part_amt.0);
                back
            });
            let shown = with_account(plain.clone());
            assert_eq!(rows(shown.clone(), inside.clone(), None), [false; 2]);
            assert_eq!(rows(shown, inside, back), [false; 2]);
        }
        // The other reading than was shown; given back as it was charged, or as it ought to have been.
        let odd = with_account(plain.clone());
        assert_eq!(rows(plain.clone(), odd.clone(), None), [true; 2]);
        assert_eq!(rows(plain.clone(), odd.clone(), minus(&odd)), [true; 2]);
        let as_it_ought = minus(&plain);
        assert_eq!(rows(plain.clone(), odd, as_it_ought), [true, false]);
        let mut cash = plain.clone();
        cash.psn_cash_pay.0 += 1;
        assert_eq!(rows(plain, cash, None), [true; 2]);
    }
}
