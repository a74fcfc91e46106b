//! The life of a print job: every order of events ends once, and nothing is printed twice.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::book::Code;
use crate::document::{Align, Block, Content, Document, Rule, Style};
use crate::settlement::answer::Proof;

fn accepted(wait_ms: i64, reprint: Option<Reprint>) -> Event {
    let document = Document {
        title: "t".to_owned(),
        blocks: vec![
            Block::Text {
                text: "一".to_owned(),
                style: Style::default(),
                align: Align::Left,
            },
            Block::Cut,
            Block::Rule(Rule::Thin),
            Block::Cut,
        ],
    };
    Event::Accepted {
        request_id: "r".to_owned(),
        caller: "uid:1".to_owned(),
        order: Order {
            role: "receipt".to_owned(),
            wait_ms,
            reprint,
            report: None,
        },
        private: Some(Arc::new(Private {
            title: "t".to_owned(),
            content: Content::Document(document),
            operator_name: "甲".to_owned(),
            reason: "撕坏".to_owned(),
            at: "2026-11-22 08:00:00".to_owned(),
        })),
    }
}

fn folded(events: &[Event]) -> Job {
    let mut job = Job::new("j");
    for (at, event) in (1_000..).zip(events) {
        job.apply(event, at);
    }
    job
}

#[test]
fn one_look_at_least_and_then_until_its_time() {
    let job = folded(&[accepted(0, None)]);
    assert_eq!(job.next(9_000), Step::Try { until_ms: 1_000 });
    let code = Code::PaperOut;
    let parked = folded(&[accepted(0, None), Event::Parked { code }]);
    let end = End::NotPrinted(code);
    assert_eq!(parked.next(9_000), Step::Record(Event::Ended { end }));
    let patient = folded(&[accepted(500, None), Event::Parked { code }]);
    assert_eq!(patient.next(1_499), Step::Try { until_ms: 1_500 });
    assert_eq!(patient.next(1_500), Step::Record(Event::Ended { end }));
}

#[test]
fn what_was_printing_at_a_restart_is_unknown() {
    let job = folded(&[accepted(9, None), Event::Intent, Event::Restarted]);
    let end = End::Unknown(Code::PrintNotProven);
    assert_eq!(job.next(0), Step::Record(Event::Ended { end }));
    let job = folded(&[accepted(9, None), Event::Restarted]);
    assert_eq!(job.next(0), Step::Try { until_ms: 1_009 });
}

#[test]
fn who_calls_it_off_too_late_is_heeded_if_no_byte_leaves() {
    let by = || "uid:2".to_owned();
    let asked = [
        accepted(9_999, None),
        Event::Intent,
        Event::CancelAsked { by: by() },
    ];
    let cancelled = Step::Record(Event::Cancelled { by: by() });
    let code = Code::PaperOut;
    let job = folded(&[&asked[..], &[Event::NotStarted { code }]].concat());
    assert_eq!(job.next(0), cancelled);
    // What may have left is not called off.
    let job = folded(&[&asked[..], &[Event::Restarted]].concat());
    let end = End::Unknown(Code::PrintNotProven);
    assert_eq!(job.next(0), Step::Record(Event::Ended { end }));
}

#[test]
fn a_report_is_lost_only_where_the_queue_can_be_asked() {
    let Event::Accepted {
        request_id,
        caller,
        order,
        private,
    } = accepted(9, None)
    else {
        panic!("it is");
    };
    let report = Report {
        document_id: Some("LIS-1".to_owned()),
        pages: 1,
        bytes: 9,
    };
    let first = Event::Accepted {
        request_id,
        caller,
        order: Order {
            report: Some(report),
            ..order
        },
        private,
    };
    // Before the queue's number is on disk the document did not leave: it is given anew.
    let job = folded(&[first.clone(), Event::Intent, Event::Restarted]);
    assert_eq!(job.next(0), Step::Try { until_ms: 1_009 });
    assert_eq!(job.intents, 1);
    // Behind it the queue is asked, also after a restart.
    let created = Event::Created { job: 7 };
    let job = folded(&[first.clone(), Event::Intent, created, Event::Restarted]);
    let follow = Step::Follow {
        job: 7,
        until_ms: 1_009,
    };
    assert_eq!(job.next(99_999), follow);
    assert_eq!(job.document_key(), Some(jobs_of_document("uid:1", "LIS-1")));
    let code = Code::PrintServiceMissing;
    let job = folded(&[first, Event::Created { job: 7 }, Event::NotStarted { code }]);
    assert_eq!(job.next(0), Step::Try { until_ms: 1_009 });
}

#[test]
fn a_report_that_its_queue_turns_away_rests_longer_each_time() {
    let Event::Accepted {
        request_id,
        caller,
        order,
        private,
    } = accepted(1_000_000, None)
    else {
        panic!("it is");
    };
    let report = Report {
        document_id: None,
        pages: 1,
        bytes: 9,
    };
    let report = Some(report);
    let mut job = Job::new("j");
    let first = Event::Accepted {
        request_id,
        caller,
        order: Order { report, ..order },
        private,
    };
    job.apply(&first, 0);
    let until_ms = 1_000_000;
    let mut now_ms = 0;
    for rest_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        assert_eq!(job.next(now_ms), Step::Try { until_ms });
        let code = Code::QueueBusy;
        for event in [Event::Intent, Event::NotStarted { code }, Event::Restarted] {
            job.apply(&event, now_ms);
        }
        let again_ms = now_ms + rest_ms;
        assert_eq!(job.next(now_ms), Step::Rest { again_ms });
        assert_eq!(job.next(again_ms - 1), Step::Rest { again_ms });
        // A clock that was set back.
        assert_eq!(job.next(now_ms - 1), Step::Try { until_ms });
        now_ms = again_ms;
    }
    job.apply(
        &Event::NotStarted {
            code: Code::QueueBusy,
        },
        until_ms - 10,
    );
    assert_eq!(job.next(until_ms - 10), Step::Rest { again_ms: until_ms });
    let end = End::NotPrinted(Code::QueueBusy);
    assert_eq!(job.next(until_ms), Step::Record(Event::Ended { end }));
}

#[test]
fn a_document_whose_key_is_gone_is_not_printed() {
    let mut job = folded(&[accepted(9, None)]);
    job.private = None;
    let end = End::NotPrinted(Code::PrintGone);
    assert_eq!(job.next(0), Step::Record(Event::Ended { end }));
}

#[test]
fn each_paper_of_a_copy_is_marked() {
    let copy = Reprint {
        of: "x".to_owned(),
        of_settlement: false,
        count: 2,
        operator_id: "007".to_owned(),
        said: None,
    };
    let job = folded(&[accepted(0, Some(copy))]);
    let private = job.private.clone().expect("it is open");
    let of = |copy| marked(private.content.clone(), copy, &private);
    assert_eq!(of(None), private.content);
    let Content::Document(Document { blocks: marks, .. }) = of(job.order.reprint.as_ref()) else {
        panic!("it is a document");
    };
    let is_mark = |block: &&Block| matches!(block, Block::Text { text, .. } if text == "补打");
    assert_eq!(marks.iter().filter(is_mark).count(), 2);
    assert!(is_mark(&&marks[0]));
    let says = |block: &Block| matches!(block, Block::Text { text, .. } if text == "第2次补打  2026-11-22 08:00:00  甲");
    assert!(says(&marks[2]), "{marks:?}");
}

#[test]
fn a_mark_never_heads_the_next_paper() {
    let copy = Reprint {
        of: "x".to_owned(),
        of_settlement: false,
        count: 1,
        operator_id: "007".to_owned(),
        said: None,
    };
    let job = folded(&[accepted(0, Some(copy))]);
    let private = job.private.clone().expect("it is open");
    let text = |text: &str| Block::Text {
        text: text.to_owned(),
        style: Style::default(),
        align: Align::Left,
    };
    let (drawer, feed) = (Block::Drawer { pin: 1 }, Block::Feed { lines: 2 });
    for (blocks, expected) in [
        (vec![text("a"), Block::Cut, drawer.clone()], "[a|"),
        (vec![text("a"), Block::Cut, feed.clone()], "[a|."),
        (vec![text("a"), Block::Cut, Block::Cut], "[a||"),
        (
            vec![feed, text("a"), Block::Cut, drawer, text("b")],
            ".[a|[b",
        ),
    ] {
        let title = String::new();
        let given = Content::Document(Document { title, blocks });
        let marked = marked(given, job.order.reprint.as_ref(), &private);
        let Content::Document(Document { blocks, .. }) = marked else {
            panic!("it is a document");
        };
        let shown: String = blocks
            .iter()
            .filter_map(|block| match block {
                Block::Text { text, .. } if text == "补打" => Some("["),
                Block::Text { text, .. } if text.len() == 1 => Some(text.as_str()),
                Block::Cut => Some("|"),
                Block::Feed { lines: 2 } => Some("."),
                Block::Drawer { .. } => Some("!"),
                Block::Text { .. }
                | Block::Columns { .. }
                | Block::Rule(_)
                | Block::Qr { .. }
                | Block::BarCode { .. }
                | Block::Image(_)
                | Block::Feed { .. } => None,
            })
            .collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn rows_have_two_halves_and_the_readable_one_names_nobody() {
    let event = accepted(5, None);
    let body = serde_json::to_string(&event).unwrap();
    assert_eq!(
        body,
        r#"{"accepted":{"request_id":"r","caller":"uid:1","order":{"role":"receipt","wait_ms":5}}}"#
    );
    let private = event.private().unwrap().unwrap();
    let read: Event = serde_json::from_str(&body).unwrap();
    assert_eq!(read.with_private(&private).unwrap(), event);
    assert!(!format!("{event:?}").contains('一'));
}

#[test]
fn the_encoding_is_only_added_to() {
    let code = Code::PaperOut;
    for (event, json) in [
        (Event::Parked { code }, r#"{"parked":{"code":"E3012"}}"#),
        (Event::Intent, r#""intent""#),
        (Event::Created { job: 7 }, r#"{"created":{"job":7}}"#),
        (
            Event::NotStarted { code },
            r#"{"not_started":{"code":"E3012"}}"#,
        ),
        (
            Event::Ended {
                end: End::Printed(Proof::ProcessId),
            },
            r#"{"ended":{"end":{"printed":"process_id"}}}"#,
        ),
        (
            Event::Ended {
                end: End::Unknown(code),
            },
            r#"{"ended":{"end":{"unknown":"E3012"}}}"#,
        ),
        (
            Event::Cancelled {
                by: "uid:1".to_owned(),
            },
            r#"{"cancelled":{"by":"uid:1"}}"#,
        ),
        (
            Event::CancelAsked {
                by: "uid:1".to_owned(),
            },
            r#"{"cancel_asked":{"by":"uid:1"}}"#,
        ),
        (
            Event::Substituted { characters: 2 },
            r#"{"substituted":{"characters":2}}"#,
        ),
        (Event::Restarted, r#""restarted""#),
        (Event::GivenUp, r#""given_up""#),
    ] {
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert_eq!(serde_json::from_str::<Event>(json).unwrap(), event);
    }
}

proptest! {
    /// Whatever happens: bytes leave once, and only the outcome of this process says anything but unknown.
    #[test]
    fn bytes_leave_at_most_once_after_an_unproven_end(fates in proptest::collection::vec(0u8..4, 1..40)) {
        let mut job = folded(&[accepted(20, None)]);
        let mut sent = 0;
        let mut now_ms = 1_000;
        for fate in fates {
            now_ms += 1;
            let event = match job.next(now_ms) {
                Step::Finished => break,
                Step::Record(event) => event,
                Step::Follow { .. } | Step::Rest { .. } => panic!("no queue has it"),
                Step::Try { until_ms } => {
                    prop_assert!(until_ms == 1_020 && sent == 0);
                    match fate {
                        0 => Event::Parked { code: Code::PaperOut },
                        1 => Event::Restarted,
                        _ => {
                            job.apply(&Event::Intent, now_ms);
                            match fate {
                                2 => Event::NotStarted { code: Code::CoverOpen },
                                _ => {
                                    sent += 1;
                                    Event::Restarted
                                }
                            }
                        }
                    }
                }
            };
            job.apply(&event, now_ms);
        }
        if sent > 0 && let Some(end) = job.ended() {
            prop_assert_eq!(end, End::Unknown(Code::PrintNotProven));
        }
    }
}
