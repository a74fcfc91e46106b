//! RefundSettlement: given back once, whoever asks under whichever id.

use std::sync::Arc;

use tonic::Status;
use yibaod::api::{Refund, RefundMoney, RefundSettlementRequest, Settlement};

use super::{Asked, BEFORE, Before, Look, Paid, Told, settle};
use crate::desk::{Desk, Setup};
use crate::refund::{assert_truth, by_numbers, of_request};

/// The desk whose bill it is, where it is another one.
const ELSEWHERE: u16 = 8;

pub(super) fn of_ours(id: &str) -> RefundSettlementRequest {
    of_request(id, BEFORE)
}

pub(super) fn of_theirs(id: &str, settlement: &Settlement) -> RefundSettlementRequest {
    by_numbers(id, settlement)
}

/// A desk of the same hospital that is not killed.
fn other(desk: &Desk) -> Desk {
    let setup = Setup {
        desk_number: ELSEWHERE,
        ..desk.setup().clone()
    };
    Desk::prepare(Arc::clone(&desk.platform), setup)
}

/// A bill that another desk settled; that desk is gone.
pub(super) async fn elsewhere(desk: &Desk) -> Settlement {
    settle::before(&mut other(desk), Paid::Visit).await
}

/// Another desk gives this back, and the one whose bill it is does not hear of it.
pub(super) async fn unheard(desk: &Desk, settlement: &Settlement) {
    let mut other = other(desk);
    other.start_daemon().await;
    let given = ask(&other, of_theirs("unheard", settlement)).await;
    let Told::Refund(given) = given.expect("it is taken") else {
        panic!("a refund is answered with a refund");
    };
    assert_eq!(given.money(), RefundMoney::Refunded, "{given:?}");
}

pub(super) async fn ask(desk: &Desk, request: RefundSettlementRequest) -> Result<Told, Status> {
    let mut client = desk.try_settlements().await?;
    let answer = client.refund_settlement(request).await?.into_inner();
    let refund = answer.refund.expect("an answer has its refund");
    Ok(Told::Refund(Box::new(refund)))
}

/// The settlement shows its refund.
pub(super) async fn look(desk: &Desk) -> Result<Look, Status> {
    let settlement = desk.try_get(BEFORE).await?;
    let settlement = settlement.expect("it was settled before");
    Ok(match settlement.refund {
        None => Look::Nothing,
        Some(refund) if refund.money() == RefundMoney::Refunded => Look::Over,
        Some(_) => Look::Runs,
    })
}

/// Given back at most once and to the fen, and a second refund is told of this one.
pub(super) async fn check(asked: Asked, desk: &Desk, before: &Before, refund: &Refund) {
    let settlement = before.settlement();
    assert_truth(desk, settlement, refund);
    if refund.money() == RefundMoney::Refused {
        return;
    }
    let second = if asked == Asked::RefundElsewhere {
        of_theirs("second", settlement)
    } else {
        of_ours("second")
    };
    let second = ask(desk, second).await.expect("it is told");
    let Told::Refund(second) = second else {
        panic!("a refund is told")
    };
    crate::refund::assert_told_of(&second, refund);
    assert_truth(desk, settlement, refund);
}
