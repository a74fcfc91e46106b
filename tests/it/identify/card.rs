//! Identified by a card, the scanner and the reader armed together.

use yibaod::api::{Credential, CredentialPays, IdentifyFlow, IdentifyState};
use yibaod::sandbox::devices::card::Fault;

use super::{asking, identify, received};
use crate::card::CardDesk;
use crate::desk::Shows;

const BOTH: [Credential; 2] = [Credential::EVoucher, Credential::SocialCard];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_first_says_who_it_is() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    let mut request = asking("code", IdentifyFlow::Pharmacy);
    request.credentials = BOTH.map(Into::into).to_vec();
    let (by_code, _) = identify(desk, request.clone(), &[Shows::fresh("resident")]).await;
    assert_eq!(by_code.state(), IdentifyState::Identified, "{by_code:?}");
    assert!(
        by_code.prompt_zh.contains("社保卡"),
        "{}",
        by_code.prompt_zh
    );
    card_desk.insert("employee", Fault::None);
    request.request_id = "card".to_owned();
    let (by_card, _) = identify(desk, request, &[]).await;
    assert_eq!(by_card.state(), IdentifyState::Identified, "{by_card:?}");
    let person = card_desk.person("employee");
    assert_eq!(by_card.psn_no, person.psn_no);
    let shown = by_card.credential.expect("a card was shown");
    assert_eq!(shown.kind(), Credential::SocialCard);
    assert_eq!(shown.pays(), CredentialPays::ShownAgain);
    assert!(!shown.token_reusable);
    assert_eq!(received(desk, "ec.query"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_pulled_is_told_and_asked_for_again() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::PulledAt(6));
    let mut request = asking("pulled", IdentifyFlow::Payment);
    request.credentials = vec![Credential::SocialCard.into()];
    let again = async {
        let failed =
            |device: &yibaod::api::Device| device.counters.is_some_and(|c| c.cards_failed > 0);
        crate::card::until(&card_desk.desk, "cards", failed).await;
        card_desk.replace("employee", Fault::None).await;
    };
    let ((answer, events), ()) = tokio::join!(identify(&card_desk.desk, request, &[]), again);
    assert_eq!(answer.state(), IdentifyState::Identified, "{answer:?}");
    let told = events.iter().filter_map(|event| event.error.as_ref());
    let told: Vec<&str> = told.map(|error| error.name.as_str()).collect();
    assert!(told.contains(&"CARD_PULLED"), "{told:?}");
}
