//! How each event stands in the journal. What is written today is read for ever: lines are only added.

use super::model::{accepted, row};
use crate::book::Code;
use crate::settlement::call::Outcome;
use crate::settlement::reconcile::row::Standing;
use crate::settlement::reconcile::story::Event;

fn readable(event: &Event) -> String {
    serde_json::to_string(event).unwrap()
}

#[test]
fn the_readable_half() {
    let plan = accepted(&[row(1, Standing::Settled)], None, false);
    let intent = Event::Intent {
        infno: "5203".to_owned(),
        msgid: "H1".to_owned(),
        request: Some("{}".to_owned()),
    };
    let answered = Event::Answered {
        result: Outcome::Done { found: None },
        sign_in_expired: false,
        answer: Some("{}".to_owned()),
    };
    let stuck = Event::Stuck { code: Code::Stuck };
    let lines = [
        (
            plan,
            r#"{"event":"accepted","request_id":"r-1","caller":"uid:0","span":{"from":"2026-03-01","to":"2026-03-01"},"whole_hospital":false,"desks":[7],"digest":"d"}"#,
        ),
        (intent, r#"{"event":"intent","infno":"5203","msgid":"H1"}"#),
        (
            answered,
            r#"{"event":"answered","result":{"outcome":"done"},"sign_in_expired":false}"#,
        ),
        (Event::Restarted, r#"{"event":"restarted"}"#),
        (stuck, r#"{"event":"stuck","code":"E5005"}"#),
    ];
    for (event, line) in lines {
        assert_eq!(readable(&event), line);
        let tag = format!("{{\"event\":\"{}\"", event.kind());
        assert!(line.starts_with(&tag), "{line}");
    }
}

#[test]
fn the_sealed_half_holds_the_set() {
    let plan = accepted(&[row(1, Standing::Refund)], None, true);
    let sealed = plan.private().expect("the set is sealed");
    let text = std::str::from_utf8(&sealed).unwrap();
    let line = r#""rows":[{"desk":7,"standing":"refund","settlement_id":"id-1","psn_no":"P1","mdtrt_id":"M1","setl_id":"S1","msgid":"H430100999012026030100000100"#;
    assert!(text.contains(line), "{text}");
    assert!(
        !readable(&plan).contains("收费员"),
        "the operator is a person"
    );
    assert!(Event::Restarted.private().is_none());
}
