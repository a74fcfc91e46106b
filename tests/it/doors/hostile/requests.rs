//! What is spoilt: requests of every service, some as large as they get. None of them moves anything as it is.

use prost::Message as _;
use serde_json::Value;
use yibaod::api::{
    ClaimRequest, GetStatusRequest, HandOutRequest, IdentifyRequest, PreviewRequest,
    ResolveSettlementRequest,
};
use yibaod::sandbox::bills;

use crate::desk::request_from;
use crate::print;

/// Lines of the large bill, and of the large document.
const LINES: usize = 120;

/// Path and message. The first is a bill.
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let lines: Vec<String> = (0..LINES)
        .map(|n| format!("第{n}项 阿莫西林胶囊"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let document = print::document(&lines);
    let preview = PreviewRequest {
        document: Some(document),
        ..PreviewRequest::default()
    };
    vec![
        (
            "SettlementService/ScanAndPay",
            request_from(&bill()).encode_to_vec(),
        ),
        (
            "PrintService/Print",
            print::hasty("", &lines).encode_to_vec(),
        ),
        ("PrintService/Preview", preview.encode_to_vec()),
        (
            "SettlementService/ResolveSettlement",
            ResolveSettlementRequest::default().encode_to_vec(),
        ),
        (
            "DispenseService/HandOut",
            HandOutRequest::default().encode_to_vec(),
        ),
        (
            "IdentityService/Identify",
            IdentifyRequest::default().encode_to_vec(),
        ),
        (
            "DeviceService/Claim",
            ClaimRequest {
                purpose: "分拣".repeat(10),
                ..ClaimRequest::default()
            }
            .encode_to_vec(),
        ),
        (
            "DaemonService/GetStatus",
            GetStatusRequest::default().encode_to_vec(),
        ),
    ]
}

/// A bill of many lines without the id that every request must have.
pub(super) fn bill() -> Value {
    let everybody = yibaod::sandbox::persons::everybody();
    let person = everybody.first().expect("persons of the sandbox");
    let mut bill = bills::outpatient(person);
    let lines = bill["bills"][0]["lines"].as_array_mut();
    let lines = lines.expect("a bill has lines");
    let own = lines.clone();
    while lines.len() < LINES {
        lines.extend(own.clone());
    }
    bill
}
