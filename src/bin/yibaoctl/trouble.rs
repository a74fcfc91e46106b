//! Why a command did not do what was asked, in one shape for terminal, JSON and exit code.

use std::path::PathBuf;

use tonic::{Code as Grpc, Status};
use tonic_types::{ErrorInfo, StatusExt as _};
use yibaod::api::{ErrorEntry, ErrorMoney, Repeat};
use yibaod::book::{Code, MoneyState, Repeat as BookRepeat};

use crate::exit::Exit;

/// The `domain` of our errors in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "yibaod";

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// What was given cannot be used; nothing was sent.
    Usage(String),
    /// The bill cannot be sent; the book says why.
    Bill {
        /// The book's code.
        code: Code,
        /// Which field, which place.
        what: String,
    },
    /// Nobody answers at the socket.
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The system's words.
        why: String,
    },
    /// The daemon said no, in the book's words.
    Told {
        /// The book's code.
        code: Code,
        /// The daemon's own words.
        what: String,
        /// Fields that are wrong.
        fields: Vec<String>,
        /// What the daemon knows of the money, and whether to repeat the call, where it says more than the book's row.
        known: (ErrorMoney, Repeat),
    },
    /// gRPC said no without the book.
    Foreign(Status),
    /// The connection went away while a settlement ran: what became of it is not known here.
    Lost {
        /// Whose end is not known.
        request_id: String,
        /// The connection's words.
        why: String,
    },
    /// Something failed on this side.
    Failed(String),
}

impl Trouble {
    /// What a failed call means when nothing was at stake.
    pub(crate) fn of_status(status: Status) -> Self {
        let details = status.get_error_details();
        let info = (details.error_info()).filter(|info| info.domain == DOMAIN);
        let found = info.and_then(|info| Some((Code::from_id(&info.reason)?, info)));
        let Some((code, info)) = found else {
            return Trouble::Foreign(status);
        };
        let row = of_book(code);
        let known = known(info).unwrap_or((row.money(), row.repeat()));
        let fields = details.bad_request().map_or_else(Vec::new, |bad| {
            let named = bad.field_violations.iter();
            named
                .map(|one| format!("{}: {}", one.field, one.description))
                .collect()
        });
        Trouble::Told {
            code,
            what: without_code(status.message(), code).to_owned(),
            fields,
            known,
        }
    }

    /// What the daemon would say in the book's words, and this program found out by itself.
    pub(crate) fn told(code: Code, what: impl Into<String>) -> Self {
        let row = of_book(code);
        Trouble::Told {
            code,
            what: what.into(),
            fields: Vec::new(),
            known: (row.money(), row.repeat()),
        }
    }

    /// What a failed ScanAndPay means: without the book's word nobody here knows what became of it.
    pub(crate) fn of_pay(status: Status, request_id: &str) -> Self {
        let trouble = Trouble::of_status(status);
        let Trouble::Foreign(status) = &trouble else {
            return trouble;
        };
        if status.code() == Grpc::Unimplemented {
            return trouble;
        }
        Trouble::Lost {
            request_id: request_id.to_owned(),
            why: in_words(status),
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Trouble::Usage(_) | Trouble::Bill { .. } => Exit::NotStarted,
            Trouble::Unreachable { .. } => Exit::Unreachable,
            Trouble::Told {
                known: (ErrorMoney::Unknown, _),
                ..
            } => Exit::Open,
            Trouble::Told { .. } => Exit::NotStarted,
            Trouble::Foreign(status) if status.code() == Grpc::Unavailable => Exit::Unreachable,
            Trouble::Foreign(status) if is_never_begun(status) => Exit::NotStarted,
            Trouble::Foreign(_) => Exit::Open,
            Trouble::Lost { .. } => Exit::Open,
            Trouble::Failed(_) => Exit::Failed,
        }
    }

    /// The same as an entry of the book; what only this program can say has a name and no number.
    pub(crate) fn entry(&self) -> ErrorEntry {
        match self {
            Trouble::Bill { code, what } => ErrorEntry {
                detail: what.clone(),
                patient_zh: code.to_patient(what, code.entry().money),
                ..of_book(*code)
            },
            Trouble::Told {
                code, what, known, ..
            } => ErrorEntry {
                detail: what.clone(),
                money: known.0.into(),
                repeat: known.1.into(),
                patient_zh: code.to_patient(what, money_state(known.0, *code)),
                ..of_book(*code)
            },
            Trouble::Usage(what) => ErrorEntry {
                // Nothing was sent: what was settled under the same id before stands, and is answered again.
                repeat: Repeat::SameId.into(),
                ..ours(
                    "USAGE",
                    "所给内容无法使用，未发起任何调用。",
                    "What was given cannot be used; nothing was sent.",
                    "请按提示改正后重试。",
                    "Correct it as shown and try again.",
                    what,
                )
            },
            Trouble::Unreachable { why, .. } => ErrorEntry {
                repeat: Repeat::SameId.into(),
                ..ours(
                    "DAEMON_UNREACHABLE",
                    "无法连接守护进程 yibaod。",
                    "The daemon yibaod cannot be reached.",
                    "请检查服务是否运行（systemctl status yibaod）、套接字路径以及是否属于 yibao 用户组。",
                    "Check that the service runs (systemctl status yibaod), the socket, and your membership in group yibao.",
                    why,
                )
            },
            Trouble::Foreign(status) => foreign(status),
            Trouble::Lost { why, .. } => ErrorEntry {
                money: ErrorMoney::Unknown.into(),
                repeat: Repeat::SameId.into(),
                patient_zh: of_book(Code::Pending).patient_zh,
                ..ours(
                    "CONNECTION_LOST",
                    "结算途中与守护进程的连接中断，结果尚不清楚。",
                    "The connection to the daemon went away during the settlement; its end is not known here.",
                    "请用同一请求编号查询，未弄清之前切勿另行结算。",
                    "Ask with the same request_id; never settle this bill anew before it is resolved.",
                    why,
                )
            },
            Trouble::Failed(what) => ours(
                "FAILED",
                "命令未能完成。",
                "The command could not be done.",
                "请按提示处理后重试。",
                "Mend what is shown and try again.",
                what,
            ),
        }
    }

    /// What else helps, a line each.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Trouble::Told { fields, .. } => {
                fields.iter().map(|field| format!("  • {field}")).collect()
            }
            Trouble::Unreachable { socket, .. } => vec![format!("  socket: {}", socket.display())],
            Trouble::Lost { request_id, .. } => vec![format!("  yibaoctl show {request_id}")],
            Trouble::Usage(_) | Trouble::Bill { .. } | Trouble::Foreign(_) | Trouble::Failed(_) => {
                Vec::new()
            }
        }
    }
}

/// The book's row on the wire.
pub(crate) fn of_book(code: Code) -> ErrorEntry {
    let row = code.entry();
    let money = match row.money {
        MoneyState::NotCharged => ErrorMoney::NotCharged,
        MoneyState::Charged => ErrorMoney::Charged,
        MoneyState::Unknown => ErrorMoney::Unknown,
        MoneyState::NotConcerned => ErrorMoney::NotConcerned,
    };
    let repeat = match row.repeat {
        BookRepeat::SameId => Repeat::SameId,
        BookRepeat::NewId => Repeat::NewId,
        BookRepeat::AskOnly => Repeat::AskOnly,
    };
    ErrorEntry {
        code: code.id().to_owned(),
        name: code.name().to_owned(),
        money: money.into(),
        repeat: repeat.into(),
        meaning_zh: row.meaning_zh.to_owned(),
        meaning_en: row.meaning_en.to_owned(),
        action_zh: row.action_zh.to_owned(),
        action_en: row.action_en.to_owned(),
        detail: String::new(),
        patient_zh: code.to_patient("", row.money),
    }
}

/// What the status says of the money and of repeating it, in the words of [`MoneyState::word`].
fn known(info: &ErrorInfo) -> Option<(ErrorMoney, Repeat)> {
    let of = |key: &str| info.metadata.get(key).map_or("", String::as_str);
    let money = ErrorMoney::from_str_name(&format!("ERROR_MONEY_{}", of("money")))?;
    let repeat = Repeat::from_str_name(&format!("REPEAT_{}", of("repeat")))?;
    Some((money, repeat))
}

fn money_state(money: ErrorMoney, code: Code) -> MoneyState {
    match money {
        ErrorMoney::NotCharged => MoneyState::NotCharged,
        ErrorMoney::Charged => MoneyState::Charged,
        ErrorMoney::Unknown => MoneyState::Unknown,
        ErrorMoney::NotConcerned => MoneyState::NotConcerned,
        ErrorMoney::Unspecified => code.entry().money,
    }
}

fn ours(
    name: &str,
    meaning_zh: &str,
    meaning_en: &str,
    action_zh: &str,
    action_en: &str,
    detail: &str,
) -> ErrorEntry {
    ErrorEntry {
        code: String::new(),
        name: name.to_owned(),
        money: ErrorMoney::NotConcerned.into(),
        repeat: Repeat::NewId.into(),
        meaning_zh: meaning_zh.to_owned(),
        meaning_en: meaning_en.to_owned(),
        action_zh: action_zh.to_owned(),
        action_en: action_en.to_owned(),
        detail: detail.to_owned(),
        patient_zh: "暂时无法办理。 请联系工作人员。".to_owned(),
    }
}

/// The code stands apart already.
fn without_code(message: &str, code: Code) -> &str {
    let rest = message.strip_prefix(code.id()).map(str::trim_start);
    let rest = rest.and_then(|rest| rest.strip_prefix(code.name()));
    rest.map_or(message, |rest| rest.trim_start_matches([':', ' ']))
}

/// A status without a row of the book.
fn foreign(status: &Status) -> ErrorEntry {
    let why = in_words(status);
    if is_never_begun(status) {
        return ErrorEntry {
            repeat: Repeat::SameId.into(),
            ..ours(
                "GRPC_ERROR",
                "守护进程不认识此调用。",
                "The daemon does not know this call.",
                "请核对版本与套接字；反复出现请查看 yibaod 日志。",
                "Check version and socket; if it keeps happening, read the log of yibaod.",
                &why,
            )
        };
    }
    ErrorEntry {
        money: ErrorMoney::Unknown.into(),
        repeat: Repeat::SameId.into(),
        patient_zh: of_book(Code::Pending).patient_zh,
        ..ours(
            "CONNECTION_LOST",
            "调用途中与守护进程的连接中断，是否已受理尚不清楚。",
            "The connection to the daemon went away during the call; whether it was taken is not known here.",
            "请用同一请求编号查询或重做，不要换新编号；连接不上请查看 systemctl status yibaod。",
            "Ask or repeat with the same request_id, never with a new one; if it stays away, see systemctl status yibaod.",
            &why,
        )
    }
}

/// The other end does not know such a call.
fn is_never_begun(status: &Status) -> bool {
    status.code() == Grpc::Unimplemented
}

fn in_words(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        message => format!("{} ({})", message, status.code().description()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn told(code: Code) -> Status {
        let row = code.entry();
        let words = [("money", row.money.word()), ("repeat", row.repeat.word())];
        let words = words.map(|(key, word)| (key.to_owned(), word.to_owned()));
        let details = ErrorDetails::with_error_info(code.name(), DOMAIN, HashMap::from(words));
        Status::with_error_details(Grpc::FailedPrecondition, "bills[0].lines", details)
    }

    #[test]
    fn the_books_word_in_a_status_is_found() {
        let trouble = Trouble::of_status(told(Code::EmptyBill));
        let entry = trouble.entry();
        assert_eq!(
            (entry.code.as_str(), entry.detail.as_str()),
            ("E1002", "bills[0].lines")
        );
        assert!(!entry.action_zh.is_empty() && !entry.action_en.is_empty());
        assert_eq!(trouble.exit(), Exit::NotStarted);
    }

    #[test]
    fn the_code_is_not_said_twice() {
        let message = "E1002 EMPTY_BILL: bills[0]";
        assert_eq!(without_code(message, Code::EmptyBill), "bills[0]");
        assert_eq!(without_code("bills[0]", Code::EmptyBill), "bills[0]");
    }

    #[test]
    fn a_lost_connection_during_a_payment_is_not_a_no() {
        let lost = Trouble::of_pay(Status::unavailable("broken pipe"), "R-1");
        assert_eq!(lost.exit(), Exit::Open);
        assert_eq!(lost.entry().money(), ErrorMoney::Unknown);
        assert_eq!(
            Trouble::of_status(Status::unavailable("x")).exit(),
            Exit::Unreachable
        );
        assert_eq!(
            Trouble::of_pay(told(Code::EmptyBill), "R-1").exit(),
            Exit::NotStarted
        );
        assert_eq!(
            Trouble::of_pay(told(Code::SettleUnknown), "R-1").exit(),
            Exit::Open
        );
    }
}
