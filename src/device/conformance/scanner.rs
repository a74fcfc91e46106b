//! What every scanner's driver must do.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Check, Driver, checks, in_time, rounds};
use crate::book::Code;
use crate::config::devices::Framing;
use crate::device::far_end::{PATIENCE, until};
use crate::device::{
    Asker, Counters, DeviceError, DeviceState, Hub, ROLE_SCANNER, Scan, ScannerLease,
};

/// What the scanner is called.
pub(in crate::device) const NAME: &str = "gun";
/// Longest wait for a scanner that was just claimed and is not there.
const ARRIVAL: Duration = Duration::from_secs(2);
/// A wait that nobody ends.
const SHORT: Duration = Duration::from_millis(80);
/// What a line must notice of its own cable.
const NOTICED: Duration = Duration::ZERO;

/// A scanner at the far end of a line. Its codes are letters and digits.
pub(in crate::device) trait Far: Sized + 'static {
    const DRIVER: Driver;

    /// Plugged in, and owned by a hub that calls it [`NAME`].
    async fn plugged(framing: Framing) -> Self;
    fn hub(&self) -> &Hub;
    /// It sends the beginning of a code, or more of it.
    fn begin(&mut self, bytes: &[u8]);
    /// It sends the last bytes of a code, and that it ends.
    fn finish(&mut self, bytes: &[u8]);
    /// It sends what is no code.
    fn noise(&mut self);
    fn unplug(&mut self);
    fn plug(&mut self);
}

/// Every check of this driver.
pub(in crate::device) async fn all_hold<F: Far>() {
    let checks: Vec<Check> = checks![F:
        a_code_is_given_as_it_is,
        a_code_that_comes_in_parts_is_one,
        a_code_before_arming_is_refused,
        a_code_that_began_before_arming_is_refused_whole,
        half_a_code_is_an_error_after_a_silence,
        of_two_codes_at_once_the_first_counts,
        who_stops_waiting_is_not_armed,
        too_long_a_code_is_an_error,
        a_code_of_another_length_is_an_error,
        nobody_scans,
        what_is_no_code_is_given_to_nobody,
        unplugged_while_armed_and_back_again,
        unplugged_in_the_middle_of_a_code,
        a_scanner_that_is_not_there,
    ];
    super::all_hold(&F::DRIVER, checks).await;
}

async fn a_code_is_given_as_it_is<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    for code in ["4240000000000000000000000000", "aB3", "7"] {
        lease.arm(soon()).await.unwrap();
        far.finish(code.as_bytes());
        assert_eq!(read(&mut lease).await, code);
    }
    let counters = counters(&far);
    assert_eq!((counters.codes, counters.codes_ignored), (3, 0));
}

async fn a_code_that_comes_in_parts_is_one<F: Far>() {
    const CODE: &str = "81X0572";
    let patient = Framing {
        gap_ms: 5_000,
        ..Framing::default()
    };
    let mut far = F::plugged(patient).await;
    let mut lease = claim(&far).await;
    for split in 1..CODE.len() {
        lease.arm(soon()).await.unwrap();
        let before = counters(&far).bytes_in;
        let (head, rest) = CODE.as_bytes().split_at(split);
        far.begin(head);
        bytes_came(&far, before, head).await;
        far.finish(rest);
        assert_eq!(read(&mut lease).await, CODE, "split at {split}");
    }
}

async fn a_code_before_arming_is_refused<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    far.finish(b"early");
    ignored(&far, 1).await;
    lease.arm(soon()).await.unwrap();
    far.finish(b"good");
    assert_eq!(read(&mut lease).await, "good");
}

async fn a_code_that_began_before_arming_is_refused_whole<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    far.begin(b"ear");
    bytes_came(&far, 0, b"ear").await;
    lease.arm(soon()).await.unwrap();
    far.finish(b"ly");
    far.finish(b"good");
    assert_eq!(read(&mut lease).await, "good");
    ignored(&far, 1).await;
}

async fn half_a_code_is_an_error_after_a_silence<F: Far>() {
    let framing = Framing::default();
    let gap = Duration::from_millis(framing.gap_ms.into());
    let mut far = F::plugged(framing).await;
    let mut lease = claim(&far).await;
    lease.arm(soon()).await.unwrap();
    let start = Instant::now();
    far.begin(b"2812");
    assert_eq!(refusal(&mut lease, PATIENCE).await, Code::CodeIncomplete);
    assert!(start.elapsed() >= gap);
    ignored(&far, 1).await;
    // What comes late is its rest, also for who is armed by then; and a code that is tried again too soon may be one.
    for late in [&b"rest"[..], b"281224240001"] {
        lease.arm(soon()).await.unwrap();
        far.finish(late);
        assert_eq!(refusal(&mut lease, PATIENCE).await, Code::CodeIncomplete);
        assert_eq!(counters(&far).codes, 0);
        if late == b"rest" {
            ignored(&far, 2).await;
            lease.arm(soon()).await.unwrap();
            far.begin(b"2812");
            assert_eq!(refusal(&mut lease, PATIENCE).await, Code::CodeIncomplete);
        }
    }
    ignored(&far, 4).await;
    lease.arm(soon()).await.unwrap();
    far.finish(b"whole");
    assert_eq!(read(&mut lease).await, "whole");
}

async fn of_two_codes_at_once_the_first_counts<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    lease.arm(soon()).await.unwrap();
    far.finish(b"one");
    far.finish(b"two");
    assert_eq!(read(&mut lease).await, "one");
    ignored(&far, 1).await;
    assert_eq!(refusal(&mut lease, SHORT).await, Code::NobodyScanned);
    lease.arm(soon()).await.unwrap();
    far.finish(b"three");
    assert_eq!(read(&mut lease).await, "three");
}

async fn who_stops_waiting_is_not_armed<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    lease.arm(soon()).await.unwrap();
    let given_up = timeout(Duration::from_millis(20), lease.read(soon())).await;
    assert!(given_up.is_err());
    far.finish(b"late");
    ignored(&far, 1).await;
}

async fn too_long_a_code_is_an_error<F: Far>() {
    let framing = Framing::default();
    let mut far = F::plugged(framing).await;
    let mut lease = claim(&far).await;
    lease.arm(soon()).await.unwrap();
    far.finish("7".repeat(framing.length_max + 1).as_bytes());
    assert_eq!(refusal(&mut lease, PATIENCE).await, Code::CodeUnknownKind);
    ignored(&far, 1).await;
    assert_eq!(counters(&far).codes, 0);
    lease.arm(soon()).await.unwrap();
    far.finish("7".repeat(framing.length_max).as_bytes());
    assert_eq!(read(&mut lease).await.len(), framing.length_max);
}

async fn a_code_of_another_length_is_an_error<F: Far>() {
    let framing = Framing {
        length: Some(6),
        ..Framing::default()
    };
    let mut far = F::plugged(framing).await;
    let mut lease = claim(&far).await;
    for wrong in ["28122", "2812245"] {
        lease.arm(soon()).await.unwrap();
        far.finish(wrong.as_bytes());
        let told = refusal(&mut lease, PATIENCE).await;
        assert_eq!(told, Code::CodeLengthDiffers, "{wrong}");
        lease.arm(soon()).await.unwrap();
        far.finish(b"281224");
        assert_eq!(read(&mut lease).await, "281224");
    }
    ignored(&far, 2).await;
    // One without its end is half a code and nothing else.
    lease.arm(soon()).await.unwrap();
    far.begin(b"2812");
    assert_eq!(refusal(&mut lease, PATIENCE).await, Code::CodeIncomplete);
}

async fn nobody_scans<F: Far>() {
    let far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    assert_eq!(refusal(&mut lease, SHORT).await, Code::NobodyScanned);
}

async fn what_is_no_code_is_given_to_nobody<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    lease.arm(soon()).await.unwrap();
    far.noise();
    assert_eq!(refusal(&mut lease, 3 * SHORT).await, Code::NobodyScanned);
    far.noise();
    lease.arm(soon()).await.unwrap();
    far.noise();
    far.finish(b"good");
    assert_eq!(read(&mut lease).await, "good");
}

async fn unplugged_while_armed_and_back_again<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    for round in 0..rounds() {
        lease.arm(soon()).await.unwrap();
        far.unplug();
        // The goal is 100 ms.
        let told = in_time(NOTICED, lease.read(soon())).await;
        assert_eq!(told.unwrap_err().code, Code::ScannerUnplugged);
        is(&far, DeviceState::Missing).await;
        far.plug();
        is(&far, DeviceState::Ready).await;
        lease.arm(soon()).await.unwrap();
        far.finish(format!("round{round}").as_bytes());
        assert_eq!(read(&mut lease).await, format!("round{round}"));
    }
    assert_eq!(counters(&far).opened, u64::from(rounds()) + 1);
}

async fn unplugged_in_the_middle_of_a_code<F: Far>() {
    let patient = Framing {
        gap_ms: 5_000,
        ..Framing::default()
    };
    let mut far = F::plugged(patient).await;
    let mut lease = claim(&far).await;
    lease.arm(soon()).await.unwrap();
    far.begin(b"123");
    bytes_came(&far, 0, b"123").await;
    far.unplug();
    let told = in_time(NOTICED, lease.read(soon())).await;
    assert_eq!(told.unwrap_err().code, Code::ScannerUnplugged);
    is(&far, DeviceState::Missing).await;
    far.plug();
    is(&far, DeviceState::Ready).await;
    lease.arm(soon()).await.unwrap();
    far.finish(b"456");
    assert_eq!(read(&mut lease).await, "456");
}

async fn a_scanner_that_is_not_there<F: Far>() {
    let mut far = F::plugged(Framing::default()).await;
    let mut lease = claim(&far).await;
    far.unplug();
    is(&far, DeviceState::Missing).await;
    assert_eq!(refusal(&mut lease, SHORT).await, Code::ScannerMissing);
    drop(lease);
    for (deadline, longest) in [(SHORT, SHORT), (PATIENCE, ARRIVAL)] {
        let claimed = in_time(longest, claim_within(&far, deadline)).await;
        assert_eq!(claimed.err().unwrap().code, Code::ScannerMissing);
        assert_eq!(far.hub().list()[0].holder, None);
    }
    // One that comes while it is waited for.
    let hub = far.hub().clone();
    let claiming = tokio::task::spawn_local(async move {
        let place = watch::Sender::new(0);
        hub.claim_scanner(ROLE_SCANNER, asker(), soon(), place)
            .await
    });
    until(far.hub(), NAME, |gun| gun.holder.is_some()).await;
    far.plug();
    let mut lease = claiming.await.unwrap().unwrap();
    lease.arm(soon()).await.unwrap();
    far.finish(b"good");
    assert_eq!(read(&mut lease).await, "good");
}

async fn claim<F: Far>(far: &F) -> ScannerLease {
    claim_within(far, PATIENCE).await.unwrap()
}

async fn claim_within<F: Far>(far: &F, deadline: Duration) -> Result<ScannerLease, DeviceError> {
    let (latest, place) = (Instant::now() + deadline, watch::Sender::new(0));
    let hub = far.hub();
    hub.claim_scanner(ROLE_SCANNER, asker(), latest, place)
        .await
}

async fn read(lease: &mut ScannerLease) -> String {
    let read: Result<Scan, DeviceError> = in_time(PATIENCE, lease.read(soon())).await;
    String::from_utf8(read.unwrap().bytes.to_vec()).unwrap()
}

/// Why there is no code.
async fn refusal(lease: &mut ScannerLease, deadline: Duration) -> Code {
    let read = in_time(deadline, lease.read(Instant::now() + deadline)).await;
    read.unwrap_err().code
}

async fn bytes_came<F: Far>(far: &F, before: u64, bytes: &[u8]) {
    let wanted = before + u64::try_from(bytes.len()).unwrap();
    until(far.hub(), NAME, |gun| gun.counters.bytes_in == wanted).await;
}

async fn ignored<F: Far>(far: &F, codes: u64) {
    until(far.hub(), NAME, |gun| gun.counters.codes_ignored == codes).await;
}

async fn is<F: Far>(far: &F, state: DeviceState) {
    until(far.hub(), NAME, |gun| gun.state == state).await;
}

fn counters<F: Far>(far: &F) -> Counters {
    far.hub().list()[0].counters
}

fn asker() -> Asker {
    Asker {
        stream: "checks".into(),
        what: "test".into(),
        by: String::new(),
    }
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
