//! What only a person can resolve: listed with every fact, stated once, and nothing else happens to the money.

use yibaod::api::resolve_settlement_request::Key;
use yibaod::api::{
    ListStuckRequest, Money, RefundMoney, ResolveSettlementRequest, ResolveSettlementResponse,
    ResolvedAs, Settlement, StuckItem,
};
use yibaod::journal::{Append, Journal, NewEvent, Options, SiteKey, StreamHead};

use crate::desk::{Desk, Setup, Shows, bill, refusal, without_paper};

/// Everything on the list.
pub(crate) async fn stuck(desk: &Desk) -> Vec<StuckItem> {
    let mut client = desk.settlements().await;
    let list = client.list_stuck(ListStuckRequest {}).await;
    list.expect("a list").into_inner().items
}

/// States this of it.
pub(crate) async fn state(
    desk: &Desk,
    id: &str,
    verdict: ResolvedAs,
) -> Result<ResolveSettlementResponse, tonic::Status> {
    state_by(desk, Key::SettlementId(id.to_owned()), verdict, "").await
}

async fn state_by(
    desk: &Desk,
    key: Key,
    verdict: ResolvedAs,
    setl_id: &str,
) -> Result<ResolveSettlementResponse, tonic::Status> {
    let request = ResolveSettlementRequest {
        key: Some(key),
        r#as: verdict.into(),
        reason: "门户已核对".to_owned(),
        stated_setl_id: setl_id.to_owned(),
        ..ResolveSettlementRequest::default()
    };
    let mut client = desk.settlements().await;
    Ok(client.resolve_settlement(request).await?.into_inner())
}

/// A platform that can neither be asked after a settlement nor made to reverse it.
fn mute() -> Setup {
    Setup {
        settle_quiet_s: 1,
        profile_more: "[transactions]\nreversible = []\n[enquiry]\nwithout_setl_id = false\n"
            .to_owned(),
        ..Setup::default()
    }
}

/// A desk with a settlement whose answer was lost, for a person to resolve.
async fn unknown(fault: &str, request_id: &str) -> (Desk, Settlement) {
    let desk = Desk::start(mute()).await;
    desk.platform.arm(fault).expect("a fault of the sandbox");
    let answer = desk
        .pay(bill(&desk, request_id), &[Shows::fresh("employee")])
        .await;
    assert!(answer.stuck, "{answer:?}");
    (desk, answer)
}

fn live_setl_id(desk: &Desk) -> String {
    let rows = desk
        .platform
        .ledger(yibaod::sandbox::platform::Ledger::settlements);
    let live = rows.into_iter().find(|row| row.is_live());
    live.expect("it charged").setl_id
}

/// The command line, as an operator runs it; what it printed and its exit code.
pub(crate) fn yibaoctl(desk: &Desk, arguments: &[&str]) -> (String, i32) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .arg("--socket")
        .arg(desk.socket())
        .args(arguments)
        .output()
        .expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (printed, output.status.code().expect("it ends by itself"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_every_fact_a_person_needs() {
    let (desk, answer) = unknown("F1@2207", "bill-1").await;
    let items = stuck(&desk).await;
    assert_eq!(items.len(), 1, "{items:?}");
    let item = &items[0];
    assert_eq!(item.id, answer.settlement_id);
    assert_eq!((item.money(), item.amount_fen), (Money::Unknown, 19_020));
    assert_eq!(
        (&item.psn_no, &item.mdtrt_id),
        (&answer.psn_no, &answer.mdtrt_id)
    );
    assert_eq!(
        (&item.msgid, &item.chrg_bchno),
        (&answer.msgid, &answer.chrg_bchno)
    );
    assert_eq!(item.request_id, "bill-1");
    for (fact, value) in [
        ("caller", &item.caller),
        ("accepted", &item.accepted_at),
        ("stuck since", &item.stuck_at),
        ("operator", &item.operator_id),
        ("operator's name", &item.operator_name),
        ("office", &item.office_id),
        ("infno", &item.infno),
        ("look up", &item.look_up_zh),
        ("look up, English", &item.look_up_en),
        ("action", &item.action_zh),
        ("action, English", &item.action_en),
    ] {
        assert!(!value.is_empty(), "{fact}: {item:?}");
    }
    let settle = item
        .tried
        .iter()
        .find(|tried| tried.infno.starts_with("2207"));
    assert_eq!(settle.expect("it was tried").code, "E4002");
    let (printed, exit) = yibaoctl(&desk, &["stuck"]);
    assert_eq!(exit, 1, "somebody must act");
    for fact in [&answer.msgid, &answer.mdtrt_id, &answer.settlement_id] {
        assert!(printed.contains(fact.as_str()), "{fact} not in {printed}");
    }
    let (json, _) = yibaoctl(&desk, &["--json", "stuck"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["items"][0]["msgid"], answer.msgid.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stated_is_what_is_told_ever_after() {
    let (mut desk, answer) = unknown("F1@2207", "bill-1").await;
    let setl_id = live_setl_id(&desk);
    let arguments = [
        "resolve",
        &answer.settlement_id,
        "--as",
        "settled",
        "--reason",
        "门户已核对",
        "--setl-id",
        &setl_id,
    ];
    let (printed, exit) = yibaoctl(&desk, &arguments);
    assert_eq!(exit, 0, "{printed}");
    let shown = desk.get("bill-1").await.expect("it is there");
    assert_eq!((shown.money(), shown.stuck), (Money::Settled, false));
    assert_eq!(shown.setl_id, setl_id);
    let resolved = shown.resolved.clone().expect("it is marked");
    assert_eq!(resolved.reason, "门户已核对");
    assert!(resolved.by.starts_with("uid:") && !resolved.at.is_empty());
    assert_eq!(stuck(&desk).await, []);
    assert_eq!(yibaoctl(&desk, &["stuck"]).1, 0);
    // The same again is the same, by each id; another is refused.
    for key in [
        Key::RequestId("bill-1".to_owned()),
        Key::SetlId(setl_id.clone()),
        Key::Msgid(answer.msgid.clone()),
    ] {
        let again = state_by(&desk, key, ResolvedAs::Settled, "").await;
        let again = again.expect("the same").settlement.expect("a settlement");
        assert_eq!(again.resolved, shown.resolved);
    }
    for other in [ResolvedAs::NotCharged, ResolvedAs::Reversed] {
        let refused = state(&desk, &answer.settlement_id, other).await;
        assert_eq!(
            refusal(&refused.expect_err("another")).name,
            "RESOLVED_OTHERWISE"
        );
    }
    desk.stop().await;
    desk.start_daemon().await;
    let again = desk.get("bill-1").await.expect("it is there");
    assert_eq!(without_paper(&again), without_paper(&shown));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_by_itself_and_it_can_be_given_back() {
    let (mut desk, answer) = unknown("F1@2207", "bill-1").await;
    let sent = desk
        .platform
        .ledger(yibaod::sandbox::platform::Ledger::received_count);
    let setl_id = live_setl_id(&desk);
    let key = Key::Msgid(answer.msgid);
    let stated = state_by(&desk, key, ResolvedAs::Settled, &setl_id).await;
    let shown = stated
        .expect("it is taken")
        .settlement
        .expect("a settlement");
    desk.stop().await;
    desk.start_daemon().await;
    let again = desk.scan_and_pay(bill(&desk, "bill-1")).await;
    let again = again.expect("repeated");
    assert_eq!(
        (again.money(), again.resolved),
        (Money::Settled, shown.resolved)
    );
    assert_eq!(desk.printer.papers().len(), 0, "nothing happens by itself");
    let after = desk
        .platform
        .ledger(yibaod::sandbox::platform::Ledger::received_count);
    let signed_out = desk.received("9002");
    assert_eq!(
        after,
        sent + signed_out,
        "nothing was asked of the platform"
    );
    // What was stated to stand can be given back: the platform tells what was charged.
    let mut client = desk.settlements().await;
    let request = yibaod::api::RefundSettlementRequest {
        request_id: "back-1".to_owned(),
        operator: bill(&desk, "x").operator,
        key: Some(
            yibaod::api::refund_settlement_request::Key::SettlementRequestId("bill-1".to_owned()),
        ),
        ..Default::default()
    };
    let given = client
        .refund_settlement(request)
        .await
        .expect("it is taken");
    let given = given.into_inner().refund.expect("a refund");
    assert_eq!(given.money(), RefundMoney::Refunded, "{given:?}");
    desk.platform.ledger(|ledger| {
        assert!(ledger.settlements().iter().all(|row| !row.is_live()));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn not_charged_frees_the_bill() {
    let (desk, answer) = unknown("F2@2207", "bill-1").await;
    let stated = state(&desk, &answer.settlement_id, ResolvedAs::NotCharged).await;
    let stated = stated
        .expect("it is taken")
        .settlement
        .expect("a settlement");
    assert_eq!(stated.money(), Money::Cancelled);
    let error = stated.error.expect("it says why");
    assert_eq!(error.name, "RESOLVED_BY_PERSON");
    let anew = desk
        .pay(bill(&desk, "bill-2"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(anew.money(), Money::Settled, "{anew:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_stuck_cannot_be_stated() {
    let desk = Desk::start(Setup::default()).await;
    let settled = desk
        .pay(bill(&desk, "bill-1"), &[Shows::fresh("employee")])
        .await;
    let refused = state(&desk, &settled.settlement_id, ResolvedAs::Reversed).await;
    assert_eq!(refusal(&refused.expect_err("it stands")).name, "NOT_STUCK");
    let refused = state(&desk, "nobody", ResolvedAs::Reversed).await;
    assert_eq!(refusal(&refused.expect_err("unknown")).name, "NOT_FOUND");
    desk.assert_charged_once(&settled);
    let (printed, exit) = yibaoctl(
        &desk,
        &[
            "--json", "resolve", "nobody", "--as", "reversed", "--reason", "x",
        ],
    );
    assert_eq!(exit, 2);
    assert!(printed.contains("not found as request_id"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_key_is_gone_is_listed_by_its_numbers_and_can_be_stated() {
    let (mut desk, answer) = unknown("F1@2207", "bill-1").await;
    desk.stop().await;
    let db = desk.state_dir().join("journal/journal.sqlite");
    let keys = rusqlite::Connection::open(db).expect("the journal");
    keys.execute("DELETE FROM data_key", [])
        .expect("they are deleted");
    drop(keys);
    desk.start_daemon().await;
    let items = stuck(&desk).await;
    assert_eq!(items.len(), 1, "{items:?}");
    let item = &items[0];
    assert_eq!(
        (&item.psn_no, &item.mdtrt_id),
        (&answer.psn_no, &answer.mdtrt_id)
    );
    assert_eq!((&item.msgid, item.amount_fen), (&answer.msgid, 19_020));
    assert!(!item.operator_id.is_empty() && item.operator_name.is_empty());
    let setl_id = live_setl_id(&desk);
    let key = Key::Msgid(answer.msgid.clone());
    let stated = state_by(&desk, key, ResolvedAs::Settled, &setl_id).await;
    let stated = stated
        .expect("it is taken")
        .settlement
        .expect("a settlement");
    assert_eq!((stated.money(), stated.setl_id), (Money::Settled, setl_id));
    assert_eq!(stuck(&desk).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_read_is_on_the_list() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.stop().await;
    let machine_id = std::fs::read_to_string("/etc/machine-id").expect("a machine");
    let identity = yibaod::journal::Desk {
        name: "测试窗口".to_owned(),
        number: desk.setup().desk_number,
        machine_id: machine_id.trim().to_owned(),
    };
    let key = SiteKey::load(&desk.dir().join("site.key")).expect("its key");
    let options = Options::new(desk.state_dir().join("journal"), identity, key);
    let (journal, _) = Journal::open(options).await.expect("nobody has it open");
    let head = StreamHead {
        request_id: Some("bill-9".to_owned()),
        open: true,
        summary: String::new(),
        ..StreamHead::closed("settlement", "uid:0")
    };
    let append = Append {
        stream: "of-tomorrow".to_owned(),
        after: Some(0),
        // A version that this program does not know.
        events: vec![NewEvent::new(
            "accepted",
            99,
            1_700_000_000_000,
            "{}".to_owned(),
        )],
        head,
        marks: Vec::new(),
    };
    journal.append(append).await.expect("it is written");
    journal.close().await;
    desk.start_daemon().await;
    let items = stuck(&desk).await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0].id, "of-tomorrow");
    let error = items[0].error.as_ref().expect("it says why");
    assert_eq!(error.name, "STREAM_UNREADABLE");
    assert_eq!(items[0].may_state, Vec::<i32>::new());
    let refused = state(&desk, "of-tomorrow", ResolvedAs::NotCharged).await;
    assert_eq!(
        refusal(&refused.expect_err("unread")).name,
        "STREAM_UNREADABLE"
    );
    // The others go on.
    let settled = desk
        .pay(bill(&desk, "bill-1"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&settled);
}
