//! A bill of the HIS is settled once at a desk, under whatever `request_id` it comes again.
//!
//! An HIS that was restarted between its call and the answer may send the same bill under a new id: no join by
//! `request_id` helps there, and the platform registers a new visit for it. So the bill's own number and the person
//! stand for it. What was given back may be settled anew; what is in doubt may not.

use super::charge::{Doubt, InTheWay, has_no_known_end};
use super::refunds::refund_of;
use super::rows::STREAM_KIND;
use super::start::Parts;
use crate::book::Code;
use crate::journal::{Error, Filter, PersonKeyInput};
use crate::person::IdNo;
use crate::settlement::answer::{Money, Summary};
use crate::settlement::order::Order;
use crate::settlement::refund;

/// Settlements of one person that are looked at, newest first.
const EARLIER_MAX: u32 = 64;

/// Another settlement of this person that began since then, of one of these bills, and that charged or may have.
pub(super) async fn standing(
    parts: &Parts,
    certno: &IdNo,
    (own, order): (&str, &Order),
    since_ms: i64,
    doubt: Doubt,
) -> Result<InTheWay, Error> {
    let filter = Filter {
        limit: EARLIER_MAX,
        kind: Some(STREAM_KIND.to_owned()),
        person: Some(PersonKeyInput::new(certno.expose())),
        from_utc_ms: Some(since_ms),
        ..Filter::default()
    };
    let rows = parts.journal.list(filter).await?;
    for row in rows.iter().filter(|row| row.stream != own) {
        // What a later program wrote cannot be compared.
        let Ok(other) = serde_json::from_str::<Summary>(&row.summary) else {
            continue;
        };
        let Some(bill_no) = shared(&other, order) else {
            continue;
        };
        if charges(parts, &other, &row.summary, doubt).await? {
            let text = format!("bill_no {bill_no}: settlement {}", row.stream);
            return Ok(Some((Code::BillSettledBefore, text)));
        }
    }
    Ok(None)
}

/// A bill that both have.
fn shared<'a>(other: &Summary, order: &'a Order) -> Option<&'a str> {
    let mut mine = order.bills.iter().map(|bill| bill.bill_no.as_str());
    mine.find(|number| !number.is_empty() && other.bill_nos.iter().any(|it| it == number))
}

/// Whether it charged and was not given back, or nobody knows.
async fn charges(
    parts: &Parts,
    other: &Summary,
    summary: &str,
    doubt: Doubt,
) -> Result<bool, Error> {
    if other.money != Money::Settled {
        return Ok(has_no_known_end(summary, doubt));
    }
    let refund = refund_of(&parts.journal, &other.setl_id).await?;
    Ok(refund.is_none_or(|refund| refund.money != refund::Money::Refunded))
}
