//! Whether a settlement was given back at this desk, or may have been.

use crate::journal::{Error, Filter, Journal};
use crate::settlement::refund::{self, Refund};
use crate::settlement::story::Story as _;

/// Refunds of one settlement that are looked at, newest first.
const EARLIER_MAX: u32 = 32;

/// The refund of the settlement with this 结算ID that counts: given back, being given back, or for a person to
/// resolve. None of one that was refused.
pub(crate) async fn refund_of(
    journal: &Journal,
    setl_id: &str,
) -> Result<Option<refund::Summary>, Error> {
    if setl_id.is_empty() {
        return Ok(None);
    }
    let filter = Filter {
        limit: EARLIER_MAX,
        kind: Some(Refund::KIND.to_owned()),
        visit: Some(format!("{}{setl_id}", refund::SUBJECT)),
        ..Filter::default()
    };
    let rows = journal.list(filter).await?;
    let summaries = rows
        .iter()
        .filter_map(|row| serde_json::from_str::<refund::Summary>(&row.summary).ok());
    Ok(summaries
        .into_iter()
        .find(|refund| refund.money != refund::Money::Refused))
}
