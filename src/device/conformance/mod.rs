//! What every driver of a family must do, written once: checks over the far end of its line. Each asserts what comes
//! of it, the code of the book, and that it came by its deadline and one second more.
//!
//! A new driver joins so:
//! 1. in its tests, implement its family's far end for what stands at the other side of its line: [`scanner::Far`],
//!    [`printer::Far`], [`report::Far`] or [`card::Far`];
//! 2. say in its constants what the wire itself decides, such as whether a silence ends a code;
//! 3. add one test that calls the `all_hold` of the family with it;
//! 4. give it a `Driver` of its own: its row and its cells in the table of proofs;
//! 5. a case that only this driver has stays a test of its own, a case that others could have becomes a check here.
//!
//! What needs more than a bare machine is checked in the guest (`tests/guest/`), against the daemon: a printer and a
//! 居民身份证 reader on USB, and the opening of HID scanners and keyboards. What a report printer's driver takes for
//! the truth is checked once more against a real CUPS (`tests/it/print/report/`).

pub(super) mod card;
pub(super) mod printer;
pub(super) mod report;
pub(super) mod scanner;

#[path = "../../../tests/it/proof/record.rs"]
#[allow(
    clippy::duplicate_mod,
    dead_code,
    unreachable_pub,
    reason = "the integration tests use it too, and more of it"
)]
mod record;

#[path = "../../../tests/it/desk/stall.rs"]
#[allow(
    clippy::duplicate_mod,
    unreachable_pub,
    reason = "the integration tests use it too"
)]
mod stall;

use std::pin::Pin;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::timeout;

use self::record::{Found, Proof};
use self::stall::Stalls;

/// What an answer may be late.
const LATE: Duration = Duration::from_secs(1);
/// The longest that a machine may keep a test waiting.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Unplugged and plugged in again so often, in the short form and in the long one.
const ROUNDS: u32 = 3;
const ROUNDS_LONG: u32 = 100;

/// A driver's row in the table of proofs.
pub(super) struct Driver {
    /// The name of its files.
    pub(super) id: &'static str,
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
}

/// A check, and what it is called.
type Check = (&'static str, Pin<Box<dyn Future<Output = ()>>>);

/// Checks of one driver, by their names.
macro_rules! checks {
    ($far:ident: $($check:ident),+ $(,)?) => {
        vec![$((stringify!($check), Box::pin($check::<$far>()))),+]
    };
}
use checks;

/// Runs all checks, each on a line of its own and all at once; one that fails stops no other.
async fn all_hold(driver: &Driver, checks: Vec<Check>) {
    let mut proof = Proof::begin(driver.id, driver.en, driver.zh);
    let local = LocalSet::new();
    let running: Vec<_> = checks
        .into_iter()
        .map(|(name, check)| {
            let began = Instant::now();
            let task = local.spawn_local(async move {
                check.await;
                began.elapsed()
            });
            (name, began, task)
        })
        .collect();
    let (mut count, mut failed) = (0, Vec::new());
    local
        .run_until(async {
            for (name, began, task) in running {
                let held = task.await;
                let end = if held.is_ok() { "holds" } else { "FAILS" };
                let took = held.unwrap_or_else(|_| began.elapsed());
                proof.cell(name, end, "–", took);
                count += 1;
                if end != "holds" {
                    failed.push(name);
                }
            }
        })
        .await;
    proof.end(&Found {
        count,
        failures: u64::try_from(failed.len()).unwrap(),
        seeds: None,
    });
    assert!(failed.is_empty(), "{}: {failed:?}", driver.id);
}

/// Naps as long as the tests run.
static STALLS: LazyLock<Stalls> = LazyLock::new(Stalls::watch);

/// What was asked, which must be answered by then. For as long as the machine had no processor for a thread that only
/// naps nobody is to blame; a driver that waits where it must not is.
async fn in_time<T>(deadline: Duration, asked: impl Future<Output = T>) -> T {
    let (before, began) = (STALLS.lost(), Instant::now());
    let answered = timeout(deadline + STALL_MAX, asked).await;
    let answered = answered.expect("an answer");
    let late = began.elapsed().saturating_sub(deadline);
    let stalled = STALLS.lost().saturating_sub(before);
    assert!(
        late <= LATE + stalled,
        "{late:?} late, {stalled:?} of it without a processor"
    );
    answered
}

/// How often a device is unplugged and plugged in again.
fn rounds() -> u32 {
    if record::is_long() {
        ROUNDS_LONG
    } else {
        ROUNDS
    }
}

#[tokio::test]
#[should_panic(expected = "late")]
async fn an_answer_that_is_late_does_not_hold() {
    // A thread that waits for others of ours is no excuse.
    let others = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    let end = Instant::now() + 3 * LATE;
    for _ in 0..others {
        std::thread::spawn(move || while Instant::now() < end {});
    }
    in_time(Duration::ZERO, tokio::time::sleep(3 * LATE)).await;
}
