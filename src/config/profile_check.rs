//! What in a profile cannot work together, or is worth a second look.

use super::profile::{Family, Profile, Reading, SecretPlace, UrlStyle};

/// Key and words.
type Finding = (String, String);

/// Equations that may stop a settlement; the others of the platform's rule texts are not computed.
const HARDENABLE: [&str; 3] = ["E5", "E6", "E9"];
/// Characters of the numbers that the daemon gives to lines.
const OWN_SERIAL_CHARS: u32 = 15;
/// A settling call that is on its way may be processed this late, whatever our own time-outs are.
const QUIET_S_MIN: u32 = 100;
/// Money transactions, whose refusals are listed by text. The base number speaks for its A form.
const MONEY: [&str; 4] = ["2102", "2103", "2207", "2208"];
/// Texts shorter than this match too much to mean anything.
const PATTERN_CHARS_MIN: usize = 2;
/// The longest call and some, so that a call in flight is never taken for one that is over.
const QUIET_MARGIN_MS: u64 = 10_000;

/// Fields of the envelope that are always written.
const ENVELOPE_FIELDS: [&str; 18] = [
    "infno",
    "msgid",
    "mdtrtarea_admvs",
    "insuplc_admdvs",
    "recer_sys_code",
    "dev_no",
    "dev_safe_info",
    "cainfo",
    "signtype",
    "infver",
    "opter_type",
    "opter",
    "opter_name",
    "inf_time",
    "fixmedins_code",
    "fixmedins_name",
    "sign_no",
    "input",
];

/// What cannot work.
pub(super) fn check(profile: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    identity(profile, &mut found);
    addresses(profile, &mut found);
    gateway(profile, &mut found);
    patterns(profile, &mut found);
    rules(profile, &mut found);
    found
}

/// What works and is worth a look.
pub(super) fn warnings(profile: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    let settle = &profile.transactions.settle;
    let reversible = profile.transactions.reversible.contains(settle)
        && profile.reversal.success == Reading::Reversed;
    if !reversible && !profile.enquiry.without_setl_id {
        let what = format!("a lost {settle} can neither be asked for nor reversed: it gets stuck");
        say(&mut found, "transactions.reversible", what);
    }
    if !profile.answers.refusals.contains_key("2207") {
        let what = "no text of 2207 counts as a refusal: each one is taken for a lost answer";
        say(&mut found, "answers.refusals", what);
    }
    if !profile.sandbox && profile.url.base.starts_with("http:") {
        let what = "plain http: whoever is on this network can read and change every message";
        say(&mut found, "url.base", what);
    }
    if profile.sign_in.wanted && profile.sign_in.expired.is_empty() {
        let what = "no text says that a sign-in is over: the daemon never signs in again that day";
        say(&mut found, "sign_in.expired", what);
    }
    if profile.amounts.accept_difference_fen > 0 {
        let what = "a settlement may differ from what was confirmed";
        say(&mut found, "amounts.accept_difference_fen", what);
    }
    found
}

fn say(found: &mut Vec<Finding>, key: &str, what: impl Into<String>) {
    found.push((key.to_owned(), what.into()));
}

fn identity(profile: &Profile, found: &mut Vec<Finding>) {
    let code = &profile.fixmedins_code;
    if code.len() != 12 || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        say(found, "fixmedins_code", "must be 12 letters and digits");
    }
    if profile.fixmedins_name.chars().count() > 200 {
        say(found, "fixmedins_name", "must be at most 200 characters");
    }
    let area = &profile.mdtrtarea_admvs;
    if area.len() != 6 || !area.bytes().all(|b| b.is_ascii_digit()) {
        say(found, "mdtrtarea_admvs", "must be 6 digits");
    }
    let envelope = &profile.envelope;
    for key in envelope.extra.keys() {
        if ENVELOPE_FIELDS.contains(&key.as_str()) {
            let what = format!("{key} is written already");
            say(found, "envelope.extra", what);
        }
    }
    for (key, value, max) in [
        ("envelope.recer_sys_code", &envelope.recer_sys_code, 10),
        ("envelope.infver", &envelope.infver, 6),
        ("envelope.signtype", &envelope.signtype, 10),
        ("envelope.dev_no", &envelope.dev_no, 100),
        ("envelope.dev_safe_info", &envelope.dev_safe_info, 2000),
        ("sign_in.mac", &profile.sign_in.mac, 20),
        ("sign_in.ip", &profile.sign_in.ip, 20),
        (
            "transactions.psn_setlway",
            &profile.transactions.psn_setlway,
            6,
        ),
    ] {
        if value.chars().count() > max {
            say(found, key, format!("must be at most {max} characters"));
        }
    }
}

fn addresses(profile: &Profile, found: &mut Vec<Finding>) {
    for (key, url) in [
        ("url.base", &profile.url.base),
        ("voucher.url", &profile.voucher.url),
    ] {
        let host = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        let well_formed = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
            && url.bytes().all(|b| b.is_ascii_graphic())
            && !url.contains(['?', '#', '@']);
        if !well_formed {
            let what = "must be http:// or https:// with a host, without user, query or fragment";
            say(found, key, what);
        }
    }
    if profile.url.style != UrlStyle::Path {
        if !profile.url.paths.is_empty() {
            say(found, "url.paths", "is read only with style = \"path\"");
        }
        return;
    }
    for infno in used(profile) {
        if profile.url_of(infno).is_none() {
            let what = format!("{infno} has no known path: name it here");
            say(found, "url.paths", what);
        }
    }
}

/// The numbers that the daemon sends at this site.
fn used(profile: &Profile) -> Vec<&str> {
    let variants = &profile.transactions;
    let mut used = vec![
        "1101",
        "2201",
        "2202",
        variants.visit_info.as_str(),
        "2204",
        "2205",
        variants.pre_settle.as_str(),
        variants.settle.as_str(),
        "2208",
        "2601",
        "5201",
        "5203",
    ];
    if profile.sign_in.wanted {
        used.extend(["9001", "9002"]);
    }
    used
}

fn gateway(profile: &Profile, found: &mut Vec<Finding>) {
    match (&profile.gateway.family, &profile.gateway.secret) {
        (Family::None, SecretPlace::None) => {}
        (Family::None, SecretPlace::Inline(_) | SecretPlace::File(_)) => {
            say(
                found,
                "gateway.secret",
                "is used by no family: set gateway.family",
            );
        }
        (Family::XTif { paasid, .. }, place) => {
            if paasid.is_empty() {
                say(found, "gateway.paasid", "is missing for family x-tif");
            }
            if *place == SecretPlace::None {
                let what = "is missing for family x-tif";
                say(found, "gateway.secret_file", what);
            }
        }
    }
    if matches!(profile.gateway.secret, SecretPlace::Inline(_)) && !profile.sandbox {
        let what = "may stand in the file of a sandbox only: use secret_file";
        say(found, "gateway.secret", what);
    }
}

fn patterns(profile: &Profile, found: &mut Vec<Finding>) {
    let answers = &profile.answers;
    for infno in answers.refusals.keys() {
        if !MONEY.contains(&infno.as_str()) {
            let what = format!(
                "{infno} is no money transaction ({}): its refusals need no texts",
                MONEY.join(", ")
            );
            say(found, "answers.refusals", what);
        }
    }
    let lists = [
        ("sign_in.expired", &profile.sign_in.expired),
        ("voucher.bad_token", &profile.voucher.bad_token),
        ("voucher.unknown_kind", &profile.voucher.unknown_kind),
        ("voucher.expired", &profile.voucher.expired),
        ("answers.already_refunded", &answers.already_refunded),
        ("answers.nothing_to_undo", &answers.nothing_to_undo),
        ("answers.person_unknown", &answers.person_unknown),
        ("answers.relay_lost", &answers.relay_lost),
        ("enquiry.nothing", &profile.enquiry.nothing),
        ("reversal.reversed", &profile.reversal.reversed),
        ("reversal.nothing", &profile.reversal.nothing),
    ];
    let refusals = answers.refusals.values().map(|l| ("answers.refusals", l));
    for (key, list) in lists.into_iter().chain(refusals) {
        for text in list {
            if text.trim().chars().count() < PATTERN_CHARS_MIN {
                let what = format!("{text:?} is too short: it would match almost any text");
                say(found, key, what);
            }
        }
    }
}

fn rules(profile: &Profile, found: &mut Vec<Finding>) {
    if profile.reconciliation.balanced.is_empty() {
        let what = "is empty: no statement would ever be balanced";
        say(found, "reconciliation.balanced", what);
    }
    for (key, value, max) in [
        (
            "reconciliation.refund_flag",
            &profile.reconciliation.refund_flag,
            6,
        ),
        ("reconciliation.optins", &profile.reconciliation.optins, 6),
    ] {
        if value.chars().count() > max {
            say(found, key, format!("must be at most {max} characters"));
        }
    }
    for name in &profile.amounts.harden {
        if !HARDENABLE.contains(&name.as_str()) {
            let known = HARDENABLE.join(", ");
            let what = format!("{name:?} is not checked here: only {known} can stop a settlement");
            say(found, "amounts.harden", what);
        }
    }
    if profile.lines.feedetl_sn_len_max < OWN_SERIAL_CHARS {
        let what = format!("must be at least {OWN_SERIAL_CHARS}: so long are the daemon's numbers");
        say(found, "lines.feedetl_sn_len_max", what);
    }
    let longest = profile.timeouts.money_call_ms.max(profile.timeouts.call_ms);
    let quiet_ms = u64::from(profile.settle_quiet_s) * 1000;
    if !profile.sandbox && quiet_ms < u64::from(longest) + QUIET_MARGIN_MS {
        let what = "must be longer than timeouts.money_call_ms and 10 s";
        say(found, "settle_quiet_s", what);
    } else if !profile.sandbox && profile.settle_quiet_s < QUIET_S_MIN {
        let what = format!("must be at least {QUIET_S_MIN} but for a sandbox");
        say(found, "settle_quiet_s", what);
    }
    if profile.timeouts.connect_ms >= profile.timeouts.money_call_ms.min(profile.timeouts.call_ms) {
        let what = "must be shorter than call_ms and money_call_ms";
        say(found, "timeouts.connect_ms", what);
    }
}
