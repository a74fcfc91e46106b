//! The error book on the wire: as `ErrorEntry` inside an answer, as `google.rpc.ErrorInfo` with a status.

use std::collections::HashMap;
use std::sync::Arc;

use tonic_types::{ErrorDetails, StatusExt as _};

use crate::api as wire;
use crate::book::{Code, MoneyState, Repeat};
use crate::operation::Failure;
use crate::settlement::answer::{Money, Reason};

/// The `domain` of our `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "yibaod";
/// Characters of a text that is not from the book: the platform's words, a list of fields.
const DETAIL_LENGTH_MAX: usize = 200;
/// Characters of the list of fields and of the detail beside a status. It travels in a header, encoded.
const STATUS_DETAIL_LENGTH_MAX: usize = 300;

/// Our codes by what gRPC calls them.
const STATUS_CODES: [(tonic::Code, &[Code]); 10] = [
    (
        tonic::Code::InvalidArgument,
        &[
            Code::RequestInvalid,
            Code::EmptyBill,
            Code::LineAmountMismatch,
            Code::AmountNotPositive,
            Code::TooManyDecimals,
            Code::SumTooLarge,
            Code::UnknownField,
            Code::NationalCodeMissing,
            Code::BillNamesNobody,
            Code::RequestIdInvalid,
            Code::BillsCannotMerge,
            Code::TooManyLines,
            Code::TextTooLong,
            Code::SpanInvalid,
            Code::SpanInFuture,
            Code::SpanBeforeJournal,
            Code::SpanTooLong,
            Code::TooManySettlements,
            Code::ExportDamaged,
            Code::ExportOtherHospital,
            Code::ExportOtherSpan,
            Code::ExportDeskTwice,
            Code::ExportDeskMissing,
            Code::ExportDeskNotNamed,
            Code::HisListUnreadable,
            Code::ContentTypeUnknown,
            Code::HttpMethodWrong,
        ],
    ),
    (tonic::Code::AlreadyExists, &[Code::RequestIdOtherBody]),
    (
        tonic::Code::NotFound,
        &[Code::NotFound, Code::ClaimUnknown, Code::DeviceUnknown],
    ),
    (
        tonic::Code::PermissionDenied,
        &[Code::NotAllowed, Code::PageNotAllowed],
    ),
    (tonic::Code::Unauthenticated, &[Code::TokenRefused]),
    (tonic::Code::ResourceExhausted, &[Code::TooManyCalls]),
    (
        tonic::Code::Unavailable,
        &[
            Code::JournalRefuses,
            Code::ShuttingDown,
            Code::ScannerBusy,
            Code::ScannerMissing,
            Code::ScannerUnplugged,
            Code::DeviceHeldElsewhere,
            Code::CardReaderBusy,
            Code::CardReaderMissing,
            Code::CardReaderUnplugged,
            Code::CardReaderSilent,
            Code::CardServiceMissing,
            Code::CardHostFailed,
        ],
    ),
    (
        tonic::Code::DeadlineExceeded,
        &[
            Code::NobodyScanned,
            Code::NobodyShowedCard,
            Code::DeadlineOver,
        ],
    ),
    (tonic::Code::Unimplemented, &[Code::MethodUnknown]),
    (tonic::Code::Internal, &[Code::Internal]),
];

/// A row of the book.
#[must_use]
pub fn entry(code: Code) -> wire::ErrorEntry {
    let entry = code.entry();
    wire::ErrorEntry {
        code: code.id().to_owned(),
        name: code.name().to_owned(),
        money: money_state(entry.money).into(),
        repeat: repeat(entry.repeat).into(),
        meaning_zh: entry.meaning_zh.to_owned(),
        meaning_en: entry.meaning_en.to_owned(),
        action_zh: entry.action_zh.to_owned(),
        action_en: entry.action_en.to_owned(),
        detail: String::new(),
        patient_zh: code.to_patient("", entry.money),
    }
}

/// The same with what is special to the case, which the patient is told as well as the staff.
#[must_use]
pub fn with_case(code: Code, of_case: wire::ErrorEntry) -> wire::ErrorEntry {
    let known = match of_case.money() {
        wire::ErrorMoney::NotCharged => MoneyState::NotCharged,
        wire::ErrorMoney::Charged => MoneyState::Charged,
        wire::ErrorMoney::Unknown => MoneyState::Unknown,
        wire::ErrorMoney::NotConcerned => MoneyState::NotConcerned,
        wire::ErrorMoney::Unspecified => code.entry().money,
    };
    wire::ErrorEntry {
        patient_zh: code.to_patient(&of_case.detail, known),
        ..of_case
    }
}

/// A row of the book for a settlement whose money is known to be in this state. That knowledge is better than what
/// the code alone can say, so it takes the place of the book's.
#[must_use]
pub fn entry_of_settlement(reason: &Reason, money: Money) -> wire::ErrorEntry {
    let (money, repeat) = match money {
        Money::Settled => (wire::ErrorMoney::Charged, wire::Repeat::SameId),
        // Under whatever id it comes again: another settlement of the bill stands.
        Money::Refused if reason.code == Code::BillSettledBefore => {
            (wire::ErrorMoney::NotCharged, wire::Repeat::AskOnly)
        }
        Money::Refused | Money::Cancelled | Money::Reversed => {
            (wire::ErrorMoney::NotCharged, wire::Repeat::NewId)
        }
        Money::Unknown => (wire::ErrorMoney::Unknown, wire::Repeat::AskOnly),
        Money::Pending => (wire::ErrorMoney::Unknown, wire::Repeat::SameId),
    };
    let of_case = wire::ErrorEntry {
        money: money.into(),
        repeat: repeat.into(),
        detail: shortened(&reason.text, DETAIL_LENGTH_MAX),
        ..entry(reason.code)
    };
    with_case(reason.code, of_case)
}

/// What is wrong with what was just shown, while another is waited for: the settling call is not made by then, and the
/// settlement goes on under its id.
#[must_use]
pub fn entry_of_shown(code: Code) -> wire::ErrorEntry {
    let of_case = wire::ErrorEntry {
        money: wire::ErrorMoney::NotCharged.into(),
        repeat: wire::Repeat::SameId.into(),
        ..entry(code)
    };
    with_case(code, of_case)
}

/// A call that started nothing, as a row of the book.
#[must_use]
pub fn entry_of_failure(failure: &Failure) -> wire::ErrorEntry {
    let detail = shortened(&failure.detail, DETAIL_LENGTH_MAX);
    let of_case = wire::ErrorEntry {
        detail,
        ..entry(failure.code)
    };
    with_case(failure.code, of_case)
}

/// A call that started nothing, as a status with `google.rpc.ErrorInfo`. Whether a settlement stands under the id that
/// it names was not looked up, or it names none: a code that says "nothing was charged" says so of this call only, and
/// the status leaves the money out. Within the process its source is the failure.
#[must_use]
pub fn status(failure: &Failure) -> tonic::Status {
    let entry = failure.code.entry();
    let money = match entry.money {
        MoneyState::NotCharged => MoneyState::NotConcerned,
        MoneyState::Charged | MoneyState::Unknown | MoneyState::NotConcerned => entry.money,
    };
    let is_of_request = failure.code.id().starts_with("E1");
    let repeat = match entry.repeat {
        // Under another id what was settled under this one would be settled again.
        Repeat::NewId if is_of_request => Repeat::SameId,
        Repeat::NewId | Repeat::SameId | Repeat::AskOnly => entry.repeat,
    };
    of_call(failure, money, repeat)
}

/// The same of an order for a settlement whose id was looked up: none stands under it.
#[must_use]
pub fn status_of_order(failure: &Failure) -> tonic::Status {
    let entry = failure.code.entry();
    let is_of_request = matches!(failure.code, Code::RequestInvalid | Code::UnknownField);
    let money = match is_of_request {
        true => MoneyState::NotCharged,
        false => entry.money,
    };
    of_call(failure, money, entry.repeat)
}

fn of_call(failure: &Failure, money: MoneyState, repeat: Repeat) -> tonic::Status {
    let entry = failure.code.entry();
    let mut metadata: HashMap<String, String> = [
        ("code", failure.code.id()),
        ("money", money.word()),
        ("repeat", repeat.word()),
        ("meaning_zh", entry.meaning_zh),
        ("meaning_en", entry.meaning_en),
        ("action_zh", entry.action_zh),
        ("action_en", entry.action_en),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let detail = shortened(&failure.detail, STATUS_DETAIL_LENGTH_MAX);
    let patient_zh = failure.code.to_patient(&detail, money);
    metadata.insert("patient_zh".to_owned(), patient_zh);
    if !failure.fields.is_empty() {
        let fields = shortened(&failure.fields.join(","), STATUS_DETAIL_LENGTH_MAX);
        metadata.insert("fields".to_owned(), fields);
    }
    if !detail.is_empty() {
        metadata.insert("detail".to_owned(), detail.clone());
    }
    let said = if detail.is_empty() {
        entry.meaning_en
    } else {
        &detail
    };
    let message = format!("{} {}: {said}", failure.code.id(), failure.code.name());
    let details = ErrorDetails::with_error_info(failure.code.name(), DOMAIN, metadata);
    let code = status_code(failure.code);
    let mut status = tonic::Status::with_error_details(code, message, details);
    status.set_source(Arc::new(failure.clone()));
    status
}

/// What gRPC calls it; `FAILED_PRECONDITION` where nothing better fits. Clients branch on our code, this is for
/// generic tools: a client that repeats a call when it sees `UNAVAILABLE` may do so with the same `request_id`.
fn status_code(code: Code) -> tonic::Code {
    let found = STATUS_CODES.iter().find(|(_, codes)| codes.contains(&code));
    found.map_or(tonic::Code::FailedPrecondition, |(status_code, _)| {
        *status_code
    })
}

fn money_state(money: MoneyState) -> wire::ErrorMoney {
    match money {
        MoneyState::NotCharged => wire::ErrorMoney::NotCharged,
        MoneyState::Charged => wire::ErrorMoney::Charged,
        MoneyState::Unknown => wire::ErrorMoney::Unknown,
        MoneyState::NotConcerned => wire::ErrorMoney::NotConcerned,
    }
}

fn repeat(repeat: Repeat) -> wire::Repeat {
    match repeat {
        Repeat::SameId => wire::Repeat::SameId,
        Repeat::NewId => wire::Repeat::NewId,
        Repeat::AskOnly => wire::Repeat::AskOnly,
    }
}

fn shortened(text: &str, length_max: usize) -> String {
    text.chars().take(length_max).collect()
}

/// The same of a call that only looks, whatever the code says of others: it moved no money and may be made again.
#[must_use]
pub fn status_of_look(failure: &Failure) -> tonic::Status {
    of_call(failure, MoneyState::NotConcerned, Repeat::SameId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_order_whose_id_was_looked_up_is_told_that_nothing_was_charged() {
        let said = |status: &tonic::Status| {
            let info = status.get_details_error_info().unwrap();
            let of = |key: &str| info.metadata[key].clone();
            (of("money"), of("repeat"))
        };
        for code in Code::ALL {
            let failure = Failure::new(*code, "");
            let (money, repeat) = said(&status(&failure));
            assert_ne!(money, "NOT_CHARGED", "{code:?}");
            let is_of_request = code.id().starts_with("E1");
            assert!(!is_of_request || repeat != "NEW_ID", "{code:?}");
            let (money, _) = said(&status_of_order(&failure));
            let may = code.entry().money == MoneyState::NotCharged;
            let is_of_body = [Code::RequestInvalid, Code::UnknownField].contains(code);
            assert_eq!(money == "NOT_CHARGED", may || is_of_body, "{code:?}");
        }
    }

    #[test]
    fn a_status_can_be_read_by_any_client() {
        let failure = Failure {
            code: Code::TooManyDecimals,
            detail: "bills[0].lines[2].pric: more than 6 decimals".into(),
            fields: vec!["bills[0].lines[2].pric".into()],
        };
        let status = status(&failure);
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "E1005 TOO_MANY_DECIMALS: bills[0].lines[2].pric: more than 6 decimals"
        );
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("TOO_MANY_DECIMALS", "yibaod")
        );
        assert_eq!(info.metadata["code"], "E1005");
        assert_eq!(info.metadata["money"], "NOT_CONCERNED");
        assert_eq!(info.metadata["repeat"], "SAME_ID");
        assert_eq!(info.metadata["fields"], "bills[0].lines[2].pric");
        assert_eq!(
            info.metadata["action_zh"],
            Code::TooManyDecimals.entry().action_zh
        );
        assert_eq!(
            info.metadata["patient_zh"],
            "暂时无法办理。 请联系工作人员。"
        );
        assert_eq!(
            info.metadata["meaning_en"],
            Code::TooManyDecimals.entry().meaning_en
        );
    }

    #[test]
    fn card_readers_are_told_as_scanners_are() {
        for (card, scanner) in [
            (Code::NobodyShowedCard, Code::NobodyScanned),
            (Code::CardReaderBusy, Code::ScannerBusy),
            (Code::CardReaderMissing, Code::ScannerMissing),
            (Code::CardReaderUnplugged, Code::ScannerUnplugged),
        ] {
            assert_eq!(status_code(card), status_code(scanner), "{card:?}");
        }
        for code in [
            Code::CardReaderSilent,
            Code::CardServiceMissing,
            Code::CardHostFailed,
        ] {
            assert_eq!(status_code(code), tonic::Code::Unavailable, "{code:?}");
        }
        // These stay until somebody changes something.
        for code in [Code::CardReadersAlike, Code::CardReaderForbidden] {
            assert_eq!(
                status_code(code),
                tonic::Code::FailedPrecondition,
                "{code:?}"
            );
        }
    }

    #[test]
    fn every_code_makes_a_status_that_fits_a_header() {
        for code in Code::ALL {
            let long = Failure {
                code: *code,
                detail: "一".repeat(10_000),
                fields: vec!["bills[10].lines[100].medins_list_codg".into(); 20],
            };
            let status = status(&long);
            assert_ne!(status.code(), tonic::Code::Ok);
            assert!(
                status.details().len() < 4_096,
                "{code:?}: {}",
                status.details().len()
            );
            assert!(status.message().chars().count() < 450);
        }
    }

    #[test]
    fn what_is_known_of_the_money_stands_above_the_book() {
        let reason = Reason {
            code: Code::PlatformNoAnswer,
            text: "超时".into(),
        };
        let refused = entry_of_settlement(&reason, Money::Refused);
        assert_eq!(refused.money(), wire::ErrorMoney::NotCharged);
        assert_eq!(refused.repeat(), wire::Repeat::NewId);
        assert_eq!(
            (refused.code.as_str(), refused.detail.as_str()),
            ("E4002", "超时")
        );
        let reason = Reason {
            code: Code::PlatformRefused,
            text: String::new(),
        };
        let unknown = entry_of_settlement(&reason, Money::Unknown);
        assert_eq!(unknown.money(), wire::ErrorMoney::Unknown);
        assert_eq!(unknown.repeat(), wire::Repeat::AskOnly);
        assert_eq!(entry(Code::Stuck).money(), wire::ErrorMoney::Unknown);
    }
}
