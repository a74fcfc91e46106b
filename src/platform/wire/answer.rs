//! From what was received to what became of the call. It decides by the bytes, never by what is likely.

use super::envelope::{self, Answer, NoAnswer, is_success};
use super::json::{Node, Unreadable};
use super::request::Expect;
use super::{enquiry, fees, person, pharmacy, setlinfo, visit, voucher};
use crate::book::Code;
use crate::config::Profile;
use crate::config::profile::Decode;
use crate::settlement::call::{Found, Outcome, Step};

/// Characters of the answer's own words that go on.
const TEXT_CHARS_MAX: usize = 200;
/// Characters of the answer's own code that go on. It is recorded where all can read it.
const INFCODE_CHARS_MAX: usize = 16;

/// A whole HTTP answer.
pub(in crate::platform) struct Body<'a> {
    pub(in crate::platform) status: u16,
    pub(in crate::platform) text: &'a str,
}

/// What it means, and whether it says that the sign-in is over.
pub(in crate::platform) fn read(
    profile: &Profile,
    step: Step,
    expect: &Expect,
    body: &Body<'_>,
) -> (Outcome, bool) {
    if let Some(outcome) = by_status(profile, body) {
        return (outcome, false);
    }
    if step == Step::Decode && profile.voucher.decode == Decode::Http {
        return (decode(profile, body), false);
    }
    match envelope::open(body.text) {
        Err(why) => (no_answer(profile, why), false),
        Ok(answer) if is_success(&answer.infcode) => (done(profile, step, expect, &answer), false),
        Ok(answer) => no(profile, step, expect, &answer),
    }
}

/// The platform, or something before it, says no.
fn no(profile: &Profile, step: Step, expect: &Expect, answer: &Answer) -> (Outcome, bool) {
    if relay_lost(profile, answer) {
        return (lost_on_the_way(), false);
    }
    // These two make something that would be made twice.
    let makes = matches!(step, Step::Register | Step::Fees);
    if makes && !answer.is_marked {
        return (unreadable("a no without the platform's own marks"), false);
    }
    if sign_in_expired(profile, money_infno(step, expect), answer) {
        (refused(Code::SignInFailed, answer), true)
    } else {
        (not_done(profile, step, expect, answer), false)
    }
}

/// A no that was made on the way does not tell what the platform did.
fn relay_lost(profile: &Profile, answer: &Answer) -> bool {
    has(&profile.answers.relay_lost, &answer.err_msg)
}

fn lost_on_the_way() -> Outcome {
    Outcome::Unknown {
        code: Code::PlatformNoAnswer,
        why: "a relay says that the answer was lost".to_owned(),
    }
}

/// Whether an answer says that the sign-in is over, on any call. It says nothing of what became of that call: a
/// sign-in too many does no harm, one that is used on does.
pub(in crate::platform) fn says_signed_out(profile: &Profile, body: &Body<'_>) -> bool {
    body.status == 200
        && envelope::open(body.text).is_ok_and(|answer| {
            !is_success(&answer.infcode) && has(&profile.sign_in.expired, &answer.err_msg)
        })
}

/// Words that surely mean *not processed* on a call that must not go twice stand in the profile for that call;
/// those of a sign-in alone could come from a relay that had sent it.
fn sign_in_expired(profile: &Profile, by_text: Option<&str>, answer: &Answer) -> bool {
    let counts = by_text.is_none_or(|infno| refuses(profile, infno, answer));
    counts && has(&profile.sign_in.expired, &answer.err_msg)
}

/// An answer's first meaning, before what was asked is looked at.
pub(super) enum Opened {
    /// Processed.
    Done(Answer),
    /// Surely not processed: the sign-in is over.
    SignInExpired(Box<Outcome>),
    /// The platform says no.
    No(Answer),
}

/// Opens an answer; `by_text` is the number of a call that is refused only by the texts that the profile lists
/// for it. What `makes` something that would be made twice is refused by the platform's own word only.
///
/// # Errors
/// It is no answer of the platform: this is what became of the call.
pub(super) fn opened(
    profile: &Profile,
    by_text: Option<&str>,
    makes: bool,
    body: &Body<'_>,
) -> Result<Opened, Box<Outcome>> {
    if let Some(outcome) = by_status(profile, body) {
        return Err(Box::new(outcome));
    }
    let answer = envelope::open(body.text).map_err(|why| Box::new(no_answer(profile, why)))?;
    if is_success(&answer.infcode) {
        return Ok(Opened::Done(answer));
    }
    if relay_lost(profile, &answer) {
        return Err(Box::new(lost_on_the_way()));
    }
    if makes && !answer.is_marked {
        return Err(Box::new(unreadable(
            "a no without the platform's own marks",
        )));
    }
    if sign_in_expired(profile, by_text, &answer) {
        let outcome = refused(Code::SignInFailed, &answer);
        return Ok(Opened::SignInExpired(Box::new(outcome)));
    }
    Ok(Opened::No(answer))
}

/// The number under which the profile lists the sure refusals of a money call.
fn money_infno(step: Step, expect: &Expect) -> Option<&'static str> {
    match step {
        Step::Settle if expect.is_pharmacy => Some("2102"),
        Step::UndoSettle if expect.is_pharmacy => Some("2103"),
        Step::Settle => Some("2207"),
        Step::UndoSettle => Some("2208"),
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::Fees
        | Step::PreSettle
        | Step::UndoFees
        | Step::UndoRegister
        | Step::Reverse
        | Step::FindVisit
        | Step::FindSettlement => None,
    }
}

fn refuses(profile: &Profile, infno: &str, answer: &Answer) -> bool {
    let refusals = profile.answers.refusals.get(infno);
    refusals.is_some_and(|patterns| has(patterns, &answer.err_msg))
}

/// What the status alone decides: a gateway's no, or no answer of the platform at all.
fn by_status(profile: &Profile, body: &Body<'_>) -> Option<Outcome> {
    if profile.gateway.refused_status.contains(&body.status) {
        return Some(Outcome::Refused {
            code: Code::GatewayRefused,
            infcode: body.status.to_string(),
            text: shorten(body.text),
        });
    }
    (body.status != 200).then(|| unreadable(&format!("HTTP {}", body.status)))
}

/// A body without infcode: a gateway's words, or nothing that counts.
fn no_answer(profile: &Profile, why: NoAnswer) -> Outcome {
    match why {
        NoAnswer::Unreadable(what) => unreadable(what),
        NoAnswer::Gateway { code, message } => {
            if profile.gateway.refused_codes.contains(&code) {
                Outcome::Refused {
                    code: Code::GatewayRefused,
                    infcode: code_of(&code),
                    text: shorten(&message),
                }
            } else {
                unreadable("a gateway's own message")
            }
        }
    }
}

/// The voucher service's answer.
fn decode(profile: &Profile, body: &Body<'_>) -> Outcome {
    let Some(answer) = voucher::open(body.text) else {
        return unreadable("no answer of the voucher service");
    };
    if is_success(&answer.code) {
        return found(voucher::read(&answer).map(Found::Voucher));
    }
    let mut code = shown_code(profile, &answer.code, &answer.message);
    if code == Code::PlatformRefused && profile.gateway.refused_codes.contains(&answer.code) {
        code = Code::GatewayRefused;
    }
    Outcome::Refused {
        code,
        infcode: code_of(&answer.code),
        text: shorten(&answer.message),
    }
}

/// What is wrong with the code that was shown, by the words or the number of a refusal.
fn shown_code(profile: &Profile, number: &str, text: &str) -> Code {
    let rules = &profile.voucher;
    let says = |patterns: &[String]| {
        has(patterns, text) || patterns.iter().any(|pattern| pattern == number)
    };
    if says(&rules.unknown_kind) {
        Code::CodeUnknownKind
    } else if says(&rules.expired) || says(&rules.bad_token) {
        Code::CodeExpired
    } else {
        Code::PlatformRefused
    }
}

/// The platform says yes; what it says must be about this call.
fn done(profile: &Profile, step: Step, expect: &Expect, answer: &Answer) -> Outcome {
    let output = match answer.node.object("output") {
        Ok(output) => output,
        Err(error) => return unreadable(&error.to_string()),
    };
    match step {
        Step::VisitInfo | Step::UndoFees | Step::UndoRegister => found(Ok(Found::Nothing)),
        Step::Reverse => found(Ok(Found::Reversal(enquiry::reversed(profile)))),
        Step::FindSettlement => {
            found(enquiry::read_settlement(profile, output.as_ref(), expect).map(Found::Enquiry))
        }
        // A person without a visit may have no output at all.
        Step::FindVisit => found(match &output {
            None => Ok(Found::Visits(Vec::new())),
            Some(output) => enquiry::read_visits(output, expect).map(Found::Visits),
        }),
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::Fees
        | Step::PreSettle
        | Step::Settle
        | Step::UndoSettle => match &output {
            None => unreadable("success without output"),
            Some(output) => found(with_output(profile, step, expect, output)),
        },
    }
}

fn with_output(
    profile: &Profile,
    step: Step,
    expect: &Expect,
    output: &Node,
) -> Result<Found, Unreadable> {
    match step {
        Step::Decode => voucher::read_transaction(output).map(Found::Voucher),
        Step::Person => person::read(output).map(Found::Person),
        Step::Register => {
            visit::read_registered(output, expect).map(|mdtrt_id| Found::Registered { mdtrt_id })
        }
        Step::Fees => fees::read(output, expect).map(Found::Lines),
        Step::PreSettle if expect.is_pharmacy => pharmacy::preview(profile, output, expect),
        Step::PreSettle => setlinfo::preview(profile, output, expect).map(Found::Preview),
        Step::Settle => setlinfo::settled(profile, output, expect).map(Found::Settled),
        Step::UndoSettle => setlinfo::refunded(profile, output, expect),
        Step::VisitInfo
        | Step::UndoFees
        | Step::UndoRegister
        | Step::Reverse
        | Step::FindVisit
        | Step::FindSettlement => Ok(Found::Nothing),
    }
}

/// The platform says no. On a money call that counts only by a text that the site is known for.
fn not_done(profile: &Profile, step: Step, expect: &Expect, answer: &Answer) -> Outcome {
    let text = &answer.err_msg;
    let answers = &profile.answers;
    match step {
        Step::Reverse => found(Ok(Found::Reversal(enquiry::reverse_refused(profile, text)))),
        Step::FindSettlement => found(Ok(Found::Enquiry(enquiry::settlement_refused(
            profile, text,
        )))),
        Step::Settle | Step::UndoSettle => {
            let infno = money_infno(step, expect).unwrap_or_default();
            money_not_done(profile, infno, answer)
        }
        Step::UndoFees | Step::UndoRegister if has(&answers.nothing_to_undo, text) => {
            found(Ok(Found::Nothing))
        }
        Step::Person if has(&answers.person_unknown, text) => refused(Code::PersonUnknown, answer),
        Step::Decode => refused(shown_code(profile, "", text), answer),
        Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::Fees
        | Step::PreSettle
        | Step::UndoFees
        | Step::UndoRegister
        | Step::FindVisit => refused(refusal_code(profile, text, Code::PlatformRefused), answer),
    }
}

/// Whether this number gives back what was charged.
fn gives_back(infno: &str) -> bool {
    matches!(infno, "2208" | "2103")
}

/// A no to a money call of this number counts only by a text that the site is known for.
pub(super) fn money_not_done(profile: &Profile, infno: &str, answer: &Answer) -> Outcome {
    let text = &answer.err_msg;
    let undo = gives_back(infno);
    if undo && has(&profile.answers.already_refunded, text) {
        return found(Ok(Found::Nothing));
    }
    if !refuses(profile, infno, answer) {
        return no_known_refusal(Code::SettleUnknown, answer);
    }
    let code = if undo {
        Code::UndoFailed
    } else {
        refusal_code(profile, text, Code::SettleRefused)
    };
    refused(code, answer)
}

/// A no to goods told under this number counts only by a text that the site is known for.
pub(super) fn goods_not_done(profile: &Profile, infno: &str, answer: &Answer) -> Outcome {
    if refuses(profile, infno, answer) {
        refused(Code::PlatformRefused, answer)
    } else {
        no_known_refusal(Code::DispenseUnknown, answer)
    }
}

fn no_known_refusal(code: Code, answer: &Answer) -> Outcome {
    Outcome::Unknown {
        code,
        why: format!(
            "infcode {} with a text that is no known refusal",
            code_of(&answer.infcode)
        ),
    }
}

/// A token that is too old is the patient's to mend; all else is `other`.
fn refusal_code(profile: &Profile, text: &str, other: Code) -> Code {
    if has(&profile.voucher.bad_token, text) {
        Code::CodeExpired
    } else {
        other
    }
}

pub(super) fn refused(code: Code, answer: &Answer) -> Outcome {
    Outcome::Refused {
        code,
        infcode: code_of(&answer.infcode),
        text: shorten(&answer.err_msg),
    }
}

pub(super) fn found(found: Result<Found, Unreadable>) -> Outcome {
    match found {
        Ok(found) => Outcome::Done { found: Some(found) },
        Err(error) => unreadable(&error.to_string()),
    }
}

/// Something came, and it is no answer that counts.
pub(in crate::platform) fn unreadable(what: &str) -> Outcome {
    Outcome::Unknown {
        code: Code::PlatformUnreadable,
        why: what.to_owned(),
    }
}

fn has(patterns: &[String], text: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| text.contains(pattern.as_str()))
}

/// A code as it may be read by all: short, and nothing but what codes are made of.
fn code_of(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(INFCODE_CHARS_MAX).map(plain).collect()
}

fn shorten(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// 9001: the sign_no, or why there is none.
pub(in crate::platform) fn signed_in(
    profile: &Profile,
    body: &Body<'_>,
) -> Result<String, Box<Outcome>> {
    if let Some(outcome) = by_status(profile, body) {
        return Err(Box::new(outcome));
    }
    let answer = envelope::open(body.text).map_err(|why| Box::new(no_answer(profile, why)))?;
    if !is_success(&answer.infcode) {
        return Err(Box::new(refused(Code::SignInFailed, &answer)));
    }
    sign_no(&answer.node).map_err(|error| Box::new(unreadable(&error.to_string())))
}

fn sign_no(answer: &Node) -> Result<String, Unreadable> {
    let missing = || Unreadable::at("signinoutb", "is missing");
    let output = answer.object("output")?.ok_or_else(missing)?;
    let signed_in = output.object("signinoutb")?.ok_or_else(missing)?;
    signed_in.short_required("sign_no")
}
