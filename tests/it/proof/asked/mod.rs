//! What is asked of the daemon: what must have been before, the call, and how to look without calling.

mod dispense;
mod reconcile;
mod refund;
mod settle;

use tonic::Status;
use yibaod::api::{
    Dispense, DispenseState, Money, Reconciliation, Refund, RefundMoney, Settlement,
};
use yibaod::sandbox::platform::{Ledger, Settlement as Row};

use crate::desk::{Desk, without_paper};

/// The request of every cell: each has a desk and a platform of its own.
pub(super) const REQUEST: &str = "killed";
/// What was there before.
const BEFORE: &str = "before";

/// A call of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// ScanAndPay of a visit.
    Visit,
    /// ScanAndPay of a pharmacy's sale.
    Sale,
    /// RefundSettlement of what was settled as this, at this desk.
    Refund(Paid),
    /// RefundSettlement of another desk's bill, by the platform's numbers.
    RefundElsewhere,
    HandOut,
    TakeBack,
    /// Reconcile of this journal alone.
    ReconcileAlone,
    /// Reconcile of the whole hospital, with one refund that no journal heard of.
    ReconcileAll,
}

/// How it was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paid {
    Visit,
    Sale,
}

/// What was there when the daemon was started to be killed.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// The settlement that the call is about.
    pub(super) settlement: Option<Settlement>,
    /// Rows of money.
    pub(super) rows: Vec<Row>,
    /// Requests that had come in.
    pub(super) received: usize,
}

impl Before {
    fn settlement(&self) -> &Settlement {
        self.settlement.as_ref().expect("it was settled before")
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Settlement(Box<Settlement>),
    Refund(Box<Refund>),
    Dispense(Box<Dispense>),
    Table(Box<Reconciliation>),
}

/// What can be seen of it without calling it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The desk never heard of it.
    Nothing,
    Runs,
    Over,
    /// There is no other way than the call itself.
    None,
}

impl Told {
    /// Whether it is final, or only a person can go on.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Told::Settlement(it) => {
                it.stuck || !matches!(it.money(), Money::Pending | Money::Unknown)
            }
            Told::Refund(it) => {
                it.stuck || !matches!(it.money(), RefundMoney::Pending | RefundMoney::Unknown)
            }
            Told::Dispense(it) => {
                it.stuck || !matches!(it.state(), DispenseState::Pending | DispenseState::Unknown)
            }
            Told::Table(it) => !it.ended_at.is_empty(),
        }
    }

    pub(super) fn is_stuck(&self) -> bool {
        match self {
            Told::Settlement(it) => it.stuck,
            Told::Refund(it) => it.stuck,
            Told::Dispense(it) => it.stuck,
            Told::Table(_) => false,
        }
    }

    /// Whether everything was found out.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Told::Table(it) => reconcile::is_whole(it),
            Told::Settlement(_) | Told::Refund(_) | Told::Dispense(_) => !self.is_stuck(),
        }
    }

    /// What must be repeated field for field.
    pub(super) fn lasting(&self) -> Told {
        match self {
            Told::Settlement(it) => Told::Settlement(Box::new(without_paper(it))),
            Told::Refund(_) | Told::Dispense(_) | Told::Table(_) => self.clone(),
        }
    }

    /// How it ended, for the table.
    pub(super) fn end(&self) -> String {
        let (what, error) = match self {
            Told::Settlement(it) => (it.money().as_str_name(), &it.error),
            Told::Refund(it) => (it.money().as_str_name(), &it.error),
            Told::Dispense(it) => (it.state().as_str_name(), &it.error),
            Told::Table(it) if reconcile::is_whole(it) => ("TABLE", &it.error),
            Told::Table(it) => ("TABLE_WITH_GAPS", &it.error),
        };
        let what = ["MONEY_", "REFUND_MONEY_", "DISPENSE_STATE_"]
            .iter()
            .find_map(|prefix| what.strip_prefix(prefix))
            .unwrap_or(what);
        let why = error.as_ref().map_or("", |error| error.name.as_str());
        let stuck = if self.is_stuck() { "stuck" } else { "" };
        let words = [what, why, stuck];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }
}

impl Asked {
    /// Lines of the site profile that it needs.
    pub(super) fn profile(self) -> &'static str {
        match self {
            Asked::ReconcileAlone | Asked::ReconcileAll => "[reconciliation]\npace_ms = 50\n",
            Asked::Visit
            | Asked::Sale
            | Asked::Refund(_)
            | Asked::RefundElsewhere
            | Asked::HandOut
            | Asked::TakeBack => "",
        }
    }

    /// Does what must be done before, by a daemon that is gone afterwards.
    pub(super) async fn before(self, desk: &mut Desk) -> Before {
        let settlement = match self {
            Asked::Visit | Asked::Sale | Asked::HandOut => None,
            Asked::Refund(paid) => Some(settle::before(desk, paid).await),
            Asked::RefundElsewhere => Some(refund::elsewhere(desk).await),
            Asked::TakeBack => {
                dispense::before(desk).await;
                None
            }
            Asked::ReconcileAlone => Some(settle::before(desk, Paid::Visit).await),
            Asked::ReconcileAll => {
                let settlement = settle::before(desk, Paid::Visit).await;
                refund::unheard(desk, &settlement).await;
                Some(settlement)
            }
        };
        Before {
            settlement,
            rows: desk.platform.ledger(Ledger::settlements),
            received: desk.platform.ledger(Ledger::received_count),
        }
    }

    /// The call, also the repeated one; the daemon may end at any moment.
    pub(super) async fn ask(self, desk: &Desk, before: &Before) -> Result<Told, Status> {
        match self {
            Asked::Visit | Asked::Sale => settle::ask(desk, self.paid()).await,
            Asked::Refund(_) => refund::ask(desk, refund::of_ours(REQUEST)).await,
            Asked::RefundElsewhere => {
                refund::ask(desk, refund::of_theirs(REQUEST, before.settlement())).await
            }
            Asked::HandOut => dispense::hand_out(desk).await,
            Asked::TakeBack => dispense::take_back(desk, REQUEST).await,
            Asked::ReconcileAlone => reconcile::ask(desk, false).await,
            Asked::ReconcileAll => reconcile::ask(desk, true).await,
        }
    }

    /// Whether [`Asked::look`] sees anything.
    pub(super) fn can_be_seen(self) -> bool {
        match self {
            Asked::RefundElsewhere | Asked::ReconcileAlone | Asked::ReconcileAll => false,
            Asked::Visit | Asked::Sale | Asked::Refund(_) | Asked::HandOut | Asked::TakeBack => {
                true
            }
        }
    }

    /// How far it is, without calling it.
    pub(super) async fn look(self, desk: &Desk) -> Result<Look, Status> {
        let seen = match self {
            Asked::Visit | Asked::Sale => settle::look(desk).await?,
            Asked::Refund(_) => return refund::look(desk).await,
            Asked::HandOut | Asked::TakeBack => dispense::look(desk).await?,
            Asked::RefundElsewhere | Asked::ReconcileAlone | Asked::ReconcileAll => {
                return Ok(Look::None);
            }
        };
        Ok(match seen {
            None => Look::Nothing,
            Some(told) if told.is_over() => Look::Over,
            Some(_) => Look::Runs,
        })
    }

    /// The sandbox's books are as the answer says, whatever went wrong. Panics with what is not so.
    pub(super) async fn check(self, desk: &Desk, before: &Before, told: &Told) {
        match (self, told) {
            (Asked::Visit | Asked::Sale, Told::Settlement(it)) => {
                settle::check(desk, it).await;
            }
            (Asked::Refund(_) | Asked::RefundElsewhere, Told::Refund(it)) => {
                refund::check(self, desk, before, it).await;
            }
            (Asked::HandOut | Asked::TakeBack, Told::Dispense(it)) => {
                dispense::check(self, desk, it).await;
            }
            (Asked::ReconcileAlone | Asked::ReconcileAll, Told::Table(it)) => {
                reconcile::check(self, desk, before, it);
            }
            (asked, told) => panic!("{asked:?} was answered with {told:?}"),
        }
        let listed = desk.status().await.stuck_settlements;
        assert_eq!(
            listed,
            u32::from(told.is_stuck()),
            "the stuck list: {told:?}"
        );
    }

    /// How this settles, if it does.
    pub(super) fn paid(self) -> Paid {
        match self {
            Asked::Sale | Asked::Refund(Paid::Sale) => Paid::Sale,
            Asked::Visit
            | Asked::Refund(Paid::Visit)
            | Asked::RefundElsewhere
            | Asked::HandOut
            | Asked::TakeBack
            | Asked::ReconcileAlone
            | Asked::ReconcileAll => Paid::Visit,
        }
    }
}
