//! Whether a settlement was given back, as this desk's journal has it.

use std::time::Duration;

use crate::document::refunding::{Refunding, Said};
use crate::journal::{Error, Filter, Journal};
use crate::settlement::refund::{Money, Refund, SUBJECT, Summary};
use crate::settlement::story::Story as _;

/// How often a journal that cannot be read is asked again.
const ASK_AGAIN_MS: u64 = 1_000;
/// Refunds of one settlement that are looked at, newest first.
const EARLIER_MAX: u32 = 32;

/// The refund of this settlement that counts: given back, being given back, or for a person to resolve.
///
/// # Errors
/// The journal cannot be read.
pub async fn refund_of(journal: &Journal, setl_id: &str) -> Result<Option<Summary>, Error> {
    if setl_id.is_empty() {
        return Ok(None);
    }
    let filter = Filter {
        limit: EARLIER_MAX,
        kind: Some(Refund::KIND.to_owned()),
        visit: Some(format!("{SUBJECT}{setl_id}")),
        ..Filter::default()
    };
    let rows = journal.list(filter).await?;
    let summaries = rows
        .iter()
        .filter_map(|row| serde_json::from_str::<Summary>(&row.summary).ok());
    Ok(summaries
        .into_iter()
        .find(|refund| refund.money != Money::Refused))
}

/// The same for a paper that is about to be printed. A journal that cannot be read is asked until it can: meanwhile
/// nothing is printed, and nothing is decided. One that is closed is not: the process ends, and the next one goes on.
pub(super) async fn said_at_last(journal: &Journal, setl_id: &str) -> Said {
    loop {
        match said_of(journal, setl_id).await {
            Ok(said) => return said,
            Err(Error::Closed) => return std::future::pending().await,
            Err(error) => {
                tracing::error!(%error, "a paper waits: whether its settlement was given back is not known");
            }
        }
        tokio::time::sleep(Duration::from_millis(ASK_AGAIN_MS)).await;
    }
}

/// What a paper of this settlement has to say by now.
///
/// # Errors
/// The journal cannot be read.
pub async fn said_of(journal: &Journal, setl_id: &str) -> Result<Said, Error> {
    let refund = refund_of(journal, setl_id).await?;
    Ok(Said {
        setl_id: setl_id.to_owned(),
        refund: refund.as_ref().and_then(Refunding::of),
    })
}
