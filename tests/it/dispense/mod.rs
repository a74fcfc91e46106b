//! Drugs handed out and taken back: 3505A and 3506A, row by row, and what a lost answer leaves.

mod lost;
mod own;
mod wrong;

use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic::transport::Channel;
use yibaod::api::dispense_service_client::DispenseServiceClient;
use yibaod::api::take_back_request::Of;
use yibaod::api::{
    Dispense, DispensePayer, DispenseState, GetDispenseRequest, HandOutRequest, Money, RefundMoney,
    ReturnedLine, TakeBackRequest, get_dispense_request,
};
use yibaod::sandbox::platform::GoodsRow;

use crate::desk::{Desk, Setup, Shows, bill, channel, refusal};
use crate::refund;

/// Goods that nobody's insurance paid for, as the shipped sample has them.
pub(crate) fn goods(request_id: &str) -> HandOutRequest {
    let json = include_str!("../../../packaging/examples/hand-out.json");
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    let message = pool.get_message_by_name("yibao.v1.HandOutRequest");
    let message = message.expect("our message");
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = DynamicMessage::deserialize(message, &mut reader).expect("the sample is right");
    let mut request: HandOutRequest = read.transcode_to().expect("the same message");
    request.request_id = request_id.to_owned();
    request
}

/// A part of a hand-out that comes back.
pub(crate) fn back(request_id: &str, of: &str, lines: &[(u32, &str, &[&str])]) -> TakeBackRequest {
    let line = |(line, count, codes): &(u32, &str, &[&str])| ReturnedLine {
        line: *line,
        sel_retn_cnt: (*count).to_owned(),
        trace_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        memo: String::new(),
    };
    TakeBackRequest {
        request_id: request_id.to_owned(),
        operator: goods("").operator,
        of: Some(Of::HandOutRequestId(of.to_owned())),
        lines: lines.iter().map(line).collect(),
        rtal_docno: String::new(),
        sel_retn_time: String::new(),
        print: 0,
    }
}

async fn client(desk: &Desk) -> DispenseServiceClient<Channel> {
    let channel = channel(&desk.socket()).await.expect("its door is open");
    DispenseServiceClient::new(channel)
}

async fn hand_out(desk: &Desk, request: HandOutRequest) -> Result<Dispense, tonic::Status> {
    let answer = client(desk).await.hand_out(request).await?;
    Ok(answer.into_inner().dispense.expect("what is true"))
}

async fn take_back(desk: &Desk, request: TakeBackRequest) -> Result<Dispense, tonic::Status> {
    let answer = client(desk).await.take_back(request).await?;
    Ok(answer.into_inner().dispense.expect("what is true"))
}

async fn show(desk: &Desk, request_id: &str) -> Dispense {
    let key = get_dispense_request::Key::RequestId(request_id.to_owned());
    let request = GetDispenseRequest { key: Some(key) };
    let answer = client(desk).await.get_dispense(request).await;
    let answer = answer.expect("it is known").into_inner();
    answer.dispense.expect("what is true")
}

fn received(desk: &Desk, infno: &str) -> usize {
    desk.platform.ledger(|ledger| ledger.received(infno).len())
}

fn ledger(desk: &Desk) -> Vec<GoodsRow> {
    desk.platform.ledger(|ledger| ledger.goods())
}

const FIRST: &str = "81000010000000000101";
const SECOND: &str = "81000010000000000102";

#[tokio::test(flavor = "multi_thread")]
async fn goods_go_out_and_come_back() {
    let desk = Desk::start(Setup::default()).await;
    let out = hand_out(&desk, goods("out")).await.expect("it is taken");
    assert_eq!(out.state(), DispenseState::Recorded, "{out:?}");
    let numbers: Vec<String> = ledger(&desk).into_iter().map(|row| row.number).collect();
    let told: Vec<String> = out
        .rows
        .iter()
        .map(|row| row.medins_prod_sel_no.clone())
        .collect();
    assert_eq!(told, numbers);
    assert!(out.rows.iter().all(|row| row.taken));
    let body = desk
        .platform
        .ledger(|ledger| ledger.received("3505A")[0].body.clone());
    let rows = body["input"]["selinfoDetail"].as_array().expect("rows");
    assert_eq!(rows[0]["med_list_codg"], "XJ01CAA040E001010100001");
    assert_eq!(rows[1]["med_list_codg"], "NMLC999");
    assert_eq!(rows[1]["drug_prod_barc"], "NDPB999");
    assert_eq!(rows[0]["drugtracinfo"][1]["drug_trac_codg"], SECOND);
    assert_eq!(
        (&rows[0]["MDTRT_SETL_TYPE"], &rows[0]["hi_feesetl_type"]),
        (&"2".into(), &"0".into())
    );

    let part = back("back-1", "out", &[(1, "1", &[SECOND])]);
    let first = take_back(&desk, part).await.expect("it is taken");
    assert_eq!(first.state(), DispenseState::Recorded, "{first:?}");
    assert_eq!(first.hand_out_id, out.dispense_id);
    // One is out still: two would be more than went out.
    let more = back("back-2", "out", &[(1, "2", &[])]);
    let status = take_back(&desk, more).await.expect_err("it is too much");
    let told = refusal(&status);
    assert_eq!(told.name, "TAKEN_BACK_TOO_MUCH");
    assert_eq!(told.fields, "lines[0].sel_retn_cnt");
    assert_eq!(received(&desk, "3506A"), 1);
    let rest = back("back-3", "out", &[(1, "1", &[FIRST]), (2, "1", &[])]);
    let rest = take_back(&desk, rest).await.expect("it is taken");
    assert_eq!(rest.state(), DispenseState::Recorded, "{rest:?}");
    let sum: i64 = ledger(&desk).iter().map(|row| row.count_e4).sum();
    assert_eq!(sum, 0, "{:?}", ledger(&desk));
    assert_eq!(show(&desk, "back-3").await, rest);
    let warnings = desk.platform.ledger(|ledger| ledger.warnings());
    assert!(
        warnings.is_empty(),
        "nothing unknown was sent: {warnings:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_goes_out_once_and_the_other_rows_stand() {
    let desk = Desk::start(Setup::default()).await;
    hand_out(&desk, goods("first")).await.expect("it is taken");
    let mut second = goods("second");
    let lines = &mut second.goods.as_mut().expect("goods").lines;
    lines[1].trace_codes = vec!["81000030000000000399".to_owned()];
    let told = hand_out(&desk, second).await.expect("it is taken");
    assert_eq!(told.state(), DispenseState::PartlyRecorded, "{told:?}");
    assert_eq!(told.error.as_ref().expect("a reason").name, "ROWS_REFUSED");
    let taken: Vec<bool> = told.rows.iter().map(|row| row.taken).collect();
    assert_eq!(taken, [false, true]);
    assert!(told.rows[0].message.contains("追溯码已销售"));
    // What was not recorded cannot come back.
    let status = take_back(&desk, back("back", "second", &[(1, "1", &[FIRST])])).await;
    assert_eq!(
        refusal(&status.expect_err("it is refused")).fields,
        "lines[0].line"
    );
    let whole = hand_out(&desk, goods("third")).await.expect("it is taken");
    assert_eq!(whole.state(), DispenseState::Refused, "{whole:?}");
    // By the piece it may go out again.
    let mut pieces = goods("pieces");
    for line in &mut pieces.goods.as_mut().expect("goods").lines {
        line.by_piece = true;
    }
    let pieces = hand_out(&desk, pieces).await.expect("it is taken");
    assert_eq!(pieces.state(), DispenseState::Recorded, "{pieces:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_is_safe_and_another_body_is_refused() {
    let mut desk = Desk::start(Setup::default()).await;
    let (one, two) = tokio::join!(
        hand_out(&desk, goods("same")),
        hand_out(&desk, goods("same"))
    );
    let (one, two) = (one.expect("it is taken"), two.expect("it joins"));
    assert_eq!(one, two);
    assert_eq!(
        hand_out(&desk, goods("same"))
            .await
            .expect("it is repeated"),
        one
    );
    desk.stop().await;
    desk.start_daemon().await;
    assert_eq!(
        hand_out(&desk, goods("same"))
            .await
            .expect("it is repeated"),
        one
    );
    assert_eq!(received(&desk, "3505A"), 1);
    let mut other = goods("same");
    other.goods.as_mut().expect("goods").rtal_docno = "LS2".to_owned();
    let told = refusal(&hand_out(&desk, other).await.expect_err("it is refused"));
    assert_eq!(
        (told.name.as_str(), told.fields.as_str()),
        ("REQUEST_ID_OTHER_BODY", "goods")
    );
    // One id names one thing: a settlement cannot have it too, and the other way round.
    let taken = desk.scan_and_pay(bill(&desk, "same")).await;
    assert_eq!(
        refusal(&taken.expect_err("it is refused")).name,
        "REQUEST_ID_OTHER_BODY"
    );
    let part = back("back", "same", &[(1, "1", &[FIRST])]);
    let first = take_back(&desk, part.clone()).await.expect("it is taken");
    assert_eq!(take_back(&desk, part).await.expect("it is repeated"), first);
    assert_eq!(received(&desk, "3506A"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_insurance_paid_for_names_its_settlement() {
    let desk = Desk::start(Setup::default()).await;
    let paid = desk
        .pay(bill(&desk, "paid"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(paid.money(), Money::Settled);
    let mut request = goods("insured");
    let goods = request.goods.as_mut().expect("goods");
    goods.payer = DispensePayer::Local.into();
    goods.setl_id = paid.setl_id.clone();
    goods.mdtrt_sn = paid.mdtrt_id.clone();
    goods.psn_no = paid.psn_no.clone();
    goods.lines.truncate(1);
    // Where the person is insured is known from the settlement.
    let told = hand_out(&desk, request.clone()).await.expect("it is taken");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    let body = desk
        .platform
        .ledger(|ledger| ledger.received("3505A")[0].body.clone());
    assert_eq!(body["insuplc_admdvs"], "430100");
    assert_eq!(body["input"]["selinfoDetail"][0]["MDTRT_SETL_TYPE"], "1");
    // What was given back pays for no goods.
    let by = refund::by_numbers("back", &paid);
    let refunded = refund::ended(&desk, by).await;
    assert_eq!(refunded.money(), RefundMoney::Refunded, "{refunded:?}");
    request.request_id = "after".to_owned();
    let status = hand_out(&desk, request.clone())
        .await
        .expect_err("it was refunded");
    let told_of = refusal(&status);
    assert_eq!(
        (told_of.name.as_str(), told_of.fields.as_str()),
        ("SETTLEMENT_NOT_STANDING", "goods.setl_id")
    );
    assert_eq!(received(&desk, "3505A"), 1);
    request.request_id = "elsewhere".to_owned();
    request.goods.as_mut().expect("goods").setl_id = "4300000000000000000001".to_owned();
    let status = hand_out(&desk, request)
        .await
        .expect_err("nobody knows the area");
    assert_eq!(refusal(&status).fields, "goods.insuplc_admdvs");
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_come_back_by_their_own_fields() {
    let desk = Desk::start(Setup::default()).await;
    let out = hand_out(&desk, goods("out")).await.expect("it is taken");
    let mut request = back("back", "out", &[]);
    request.of = Some(Of::Goods(goods("x").goods.expect("goods")));
    let told = take_back(&desk, request).await.expect("it is taken");
    assert_eq!(
        (told.state(), told.hand_out_id.as_str()),
        (DispenseState::Recorded, out.dispense_id.as_str())
    );
    let negative = "[dispense]\nreturn_is_negative = true\n".to_owned();
    let desk = Desk::start(Setup {
        profile_more: negative,
        ..Setup::default()
    })
    .await;
    let switch = serde_json::json!({ "return_is_negative": true });
    desk.platform.switch(&switch).expect("a switch");
    hand_out(&desk, goods("out")).await.expect("it is taken");
    let told = take_back(&desk, back("back", "out", &[(2, "1", &[])]))
        .await
        .expect("it is taken");
    assert_eq!(told.state(), DispenseState::Recorded, "{told:?}");
    assert_eq!(ledger(&desk)[2].count_e4, -10_000);
}
