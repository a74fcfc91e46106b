//! ScanAndPay: of a visit, or of a pharmacy's sale.

use tonic::Status;
use yibaod::api::{Money, PrintWish, ScanAndPayRequest, Settlement};
use yibaod::sandbox::platform::Ledger;

use super::{BEFORE, Paid, REQUEST, Told};
use crate::desk::{Desk, Shows, bill};

/// Codes that a patient has.
const CODES: usize = 6;
/// What a second receipt of one settlement must bear.
const REPRINT: &str = "补打";

pub(super) fn request(desk: &Desk, paid: Paid, id: &str) -> ScanAndPayRequest {
    match paid {
        Paid::Visit => bill(desk, id),
        Paid::Sale => crate::pharmacy::sale(desk, id),
    }
}

/// Settled without paper; the daemon is gone afterwards.
pub(super) async fn before(desk: &mut Desk, paid: Paid) -> Settlement {
    desk.start_daemon().await;
    let mut request = request(desk, paid, BEFORE);
    request.print = PrintWish::No.into();
    let settlement = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
    desk.until_idle().await;
    desk.kill();
    settlement
}

/// A patient and a call.
pub(super) async fn ask(desk: &Desk, paid: Paid) -> Result<Told, Status> {
    let shows = [const { Shows::fresh("employee") }; CODES];
    let patient = desk.try_patient(REQUEST, &shows).await;
    let patient = patient.ok_or_else(|| Status::unavailable("nobody can watch it"))?;
    let answer = desk.scan_and_pay(request(desk, paid, REQUEST)).await;
    patient.abort();
    Ok(Told::Settlement(Box::new(answer?)))
}

pub(super) async fn look(desk: &Desk) -> Result<Option<Told>, Status> {
    let seen = desk.try_get(REQUEST).await?;
    Ok(seen.map(|settlement| Told::Settlement(Box::new(settlement))))
}

/// The books and the papers are as the settlement says.
pub(super) async fn check(desk: &Desk, settlement: &Settlement) {
    desk.truth(REQUEST).await.expect("it was accepted");
    to_the_fen(desk, settlement);
    one_receipt(desk, settlement).await;
}

/// What fund, account and person paid in the end is what the daemon says, and nobody paid twice.
fn to_the_fen(desk: &Desk, settlement: &Settlement) {
    let person = desk.platform.person("employee").expect("a person");
    let (rows, net, visits, lines) = desk.platform.ledger(|ledger: &Ledger| {
        (
            ledger.charges_of(&person.psn_no),
            ledger.net_charged(&person.psn_no),
            ledger.visits_open().len(),
            ledger.lines_open().len(),
        )
    });
    let charges = rows.iter().filter(|row| row.refund_of.is_none()).count();
    assert!(charges <= 1, "{charges} charges: {rows:?}");
    let refunds = rows.len() - charges;
    assert!(refunds <= 1, "{refunds} refunds: {rows:?}");
    if settlement.money() == Money::Settled {
        desk.assert_charged_once(settlement);
        let amounts = settlement.amounts.as_ref().expect("settled");
        let fund_and_account = amounts.fund_pay_sumamt_fen + amounts.acct_pay_fen;
        assert_eq!(net.0.0 + net.1.0, fund_and_account, "{rows:?}");
    }
    if settlement.stuck {
        return;
    }
    if settlement.money() != Money::Settled {
        assert_eq!((net.0.0, net.1.0), (0, 0), "{rows:?}");
        let taken = settlement.self_pay.as_ref().map_or(0, |pay| pay.amount_fen);
        assert_eq!(taken, 0, "nothing is to be taken: {settlement:?}");
    }
    assert_eq!(
        (visits, lines),
        (0, 0),
        "open visits, open lines: {settlement:?}"
    );
}

/// At most one receipt without the mark of a second one, and none where nothing was settled.
async fn one_receipt(desk: &Desk, settlement: &Settlement) {
    let papers = desk.papers_in_the_end().await;
    let unmarked = papers
        .iter()
        .filter(|paper| !paper.text().contains(REPRINT));
    let allowed = usize::from(settlement.money() == Money::Settled);
    let unmarked = unmarked.count();
    assert!(unmarked <= allowed, "{unmarked} receipts: {settlement:?}");
}
