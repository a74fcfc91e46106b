//! The words between doors and operations: who asks, what for, what is told.

use crate::book::Code;
use crate::device::DeviceError;
use crate::runner::Reached;
use crate::settlement::stuck::Truth;

/// Who asks, as far as operations care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerId {
    /// The identity a `request_id` is scoped to: `uid:1000`.
    pub id: String,
    /// The same with its process or its connection, as the door knows them, for those who look at who holds what:
    /// `uid:1000 pid 4711`.
    pub shown: String,
    /// The way in, as rows of who saw what name it: `socket`, `bus`, `tcp`, `tls`.
    pub door: &'static str,
    /// Whether it may settle a bill that names nobody.
    pub may_bill_unnamed: bool,
    /// Whether names and numbers may be told to it whole.
    pub may_see_persons: bool,
    /// Whose socket a token was shown on, where the kernel says; a local caller's is its id.
    pub uid: Option<u32>,
}

/// A call that did not start anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {}: {detail}", code.id(), code.name())]
pub struct Failure {
    /// The book's code.
    pub code: Code,
    /// What exactly, for the developer. Names fields, never values of persons.
    pub detail: String,
    /// The fields that are wrong, by their wire path (`bills[0].lines[2].pric`).
    pub fields: Vec<String>,
}

impl Failure {
    /// Without fields.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            fields: Vec::new(),
        }
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        Self::new(error.code, error.detail)
    }
}

/// Which settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlementKey {
    /// By its own id.
    SettlementId(String),
    /// By the caller's id, scoped to the caller.
    RequestId(String),
    /// By 结算ID.
    SetlId(String),
    /// By the msgid of the settling call.
    Msgid(String),
}

/// Which refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundKey {
    /// By its own id.
    Id(String),
    /// By the caller's id, scoped to the caller.
    RequestId(String),
    /// By the platform's 结算ID of the refund.
    SetlId(String),
}

/// What a person states of a settlement that is stuck.
#[derive(Clone, PartialEq, Eq)]
pub struct Stated {
    /// Of which one.
    pub key: SettlementKey,
    /// What is true.
    pub verdict: Truth,
    /// How it is known.
    pub reason: String,
    /// 结算ID as found; may be empty.
    pub setl_id: String,
    /// Rows of a hand-out or take-back that are recorded; empty: all.
    pub lines: Vec<u32>,
}

impl std::fmt::Debug for Stated {
    /// Without the reason: people write names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stated")
            .field("key", &self.key)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// Which settlements to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Accepted at or after, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Accepted before, Unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only those still running.
    pub open_only: bool,
    /// Only those that need a person.
    pub stuck_only: bool,
    /// At most so many, 1–500.
    pub limit: usize,
    /// Only those accepted before this settlement.
    pub before: Option<String>,
}

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// The desk's name.
    pub desk_name: String,
    /// The desk's number, 0–999.
    pub desk_number: u16,
    /// Why no new settlement is taken, if so.
    pub refusing: Option<Failure>,
    /// Since when it runs, Unix milliseconds.
    pub started_at_ms: i64,
    /// Settlements that run.
    pub open: usize,
    /// Settlements that need a person.
    pub stuck: usize,
    /// The platform, as last seen.
    pub platform: PlatformStatus,
    /// The journal.
    pub journal: JournalStatus,
    /// Lines of the log that were dropped since the start.
    pub log_dropped: u64,
    /// What is logged.
    pub log_filter: String,
    /// The door on the system bus.
    pub bus: BusState,
    /// The port for TCP.
    pub tcp: TcpState,
    /// The devices.
    pub devices: Vec<crate::device::DeviceInfo>,
}

/// How the door on the system bus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusState {
    /// Not wanted.
    Off,
    /// Wanted, and not there.
    Away,
    /// There.
    On,
}

/// How the port for TCP is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpState {
    /// Not wanted.
    Off,
    /// Wanted, and not to be had; it is tried again and again.
    Away {
        /// What the system says.
        why: String,
        /// Whose socket has it, as far as the kernel lists it.
        held_by_uid: Option<u32>,
    },
    /// Listened at.
    On,
}

/// The platform, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformStatus {
    /// Whether it answers.
    pub reached: Reached,
    /// Its clock minus ours, milliseconds, as of then.
    pub skew_ms: Option<i64>,
}

/// The journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStatus {
    /// Events in it.
    pub events: u64,
    /// Commits since the start, each one sync.
    pub commits: u64,
}
