//! What pcscd's errors mean to the daemon.

use pcsc::Error;
use yibaod::device::card::frame::Fault;

/// The fault behind an error of libpcsclite.
pub(crate) fn of(error: Error) -> Fault {
    match error {
        Error::NoService | Error::ServiceStopped | Error::Shutdown | Error::InternalError => {
            Fault::NoService
        }
        Error::SecurityViolation | Error::NoAccess => Fault::Forbidden,
        Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => {
            Fault::NoReader
        }
        Error::NoSmartcard => Fault::NoCard,
        Error::RemovedCard | Error::ResetCard => Fault::Removed,
        Error::SharingViolation | Error::ServerTooBusy => Fault::Busy,
        Error::UnresponsiveCard | Error::UnpoweredCard | Error::Timeout => Fault::Mute,
        // The rest cannot be acted upon by kind: something came that is no answer.
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "another crate's list of errors"
        )]
        _ => Fault::Garbled,
    }
}

/// Whether the connection to pcscd is worth nothing any more.
pub(crate) fn ends_context(error: Error) -> bool {
    matches!(of(error), Fault::NoService | Fault::Forbidden)
        || matches!(error, Error::InvalidHandle | Error::CommError)
}
