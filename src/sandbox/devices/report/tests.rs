//! Jobs, paper, and requests as bytes.

use super::machine::{JobState, Machine};
use super::message::read;

fn pdf(pages: usize) -> Vec<u8> {
    let page = "<< /Type /Page /Parent 2 0 R >>\n".repeat(pages);
    format!("%PDF-1.4\n<< /Type /Pages >>\n{page}%%EOF\n").into_bytes()
}

#[test]
fn paper_ends_and_comes_back() {
    let mut machine = Machine::default();
    machine.set_tray(Some(3));
    let ids: Vec<i32> = (0..3).map(|n| machine.create(format!("job {n}"))).collect();
    for id in &ids {
        assert!(machine.send(*id, pdf(2)));
        assert!(!machine.send(*id, pdf(2)), "one document a job");
    }
    let state = |machine: &Machine, n: usize| machine.job(ids[n]).expect("made").state;
    assert_eq!(state(&machine, 0), JobState::Completed);
    assert_eq!(state(&machine, 1), JobState::Stopped);
    assert_eq!(state(&machine, 2), JobState::Pending);
    assert!(machine.is_out_of_paper());
    assert_eq!(machine.papers().len(), 1);
    assert!(machine.cancel(ids[2]));
    machine.set_tray(None);
    assert_eq!(state(&machine, 1), JobState::Completed);
    assert_eq!(state(&machine, 2), JobState::Cancelled);
    assert_eq!(machine.papers().len(), 2);
    assert!(!machine.cancel(ids[0]), "it is over");
}

#[test]
fn a_request_is_read_and_half_of_one_is_not() {
    let mut bytes = vec![1, 1, 0, 6, 0, 0, 0, 9, 1];
    for (tag, name, value) in [
        (0x21_u8, "job-id", &[0_u8, 0, 0, 7][..]),
        (0x42, "job-name", b"report"),
        (0x22, "last-document", &[1]),
    ] {
        bytes.push(tag);
        for part in [name.as_bytes(), value] {
            bytes.extend(u16::try_from(part.len()).expect("short").to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    bytes.push(3);
    let whole = bytes.len();
    bytes.extend_from_slice(b"%PDF");
    let request = read(&bytes).expect("it is whole");
    assert_eq!((request.operation, request.job), (6, Some(7)));
    assert_eq!((&*request.job_name, request.is_last), ("report", true));
    assert_eq!(&bytes[request.document_at..], b"%PDF");
    for length in 0..whole {
        assert_eq!(read(&bytes[..length]), None, "{length}");
    }
}
