//! A bill of the HIS is settled once at a desk, under whatever `request_id` it comes again.
//!
//! An HIS that was restarted between its call and the answer may send the same bill under a new id: no join by
//! `request_id` helps there, and the platform registers a new visit for it. So the bill's own number and the person
//! stand for it. What was given back may be settled anew; what is in doubt may not, however long ago it began.
//!
//! The number is the HIS's own text and stays sealed: the index has a mark of it, made with the journal's key.

use super::charge::{Doubt, InTheWay, has_no_known_end};
use super::refunds::refund_of;
use super::rows::STREAM_KIND;
use super::start::Parts;
use crate::book::Code;
use crate::journal::{Error, Filter, Journal, LIST_MAX, PersonKeyInput, StreamRow};
use crate::person::IdNo;
use crate::settlement::answer::{Money, Summary};
use crate::settlement::order::Order;
use crate::settlement::refund;

/// Characters of a mark: of one person's bills no two have the same by chance.
const MARK_CHARS: usize = 16;

/// The marks of the bills that have a number, each with its number.
pub(super) fn marks(journal: &Journal, order: Option<&Order>) -> Vec<(String, String)> {
    let bills = order.iter().flat_map(|order| &order.bills);
    let numbers = bills.map(|bill| bill.bill_no.as_str());
    numbers
        .filter(|number| !number.is_empty())
        .map(|number| {
            let digest = journal.request_digest(format!("bill_no {number}").as_bytes());
            let mark = digest.chars().take(MARK_CHARS).collect();
            (mark, number.to_owned())
        })
        .collect()
}

/// Another settlement of this person and of one of these bills that charged since then and was not given back, or that
/// charged perhaps, whenever.
pub(super) async fn standing(
    parts: &Parts,
    certno: &IdNo,
    (own, order): (&str, &Order),
    since_ms: i64,
    doubt: Doubt,
) -> Result<InTheWay, Error> {
    for (mark, bill_no) in marks(&parts.journal, Some(order)) {
        let mut before_seq = None;
        loop {
            let filter = Filter {
                limit: LIST_MAX,
                before_seq,
                kind: Some(STREAM_KIND.to_owned()),
                person: Some(PersonKeyInput::new(certno.expose())),
                text: Some(mark.clone()),
                ..Filter::default()
            };
            let rows = parts.journal.list(filter).await?;
            for row in rows.iter().filter(|row| row.stream != own) {
                if charges(parts, (row, &mark), since_ms, doubt).await? {
                    let first = row.request_id.as_deref().unwrap_or_default();
                    let text = format!(
                        "bill_no {bill_no}: request_id {first}, settlement_id {}",
                        row.stream
                    );
                    return Ok(Some((Code::BillSettledBefore, text)));
                }
            }
            match rows.last() {
                Some(last) if rows.len() >= LIST_MAX as usize => before_seq = Some(last.first_seq),
                Some(_) | None => break,
            }
        }
    }
    Ok(None)
}

/// Whether it is of this bill, and charged since then and was not given back, or nobody knows.
async fn charges(
    parts: &Parts,
    (row, mark): (&StreamRow, &String),
    since_ms: i64,
    doubt: Doubt,
) -> Result<bool, Error> {
    let summary = serde_json::from_str::<Summary>(&row.summary).ok();
    if (summary.as_ref()).is_some_and(|it| !it.bill_marks.contains(mark)) {
        return Ok(false);
    }
    let Some(settled) = summary.filter(|it| it.money == Money::Settled) else {
        return Ok(has_no_known_end(&row.summary, doubt));
    };
    if row.started_utc_ms < since_ms {
        return Ok(false);
    }
    let refund = refund_of(&parts.journal, &settled.setl_id).await?;
    Ok(refund.is_none_or(|refund| refund.money != refund::Money::Refunded))
}
