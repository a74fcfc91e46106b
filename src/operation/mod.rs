//! What can be asked, a file each. Doors call these; nothing here knows a wire form.

pub mod ask;

pub use ask::{
    CallerId, Failure, JournalStatus, ListFilter, PlatformStatus, SettlementKey, Status,
};

// Doors import operations only; what is told of devices is told in the hub's words.
pub use crate::device::{
    Counters as DeviceCounters, DeviceEvent, DeviceInfo, DeviceState, Holder as DeviceHolder,
    Paper as Roll, PrinterState, Watched, What,
};
