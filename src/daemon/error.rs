//! Why the daemon does not run.

use std::path::PathBuf;

use crate::config::ConfigError;
use crate::ipc::grpc::DoorError;
use crate::ipc::tcp::TcpError;
use crate::journal;
use crate::platform::PlatformError;
use crate::runner::RowError;

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration or the profile is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The devices cannot be.
    #[error("the devices are wrong: {0}")]
    Devices(String),
    /// The journal cannot be opened.
    #[error("the journal cannot be opened")]
    Journal(#[from] journal::Error),
    /// The site key is missing, open to others, or no key.
    #[error(
        "the site key cannot be used; a new desk makes its own by yibaod --create-site-key, one with a journal needs its \
         old one back"
    )]
    SiteKey(#[source] journal::Error),
    /// There is a key already, or no place for one.
    #[error("no site key was made; one that is there is never replaced")]
    SiteKeyNotMade(#[source] journal::Error),
    /// A new key beside an old journal.
    #[error(
        "no site key was made: {} is there, and only the key that it began with can read it; put that one back: {}",
        journal.display(),
        path.display()
    )]
    SiteKeyIsLost {
        /// The journal.
        journal: PathBuf,
        /// Where its key is looked for.
        path: PathBuf,
    },
    /// What is open in the journal cannot be carried on.
    #[error("an open settlement cannot be carried on")]
    Resume(#[from] RowError),
    /// The platform's client cannot be built.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The machine says something that cannot be.
    #[error("{what}")]
    System {
        /// What was asked of it.
        what: String,
        /// What it said.
        source: std::io::Error,
    },
    /// What systemd handed over is none of our doors, or another than configured.
    #[error("{0}")]
    Passed(String),
    /// A door ended that nobody had told to.
    #[error("the door {door} ended unasked: {why}")]
    DoorEnded {
        /// Which: local, bus.
        door: &'static str,
        /// What it said.
        why: String,
    },
    /// The door cannot be opened.
    #[error("the door cannot be opened")]
    Door(#[from] DoorError),
}

/// The error and everything behind it, in one line.
#[must_use]
pub fn full_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl Error {
    /// Whether starting again changes nothing before a person changed the configuration, or the version.
    #[must_use]
    pub fn is_of_configuration(&self) -> bool {
        match self {
            Self::Config(_)
            | Self::Devices(_)
            | Self::SiteKey(_)
            | Self::SiteKeyNotMade(_)
            | Self::SiteKeyIsLost { .. }
            | Self::Journal(journal::Error::Format { .. })
            | Self::Passed(_)
            | Self::Door(DoorError::Access(_) | DoorError::Tcp(TcpError::Tls(_))) => true,
            Self::Journal(_)
            | Self::Resume(_)
            | Self::Platform(_)
            | Self::System { .. }
            | Self::DoorEnded { .. }
            | Self::Door(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::tcp::TlsError;

    #[test]
    fn a_newer_journal_is_for_a_person_and_a_full_disk_may_have_room_later() {
        let newer = journal::Error::Format { why: String::new() };
        assert!(Error::Journal(newer).is_of_configuration());
        assert!(!Error::Journal(journal::Error::DiskFull).is_of_configuration());
    }

    #[test]
    fn a_certificate_that_does_not_fit_is_for_a_person() {
        let tls = TcpError::Tls(TlsError::Unfit("another key".to_owned()));
        assert!(Error::Door(tls.into()).is_of_configuration());
    }
}
