//! `PrintService` over the shipped daemon: on disk before it is accepted, printed at most once, truly told.

pub(crate) mod copy;
mod emupos;
mod faults;
mod glyphs;
mod line;
mod list;
mod names;
mod once;
mod preview;
mod report;
mod restart;
mod second_opinion;

use tonic::transport::Channel;
use yibaod::api::print_block::Block;
use yibaod::api::print_request::Content;
use yibaod::api::print_service_client::PrintServiceClient;
use yibaod::api::{
    GetJobRequest, PrintBlock, PrintCut, PrintDocument, PrintJob, PrintJobState, PrintRequest,
    PrintText, get_job_request,
};

use crate::desk::{Desk, channel, eventually};

/// The end of a job is waited for so long.
pub(crate) const ANSWER_WAIT_MS: u32 = 20_000;

/// A client of the service.
pub(crate) async fn client(desk: &Desk) -> PrintServiceClient<Channel> {
    PrintServiceClient::new(channel(&desk.socket()).await.expect("its door is open"))
}

pub(crate) fn text(text: &str) -> PrintBlock {
    let block = Block::Text(PrintText {
        text: text.to_owned(),
        ..PrintText::default()
    });
    PrintBlock { block: Some(block) }
}

/// These lines, cut.
pub(crate) fn document(lines: &[&str]) -> PrintDocument {
    let cut = PrintBlock {
        block: Some(Block::Cut(PrintCut {})),
    };
    PrintDocument {
        title: "小票".to_owned(),
        blocks: lines.iter().map(|line| text(line)).chain([cut]).collect(),
    }
}

/// A request whose answer waits for the end.
pub(crate) fn request(request_id: &str, lines: &[&str]) -> PrintRequest {
    PrintRequest {
        request_id: request_id.to_owned(),
        content: Some(Content::Document(document(lines))),
        answer_wait_ms: ANSWER_WAIT_MS,
        ..PrintRequest::default()
    }
}

/// The same, answered when it is on disk.
pub(crate) fn hasty(request_id: &str, lines: &[&str]) -> PrintRequest {
    PrintRequest {
        answer_wait_ms: 0,
        ..request(request_id, lines)
    }
}

pub(crate) async fn print(desk: &Desk, request: PrintRequest) -> Result<PrintJob, tonic::Status> {
    let answer = client(desk).await.print(request).await?;
    Ok(answer.into_inner().job.expect("what is true"))
}

pub(crate) async fn job(desk: &Desk, request_id: &str) -> PrintJob {
    let key = get_job_request::Key::RequestId(request_id.to_owned());
    let answer = client(desk)
        .await
        .get_job(GetJobRequest { key: Some(key) })
        .await;
    let answer = answer.expect("it is known").into_inner();
    answer.job.expect("what is true")
}

/// Waits until the job is like this.
pub(crate) async fn until(
    desk: &Desk,
    request_id: &str,
    is: impl Fn(&PrintJob) -> bool,
) -> PrintJob {
    let seen = eventually(async || Some(job(desk, request_id).await).filter(|it| is(it))).await;
    match seen {
        Some(job) => job,
        None => panic!("{:?}", job(desk, request_id).await),
    }
}

pub(crate) async fn until_state(desk: &Desk, request_id: &str, state: PrintJobState) -> PrintJob {
    until(desk, request_id, |job| job.state() == state).await
}

/// Why, by name.
pub(crate) fn why(job: &PrintJob) -> &str {
    job.error.as_ref().map_or("", |error| error.name.as_str())
}
