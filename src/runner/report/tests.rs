//! What is done about a queue's job, look by look.

use super::*;
use crate::device::DeviceError;

const PRINTED: Move = Move::End(End::Printed(Proof::QueueFinished));

const MISSING: Sent = Sent {
    why: Code::PrintServiceMissing,
    is_refused: false,
};

fn seen(stage: JobStage, began: JobBegan) -> JobSeen {
    JobSeen {
        id: 1,
        name: None,
        stage,
        awaits_document: false,
        began,
        sheets: 0,
    }
}

fn empty(stage: JobStage) -> JobSeen {
    JobSeen {
        awaits_document: true,
        ..seen(stage, JobBegan::Never)
    }
}

fn chase() -> Chase {
    Chase::new(0, 1_000, MISSING)
}

/// The paper of a caller's PDF does not show it.
#[test]
fn the_queue_is_told_that_a_job_is_a_copy() {
    let copy = Reprint {
        of: "0189".to_owned(),
        of_settlement: false,
        count: 2,
        operator_id: "0107".to_owned(),
        said: None,
    };
    assert_eq!(queue_names("0190", None), ["yibaod 0190"]);
    // A daemon before copies said so may have made it under the other name.
    let names = queue_names("0190", Some(&copy));
    assert_eq!(names, ["yibaod 0190 copy 2", "yibaod 0190"]);
}

#[test]
fn a_finished_job_without_files_was_printed() {
    let finished = |began| {
        Chase::new(0, 60_000, MISSING).end(&JobSeen {
            began,
            ..empty(JobStage::Completed)
        })
    };
    assert_eq!(finished(JobBegan::At(5)), PRINTED);
    assert_eq!(
        finished(JobBegan::Never),
        Move::NeverHad(Code::PrintServiceMissing)
    );
    let unknown = Move::End(End::Unknown(Code::QueueLost));
    assert_eq!(finished(JobBegan::Untold), unknown);
}

#[test]
fn a_job_that_cannot_be_cancelled_holds_the_printer_no_longer_than_it_is_asked() {
    let mut chase = Chase::new(0, 1_000, MISSING);
    let held = seen(JobStage::Held, JobBegan::Never);
    let late_ms = BEGIN_MS_MAX;
    assert_eq!(
        chase.next(&held, Some(Code::QueueHeld), late_ms),
        Move::Cancel
    );
    let last_ms = late_ms + CANCEL_MS_MAX;
    assert_eq!(chase.next(&held, None, last_ms - 1), Move::Cancel);
    let unknown = Move::End(End::Unknown(Code::QueueHeld));
    assert_eq!(chase.next(&held, None, last_ms), unknown);
}

#[test]
fn what_goes_well_is_waited_for() {
    let mut chase = chase();
    for (stage, began) in [
        (JobStage::Pending, JobBegan::Never),
        (JobStage::Held, JobBegan::Never),
        (JobStage::Processing, JobBegan::At(5)),
        (JobStage::Stopped, JobBegan::At(5)),
        (JobStage::Processing, JobBegan::At(5)),
    ] {
        assert_eq!(chase.next(&seen(stage, began), None, 10), Move::Wait);
    }
    let done = seen(JobStage::Completed, JobBegan::At(5));
    assert_eq!(chase.next(&done, None, 20), PRINTED);
}

#[test]
fn only_what_never_began_is_surely_not_printed() {
    for (began, wish, stage, expected) in [
        (
            JobBegan::Never,
            None,
            JobStage::Cancelled,
            Move::End(End::NotPrinted(Code::QueueCancelled)),
        ),
        (
            JobBegan::Never,
            None,
            JobStage::Aborted,
            Move::End(End::NotPrinted(Code::QueueAborted)),
        ),
        (
            JobBegan::Never,
            Some("uid:1"),
            JobStage::Cancelled,
            Move::Cancelled("uid:1".to_owned()),
        ),
        (
            JobBegan::At(5),
            Some("uid:1"),
            JobStage::Cancelled,
            Move::End(End::Unknown(Code::QueueCancelled)),
        ),
        (
            JobBegan::Untold,
            None,
            JobStage::Cancelled,
            Move::End(End::Unknown(Code::QueueCancelled)),
        ),
        (
            JobBegan::At(5),
            None,
            JobStage::Aborted,
            Move::End(End::Unknown(Code::QueueAborted)),
        ),
    ] {
        let mut chase = chase();
        chase.wish = wish.map(str::to_owned);
        assert_eq!(chase.next(&seen(stage, began), None, 1), expected);
    }
}

#[test]
fn a_job_without_its_document_is_cancelled_and_sent_anew() {
    let mut chase = chase();
    assert_eq!(chase.next(&empty(JobStage::Pending), None, 1), Move::Cancel);
    let never = Move::NeverHad(Code::PrintServiceMissing);
    assert_eq!(chase.next(&empty(JobStage::Cancelled), None, 2), never);
    // The document came between the look and the cancelling: it began, so it is told, not sent again.
    let mut late = self::chase();
    assert_eq!(late.next(&empty(JobStage::Pending), None, 1), Move::Cancel);
    let begun = seen(JobStage::Cancelled, JobBegan::At(3));
    let unknown = Move::End(End::Unknown(Code::QueueCancelled));
    assert_eq!(late.next(&begun, None, 2), unknown);
    // It came and was done before it could be cancelled.
    let done = seen(JobStage::Completed, JobBegan::At(3));
    assert_eq!(late.next(&done, None, 2), PRINTED);
}

#[test]
fn what_begins_again_is_stopped_and_not_known() {
    for again in [
        seen(JobStage::Pending, JobBegan::At(5)),
        seen(JobStage::Processing, JobBegan::At(9)),
        seen(JobStage::Pending, JobBegan::Never),
    ] {
        let mut chase = chase();
        let begun = seen(JobStage::Processing, JobBegan::At(5));
        assert_eq!(chase.next(&begun, None, 1), Move::Wait);
        assert_eq!(chase.next(&again, None, 2), Move::Cancel);
        let unknown = Move::End(End::Unknown(Code::QueueBegunAgain));
        let cancelled = seen(JobStage::Cancelled, again.began);
        assert_eq!(chase.next(&cancelled, None, 3), unknown);
    }
    // Seen only when it was over.
    let mut chase = chase();
    let begun = seen(JobStage::Processing, JobBegan::At(5));
    assert_eq!(chase.next(&begun, None, 1), Move::Wait);
    let twice = seen(JobStage::Completed, JobBegan::At(9));
    let unknown = Move::End(End::Unknown(Code::QueueBegunAgain));
    assert_eq!(chase.next(&twice, None, 2), unknown);
}

#[test]
fn it_is_waited_for_as_long_as_was_asked_and_then_ended() {
    let mut chase = chase();
    let pending = seen(JobStage::Pending, JobBegan::Never);
    let stopped = Some(Code::QueueStopped);
    assert_eq!(chase.next(&pending, stopped, BEGIN_MS_MAX - 1), Move::Wait);
    assert_eq!(chase.next(&pending, stopped, BEGIN_MS_MAX), Move::Cancel);
    let cancelled = seen(JobStage::Cancelled, JobBegan::Never);
    let not_printed = Move::End(End::NotPrinted(Code::QueueStopped));
    assert_eq!(chase.next(&cancelled, None, 2), not_printed);
    // What has begun is given longer, and is not known then.
    let mut begun = self::chase();
    let at_work = seen(JobStage::Processing, JobBegan::At(5));
    let out = Some(Code::PaperOut);
    assert_eq!(begun.next(&at_work, out, 0), Move::Wait);
    assert_eq!(begun.next(&at_work, out, STALL_MS_MAX - 1), Move::Wait);
    assert_eq!(begun.next(&at_work, out, STALL_MS_MAX), Move::Cancel);
    let cancelled = seen(JobStage::Cancelled, JobBegan::At(5));
    let unknown = Move::End(End::Unknown(Code::PaperOut));
    assert_eq!(begun.next(&cancelled, None, 2), unknown);
    let away = Code::PrintServiceMissing;
    assert_eq!(self::chase().away(away, AWAY_MS_MAX - 1), Move::Wait);
    let unknown = Move::End(End::Unknown(away));
    assert_eq!(self::chase().away(away, AWAY_MS_MAX), unknown);
}

#[test]
fn a_document_that_was_turned_away_ends_its_job_with_the_reason() {
    let refused = Sent {
        why: Code::QueueOverLimit,
        is_refused: true,
    };
    let never = Move::NeverHad(Code::QueueOverLimit);
    // Not every printer says of an empty job that it is empty, nor when it began.
    for untold in [
        empty(JobStage::Pending),
        seen(JobStage::Pending, JobBegan::Untold),
    ] {
        let mut chase = Chase::new(0, 1_000, refused);
        assert_eq!(chase.next(&untold, None, 1), Move::Cancel);
        for over in [JobStage::Cancelled, JobStage::Aborted, JobStage::Completed] {
            let ended = JobSeen {
                stage: over,
                ..untold.clone()
            };
            let is_contradicted = over == JobStage::Completed && untold.began == JobBegan::Untold;
            let expected = match is_contradicted {
                true => Move::End(End::Unknown(Code::QueueLost)),
                false => never.clone(),
            };
            assert_eq!(chase.end(&ended), expected, "{ended:?}");
        }
        // One that cannot be cancelled holds nobody up.
        let late_ms = 1 + REFUSED_CANCEL_MS_MAX;
        assert_eq!(chase.next(&untold, None, late_ms - 1), Move::Cancel);
        assert_eq!(chase.next(&untold, None, late_ms), never);
    }
    // Whoever calls it off meanwhile is told that nothing was printed.
    let mut chase = Chase::new(0, 1_000, refused);
    chase.wish = Some("uid:1".to_owned());
    let cancelled = empty(JobStage::Cancelled);
    assert_eq!(
        chase.next(&cancelled, None, 1),
        Move::Cancelled("uid:1".to_owned())
    );
    // It began all the same: a paper may be out.
    let mut chase = Chase::new(0, 1_000, refused);
    let begun = seen(JobStage::Processing, JobBegan::At(5));
    assert_eq!(chase.next(&begun, None, 1), Move::Wait);
    let done = seen(JobStage::Completed, JobBegan::At(5));
    assert_eq!(chase.next(&done, None, 2), PRINTED);
}

#[test]
fn a_no_in_the_middle_of_a_document_does_not_say_that_no_page_is_out() {
    let refused = Sent {
        why: Code::QueueRefused,
        is_refused: true,
    };
    let untold = |stage| seen(stage, JobBegan::Untold);
    let mut chase = Chase::new(0, 1_000, refused);
    for now_ms in [1, 1 + REFUSED_CANCEL_MS_MAX] {
        let told = chase.next(&untold(JobStage::Pending), None, now_ms);
        assert_eq!(told, Move::Cancel);
    }
    for (over, why) in [
        (JobStage::Aborted, Code::QueueAborted),
        (JobStage::Cancelled, Code::QueueCancelled),
        (JobStage::Completed, Code::QueueLost),
    ] {
        assert_eq!(chase.end(&untold(over)), Move::End(End::Unknown(why)));
    }
    // One that says that it never began is believed.
    let never = seen(JobStage::Aborted, JobBegan::Never);
    assert_eq!(chase.end(&never), Move::NeverHad(Code::QueueRefused));
}

#[test]
fn an_error_of_a_server_does_not_say_that_the_document_is_not_there() {
    let sent = |code| Sent::of(&Err(Refusal::Refused(DeviceError::new(code, ""))));
    assert!(sent(Code::QueueOverLimit).is_refused);
    let lost = Sent::of(&Err(Refusal::NoAnswer(DeviceError::new(
        Code::QueueBrokeOff,
        "",
    ))));
    for sent in [
        sent(Code::QueueBusy),
        sent(Code::PrinterError),
        lost,
        Sent::of(&Ok(())),
    ] {
        assert!(!sent.is_refused, "{sent:?}");
        // A queue that does not tell when it began: it may be out.
        let untold = seen(JobStage::Completed, JobBegan::Untold);
        let end = Chase::new(0, 1_000, sent).end(&untold);
        assert_eq!(end, PRINTED, "{sent:?}");
    }
}

#[test]
fn only_what_will_be_turned_away_again_is_given_up_at_once() {
    for (code, expected) in [
        (Code::QueueOverLimit, true),
        (Code::QueueRefused, true),
        (Code::QueueUnsuitable, true),
        (Code::QueueForbidden, true),
        (Code::QueueBusy, false),
        (Code::QueueBrokeOff, false),
        (Code::QueueNotAccepting, false),
        (Code::PrintServiceMissing, false),
        (Code::PrinterError, false),
    ] {
        assert_eq!(is_for_good(code), expected, "{code:?}");
    }
}

#[test]
fn a_paper_that_is_outdated_is_called_back_before_its_first_sheet() {
    let outdated = || {
        let mut chase = chase();
        chase.is_outdated = true;
        chase
    };
    let code = Code::PaperOutdated;
    let pending = seen(JobStage::Pending, JobBegan::Never);
    let stopped = seen(JobStage::Stopped, JobBegan::At(5));
    for (job, began, end) in [
        (&pending, JobBegan::Never, End::NotPrinted(code)),
        (&stopped, JobBegan::At(5), End::Unknown(code)),
    ] {
        let mut chase = outdated();
        assert_eq!(chase.next(job, Some(Code::PaperOut), 1), Move::Cancel);
        let cancelled = seen(JobStage::Cancelled, began);
        assert_eq!(chase.next(&cancelled, None, 2), Move::End(end));
    }
    // What comes out is let out.
    let processing = seen(JobStage::Processing, JobBegan::At(5));
    assert_eq!(outdated().next(&processing, None, 1), Move::Wait);
    let half = JobSeen {
        sheets: 1,
        ..stopped.clone()
    };
    let mut chase = outdated();
    assert_eq!(chase.next(&half, Some(Code::PaperOut), 1), Move::Wait);
    let done = seen(JobStage::Completed, JobBegan::At(5));
    assert_eq!(chase.next(&done, None, 2), PRINTED);
}
