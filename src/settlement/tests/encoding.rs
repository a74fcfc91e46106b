//! How each event stands in the journal's readable half. Journals out there have these rows: a line here is never
//! changed, only added.

use crate::book::Code;
use crate::settlement::answer::{Paper, Point, Proof};
use crate::settlement::bill::Fen;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::event::{Ending, Event, VERSION, Verdict};
use crate::settlement::known::Ids;
use crate::settlement::order::{CredentialKind, OrderKind};

#[track_caller]
fn check(event: &Event, json: &str) {
    assert_eq!(serde_json::to_string(event).unwrap(), json);
    let read: Event = serde_json::from_str(json).unwrap();
    assert_eq!(
        serde_json::to_string(&read).unwrap(),
        json,
        "what is written is read"
    );
}

#[test]
fn the_version_is_the_first() {
    assert_eq!(VERSION, 1);
}

#[test]
fn what_callers_and_persons_do() {
    check(
        &Event::Accepted {
            request_id: "r-1".to_owned(),
            caller: "uid:1000".to_owned(),
            kind: OrderKind::Outpatient,
            total: Fen(19_020),
            ids: Ids {
                ipt_otp_no: "O1".to_owned(),
                chrg_bchno: "B1".to_owned(),
                feedetl_sn: vec!["1".to_owned(), "2".to_owned()],
                accepted: "2026-11-22 09:00:00".to_owned(),
            },
            mdtrt_id: String::new(),
            order: None,
        },
        r#"{"event":"accepted","request_id":"r-1","caller":"uid:1000","kind":"Outpatient","total":19020,"ids":{"ipt_otp_no":"O1","chrg_bchno":"B1","feedetl_sn":["1","2"],"accepted":"2026-11-22 09:00:00"},"mdtrt_id":""}"#,
    );
    let kind = |kind: OrderKind| serde_json::to_string(&kind).unwrap();
    assert_eq!(kind(OrderKind::Pharmacy), r#""Pharmacy""#);
    check(&Event::Joined, r#"{"event":"joined"}"#);
    check(&Event::CallerGone, r#"{"event":"caller_gone"}"#);
    check(&Event::Restarted, r#"{"event":"restarted"}"#);
    let by = "uid:1000".to_owned();
    check(
        &Event::CancelAsked { by },
        r#"{"event":"cancel_asked","by":"uid:1000"}"#,
    );
    let (point, token) = (Point::Person, "0a".to_owned());
    check(
        &Event::Shown { point, token },
        r#"{"event":"shown","point":"person","token":"0a"}"#,
    );
    let point = Point::Amounts;
    check(
        &Event::Confirmed { point },
        r#"{"event":"confirmed","point":"amounts"}"#,
    );
}

#[test]
fn what_devices_do() {
    let fault = Some(Code::PaperOut);
    check(
        &Event::PrinterLooked { fault },
        r#"{"event":"printer_looked","fault":"E3012"}"#,
    );
    check(&Event::CodeRead, r#"{"event":"code_read"}"#);
    check(
        &Event::DocumentRead {
            credential: CredentialKind::SocialCard,
            found: None,
        },
        r#"{"event":"document_read","credential":"SocialCard"}"#,
    );
    check(
        &Event::IdentityShown {
            identification: "id-1".to_owned(),
            credential: CredentialKind::EVoucher,
            age_ms: 900,
            found: None,
        },
        r#"{"event":"identity_shown","identification":"id-1","credential":"EVoucher","age_ms":900}"#,
    );
    let code = Code::PaymentCodeShown;
    check(
        &Event::CodeRejected { code },
        r#"{"event":"code_rejected","code":"E2001"}"#,
    );
    let code = Code::NobodyScanned;
    check(
        &Event::ReadFailed { code },
        r#"{"event":"read_failed","code":"E2008"}"#,
    );
    check(&Event::FreshCodeWanted, r#"{"event":"fresh_code_wanted"}"#);
    let job = "j-1".to_owned();
    check(
        &Event::PrintIntent { job },
        r#"{"event":"print_intent","job":"j-1"}"#,
    );
    for (paper, json) in [
        (Paper::NotAsked, r#""not_asked""#),
        (Paper::Queued, r#""queued""#),
        (
            Paper::Printed(Proof::ProcessId),
            r#"{"printed":"process_id"}"#,
        ),
        (
            Paper::Printed(Proof::QueuedStatus),
            r#"{"printed":"queued_status"}"#,
        ),
        (
            Paper::NotPrinted(Code::PrinterMissing),
            r#"{"not_printed":"E3011"}"#,
        ),
        (
            Paper::Unknown(Code::PrintNotProven),
            r#"{"unknown":"E3015"}"#,
        ),
    ] {
        let json = format!(r#"{{"event":"print_ended","paper":{json}}}"#);
        check(&Event::PrintEnded { paper }, &json);
    }
}

#[test]
fn what_the_platform_does() {
    check(
        &Event::Intent {
            step: Step::Settle,
            infno: "2207".to_owned(),
            msgid: Some("M1".to_owned()),
            request: Some("sealed".to_owned()),
        },
        r#"{"event":"intent","step":"settle","infno":"2207","msgid":"M1"}"#,
    );
    let answered = |result| Event::Answered {
        step: Step::Settle,
        result,
        sign_in_expired: false,
        skew_ms: None,
        answer: Some("sealed".to_owned()),
    };
    let around = |result: &str| {
        format!(
            r#"{{"event":"answered","step":"settle","result":{result},"sign_in_expired":false,"skew_ms":null}}"#
        )
    };
    let (code, why) = (Code::SettleUnknown, "time-out".to_owned());
    check(
        &answered(Outcome::Done { found: None }),
        &around(r#"{"outcome":"done"}"#),
    );
    check(
        &answered(Outcome::Refused {
            code: Code::SettleRefused,
            infcode: "-1".to_owned(),
            text: "sealed".to_owned(),
        }),
        &around(r#"{"outcome":"refused","code":"E5001","infcode":"-1"}"#),
    );
    check(
        &answered(Outcome::NotSent {
            code: Code::PlatformUnreachable,
            why: why.clone(),
        }),
        &around(r#"{"outcome":"not_sent","code":"E4001","why":"time-out"}"#),
    );
    check(
        &answered(Outcome::Unknown { code, why }),
        &around(r#"{"outcome":"unknown","code":"E5002","why":"time-out"}"#),
    );
}

#[test]
fn what_is_decided() {
    check(
        &Event::InsuranceChosen { index: 1 },
        r#"{"event":"insurance_chosen","index":1}"#,
    );
    let insutype = "390".to_owned();
    check(
        &Event::InsuranceRecalled { insutype },
        r#"{"event":"insurance_recalled","insutype":"390"}"#,
    );
    let warnings = vec!["E5".to_owned()];
    check(
        &Event::AmountsChecked { warnings },
        r#"{"event":"amounts_checked","warnings":["E5"]}"#,
    );
    check(&Event::Stands, r#"{"event":"stands"}"#);
    for (ending, word) in [
        (Ending::Refused, "refused"),
        (Ending::Cancelled, "cancelled"),
        (Ending::Reversed, "reversed"),
    ] {
        let text = "sealed".to_owned();
        let event = Event::GivenUp {
            code: Code::CallerGone,
            ending,
            text,
        };
        let json = format!(r#"{{"event":"given_up","code":"E6002","ending":"{word}"}}"#);
        check(&event, &json);
    }
    check(&Event::Undone, r#"{"event":"undone"}"#);
    let code = Code::UndoFailed;
    check(
        &Event::Stuck { code },
        r#"{"event":"stuck","code":"E5006"}"#,
    );
    for (verdict, word) in [
        (Verdict::Settled, "settled"),
        (Verdict::NotCharged, "not_charged"),
        (Verdict::Reversed, "reversed"),
    ] {
        let event = Event::Resolved {
            by: "uid:0".to_owned(),
            verdict,
            setl_id: "S1".to_owned(),
            reason: "sealed".to_owned(),
        };
        let json =
            format!(r#"{{"event":"resolved","by":"uid:0","verdict":"{word}","setl_id":"S1"}}"#);
        check(&event, &json);
    }
}
