//! What can be wrong with a device, for callers that branch on it.

use crate::book::Code;

/// A device did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.name())]
pub struct DeviceError {
    /// What it is in the error book.
    pub code: Code,
    /// For the log: which device, which path, what the system said. Never the content of a code or paper.
    pub detail: String,
}

impl DeviceError {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}
