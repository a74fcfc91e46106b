//! polkit may add a dangerous operation to what a caller on the bus may do; it never takes one away.
//!
//! The table of rights decides first. Only when it says no to one of these methods, polkit is asked about the caller
//! by its name on the bus, and its yes holds for this one call and is written down. No answer in time is a no. What
//! went wrong is said in the refusal, of which the log is told as of any other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use zbus::{Connection, Variant};

use crate::ipc::access::Action;

/// How long polkit may think when it need not ask a person; it may have to be started first.
const THINK_MS_MAX: u64 = 5_000;
/// How long a person may take to say who they are.
const PERSON_MS_MAX: u64 = 120_000;
const SERVICE: &str = "org.freedesktop.PolicyKit1";
const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const INTERFACE: &str = "org.freedesktop.PolicyKit1.Authority";
const ALLOW_INTERACTION: u32 = 1;

/// What polkit said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Yes.
    Yes,
    /// No.
    No,
    /// A person would have to be asked, and the caller did not allow that.
    WouldAsk,
    /// Nothing, or nothing that can be understood.
    Nothing,
}

impl Verdict {
    /// For the caller.
    pub(super) fn words(self) -> &'static str {
        match self {
            Verdict::Yes => "polkit allows it",
            Verdict::No => "polkit does not allow it",
            Verdict::WouldAsk => {
                "polkit would ask a person: call with ALLOW_INTERACTIVE_AUTHORIZATION (busctl: \
                 --allow-interactive-authorization=yes)"
            }
            Verdict::Nothing => "polkit did not answer",
        }
    }
}

/// Asks whether the connection of this name may do it.
pub(super) async fn ask(
    bus: &Connection,
    name: &str,
    action: &Action,
    may_ask_person: bool,
    at_most: Duration,
) -> Verdict {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let (flags, wait_ms) = match may_ask_person {
        true => (ALLOW_INTERACTION, PERSON_MS_MAX),
        false => (0, THINK_MS_MAX),
    };
    let cancellation = format!("yibaod-{}", ASKED.fetch_add(1, Ordering::Relaxed));
    let subject = HashMap::from([("name", Variant::from(name))]);
    let details: HashMap<&str, &str> = HashMap::new();
    let question = (
        ("system-bus-name", subject),
        action.id,
        details,
        flags,
        cancellation.as_str(),
    );
    let asked = bus.call_method(
        Some(SERVICE),
        PATH,
        Some(INTERFACE),
        "CheckAuthorization",
        &question,
    );
    match timeout(at_most.min(Duration::from_millis(wait_ms)), asked).await {
        Ok(Ok(reply)) => verdict(&reply),
        Ok(Err(error)) => {
            tracing::debug!(%error, action = action.id, "polkit could not be asked");
            Verdict::Nothing
        }
        Err(_) => {
            tracing::debug!(action = action.id, "polkit did not answer in time");
            // A dialog that nobody waits for must not stay. Nobody waits for this answer either.
            let cancelled = bus.call_method(
                Some(SERVICE),
                PATH,
                Some(INTERFACE),
                "CancelCheckAuthorization",
                &cancellation,
            );
            drop(timeout(Duration::from_millis(100), cancelled).await);
            Verdict::Nothing
        }
    }
}

fn verdict(reply: &zbus::Message) -> Verdict {
    let body = reply.body();
    let read = body.deserialize::<((bool, bool, HashMap<String, String>),)>();
    match read {
        Ok(((true, _, _),)) => Verdict::Yes,
        Ok(((false, true, _),)) => Verdict::WouldAsk,
        Ok(((false, false, _),)) => Verdict::No,
        Err(error) => {
            tracing::debug!(%error, "polkit's answer cannot be understood");
            Verdict::Nothing
        }
    }
}
