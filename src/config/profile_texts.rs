//! Texts of answers in a profile: none may match anything, none may mean two things.

use super::profile::Profile;
use super::profile_check::{Finding, say};

/// Transactions whose refusals are listed by text: those that move money, for which the base number speaks for its
/// A form, and goods told.
const BY_TEXT: [&str; 6] = ["2102", "2103", "2207", "2208", "3505A", "3506A"];
/// Texts shorter than this match too much to mean anything.
const PATTERN_CHARS_MIN: usize = 2;

type List<'a> = (&'a str, &'a Vec<String>);

/// What is wrong with the texts.
pub(super) fn patterns(profile: &Profile, found: &mut Vec<Finding>) {
    let answers = &profile.answers;
    for infno in answers.refusals.keys() {
        if !BY_TEXT.contains(&infno.as_str()) {
            let which = BY_TEXT.join(", ");
            let en = format!("{infno} is not one of {which}: its refusals need no texts");
            let zh = format!("{infno} 不属于 {which}：不需要列出拒绝文字");
            say(found, "answers.refusals", (en, zh));
        }
    }
    let lists: [List<'_>; 11] = [
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
    let refusals: Vec<List<'_>> = answers
        .refusals
        .values()
        .map(|list| ("answers.refusals", list))
        .collect();
    for (key, list) in lists.iter().chain(&refusals) {
        for text in list.iter() {
            if text.trim().chars().count() < PATTERN_CHARS_MIN {
                let en = format!("{text:?} is too short: it would match almost any text");
                let zh = format!("{text:?} 太短：几乎任何文字都会匹配");
                say(found, key, (en, zh));
            }
        }
    }
    contradictions(profile, &refusals, found);
}

/// A no that is certain on every other call: on these it stays unknown unless it is listed for them too.
pub(super) fn unsure_sign_ins(profile: &Profile, found: &mut Vec<Finding>) {
    for infno in BY_TEXT {
        let is_sent = match infno {
            "2102" | "2103" => profile.transactions.pharmacy,
            "3505A" | "3506A" => profile.dispense.enabled,
            _ => true,
        };
        let refusals = profile.answers.refusals.get(infno);
        let refusals = refusals.into_iter().flatten();
        let counts = |text: &str| refusals.clone().any(|part| text.contains(part.as_str()));
        let unsure = profile.sign_in.expired.iter().filter(|text| !counts(text));
        for text in unsure.filter(|_| is_sent) {
            let en = format!("{text:?} is not in answers.refusals of {infno}: there it is unknown");
            let zh = format!("{text:?} 没有写在 {infno} 的拒绝文字里：该交易遇到时结果不明");
            say(found, "sign_in.expired", (en, zh));
        }
    }
}

/// One text, two meanings: the one that is looked for first would win in silence.
fn contradictions(profile: &Profile, refusals: &[List<'_>], found: &mut Vec<Finding>) {
    let relay: List<'_> = ("answers.relay_lost", &profile.answers.relay_lost);
    let mut apart = vec![
        (
            ("reversal.nothing", &profile.reversal.nothing),
            ("reversal.reversed", &profile.reversal.reversed),
        ),
        (
            ("voucher.expired", &profile.voucher.expired),
            ("voucher.unknown_kind", &profile.voucher.unknown_kind),
        ),
        (("enquiry.nothing", &profile.enquiry.nothing), relay),
        (("sign_in.expired", &profile.sign_in.expired), relay),
    ];
    apart.extend(refusals.iter().map(|list| (*list, relay)));
    for ((key, list), (other_key, other)) in apart {
        for text in list.iter().filter(|text| other.contains(text)) {
            let en = format!("{text:?} stands in {other_key} too: it can mean one thing only");
            let zh = format!("{text:?} 也写在 {other_key} 里：同一文字只能有一种含义");
            say(found, key, (en, zh));
        }
    }
}
