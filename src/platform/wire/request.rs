//! From a call to a message: which transaction it is, what it needs, and what an answer to it must name.

use zeroize::Zeroizing;

use super::envelope::{self, Head};
use super::json::Object;
use super::{enquiry, fees, person, pharmacy, settle, visit, voucher};
use crate::book::Code;
use crate::config::Profile;
use crate::config::profile::Decode;
use crate::platform::Stamp;
use crate::platform::sign::Signer;
use crate::settlement::call::{Call, Enquiry, Found, Outcome, Reversal, Step};
use crate::settlement::known::Known;
use crate::settlement::order::OrderKind;

/// The voucher service's name for its question.
pub(in crate::platform) const EC_QUERY: &str = "ec.query";

/// What an answer must name to be the answer to this message. Empty: it is not compared.
#[derive(Clone, Debug, Default)]
pub(in crate::platform) struct Expect {
    pub(super) msgid: String,
    pub(super) psn_no: String,
    pub(super) mdtrt_id: String,
    pub(super) ipt_otp_no: String,
    /// 5203: whose settlement is looked for.
    pub(super) settle_msgid: String,
    /// 5203, 2208, 2103: the settlement itself, when its number is known.
    pub(super) setl_id: String,
    /// 2204, 2101: the lines sent.
    pub(super) feedetl_sn: Vec<String>,
    /// Whether the settling call is 2102, and its undoing 2103.
    pub(super) is_pharmacy: bool,
}

/// A message and what belongs to it.
pub(in crate::platform) struct Message {
    pub(in crate::platform) infno: String,
    /// What is recorded.
    pub(in crate::platform) body: Zeroizing<String>,
    /// What is sent, where it differs.
    pub(in crate::platform) wire_body: Option<Zeroizing<String>>,
    pub(in crate::platform) expect: Expect,
}

/// 交易编号 of a step at this site, for an order of this kind.
pub(in crate::platform) fn infno(profile: &Profile, step: Step, is_pharmacy: bool) -> &str {
    let variants = &profile.transactions;
    match step {
        Step::Decode => match profile.voucher.decode {
            Decode::Http => EC_QUERY,
            Decode::Transaction => "1162",
        },
        Step::Person => "1101",
        Step::Register => "2201",
        Step::VisitInfo => &variants.visit_info,
        Step::Fees => "2204",
        Step::PreSettle if is_pharmacy => "2101",
        Step::Settle if is_pharmacy => "2102",
        Step::UndoSettle if is_pharmacy => "2103",
        Step::PreSettle => &variants.pre_settle,
        Step::Settle => &variants.settle,
        Step::UndoSettle => "2208",
        Step::UndoFees => "2205",
        Step::UndoRegister => "2202",
        Step::Reverse => "2601",
        Step::FindVisit => "5201",
        Step::FindSettlement => "5203",
    }
}

/// Whose messages are made: the site, what signs them, and the sign-in they go under.
pub(in crate::platform) struct Desk<'a> {
    pub(in crate::platform) profile: &'a Profile,
    pub(in crate::platform) signer: Option<&'a Signer>,
    pub(in crate::platform) sign_no: &'a str,
}

/// Makes the message.
///
/// # Errors
/// What is known of the call without sending it: a fact is missing, or this site cannot be asked that.
pub(in crate::platform) fn build(
    desk: &Desk<'_>,
    call: &Call<'_>,
    stamp: &Stamp,
) -> Result<Message, Box<Outcome>> {
    let profile = desk.profile;
    if call.step == Step::Decode && profile.voucher.decode == Decode::Http {
        return voucher::query(profile, call).map_err(not_sent);
    }
    if let Some(answer) = not_askable(profile, call) {
        return Err(Box::new(answer));
    }
    let infno = infno(profile, call.step, is_pharmacy(call));
    let input = input(profile, call).map_err(not_sent)?;
    let has_lines = match call.step {
        Step::Fees => true,
        Step::PreSettle | Step::Settle => is_pharmacy(call),
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::UndoSettle
        | Step::UndoFees
        | Step::UndoRegister
        | Step::Reverse
        | Step::FindVisit
        | Step::FindSettlement => false,
    };
    if has_lines {
        fees::fits(profile, &input)?;
    }
    let head = Head {
        infno,
        msgid: &stamp.msgid,
        inf_time: &stamp.inf_time,
        insuplc_admdvs: insuplc_admdvs(call.known),
        insutype: insutype(call.known),
        sign_no: desk.sign_no,
        operator: &call.order.operator,
        signer: desk.signer,
    };
    let body = envelope::wrap(profile, &head, input).map_err(not_sent)?;
    let (body, wire_body) = match call.code {
        Some(code) => voucher::blotted(body, code),
        None => (Zeroizing::new(body), None),
    };
    Ok(Message {
        infno: infno.to_owned(),
        body,
        wire_body,
        expect: expect(profile, call, &stamp.msgid),
    })
}

/// A fact that the message needs and nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platform) struct Missing(pub(super) &'static str);

/// The fact, or which one is missing.
pub(super) fn need<'a, T: ?Sized>(
    fact: Option<&'a T>,
    what: &'static str,
) -> Result<&'a T, Missing> {
    fact.ok_or(Missing(what))
}

fn input(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    match call.step {
        Step::Decode => voucher::transaction(profile, call),
        Step::Person => person::input(profile, call),
        Step::Register => visit::register(profile, call),
        Step::VisitInfo => visit::info(profile, call),
        Step::Fees => fees::input(profile, call),
        Step::PreSettle if is_pharmacy(call) => pharmacy::pre_settle(profile, call),
        Step::Settle if is_pharmacy(call) => pharmacy::settle(profile, call),
        Step::PreSettle => settle::pre_settle(profile, call),
        Step::Settle => settle::settle(profile, call),
        Step::UndoSettle => settle::undo(profile, call),
        Step::UndoFees => fees::undo(profile, call),
        Step::UndoRegister => visit::undo(profile, call),
        Step::Reverse => enquiry::reverse(call),
        Step::FindVisit => enquiry::visits(call),
        Step::FindSettlement => enquiry::settlement(call),
    }
}

/// What cannot be asked at this site has its answer without being sent: it cannot be told.
fn not_askable(profile: &Profile, call: &Call<'_>) -> Option<Outcome> {
    let found = match call.step {
        Step::Reverse => {
            let infno = call.known.settle_infno.as_deref().unwrap_or_default();
            let reversible = profile.transactions.reversible.iter().any(|r| r == infno);
            (!reversible).then_some(Found::Reversal(Reversal::Unclear))
        }
        Step::FindSettlement => {
            let rules = &profile.enquiry;
            let askable = if is_pharmacy(call) {
                rules.pharmacy_by_person
            } else {
                rules.without_setl_id
            };
            (call.known.settled.is_none() && !askable).then_some(Found::Enquiry(Enquiry::Unclear))
        }
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::Fees
        | Step::PreSettle
        | Step::Settle
        | Step::UndoSettle
        | Step::UndoFees
        | Step::UndoRegister
        | Step::FindVisit => None,
    };
    found.map(|found| Outcome::Done { found: Some(found) })
}

/// Whether the order is settled by 2101 and 2102.
pub(super) fn is_pharmacy(call: &Call<'_>) -> bool {
    call.order.kind == OrderKind::Pharmacy
}

/// What becomes of a call whose message cannot be made.
pub(in crate::platform) fn not_sent(Missing(what): Missing) -> Box<Outcome> {
    Box::new(Outcome::NotSent {
        code: Code::Internal,
        why: format!("cannot be written: {what}"),
    })
}

/// 参保地医保区划: of the insurance that pays, before that what the voucher says.
fn insuplc_admdvs(known: &Known) -> &str {
    match (&known.insurance, &known.voucher) {
        (Some(insurance), _) => &insurance.insuplc_admdvs,
        (None, Some(voucher)) => &voucher.insu_org,
        (None, None) => "",
    }
}

/// 险种类型 of the insurance that pays.
fn insutype(known: &Known) -> &str {
    let insurance = known.insurance.as_ref();
    insurance.map_or("", |insurance| &insurance.insutype)
}

fn expect(profile: &Profile, call: &Call<'_>, msgid: &str) -> Expect {
    let known = call.known;
    let with_person = known.person.as_ref();
    let settled = known.settled.as_ref();
    Expect {
        msgid: msgid.to_owned(),
        psn_no: with_person.map_or(String::new(), |p| p.psn_no.clone()),
        mdtrt_id: known.mdtrt_id.clone().unwrap_or_default(),
        ipt_otp_no: known.ids.ipt_otp_no.clone(),
        settle_msgid: known.settle_msgid.clone().unwrap_or_default(),
        setl_id: settled.map_or(String::new(), |s| s.setl_id.clone()),
        feedetl_sn: match call.step {
            Step::Fees => fees::numbers(profile, call),
            Step::PreSettle if is_pharmacy(call) => known.ids.feedetl_sn.clone(),
            Step::Decode
            | Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::PreSettle
            | Step::Settle
            | Step::UndoSettle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::Reverse
            | Step::FindVisit
            | Step::FindSettlement => Vec::new(),
        },
        is_pharmacy: is_pharmacy(call),
    }
}
