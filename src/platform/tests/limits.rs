//! What is too long in an answer, and what of it goes on.

use super::answers::{SETLINFO, code, no, read, settled_with, yes};
use crate::book::Code;
use crate::settlement::call::{Outcome, Step};

#[test]
fn numbers_longer_than_any_of_the_platforms_are_unreadable() {
    let long = "9".repeat(65);
    for key in [
        "setl_id",
        "setl_time",
        "insutype",
        "clr_type",
        "clr_way",
        "clr_optins",
        "mdtrt_id",
    ] {
        let info = SETLINFO.replace(&format!("\"{key}\":"), "\"x\":").replacen(
            '{',
            &format!("{{\"{key}\":\"{long}\","),
            1,
        );
        let outcome = read(Step::Settle, &settled_with(|_| info.clone()));
        let unknown = ("unknown", Some(Code::PlatformUnreadable));
        assert_eq!(code(&outcome), unknown, "{key}");
    }
    let person = |number: &str, name: &str, insutype: &str| {
        yes(&format!(
            r#"{{"baseinfo":{{"psn_no":"{number}","certno":"1","psn_name":"{name}"}},
            "insuinfo":[{{"insutype":"{insutype}"}}]}}"#
        ))
    };
    let name = "名".repeat(257);
    for (body, is_read) in [
        (person("P", "测试甲", "310"), true),
        (person(&"9".repeat(64), "测试甲", "310"), true),
        (person(&long, "测试甲", "310"), false),
        (person("P", &name, "310"), false),
        (person("P", "测试甲", &long), false),
    ] {
        let outcome = read(Step::Person, &body);
        assert_eq!(code(&outcome).0 == "done", is_read, "{body}");
    }
    let registered = yes(&format!(r#"{{"data":{{"mdtrt_id":"{long}"}}}}"#));
    assert_eq!(code(&read(Step::Register, &registered)).0, "unknown");
    let visits = yes(&format!(r#"{{"mdtrtinfo":[{{"mdtrt_id":"{long}"}}]}}"#));
    assert_eq!(code(&read(Step::FindVisit, &visits)).0, "unknown");
}

#[test]
fn the_code_of_a_no_is_short_and_plain() {
    let odd = |infcode: &str| {
        let body = no("与预结算不一致").replace("-1", &format!("\"{infcode}\""));
        match read(Step::Settle, &body) {
            Outcome::Refused { infcode, .. } => infcode,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(odd("-1"), "-1");
    assert_eq!(odd("E测试甲\\n7"), "E????7");
    assert_eq!(odd(&"7".repeat(1_000)), "7".repeat(16));
    let body = no("系统繁忙").replace("-1", "\"测试甲\"");
    let outcome = read(Step::Settle, &body);
    assert!(matches!(outcome, Outcome::Unknown { why, .. } if !why.contains("测试甲")));
    let voucher = read(Step::Decode, r#"{"code":"测试甲","message":"x"}"#);
    assert!(matches!(voucher, Outcome::Refused { infcode, .. } if infcode == "???"));
}

#[test]
fn long_texts_are_shortened() {
    let outcome = read(Step::Register, &no(&"长".repeat(1_000)));
    assert!(matches!(outcome, Outcome::Refused { text, .. } if text.chars().count() == 200));
}
