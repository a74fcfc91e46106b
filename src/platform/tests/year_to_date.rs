//! 5206: the question, and what answers of every form mean.

use super::answers::{code, no, yes};
use super::fixtures::{desk, profile, stamp};
use super::goods::errand;
use crate::book::Code;
use crate::config::Profile;
use crate::platform::wire::answer::Body;
use crate::platform::wire::errand;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::year_to_date::figures::CumRow;

fn asked(psn_no: &str, cum_ym: &str) -> Errand {
    let ask = Ask::YearToDate {
        psn_no: psn_no.to_owned(),
        cum_ym: cum_ym.to_owned(),
        insutype: "390".to_owned(),
        wait_ms: 3_000,
    };
    Errand {
        insuplc_admdvs: "430199".to_owned(),
        ..errand(ask)
    }
}

fn said(site: &Profile, status: u16, text: &str) -> Outcome {
    let errand = asked("P1", "");
    let message = errand::build(&desk(site, ""), &errand, &stamp()).unwrap();
    let body = Body { status, text };
    errand::read(site, &errand.ask, &message.expect, &body).0
}

fn rows(output: &str) -> Vec<CumRow> {
    let site = profile(|p| {
        let codes = ["C0000_BIZ11", "F0000_BIZ14", "D310201"].map(str::to_owned);
        p.year_to_date.codes = [("medfee_sumamt".to_owned(), codes.into())].into();
    });
    let outcome = said(&site, 200, &yes(output));
    let Outcome::Done {
        found: Some(Found::YearToDate(rows)),
    } = outcome
    else {
        panic!("{output}: {outcome:?}");
    };
    rows
}

#[test]
fn the_question_names_the_person_and_goes_where_the_person_is_insured() {
    let site = profile(|p| {
        p.envelope.recer_sys_code_of = [("390".to_owned(), "JMXT".to_owned())].into();
    });
    for cum_ym in ["", "202611"] {
        let built = errand::build(&desk(&site, "SIGN1"), &asked("P1", cum_ym), &stamp()).unwrap();
        assert_eq!(built.infno, "5206");
        for part in [
            format!(r#""input":{{"data":{{"psn_no":"P1","cum_ym":"{cum_ym}"}}}}"#),
            r#""infno":"5206""#.to_owned(),
            r#""insuplc_admdvs":"430199""#.to_owned(),
            r#""recer_sys_code":"JMXT""#.to_owned(),
            r#""sign_no":"SIGN1""#.to_owned(),
        ] {
            assert!(built.body.contains(&part), "no {part} in {}", *built.body);
        }
    }
    let nobody = errand::build(&desk(&site, ""), &asked("", ""), &stamp());
    assert_eq!(code(&nobody.err().unwrap()).0, "not sent");
    assert!(site.url_of("5206").unwrap().ends_with("PracPsnSum"));
}

#[test]
fn rows_are_read_in_every_form() {
    let plain = r#"{"insutype":"310","year":"2026","cum_ym":"202611","cum_type_code":"C0000_BIZ11","cum":12.0}"#;
    let other = r#"{"insutype":310,"year":2026,"cum_ym":202611,"cum_type_code":"C0000_BIZ11","cum":"12.0000"}"#;
    let row = CumRow {
        insutype: "310".to_owned(),
        year: "2026".to_owned(),
        cum_ym: "202611".to_owned(),
        cum_type_code: "C0000_BIZ11".to_owned(),
        cum: Some(Fen(1_200)),
    };
    let list = format!("[{plain},{other}]");
    let text = serde_json::to_string(&list).unwrap();
    for (cuminfo, expected) in [
        (plain, 1),
        (other, 1),
        (&list, 2),
        (&text, 2),
        ("[]", 0),
        ("null", 0),
        ("\"\"", 0),
    ] {
        let read = rows(&format!(r#"{{"cuminfo":{cuminfo}}}"#));
        assert_eq!(read, vec![row.clone(); expected], "{cuminfo}");
    }
    // Rates stand among them; what is no amount is known as such.
    for cum in ["0.8055", "\"x\"", "null", "\"\"", "{}", "1e400"] {
        let read = rows(&format!(
            r#"{{"cuminfo":[{{"insutype":"310","cum_type_code":"D310201","cum":{cum}}}]}}"#
        ));
        assert_eq!((read.len(), read[0].cum), (1, None), "{cum}");
    }
    let read = rows(r#"{"cuminfo":{"cum_type_code":"D310201","cum":-3379.26}}"#);
    assert_eq!(read[0].cum, Some(Fen(-337_926)));
    // A code that the site does not print is not kept.
    assert_eq!(
        rows(r#"{"cuminfo":{"cum_type_code":"D999999","cum":1}}"#),
        []
    );
}

#[test]
fn what_is_no_answer_says_nothing_of_the_year() {
    let site = profile(|_| ());
    let unreadable = ("unknown", Some(Code::PlatformUnreadable));
    let long = format!(r#"{{"cuminfo":{{"year":"{}"}}}}"#, "2".repeat(65));
    let many = format!(
        r#"{{"cuminfo":[{}]}}"#,
        vec![r#"{"year":"1"}"#; 8_193].join(",")
    );
    for (status, text) in [
        (200, yes("null")),
        (200, yes("[1]")),
        (200, yes(r#"{"cuminfo":7}"#)),
        (200, yes(&long)),
        (200, yes(&many)),
        (200, "<html>".to_owned()),
        (502, "<html>".to_owned()),
    ] {
        let outcome = said(&site, status, &text);
        assert_eq!(
            code(&outcome),
            unreadable,
            "{}",
            text.get(..80).unwrap_or(&text)
        );
    }
    let refused = ("refused", Some(Code::PlatformRefused));
    assert_eq!(code(&said(&site, 200, &no("无权查询"))), refused);
    let gateway = ("refused", Some(Code::GatewayRefused));
    assert_eq!(code(&said(&site, 401, "")), gateway);
}
