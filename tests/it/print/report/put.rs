//! Documents that come in pieces.

use yibaod::api::print_request::Content;
use yibaod::api::{PrintJobState as State, PrintRequest, PutDocumentRequest, PutDocumentResponse};

use super::{client, desk, pdf, print, report};
use crate::desk::{Desk, refusal};

const PIECE: usize = 1_048_576;

async fn put(
    desk: &Desk,
    upload_id: &str,
    offset: usize,
    data: &[u8],
    last: bool,
) -> Result<PutDocumentResponse, tonic::Status> {
    let request = PutDocumentRequest {
        upload_id: upload_id.to_owned(),
        offset: u32::try_from(offset).expect("it is below"),
        data: data.to_vec(),
        last,
    };
    let answer = client(desk).await.put_document(request).await?;
    Ok(answer.into_inner())
}

fn stored(request_id: &str, upload_id: &str) -> PrintRequest {
    PrintRequest {
        content: Some(Content::StoredDocument(upload_id.to_owned())),
        ..report(request_id, b"")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_report_comes_in_pieces_and_out_whole() {
    let (mut desk, cups) = desk().await;
    let large = pdf(40, "Large", 9 * PIECE / 2);
    let mut offset = 0;
    for piece in large.chunks(PIECE) {
        let last = offset + piece.len() == large.len();
        let told = put(&desk, "up", offset, piece, last).await.expect("taken");
        // The answer was lost: the piece comes again.
        let again = put(&desk, "up", offset, piece, last).await.expect("taken");
        assert_eq!((again.received, again.complete), (told.received, last));
        offset += piece.len();
        assert_eq!(usize::try_from(told.received).expect("it is below"), offset);
        assert_eq!(told.pages, if last { 40 } else { 0 });
    }
    // Nothing of it lies open on the disk.
    for entry in std::fs::read_dir(desk.state_dir().join("documents")).expect("its folder") {
        let kept = std::fs::read(entry.expect("its entry").path()).expect("its file");
        assert!(!kept.windows(8).any(|at| at == b"/Catalog"));
    }
    let told = print(&desk, stored("r", "up")).await.expect("taken");
    assert_eq!((told.state(), told.pages), (State::Printed, 40), "{told:?}");
    let again = print(&desk, stored("r", "up")).await.expect("repeated");
    assert_eq!(again, told);
    assert!(cups.papers() == [large], "it came out changed");
    // What was put is gone with the process; what was printed is known.
    desk.kill();
    desk.start_daemon().await;
    let again = print(&desk, stored("r", "up")).await.expect("repeated");
    assert_eq!(again, told);
    let other = print(&desk, stored("s", "up"))
        .await
        .expect_err("it is gone");
    assert_eq!(refusal(&other).name, "DOCUMENT_UNKNOWN");
    // The same id for something else is not answered with the paper of the first.
    let mut other = stored("r", "never-put");
    other.document_id = "another".to_owned();
    let other = print(&desk, other).await.expect_err("it is another body");
    assert_eq!(refusal(&other).name, "REQUEST_ID_OTHER_BODY");
}

/// What was put for a job that was refused is its caller's still: it can be printed, and counts as put.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_job_leaves_its_document() {
    let (desk, cups) = desk().await;
    let small = pdf(1, "Small", 0);
    put(&desk, "up", 0, &small, true).await.expect("taken");
    let nowhere = PrintRequest {
        role: "nowhere".to_owned(),
        ..stored("r", "up")
    };
    let refused = print(&desk, nowhere).await.expect_err("no such printer");
    assert_eq!(refusal(&refused).name, "DEVICE_UNKNOWN");
    let told = print(&desk, stored("s", "up")).await.expect("taken");
    assert_eq!(told.state(), State::Printed, "{told:?}");
    assert!(cups.papers() == [small], "it came out changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_do_not_fit_are_refused() {
    let (desk, _cups) = desk().await;
    let refused = async |id: &str, offset: usize, data: &[u8], last: bool| {
        let told = put(&desk, id, offset, data, last).await;
        refusal(&told.expect_err("it is refused")).name
    };
    assert_eq!(refused("a", 5, b"x", false).await, "DOCUMENT_UNKNOWN");
    put(&desk, "a", 0, b"%PDF-1.4", false).await.expect("taken");
    assert_eq!(refused("a", 0, b"%PDF-1.5", false).await, "DOCUMENT_OFFSET");
    assert_eq!(refused("a", 9, b"x", false).await, "DOCUMENT_OFFSET");
    let early = print(&desk, stored("r", "a"))
        .await
        .expect_err("it is not whole");
    assert_eq!(refusal(&early).name, "DOCUMENT_UNKNOWN");
    assert_eq!(
        refused("a", 8, b"not its end", true).await,
        "DOCUMENT_NOT_PDF"
    );
    // It can be put anew.
    put(&desk, "a", 0, b"%PDF-1.4", false).await.expect("taken");
    for n in 0..7 {
        put(&desk, &format!("b{n}"), 0, b"%PDF", false)
            .await
            .expect("taken");
    }
    assert_eq!(refused("c", 0, b"%PDF", false).await, "DOCUMENTS_TOO_MANY");
    assert_eq!(
        refused("bad id", 0, b"%PDF", false).await,
        "REQUEST_INVALID"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_32_mib_are_taken() {
    let (desk, _cups) = desk().await;
    let piece = vec![b' '; PIECE];
    for n in 0..32 {
        put(&desk, "big", n * PIECE, &piece, false)
            .await
            .expect("taken");
    }
    let over = put(&desk, "big", 32 * PIECE, b"x", false).await;
    assert_eq!(
        refusal(&over.expect_err("it is refused")).name,
        "DOCUMENT_TOO_LARGE"
    );
    let kept = std::fs::read_dir(desk.state_dir().join("documents")).expect("its folder");
    assert_eq!(kept.count(), 0, "what was refused is not kept");
}
