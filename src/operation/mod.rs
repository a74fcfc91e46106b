//! What can be asked, a file each. Doors call these; nothing here knows a wire form.

mod ask;
mod audit;
mod batch;
mod card;
mod coming_back;
mod devices;
mod dispense;
mod document;
mod errand;
mod identify;
mod jobs;
mod look;
mod metrics;
mod operations;
mod pick_up;
mod print;
mod reconcile;
mod record;
mod refund;
mod report;
mod reprint;
mod resolve;
mod scan;
mod settle;
mod sheet;
mod status;
mod steer;
mod steward;
mod stuck;
mod watch;
mod year_to_date;

pub use crate::runner::Reached;
pub use ask::{
    BusState, CallerId, Failure, JournalStatus, ListFilter, PlatformStatus, RefundKey,
    SettlementKey, Stated, Status, TcpState,
};
pub use batch::{BATCH_MAX, BatchTold, BatchWish};
pub use card::{CARD_WAIT_MS_MAX, CardWish};
pub use dispense::{DispenseKey, HandOut, HandedOut, TakeBack};
pub use document::{DOCUMENT_BYTES_MAX, PutTold, PutWish};
pub use identify::Identified;
pub use jobs::{JobKey, JobNow, JobRow, JobTold, JobsFilter};
pub use operations::{Identity, Operations, Waits};
pub use pick_up::{Dispensed, Ticket};
pub use print::{JobCancel, PrintPaper, PrintWish, ReprintOf, ReprintRights, ReprintWish};
pub use reconcile::{Reconcile, Reconciled};
pub use resolve::Resolved;
pub use scan::{ClaimTold, CodeRead, ScanWish};
pub use settle::answered_within;
pub use sheet::{SheetTold, SheetWish};
pub use steward::{ConfigChange, ReloadAsked};

// Doors import operations only; what is told of devices is told in the hub's words.
pub use crate::device::{
    Check, ClaimEnd, ClaimWish, Counters as DeviceCounters, DeviceEvent, DeviceInfo, DeviceState,
    Holder as DeviceHolder, Medium, Paper as Roll, PaperPreview, PrinterState, Recorded,
    RecordedWhat, Recording, RecordingEnd, Resident, ShownCard, Verdict as HealthVerdict,
    WatchPoint, Watched, Watcher, Way, What, Why,
    quirks::{By as ModelBy, Chosen as ModelChosen},
};
