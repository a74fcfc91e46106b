//! A pharmacy's sale waits for nobody: it is refused while another charge of the same person has no known end.
//!
//! A sale has no visit that is open once only, so the person stands for it. It is not made to wait: most such pairs are
//! one sale that was begun twice. It may be asked for anew once the first has its end.

use super::charge::{Doubt, InTheWay, has_no_known_end};
use super::rows::STREAM_KIND;
use super::start::{Parts, Runner};
use crate::book::Code;
use crate::journal::{Error, Filter, PersonKeyInput};
use crate::person::IdNo;

impl Runner {
    /// Another settlement of this person in doubt, before one is begun: why nothing is sold, and which it is.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn sale_in_doubt(&self, certno: &IdNo) -> Result<Option<(Code, String)>, Error> {
        in_doubt(self.parts(), certno, "", Doubt::Lost).await
    }
}

/// Another settlement of this person whose charge has no known end.
pub(super) async fn in_doubt(
    parts: &Parts,
    certno: &IdNo,
    own: &str,
    doubt: Doubt,
) -> Result<InTheWay, Error> {
    // What has no known end is open.
    let filter = Filter {
        kind: Some(STREAM_KIND.to_owned()),
        person: Some(PersonKeyInput::new(certno.expose())),
        open_only: true,
        ..Filter::default()
    };
    let rows = parts.journal.list(filter).await?;
    let mut others = rows.into_iter().filter(|row| row.stream != own);
    let first = others.find(|row| has_no_known_end(&row.summary, doubt));
    Ok(first.map(|row| (Code::SaleInDoubt, format!("settlement {}", row.stream))))
}
