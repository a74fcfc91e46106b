//! The whole hospital: three desks with journals of their own, and what no journal heard of.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use yibaod::api::refund_settlement_request::Key;
use yibaod::api::{
    Money, PlatformNumbers, ReconcileRequest, Reconciliation, RefundSettlementRequest, Settlement,
};
use yibaod::sandbox::platform::{Options, Platform};

use super::{group, other, reconcile, request, settle, today, told};
use crate::desk::{Desk, Setup, refusal};

pub(super) async fn platform() -> Arc<Platform> {
    let platform = Platform::start(Options::default()).await;
    Arc::new(platform.expect("a free port"))
}

pub(super) async fn table(desk: &Desk, request: ReconcileRequest) -> Reconciliation {
    reconcile(desk, request).await.expect("it begins")
}

pub(super) async fn desk(platform: &Arc<Platform>, number: u16, more: &str) -> Desk {
    let setup = Setup {
        desk_number: number,
        settle_quiet_s: 1,
        profile_more: format!("[reconciliation]\npace_ms = 0\n{more}"),
        no_printer: true,
        ..Setup::default()
    };
    Desk::start_at(Arc::clone(platform), setup).await
}

pub(super) fn ctl(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .args(words)
        .output()
        .expect("yibaoctl runs")
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// `yibaoctl journal export` beside the running daemon.
pub(super) fn export(desk: &Desk, name: &str) -> PathBuf {
    let path = desk.dir().join(name);
    let config = desk.config();
    let out = ctl(&[
        "journal",
        "export",
        "--date",
        &today(),
        "--config",
        text(&config),
        "--out",
        text(&path),
    ]);
    assert!(out.status.success(), "{out:?}");
    path
}

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it was written")
}

pub(super) fn whole(request_id: &str, exports: Vec<String>) -> ReconcileRequest {
    ReconcileRequest {
        whole_hospital: true,
        desks: vec![1, 2, 3],
        exports,
        besides: vec![group("310"), group("390")],
        ..request(request_id)
    }
}

async fn settled(desk: &Desk, person: &'static str, id: &str) -> Settlement {
    let settlement = settle(desk, person, id).await;
    assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
    settlement
}

#[tokio::test(flavor = "multi_thread")]
async fn three_desks_against_the_platform() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let two = desk(&platform, 2, "").await;
    let three = desk(&platform, 3, "").await;
    settled(&one, "employee", "a-1").await;
    settled(&one, "resident", "a-2").await;
    let refunded = settled(&one, "employee", "a-3").await;
    settled(&two, "employee", "b-1").await;
    platform.arm("F12@2207").expect("a fault");
    assert_eq!(
        settle(&two, "employee", "b-2").await.money(),
        Money::Reversed
    );
    let reversed = settled(&two, "employee", "b-3").await;
    settled(&three, "resident", "c-1").await;
    let exports = || vec![read(&export(&two, "two")), read(&export(&three, "three"))];
    let files = exports();
    for export in &files {
        let person = platform
            .person("employee")
            .expect("a person of the sandbox");
        assert!(!export.contains(&person.name) && !export.contains(&person.idno));
    }
    let of_two = &files[0];

    // All agrees: one 3201 for each insurance, and no more.
    let table = table(&one, whole("r-1", files.clone())).await;
    assert_eq!(told(&table), [], "{table:?}");
    assert_eq!(
        (table.settlements, table.refunds, table.desks.len()),
        (7, 1, 3)
    );
    let asked = |infno: &str| platform.ledger(|ledger| ledger.received(infno).len());
    assert_eq!((asked("3201"), asked("3202"), asked("9101")), (2, 0, 0));

    let planted = [&refunded, &reversed];
    what_was_planted_is_found(&platform, [&one, &three], planted, files.clone()).await;
    journal_of_three_is_lost(&one, of_two).await;
    let charges = asked("2207");
    assert_eq!(charges, 9, "a reconciliation moves no money");
}

/// Refunded and reversed by another system, settled at a desk after its export, settled at a desk without one.
async fn what_was_planted_is_found(
    platform: &Arc<Platform>,
    [one, three]: [&Desk; 2],
    [refunded, reversed]: [&Settlement; 2],
    files: Vec<String>,
) {
    let asked = |infno: &str| platform.ledger(|ledger| ledger.received(infno).len());
    other::refund(platform, refunded).await;
    other::reverse(platform, reversed).await;
    let late = settled(three, "employee", "c-2").await;
    let nine = desk(platform, 9, "").await;
    let unheard = settled(&nine, "resident", "d-1").await;
    let mut expected = vec![
        ("NOT_AT_PLATFORM", reversed.setl_id.clone()),
        ("NOT_IN_JOURNALS", late.setl_id.clone()),
        ("OTHER_DESK", unheard.setl_id.clone()),
        ("REFUNDED_THERE_ONLY", refunded.setl_id.clone()),
    ];
    expected.sort();
    for base64 in [false, true] {
        platform
            .switch(&serde_json::json!({ "files_in_base64": base64 }))
            .expect("a switch");
        let id = format!("r-2-{base64}");
        let table = table(one, whole(&id, files.clone())).await;
        assert_eq!(told(&table), expected, "{table:?}");
        let of_nine = table
            .differences
            .iter()
            .find(|line| line.name == "OTHER_DESK");
        assert_eq!(of_nine.and_then(|line| line.desk), Some(9));
    }
    assert_eq!(
        (asked("3202"), asked("9101"), asked("9102")),
        (2, 2, 2),
        "once a table"
    );
}

/// Its rows are there only, and known to be that desk's.
async fn journal_of_three_is_lost(one: &Desk, of_two: &str) {
    let lost = ReconcileRequest {
        desks: vec![1, 2],
        ..whole("r-3", vec![of_two.to_owned()])
    };
    let table = table(one, lost).await;
    let of_three: Vec<_> = table
        .differences
        .iter()
        .filter(|line| line.desk == Some(3))
        .collect();
    assert_eq!(of_three.len(), 2, "{table:?}");
    assert!(of_three.iter().all(|line| line.name == "OTHER_DESK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_the_his_is_compared_too() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let two = desk(&platform, 2, "").await;
    let right = settled(&one, "employee", "a-1").await;
    let wrong = settled(&one, "employee", "a-2").await;
    let missing = settled(&two, "employee", "b-1").await;
    let yuan = |settlement: &Settlement, more: i64| {
        let fen = settlement
            .amounts
            .as_ref()
            .expect("settled")
            .medfee_sumamt_fen
            + more;
        format!("{}.{:02}", fen / 100, fen % 100)
    };
    let his = format!(
        "setl_id,mdtrt_id,amount\n{},,{}\n,{},{}\nX1,,1.00\n",
        right.setl_id,
        yuan(&right, 0),
        wrong.mdtrt_id,
        yuan(&wrong, 1)
    );
    let body = ReconcileRequest {
        desks: vec![1, 2],
        his_list: his.clone(),
        ..whole("r-1", vec![read(&export(&two, "two"))])
    };
    let table = table(&one, body).await;
    let mut expected = vec![
        ("HIS_AMOUNT_DIFFERS", wrong.setl_id.clone()),
        ("NOT_IN_HIS_LIST", missing.setl_id.clone()),
        ("ONLY_IN_HIS_LIST", "X1".to_owned()),
    ];
    expected.sort();
    assert_eq!(told(&table), expected, "{table:?}");

    from_the_command_line(&one, &two, his);
}

/// The same, drawn.
fn from_the_command_line(one: &Desk, two: &Desk, his: String) {
    let list = one.dir().join("his.csv");
    std::fs::write(&list, his).expect("its folder");
    let (socket, two_path) = (one.socket(), two.dir().join("two"));
    let day = today();
    let mut words = vec![
        "--socket",
        text(&socket),
        "reconcile",
        "--date",
        &day,
        "--whole-hospital",
    ];
    words.extend([
        "--desks",
        "1,2",
        "--export",
        text(&two_path),
        "--his",
        text(&list),
    ]);
    let out = ctl(&words);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let drawn = String::from_utf8_lossy(&out.stdout).into_owned();
    for part in [
        "HIS_AMOUNT_DIFFERS",
        "X1",
        "请以流水中的金额为准更正 HIS。",
        "3 differ",
    ] {
        assert!(drawn.contains(part), "{part}: {drawn}");
    }
    let json = ctl(&[
        "--json",
        "--socket",
        text(&socket),
        "reconcile",
        "--date",
        &day,
    ]);
    assert_eq!(json.status.code(), Some(0), "{json:?}");
    let table: serde_json::Value = serde_json::from_slice(&json.stdout).expect("one object");
    assert_eq!(table["settlements"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_not_the_one_named_is_refused() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let two = desk(&platform, 2, "").await;
    settled(&two, "employee", "b-1").await;
    let good = read(&export(&two, "two"));
    let mine = read(&export(&one, "one"));
    let path = one.dir().join("foreign");
    let config = two.config();
    let out = ctl(&[
        "journal",
        "export",
        "--date",
        &today(),
        "--config",
        text(&config),
        "--out",
        text(&path),
        "--fixmedins-code",
        "H99999999999",
    ]);
    assert!(out.status.success(), "{out:?}");
    let foreign = read(&path);
    let cut = good[..good.len() / 2].to_owned();
    let changed = good.replacen('1', "2", 1);
    for (desks, exports, name) in [
        (vec![1, 2], vec![], "EXPORT_DESK_MISSING"),
        (
            vec![1, 2],
            vec![good.clone(), good.clone()],
            "EXPORT_DESK_TWICE",
        ),
        (vec![1, 2], vec![good.clone(), mine], "EXPORT_DESK_TWICE"),
        (vec![1], vec![good.clone()], "EXPORT_DESK_NOT_NAMED"),
        (vec![1, 2], vec![foreign], "EXPORT_OTHER_HOSPITAL"),
        (vec![1, 2], vec![cut], "EXPORT_DAMAGED"),
        (vec![1, 2], vec![changed], "EXPORT_DAMAGED"),
        (vec![1, 2], vec![String::new()], "EXPORT_DAMAGED"),
    ] {
        let body = ReconcileRequest {
            desks,
            ..whole("bad", exports)
        };
        let status = reconcile(&one, body).await.unwrap_err();
        assert_eq!(refusal(&status).name, name);
    }
    assert_eq!(
        platform.ledger(|ledger| ledger.received("3201").len()),
        0,
        "nobody was asked"
    );
    exports_say_why_not(&two, &good);
}

/// Without the daemon's help too, and nothing is written over.
fn exports_say_why_not(two: &Desk, good: &str) {
    let config = two.config();
    for (date, code) in [
        ("2999-01-01", "E8102"),
        ("2020-01-01", "E8103"),
        ("x", "E8101"),
    ] {
        let out = ctl(&[
            "journal",
            "export",
            "--date",
            date,
            "--config",
            text(&config),
            "--out",
            "-",
        ]);
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        assert!(
            String::from_utf8_lossy(&out.stderr).contains(code),
            "{out:?}"
        );
    }
    let two_path = two.dir().join("two");
    let again = ctl(&[
        "journal",
        "export",
        "--date",
        &today(),
        "--config",
        text(&config),
        "--out",
        text(&two_path),
    ]);
    assert_eq!(
        (again.status.code(), read(&two_path)),
        (Some(1), good.to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bent_file_of_the_platform_is_told_by_its_code() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let nine = desk(&platform, 9, "").await;
    settled(&one, "employee", "a-1").await;
    let unheard = settled(&nine, "employee", "d-1").await;
    let whole = |id: &str| ReconcileRequest {
        desks: vec![1],
        ..whole(id, vec![])
    };
    for (value, code) in [(0, "E8121"), (1, "E8121"), (2, "E8123"), (3, "E8122")] {
        platform
            .arm(&format!("F30@9102:{value}!"))
            .expect("a fault");
        let table = table(&one, whole(&format!("r-{value}"))).await;
        platform.disarm();
        let error = table.error.as_ref().expect("it is not whole");
        assert_eq!(error.name, "RECONCILIATION_INCOMPLETE");
        assert_eq!(told(&table), [("NOT_COMPARED", String::new())], "{table:?}");
        assert!(
            table.differences[0].note.contains(code),
            "{code}: {table:?}"
        );
    }
    // Bent once: fetched again. Lost answers of each of the four: asked again.
    for fault in [
        "F30@9102", "F1@3201", "F5@9101", "F2@3202", "F4@9102", "F6@3201", "F7@9102",
    ] {
        platform.arm(fault).expect("a fault");
        let id = fault.replace('@', "-");
        let table = table(&one, whole(&id)).await;
        assert_eq!(
            told(&table),
            [("OTHER_DESK", unheard.setl_id.clone())],
            "{fault}"
        );
        assert!(table.error.is_none(), "{fault}: {table:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_habits_of_other_provinces_are_profile_keys() {
    let platform = platform().await;
    platform
        .switch(&serde_json::json!({ "statement_balanced": "000000", "hunan": false }))
        .expect("a switch");
    let one = desk(
        &platform,
        1,
        "balanced = [\"000000\"]\nrefund_flag = \"0\"\nupload_bytes = \"base64\"\n",
    )
    .await;
    settled(&one, "employee", "a-1").await;
    let nothing = ReconcileRequest {
        desks: vec![],
        ..whole("r-1", vec![])
    };
    let table = table(&one, nothing).await;
    assert_eq!(told(&table), [], "{table:?}");
    let sent = platform.ledger(|ledger| ledger.received("3201"));
    assert_eq!(
        sent[0].body["input"]["data"]["fixmedins_refd_setl_flag"],
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_asked_for_count_at_whichever_desk() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let two = desk(&platform, 2, "").await;
    settled(&one, "employee", "a-1").await;
    let own = settled(&one, "employee", "a-2").await;
    let helped = settled(&one, "resident", "a-3").await;
    refund(&one, "b-1", Key::SettlementId(own.settlement_id.clone())).await;
    let numbers = PlatformNumbers {
        psn_no: helped.psn_no.clone(),
        mdtrt_id: helped.mdtrt_id.clone(),
        setl_id: helped.setl_id.clone(),
        insuplc_admdvs: "430100".to_owned(),
        ..PlatformNumbers::default()
    };
    refund(&two, "b-2", Key::Platform(numbers)).await;

    // Alone, the first desk knows its own refund only; with the other desk's export all agrees.
    let alone = table(&one, request("r-1")).await;
    assert_eq!(
        told(&alone),
        [("REFUNDED_THERE_ONLY", helped.setl_id.clone())]
    );
    assert_eq!((alone.settlements, alone.refunds), (3, 1));
    let request = ReconcileRequest {
        desks: vec![1, 2],
        ..whole("r-2", vec![read(&export(&two, "two"))])
    };
    let all = table(&one, request).await;
    assert_eq!(told(&all), [], "{all:?}");
    assert_eq!((all.settlements, all.refunds), (3, 2));
}

pub(super) async fn refund(desk: &Desk, request_id: &str, key: Key) {
    let request = RefundSettlementRequest {
        request_id: request_id.to_owned(),
        operator: request("any").operator,
        reason: "退药".to_owned(),
        key: Some(key),
        ..RefundSettlementRequest::default()
    };
    let answer = desk.settlements().await.refund_settlement(request).await;
    let answer = answer.expect("it is taken").into_inner();
    let error = answer.refund.expect("an answer").error;
    assert!(error.is_none(), "{error:?}");
}
