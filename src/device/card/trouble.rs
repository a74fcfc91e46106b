//! Why a card was not read, and whether the way to it is still good.

use super::frame::Fault;
use crate::book::Code;
use crate::device::error::DeviceError;

/// Why a card was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// This card, this time.
    Card(DeviceError),
    /// The way to the reader hangs or is gone: it is made anew.
    Way(DeviceError),
}

impl Failure {
    pub(crate) fn card(code: Code, detail: impl Into<String>) -> Self {
        Self::Card(DeviceError::new(code, detail))
    }

    pub(crate) fn way(code: Code, detail: impl Into<String>) -> Self {
        Self::Way(DeviceError::new(code, detail))
    }

    pub(crate) fn error(self) -> DeviceError {
        match self {
            Self::Card(error) | Self::Way(error) => error,
        }
    }
}

/// What a fault of the card service means for a person.
pub(crate) fn code_of(fault: Fault) -> Code {
    match fault {
        Fault::NoService => Code::CardServiceMissing,
        Fault::Forbidden => Code::CardReaderForbidden,
        Fault::NoReader => Code::CardReaderUnplugged,
        Fault::NoCard | Fault::Removed => Code::CardPulled,
        Fault::Busy => Code::CardReaderBusy,
        Fault::Mute => Code::CardReaderSilent,
        Fault::Garbled => Code::CardUnreadable,
    }
}
