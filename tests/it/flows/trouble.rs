//! Trouble on the way, each acted: what the screen says, what became of the money, what papers there are.

use serde_json::json;
use yibaod::api::{DispenseState, IdentifyState, Money, PrintJobState};
use yibaod::sandbox::acting::{At, Patient, Payment, Scene, Show, Tick};
use yibaod::sandbox::his::{Fee, Refused, When};
use yibaod::sandbox::platform::CodeKind;

use super::{Kiosk, check_order, check_said, is_plain, shares, states};
use crate::desk::{Setup, copy_program, eventually};

const WAIT_MS: u32 = 15_000;

/// The kiosk payment of this patient, with nothing done by others.
async fn pays(scene: &Scene<'_>, patient: &Patient) -> Payment {
    let acted = scene.payment(patient, Tick::All, WAIT_MS, |_, _| {});
    acted.await.expect("it is acted")
}

/// Nothing was charged, nothing stays at the platform, nothing came out.
fn check_nothing(kiosk: &Kiosk) {
    assert_eq!(kiosk.received("2207"), 0, "no money call was made");
    assert_eq!(kiosk.live(), 0);
    let visits = kiosk.desk.platform.ledger(|ledger| ledger.visits_open());
    assert!(
        visits.is_empty(),
        "what was begun was taken back: {visits:?}"
    );
    assert!(kiosk.desk.printer.papers().is_empty());
    assert!(kiosk.reports.papers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_code_at_payment_must_be_refreshed() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee").shows([Show::Own(CodeKind::Fresh), Show::Old]);
    let acted = pays(&scene, &patient).await;
    check_said(&scene, "再次出示的仍是刚才那个码。 请您刷新医保码");
    let paying = acted.paying.expect("it was paid");
    assert_eq!(paying.money(), Money::Settled, "by the fresh code");
    assert_eq!((kiosk.live(), paying.receipts.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_with_another_persons_code() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let shows = [Show::Own(CodeKind::Fresh), Show::Others("resident")];
    let patient = Patient::new("employee").shows(shows);
    let paying = pays(&scene, &patient).await.paying.expect("it began");
    assert_eq!(paying.error(), "PERSON_MISMATCH");
    assert_eq!(paying.money(), Money::Refused);
    check_said(&scene, "本人");
    check_said(&scene, "未扣费：医保结算未成功。");
    check_nothing(&kiosk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_code_at_the_login_prompt_is_no_credential() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee").shows([Show::Own(CodeKind::Alipay)]);
    let acted = pays(&scene, &patient).await;
    assert_eq!(acted.identification.state(), IdentifyState::Identified);
    check_said(&scene, "付款码");
    assert_eq!(kiosk.received("ec.query"), 2, "it was sent nowhere");
    let paying = acted.paying.expect("it was paid");
    assert_eq!((paying.money(), paying.receipts.len()), (Money::Settled, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let nobody = Patient::new("employee").shows([Show::Nothing]);
    let acted = scene.payment(&nobody, Tick::All, 600, |_, _| {}).await;
    let acted = acted.expect("it is acted");
    assert_eq!(acted.identification.state(), IdentifyState::Cancelled);
    assert!(acted.paying.is_none());
    check_said(&scene, "在规定时间内没有人扫码。");
    // Nor at the prompt to pay.
    let shows = [Show::Own(CodeKind::Fresh), Show::Nothing];
    let gone = Patient::new("employee").shows(shows);
    let acted = scene.payment(&gone, Tick::All, 5_000, |_, _| {}).await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!(paying.money(), Money::Cancelled);
    check_said(&scene, "未扣费：已取消。");
    check_nothing(&kiosk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_walks_away_from_the_shown_amounts() {
    let setup = Setup {
        confirm_wait_s: 5,
        ..Setup::default()
    };
    let kiosk = Kiosk::start(setup).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee").walks_away_at(At::Amounts);
    let acted = scene.consultation(&patient, "").await.expect("it is acted");
    let paying = acted.paying.expect("it began");
    assert_eq!(
        (paying.money(), paying.error()),
        (Money::Cancelled, "CONFIRM_TIMEOUT")
    );
    check_said(&scene, "预结算：总额 169.20");
    check_said(&scene, "未扣费：已取消。");
    assert_eq!((kiosk.received("2205"), kiosk.received("2202")), (1, 1));
    check_nothing(&kiosk);
    assert_eq!(scene.his().unpaid(&acted.ticked[0].his_id).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_that_changed_after_they_were_ticked_are_not_paid() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let change = |scene: &Scene<'_>, ticked: &[Fee]| scene.his().change(&ticked[0].number);
    let acted = scene.payment(&patient, Tick::All, WAIT_MS, change).await;
    let acted = acted.expect("it is acted");
    assert_eq!(acted.refused, Some(Refused::FeesChanged));
    assert!(acted.paying.is_none());
    check_said(&scene, "费用清单已变化，请重新勾选后再缴费。");
    assert_eq!(kiosk.received("2201"), 0);
    check_nothing(&kiosk);
    // The list as it is can be paid: 45.00 less.
    let paying = pays(&scene, &patient).await.paying.expect("it was paid");
    assert_eq!(shares(&paying)[0], 12_420);
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_ends_between_two_reports_and_comes_back() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    // Each has one sheet.
    kiosk.reports.paper_out_after(1);
    let refill = async {
        let says = async || {
            let screens = scene.screens();
            screens.iter().any(|it| it.contains("缺纸")).then_some(())
        };
        let said = eventually(says).await;
        let before = kiosk.reports.papers().len();
        kiosk.reports.refill();
        (said, before)
    };
    let (acted, (said, before)) = tokio::join!(scene.reports(&patient, 1, |_, _| {}), refill);
    assert!(said.is_some(), "{:#?}", scene.screens());
    assert_eq!(before, 1, "nothing came out without paper");
    let acted = acted.expect("it is acted");
    assert_eq!(states(&acted.jobs), [PrintJobState::Printed; 2]);
    assert_eq!(kiosk.reports.papers().len(), 2);
    check_said(&scene, "已打印 2 份，请取走您的报告。");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_pressed_ten_times_prints_once() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let acted = scene.reports(&patient, 10, |_, _| {}).await;
    let acted = acted.expect("it is acted");
    assert_eq!(states(&acted.jobs), [PrintJobState::Printed; 2]);
    assert_eq!(kiosk.reports.papers().len(), 2, "one each");
    assert_eq!(
        kiosk.reports.jobs().len(),
        2,
        "nor did the printer have more"
    );
    check_said(&scene, "正在打印，请稍候，请勿重复点击。");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_chooses_an_insurance_that_the_patient_has_not() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let acted = scene.consultation(&patient, "390").await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!(
        (paying.money(), paying.error()),
        (Money::Refused, "INSURANCE_NOT_OF_PERSON")
    );
    // Which was chosen and which there is: nobody has to pay without insurance for a wrong tick.
    check_order(
        &scene,
        &["所选 chosen 390 城乡居民基本医疗保险；有效 in force 310 职工基本医疗保险"],
    );
    check_said(&scene, "未扣费：医保结算未成功。");
    check_nothing(&kiosk);
    let acted = scene.consultation(&patient, "310").await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!((paying.money(), kiosk.live()), (Money::Settled, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_insurance_is_seen_before_the_money_moves() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("two_insurances").says_no_at(At::Person);
    let acted = scene.consultation(&patient, "390").await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!(paying.money(), Money::Cancelled);
    check_said(&scene, "居民医保");
    check_nothing(&kiosk);
    let patient = Patient::new("two_insurances");
    let acted = scene.consultation(&patient, "310").await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!(shares(&paying), [16_920, 6_755, 5_665, 4_500]);
    assert_eq!(paying.settled().expect("it stands").insutype, "310");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_account_pays_nothing_and_cash_pays_the_rest() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee_no_account");
    let paying = pays(&scene, &patient).await.paying.expect("it was paid");
    assert_eq!(shares(&paying), [16_920, 6_755, 0, 10_165]);
    check_said(&scene, "个人账户支付 0.00，个人现金 101.65");
    check_said(&scene, "请另付现金 101.65 元。");
    let receipt = paying.receipts[0].text();
    assert!(receipt.contains("101.65"), "{receipt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_deductible_the_fund_pays_nothing() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee_no_account");
    let acted = scene.registration(&patient, When::Today, |_, _| {}).await;
    let paying = acted.expect("it is acted").paying.expect("it was paid");
    assert_eq!(shares(&paying), [2_100, 0, 0, 2_100]);
    check_said(
        &scene,
        "基金支付 0.00，个人账户支付 0.00，个人现金 21.00；其中起付线 16.00",
    );
    assert_eq!(paying.receipts.len(), 1);
    // What was paid counts: of 20.00 four are left.
    let paying = pays(&scene, &patient).await.paying.expect("it was paid");
    check_said(&scene, "其中起付线 4.00");
    assert_eq!(shares(&paying)[1], 7_875);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_insurance_does_not_cover_is_said() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("resident");
    let paying = pays(&scene, &patient).await.paying.expect("it was paid");
    check_said(&scene, "全自费 45.00，先行自付 7.70");
    assert_eq!(shares(&paying), [16_920, 5_825, 0, 11_095]);
    let receipt = paying.receipts[0].text();
    assert!(receipt.contains("45.00"), "{receipt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_no_is_said_in_its_own_words() {
    const WHY: &str = "系统日切，暂停结算业务";
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let closed = json!({ "closed": WHY });
    kiosk.desk.platform.switch(&closed).expect("a switch");
    let paying = pays(&scene, &patient).await.paying.expect("it began");
    assert_eq!(paying.money(), Money::Refused, "{paying:?}");
    check_said(&scene, WHY);
    check_said(&scene, "未扣费：医保结算未成功。");
    check_nothing(&kiosk);
    let open = json!({ "closed": null });
    kiosk.desk.platform.switch(&open).expect("a switch");
    // And at the settling call itself, when all before it was done.
    kiosk.desk.platform.arm("F11@2207").expect("a fault");
    let paying = pays(&scene, &patient).await.paying.expect("it began");
    assert_eq!(paying.money(), Money::Refused, "{paying:?}");
    // What is meant for machines stands before the staff only.
    let staff = scene.staff_screens();
    let told = staff.last().is_some_and(|it| it.contains("无效token"));
    assert!(told, "{staff:#?}");
    check_said(&scene, "平台");
    assert_eq!((kiosk.live(), paying.receipts.len()), (0, 0));
    let paying = pays(&scene, &patient).await.paying.expect("it began");
    assert_eq!((paying.money(), kiosk.live()), (Money::Settled, 1));
}

#[test]
fn no_error_of_the_book_speaks_to_patients_as_to_technicians_or_staff() {
    const OF_MACHINES: [&str; 2] = [
        "java.lang.NullPointerException",
        "请求失败,错误原因：本地查询错误:该参保人的基本信息为空null(0000000000000003@127.0.0.1)",
    ];
    for code in yibaod::book::Code::ALL {
        let entry = code.entry();
        for detail in OF_MACHINES {
            let said = code.to_patient(detail, entry.money);
            assert!(is_plain(&said), "{}: {said}", code.id());
            assert!(!said.contains("参保人的"), "{}: {said}", code.id());
            // That nothing was taken is never lost on the way, where the code says so of the money.
            let is_free = entry.money == yibaod::book::MoneyState::NotCharged;
            let is_said = is_free && entry.meaning_zh.contains("未扣费");
            let is_told = !is_said || said.contains("未扣费");
            assert!(is_told, "{}: {said}", code.id());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_medicines_are_not_shown() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let paid = pays(&scene, &Patient::new("employee")).await.paying;
    assert_eq!(paid.expect("it was paid").money(), Money::Settled);
    let other = Patient::new("resident");
    let acted = scene.pick_up(&other).await.expect("it is acted");
    assert!(acted.prescriptions.is_empty());
    check_said(&scene, "没有待取的药品。");
    let own = Patient::new("employee");
    let acted = scene.pick_up(&own).await.expect("it is acted");
    assert_eq!(acted.dispensed[0].state(), DispenseState::Recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_cannot_typeset_gives_the_receipt() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let daemon = elsewhere.path().join("yibaod");
    copy_program(env!("CARGO_BIN_EXE_yibaod"), &daemon);
    let kiosk = Kiosk::start(Setup {
        daemon: Some(daemon),
        ..Setup::default()
    })
    .await;
    let scene = kiosk.scene().await;
    let acted = scene.consultation(&Patient::new("employee"), "").await;
    let acted = acted.expect("it is acted");
    let paying = acted.paying.expect("it was paid");
    assert_eq!((paying.money(), paying.receipts.len()), (Money::Settled, 1));
    let sheet = acted.sheet.expect("it was asked for");
    assert_eq!(sheet.error.expect("why").name, "RENDER_MISSING");
    check_said(&scene, "结算完成，结算单未能生成，请以小票为准。");
    assert!(kiosk.reports.papers().is_empty());
}
