//! What pcscd's errors mean to the daemon.

use pcsc::Error;
use yibaod::device::card::frame::Fault;

/// What each error means. What is not here cannot be acted upon by kind: something came that is no answer.
const FAULTS: [(Error, Fault); 18] = [
    (Error::NoService, Fault::NoService),
    (Error::ServiceStopped, Fault::NoService),
    (Error::Shutdown, Fault::NoService),
    (Error::InternalError, Fault::NoService),
    (Error::CommError, Fault::NoService),
    (Error::InvalidHandle, Fault::NoService),
    (Error::SecurityViolation, Fault::Forbidden),
    (Error::NoAccess, Fault::Forbidden),
    (Error::UnknownReader, Fault::NoReader),
    (Error::ReaderUnavailable, Fault::NoReader),
    (Error::NoReadersAvailable, Fault::NoReader),
    (Error::NoSmartcard, Fault::NoCard),
    (Error::RemovedCard, Fault::Removed),
    (Error::ResetCard, Fault::Removed),
    (Error::SharingViolation, Fault::Busy),
    (Error::UnresponsiveCard, Fault::Mute),
    (Error::UnpoweredCard, Fault::Mute),
    (Error::Timeout, Fault::Mute),
];

/// The fault behind an error of libpcsclite.
pub(crate) fn of(error: Error) -> Fault {
    let known = FAULTS.iter().find(|(known, _)| *known == error);
    known.map_or(Fault::Garbled, |(_, fault)| *fault)
}

/// Whether the connection to pcscd is worth nothing any more.
pub(crate) fn ends_context(error: Error) -> bool {
    matches!(of(error), Fault::NoService | Fault::Forbidden)
}
