//! What every report printer's driver must do.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Check, Driver, checks, in_time};
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Kind, QueuePlace};
use crate::device::far_end::{PATIENCE, until};
use crate::device::far_service::{
    CANCEL_JOB, CANCELLED, COMPLETED, CREATE_JOB, FarJob, FarQueue, GET_JOB, GET_PRINTER,
    PROCESSING, SEND_DOCUMENT, Says, message,
};
use crate::device::{
    DeviceState, Hub, JobSeen, JobStage, PdfUpload, ROLE_REPORT, Refusal, ReportQueue,
};

/// What the printer is called.
pub(in crate::device) const NAME: &str = "reports";
/// Our job there.
const OURS: &str = "yibaod 0190";
/// Longest wait for an answer without a document.
const ANSWER: Duration = Duration::from_secs(5);
/// More than an answer may have.
const ENDLESS_BYTES: usize = 2 * 1_024 * 1_024;

/// A print service at the far end of a line.
pub(in crate::device) trait Far: Sized + 'static {
    const DRIVER: Driver;

    /// On, with a printer that is well, owned by [`hub`].
    async fn on() -> Self;
    fn hub(&self) -> &Hub;
    fn service(&mut self) -> &mut FarQueue;
}

/// Every check of this driver.
pub(in crate::device) async fn all_hold<F: Far>() {
    let checks: Vec<Check> = checks![F:
        a_queue_that_is_well_is_ready,
        what_is_wrong_is_told_before_a_document,
        a_report_arrives_whole_and_is_followed_to_its_end,
        a_job_whose_number_was_lost_is_found_by_its_name,
        a_document_whose_answer_was_lost_is_not_sent_again,
        a_document_that_breaks_off_is_taken_for_no_document,
        a_document_longer_than_it_was_is_not_sent_on,
        a_no_is_told_for_what_it_is,
        a_number_that_begins_anew_is_another_job,
        a_job_is_ended_when_it_can_be,
        a_service_that_is_off_and_on_again,
        a_service_that_says_nothing_holds_nobody,
        noise_is_no_answer,
    ];
    super::all_hold(&F::DRIVER, checks).await;
}

/// A hub that owns the queue of this place.
pub(in crate::device) fn hub(place: QueuePlace) -> Hub {
    Hub::start(vec![DeviceConfig {
        name: NAME.into(),
        role: ROLE_REPORT.into(),
        kind: Kind::Queue(place),
        model: None,
    }])
}

async fn a_queue_that_is_well_is_ready<F: Far>() {
    let far = F::on().await;
    until(far.hub(), NAME, |it| it.state == DeviceState::Ready).await;
    let state = far.hub().printer_state(ROLE_REPORT).await.unwrap();
    assert_eq!(state.trouble(), None);
}

async fn what_is_wrong_is_told_before_a_document<F: Far>() {
    let mut far = F::on().await;
    for (state, reason, accepts, format, code) in [
        (
            4,
            "media-empty-error",
            true,
            "application/pdf",
            Code::PaperOut,
        ),
        (4, "cover-open", true, "application/pdf", Code::CoverOpen),
        (4, "media-jam", true, "application/pdf", Code::PrinterError),
        (
            3,
            "offline-report",
            true,
            "application/pdf",
            Code::PrinterError,
        ),
        (5, "paused", true, "application/pdf", Code::QueueStopped),
        (3, "none", false, "application/pdf", Code::QueueNotAccepting),
        (3, "none", true, "image/urf", Code::QueueUnsuitable),
    ] {
        {
            let mut queue = far.service().queue();
            (queue.state, queue.reasons) = (state, vec![reason]);
            (queue.accepts, queue.formats) = (accepts, vec![format]);
        }
        let told = in_time(ANSWER, far.hub().printer_state(ROLE_REPORT)).await;
        assert_eq!(told.unwrap().trouble(), Some(code), "{reason}");
        let listed = far.hub().list().remove(0).printer;
        assert_eq!(listed.unwrap().trouble(), Some(code), "{reason}");
    }
    {
        let mut queue = far.service().queue();
        (queue.state, queue.reasons) = (3, vec!["none"]);
        (queue.accepts, queue.formats) = (true, vec!["application/pdf"]);
    }
    let told = far.hub().printer_state(ROLE_REPORT).await;
    assert_eq!(told.unwrap().trouble(), None);
}

async fn a_report_arrives_whole_and_is_followed_to_its_end<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    let empty = seen(&queue, job).await.unwrap();
    assert_eq!(
        (empty.stage, empty.awaits_document),
        (JobStage::Pending, true)
    );
    // Larger than what a socket holds, and in pieces of many sizes.
    let paper = paper(3 * 1_024 * 1_024);
    let mut pieces = vec![Bytes::copy_from_slice(&paper[..1])];
    pieces.extend(paper[1..].chunks(70_001).map(Bytes::copy_from_slice));
    let sent = queue.send(job, OURS, upload(paper.len(), pieces)).await;
    sent.unwrap();
    assert!(
        far.service().queue().papers() == [&paper[..]],
        "byte for byte"
    );
    let began = seen(&queue, job).await.unwrap();
    assert_eq!(
        (began.stage, began.awaits_document),
        (JobStage::Processing, false)
    );
    far.service().queue().jobs.get_mut(&job).unwrap().state = COMPLETED;
    let ended = seen(&queue, job).await.unwrap();
    assert_eq!((ended.stage, ended.sheets), (JobStage::Completed, 1));
    let counted = far.hub().list().remove(0).counters.bytes_out;
    assert_eq!(counted, u64::try_from(paper.len()).unwrap());
}

async fn a_job_whose_number_was_lost_is_found_by_its_name<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let lost = (true, Says::HangsUp);
    far.service().queue().moods.insert(CREATE_JOB, lost);
    let told = in_time(ANSWER, queue.create(OURS)).await.unwrap_err();
    assert_eq!(no_answer(&told), Some(Code::PrintServiceMissing));
    asked_once(&mut far, CREATE_JOB);
    far.service().queue().moods.clear();
    let other = queue.create("yibaod 0191").await.unwrap();
    assert_eq!(queue.empty_jobs(&[OURS]).await.unwrap(), [1]);
    assert_eq!(
        queue
            .empty_jobs(&["yibaod 0191 copy 2", "yibaod 0191"])
            .await
            .unwrap(),
        [other]
    );
    // It may be called in more than one way, and by no other's name.
    let seen_as = async |names: &[&str]| queue.job(other, names).await.unwrap();
    assert!(
        seen_as(&["yibaod 0191 copy 2", "yibaod 0191"])
            .await
            .is_some()
    );
    assert!(seen_as(&["yibaod 0191 copy 2", OURS]).await.is_none());
    // One that has its document is not empty.
    let paper = paper(100);
    let whole = upload(paper.len(), vec![paper.into()]);
    queue.send(1, OURS, whole).await.unwrap();
    assert_eq!(queue.empty_jobs(&[OURS]).await.unwrap(), Vec::<i32>::new());
}

async fn a_document_whose_answer_was_lost_is_not_sent_again<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    let lost = (true, Says::HangsUp);
    far.service().queue().moods.insert(SEND_DOCUMENT, lost);
    let paper = paper(100_000);
    let whole = upload(paper.len(), vec![paper.clone().into()]);
    let told = in_time(ANSWER, queue.send(job, OURS, whole)).await;
    assert_eq!(no_answer(&told.unwrap_err()), Some(Code::QueueBrokeOff));
    // The queue itself knows that it has it.
    assert!(!seen(&queue, job).await.unwrap().awaits_document);
    asked_once(&mut far, SEND_DOCUMENT);
    assert!(far.service().queue().papers() == [&paper[..]]);
}

async fn a_document_that_breaks_off_is_taken_for_no_document<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    let paper = paper(100_000);
    let half = Bytes::copy_from_slice(&paper[..50_000]);
    let broken = upload(paper.len(), vec![half]);
    let told = in_time(ANSWER, queue.send(job, OURS, broken)).await;
    assert!(no_answer(&told.unwrap_err()).is_some());
    assert_eq!(far.service().queue().asked.get(&SEND_DOCUMENT), None);
    assert!(seen(&queue, job).await.unwrap().awaits_document);
    assert!(far.service().queue().papers().is_empty());
}

async fn a_document_longer_than_it_was_is_not_sent_on<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    let paper = paper(100_000);
    let longer = upload(paper.len() - 1, vec![paper.into()]);
    let told = in_time(ANSWER, queue.send(job, OURS, longer)).await;
    assert!(no_answer(&told.unwrap_err()).is_some());
    assert!(far.service().queue().papers().is_empty());
}

async fn a_no_is_told_for_what_it_is<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    let ipp = |status| Says::Message(message(status, &[]));
    for (says, code) in [
        (ipp(0x0403), Code::QueueForbidden),
        (ipp(0x0408), Code::QueueOverLimit),
        (ipp(0x040a), Code::QueueUnsuitable),
        (ipp(0x0500), Code::QueueBusy),
        (ipp(0x0504), Code::PrinterError),
        (ipp(0x0506), Code::QueueNotAccepting),
        (ipp(0x0507), Code::QueueBusy),
        (ipp(0x0411), Code::QueueRefused),
        (Says::Status(401), Code::QueueForbidden),
        (Says::Status(404), Code::QueueUnknown),
        (Says::Status(413), Code::QueueOverLimit),
        (Says::Status(503), Code::QueueBusy),
    ] {
        for operation in [CREATE_JOB, SEND_DOCUMENT] {
            let mood = (false, says.clone());
            far.service().queue().moods.insert(operation, mood);
        }
        let created = in_time(ANSWER, queue.create(OURS)).await.unwrap_err();
        assert_eq!(refused(&created), Some(code), "{says:?}");
        let whole = upload(100, vec![paper(100).into()]);
        let sent = in_time(ANSWER, queue.send(job, OURS, whole)).await;
        assert_eq!(refused(&sent.unwrap_err()), Some(code), "{says:?}");
    }
    assert!(far.service().queue().papers().is_empty());
}

async fn a_number_that_begins_anew_is_another_job<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    assert!(seen(&queue, job).await.is_some());
    far.service().queue().jobs.clear();
    assert_eq!(seen(&queue, job).await, None);
    let others = FarJob {
        name: "somebody else's".into(),
        state: COMPLETED,
        document: None,
    };
    far.service().queue().jobs.insert(job, others);
    assert_eq!(seen(&queue, job).await, None);
}

async fn a_job_is_ended_when_it_can_be<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    for (before, after, stage) in [
        (PROCESSING, CANCELLED, JobStage::Cancelled),
        (COMPLETED, COMPLETED, JobStage::Completed),
    ] {
        let job = queue.create(OURS).await.unwrap();
        far.service().queue().jobs.get_mut(&job).unwrap().state = before;
        queue.cancel(job).await.unwrap();
        assert_eq!(far.service().queue().jobs[&job].state, after);
        assert_eq!(seen(&queue, job).await.unwrap().stage, stage);
    }
    let lost = (true, Says::HangsUp);
    far.service().queue().moods.insert(CANCEL_JOB, lost);
    let told = in_time(ANSWER, queue.cancel(1)).await.unwrap_err();
    assert!(no_answer(&told).is_some());
}

async fn a_service_that_is_off_and_on_again<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    until(far.hub(), NAME, |it| it.state == DeviceState::Ready).await;
    far.service().switch_off();
    let looked = in_time(ANSWER, far.hub().printer_state(ROLE_REPORT)).await;
    assert_eq!(looked.unwrap_err().code, Code::PrintServiceMissing);
    let listed = far.hub().list().remove(0);
    assert_eq!(listed.state, DeviceState::Missing);
    for told in [
        in_time(ANSWER, queue.create(OURS)).await.err(),
        in_time(ANSWER, queue.job(job, &[OURS])).await.err(),
    ] {
        assert_eq!(no_answer(&told.unwrap()), Some(Code::PrintServiceMissing));
    }
    far.service().switch_on();
    until(far.hub(), NAME, |it| it.state == DeviceState::Ready).await;
    assert!(seen(&queue, job).await.is_some());
}

async fn a_service_that_says_nothing_holds_nobody<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    let silent = (false, Says::IsSilent);
    far.service().queue().moods.insert(GET_JOB, silent);
    let asker = queue.clone();
    let asking = tokio::task::spawn_local(async move {
        in_time(ANSWER, asker.job(job, &[OURS])).await.unwrap_err()
    });
    until_asked(&mut far, GET_JOB).await;
    assert_eq!(queue.empty_jobs(&[OURS]).await.unwrap(), [job]);
    let state = in_time(ANSWER, far.hub().printer_state(ROLE_REPORT)).await;
    assert_eq!(state.unwrap().trouble(), None);
    assert!(!asking.is_finished());
    let told = asking.await.unwrap();
    assert_eq!(no_answer(&told), Some(Code::PrintServiceMissing));
    asked_once(&mut far, GET_JOB);
}

async fn noise_is_no_answer<F: Far>() {
    let mut far = F::on().await;
    let queue = queue(&far);
    let job = queue.create(OURS).await.unwrap();
    for says in [
        Says::Message(b"<html>not here</html>".to_vec()),
        Says::Message(message(0, &[])[..20].to_vec()),
        Says::Message(vec![0; ENDLESS_BYTES]),
        Says::Bytes(b"220 mail ready\r\n".to_vec()),
        Says::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n\x01\x01".to_vec()),
    ] {
        let shown = match &says {
            Says::Message(bytes) | Says::Bytes(bytes) => bytes[..16].to_vec(),
            Says::Status(_) | Says::HangsUp | Says::IsSilent => Vec::new(),
        };
        for operation in [CREATE_JOB, SEND_DOCUMENT, GET_JOB, GET_PRINTER] {
            let mood = (false, says.clone());
            far.service().queue().moods.insert(operation, mood);
        }
        let whole = upload(100, vec![paper(100).into()]);
        for told in [
            in_time(ANSWER, queue.create(OURS)).await.err(),
            in_time(ANSWER, queue.job(job, &[OURS])).await.err(),
            in_time(ANSWER, queue.send(job, OURS, whole)).await.err(),
        ] {
            assert!(no_answer(&told.unwrap()).is_some(), "{shown:?}");
        }
        let looked = in_time(ANSWER, far.hub().printer_state(ROLE_REPORT)).await;
        assert_eq!(looked.unwrap_err().code, Code::PrintServiceMissing);
    }
}

fn queue<F: Far>(far: &F) -> ReportQueue {
    far.hub().report_queue(ROLE_REPORT).unwrap()
}

async fn seen(queue: &ReportQueue, job: i32) -> Option<JobSeen> {
    in_time(ANSWER, queue.job(job, &[OURS])).await.unwrap()
}

/// A document of so many bytes, no two thousand of them alike.
fn paper(bytes: usize) -> Vec<u8> {
    let counted = (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes());
    b"%PDF-1.4\n"
        .iter()
        .copied()
        .chain(counted)
        .take(bytes)
        .collect()
}

/// Said to be so long; its pieces are these.
fn upload(bytes: usize, pieces: Vec<Bytes>) -> PdfUpload {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(1);
    tokio::spawn(async move {
        for piece in pieces {
            if sender.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    });
    PdfUpload {
        bytes: u64::try_from(bytes).unwrap(),
        pieces: receiver,
    }
}

/// The code of what may have been done; `None`: it was not done.
fn no_answer(refusal: &Refusal) -> Option<Code> {
    match refusal {
        Refusal::NoAnswer(error) => Some(error.code),
        Refusal::Refused(_) => None,
    }
}

/// The code of what was not done; `None`: it may have been.
fn refused(refusal: &Refusal) -> Option<Code> {
    match refusal {
        Refusal::Refused(error) => Some(error.code),
        Refusal::NoAnswer(_) => None,
    }
}

fn asked_once<F: Far>(far: &mut F, operation: u16) {
    assert_eq!(far.service().queue().asked.get(&operation), Some(&1));
}

async fn until_asked<F: Far>(far: &mut F, operation: u16) {
    let latest = tokio::time::Instant::now() + PATIENCE;
    while !far.service().queue().asked.contains_key(&operation) {
        assert!(tokio::time::Instant::now() < latest, "in vain");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
