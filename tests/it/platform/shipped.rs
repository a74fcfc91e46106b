//! Whole settlements by the shipped daemon under the shipped profiles, with their blanks filled in.

use std::sync::Arc;

use serde_json::json;
use yibaod::api::Money;
use yibaod::sandbox::platform::{Gateway, Habits, Options, Platform, Style, Switches};

use crate::desk::{Desk, Setup, Shows, bill};

const HUNAN: &str = include_str!("../../../packaging/profiles/hunan.toml");
const GUANGDONG: &str = include_str!("../../../packaging/profiles/guangdong.toml");

/// The shipped file with `key = ""` filled in, each key once.
fn filled(text: &str, blanks: &[(&str, &str)]) -> Setup {
    let profile = blanks.iter().fold(text.to_owned(), |text, (key, value)| {
        let blank = format!("\n{key} = \"\"\n");
        assert_eq!(text.matches(&blank).count(), 1, "{key}");
        text.replace(&blank, &format!("\n{key} = \"{value}\"\n"))
    });
    let profile = profile.replace("\"yibaod-gateway\"", "\"{dir}/gateway.secret\"");
    Setup {
        profile: Some(profile),
        ..Setup::default()
    }
}

async fn settles(options: Options, setup: Setup) {
    let platform = Platform::start(options).await.expect("a free port");
    let desk = Desk::start_at(Arc::new(platform), setup).await;
    let shows = [Shows::fresh("employee"), Shows::fresh("employee")];
    let mut request = bill(&desk, "shipped-1");
    for bill in &mut request.bills {
        // Hunan wants a disease with every visit.
        bill.dise_codg = "M00000".to_owned();
        bill.dise_name = "普通门诊".to_owned();
    }
    let answer = desk.pay(request, &shows).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    desk.assert_charged_once(&answer);
    let warnings = desk.platform.ledger(|ledger| ledger.warnings());
    assert_eq!(warnings, std::collections::BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn hunan() {
    let options = Options {
        gateway: Gateway::Csb {
            access_key: "hn_ak".to_owned(),
            api_name: None,
            api_version: "1.0.0".to_owned(),
            in_seconds: false,
        },
        habits: Habits {
            url_style: Some(Style::Single),
            extension_in_camel: Some(false),
            recer_sys_codes: [(String::new(), "99".to_owned())].into(),
            ..Habits::default()
        },
        switches: habits(json!({
            "hunan": true,
            "sign_in_required": false,
            "token_single_use": true,
            "query_without_setl_id": false,
        })),
        ..Options::default()
    };
    let blanks = [
        ("fixmedins_code", "H43010099901"),
        ("fixmedins_name", "虚构市第一人民医院"),
        ("mdtrtarea_admvs", "430100"),
        ("base", "{base}"),
        ("access_key", "hn_ak"),
        ("url", "{voucher}"),
    ];
    settles(options, filled(HUNAN, &blanks)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guangdong() {
    let options = Options {
        fixmedins_code: "H44010099901".to_owned(),
        area: "440100".to_owned(),
        paasid: "gd_his".to_owned(),
        habits: Habits {
            url_style: Some(Style::Infno),
            extension_in_camel: Some(false),
            recer_sys_codes: [(String::new(), "HIS".to_owned())].into(),
            ..Habits::default()
        },
        switches: habits(json!({
            "fund_includes_account": true,
            "token_single_use": true,
            "query_without_setl_id": false,
        })),
        ..Options::default()
    };
    let blanks = [
        ("fixmedins_code", "H44010099901"),
        ("fixmedins_name", "虚构市第一人民医院"),
        ("mdtrtarea_admvs", "440100"),
        ("infver", "1.0.0"),
        ("base", "{base}"),
        ("paasid", "gd_his"),
        ("url", "{voucher}"),
    ];
    settles(options, filled(GUANGDONG, &blanks)).await;
}

fn habits(change: serde_json::Value) -> Switches {
    Switches::default()
        .changed_by(&change)
        .expect("switches of the sandbox")
}

/// A code is decoded through the platform: what is recorded and logged has none of it.
#[tokio::test(flavor = "multi_thread")]
async fn decoding_by_1162_settles_and_signs_in_again() {
    let sandbox = include_str!("../../../packaging/profiles/sandbox.toml");
    let mut table: toml::Table = sandbox.parse().expect("it ships");
    let voucher = table["voucher"].as_table_mut().expect("it has one");
    voucher.remove("url");
    voucher.insert("decode".to_owned(), "1162".into());
    let profile = table
        .to_string()
        .replace("http://127.0.0.1:17900/fsi/api", "{base}");
    let setup = Setup {
        profile: Some(profile),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    // The sign-in ends under the code, which is not used up by that.
    desk.platform.arm("F14@1162").expect("a fault");
    let answer = desk
        .pay(bill(&desk, "decode-1"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&answer);
    assert_eq!((desk.received("1162"), desk.received("9001")), (2, 2));
    assert_eq!(desk.received("ec.query"), 0);
    // Another kind of code is named as such.
    let wrong = [Shows::Bytes(b"4241111111111111111111430000".to_vec())];
    let answer = desk
        .pay(
            bill(&desk, "decode-2"),
            &[wrong.as_slice(), &[Shows::fresh("employee")]].concat(),
        )
        .await;
    desk.assert_charged_once(&answer);
}
