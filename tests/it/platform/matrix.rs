//! Every habit of a site beside every other: the whole story is understood, and what is told wrong is refused.

use std::collections::BTreeSet;

use yibaod::book::Code;
use yibaod::config::Profile;
use yibaod::config::profile::{
    ApiName, Decode, Family, SecretPlace, SignatureForm, SignedText, TimestampUnit, UrlStyle,
};
use yibaod::sandbox::platform as sandbox;
use yibaod::settlement::call::{Found, Outcome, Step};

use super::Desk;

/// How many values each habit has; their product is all sites.
const HABITS: [usize; 10] = [3, 2, 2, 2, 4, 2, 2, 2, 7, 2];
/// Sites that are tried in the short form; no prime factor of it divides the product.
const STRIDE: usize = 1_009;
const SITES_SHORT: usize = 30;

const PRIVATE: &str = "ifcolTP02be5SG07U6kzQvIYyk4y4UCu16QTYGtmhh4=";
const PUBLIC: &str =
    "BBjodr5CQ+AQSooBz1tI66sBR8bR1sffpF7Fpv51uNaztHg9Ja6sv9HoeFy9aMGqkNjqrnpwsWriPI4+r7VD1Tw=";

type Site = [usize; HABITS.len()];

#[tokio::test(flavor = "multi_thread")]
async fn every_habit_settles_beside_every_other() {
    let all: usize = HABITS.iter().product();
    let tried = match std::env::var_os("YIBAO_LONG") {
        Some(_) => all,
        None => SITES_SHORT,
    };
    let mut seen = BTreeSet::new();
    for n in 0..tried {
        let site = site(n * STRIDE % all);
        seen.extend(site.into_iter().enumerate());
        settles(site).await;
    }
    let values: usize = HABITS.iter().sum();
    assert_eq!(seen.len(), values, "not every value was tried: {seen:?}");
    println!("{tried} of {all} sites");
}

/// The digits of a number, each in the base of its habit.
fn site(number: usize) -> Site {
    let mut rest = number;
    HABITS.map(|values| {
        let digit = rest % values;
        rest /= values;
        digit
    })
}

async fn settles(site: Site) {
    let mut desk = Desk::start_at(options(site), |profile| shape(profile, site)).await;
    desk.order
        .extension
        .insert("OTP_ER_REFL_FLAG".to_owned(), "0".to_owned());
    desk.up_to_settled().await;
    let settled = desk.known.settled.clone().unwrap().amounts;
    let Found::Refunded { amounts, .. } = desk.ask(Step::UndoSettle).await else {
        panic!("no refund at {site:?}");
    };
    assert_eq!(amounts.psn_part_amt.0, -settled.psn_part_amt.0, "{site:?}");
    desk.platform.sign_out_all().await;
    let warnings = desk.sandbox.ledger(sandbox::Ledger::warnings);
    assert!(warnings.is_empty(), "{site:?}: {warnings:?}");
}

/// What the platform of this site is like.
fn options(site: Site) -> sandbox::Options {
    let [style, _, _, _, family, camel, as_text, _, signed, extra] = site;
    let csb = |api_name: Option<&str>, in_seconds| sandbox::Gateway::Csb {
        access_key: "ak".to_owned(),
        api_name: api_name.map(str::to_owned),
        api_version: "1.0.0".to_owned(),
        in_seconds,
    };
    let text = [
        sandbox::Signed::Input,
        sandbox::Signed::InputSorted,
        sandbox::Signed::Envelope,
    ];
    let mut habits = sandbox::Habits {
        url_style: Some(
            [
                sandbox::Style::Path,
                sandbox::Style::Infno,
                sandbox::Style::Single,
            ][style],
        ),
        input_as_text: as_text == 1,
        extension_in_camel: Some(camel == 1),
        signature: signed.checked_sub(1).map(|n| sandbox::Signature {
            public_key: PUBLIC.to_owned(),
            text: text[n % 3],
            in_der: n >= 3,
        }),
        ..sandbox::Habits::default()
    };
    if extra == 1 {
        habits.extra_fields.push("fixmedins_soft_fcty".to_owned());
        for (insutype, code) in [("", "MBS_LOCAL"), ("310", "LXXT")] {
            habits
                .recer_sys_codes
                .insert(insutype.to_owned(), code.to_owned());
        }
    }
    sandbox::Options {
        gateway: match family {
            0 => sandbox::Gateway::XTif,
            1 => csb(None, false),
            2 => csb(Some("hospital"), true),
            _ => sandbox::Gateway::StaticKey {
                header: "apikey".to_owned(),
            },
        },
        habits,
        ..sandbox::Options::default()
    }
}

/// The same, as a profile says it.
fn shape(profile: &mut Profile, site: Site) {
    let [
        style,
        visit,
        trial,
        settle,
        family,
        camel,
        as_text,
        decode,
        signed,
        extra,
    ] = site;
    profile.url.style = [UrlStyle::Path, UrlStyle::Infno, UrlStyle::Single][style];
    if style > 0 {
        profile.url.paths.clear();
    }
    profile.transactions.visit_info = ["2203A", "2203"][visit].to_owned();
    profile.transactions.pre_settle = ["2206", "2206A"][trial].to_owned();
    profile.transactions.settle = ["2207", "2207A"][settle].to_owned();
    let csb = |api_name, timestamp| Family::Csb {
        access_key: "ak".to_owned(),
        api_name,
        api_version: "1.0.0".to_owned(),
        timestamp,
    };
    profile.gateway.family = match family {
        0 => profile.gateway.family.clone(),
        1 => csb(ApiName::Infno, TimestampUnit::Milliseconds),
        2 => csb(
            ApiName::Fixed("hospital".to_owned()),
            TimestampUnit::Seconds,
        ),
        _ => Family::StaticKey {
            header: "apikey".to_owned(),
        },
    };
    profile.envelope.extension_field = ["exp_content", "expContent"][camel].to_owned();
    profile.envelope.input_as_text = as_text == 1;
    if decode == 1 {
        profile.voucher.decode = Decode::Transaction;
        profile.voucher.url.clear();
    }
    if let Some(n) = signed.checked_sub(1) {
        let texts = [
            SignedText::Input,
            SignedText::InputSorted,
            SignedText::Envelope,
        ];
        profile.cainfo.text = texts[n % 3];
        profile.cainfo.form = [SignatureForm::Raw, SignatureForm::Der][n / 3];
        profile.cainfo.key = SecretPlace::Inline(PRIVATE.to_owned());
        profile.cainfo.public_key = PUBLIC.to_owned();
    }
    if extra == 1 {
        let envelope = &mut profile.envelope;
        let fields = [("fixmedins_soft_fcty".to_owned(), "v".to_owned())];
        envelope.extra = fields.into();
        envelope.recer_sys_code_of = [("310".to_owned(), "LXXT".to_owned())].into();
    }
    assert_eq!(profile.check(), [], "{site:?}");
}

/// A site that is told wrong says no, and the no is understood.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_wrong_is_refused() {
    let plain: Site = [0; HABITS.len()];
    let at = |habit: usize, value: usize| {
        let mut site = plain;
        site[habit] = value;
        site
    };
    for (platform, client, expected) in [
        (at(0, 1), plain, Code::GatewayRefused),
        (at(0, 2), plain, Code::GatewayRefused),
        (at(4, 1), plain, Code::GatewayRefused),
        (at(4, 1), at(4, 2), Code::GatewayRefused),
        (at(4, 2), at(4, 1), Code::GatewayRefused),
        (at(4, 3), at(4, 1), Code::GatewayRefused),
        (at(6, 1), plain, Code::SignInFailed),
        (plain, at(6, 1), Code::SignInFailed),
        (at(8, 1), plain, Code::SignInFailed),
        (at(8, 1), at(8, 2), Code::SignInFailed),
        (at(8, 1), at(8, 3), Code::SignInFailed),
        (at(8, 1), at(8, 4), Code::SignInFailed),
        (at(9, 1), plain, Code::SignInFailed),
    ] {
        let mut desk = Desk::start_at(options(platform), |profile| shape(profile, client)).await;
        desk.forward(Step::Decode).await;
        let outcome = desk.try_send(Step::Person).await;
        assert!(
            matches!(outcome, Outcome::Refused { code, .. } if code == expected),
            "{platform:?} {client:?}: {outcome:?}"
        );
    }
}

/// Clock, key and account of CSB and of a static key.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_and_clocks_are_refused_at_the_gateway() {
    for (family, secret, shift_s) in [
        (1, "other", 0),
        (3, "other", 0),
        (1, "", 3_600),
        (1, "", -3_600),
    ] {
        let mut site: Site = [0; HABITS.len()];
        site[4] = family;
        let mut desk = Desk::start_at(options(site), |profile| {
            shape(profile, site);
            if !secret.is_empty() {
                profile.gateway.secret = SecretPlace::Inline(secret.to_owned());
            }
        })
        .await;
        desk.forward(Step::Decode).await;
        let shift = serde_json::json!({ "clock_shift_s": shift_s });
        desk.sandbox.switch(&shift).unwrap();
        let outcome = desk.try_send(Step::Person).await;
        let refused = matches!(
            outcome,
            Outcome::Refused {
                code: Code::GatewayRefused,
                ..
            }
        );
        assert!(refused, "{family} {shift_s}: {outcome:?}");
        assert!(desk.sandbox.ledger(|ledger| ledger.sign_ins().is_empty()));
    }
}
