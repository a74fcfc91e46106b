//! Flow 1, 自助挂号: for this day and by appointment for a later one, to the ticket; and the time that is lost after paying.

use yibaod::api::{Money, RefundMoney, Settlement};
use yibaod::sandbox::acting::{Patient, Registration, Scene};
use yibaod::sandbox::his::{Refused, When};
use yibaod::sandbox::platform::Visit;

use super::{Kiosk, check_order, check_said, check_screens, shares};
use crate::desk::{Setup, today};

/// What the screens say to the end of the payment.
const UNTIL_PAID: [&str; 12] = [
    "请刷新您的医保电子凭证，对准扫码口，办理挂号。",
    "请稍候，正在核对身份。",
    "沈**，您好！",
    "请选择科室：内科门诊、外科门诊",
    "21.00 元。",
    "请刷新您的医保电子凭证，对准扫码口。",
    "请稍候，正在办理。",
    "正在医保结算，请勿离开。",
    "正在打印小票，请取走。",
    "医保结算成功。",
    "总额 21.00 元，基金支付 0.00，个人账户支付 16.00，个人现金 5.00；其中起付线 16.00，超限价自费 5.00",
    "请另付现金 5.00 元。",
];

async fn registers(scene: &Scene<'_>, when: When) -> Registration {
    let patient = Patient::new("employee");
    let acted = scene.registration(&patient, when, |_, _| {}).await;
    acted.expect("it is acted")
}

/// It was paid, once; the only visit is of it.
fn check_paid(kiosk: &Kiosk, acted: &Registration) -> (Settlement, Visit) {
    assert_eq!(acted.identification.business_type, "01101");
    let paying = acted.paying.as_ref().expect("it was paid");
    assert_eq!(shares(paying), [2_100, 0, 1_600, 500]);
    let settlement = paying.settled().expect("it stands");
    kiosk.desk.assert_charged_once(settlement);
    assert_eq!((kiosk.received("2207"), kiosk.live()), (1, 1));
    let visits = kiosk.desk.platform.ledger(|ledger| ledger.visits());
    assert_eq!(visits.len(), 1, "the visit is of this order: {visits:?}");
    assert_eq!(visits[0].mdtrt_id, settlement.mdtrt_id);
    assert_eq!(paying.receipts.len(), 1);
    let receipt = paying.receipts[0].text();
    let order = acted.order.as_ref().expect("it was chosen");
    for words in ["21.00", "挂号费", order.number.as_str()] {
        assert!(receipt.contains(words), "no {words} in\n{receipt}");
    }
    (settlement.clone(), visits[0].clone())
}

#[track_caller]
fn check_ticket(acted: &Registration, words: &[&str]) {
    assert_eq!(acted.tickets.len(), 1);
    let ticket = acted.tickets[0].text();
    for words in words {
        assert!(ticket.contains(words), "no {words} in\n{ticket}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_today() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let acted = registers(&scene, When::Today).await;
    let ends = ["支付成功，挂号成功：1号。"];
    check_screens(&scene, &[&UNTIL_PAID[..], &ends].concat());
    check_order(
        &scene,
        &[
            "请另付现金 5.00 元。",
            "支付自费部分 5.00 元。",
            "已收自费部分 5.00 元。",
            ends[0],
        ],
    );
    let (settlement, visit) = check_paid(&kiosk, &acted);
    assert!(visit.begntime.starts_with(&today()), "{}", visit.begntime);
    let booked = acted.registered.as_ref().expect("booked");
    assert_eq!((booked.place.0, booked.slot.id), (1, 1));
    assert_eq!(booked.slot.day, today());
    assert_eq!(booked.setl_id, settlement.setl_id);
    let day = format!("就诊日期 {}", today());
    check_ticket(&acted, &["挂号凭条", "虞问溪", day.as_str(), "08:00-08:30"]);
    assert!(!acted.tickets[0].text().contains("预约"));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_appointment() {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let free = |when| scene.his().schedule().free(when).count();
    let (today_free, later_free) = (free(When::Today), free(When::Appointment));
    let acted = registers(&scene, When::Appointment).await;
    let booked = acted.registered.as_ref().expect("booked");
    let day = booked.slot.day.as_str();
    assert!(*day > *today(), "{day}");
    let ends = format!("支付成功，预约挂号成功：{day} 1号，请当日持凭条就诊。");
    check_screens(&scene, &[&UNTIL_PAID[..], &[ends.as_str()]].concat());
    let shown = scene.screens();
    let order = acted.order.as_ref().expect("it was chosen");
    assert!(order.number.starts_with("YY"), "{}", order.number);
    assert!(shown[4].contains(day), "the order: {}", shown[4]);
    // The money and the visit are of the day on which it was paid; the appointment's day is the HIS's.
    let (settlement, visit) = check_paid(&kiosk, &acted);
    assert!(visit.begntime.starts_with(&today()), "{}", visit.begntime);
    assert!(
        settlement.setl_time.starts_with(&today()),
        "{}",
        settlement.setl_time
    );
    assert_eq!(visit.med_type.as_deref(), Some("11"));
    assert_eq!(booked.setl_id, settlement.setl_id);
    let his_id = booked.his_id.clone();
    assert_eq!(
        scene.his().registered(&his_id),
        std::slice::from_ref(booked)
    );
    // Its time is taken, and none of today.
    let again = scene.his().hold(booked.slot.id, "P2").map(|_| ());
    assert_eq!(again, Err(Refused::SlotLost));
    assert_eq!(
        (free(When::Today), free(When::Appointment)),
        (today_free, later_free - 1)
    );
    let day = format!("就诊日期 {day}");
    check_ticket(
        &acted,
        &[
            "预约挂号凭条",
            "内科门诊",
            "虞问溪",
            &day,
            "08:00-08:30",
            "1号",
        ],
    );
}

/// Somebody at the counter gets the time between paying and booking.
async fn loses(when: When) {
    let kiosk = Kiosk::start(Setup::default()).await;
    let scene = kiosk.scene().await;
    let patient = Patient::new("employee");
    let lose = |scene: &Scene<'_>, order: &_| scene.his().lose(order);
    let acted = scene.registration(&patient, when, lose).await;
    let acted = acted.expect("it is acted");
    assert!(acted.registered.is_none() && acted.tickets.is_empty());
    let order = acted.order.expect("it was chosen");
    assert_eq!(order.slot.when, when);
    let paying = acted.paying.expect("it was paid");
    assert_eq!(paying.money(), Money::Settled);
    let refund = acted.refund.expect("the money goes back");
    assert_eq!(refund.money(), RefundMoney::Refunded, "{refund:?}");
    let given = refund.given_back.expect("how much");
    assert_eq!((given.total_fen, given.to_account_fen), (2_100, 1_600));
    check_said(&scene, "该号源已被占用，挂号未成功。");
    check_said(&scene, "费用已全部退回，共 21.00 元，请重新挂号。");
    assert_eq!((kiosk.received("2208"), kiosk.live()), (1, 0));
    assert_eq!(
        paying.receipts.len(),
        1,
        "the receipt of what was given back"
    );
    // The next time of that day is free.
    let again = registers(&scene, when).await;
    let booked = again.registered.expect("booked");
    assert_eq!((booked.slot.when, booked.place.0), (when, 2));
    let all = scene.his().registered(&booked.his_id);
    assert_eq!(all, [booked]);
    assert_eq!(kiosk.live(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_of_today_that_is_lost_after_paying_is_paid_back() {
    loses(When::Today).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_that_is_lost_after_paying_is_paid_back() {
    loses(When::Appointment).await;
}
