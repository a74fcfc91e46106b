//! Each message, byte for byte, against `golden/*.json` (a field a line; white space around lines is not sent).

use super::fixtures::{CODE, Case, STEPS, desk, profile, stamp};
use crate::book::Code;
use crate::config::Profile;
use crate::config::profile::{Decode, UrlStyle};
use crate::platform::wire::request;
use crate::settlement::call::{Enquiry, Found, Outcome, Reversal, Step};

fn written(profile: &Profile, case: &Case, step: Step) -> request::Message {
    let built = request::build(&desk(profile, "SIGN1"), &case.call(step), &stamp());
    match built {
        Ok(message) => message,
        Err(outcome) => panic!("{step:?}: {outcome:?}"),
    }
}

fn golden(infno: &str) -> String {
    let text = match infno {
        "ec.query" => include_str!("golden/ec.query.json"),
        "1101" => include_str!("golden/1101.json"),
        "2201" => include_str!("golden/2201.json"),
        "2202" => include_str!("golden/2202.json"),
        "2203A" => include_str!("golden/2203A.json"),
        "2204" => include_str!("golden/2204.json"),
        "2205" => include_str!("golden/2205.json"),
        "2206" => include_str!("golden/2206.json"),
        "2207" => include_str!("golden/2207.json"),
        "2208" => include_str!("golden/2208.json"),
        "2601" => include_str!("golden/2601.json"),
        "5201" => include_str!("golden/5201.json"),
        "5203" => include_str!("golden/5203.json"),
        other => panic!("no golden message of {other}"),
    };
    text.lines().map(str::trim).collect()
}

#[test]
fn every_message_is_the_golden_one() {
    let (profile, case) = (profile(|_| ()), Case::new());
    for step in STEPS {
        let message = written(&profile, &case, step);
        let sent = message.wire_body.as_ref().unwrap_or(&message.body);
        assert_eq!(sent.as_str(), golden(&message.infno), "{step:?}");
    }
}

#[test]
fn a_scanned_code_is_sent_and_not_recorded() {
    let (profile, case) = (profile(|_| ()), Case::new());
    let message = written(&profile, &case, Step::Decode);
    assert!(message.wire_body.unwrap().contains(CODE));
    assert!(!message.body.contains(CODE));
    assert!(message.body.contains(r#""ecQrCode":"***""#));
}

#[test]
fn hunan_hears_who_the_person_is() {
    let profile = profile(|p| {
        p.envelope.identity_fields = true;
        p.transactions.visit_info = "2203".to_owned();
    });
    let case = Case::new();
    let who = r#""psn_cert_type":"01","certno":"110101190001011009""#;
    for (step, psn_type) in [
        (Step::Person, false),
        (Step::Register, true),
        (Step::PreSettle, true),
        (Step::Settle, false),
    ] {
        let message = written(&profile, &case, step);
        assert!(message.body.contains(who), "{step:?}");
        assert_eq!(
            message.body.contains("\"psn_type\":\"11\""),
            psn_type,
            "{step:?}"
        );
    }
    let info = written(&profile, &case, Step::VisitInfo);
    assert_eq!(info.infno, "2203");
    assert!(!info.body.contains("geso_val"));
}

#[test]
fn a_token_that_is_good_once_is_kept_for_the_settling_call() {
    let profile = profile(|p| p.voucher.token_twice = false);
    let case = Case::new();
    for step in [Step::Person, Step::Register, Step::PreSettle, Step::Settle] {
        let shows_token = written(&profile, &case, step).body.contains("430000ecabc");
        assert_eq!(shows_token, step == Step::Settle, "{step:?}");
    }
    let person = written(&profile, &case, Step::Person);
    let by_id = r#""mdtrt_cert_type":"02","mdtrt_cert_no":"110101190001011009""#;
    assert!(person.body.contains(by_id));
    assert!(person.body.contains(r#""psn_name":"测试甲""#));
}

#[test]
fn site_habits_of_the_envelope_are_kept() {
    let profile = profile(|p| {
        p.envelope.input_as_text = true;
        p.envelope.extension_field = "expContent".to_owned();
        p.envelope.extra = [("fixmedins_soft_fcty".to_owned(), "v".to_owned())].into();
        p.transactions.settle = "2207A".to_owned();
        p.url.style = UrlStyle::Infno;
        p.url.paths.clear();
    });
    let case = Case::new();
    let message = written(&profile, &case, Step::Settle);
    assert_eq!(message.infno, "2207A");
    assert!(
        message
            .body
            .contains(r#""fixmedins_soft_fcty":"v","input":"{\"data\":{"#)
    );
    assert!(message.body.contains("expContent"));
    assert!(profile.url_of("2207A").unwrap().ends_with("/fsi/api/2207A"));
    assert_eq!(profile.check(), []);
}

#[test]
fn what_cannot_be_asked_here_is_answered_without_sending() {
    let no_enquiry = profile(|p| p.enquiry.without_setl_id = false);
    let no_reversal = profile(|p| p.transactions.reversible.clear());
    let mut case = Case::new();
    let build = |profile: &Profile, case: &Case, step| {
        let built = request::build(&desk(profile, ""), &case.call(step), &stamp());
        built.err().map(|outcome| *outcome)
    };
    let done = |found| Some(Outcome::Done { found: Some(found) });
    let unclear = done(Found::Reversal(Reversal::Unclear));
    assert_eq!(build(&no_reversal, &case, Step::Reverse), unclear);
    assert_eq!(build(&no_enquiry, &case, Step::FindSettlement), None);
    case.known.settled = None;
    let unclear = done(Found::Enquiry(Enquiry::Unclear));
    assert_eq!(build(&no_enquiry, &case, Step::FindSettlement), unclear);
}

#[test]
fn a_message_with_a_missing_fact_is_never_made() {
    let profile = profile(|_| ());
    for (step, forget) in [
        (
            Step::Person,
            (|k| k.voucher = None) as fn(&mut crate::settlement::known::Known),
        ),
        (Step::Settle, |k| k.voucher = None),
        (Step::Settle, |k| k.preview = None),
        (Step::Settle, |k| k.mdtrt_id = None),
        (Step::Fees, |k| k.ids.feedetl_sn.truncate(1)),
        (Step::UndoSettle, |k| k.settled = None),
        (Step::UndoFees, |k| k.ids.chrg_bchno = "0000".to_owned()),
        (Step::UndoFees, |k| k.ids.chrg_bchno.clear()),
        (Step::Reverse, |k| k.settle_msgid = None),
    ] {
        let mut case = Case::new();
        forget(&mut case.known);
        let built = request::build(&desk(&profile, ""), &case.call(step), &stamp());
        let outcome = built.err().map(|outcome| *outcome);
        assert!(matches!(outcome, Some(Outcome::NotSent { .. })), "{step:?}");
    }
}

#[test]
fn an_upload_that_is_too_large_is_refused_and_not_tried_again() {
    let small = profile(|p| p.lines.input_chars_max = 1_000);
    let case = Case::new();
    let built = request::build(&desk(&small, ""), &case.call(Step::Fees), &stamp());
    let outcome = built.err().map(|outcome| *outcome);
    let too_many = |outcome| {
        matches!(
            outcome,
            Outcome::Refused {
                code: Code::TooManyLines,
                ..
            }
        )
    };
    assert!(outcome.is_some_and(too_many));
}

#[test]
fn the_platform_is_asked_whose_code_it_is() {
    let profile = profile(|p| {
        p.voucher.decode = Decode::Transaction;
        p.voucher.url.clear();
    });
    assert_eq!(profile.check(), []);
    let case = Case::new();
    let message = written(&profile, &case, Step::Decode);
    assert_eq!(message.infno, "1162");
    let sent = message.wire_body.unwrap();
    let data =
        r#""input":{"data":{"orgId":"H43010099901","businessType":"01301","operatorId":"0042","#;
    assert!(sent.contains(data), "{}", *sent);
    assert!(sent.contains(&format!(r#""ecQrCode":"{CODE}""#)));
    assert!(!message.body.contains(CODE));
    assert_eq!(*message.body, sent.replace(CODE, "***"));
}

#[test]
fn another_insurance_has_another_receiver() {
    let profile = profile(|p| {
        let of = ("310".to_owned(), "LXXT".to_owned());
        p.envelope.recer_sys_code_of = [of].into();
    });
    assert_eq!(profile.check(), []);
    let mut case = Case::new();
    let receiver = |case: &Case| {
        let body = written(&profile, case, Step::Settle).body;
        let at = body.find(r#""recer_sys_code":""#).unwrap() + 18;
        body[at..].split('"').next().unwrap().to_owned()
    };
    assert_eq!(receiver(&case), "LXXT");
    case.known.insurance.as_mut().unwrap().insutype = "390".to_owned();
    assert_eq!(receiver(&case), "MBS_LOCAL");
}
