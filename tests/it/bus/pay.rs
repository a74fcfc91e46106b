//! Scan and pay whole, by every client; the answers are those of the gRPC door.

use std::process::Output;
use std::time::Duration;

use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use yibaod::api::{GetSettlementRequest, get_settlement_request::Key};
use yibaod::sandbox::bills;

use super::world::{MONITOR, PATH, answer, finished, said};
use super::{CASHIER, Literal, World, interface};
use crate::desk::{Shows, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn every_client_pays_and_is_told_what_grpc_tells() {
    let world = World::start().await;
    let request = bill("bus-1");
    let words = request.words();
    let patient = patient(&world);
    let by_busctl = world.call(CASHIER, "Settlement", "ScanAndPay", &words);
    let (by_busctl, ()) = tokio::join!(by_busctl, patient);
    let first = answer(&by_busctl);
    assert_eq!(first["settlement"]["money"], "MONEY_SETTLED", "{first}");
    assert_eq!(
        first["settlement"]["paper"]["state"], "PAPER_STATE_PRINTED",
        "{first}"
    );

    // The same call by the others repeats the answer; nobody is asked for a code.
    let again = world
        .call(CASHIER, "Settlement", "ScanAndPay", &request.words())
        .await;
    assert_eq!(answer(&again), first);
    assert_eq!(
        python(&world, CASHIER, "Settlement", "ScanAndPay", &request).await,
        first
    );
    let told = gdbus(&world, CASHIER, "Settlement", "ScanAndPay", &request).await;
    let id = first["settlement"]["settlement_id"]
        .as_str()
        .expect("an id");
    for words in ["MONEY_SETTLED", "PAPER_STATE_PRINTED", id] {
        assert!(said(&told).contains(words), "no {words}: {}", said(&told));
    }

    // And gRPC knows the same of it, field for field.
    let key = Some(Key::SettlementId(id.to_owned()));
    let got = world
        .desk
        .settlements()
        .await
        .get_settlement(GetSettlementRequest { key })
        .await;
    let got = got.expect("root may").into_inner().encode_to_vec();
    // What the platform said of the person is for who settled alone.
    let mut for_others = first.clone();
    for own in ["setlinfo", "setldetail"] {
        assert_ne!(for_others["settlement"][own], "");
        for_others["settlement"][own] = json!("");
    }
    assert_eq!(
        Literal::answer("GetSettlementResponse", &got).plain(),
        for_others
    );
    let person = world
        .desk
        .platform
        .person("employee")
        .expect("of the sandbox");
    let charges = world
        .desk
        .platform
        .ledger(|ledger| ledger.charges_of(&person.psn_no));
    assert_eq!(charges.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_follows_confirms_and_is_the_only_one_told() {
    let world = World::start().await;
    let mut bystander = Bystander::of(&world).await;
    let request = bill("bus-2").and(
        "confirm",
        Literal::Array(
            "s".into(),
            vec![Literal::Text("CONFIRM_POINT_AMOUNTS".into())],
        ),
    );
    let mut command = world.python(CASHIER);
    command.args(["pay", &request.typed().to_string()]);
    let (told, ()) = tokio::join!(finished(command), patient(&world));
    let told: Value =
        serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{}", said(&told)));
    assert_eq!(
        told["answer"]["settlement"]["money"], "MONEY_SETTLED",
        "{told}"
    );
    let stages: Vec<_> = (told["stages"].as_array().expect("a list").iter())
        .filter_map(Value::as_str)
        .collect();
    for stage in ["STAGE_WAITING_SCAN", "STAGE_WAITING_AMOUNTS"] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
    assert_eq!(told["ended"], json!([""]), "{told}");
    // What everybody is told last comes after all that the caller was told.
    let seen = bystander.until("'OpenSettlements': <uint32 0>").await;
    for hidden in ["Progress", "bus-2", "STAGE_", "Ended"] {
        assert!(
            !seen.contains(hidden),
            "{hidden} was for the caller alone: {seen}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans_and_the_default_client_is_told_pending_in_time() {
    let world = World::start().await;
    let request = bill("bus-3").and("deadline_ms", Literal::Number("u", "5000".into()));
    let told = answer(
        &world
            .call(CASHIER, "Settlement", "ScanAndPay", &request.words())
            .await,
    );
    assert_eq!(told["settlement"]["money"], "MONEY_PENDING", "{told}");
    let cancel = Literal::Dict(vec![("request_id".into(), Literal::Text("bus-3".into()))]);
    let told = answer(
        &world
            .call(CASHIER, "Settlement", "CancelSettlement", &cancel.words())
            .await,
    );
    assert_eq!(told["verdict"], "CANCEL_VERDICT_CANCELLED", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_a_name_a_text_and_a_dictionary() {
    let world = World::start().await;
    let wrong = bill("bus-4").with("bills", Literal::Array("a{sv}".into(), Vec::new()));
    let told = said(
        &world
            .call(CASHIER, "Settlement", "ScanAndPay", &wrong.words())
            .await,
    );
    assert!(
        told.contains("E1006") || told.contains("EMPTY_BILL"),
        "busctl shows the text: {told}"
    );
    let told = said(&gdbus(&world, CASHIER, "Settlement", "ScanAndPay", &wrong).await);
    assert!(
        told.contains("GDBus.Error:org.yibaod.Error.EMPTY_BILL: "),
        "gdbus shows both: {told}"
    );
    assert!(told.contains("money=NOT_CHARGED repeat=NEW_ID"), "{}", told);
    let wrong = wrong.and("error_details", Literal::Bool(true));
    let refused = python(&world, CASHIER, "Settlement", "ScanAndPay", &wrong).await;
    assert_eq!(refused["error"], "org.yibaod.Error.EMPTY_BILL", "{refused}");
    for key in [
        "code",
        "name",
        "money",
        "repeat",
        "meaning_zh",
        "meaning_en",
        "action_zh",
        "patient_zh",
        "action_en",
    ] {
        let text = refused["details"][key].as_str();
        assert!(
            text.is_some_and(|text| !text.is_empty()),
            "{key}: {refused}"
        );
    }
    let misspelt = bill("bus-4").and("bils", Literal::Text(String::new()));
    let misspelt = misspelt.and("error_details", Literal::Bool(true));
    let told = python(&world, CASHIER, "Settlement", "ScanAndPay", &misspelt).await;
    assert_eq!(told["error"], "org.yibaod.Error.UNKNOWN_FIELD", "{told}");
    assert_eq!(told["details"]["fields"], json!(["bils"]), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_as_descriptors_both_ways() {
    let world = World::start().await;
    let mut command = world.python(CASHIER);
    command.args(["preview", "{}"]);
    let told = finished(command).await;
    let told: Value =
        serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{}", said(&told)));
    assert_eq!(
        told["magic"], "89504e470d0a1a0a",
        "a PNG, whole and from its beginning: {told}"
    );
    assert_eq!(told["sealed"], true, "{told}");
    // A file is taken where bytes are; what is wrong with it is told of its field.
    assert_eq!(told["put"]["received"], 4, "{told}");
    assert_eq!(told["pipe"]["details"]["fields"], json!(["data"]), "{told}");
}

/// The sandbox's bill, as a cashier sends it.
pub(super) fn bill(request_id: &str) -> Literal {
    let everybody = yibaod::sandbox::persons::everybody();
    let person = everybody
        .into_iter()
        .find(|person| person.key == "employee")
        .expect("of the sandbox");
    let mut json = bills::outpatient(&person);
    json["requestId"] = json!(request_id);
    json["bills"][0]["billNo"] = json!(request_id);
    json["print"] = json!("PRINT_WISH_RECEIPT");
    json["accountUse"] = json!("ACCOUNT_USE_OWN");
    json["credentials"] = json!(["CREDENTIAL_E_VOUCHER"]);
    Literal::request("ScanAndPayRequest", &json)
}

/// Holds codes before the scanner until one is taken: what is shown before it listens is dropped, and counted.
pub(crate) async fn patient(world: &World) {
    let counters = async || {
        let devices = world.desk.status().await.devices;
        let scanner = devices.into_iter().find(|device| device.role == "scanner");
        let counters = scanner
            .and_then(|scanner| scanner.counters)
            .unwrap_or_default();
        (counters.codes, counters.codes_ignored)
    };
    let is_held = eventually(async || {
        let devices = world.desk.status().await.devices;
        devices
            .iter()
            .any(|device| device.role == "scanner" && !device.held_by.is_empty())
            .then_some(())
    });
    is_held.await.expect("the scanner is asked");
    loop {
        let before = counters().await;
        world.desk.show(&Shows::fresh("employee")).await;
        let read = eventually(async || Some(counters().await).filter(|now| *now != before));
        if read.await.expect("a code is read").0 > before.0 {
            return;
        }
    }
}

async fn gdbus(world: &World, uid: u32, service: &str, method: &str, request: &Literal) -> Output {
    let method = format!("{}.{method}", interface(service));
    let request = request.gvariant();
    let words = [
        "call",
        "--system",
        "--timeout",
        "60",
        "--dest",
        "org.yibaod.Bridge1",
        "--object-path",
        PATH,
        "--method",
        &method,
        &request,
    ];
    world.gdbus(uid, &words).await
}

async fn python(world: &World, uid: u32, service: &str, method: &str, request: &Literal) -> Value {
    let mut command = world.python(uid);
    command.args([
        "call",
        &interface(service),
        method,
        &request.typed().to_string(),
    ]);
    let told = finished(command).await;
    serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{}", said(&told)))
}

/// Somebody else on the bus who listens to everything that is broadcast.
struct Bystander {
    _child: tokio::process::Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Bystander {
    async fn of(world: &World) -> Self {
        let words = [
            "gdbus",
            "monitor",
            "--system",
            "--dest",
            "org.yibaod.Bridge1",
        ];
        let mut command = tokio::process::Command::from(world.as_user(MONITOR, &words));
        command
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("it is installed");
        let stdout = child.stdout.take().expect("it is piped");
        let lines = BufReader::new(stdout).lines();
        let mut bystander = Self {
            _child: child,
            lines,
        };
        bystander.until("is owned by").await;
        bystander
    }

    /// All that is heard until this is.
    async fn until(&mut self, words: &str) -> String {
        let mut heard = String::new();
        let listening = async {
            while let Some(line) = self.lines.next_line().await.expect("texts") {
                heard.push_str(&line);
                heard.push('\n');
                if line.contains(words) {
                    return;
                }
            }
        };
        let listened = tokio::time::timeout(Duration::from_secs(30), listening).await;
        assert!(listened.is_ok(), "no {words}: {heard}");
        heard
    }
}
