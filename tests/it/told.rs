//! What a caller is told when it does not settle, held against the book, the platform's books and privacy.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;
use tonic::{Code as GrpcCode, Status};
use tonic_types::StatusExt as _;
use yibaod::api::{
    ErrorEntry, ErrorMoney, Money, PaperState, Repeat, ScanAndPayRequest, Settlement,
};
use yibaod::book::{Code, Entry};
use yibaod::sandbox::platform::Received;

use crate::desk::Desk;

/// Longest time for a call to be refused.
const REFUSED_S_MAX: u64 = 10;
/// Everything the platform may be asked.
const TRANSACTIONS: [&str; 19] = [
    "ec.query", "9001", "9002", "1101", "2201", "2202", "2203", "2203A", "2204", "2205", "2206",
    "2206A", "2207", "2207A", "2208", "2601", "5201", "5203", "1162",
];

/// The order is refused before anything is begun: by this code, naming this field, and no person.
pub(crate) async fn check_not_begun(
    desk: &Desk,
    request: ScanAndPayRequest,
    code: Code,
    field: &str,
) {
    let case = format!("{} {field}", request.request_id);
    let before = received(desk).len();
    let patient = request.patient.clone().unwrap_or_default();
    let call = timeout(
        Duration::from_secs(REFUSED_S_MAX),
        desk.scan_and_pay(request.clone()),
    );
    let status = call.await.expect(&case).expect_err(&case);
    assert_eq!(status.code(), GrpcCode::InvalidArgument, "{case}: {status}");
    // Under which id it should be looked up is not known where the id is wrong.
    let money = match code == Code::RequestIdInvalid {
        true => "NOT_CONCERNED",
        false => "NOT_CHARGED",
    };
    let metadata = check_status_of(&status, code, (money, code.entry().repeat.word()));
    let fields: Vec<&str> = metadata["fields"].split(',').collect();
    assert!(fields.contains(&field), "{case}: {fields:?}");
    let said = format!("{status:?} {metadata:?}");
    for secret in [&patient.certno, &patient.name] {
        assert!(
            secret.trim().is_empty() || !said.contains(secret.as_str()),
            "{case}: it names a person"
        );
    }
    assert_eq!(
        received(desk).len(),
        before,
        "{case}: the platform was asked"
    );
    if code != Code::RequestIdInvalid {
        assert!(
            desk.get(&request.request_id).await.is_none(),
            "{case}: it was begun"
        );
    }
}

/// The status carries the row of the book. Gives what stands beside it.
#[track_caller]
pub(crate) fn check_status(status: &Status, code: Code) -> HashMap<String, String> {
    let entry = code.entry();
    check_status_of(status, code, (entry.money.word(), entry.repeat.word()))
}

/// The same where more, or less, is known of the money than the row says.
#[track_caller]
pub(crate) fn check_status_of(
    status: &Status,
    code: Code,
    (money, repeat): (&str, &str),
) -> HashMap<String, String> {
    let info = status
        .get_details_error_info()
        .expect("a status has its ErrorInfo");
    let entry = code.entry();
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        (code.name(), "yibaod"),
        "{status}"
    );
    let row = [
        ("code", code.id()),
        ("money", money),
        ("repeat", repeat),
        ("meaning_zh", entry.meaning_zh),
        ("meaning_en", entry.meaning_en),
        ("action_zh", entry.action_zh),
        ("action_en", entry.action_en),
    ];
    for (key, text) in row {
        assert_eq!(
            info.metadata.get(key).map(String::as_str),
            Some(text),
            "{key}: {status}"
        );
    }
    assert!(status.message().starts_with(code.id()), "{status}");
    info.metadata
}

/// It ended so, for this reason, without money, paper or anything left open at the platform; and asking
/// again gives the same answer.
pub(crate) async fn check_ended(desk: &Desk, settlement: &Settlement, money: Money, code: Code) {
    assert_eq!(settlement.money(), money, "{settlement:?}");
    let error = settlement
        .error
        .as_ref()
        .expect("what is not SETTLED says why");
    check_entry(error, code.entry());
    assert_eq!(
        (error.money(), error.repeat()),
        (ErrorMoney::NotCharged, Repeat::NewId)
    );
    let paper = settlement.paper.as_ref().expect("it speaks of paper");
    assert_eq!(paper.state(), PaperState::NotAsked, "{settlement:?}");
    assert!(
        settlement.self_pay.is_none() && settlement.setl_id.is_empty(),
        "{settlement:?}"
    );
    assert!(!settlement.stuck, "{settlement:?}");
    let again = desk
        .truth(&settlement.request_id)
        .await
        .expect("it was begun");
    assert_eq!(&again, settlement, "the answer stays as it was");
    let (visits, lines) = desk
        .platform
        .ledger(|ledger| (ledger.visits_open(), ledger.lines_open()));
    assert!(
        visits.is_empty() && lines.is_empty(),
        "left open: {visits:?} {lines:?}"
    );
    let charged = desk.platform.ledger(|ledger| {
        let rows = ledger.settlements();
        rows.iter().any(|row| row.mdtrt_id == settlement.mdtrt_id)
    });
    assert!(!charged, "nothing was ever charged for it");
    assert_eq!(desk.printer.papers().len(), 0, "nothing to take home");
}

/// The texts are the book's.
#[track_caller]
pub(crate) fn check_entry(error: &ErrorEntry, entry: Entry) {
    assert_eq!(
        (error.code.as_str(), error.name.as_str()),
        (entry.code.id(), entry.code.name())
    );
    assert_eq!(
        (error.meaning_zh.as_str(), error.meaning_en.as_str()),
        (entry.meaning_zh, entry.meaning_en)
    );
    assert_eq!(
        (error.action_zh.as_str(), error.action_en.as_str()),
        (entry.action_zh, entry.action_en)
    );
}

/// How often the platform was asked this.
pub(crate) fn asked(desk: &Desk, infno: &str) -> usize {
    desk.platform.ledger(|ledger| ledger.received(infno).len())
}

/// All that the platform and the e-voucher service received.
pub(crate) fn received(desk: &Desk) -> Vec<Received> {
    desk.platform.ledger(|ledger| {
        TRANSACTIONS
            .iter()
            .flat_map(|infno| ledger.received(infno))
            .collect()
    })
}
