//! What in a profile cannot work together, or is worth a second look.

use super::keys::{IS_MISSING, Words};
use super::profile::{ApiName, Decode, Family, Profile, Reading, UrlStyle};
use super::profile_texts::{patterns, unsure_sign_ins};
use super::{profile_gateway, profile_year};

/// Key and words.
pub(super) type Finding = (String, Words);

/// Equations that may stop a settlement; the others of the platform's rule texts are not computed.
const HARDENABLE: [&str; 4] = ["E5", "E6", "E8", "E9"];
/// Transactions whose lost answer 2601 may be asked to undo.
const REVERSIBLE: [&str; 5] = ["2102", "2103", "2207", "2207A", "2208"];
/// Characters of the numbers that the daemon gives to lines.
const OWN_SERIAL_CHARS: u32 = 15;
/// A settling call that is on its way may be processed this late, whatever our own time-outs are.
const QUIET_S_MIN: u32 = 100;
/// Characters of 接收方系统代码.
const RECER_SYS_CODE_CHARS_MAX: usize = 10;
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
    voucher(profile, &mut found);
    found.extend(profile_gateway::check(
        &profile.gateway,
        &profile.cainfo,
        &profile.envelope.signtype,
        profile.sandbox,
    ));
    patterns(profile, &mut found);
    rules(profile, &mut found);
    profile_year::check(&profile.year_to_date, &mut found);
    found
}

/// What works and is worth a look.
pub(super) fn warnings(profile: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    let settle = &profile.transactions.settle;
    if let Some(key) = not_reversed_by(profile, settle)
        && !profile.enquiry.without_setl_id
    {
        let en = format!("a lost {settle} can neither be asked for nor reversed: it gets stuck");
        let zh = format!("{settle} 应答丢失后既不能查询也不能冲正：只能人工处理");
        say(&mut found, key, (en, zh));
    }
    if !profile.answers.refusals.contains_key("2207") {
        let en = "no text of 2207 counts as a refusal: each one is taken for a lost answer";
        let zh = "没有列出 2207 的拒绝文字：每次拒绝都会当作结果未知去查询";
        say(&mut found, "answers.refusals", (en, zh));
    }
    if profile.transactions.pharmacy {
        pharmacy_warnings(profile, &mut found);
    }
    for infno in ["3505A", "3506A"] {
        if profile.dispense.enabled && !profile.answers.refusals.contains_key(infno) {
            let en =
                format!("no text of {infno} counts as a refusal: a person looks into each one");
            let zh = format!("没有列出 {infno} 的拒绝文字：每次拒绝都须人工处理");
            say(&mut found, "answers.refusals", (en, zh));
        }
    }
    if !profile.sandbox && profile.url.base.starts_with("http:") {
        let en = "plain http: whoever is on this network can read and change every message";
        let zh = "明文 http：同一网络上的人可以看到并改动每条报文";
        say(&mut found, "url.base", (en, zh));
    }
    if profile.sign_in.wanted && profile.sign_in.expired.is_empty() {
        let en = "no text says that a sign-in is over: the daemon never signs in again that day";
        let zh = "没有列出签到失效的文字：当天不会重新签到";
        say(&mut found, "sign_in.expired", (en, zh));
    }
    if profile.sign_in.wanted {
        unsure_sign_ins(profile, &mut found);
    }
    if profile.amounts.accept_difference_fen > 0 {
        let en = "a settlement may differ from what was confirmed";
        let zh = "结算金额可以与已确认的金额不同";
        say(&mut found, "amounts.accept_difference_fen", (en, zh));
    }
    if profile.cainfo.text != super::profile::SignedText::None && !profile.sandbox {
        let en = "no public source shows which text a platform verifies: try it with the bureau";
        let zh = "没有公开资料说明平台验签的原文：请先与医保局联调";
        say(&mut found, "cainfo.text", (en, zh));
    }
    found
}

/// The key that keeps 2601 from reversing this transaction; nothing when it does.
fn not_reversed_by(profile: &Profile, infno: &str) -> Option<&'static str> {
    let is_listed = (profile.transactions.reversible.iter()).any(|listed| listed == infno);
    match (is_listed, profile.reversal.success) {
        (false, _) => Some("transactions.reversible"),
        (true, Reading::Reversed) => None,
        (true, Reading::Nothing | Reading::Unclear) => Some("reversal.success"),
    }
}

fn pharmacy_warnings(profile: &Profile, found: &mut Vec<Finding>) {
    if let Some(key) = not_reversed_by(profile, "2102")
        && !profile.enquiry.pharmacy_by_person
    {
        let what = "a lost 2102 can neither be asked for nor reversed: it gets stuck";
        say(found, key, what);
    }
    if !profile.answers.refusals.contains_key("2102") {
        let what = "no text of 2102 counts as a refusal: each one is taken for a lost answer";
        say(found, "answers.refusals", what);
    }
}

pub(super) fn say(found: &mut Vec<Finding>, key: &str, what: impl Into<Words>) {
    found.push((key.to_owned(), what.into()));
}

fn identity(profile: &Profile, found: &mut Vec<Finding>) {
    let code = &profile.fixmedins_code;
    if code.len() != 12 || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let words = ("must be 12 letters and digits", "应为 12 位字母或数字");
        say(found, "fixmedins_code", words);
    }
    if profile.fixmedins_name.chars().count() > 200 {
        say(found, "fixmedins_name", at_most(200));
    }
    let area = &profile.mdtrtarea_admvs;
    if area.len() != 6 || !area.bytes().all(|b| b.is_ascii_digit()) {
        let words = ("must be 6 digits", "应为 6 位数字");
        say(found, "mdtrtarea_admvs", words);
    }
    envelope(profile, found);
}

fn at_most(max: usize) -> (String, String) {
    let en = format!("must be at most {max} characters");
    (en, format!("至多 {max} 个字符"))
}

fn envelope(profile: &Profile, found: &mut Vec<Finding>) {
    let envelope = &profile.envelope;
    for key in envelope.extra.keys() {
        if ENVELOPE_FIELDS.contains(&key.as_str()) {
            let en = format!("{key} is written already");
            let zh = format!("{key} 本来就会写入报文");
            say(found, "envelope.extra", (en, zh));
        }
    }
    for (insutype, code) in &envelope.recer_sys_code_of {
        let is_type =
            (3..=6).contains(&insutype.len()) && insutype.bytes().all(|b| b.is_ascii_digit());
        if !is_type || code.is_empty() || code.chars().count() > RECER_SYS_CODE_CHARS_MAX {
            let en = format!("{insutype}: wants an insutype (310) and 1 to 10 characters");
            let zh = format!("{insutype}：应为险种类型（如 310）和 1 至 10 个字符");
            say(found, "envelope.recer_sys_code_of", (en, zh));
        }
    }
    for (key, value, max) in [
        (
            "envelope.recer_sys_code",
            &envelope.recer_sys_code,
            RECER_SYS_CODE_CHARS_MAX,
        ),
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
            say(found, key, at_most(max));
        }
    }
}

fn addresses(profile: &Profile, found: &mut Vec<Finding>) {
    let voucher =
        (!profile.voucher.url.is_empty()).then_some(("voucher.url", &profile.voucher.url));
    for (key, url) in [("url.base", &profile.url.base)].into_iter().chain(voucher) {
        if !is_address(url) {
            let words = (
                "must be http:// or https:// with a host, without user, query or fragment",
                "应为 http:// 或 https:// 加主机，不带用户名、? 或 #",
            );
            say(found, key, words);
        }
    }
    if profile.url.style != UrlStyle::Path {
        if !profile.url.paths.is_empty() {
            let words = (
                "is read only with style = \"path\"",
                "只在 style = \"path\" 时有效",
            );
            say(found, "url.paths", words);
        }
        return;
    }
    for infno in used(profile) {
        if profile.url_of(infno).is_none() {
            let en = format!("{infno} has no known path: name it here");
            let zh = format!("{infno} 没有已知路径：请在此写明");
            say(found, "url.paths", (en, zh));
        }
    }
}

fn is_address(url: &str) -> bool {
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && url.bytes().all(|b| b.is_ascii_graphic())
        && !url.contains(['?', '#', '@'])
}

/// The two ways of decoding need different keys.
fn voucher(profile: &Profile, found: &mut Vec<Finding>) {
    let rules = &profile.voucher;
    match rules.decode {
        Decode::Http if rules.url.is_empty() => say(found, "voucher.url", IS_MISSING),
        Decode::Http => {
            let by_infno = matches!(
                &profile.gateway.family,
                Family::Csb {
                    api_name: ApiName::Infno,
                    ..
                }
            );
            if rules.gateway_headers && by_infno {
                let words = (
                    "the voucher service has no number for _api_name: set gateway.api_name",
                    "电子凭证服务没有交易编号可作 _api_name：请设置 gateway.api_name",
                );
                say(found, "voucher.gateway_headers", words);
            }
        }
        Decode::Transaction => {
            let given = [
                ("voucher.url", !rules.url.is_empty()),
                ("voucher.gateway_headers", rules.gateway_headers),
            ];
            for (key, _) in given.into_iter().filter(|(_, given)| *given) {
                let words = (
                    "is read only with decode = \"http\"",
                    "只在 decode = \"http\" 时有效",
                );
                say(found, key, words);
            }
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
    if profile.dispense.enabled {
        used.extend(["3505A", "3506A"]);
    }
    if variants.pharmacy {
        used.extend(["2101", "2102", "2103"]);
    }
    if profile.voucher.decode == Decode::Transaction {
        used.push("1162");
    }
    if profile.year_to_date.enabled {
        used.push("5206");
    }
    used
}

fn rules(profile: &Profile, found: &mut Vec<Finding>) {
    for infno in &profile.transactions.reversible {
        if !REVERSIBLE.contains(&infno.as_str()) {
            let known = REVERSIBLE.join(", ");
            let en =
                format!("{infno:?} is none of {known}: only these can be asked to be reversed");
            let zh = format!("{infno:?} 不是 {known} 之一：只有这些交易可以冲正");
            say(found, "transactions.reversible", (en, zh));
        }
    }
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
            let en = format!("{name:?} is not checked here: only {known} can stop a settlement");
            let zh = format!("{name:?} 不在此检查：只有 {known} 能中止结算");
            say(found, "amounts.harden", (en, zh));
        }
    }
    if profile.lines.feedetl_sn_len_max < OWN_SERIAL_CHARS {
        let en = format!("must be at least {OWN_SERIAL_CHARS}: so long are the daemon's numbers");
        let zh = format!("至少 {OWN_SERIAL_CHARS}：本程序自编的流水号有这么长");
        say(found, "lines.feedetl_sn_len_max", (en, zh));
    }
    let longest = profile.timeouts.money_call_ms.max(profile.timeouts.call_ms);
    let quiet_ms = u64::from(profile.settle_quiet_s) * 1000;
    if !profile.sandbox && quiet_ms < u64::from(longest) + QUIET_MARGIN_MS {
        let words = (
            "must be longer than timeouts.money_call_ms and 10 s",
            "应比 timeouts.money_call_ms 加 10 秒更长",
        );
        say(found, "settle_quiet_s", words);
    } else if !profile.sandbox && profile.settle_quiet_s < QUIET_S_MIN {
        let en = format!("must be at least {QUIET_S_MIN} but for a sandbox");
        let zh = format!("除模拟平台外至少 {QUIET_S_MIN}");
        say(found, "settle_quiet_s", (en, zh));
    }
    if profile.timeouts.connect_ms >= profile.timeouts.money_call_ms.min(profile.timeouts.call_ms) {
        let words = (
            "must be shorter than call_ms and money_call_ms",
            "应比 call_ms 和 money_call_ms 短",
        );
        say(found, "timeouts.connect_ms", words);
    }
}
