//! 取药: who was identified is the person of the goods; the ticket is printed once, and returns have theirs.

use prost_reflect::{DescriptorPool, DynamicMessage};
use yibaod::api::cancel_job_request::Key;
use yibaod::api::dispense_service_client::DispenseServiceClient;
use yibaod::api::print_service_client::PrintServiceClient;
use yibaod::api::take_back_request::Of;
use yibaod::api::{
    CancelJobRequest, Dispense, DispensePayer, DispenseState, HandOutRequest, IdentifyFlow, Money,
    PaperState, PrintWish, ReturnedLine, TakeBackRequest,
};

use super::by_code;
use crate::desk::{Desk, Setup, Shows, bill, channel, eventually, refusal};

/// What the employee paid for, to be handed out by this identification.
async fn paid_goods(desk: &Desk, request_id: &str, reference: &str) -> HandOutRequest {
    let mut paying = bill(desk, "paid");
    paying.print = PrintWish::No.into();
    let paid = desk.pay(paying, &[Shows::fresh("employee")]).await;
    assert_eq!(paid.money(), Money::Settled);
    let json = include_str!("../../../packaging/examples/hand-out.json");
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    let message = pool.get_message_by_name("yibao.v1.HandOutRequest");
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = DynamicMessage::deserialize(message.expect("our message"), &mut reader);
    let read = read.expect("the sample is right").transcode_to();
    let mut request: HandOutRequest = read.expect("the same message");
    request.request_id = request_id.to_owned();
    request.identity_ref = reference.to_owned();
    request.print = PrintWish::Receipt.into();
    let goods = request.goods.as_mut().expect("goods");
    goods.payer = DispensePayer::Local.into();
    goods.setl_id = paid.setl_id;
    goods.mdtrt_sn = paid.mdtrt_id;
    goods.psn_no = paid.psn_no;
    (goods.certno, goods.psn_name) = (String::new(), String::new());
    goods.lines.truncate(1);
    request
}

async fn hand_out(desk: &Desk, request: HandOutRequest) -> Result<Dispense, tonic::Status> {
    let channel = channel(&desk.socket()).await.expect("its door is open");
    let answer = DispenseServiceClient::new(channel)
        .hand_out(request)
        .await?;
    Ok(answer.into_inner().dispense.expect("what is true"))
}

async fn papers(desk: &Desk, count: usize) -> Vec<String> {
    let out = async || {
        let papers = desk.printer.papers();
        (papers.len() >= count).then_some(papers)
    };
    let papers = eventually(out).await.expect("the papers come out");
    papers.iter().map(|paper| paper.text()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_identified_picks_up_and_has_one_ticket() {
    let desk = Desk::start(Setup::default()).await;
    let who = by_code(&desk, "who", IdentifyFlow::Pharmacy, "employee").await;
    let request = paid_goods(&desk, "out", &who.identity_ref).await;
    let told = hand_out(&desk, request.clone()).await.expect("it is taken");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    let ticket = told.ticket.clone().expect("it was asked for");
    assert_eq!(ticket.state(), PaperState::Printed, "{ticket:?}");
    assert!(!told.ticket_job_id.is_empty());
    let out = papers(&desk, 1).await;
    assert!(out[0].contains("取药凭条"), "{}", out[0]);
    let name = &request.goods.as_ref().expect("goods").lines[0].fixmedins_hilist_name;
    assert!(out[0].contains(name.as_str()), "{}", out[0]);
    // The button is pressed ten times.
    for _ in 0..10 {
        let again = hand_out(&desk, request.clone()).await.expect("repeated");
        assert_eq!(again, told);
    }
    assert_eq!(desk.printer.papers().len(), 1);
    assert_eq!(super::received(&desk, "3505A"), 1);

    let back = TakeBackRequest {
        request_id: "back".to_owned(),
        operator: request.operator.clone(),
        of: Some(Of::HandOutRequestId("out".to_owned())),
        lines: vec![ReturnedLine {
            line: 1,
            sel_retn_cnt: request.goods.as_ref().expect("goods").lines[0]
                .sel_retn_cnt
                .clone(),
            ..ReturnedLine::default()
        }],
        print: PrintWish::Receipt.into(),
        ..TakeBackRequest::default()
    };
    let channel = channel(&desk.socket()).await.expect("its door is open");
    let back = DispenseServiceClient::new(channel).take_back(back).await;
    let back = back
        .expect("it is taken")
        .into_inner()
        .dispense
        .expect("told");
    assert_eq!(back.state(), DispenseState::Recorded, "{back:?}");
    assert!(papers(&desk, 2).await[1].contains("退药凭条"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_picks_up_for_somebody_else() {
    let desk = Desk::start(Setup::default()).await;
    let other = by_code(&desk, "other", IdentifyFlow::Pharmacy, "resident").await;
    let mut request = paid_goods(&desk, "out", &other.identity_ref).await;
    let refused = hand_out(&desk, request.clone()).await;
    let told = refusal(&refused.expect_err("another person's"));
    assert_eq!(
        (told.name.as_str(), told.fields.as_str()),
        ("PICK_UP_OTHER_PERSON", "identity_ref")
    );
    // Who logged in to pay did not come to pick up.
    let payer = by_code(&desk, "payer", IdentifyFlow::Payment, "employee").await;
    request.identity_ref = payer.identity_ref;
    let refused = hand_out(&desk, request.clone()).await;
    let told = refusal(&refused.expect_err("another purpose"));
    assert_eq!(told.name, "IDENTITY_OTHER_PURPOSE");
    assert_eq!(super::received(&desk, "3505A"), 0, "nothing was told");
    // The settlement says whose the goods are, whatever the caller says.
    let claimed = by_code(&desk, "claimed", IdentifyFlow::Pharmacy, "resident").await;
    request.identity_ref = claimed.identity_ref;
    let goods = request.goods.as_mut().expect("goods");
    goods.psn_no = claimed.psn_no;
    goods.certno = desk.platform.person("resident").expect("a person").idno;
    let refused = hand_out(&desk, request.clone()).await;
    let told = refusal(&refused.expect_err("another person's settlement"));
    assert_eq!(told.name, "PICK_UP_OTHER_PERSON");
    // Where nothing says whose they are, nobody can be checked, and nobody is used up.
    let unknown = by_code(&desk, "unknown", IdentifyFlow::Pharmacy, "employee").await;
    request.identity_ref = unknown.identity_ref;
    let goods = request.goods.as_mut().expect("goods");
    let setl_id = std::mem::replace(&mut goods.setl_id, "4300000000000000000001".to_owned());
    (goods.psn_no, goods.certno) = (String::new(), String::new());
    let refused = hand_out(&desk, request.clone()).await;
    let told = refusal(&refused.expect_err("nobody's"));
    assert_eq!(told.fields, "goods.certno", "{told:?}");
    request.goods.as_mut().expect("goods").setl_id = setl_id;
    let told = hand_out(&desk, request).await.expect("it is taken");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_printer_hands_out_all_the_same() {
    let desk = Desk::start(Setup {
        no_printer: true,
        ..Setup::default()
    })
    .await;
    let who = by_code(&desk, "who", IdentifyFlow::Pharmacy, "employee").await;
    let request = paid_goods(&desk, "out", &who.identity_ref).await;
    let told = hand_out(&desk, request).await.expect("it is taken");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    let ticket = told.ticket.expect("it was asked for");
    assert_eq!(ticket.state(), PaperState::NotPrinted);
    assert_eq!(ticket.reason.expect("why").name, "PRINTER_NOT_CONFIGURED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_came_to_nothing_is_printed_when_asked_for_again() {
    let desk = Desk::start(Setup {
        print_wait_ms: 1_000,
        ..Setup::default()
    })
    .await;
    let who = by_code(&desk, "who", IdentifyFlow::Pharmacy, "employee").await;
    let request = paid_goods(&desk, "out", &who.identity_ref).await;
    desk.printer.paper_out_after(0);
    let first = hand_out(&desk, request.clone()).await.expect("taken");
    assert_eq!(first.ticket.expect("asked for").state(), PaperState::Queued);
    let channel = channel(&desk.socket()).await.expect("its door is open");
    let key = Some(Key::JobId(first.ticket_job_id.clone()));
    let cancelled = PrintServiceClient::new(channel)
        .cancel_job(CancelJobRequest { key })
        .await;
    assert!(cancelled.is_ok(), "{cancelled:?}");
    desk.printer.refill();
    let again = hand_out(&desk, request.clone()).await.expect("repeated");
    assert_ne!(again.ticket_job_id, first.ticket_job_id);
    assert_eq!(papers(&desk, 1).await.len(), 1);
    let after = hand_out(&desk, request).await.expect("repeated");
    assert_eq!(after.ticket_job_id, again.ticket_job_id);
    assert_eq!(desk.printer.papers().len(), 1);
}
