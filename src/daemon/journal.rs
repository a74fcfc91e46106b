//! The journal and the documents of this desk, and the walk along the chain.

use std::path::PathBuf;
use std::sync::Arc;

use super::Error;
use super::site::key_path;
use crate::config::Settings;
use crate::journal::documents::Documents;
use crate::journal::{self, Desk, Identity, Journal, SiteKey};
use crate::observe::metrics::PROCESS;
use crate::operation::Operations;

/// Faults of the journal that are logged; `yibaoctl journal verify` lists all.
const FAULTS_LOGGED_MAX: usize = 20;

/// Walks the journal's chain on a thread of its own, beside the work.
pub(super) fn verify_in_background(
    settings: &Settings,
    operations: Operations,
) -> Result<(), Error> {
    let site_key = SiteKey::load(&key_path(settings)).map_err(Error::SiteKey)?;
    let dir = journal_dir(settings);
    let verify = move || match journal::verify(&dir, &site_key) {
        Ok(report) if report.faults.is_empty() => {
            tracing::info!(events = report.events, "the journal's chain holds");
        }
        Ok(report) => {
            for fault in report.faults.iter().take(FAULTS_LOGGED_MAX) {
                tracing::error!(%fault, "the journal was changed");
            }
            operations.distrust_journal();
        }
        // What cannot be read cannot be trusted either.
        Err(error) => {
            tracing::error!(%error, "the journal's chain could not be walked");
            operations.distrust_journal();
        }
    };
    std::thread::Builder::new()
        .name("journal-verify".to_owned())
        .spawn(verify)
        .map(drop)
        .map_err(|source| Error::System {
            what: "a thread cannot start".to_owned(),
            source,
        })
}

/// The folder of what is too large for the journal.
pub(super) fn open_documents(settings: &Settings) -> Result<Documents, Error> {
    let dir = settings.paths.state_dir.join("documents");
    Documents::open(&dir).map_err(|source| Error::System {
        what: dir.display().to_string(),
        source,
    })
}

pub(super) fn journal_dir(settings: &Settings) -> PathBuf {
    settings.paths.state_dir.join("journal")
}

/// The journal, and whether this desk may write in it.
pub(super) async fn open_journal(settings: &Settings) -> Result<(Journal, bool), Error> {
    let machine_id =
        std::fs::read_to_string("/etc/machine-id").map_err(|source| Error::System {
            what: "/etc/machine-id".to_owned(),
            source,
        })?;
    let desk = Desk {
        name: settings.desk.name.clone(),
        number: settings.desk.number,
        machine_id: machine_id.trim().to_owned(),
    };
    let site_key = SiteKey::load(&key_path(settings)).map_err(Error::SiteKey)?;
    let mut options = journal::Options::new(journal_dir(settings), desk, site_key);
    options.on_commit = Arc::new(|time| PROCESS.commit_times.took([], time));
    let (journal, opened) = Journal::open(options).await?;
    let adopted = match opened.identity {
        Identity::Fresh | Identity::Ours => true,
        Identity::Foreign {
            name,
            number,
            other_machine,
        } => {
            tracing::error!(
                %name,
                number,
                other_machine,
                "the journal belongs to another desk: nothing is settled until it is adopted"
            );
            false
        }
        Identity::RolledBack { had_seq, last_seq } => {
            tracing::error!(
                had_seq,
                last_seq,
                "the journal lacks records that it held: nothing is settled until it is compared with the \
                 platform and adopted"
            );
            false
        }
    };
    Ok((journal, adopted))
}
