//! A status as the Connect protocol tells it: `{"code", "message", "details"}` and a number of HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::StatusCode;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Status;

use crate::ipc::convert::error;
use crate::operation::Failure;

/// A status with the row of the book, and what HTTP calls it.
pub(in crate::ipc) fn refusal(failure: &Failure) -> Status {
    error::status(failure)
}

/// The error's JSON. A client that knows our book reads `details[0].debug.metadata`.
pub(super) fn body(status: &Status) -> Value {
    let mut body = json!({
        "code": word(status.code()),
        "message": status.message(),
    });
    let details = details(status);
    if !details.is_empty() {
        body["details"] = Value::Array(details);
    }
    body
}

fn details(status: &Status) -> Vec<Value> {
    let Ok(told) = tonic_types::pb::Status::decode(status.details()) else {
        return Vec::new();
    };
    let details = told.details.iter().map(|detail| {
        let name = detail.type_url.rsplit('/').next().unwrap_or_default();
        let mut told = json!({ "type": name, "value": STANDARD_NO_PAD.encode(&detail.value) });
        if name == "google.rpc.ErrorInfo"
            && let Ok(info) = tonic_types::pb::ErrorInfo::decode(detail.value.as_slice())
        {
            let metadata: std::collections::BTreeMap<_, _> = info.metadata.into_iter().collect();
            told["debug"] = json!({
                "reason": info.reason,
                "domain": info.domain,
                "metadata": metadata,
            });
        }
        told
    });
    details.collect()
}

/// What HTTP calls it.
pub(super) fn number(code: tonic::Code) -> StatusCode {
    use tonic::Code;
    match code {
        Code::Ok => StatusCode::OK,
        // What the protocol has for a caller that went away; HTTP has no name for it.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn word(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "canceled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Code;

    #[test]
    fn a_refusal_tells_the_book_in_words_and_in_bytes() {
        let failure = Failure {
            fields: vec!["bills[0].lines[2].pric".into()],
            ..Failure::new(Code::TooManyDecimals, "more than 6 decimals")
        };
        let status = refusal(&failure);
        let told = body(&status);
        assert_eq!(told["code"], "invalid_argument");
        assert_eq!(number(status.code()), StatusCode::BAD_REQUEST);
        let detail = &told["details"][0];
        assert_eq!(detail["type"], "google.rpc.ErrorInfo");
        let metadata = &detail["debug"]["metadata"];
        for (key, value) in [
            ("code", "E1005"),
            ("money", "NOT_CONCERNED"),
            ("repeat", "SAME_ID"),
            ("fields", "bills[0].lines[2].pric"),
            ("action_zh", Code::TooManyDecimals.entry().action_zh),
            ("action_en", Code::TooManyDecimals.entry().action_en),
        ] {
            assert_eq!(metadata[key], value, "{key}");
        }
        let bytes = STANDARD_NO_PAD.decode(detail["value"].as_str().unwrap());
        let info = tonic_types::pb::ErrorInfo::decode(bytes.unwrap().as_slice()).unwrap();
        assert_eq!(info.reason, "TOO_MANY_DECIMALS");
        let plain = body(&Status::unimplemented("no"));
        assert_eq!(plain, json!({"code": "unimplemented", "message": "no"}));
    }
}
