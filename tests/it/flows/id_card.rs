//! Flows 4 and 5 by 居民身份证: the doctor's desk and the pharmacy choose it, and no code is shown there.

use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::{
    Credential, CredentialPays, DispenseState, IdentifyState, ListDevicesRequest, Money,
    PrintJobState,
};
use yibaod::sandbox::acting::{Patient, Show, Tick, Who};
use yibaod::sandbox::platform::CodeKind;

use super::{Kiosk, check_said, check_screens, shares};
use crate::desk::{channel, eventually};

const LOGIN_WAIT_MS: u32 = 15_000;
const CHECKING: &str = "请稍候，正在核对身份。";
const WORKING: &str = "请稍候，正在办理。";
const LAY_DOWN: &str = "请将您的身份证放在读卡区。";
/// What the platform is told of it (mdtrt_cert_type).
const BY_ID_CARD: &str = "02";
const BY_CODE: &str = "01";

/// A patient who brought it.
fn with_id_card(person: &str) -> Patient {
    Patient::new(person).chooses(Credential::ResidentId)
}

/// The kinds of credential of the visits and of the settlements, as the platform booked them.
fn booked_by(kiosk: &Kiosk) -> (Vec<String>, Vec<String>) {
    kiosk.desk.platform.ledger(|ledger| {
        let visits = ledger.visits().into_iter();
        let settled = ledger.settlements().into_iter();
        (
            visits.map(|it| it.mdtrt_cert_type).collect(),
            settled.map(|it| it.mdtrt_cert_type).collect(),
        )
    })
}

/// What came from the scanner since it was opened.
async fn scanned_bytes(kiosk: &Kiosk) -> u64 {
    let door = channel(&kiosk.desk.socket()).await;
    let mut client = DeviceServiceClient::new(door.expect("its door is open"));
    let listed = client.list_devices(ListDevicesRequest {}).await;
    let devices = listed.expect("it may be listed").into_inner().devices;
    let scanner = devices.into_iter().find(|it| it.role == "scanner");
    scanner
        .and_then(|it| it.counters)
        .map_or(0, |it| it.bytes_in)
}

#[tokio::test(flavor = "multi_thread")]
async fn settlement_at_the_doctors_desk() {
    let kiosk = Kiosk::start_with_id_cards().await;
    let scene = kiosk.scene().await;
    let patient = with_id_card("two_insurances");
    let acted = scene.consultation(&patient, "310").await;
    let acted = acted.expect("it is acted");
    let credential = acted.identification.credential.expect("it was shown");
    assert_eq!(credential.kind(), Credential::ResidentId);
    assert_eq!(credential.pays(), CredentialPays::ShownAgain);
    check_screens(
        &scene,
        &[
            "请将您的身份证放在读卡区，核对就诊身份。",
            CHECKING,
            "陆**，您好！",
            "西药费 147.20 元",
            "检验费 22.00 元",
            LAY_DOWN,
            WORKING,
            "请核对患者姓名和证件号码。",
            "职工医保 账户余额 580.20",
            WORKING,
            "请核对结算金额。",
            "预结算：总额 169.20 元，基金支付 67.55，个人账户支付 56.65，个人现金 45.00",
            "正在医保结算，请勿离开。",
            "正在打印小票，请取走。",
            "医保结算成功。",
            "总额 169.20 元，基金支付 67.55，个人账户支付 56.65，个人现金 45.00",
            "请另付现金 45.00 元。",
            "结算完成，结算单已显示。",
            "结算单已打印，请取走。",
        ],
    );
    let staff = scene.told().into_iter().find(|it| it.who == Who::Staff);
    assert_eq!(
        staff.expect("somebody chooses").zh,
        "选择凭证：居民身份证。"
    );
    let paying = acted.paying.expect("it was paid");
    assert_eq!(shares(&paying), [16_920, 6_755, 5_665, 4_500]);
    let settlement = paying.settled().expect("it stands");
    kiosk.desk.assert_charged_once(settlement);
    let once = || vec![BY_ID_CARD.to_owned()];
    assert_eq!(booked_by(&kiosk), (once(), once()));
    assert_eq!(kiosk.received("ec.query"), 0, "no code was shown");
    assert_eq!(paying.receipts.len(), 1);
    let receipt = paying.receipts[0].text();
    assert!(receipt.contains("169.20"), "{receipt}");
    let sheet = acted.sheet.expect("it is settled");
    assert!(sheet.pdf.starts_with(b"%PDF-1.4"));
    let job = sheet.job.expect("it is printed");
    assert_eq!(job.state(), PrintJobState::Printed);
    assert_eq!(sheet.papers.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_with_another_persons_document() {
    let kiosk = Kiosk::start_with_id_cards().await;
    let scene = kiosk.scene().await;
    let shows = [Show::IdCard, Show::OthersIdCard("resident")];
    let patient = with_id_card("employee").shows(shows);
    let acted = scene.consultation(&patient, "").await;
    let paying = acted.expect("it is acted").paying.expect("it began");
    assert_eq!(paying.error(), "PERSON_MISMATCH");
    assert_eq!(paying.money(), Money::Refused);
    check_said(&scene, "本人");
    check_said(&scene, "未扣费：医保结算未成功。");
    assert_eq!((kiosk.received("2201"), kiosk.received("2207")), (0, 0));
    // The own one does.
    let acted = scene.consultation(&with_id_card("employee"), "").await;
    let paying = acted.expect("it is acted").paying.expect("it was paid");
    assert_eq!((paying.money(), kiosk.live()), (Money::Settled, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_not_read_where_a_document_was_chosen() {
    let kiosk = Kiosk::start_with_id_cards().await;
    let scene = kiosk.scene().await;
    let patient = with_id_card("employee").shows([Show::Own(CodeKind::Fresh)]);
    let lays = async {
        // Nothing comes of the code: the person at the desk lays the document down.
        let arrived = async || (scanned_bytes(&kiosk).await > 0).then_some(());
        let arrived = eventually(arrived).await;
        let (reader, _) = kiosk.id_cards.as_ref().expect("this one has it");
        let person = kiosk.desk.platform.person("employee").expect("a person");
        reader.lay(&person);
        arrived
    };
    let (acted, arrived) = tokio::join!(scene.consultation(&patient, ""), lays);
    assert!(arrived.is_some(), "the daemon saw the code");
    let acted = acted.expect("it is acted");
    let credential = acted.identification.credential.expect("it was shown");
    assert_eq!(credential.kind(), Credential::ResidentId);
    assert_eq!(acted.paying.expect("it was paid").money(), Money::Settled);
    assert_eq!(kiosk.received("ec.query"), 0, "it was sent nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn pharmacy_pick_up() {
    let kiosk = Kiosk::start_with_id_cards().await;
    let scene = kiosk.scene().await;
    let patient = with_id_card("resident");
    // A kiosk asks for the code, whatever else the patient has.
    let paid = scene.payment(&patient, Tick::All, LOGIN_WAIT_MS, |_, _| {});
    let paid = paid.await.expect("it is acted").paying;
    assert_eq!(paid.expect("it was paid").money(), Money::Settled);
    let codes = kiosk.received("ec.query");
    let before = scene.screens().len();
    let acted = scene.pick_up(&patient).await.expect("it is acted");
    assert_eq!(acted.identification.state(), IdentifyState::Identified);
    assert_eq!(acted.identification.business_type, "01302");
    let credential = acted.identification.credential.expect("it was shown");
    assert_eq!(credential.kind(), Credential::ResidentId);
    let said = scene.screens().split_off(before);
    assert_eq!(
        said,
        [
            "请将您的身份证放在读卡区，取药。",
            CHECKING,
            "罗**，您好！",
            "阿莫西林胶囊 0.25g×24粒 × 2",
            "缬沙坦胶囊 80mg×7粒 × 2",
            "复合维生素片 30片 × 1",
            "取药完成，追溯码已上报。",
        ]
    );
    assert_eq!(kiosk.received("ec.query"), codes, "no code was shown");
    let asked = kiosk.desk.platform.ledger(|ledger| ledger.received("1101"));
    let asked = asked.last().expect("who it is was asked");
    let data = &asked.body["input"]["data"];
    assert_eq!(data["mdtrt_cert_type"], BY_ID_CARD);
    let once = || vec![BY_CODE.to_owned()];
    assert_eq!(booked_by(&kiosk), (once(), once()), "the payment's");
    assert_eq!(acted.dispensed.len(), 1);
    let told = &acted.dispensed[0];
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    assert_eq!(kiosk.received("3505A"), 1);
    assert_eq!(acted.tickets.len(), 1);
    let ticket = acted.tickets[0].text();
    assert!(
        ticket.contains("取药凭条") && ticket.contains("阿莫西林"),
        "{ticket}"
    );
}
