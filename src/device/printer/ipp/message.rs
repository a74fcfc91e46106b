//! IPP requests as bytes and answers as what we need of them. PURE.

use ::ipp::attribute::{IppAttribute, IppAttributeGroup};
use ::ipp::model::{DelimiterTag, IppVersion, Operation};
use ::ipp::parser::IppParser;
use ::ipp::reader::IppReader;
use ::ipp::request::IppRequestResponse;
use ::ipp::value::IppValue;
use bytes::Bytes;

use super::{JobBegan, JobSeen, JobStage};
use crate::book::Code;
use crate::config::devices::QueuePlace;
use crate::device::printer::{Paper, PrinterState};

/// What is asked of a printer.
pub(super) const OF_PRINTER: [&str; 5] = [
    "printer-state",
    "printer-state-reasons",
    "printer-is-accepting-jobs",
    "document-format-supported",
    "operations-supported",
];
/// What is asked of a job.
pub(super) const OF_JOB: [&str; 8] = [
    "job-id",
    "job-name",
    "job-state",
    "job-state-reasons",
    "number-of-documents",
    "time-at-processing",
    "job-media-sheets-completed",
    "job-impressions-completed",
];
/// Most jobs that one list has.
const JOBS_MAX: i32 = 500;
const PDF: &str = "application/pdf";
/// Version, status, request id.
const HEADER_BYTES: usize = 8;
/// Tags of RFC 8010.
const END_OF_ATTRIBUTES: u8 = 0x03;
const BEGIN_COLLECTION: u8 = 0x34;
const END_COLLECTION: u8 = 0x37;
/// Collections within one another; printers have three.
const DEPTH_MAX: usize = 8;

/// One request to one queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask<'a> {
    Printer,
    Create { name: &'a str },
    Send { job: i32, name: &'a str },
    Look { job: i32 },
    List,
    Cancel { job: i32 },
}

/// The request without the document behind it. `None`: a word in it is too long for IPP.
pub(super) fn request(ask: Ask<'_>, place: &QueuePlace, user: &str) -> Option<Bytes> {
    let operation = match ask {
        Ask::Printer => Operation::GetPrinterAttributes,
        Ask::Create { .. } => Operation::CreateJob,
        Ask::Send { .. } => Operation::SendDocument,
        Ask::Look { .. } => Operation::GetJobAttributes,
        Ask::List => Operation::GetJobs,
        Ask::Cancel { .. } => Operation::CancelJob,
    };
    let mut request = IppRequestResponse::new(IppVersion::v1_1(), operation, None).ok()?;
    let mut add = |name: &'static str, value: IppValue| {
        let attribute = IppAttribute::with_name(name, value).ok()?;
        let attributes = request.attributes_mut();
        attributes.add(DelimiterTag::OperationAttributes, attribute);
        Some(())
    };
    let named = |name: &str| IppValue::new_name_without_language(name).ok();
    add("printer-uri", IppValue::new_uri(place.uri()).ok()?)?;
    if let Ask::Send { job, .. } | Ask::Look { job } | Ask::Cancel { job } = ask {
        add("job-id", IppValue::new_integer(job))?;
    }
    add("requesting-user-name", named(user)?)?;
    match ask {
        Ask::Printer => add("requested-attributes", keywords(&OF_PRINTER)?)?,
        Ask::Create { name } => add("job-name", named(name)?)?,
        Ask::Send { name, .. } => {
            add("document-name", named(name)?)?;
            add("document-format", IppValue::new_mime_media_type(PDF).ok()?)?;
            add("last-document", IppValue::new_boolean(true))?;
        }
        Ask::Look { .. } => add("requested-attributes", keywords(&OF_JOB)?)?,
        Ask::List => {
            add("limit", IppValue::new_integer(JOBS_MAX))?;
            add("requested-attributes", keywords(&OF_JOB)?)?;
            add("which-jobs", IppValue::new_keyword("not-completed").ok()?)?;
        }
        Ask::Cancel { .. } => {}
    }
    Some(request.to_bytes())
}

fn keywords(words: &[&str]) -> Option<IppValue> {
    let words = words.iter().map(|word| IppValue::new_keyword(*word).ok());
    words.collect::<Option<Vec<_>>>().map(IppValue::Array)
}

/// An answer, opened.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    groups: Vec<IppAttributeGroup>,
}

impl Answer {
    /// `None`: it is no IPP.
    pub(super) fn open(bytes: Bytes) -> Option<Self> {
        if !is_flat(&bytes) {
            return None;
        }
        let parser = IppParser::new(IppReader::new(std::io::Cursor::new(bytes)));
        let (header, attributes, _rest) = parser.parse_parts().ok()?;
        Some(Self {
            status: u16::from_be_bytes(header.operation_or_status.to_be_bytes()),
            groups: attributes.into_groups(),
        })
    }

    /// Whether the request was carried out.
    pub(super) fn is_success(&self) -> bool {
        self.status < 0x0100
    }

    fn of(&self, tag: DelimiterTag) -> impl Iterator<Item = &IppAttributeGroup> {
        self.groups.iter().filter(move |group| group.tag() == tag)
    }

    /// The number of the job that this answer is about.
    pub(super) fn job_id(&self) -> Option<i32> {
        let group = self.of(DelimiterTag::JobAttributes).next()?;
        integer(group, "job-id")
    }

    /// All jobs that it tells of.
    pub(super) fn jobs(&self) -> impl Iterator<Item = JobSeen> {
        self.of(DelimiterTag::JobAttributes).filter_map(job)
    }

    /// How the printer is.
    pub(super) fn printer(&self) -> Option<PrinterState> {
        printer(self.of(DelimiterTag::PrinterAttributes).next()?)
    }
}

/// Whether collections lie within one another no deeper than printers have them: the parser itself has no limit and
/// would be lost on a stack that ends. Reads tags and lengths only (RFC 8010, 3.1).
fn is_flat(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let mut depth = 0_usize;
    while let Some((tag, behind)) = rest.split_first() {
        rest = behind;
        match *tag {
            END_OF_ATTRIBUTES => return true,
            0x00..=0x0f => continue,
            BEGIN_COLLECTION => depth += 1,
            END_COLLECTION => depth = depth.saturating_sub(1),
            0x10..=0xff => {}
        }
        if depth > DEPTH_MAX {
            return false;
        }
        for _name_then_value in 0..2 {
            let Some((length, behind)) = rest.split_first_chunk::<2>() else {
                return false;
            };
            let Some(behind) = behind.get(usize::from(u16::from_be_bytes(*length))..) else {
                return false;
            };
            rest = behind;
        }
    }
    // What has no end is no message; the parser says so.
    true
}

/// What a refused request means; `None`: the job is not known there.
pub(super) fn refusal(status: u16, about_job: bool) -> Option<Code> {
    Some(match status {
        0x0406 | 0x0407 if about_job => return None,
        0x0406 | 0x0407 => Code::QueueUnknown,
        0x0401..=0x0403 => Code::QueueForbidden,
        0x0408 => Code::QueueOverLimit,
        0x0506 | 0x050A => Code::QueueNotAccepting,
        0x0504 => Code::PrinterError,
        // CUPS says "not possible" also of too many jobs.
        0x0404 | 0x0405 | 0x0500 | 0x0502 | 0x0505 | 0x0507 | 0x0508 => Code::QueueBusy,
        0x040A | 0x0501 | 0x0503 | 0x0509 => Code::QueueUnsuitable,
        // The rest says that this job or document does not suit.
        _ => Code::QueueRefused,
    })
}

fn job(group: &IppAttributeGroup) -> Option<JobSeen> {
    let reasons = words(group, "job-state-reasons");
    let has = |word: &str| reasons.iter().any(|it| it == word);
    let is_incoming = has("job-incoming") || has("job-data-insufficient");
    let stage = match integer(group, "job-state")? {
        3 => JobStage::Pending,
        4 if is_incoming => JobStage::Pending,
        4 => JobStage::Held,
        5 => JobStage::Processing,
        6 => JobStage::Stopped,
        7 => JobStage::Cancelled,
        8 => JobStage::Aborted,
        9 if has("job-completed-with-errors") => JobStage::Aborted,
        9 => JobStage::Completed,
        _ => return None,
    };
    let count = |name: &str| {
        let count = integer(group, name).unwrap_or(0);
        u32::try_from(count).unwrap_or(0)
    };
    Some(JobSeen {
        id: integer(group, "job-id")?,
        name: words(group, "job-name").into_iter().next(),
        stage,
        awaits_document: match integer(group, "number-of-documents") {
            Some(documents) => documents == 0,
            None => is_incoming,
        },
        began: match values(group, "time-at-processing").first() {
            Some(IppValue::Integer(at)) => JobBegan::At(*at),
            Some(IppValue::NoValue) => JobBegan::Never,
            Some(_) | None => JobBegan::Untold,
        },
        sheets: count("job-media-sheets-completed").max(count("job-impressions-completed")),
    })
}

fn printer(group: &IppAttributeGroup) -> Option<PrinterState> {
    let is_stopped = integer(group, "printer-state")? == 5;
    let mut state = PrinterState {
        online: !is_stopped,
        ..PrinterState::default()
    };
    for reason in words(group, "printer-state-reasons") {
        apply(&mut state, &reason);
    }
    let accepts = boolean(group, "printer-is-accepting-jobs").unwrap_or(true);
    let formats = words(group, "document-format-supported");
    let operations = integers(group, "operations-supported");
    let lacks = |operation: i32| !operations.is_empty() && !operations.contains(&operation);
    let has_no_pdf = !formats.is_empty() && !formats.iter().any(|it| it == PDF);
    state.queue = if has_no_pdf || lacks(5) || lacks(6) {
        Some(Code::QueueUnsuitable)
    } else if !accepts {
        Some(Code::QueueNotAccepting)
    } else if is_stopped {
        Some(Code::QueueStopped)
    } else {
        None
    };
    Some(state)
}

/// A reason ends with how grave it is; without an end it is grave (RFC 8011, 5.4.12). CUPS passes on as a warning what
/// the printer calls an error, and as a report what it remembers of the last job.
fn apply(state: &mut PrinterState, reason: &str) {
    let graded = ["-error", "-warning", "-report"]
        .iter()
        .find_map(|grade| Some((reason.strip_suffix(grade)?, *grade)));
    let (word, grade) = graded.unwrap_or((reason, "-error"));
    let is_grave = grade != "-report";
    match word {
        "media-empty" | "media-needed" if is_grave => state.paper = Paper::Out,
        "media-empty" | "media-needed" | "media-low" => {
            state.paper = state.paper.max(Paper::Low);
        }
        "cover-open" | "door-open" | "interlock-open" if is_grave => state.cover_open = true,
        "media-jam"
        | "toner-empty"
        | "marker-supply-empty"
        | "marker-waste-full"
        | "developer-empty"
        | "fuser-over-temp"
        | "fuser-under-temp"
        | "input-tray-missing"
        | "output-area-full"
        | "opc-life-over"
        | "other"
            if is_grave =>
        {
            state.error = true;
        }
        // CUPS says so of a printer that its backend cannot reach, as a mere report.
        "offline" | "timed-out" | "shutdown" => state.error = true,
        _ => {}
    }
}

fn values<'a>(group: &'a IppAttributeGroup, name: &str) -> Vec<&'a IppValue> {
    let mut attributes = group.attributes().iter();
    let Some(attribute) = attributes.find(|it| it.name().as_str() == name) else {
        return Vec::new();
    };
    if let IppValue::Array(values) = attribute.value() {
        return values.iter().collect();
    }
    vec![attribute.value()]
}

fn integers(group: &IppAttributeGroup, name: &str) -> Vec<i32> {
    let integer = |value: &IppValue| value.as_integer().or_else(|| value.as_enum()).copied();
    let values = values(group, name);
    values.into_iter().filter_map(integer).collect()
}

fn integer(group: &IppAttributeGroup, name: &str) -> Option<i32> {
    integers(group, name).first().copied()
}

fn boolean(group: &IppAttributeGroup, name: &str) -> Option<bool> {
    values(group, name).first()?.as_boolean().copied()
}

fn words(group: &IppAttributeGroup, name: &str) -> Vec<String> {
    let values = values(group, name);
    values.into_iter().filter_map(word).collect()
}

/// A keyword, a name or a media type.
fn word(value: &IppValue) -> Option<String> {
    if let IppValue::NameWithLanguage { name, .. } = value {
        return Some(name.as_str().to_owned());
    }
    let keyword = value.as_keyword().map(|it| it.as_str());
    let name = || value.as_name_without_language().map(|it| it.as_str());
    let kind = || value.as_mime_media_type().map(|it| it.as_str());
    let word = keyword.or_else(name).or_else(kind);
    word.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: DelimiterTag, attributes: Vec<(&'static str, IppValue)>) -> Answer {
        let mut answer =
            IppRequestResponse::new(IppVersion::v1_1(), Operation::GetJobs, None).unwrap();
        for (name, value) in attributes {
            let attribute = IppAttribute::with_name(name, value).unwrap();
            answer.attributes_mut().add(tag, attribute);
        }
        Answer::open(answer.to_bytes()).unwrap()
    }

    fn state(number: i32, reasons: &[&str], accepts: bool) -> PrinterState {
        let answer = of(
            DelimiterTag::PrinterAttributes,
            vec![
                ("printer-state", IppValue::Enum(number)),
                ("printer-state-reasons", keywords(reasons).unwrap()),
                ("printer-is-accepting-jobs", IppValue::Boolean(accepts)),
            ],
        );
        answer.printer().unwrap()
    }

    /// As deep as it is said, all empty.
    fn nested(depth: usize) -> Vec<u8> {
        let mut message = vec![1, 1, 0, 0, 0, 0, 0, 1, 4];
        let mut put = |tag: u8, name: &str, value: &str| {
            message.push(tag);
            for text in [name, value] {
                let length = u16::try_from(text.len()).unwrap();
                message.extend_from_slice(&length.to_be_bytes());
                message.extend_from_slice(text.as_bytes());
            }
        };
        for level in 0..depth {
            put(
                BEGIN_COLLECTION,
                if level == 0 { "media-col" } else { "" },
                "",
            );
            put(0x4a, "", "m");
        }
        put(0x44, "", "x");
        for _ in 0..depth {
            put(END_COLLECTION, "", "");
        }
        message.push(END_OF_ATTRIBUTES);
        message
    }

    #[test]
    fn an_answer_cannot_be_deeper_than_the_stack() {
        assert!(Answer::open(nested(3).into()).is_some());
        assert!(Answer::open(nested(DEPTH_MAX + 1).into()).is_none());
        assert!(Answer::open(nested(40_000).into()).is_none());
        for end in 0..nested(2).len() {
            drop(Answer::open(nested(2)[..end].to_vec().into()));
        }
    }

    #[test]
    fn reasons_say_what_a_person_can_do() {
        for (number, reasons, accepts, trouble, paper) in [
            (3, vec!["none"], true, None, Paper::Ok),
            (3, vec!["media-low-report"], true, None, Paper::Low),
            (4, vec!["media-empty-report"], true, None, Paper::Low),
            (
                4,
                vec!["media-empty-error"],
                true,
                Some(Code::PaperOut),
                Paper::Out,
            ),
            (
                5,
                vec!["media-needed"],
                true,
                Some(Code::PaperOut),
                Paper::Out,
            ),
            (
                4,
                vec!["cover-open"],
                true,
                Some(Code::CoverOpen),
                Paper::Ok,
            ),
            (5, vec!["paused"], true, Some(Code::QueueStopped), Paper::Ok),
            (
                3,
                vec!["none"],
                false,
                Some(Code::QueueNotAccepting),
                Paper::Ok,
            ),
            (
                4,
                vec!["offline-report"],
                true,
                Some(Code::PrinterError),
                Paper::Ok,
            ),
            (4, vec!["toner-empty-report"], true, None, Paper::Ok),
        ] {
            let state = state(number, &reasons, accepts);
            assert_eq!(
                (state.trouble(), state.paper),
                (trouble, paper),
                "{reasons:?}"
            );
        }
    }

    #[test]
    fn a_printer_without_pdf_or_without_create_job_is_unsuitable() {
        for (name, value) in [
            (
                "document-format-supported",
                IppValue::new_mime_media_type("image/urf").unwrap(),
            ),
            (
                "operations-supported",
                IppValue::Array(vec![IppValue::Enum(2), IppValue::Enum(6)]),
            ),
        ] {
            let answer = of(
                DelimiterTag::PrinterAttributes,
                vec![("printer-state", IppValue::Enum(3)), (name, value)],
            );
            assert_eq!(answer.printer().unwrap().queue, Some(Code::QueueUnsuitable));
        }
    }

    #[test]
    fn a_job_that_never_began_says_so() {
        let answer = of(
            DelimiterTag::JobAttributes,
            vec![
                ("job-id", IppValue::Integer(7)),
                (
                    "job-name",
                    IppValue::new_name_without_language("yibao x").unwrap(),
                ),
                ("job-state", IppValue::Enum(7)),
                ("time-at-processing", IppValue::NoValue),
                ("number-of-documents", IppValue::Integer(0)),
            ],
        );
        let seen: Vec<JobSeen> = answer.jobs().collect();
        let expected = JobSeen {
            id: 7,
            name: Some("yibao x".to_owned()),
            stage: JobStage::Cancelled,
            awaits_document: true,
            began: JobBegan::Never,
            sheets: 0,
        };
        assert_eq!(seen, [expected]);
    }

    #[test]
    fn a_request_is_what_ipp_wants() {
        let place = QueuePlace {
            host: crate::config::devices::QueueHost::Tcp("h:631".to_owned()),
            resource: "/ipp/print".to_owned(),
            is_cups: false,
        };
        let send = request(
            Ask::Send {
                job: 3,
                name: "yibao 1",
            },
            &place,
            "yibaod",
        )
        .unwrap();
        let opened = Answer::open(send).unwrap();
        assert_eq!(opened.status, 0x0006);
        let group = opened.of(DelimiterTag::OperationAttributes).next().unwrap();
        let names: Vec<&str> = group
            .attributes()
            .iter()
            .map(|it| it.name().as_str())
            .collect();
        assert_eq!(
            names[..3],
            [
                "attributes-charset",
                "attributes-natural-language",
                "printer-uri"
            ]
        );
        assert_eq!(integer(group, "job-id"), Some(3));
        assert_eq!(boolean(group, "last-document"), Some(true));
        assert!(
            request(
                Ask::Create {
                    name: &"x".repeat(300)
                },
                &place,
                "u"
            )
            .is_none()
        );
    }

    #[test]
    fn garbage_is_no_answer() {
        for bytes in [&b""[..], b"HTTP/1.1 200", &[1, 1, 0, 0, 0, 0, 0, 1, 0x77]] {
            assert!(Answer::open(Bytes::copy_from_slice(bytes)).is_none());
        }
    }
}
