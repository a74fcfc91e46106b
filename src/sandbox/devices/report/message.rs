//! IPP messages: requests as the few things a printer wants to know, answers as bytes. PURE.

use super::machine::{JobState, Machine, ReportJob};

/// What stands in a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) operation: u16,
    pub(super) id: [u8; 4],
    pub(super) job: Option<i32>,
    pub(super) job_name: String,
    pub(super) is_last: bool,
    /// Where the document begins.
    pub(super) document_at: usize,
}

/// `None`: it is no IPP.
pub(super) fn read(bytes: &[u8]) -> Option<Request> {
    let operation = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let mut request = Request {
        operation,
        id: bytes.get(4..8)?.try_into().ok()?,
        is_last: true,
        ..Request::default()
    };
    let mut at = 8;
    loop {
        let tag = *bytes.get(at)?;
        at += 1;
        match tag {
            3 => break,
            0..=0x0F => continue,
            0x10.. => {}
        }
        let (name, after) = counted(bytes, at)?;
        let (value, after) = counted(bytes, after)?;
        at = after;
        match name {
            b"job-id" => request.job = Some(i32::from_be_bytes(value.try_into().ok()?)),
            b"job-name" => request.job_name = String::from_utf8(value.to_vec()).ok()?,
            b"last-document" => request.is_last = value == [1],
            _ => {}
        }
    }
    request.document_at = at;
    Some(request)
}

/// A length in two bytes and as many bytes; where it ends.
fn counted(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = bytes.get(at..at + 2)?.try_into().ok()?;
    let end = at + 2 + usize::from(u16::from_be_bytes(length));
    Some((bytes.get(at + 2..end)?, end))
}

/// An answer that grows.
pub(super) struct Answer(Vec<u8>);

impl Answer {
    pub(super) fn new(request: &Request, status: u16) -> Self {
        let mut answer = Self(vec![1, 1]);
        answer.0.extend(status.to_be_bytes());
        answer.0.extend(request.id);
        answer.group(1);
        answer.put(0x47, "attributes-charset", b"utf-8");
        answer.put(0x48, "attributes-natural-language", b"en");
        answer
    }

    fn group(&mut self, tag: u8) {
        self.0.push(tag);
    }

    fn put(&mut self, tag: u8, name: &str, value: &[u8]) {
        let length = |bytes: usize| u16::try_from(bytes).expect("our own are short");
        self.0.push(tag);
        self.0.extend(length(name.len()).to_be_bytes());
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend(length(value.len()).to_be_bytes());
        self.0.extend_from_slice(value);
    }

    /// Values after the first have no name.
    fn put_all(&mut self, tag: u8, name: &str, values: &[&[u8]]) {
        for (at, value) in values.iter().enumerate() {
            self.put(tag, if at == 0 { name } else { "" }, value);
        }
    }

    pub(super) fn job(mut self, job: &ReportJob) -> Self {
        self.group(2);
        self.put(0x21, "job-id", &job.id.to_be_bytes());
        self.put(0x42, "job-name", job.name.as_bytes());
        self.put(0x23, "job-state", &job.state.number().to_be_bytes());
        let reason: &[u8] = match job.state {
            JobState::Pending if job.document.is_none() => b"job-incoming",
            JobState::Pending => b"printer-stopped",
            JobState::Stopped => b"printer-stopped",
            JobState::Cancelled => b"job-canceled-by-user",
            JobState::Completed => b"job-completed-successfully",
        };
        self.put(0x44, "job-state-reasons", reason);
        let documents = i32::from(job.document.is_some());
        self.put(0x21, "number-of-documents", &documents.to_be_bytes());
        match job.began {
            Some(at) => self.put(0x21, "time-at-processing", &at.to_be_bytes()),
            None => self.put(0x13, "time-at-processing", b""),
        }
        let sheets = job.sheets.to_be_bytes();
        self.put(0x21, "job-media-sheets-completed", &sheets);
        self
    }

    pub(super) fn printer(mut self, machine: &Machine) -> Self {
        self.group(4);
        let (state, reason): (i32, &[u8]) = match machine.is_out_of_paper() {
            true => (5, b"media-empty-error"),
            false => (3, b"none"),
        };
        self.put(0x23, "printer-state", &state.to_be_bytes());
        self.put(0x44, "printer-state-reasons", reason);
        self.put(0x22, "printer-is-accepting-jobs", &[1]);
        self.put(0x49, "document-format-supported", b"application/pdf");
        let operations = [5_i32, 6, 8, 9, 10, 11].map(i32::to_be_bytes);
        let operations: Vec<&[u8]> = operations.iter().map(<[u8; 4]>::as_slice).collect();
        self.put_all(0x23, "operations-supported", &operations);
        self
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.push(3);
        self.0
    }
}
