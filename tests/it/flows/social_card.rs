//! Flows 4 and 5 by 社保卡: the doctor's desk and the pharmacy choose it, the real pcscd reads it.

use yibaod::api::{Credential, DispenseState, Money};
use yibaod::sandbox::acting::{Patient, Show, Tick};

use super::{Kiosk, check_order, check_said};

const LOGIN_WAIT_MS: u32 = 15_000;
/// What the platform is told of it (mdtrt_cert_type).
const BY_SOCIAL_CARD: &str = "03";

fn with_social_card(person: &str) -> Patient {
    Patient::new(person).chooses(Credential::SocialCard)
}

#[tokio::test(flavor = "multi_thread")]
async fn settlement_at_the_doctors_desk() {
    let kiosk = Kiosk::start_with_social_cards().await;
    let scene = kiosk.scene().await;
    let patient = with_social_card("employee");
    let acted = scene.consultation(&patient, "").await;
    let acted = acted.expect("it is acted");
    let credential = acted.identification.credential.expect("it was shown");
    assert_eq!(credential.kind(), Credential::SocialCard);
    check_order(
        &scene,
        &[
            "选择凭证：社会保障卡。",
            "请插入您的社保卡",
            "将本人社会保障卡插入读卡器。",
            "将本人社会保障卡插入读卡器。",
            "医保结算成功。",
        ],
    );
    let paying = acted.paying.expect("it was paid");
    let settlement = paying.settled().expect("it stands");
    kiosk.desk.assert_charged_once(settlement);
    let booked = kiosk.desk.platform.ledger(|ledger| {
        let settled = ledger.settlements().into_iter();
        settled.map(|it| it.mdtrt_cert_type).collect::<Vec<_>>()
    });
    assert_eq!(booked, [BY_SOCIAL_CARD]);
    assert_eq!(kiosk.received("ec.query"), 0, "no code was shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_with_another_persons_card() {
    let kiosk = Kiosk::start_with_social_cards().await;
    let scene = kiosk.scene().await;
    let shows = [Show::SocialCard, Show::OthersSocialCard("resident")];
    let patient = with_social_card("employee").shows(shows);
    let acted = scene.consultation(&patient, "").await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!(
        (paying.money(), paying.error()),
        (Money::Refused, "PERSON_MISMATCH")
    );
    check_said(&scene, "本人");
    assert_eq!((kiosk.received("2201"), kiosk.received("2207")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn pharmacy_pick_up() {
    let kiosk = Kiosk::start_with_social_cards().await;
    let scene = kiosk.scene().await;
    let patient = with_social_card("resident");
    let paid = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let paid = paid.await.expect("it is acted").paying;
    assert_eq!(paid.expect("it was paid").money(), Money::Settled);
    let acted = scene.pick_up(&patient).await.expect("it is acted");
    let credential = acted.identification.credential.expect("it was shown");
    assert_eq!(credential.kind(), Credential::SocialCard);
    assert_eq!(acted.dispensed.len(), 1);
    let told = &acted.dispensed[0];
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    assert_eq!(acted.tickets.len(), 1);
    // Whose it is: the name that was identified, masked.
    let ticket = acted.tickets[0].text();
    assert!(ticket.contains("罗**"), "{ticket}");
}
