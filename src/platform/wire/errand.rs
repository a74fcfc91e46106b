//! Messages outside of a scan-and-pay: 2208 and 2103 of a settlement by its numbers, 5203.

use zeroize::Zeroizing;

use super::answer::{self, Body};
use super::envelope::{self, Answer, Head};
use super::json::{Node, Object, Unreadable};
use super::request::{Desk, Expect, Message, Missing, not_sent};
use super::{dispense, enquiry, file, setlinfo, statement, year_to_date};
use crate::book::Code;
use crate::config::Profile;
use crate::platform::Stamp;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::{Ask, Errand, Numbers};

/// 交易编号.
pub(in crate::platform) fn infno(ask: &Ask) -> &'static str {
    match ask {
        Ask::Refund(numbers) if numbers.is_pharmacy => "2103",
        Ask::Refund(_) => "2208",
        Ask::Enquiry(_) | Ask::Look(_) | Ask::Compare(_) => "5203",
        Ask::Totals(_) => "3201",
        Ask::Details { .. } => "3202",
        Ask::Upload { .. } => "9101",
        Ask::Download { .. } => "9102",
        Ask::HandOut(_) => "3505A",
        Ask::TakeBack(_) => "3506A",
        Ask::YearToDate { .. } => "5206",
    }
}

/// Makes the message.
///
/// # Errors
/// A fact is missing: nothing can be sent.
pub(in crate::platform) fn build(
    desk: &Desk<'_>,
    errand: &Errand,
    stamp: &Stamp,
) -> Result<Message, Box<Outcome>> {
    let infno = infno(&errand.ask);
    let profile = desk.profile;
    let input = input(profile, &errand.ask).map_err(not_sent)?;
    let head = Head {
        infno,
        msgid: &stamp.msgid,
        inf_time: &stamp.inf_time,
        insuplc_admdvs: &errand.insuplc_admdvs,
        insutype: errand.ask.insutype(),
        sign_no: desk.sign_no,
        operator: &errand.operator,
        signer: desk.signer,
    };
    let body = envelope::wrap(profile, &head, input).map_err(not_sent)?;
    Ok(Message {
        infno: infno.to_owned(),
        body: Zeroizing::new(body),
        wire_body: None,
        expect: expect(&errand.ask, &stamp.msgid),
    })
}

fn input(profile: &Profile, ask: &Ask) -> Result<Object, Missing> {
    match ask {
        Ask::Refund(numbers) => refund(profile, numbers),
        Ask::Enquiry(numbers) | Ask::Look(numbers) => {
            named(numbers).map(|data| Object::new().object("data", data))
        }
        Ask::Compare(numbers) => statement::look(numbers),
        Ask::Totals(about) => Ok(statement::totals(profile, about)),
        Ask::Details {
            statement: about,
            file_qury_no,
        } => statement::details(profile, about, file_qury_no),
        Ask::Upload { name, rows } => Ok(file::upload(profile, name, rows)),
        Ask::Download {
            file_qury_no,
            filename,
        } => Ok(file::download(profile, file_qury_no, filename)),
        Ask::HandOut(goods) => Ok(dispense::input(profile, goods, false)),
        Ask::TakeBack(goods) => Ok(dispense::input(profile, goods, true)),
        Ask::YearToDate { psn_no, cum_ym, .. } => year_to_date::input(psn_no, cum_ym),
    }
}

fn refund(profile: &Profile, numbers: &Numbers) -> Result<Object, Missing> {
    let data = named(numbers)?.text(&profile.envelope.extension_field, "");
    Ok(Object::new().object("data", data))
}

/// The settlement by its three numbers.
fn named(numbers: &Numbers) -> Result<Object, Missing> {
    for (number, what) in [
        (&numbers.psn_no, "psn_no"),
        (&numbers.mdtrt_id, "mdtrt_id"),
        (&numbers.setl_id, "setl_id"),
    ] {
        if number.is_empty() {
            return Err(Missing(what));
        }
    }
    Ok(Object::new()
        .text("setl_id", &numbers.setl_id)
        .text("mdtrt_id", &numbers.mdtrt_id)
        .text("psn_no", &numbers.psn_no))
}

fn expect(ask: &Ask, msgid: &str) -> Expect {
    let of = |numbers: &Numbers| Expect {
        msgid: msgid.to_owned(),
        psn_no: numbers.psn_no.clone(),
        mdtrt_id: numbers.mdtrt_id.clone(),
        settle_msgid: numbers.settle_msgid.clone(),
        setl_id: numbers.setl_id.clone(),
        ..Expect::default()
    };
    match ask {
        Ask::Refund(numbers)
        | Ask::Enquiry(numbers)
        | Ask::Look(numbers)
        | Ask::Compare(numbers) => of(numbers),
        // Their answers name no settlement.
        Ask::Totals(_)
        | Ask::Details { .. }
        | Ask::Upload { .. }
        | Ask::Download { .. }
        | Ask::YearToDate { .. } => Expect::default(),
        Ask::HandOut(_) | Ask::TakeBack(_) => Expect {
            msgid: msgid.to_owned(),
            ..Expect::default()
        },
    }
}

/// What the answer means, and whether it says that the sign-in is over.
pub(in crate::platform) fn read(
    profile: &Profile,
    ask: &Ask,
    expect: &Expect,
    body: &Body<'_>,
) -> (Outcome, bool) {
    // Told again they would be recorded twice: a no counts as on a call that moves money.
    let makes = matches!(ask, Ask::HandOut(_) | Ask::TakeBack(_));
    let by_text = (ask.moves_money() || makes).then(|| infno(ask));
    match answer::opened(profile, by_text, makes, body) {
        Err(outcome) => (*outcome, false),
        Ok(answer::Opened::Done(answer)) => (done(profile, ask, expect, &answer), false),
        Ok(answer::Opened::SignInExpired(outcome)) => (*outcome, true),
        Ok(answer::Opened::No(answer)) => (not_done(profile, ask, &answer), false),
    }
}

/// The platform says yes; what it says must be about this errand.
fn done(profile: &Profile, ask: &Ask, expect: &Expect, answer: &Answer) -> Outcome {
    if let Ask::Download { .. } = ask {
        return file::read_downloaded(profile, answer);
    }
    let output = match answer.node.object("output") {
        Ok(output) => output,
        Err(error) => return answer::unreadable(&error.to_string()),
    };
    answer::found(match ask {
        Ask::Refund(_) => {
            whole(output.as_ref()).and_then(|output| setlinfo::refunded(profile, output, expect))
        }
        Ask::Enquiry(_) => {
            enquiry::read_settlement(profile, output.as_ref(), expect).map(Found::Enquiry)
        }
        Ask::Look(_) => enquiry::look(profile, output.as_ref(), expect),
        Ask::Compare(_) => {
            statement::read_look(profile, output.as_ref(), expect).map(Found::Compared)
        }
        Ask::Totals(_) => whole(output.as_ref()).and_then(statement::read_totals),
        Ask::Details { .. } => whole(output.as_ref()).and_then(statement::read_file),
        Ask::Upload { .. } => whole(output.as_ref()).and_then(file::read_uploaded),
        Ask::Download { .. } => Err(Unreadable::at("output", "is read as a file")),
        Ask::HandOut(goods) | Ask::TakeBack(goods) => whole(output.as_ref())
            .and_then(|output| dispense::read(output, goods))
            .map(Found::Dispensed),
        Ask::YearToDate { .. } => whole(output.as_ref())
            .and_then(|output| year_to_date::read(profile, output))
            .map(Found::YearToDate),
    })
}

fn whole(output: Option<&Node>) -> Result<&Node, Unreadable> {
    output.ok_or_else(|| Unreadable::at("output", "is missing"))
}

/// The platform says no. On a money call, and on goods, that counts only by a text that the site is known for.
fn not_done(profile: &Profile, ask: &Ask, answer: &Answer) -> Outcome {
    match ask {
        Ask::Refund(_) => answer::money_not_done(profile, infno(ask), answer),
        Ask::Enquiry(_) | Ask::Look(_) => answer::found(Ok(Found::Enquiry(
            enquiry::settlement_refused(profile, &answer.err_msg),
        ))),
        Ask::Compare(_) => match statement::look_refused(profile, &answer.err_msg) {
            Some(looked) => answer::found(Ok(Found::Compared(looked))),
            None => answer::refused(Code::PlatformRefused, answer),
        },
        Ask::Totals(_)
        | Ask::Details { .. }
        | Ask::Upload { .. }
        | Ask::Download { .. }
        | Ask::YearToDate { .. } => answer::refused(Code::PlatformRefused, answer),
        Ask::HandOut(_) | Ask::TakeBack(_) => answer::goods_not_done(profile, infno(ask), answer),
    }
}
