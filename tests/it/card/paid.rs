//! A whole scan-and-pay by a document: the scanner and the card readers armed at once, the first complete one wins.

use yibaod::api::{Credential, Money, ScanAndPayRequest};
use yibaod::sandbox::devices::card::{Fault, SocialCard};

use super::{CardDesk, until};
use crate::desk::{Shows, bill, error_name};

/// The employee's bill, to be paid by any of these.
fn by(card_desk: &CardDesk, request_id: &str, credentials: &[Credential]) -> ScanAndPayRequest {
    let mut request = bill(&card_desk.desk, request_id);
    request.credentials = credentials.iter().map(|kind| (*kind).into()).collect();
    request
}

/// The kind and number of what was shown in each call that was charged.
fn shown_by(card_desk: &CardDesk) -> Vec<String> {
    let person = card_desk.person("employee");
    card_desk.desk.platform.ledger(|ledger| {
        let charges = ledger.charges_of(&person.psn_no);
        charges
            .into_iter()
            .map(|charge| charge.mdtrt_cert_type.clone())
            .collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_paid_by_card() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::None);
    let request = by(&card_desk, "by-card", &[Credential::SocialCard]);
    let answer = card_desk.desk.pay(request, &[]).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(shown_by(&card_desk), ["03"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_first_counts() {
    let card_desk = CardDesk::start().await;
    let both = [Credential::EVoucher, Credential::SocialCard];
    let request = by(&card_desk, "by-code", &both);
    let answer = card_desk
        .desk
        .pay(request, &[Shows::fresh("employee")])
        .await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let request = by(&card_desk, "by-either", &both);
    let (answer, ()) = tokio::join!(card_desk.desk.pay(request, &[]), async {
        until(&card_desk.desk, "cards", |device| {
            !device.held_by.is_empty()
        })
        .await;
        card_desk.insert("employee", Fault::None);
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(shown_by(&card_desk), ["01", "03"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_pulled_is_asked_for_again() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::PulledAt(6));
    let request = by(&card_desk, "pulled", &[Credential::SocialCard]);
    let (answer, ()) = tokio::join!(card_desk.desk.pay(request, &[]), async {
        let failed =
            |device: &yibaod::api::Device| device.counters.is_some_and(|c| c.cards_failed > 0);
        until(&card_desk.desk, "cards", failed).await;
        card_desk.replace("employee", Fault::None).await;
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_card_pays_nothing() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("resident", Fault::None);
    let request = by(&card_desk, "other", &[Credential::SocialCard]);
    let answer = card_desk.desk.pay(request, &[]).await;
    assert_eq!(answer.money(), Money::Refused, "{answer:?}");
    assert_eq!(shown_by(&card_desk), Vec::<String>::new());
    let bank = SocialCard::of(&card_desk.person("employee")).bank_card();
    card_desk.replace_by(bank, Fault::None).await;
    let mut request = by(&card_desk, "bank", &[Credential::SocialCard]);
    request.scan_wait_ms = 1_500;
    let answer = card_desk.desk.pay(request, &[]).await;
    assert_eq!(answer.money(), Money::Cancelled, "{answer:?}");
    assert_eq!(error_name(&answer), "NOBODY_SHOWED_CARD");
}
