//! Why a card was not read, and whether the way to it is still good.

use super::frame::Fault;
use crate::book::Code;
use crate::device::error::DeviceError;

/// Why a card was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This card, this time.
    Card(DeviceError),
    /// Nothing is said of a card, and the way to the reader is good: it is busy, it went away, it was shown nothing.
    Reader(DeviceError),
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

    pub(crate) fn reader(code: Code, detail: impl Into<String>) -> Self {
        Self::Reader(DeviceError::new(code, detail))
    }

    /// What the card service says of one question.
    pub(crate) fn of(fault: Fault) -> Self {
        let error = DeviceError::new(code_of(fault), format!("{fault:?}"));
        match fault {
            Fault::NoCard | Fault::Removed | Fault::Mute | Fault::NoKeypad | Fault::Garbled => {
                Self::Card(error)
            }
            Fault::NoService | Fault::Forbidden | Fault::NoReader | Fault::Busy => {
                Self::Reader(error)
            }
        }
    }

    /// What it is, whatever it is about.
    #[must_use]
    pub fn error(self) -> DeviceError {
        match self {
            Self::Card(error) | Self::Reader(error) | Self::Way(error) => error,
        }
    }

    /// [`Failure::error`], not taken.
    pub(crate) fn as_error(&self) -> &DeviceError {
        match self {
            Self::Card(error) | Self::Reader(error) | Self::Way(error) => error,
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
        Fault::Busy => Code::DeviceHeldElsewhere,
        Fault::Mute => Code::CardReaderSilent,
        Fault::NoKeypad => Code::CardWantsPin,
        Fault::Garbled => Code::CardUnreadable,
    }
}
