//! From a call to a message: which transaction it is, what it needs, and what an answer to it must name.

use zeroize::Zeroizing;

use super::envelope::{self, Head};
use super::json::Object;
use super::{enquiry, fees, person, settle, visit, voucher};
use crate::book::Code;
use crate::config::Profile;
use crate::platform::Stamp;
use crate::settlement::call::{Call, Enquiry, Found, Outcome, Reversal, Step};
use crate::settlement::known::Known;

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
    /// 5203, 2208: the settlement itself, when its number is known.
    pub(super) setl_id: String,
    /// 2204: the lines sent.
    pub(super) feedetl_sn: Vec<String>,
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

/// 交易编号 of a step at this site.
pub(in crate::platform) fn infno(profile: &Profile, step: Step) -> &str {
    let variants = &profile.transactions;
    match step {
        Step::Decode => EC_QUERY,
        Step::Person => "1101",
        Step::Register => "2201",
        Step::VisitInfo => &variants.visit_info,
        Step::Fees => "2204",
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

/// Makes the message.
///
/// # Errors
/// What is known of the call without sending it: a fact is missing, or this site cannot be asked that.
pub(in crate::platform) fn build(
    profile: &Profile,
    call: &Call<'_>,
    stamp: &Stamp,
    sign_no: &str,
) -> Result<Message, Box<Outcome>> {
    if call.step == Step::Decode {
        return voucher::query(profile, call).map_err(|Missing(what)| not_sent(what));
    }
    if let Some(answer) = not_askable(profile, call) {
        return Err(Box::new(answer));
    }
    let infno = infno(profile, call.step);
    let input = input(profile, call).map_err(|Missing(what)| not_sent(what))?;
    if call.step == Step::Fees {
        fees::fits(profile, &input)?;
    }
    let head = Head {
        infno,
        msgid: &stamp.msgid,
        inf_time: &stamp.inf_time,
        insuplc_admdvs: insuplc_admdvs(call.known),
        sign_no,
        operator: &call.order.operator,
    };
    Ok(Message {
        infno: infno.to_owned(),
        body: Zeroizing::new(envelope::wrap(profile, &head, input)),
        wire_body: None,
        expect: expect(profile, call, &stamp.msgid),
    })
}

/// A fact that the message needs and nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing(pub(super) &'static str);

/// The fact, or which one is missing.
pub(super) fn need<'a, T: ?Sized>(
    fact: Option<&'a T>,
    what: &'static str,
) -> Result<&'a T, Missing> {
    fact.ok_or(Missing(what))
}

fn input(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    match call.step {
        Step::Decode => Err(Missing("the voucher service has its own message")),
        Step::Person => person::input(profile, call),
        Step::Register => visit::register(profile, call),
        Step::VisitInfo => visit::info(profile, call),
        Step::Fees => fees::input(profile, call),
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
        Step::FindSettlement => (call.known.settled.is_none() && !profile.enquiry.without_setl_id)
            .then_some(Found::Enquiry(Enquiry::Unclear)),
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

fn not_sent(what: &str) -> Box<Outcome> {
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
        feedetl_sn: if call.step == Step::Fees {
            fees::numbers(profile, call)
        } else {
            Vec::new()
        },
    }
}
