//! What can be asked, a file each. Doors call these; nothing here knows a wire form.

pub mod ask;

pub use ask::{
    CallerId, Failure, JournalStatus, ListFilter, PlatformStatus, SettlementKey, Status,
};
