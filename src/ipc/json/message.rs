//! One message: JSON text to protobuf and back, by its descriptor.
//!
//! What is wrong is told by its place, never by its value: values may be somebody's name.

use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};

use super::repeated;
use crate::api::FIELDS_MAX;
use crate::book::Code;
use crate::operation::Failure;

/// How deep lists and objects may stand in one another.
const DEPTH_MAX: usize = 32;
/// Characters of a field's name that are told.
const NAME_LENGTH_MAX: usize = 64;

/// Protobuf of a JSON text.
pub(in crate::ipc) fn parse(text: &str, kind: MessageDescriptor) -> Result<Vec<u8>, Failure> {
    check_shape(text)?;
    if let Some(path) = repeated::find(text, &kind) {
        let detail = format!("{path}: it stands there twice");
        return Err(Failure {
            fields: vec![path],
            ..Failure::new(Code::RequestInvalid, detail)
        });
    }
    let mut json = serde_json::Deserializer::from_str(text);
    // A wrong name in a request for money is heard, not passed over.
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(kind, &mut json, &options);
    let message = message.map_err(|error| said(&error))?;
    json.end().map_err(|error| said(&error))?;
    Ok(message.encode_to_vec())
}

/// JSON text of a protobuf.
pub(in crate::ipc) fn print(bytes: &[u8], kind: MessageDescriptor) -> Result<String, Failure> {
    let message = DynamicMessage::decode(kind, bytes)
        .map_err(|_| Failure::new(Code::Internal, "an answer cannot be read"))?;
    serde_json::to_string(&message)
        .map_err(|_| Failure::new(Code::Internal, "an answer cannot be written"))
}

/// What it unfolds to is bounded before anything is made of it.
fn check_shape(text: &str) -> Result<(), Failure> {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    let mut fields = 0_u32;
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b',' if !in_text => fields += 1,
            b'{' | b'[' if !in_text => (depth, fields) = (depth + 1, fields + 1),
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            let detail = format!("the JSON stands deeper than {DEPTH_MAX} levels");
            return Err(Failure::new(Code::RequestInvalid, detail));
        }
        if fields > FIELDS_MAX {
            let detail = format!("the JSON has more than {FIELDS_MAX} fields");
            return Err(Failure::new(Code::RequestInvalid, detail));
        }
    }
    Ok(())
}

fn said(error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let unknown = text.strip_prefix("unrecognized field name '");
    if let Some((name, _)) = unknown.and_then(|rest| rest.split_once("' at line")) {
        let name: String = name.chars().take(NAME_LENGTH_MAX).collect();
        let detail = format!("{name}: no such field, before line {line}, column {column}");
        return Failure {
            fields: vec![name],
            ..Failure::new(Code::UnknownField, detail)
        };
    }
    let what = match error.classify() {
        serde_json::error::Category::Data => "a value is not of its field's kind",
        serde_json::error::Category::Eof => "the JSON ends early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "this is no JSON",
    };
    let detail = format!("{what}, before line {line}, column {column}");
    Failure::new(Code::RequestInvalid, detail)
}

#[cfg(test)]
mod tests {
    use super::super::methods;
    use super::*;
    use crate::api as wire;

    fn input(method: &str) -> MessageDescriptor {
        let path = format!("/yibao.v1.{method}");
        methods::all().unwrap()[&path].input.clone()
    }

    #[test]
    fn both_spellings_of_a_field_and_of_a_number_are_read() {
        for text in [
            r#"{"requestId":"r-1","bills":[{"lines":[{"amountFen":"120"}]}]}"#,
            r#"{"request_id":"r-1","bills":[{"lines":[{"amount_fen":120}]}]}"#,
        ] {
            let bytes = parse(text, input("SettlementService/ScanAndPay")).unwrap();
            let request = wire::ScanAndPayRequest::decode(bytes.as_slice()).unwrap();
            assert_eq!(request.request_id, "r-1");
            assert_eq!(request.bills[0].lines[0].amount_fen, 120);
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let deep = "[".repeat(33);
        for (text, code, detail) in [
            (
                r#"{"requestID":"r"}"#,
                Code::UnknownField,
                "requestID: no such field",
            ),
            (
                r#"{"bills":[{"lines":[{"amount_fen":"张三"}]}]}"#,
                Code::RequestInvalid,
                "a value is not of its field's kind",
            ),
            (
                r#"{"request_id":"#,
                Code::RequestInvalid,
                "the JSON ends early",
            ),
            ("", Code::RequestInvalid, "the JSON ends early"),
            (
                r#"{"bills":[{"lines":[{"amountFen":"1","amount_fen":"2"}]}]}"#,
                Code::RequestInvalid,
                "bills[0].lines[0].amount_fen: it stands there twice",
            ),
            ("request_id=1", Code::RequestInvalid, "this is no JSON"),
            ("{} {}", Code::RequestInvalid, "this is no JSON"),
            (
                &deep,
                Code::RequestInvalid,
                "the JSON stands deeper than 32 levels",
            ),
        ] {
            let failure = parse(text, input("SettlementService/ScanAndPay")).unwrap_err();
            assert_eq!(failure.code, code, "{text}");
            assert!(failure.detail.starts_with(detail), "{}", failure.detail);
            assert!(!failure.detail.contains('张'), "{}", failure.detail);
        }
        let quoted = format!(r#"{{"request_id":"{}\""}}"#, "[".repeat(99));
        assert!(parse(&quoted, input("SettlementService/ScanAndPay")).is_ok());
    }
}
