//! Who pays what: the toy rules of the reference's amounts section 5, exact in fen, balanced by
//! construction.

use super::catalogue::{self, Item};
use super::money::{Fen, Ratio, price_times_count};

/// A line as uploaded.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// `med_list_codg`.
    pub code: &'a str,
    /// `det_item_fee_sumamt`.
    pub amount: Fen,
    /// `cnt` in ten-thousandths.
    pub count_e4: i64,
    /// `hosp_appr_flag`.
    pub approved: &'a str,
}

/// A line divided: the four add up to its amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// fulamt_ownpay_amt
    pub own: Fen,
    /// overlmt_amt
    pub over: Fen,
    /// preselfpay_amt
    pub first: Fen,
    /// inscp_scp_amt
    pub inside: Fen,
}

impl Parts {
    /// The line's amount again.
    #[must_use]
    pub fn total(self) -> Fen {
        self.own + self.over + self.first + self.inside
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            over: self.over + other.over,
            first: self.first + other.first,
            inside: self.inside + other.inside,
        }
    }
}

/// Divides one line by the catalogue; an item that is not in it is all self-paid.
#[must_use]
pub fn divide(line: &Line<'_>) -> Parts {
    let all_own = Parts {
        own: line.amount,
        ..Parts::default()
    };
    let Some(item) = catalogue::find(line.code) else {
        return all_own;
    };
    let refused = line.approved == "2" || (item.restricted && line.approved != "1");
    if item.level == "03" || refused {
        return all_own;
    }
    let over = over_limit(line, item);
    let base = line.amount - over;
    let first = base.share_half_up(item.selfpay);
    Parts {
        own: Fen::ZERO,
        over,
        first,
        inside: base - first,
    }
}

fn over_limit(line: &Line<'_>, item: &Item) -> Fen {
    let Some(limit_e6) = item.limit_e6 else {
        return Fen::ZERO;
    };
    match price_times_count(limit_e6, line.count_e4) {
        Some(allowed) => (line.amount - allowed).at_least_zero(),
        None => Fen::ZERO,
    }
}

/// What a person has left, and by which shares the funds pay.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Deductible left.
    pub deductible: Fen,
    /// What the pooled fund still pays this year.
    pub limit: Fen,
    /// Share of the pooled fund.
    pub pool: Ratio,
    /// Share of the civil servants' fund in the rest.
    pub civil: Ratio,
    /// On the personal account.
    pub balance: Fen,
    /// The patient wants the account used.
    pub use_account: bool,
}

/// All amounts of one settlement; negative in a refund, but for `balance`, which is a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// medfee_sumamt
    pub total: Fen,
    /// The four buckets of E1.
    pub parts: Parts,
    /// act_pay_dedc
    pub deductible: Fen,
    /// hifp_pay
    pub pooled: Fen,
    /// cvlserv_pay
    pub civil: Fen,
    /// psn_part_amt
    pub patient: Fen,
    /// acct_pay
    pub account: Fen,
    /// psn_cash_pay
    pub cash: Fen,
    /// hosp_part_amt
    pub hospital: Fen,
    /// balc after it
    pub balance: Fen,
}

impl Amounts {
    /// fund_pay_sumamt, without the account.
    #[must_use]
    pub fn fund(&self) -> Fen {
        self.pooled + self.civil
    }

    /// The same with every sign turned; `balance` is the level after giving back.
    #[must_use]
    pub fn negated(&self, balance: Fen) -> Self {
        let parts = self.parts;
        Self {
            total: -self.total,
            parts: Parts {
                own: -parts.own,
                over: -parts.over,
                first: -parts.first,
                inside: -parts.inside,
            },
            deductible: -self.deductible,
            pooled: -self.pooled,
            civil: -self.civil,
            patient: -self.patient,
            account: -self.account,
            cash: -self.cash,
            hospital: -self.hospital,
            balance,
        }
    }

    /// One fen less from the fund and one more from the patient, still in balance (fault F12).
    #[must_use]
    pub fn one_fen_off(&self) -> Self {
        let one = Fen(1);
        let mut off = *self;
        if off.pooled >= one {
            off.pooled = off.pooled - one;
            off.patient += one;
            off.cash += one;
        } else if off.account >= one {
            off.account = off.account - one;
            off.cash += one;
            off.balance += one;
        } else {
            off.cash = off.cash - one;
            off.patient = off.patient - one;
            off.pooled += one;
        }
        off
    }
}

/// Divides the summed buckets of a batch among fund, account and cash.
#[must_use]
pub fn settle(parts: Parts, standing: &Standing) -> Amounts {
    let total = parts.total();
    let deductible = parts.inside.min(standing.deductible);
    let fundable = parts.inside - deductible;
    let pooled = fundable.share_down(standing.pool).min(standing.limit);
    let civil = (fundable - pooled).share_down(standing.civil);
    let patient = total - pooled - civil;
    // Self-paid lines and what is above a price limit are not for the account.
    let payable = patient - parts.own - parts.over;
    let account = if standing.use_account {
        standing.balance.min(payable)
    } else {
        Fen::ZERO
    };
    Amounts {
        total,
        parts,
        deductible,
        pooled,
        civil,
        patient,
        account,
        cash: patient - account,
        hospital: Fen::ZERO,
        balance: standing.balance - account,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODES: [&str; 7] = [
        catalogue::REGISTRATION,
        catalogue::CONSULTATION,
        catalogue::DRUG_A,
        catalogue::DRUG_B,
        catalogue::SELF_PAID,
        catalogue::RESTRICTED,
        "X-not-in-the-catalogue",
    ];

    proptest! {
        #[test]
        fn amounts_balance(
            lines in prop::collection::vec(
                (0..CODES.len(), 1..500_000_i64, 1..90_000_i64, 0..3_usize),
                1..20,
            ),
            left in (0..90_000_i64, 0..90_000_i64, 0..90_000_i64),
            shares in (0..=10_000_i64, 0..=10_000_i64),
            use_account: bool,
        ) {
            let mut sum = Fen::ZERO;
            let mut parts = Parts::default();
            for (code, amount, count_e4, approved) in lines {
                let approved = ["0", "1", "2"][approved];
                let line = Line { code: CODES[code], amount: Fen(amount), count_e4, approved };
                let divided = divide(&line);
                prop_assert_eq!(divided.total(), line.amount, "E8");
                sum += line.amount;
                parts = parts.plus(divided);
            }
            let standing = Standing {
                deductible: Fen(left.0), limit: Fen(left.1), balance: Fen(left.2),
                pool: Ratio(shares.0), civil: Ratio(shares.1), use_account,
            };
            let settled = settle(parts, &standing);
            for a in [settled, settled.one_fen_off(), settled.negated(Fen(left.2))] {
                let own = a.parts;
                prop_assert_eq!(a.total, own.own + own.over + own.first + own.inside, "E1");
                prop_assert_eq!(a.total, a.fund() + a.patient + a.hospital, "E2");
                prop_assert_eq!(a.patient, a.account + a.cash, "E3");
                prop_assert_eq!(a.fund(), a.pooled + a.civil, "E4");
            }
            prop_assert_eq!(settled.total, sum, "E7");
            prop_assert!(settled.deductible <= settled.parts.inside, "E6");
            prop_assert!(settled.account <= Fen(left.2) && settled.cash >= Fen::ZERO);
            prop_assert_eq!(settled.balance + settled.account, Fen(left.2));
        }
    }

    #[test]
    fn approval_decides_restricted_items() {
        let line = |code, approved| {
            divide(&Line {
                code,
                amount: Fen(1000),
                count_e4: 10_000,
                approved,
            })
        };
        assert_eq!(line(catalogue::RESTRICTED, "0").own, Fen(1000));
        assert_eq!(line(catalogue::RESTRICTED, "1").first, Fen(200));
        assert_eq!(line(catalogue::DRUG_A, "2").own, Fen(1000));
        assert_eq!(line(catalogue::CONSULTATION, "0").over, Fen::ZERO);
        let dear = divide(&Line {
            code: catalogue::CONSULTATION,
            amount: Fen(2_000),
            count_e4: 10_000,
            approved: "0",
        });
        assert_eq!((dear.over, dear.inside), (Fen(500), Fen(1_500)));
    }
}
