//! What comes from a printer and is no answer.

use std::time::Duration;

use super::{
    BY_NUMBER, BY_NUMBER_MODEL, BY_STATUS, BY_STATUS_MODEL, Far, NAME, UNANSWERED, job, paper_of,
    print, unknown, within,
};
use crate::book::Code;
use crate::device::conformance::in_time;
use crate::device::far_end::{PATIENCE, until};
use crate::device::printer::PrintOutcome;

pub(super) async fn noise_proves_nothing_and_harms_nothing<F: Far>() {
    /// Foreign bytes, flow control, half a report, half a number.
    const NOISE: [u8; 9] = [0xff, 0x80, 0x11, 0x13, 0xfe, 0x10, 0, 0x37, 0x22];
    let far = F::on(BY_NUMBER_MODEL).await;
    assert_eq!(print(&far).await, BY_NUMBER);
    let heard = far.hub().list()[0].counters.bytes_in;
    let noise = u64::try_from(NOISE.len()).unwrap();
    far.printer().far().outbox.extend(NOISE);
    until(far.hub(), NAME, |slip| {
        slip.counters.bytes_in >= heard + noise
    })
    .await;
    assert_eq!(print(&far).await, BY_NUMBER);
    far.printer().far().answers_process = false;
    far.printer().far().answers_queued = false;
    let deadline = UNANSWERED;
    let printing = tokio::spawn(job(&far, within(deadline)));
    let whole = 3 * paper_of(BY_NUMBER_MODEL).len();
    far.printer().until(|far| far.paper.len() == whole).await;
    far.printer().far().outbox.extend(NOISE);
    let outcome = in_time(deadline, printing).await.unwrap();
    assert_eq!(unknown(outcome).0, Code::PrintNotProven);
}

/// As a printer leaves one that loses its power before it printed what it has.
pub(super) async fn a_stray_byte_behind_a_job_proves_nothing<F: Far>() {
    let far = F::on(BY_STATUS_MODEL).await;
    assert_eq!(print(&far).await, BY_STATUS);
    far.printer().far().answers_queued = false;
    let printing = tokio::spawn(job(&far, within(UNANSWERED)));
    let whole = 2 * paper_of(BY_STATUS_MODEL).len();
    far.printer().until(|far| far.paper.len() == whole).await;
    {
        let mut printer = far.printer().far();
        printer.answers_status = false;
        printer.outbox.push(0);
    }
    let outcome = in_time(UNANSWERED, printing).await.unwrap();
    assert_eq!(unknown(outcome).0, Code::PrintNotProven);
}

/// It answers how it is and prints on; what it is asked in its turn it does not answer.
pub(super) async fn stray_bytes_of_one_that_lives_prove_nothing<F: Far>() {
    let once = async |count: usize| {
        let far = F::on(BY_STATUS_MODEL).await;
        let printing = strays_follow(&far).await;
        far.printer().far().outbox.extend(vec![0; count]);
        printing.await.unwrap()
    };
    let steadily = async |between_ms| {
        let far = F::on(BY_STATUS_MODEL).await;
        let printing = strays_follow(&far).await;
        let mut next = tokio::time::interval(Duration::from_millis(between_ms));
        while !printing.is_finished() {
            next.tick().await;
            far.printer().far().outbox.push(0);
        }
        printing.await.unwrap()
    };
    let told = async { tokio::join!(once(1), once(2), once(5), steadily(20), steadily(90)) };
    let (one, two, five, quick, slow) = in_time(2 * UNANSWERED, told).await;
    for outcome in [one, two, five, quick, slow] {
        assert_eq!(unknown(outcome).0, Code::PrintNotProven);
    }
}

/// A job that has come out, to whose questions there is no answer.
pub(super) async fn strays_follow<F: Far>(far: &F) -> tokio::task::JoinHandle<PrintOutcome> {
    far.printer().far().answers_queued = false;
    let printing = tokio::spawn(job(far, within(UNANSWERED)));
    let whole = paper_of(BY_STATUS_MODEL).len();
    far.printer().until(|far| far.paper.len() == whole).await;
    printing
}

/// Its line lives on, as a serial one does; what it held is lost.
pub(super) async fn one_that_was_off_behind_a_stray_byte_proves_nothing<F: Far>() {
    let far = F::on(BY_STATUS_MODEL).await;
    assert_eq!(print(&far).await, BY_STATUS);
    far.printer().far().answers_queued = false;
    let deadline = 2 * UNANSWERED;
    let printing = tokio::spawn(job(&far, within(deadline)));
    let whole = 2 * paper_of(BY_STATUS_MODEL).len();
    far.printer().until(|far| far.paper.len() == whole).await;
    let before = {
        let mut printer = far.printer().far();
        printer.answers_status = false;
        printer.outbox.push(0);
        far.hub().list()[0].counters.bytes_out
    };
    // A question that is not answered, and the next one: then it is on again.
    until(far.hub(), NAME, |slip| {
        slip.counters.bytes_out >= before + 6
    })
    .await;
    far.printer().far().answers_status = true;
    let outcome = in_time(deadline, printing).await.unwrap();
    assert_eq!(unknown(outcome).0, Code::PrintNotProven);
}

/// It answers side by side questions once, or each of them when the host has acknowledged the one before.
pub(super) async fn one_that_answers_in_its_own_way_is_proven<F: Far>() {
    let every_second = async {
        let far = F::on(BY_STATUS_MODEL).await;
        far.printer().far().skips_queued = true;
        [print(&far).await, print(&far).await]
    };
    let slowly = async {
        let far = F::on(BY_STATUS_MODEL).await;
        far.printer().far().queued_pause = Duration::from_millis(60);
        [print(&far).await, print(&far).await]
    };
    let told = async { tokio::join!(every_second, slowly) };
    let (every_second, slowly) = in_time(PATIENCE, told).await;
    assert_eq!((every_second, slowly), ([BY_STATUS; 2], [BY_STATUS; 2]));
}
