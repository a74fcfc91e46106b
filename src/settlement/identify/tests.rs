//! What comes next, what is told, and what stands on disk. It knows no journal and no devices.

use std::sync::Arc;

use super::*;
use crate::book::Code;
use crate::person::{EcToken, IdNo, Name};
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome, Step};
use crate::settlement::known::{Insurance, Person, Voucher};
use crate::settlement::order::{CredentialKind, Office, Operator, OperatorKind, Patient};
use crate::settlement::tests::sample::{OTHER_CERTNO, OUR_CERTNO, rules};

fn wish(flow: Flow) -> Wish {
    Wish {
        request_id: "who".to_owned(),
        flow,
        business_type: flow.business_type().to_owned(),
        operator: Operator {
            id: "K01".to_owned(),
            name: "自助机".to_owned(),
            kind: OperatorKind::Kiosk,
        },
        office: Office {
            id: "A03".to_owned(),
            name: "门诊".to_owned(),
        },
        credentials: vec![CredentialKind::EVoucher],
        patient: Patient::default(),
        unmasked: false,
        wait_ms: 0,
    }
}

fn voucher(certno: &str) -> Found {
    Found::Voucher(Voucher {
        ec_token: EcToken::new("t"),
        certno: IdNo::new(certno),
        name: Name::new("测试甲"),
        cert_type: "01".to_owned(),
        insu_org: String::new(),
        document: None,
    })
}

fn person(certno: &str, kinds: &[(&str, &str)]) -> Found {
    let row = |(insutype, stas): &(&str, &str)| Insurance {
        insutype: (*insutype).to_owned(),
        psn_type: "11".to_owned(),
        psn_insu_stas: (*stas).to_owned(),
        insuplc_admdvs: "430100".to_owned(),
        balc: Fen::ZERO,
    };
    Found::Person(Person {
        psn_no: "P1".to_owned(),
        psn_cert_type: "01".to_owned(),
        certno: IdNo::new(certno),
        psn_name: Name::new("测试甲"),
        gend: "1".to_owned(),
        age: String::new(),
        insuinfo: kinds.iter().map(row).collect(),
    })
}

fn done(step: Step, found: Found) -> Event {
    answered(step, Outcome::Done { found: Some(found) })
}

fn answered(step: Step, result: Outcome) -> Event {
    Event::Answered {
        step,
        result,
        sign_in_expired: false,
        skew_ms: None,
        answer: None,
    }
}

fn refused(code: Code) -> Outcome {
    Outcome::Refused {
        code,
        infcode: "-1".to_owned(),
        text: "原因".to_owned(),
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown {
        code: Code::PlatformNoAnswer,
        why: String::new(),
    }
}

/// The state after these, each a second after the other.
fn after(wish: Wish, events: &[Event]) -> Identification {
    let mut state = Identification::new("id-1");
    let accepted = Event::Accepted {
        request_id: wish.request_id.clone(),
        caller: "uid:1".to_owned(),
        door: String::new(),
        flow: wish.flow,
        business_type: wish.business_type.clone(),
        wish: Some(Box::new(wish)),
    };
    state.apply(&accepted, 0);
    for (at_s, event) in (1..).zip(events) {
        state.apply(event, at_s * 1_000);
    }
    state
}

fn then(state: &Identification) -> Effect {
    next(state, 1_000_000, &rules())
}

fn ends(state: &Identification, expected: Ending, why: Code) {
    let effect = then(state);
    let Effect::Record(Event::Ended { ending, code, .. }) = &effect else {
        panic!("{effect:?}");
    };
    assert_eq!((*ending, *code), (expected, why));
}

#[test]
fn a_code_becomes_a_person_step_by_step() {
    let read = [Event::CodeRead];
    assert_eq!(
        then(&after(wish(Flow::Payment), &[])),
        Effect::Read { wait_ms: 60_000 }
    );
    let state = after(wish(Flow::Payment), &read);
    assert_eq!(then(&state), Effect::Call(Step::Decode));
    let decoded = [Event::CodeRead, done(Step::Decode, voucher(OUR_CERTNO))];
    let state = after(wish(Flow::Payment), &decoded);
    assert_eq!(state.decoded_at_ms, Some(2_000));
    assert_eq!(then(&state), Effect::Call(Step::Person));
    let all = [
        Event::CodeRead,
        done(Step::Decode, voucher(OUR_CERTNO)),
        done(Step::Person, person(OUR_CERTNO, &[("310", "1")])),
    ];
    let mut state = after(wish(Flow::Payment), &all);
    assert_eq!(then(&state), Effect::Record(Event::Identified));
    state.apply(&Event::Identified, 9_000);
    assert_eq!(then(&state), Effect::Finished);
    assert_eq!(state.remarks(), []);
    assert_eq!(
        (pays(&state, true), pays(&state, false)),
        (Pays::ByRef, Pays::ShownAgain)
    );
}

#[test]
fn somebody_else_is_told_before_and_after_the_platform() {
    let mut only = wish(Flow::Desk);
    only.patient.certno = IdNo::new(OUR_CERTNO);
    let decoded = [Event::CodeRead, done(Step::Decode, voucher(OTHER_CERTNO))];
    ends(
        &after(only, &decoded),
        Ending::Refused,
        Code::PersonMismatch,
    );
    let other = [
        Event::CodeRead,
        done(Step::Decode, voucher(OUR_CERTNO)),
        done(Step::Person, person(OTHER_CERTNO, &[])),
    ];
    let state = after(wish(Flow::Payment), &other);
    ends(&state, Ending::Refused, Code::PersonMismatch);
}

#[test]
fn what_cannot_be_used_is_asked_for_again_three_times() {
    let lost = answered(Step::Decode, unknown());
    let no = answered(Step::Decode, refused(Code::CodeExpired));
    let bad = Event::CodeRejected {
        code: Code::PaymentCodeShown,
    };
    let two = [Event::CodeRead, lost, Event::CodeRead, no];
    let state = after(wish(Flow::Payment), &two);
    assert!(matches!(then(&state), Effect::Read { .. }));
    assert_eq!(state.last_rejection, Some(Code::CodeExpired));
    let mut three = two.to_vec();
    three.push(bad);
    let state = after(wish(Flow::Payment), &three);
    ends(&state, Ending::Refused, Code::PaymentCodeShown);
    // A token that 1101 finds too old is the patient's to mend.
    let old = [
        Event::CodeRead,
        done(Step::Decode, voucher(OUR_CERTNO)),
        answered(Step::Person, refused(Code::CodeExpired)),
    ];
    let state = after(wish(Flow::Payment), &old);
    assert!(state.voucher.is_none() && matches!(then(&state), Effect::Read { .. }));
}

#[test]
fn a_platform_that_says_nothing_is_asked_three_times() {
    let lost = || answered(Step::Person, unknown());
    let decoded = || vec![Event::CodeRead, done(Step::Decode, voucher(OUR_CERTNO))];
    let mut events = decoded();
    events.push(lost());
    let state = after(wish(Flow::Payment), &events);
    assert!(matches!(next(&state, 3_000, &rules()), Effect::Wait { .. }));
    assert_eq!(then(&state), Effect::Call(Step::Person));
    events.extend([lost(), lost()]);
    let state = after(wish(Flow::Payment), &events);
    ends(&state, Ending::Refused, Code::PlatformNoAnswer);
    // For a report who it is suffices.
    let mut state = after(wish(Flow::Report), &events);
    assert_eq!(then(&state), Effect::Record(Event::Identified));
    state.apply(&Event::Identified, 9_000);
    assert_eq!(state.remarks()[0].code, Code::PlatformNoAnswer);
    assert_eq!(pays(&state, true), Pays::Not);
    let mut events = decoded();
    events.push(answered(Step::Person, refused(Code::PersonUnknown)));
    let state = after(wish(Flow::Payment), &events);
    ends(&state, Ending::Refused, Code::PersonUnknown);
}

#[test]
fn nobody_and_a_lost_key_end_it() {
    let nobody = |code| after(wish(Flow::Payment), &[Event::ReadFailed { code }]);
    ends(
        &nobody(Code::NobodyScanned),
        Ending::Cancelled,
        Code::NobodyScanned,
    );
    ends(
        &nobody(Code::ScannerUnplugged),
        Ending::Refused,
        Code::ScannerUnplugged,
    );
    let state = Identification::new("id-1");
    ends(&state, Ending::Cancelled, Code::IdentifyInterrupted);
}

#[test]
fn several_and_none_in_force_are_remarks() {
    let with = |kinds: &[(&str, &str)]| {
        let events = [
            Event::CodeRead,
            done(Step::Decode, voucher(OUR_CERTNO)),
            done(Step::Person, person(OUR_CERTNO, kinds)),
            Event::Identified,
        ];
        let remarks = after(wish(Flow::Payment), &events).remarks();
        remarks
            .first()
            .map(|reason| (reason.code, reason.text.clone()))
    };
    let list = |code, text: &str| Some((code, text.to_owned()));
    assert_eq!(with(&[("310", "1"), ("390", "2")]), None);
    let several = [("390", "1"), ("310", "1")];
    assert_eq!(
        with(&several),
        list(
            Code::SeveralInsurances,
            "310 职工基本医疗保险, 390 城乡居民基本医疗保险"
        )
    );
    assert_eq!(with(&[("310", "2")]), list(Code::InsuranceNotInForce, ""));
    assert_eq!(with(&[]), list(Code::PersonUnknown, ""));
}

#[test]
fn each_flow_has_one_prompt() {
    let all = [
        CredentialKind::EVoucher,
        CredentialKind::SocialCard,
        CredentialKind::ResidentId,
    ];
    for flow in [
        Flow::Registration,
        Flow::Payment,
        Flow::Report,
        Flow::Desk,
        Flow::Pharmacy,
    ] {
        let types = flow.business_types();
        assert_eq!(types[0], flow.business_type(), "{flow:?}");
        for known in types {
            assert!(BUSINESS_TYPES.contains(known), "{flow:?}: {known}");
        }
        let prompt = flow.prompt(&all);
        for word in ["医保电子凭证", "社保卡", "身份证"] {
            assert!(prompt.zh.contains(word), "{}", prompt.zh);
        }
        assert!(prompt.zh.ends_with('。') && prompt.en.is_ascii());
    }
    let state = Arc::new(after(wish(Flow::Payment), &[]));
    let told = progress(&state, 1, Some(2), false);
    assert_eq!(
        told.prompt,
        Flow::Payment.prompt(&[CredentialKind::EVoucher])
    );
}

/// The readable half of an event is this, and the sealed half comes back.
#[track_caller]
fn check(event: &Event, json: &str) {
    assert_eq!(serde_json::to_string(event).unwrap(), json);
    let read: Event = serde_json::from_str(json).unwrap();
    assert_eq!(
        read.with_private(event.private().unwrap_or_default()),
        *event
    );
}

#[test]
fn an_unmasked_read_names_its_door() {
    // Rows of the first version name no door.
    for (door, written) in [("", ""), ("tcp", r#","door":"tcp""#)] {
        let read = Event::UnmaskedRead {
            by: "uid:1".to_owned(),
            door: door.to_owned(),
        };
        let written = format!(r#"{{"event":"unmasked_read","by":"uid:1"{written}}}"#);
        check(&read, &written);
    }
}

fn readings_are_written_like_this() {
    check(
        &Event::DocumentRead {
            credential: CredentialKind::SocialCard,
            found: Some(voucher(OUR_CERTNO)),
        },
        r#"{"event":"document_read","credential":"SocialCard"}"#,
    );
    let code = Code::PaymentCodeShown;
    check(
        &Event::CodeRejected { code },
        r#"{"event":"code_rejected","code":"E2001"}"#,
    );
    check(
        &Event::ReadFailed { code },
        r#"{"event":"read_failed","code":"E2001"}"#,
    );
}

/// What is on disk stays readable.
#[test]
fn events_are_written_like_this() {
    let accepted = Event::Accepted {
        request_id: "who".to_owned(),
        caller: "uid:1".to_owned(),
        door: "bus".to_owned(),
        flow: Flow::Pharmacy,
        business_type: "01302".to_owned(),
        wish: Some(Box::new(wish(Flow::Pharmacy))),
    };
    check(
        &accepted,
        r#"{"event":"accepted","request_id":"who","caller":"uid:1","door":"bus","flow":"pharmacy","business_type":"01302"}"#,
    );
    check(&Event::CodeRead, r#"{"event":"code_read"}"#);
    readings_are_written_like_this();
    let code = Code::PaymentCodeShown;
    let intent = Event::Intent {
        step: Step::Person,
        infno: "1101".to_owned(),
        msgid: None,
        request: Some("{}".to_owned()),
    };
    check(
        &intent,
        r#"{"event":"intent","step":"person","infno":"1101","msgid":null}"#,
    );
    check(
        &done(Step::Decode, voucher(OUR_CERTNO)),
        r#"{"event":"answered","step":"decode","result":{"outcome":"done"},"sign_in_expired":false,"skew_ms":null}"#,
    );
    check(&Event::Identified, r#"{"event":"identified"}"#);
    let ended = Event::Ended {
        ending: Ending::Refused,
        code,
        text: "原因".to_owned(),
    };
    check(
        &ended,
        r#"{"event":"ended","ending":"refused","code":"E2001"}"#,
    );
    for event in [accepted, intent, ended] {
        let shown = format!("{event:?}");
        assert!(
            !shown.contains("自助机") && !shown.contains("原因"),
            "{shown}"
        );
    }
}
