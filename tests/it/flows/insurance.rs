//! A patient with two kinds of insurance: the kiosk asks which, and the cashier's words stay with the cashier.

use yibaod::api::Money;
use yibaod::sandbox::acting::{Patient, Paying, Scene, Tick, Who};
use yibaod::sandbox::his::When;

use super::{Kiosk, check_plain, check_said};
use crate::desk::Setup;

const LOGIN_WAIT_MS: u32 = 15_000;
const ASKED: &str = "您有职工医保、居民医保，请选择。";

/// Asked before anything is ticked, answered by the patient, and settled by that insurance.
fn check_chosen(kiosk: &Kiosk, scene: &Scene<'_>, paying: Option<Paying>) {
    check_said(scene, ASKED);
    let answers = scene.told().into_iter();
    let answers = answers.filter(|it| it.who == Who::Patient && it.zh == "选择职工医保。");
    assert_eq!(answers.count(), 1);
    let paying = paying.expect("it began");
    assert_eq!(paying.error(), "");
    let settlement = paying.settled().expect("it stands");
    assert_eq!(settlement.insutype, "310");
    assert!(!settlement.insutype_is_remembered, "the caller named it");
    assert_eq!((kiosk.live(), kiosk.received("2207")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn is_chosen_by_the_patient_who_pays_at_a_kiosk() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("two_insurances");
    let acted = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let acted = acted.await.expect("it is acted");
    check_chosen(&kiosk, &scene, acted.paying);
    let said = scene.screens();
    let place = |words: &str| said.iter().position(|it| it.contains(words));
    assert!(place(ASKED) < place("待缴费 F"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn is_chosen_by_the_patient_who_registers_at_a_kiosk() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("two_insurances");
    let acted = scene.registration(&patient, When::Today, |_, _| {}).await;
    let acted = acted.expect("it is acted");
    check_chosen(&kiosk, &scene, acted.paying);
    assert!(acted.registered.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn is_not_asked_of_who_has_one() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("resident");
    let acted = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let paying = acted.await.expect("it is acted").paying;
    assert_eq!(paying.expect("it began").money(), Money::Settled);
    let said = scene.screens();
    assert!(!said.iter().any(|it| it.contains("请选择")), "{said:#?}");
}

/// Whose insurance is paused, and whom the platform does not know: told to the patient, with nothing of the platform's.
#[tokio::test(flavor = "multi_thread")]
async fn is_not_there_and_the_patient_is_told() {
    for (person, words) in [
        ("paused", "您没有参加所需的险种"),
        ("stranger", "没有查到您的参保信息"),
    ] {
        let kiosk = Kiosk::start(Setup::default()).await;
        let scene = kiosk.scene().await;
        let patient = Patient::new(person);
        let acted = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
        let acted = acted.await.expect("it is acted");
        check_said(&scene, words);
        check_plain(&scene);
        if let Some(paying) = acted.paying {
            assert_eq!(paying.money(), Money::Refused, "{person}");
            check_said(&scene, "未扣费");
        }
        assert_eq!((kiosk.live(), kiosk.received("2207")), (0, 0), "{person}");
    }
}
