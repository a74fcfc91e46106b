//! Each flow from the first touch to the paper: every prompt, amount and paper.

use yibaod::api::{
    CredentialPays, DispenseState, IdentifyState, Money, PaperProof, PaperState, PrintJobState,
};
use yibaod::sandbox::acting::{Patient, Scene, Tick, Who};

use super::{Kiosk, check_order, check_plain, check_said, check_screens, shares, states};
use crate::desk::Setup;

const LOGIN_WAIT_MS: u32 = 15_000;
const CHECKING: &str = "请稍候，正在核对身份。";
const WORKING: &str = "请稍候，正在办理。";
const SETTLING: &str = "正在医保结算，请勿离开。";
const SHOW_CODE: &str = "请刷新您的医保电子凭证，对准扫码口。";

#[tokio::test(flavor = "multi_thread")]
async fn kiosk_payment() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let acted = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let acted = acted.await.expect("it is acted");
    let credential = acted.identification.credential.expect("a code was shown");
    assert_eq!(credential.pays(), CredentialPays::ShownAgain);
    check_screens(
        &scene,
        &[
            "请刷新您的医保电子凭证，对准扫码口，查询待缴费用。",
            CHECKING,
            "沈**，您好！",
            "西药费 147.20 元",
            "检验费 22.00 元",
            SHOW_CODE,
            WORKING,
            SETTLING,
            "正在打印小票，请取走。",
            "医保结算成功。",
            "总额 169.20 元，基金支付 67.55，个人账户支付 56.65，个人现金 45.00；其中起付线 20.00，全自费 45.00，先行自付 7.70",
            "请另付现金 45.00 元。",
            "缴费成功，请取走小票。",
        ],
    );
    check_order(
        &scene,
        &[
            "请另付现金 45.00 元。",
            "支付自费部分 45.00 元。",
            "已收自费部分 45.00 元。",
            "缴费成功",
        ],
    );
    let paying = acted.paying.expect("it was paid");
    assert_eq!(shares(&paying), [16_920, 6_755, 5_665, 4_500]);
    let settlement = paying.settled().expect("it stands");
    kiosk.desk.assert_charged_once(settlement);
    assert_eq!(
        kiosk.received("ec.query"),
        2,
        "one code to log in, one to pay"
    );
    let paper = settlement.paper.clone().expect("every answer speaks of it");
    assert_eq!(
        (paper.state(), paper.proof()),
        (PaperState::Printed, PaperProof::ProcessId)
    );
    assert_eq!(paying.receipts.len(), 1);
    let receipt = paying.receipts[0].text();
    for words in [
        "169.20",
        "67.55",
        "56.65",
        "45.00",
        "阿莫西林胶囊",
        "血细胞分析",
    ] {
        assert!(receipt.contains(words), "no {words} in\n{receipt}");
    }
    // Nothing is left to pay, and the medicines wait.
    let id = acted.ticked[0].his_id.clone();
    assert!(scene.his().unpaid(&id).is_empty());
    assert_eq!(scene.his().to_hand_out(&id).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kiosk_reports() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let acted = scene.reports(&patient, 1, |_, _| {}).await;
    let acted = acted.expect("it is acted");
    assert_eq!(acted.identification.business_type, "01303");
    check_screens(
        &scene,
        &[
            "请刷新您的医保电子凭证，对准扫码口，打印检查检验报告。",
            CHECKING,
            "沈**，您好！",
            "血细胞分析 可打印",
            "生化检查 可打印",
            "甲状腺功能 未出结果",
            "正在打印，请稍候，请勿重复点击。",
            "血细胞分析 已打印。",
            "生化检查 已打印。",
            "已打印 2 份，请取走您的报告。",
        ],
    );
    assert_eq!(states(&acted.jobs), [PrintJobState::Printed; 2]);
    let proofs = acted.jobs.iter().map(|job| job.proof());
    assert!(proofs.into_iter().all(|it| it == PaperProof::QueueFinished));
    let wanted: Vec<Vec<u8>> = acted.ticked.iter().map(|it| it.page().pdf()).collect();
    assert_eq!(wanted.len(), 2);
    assert!(acted.papers == wanted, "they came out otherwise");
    assert!(kiosk.reports.papers() == wanted, "more came out");
    for infno in ["2201", "2206", "2207"] {
        assert_eq!(kiosk.received(infno), 0, "no money: {infno}");
    }
    // Whoever comes again has nothing to print.
    let again = scene.reports(&patient, 1, |_, _| {}).await;
    assert!(again.expect("it is acted").jobs.is_empty());
    assert_eq!(kiosk.reports.papers().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn settlement_at_the_doctors_desk() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("two_insurances");
    let acted = scene.consultation(&patient, "310").await;
    let acted = acted.expect("it is acted");
    let kinds = acted.identification.insurances.len();
    assert_eq!(kinds, 2, "the doctor chooses from these");
    check_screens(
        &scene,
        &[
            "请刷新您的医保电子凭证，对准扫码口，核对就诊身份。",
            CHECKING,
            "陆**，您好！",
            "西药费 147.20 元",
            "检验费 22.00 元",
            SHOW_CODE,
            WORKING,
            "请核对患者姓名和证件号码。",
            "职工医保 账户余额 580.20",
            WORKING,
            "请核对结算金额。",
            "预结算：总额 169.20 元，基金支付 67.55，个人账户支付 56.65，个人现金 45.00",
            SETTLING,
            "正在打印小票，请取走。",
            "医保结算成功。",
            "总额 169.20 元，基金支付 67.55，个人账户支付 56.65，个人现金 45.00",
            "请另付现金 45.00 元。",
            "结算完成，结算单已显示。",
            "结算单已打印，请取走。",
        ],
    );
    check_order(
        &scene,
        &[
            "参保费别选择职工医保。",
            "医嘱签名。",
            "费用已生成：2 张，合计 169.20 元。",
            "点击“代缴费”。",
            "勾选 2 张，合计 169.20 元。",
            "点击“统筹支付”。",
            "支付自费部分 45.00 元。",
            "已收自费部分 45.00 元。",
            "参保费别职工医保已记住",
            "结算完成",
        ],
    );
    let sheet = acted.sheet.expect("it is settled");
    assert!(sheet.pdf.starts_with(b"%PDF-1.4"));
    let job = sheet.job.expect("it is printed");
    assert_eq!(job.state(), PrintJobState::Printed);
    assert_eq!(job.proof(), PaperProof::QueueFinished);
    assert_eq!((sheet.papers.len(), kiosk.reports.papers().len()), (1, 1));
    let paying = acted.paying.expect("it was paid");
    let settlement = paying.settled().expect("it stands");
    kiosk.desk.assert_charged_once(settlement);
    assert_eq!(settlement.insutype, "310");
    assert!(!settlement.insutype_is_remembered);
    assert_eq!(paying.receipts.len(), 1);
    remembers(&kiosk, &scene, &patient).await;
}

/// Set once and remembered: new orders, and the doctor chooses nothing.
async fn remembers(kiosk: &Kiosk, scene: &Scene<'_>, patient: &Patient) {
    let before = scene.told().len();
    let again = scene.consultation(patient, "").await;
    let paying = again.expect("it is acted").paying.expect("it was paid");
    let settlement = paying.settled().expect("it stands");
    assert_eq!(settlement.insutype, "310");
    assert!(settlement.insutype_is_remembered);
    assert_eq!(kiosk.live(), 2);
    let told = scene.told().split_off(before);
    let said = |words: &str| told.iter().filter(|it| it.zh.contains(words)).count();
    assert_eq!(said("参保费别：职工医保（上次所选，已记住）"), 1);
    assert_eq!(said("参保费别选择"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pharmacy_pick_up() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("resident");
    let paid = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let paid = paid
        .await
        .expect("it is acted")
        .paying
        .expect("it was paid");
    assert_eq!(paid.money(), Money::Settled);
    let before = scene.screens().len();
    let acted = scene.pick_up(&patient).await.expect("it is acted");
    assert_eq!(acted.identification.state(), IdentifyState::Identified);
    assert_eq!(acted.identification.business_type, "01302");
    let said = scene.screens().split_off(before);
    assert_eq!(
        said,
        [
            "请刷新您的医保电子凭证，对准扫码口，取药。",
            CHECKING,
            "罗**，您好！",
            "阿莫西林胶囊 0.25g×24粒 × 2",
            "缬沙坦胶囊 80mg×7粒 × 2",
            "复合维生素片 30片 × 1",
            "取药完成，追溯码已上报。",
        ]
    );
    assert_eq!(acted.dispensed.len(), 1);
    let told = &acted.dispensed[0];
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    let codes: Vec<String> = acted.prescriptions[0]
        .medicines
        .iter()
        .flat_map(|it| it.trace_codes.clone())
        .collect();
    let booked = kiosk.desk.platform.ledger(|ledger| ledger.goods());
    let booked: Vec<String> = booked.into_iter().flat_map(|row| row.trace_codes).collect();
    assert_eq!(booked, codes);
    assert_eq!(acted.tickets.len(), 1);
    let ticket = acted.tickets[0].text();
    assert!(
        ticket.contains("取药凭条") && ticket.contains("阿莫西林"),
        "{ticket}"
    );
    // There is nothing more to pick up, and nothing is handed out twice.
    let again = scene.pick_up(&patient).await.expect("it is acted");
    assert!(again.dispensed.is_empty());
    assert_eq!(kiosk.received("3505A"), 1);
    let papers = scene.told().into_iter().filter(|it| it.who == Who::Paper);
    assert_eq!(papers.count(), 2, "a receipt and a ticket");
}

#[tokio::test(flavor = "multi_thread")]
async fn medicines_are_brought_back() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("resident");
    let paid = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let paid = paid.await.expect("it is acted").paying;
    assert_eq!(paid.expect("it was paid").money(), Money::Settled);
    let picked_up = scene.pick_up(&patient).await.expect("it is acted");
    let handed_out = &picked_up.dispensed[0];
    let codes = &picked_up.prescriptions[0].medicines[0].trace_codes;
    assert_eq!(codes.len(), 2);
    // One of two packages.
    let acted = scene.bring_back(handed_out, 1, &codes[..1]).await;
    let acted = acted.expect("it is acted");
    let told = acted.dispense.expect("it began");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    check_said(
        &scene,
        "退药已登记，请取走凭条，到收费窗口办理退费：原单整单退回，其余药品重新结算。",
    );
    assert_eq!(scene.his().back_on_shelf(), &codes[..1]);
    let back = kiosk.desk.platform.ledger(|ledger| ledger.goods());
    let back: Vec<_> = back.iter().filter(|row| row.infno == "3506A").collect();
    assert_eq!(back.len(), 1, "{back:?}");
    assert_eq!(back[0].trace_codes, codes[..1]);
    assert_eq!(acted.tickets.len(), 1);
    let ticket = acted.tickets[0].text();
    assert!(
        ticket.contains("退药凭条") && ticket.contains("阿莫西林"),
        "{ticket}"
    );
    // Its number stands on one line, with the foot below.
    let number = format!("流水号 {}", told.dispense_id);
    assert!(ticket.lines().any(|line| line.trim() == number), "{ticket}");
    // The same package does not come back twice, and what is wrong with that is said plainly.
    let again = scene.bring_back(handed_out, 1, &codes[..1]).await;
    let again = again.expect("it is acted");
    assert!(again.refused.is_some() && again.tickets.is_empty());
    check_plain(&scene);
    assert_eq!(kiosk.received("3506A"), 1);
    let acted = scene.bring_back(handed_out, 1, &codes[1..]).await;
    let told = acted.expect("it is acted").dispense.expect("it began");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    assert_eq!(scene.his().back_on_shelf(), codes.as_slice());
}
