//! The preview, and rare characters on paper.

use yibaod::api::print_block::Block;
use yibaod::api::{
    PreviewRequest, PrintBarCode, PrintBarCodeKind, PrintBlock, PrintJobState as State,
};

use super::{client, document, print, request};
use crate::desk::{Desk, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_shows_what_is_printed() {
    let desk = Desk::start(Setup::default()).await;
    // The third is in neither font: it is written out, not drawn as a box.
    let lines = ["姓名 王㛃", "合计 12.50", "姓名 \u{20089}"];
    let mut document = document(&lines);
    let code = Block::BarCode(PrintBarCode {
        kind: PrintBarCodeKind::Code128.into(),
        data: "A-12".to_owned(),
        ..PrintBarCode::default()
    });
    document.blocks.insert(1, PrintBlock { block: Some(code) });
    let wish = PreviewRequest {
        role: String::new(),
        document: Some(document.clone()),
    };
    let shown = client(&desk).await.preview(wish).await.expect("a preview");
    let shown = shown.into_inner();
    assert_eq!((shown.columns, shown.unprintable), (48, 1));
    for said in ["王㛃", "合计 12.50", "[U+20089]", "A-12"] {
        assert!(shown.text.contains(said), "{said}: {}", shown.text);
    }
    let picture = yibaod::document::picture::read(&shown.png).expect("a PNG");
    assert_eq!(picture.width, 576);
    assert_eq!(
        desk.papers_in_the_end().await.len(),
        0,
        "nothing is printed"
    );
    let mut wish = request("paper", &[]);
    wish.content = Some(yibaod::api::print_request::Content::Document(document));
    let told = print(&desk, wish).await.expect("it is taken");
    assert_eq!(told.state(), State::Printed);
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    for said in ["王㛃", "合计 12.50", "[U+20089]", "A-12"] {
        assert!(
            papers[0].text().contains(said),
            "{said}: {}",
            papers[0].text()
        );
    }
    assert_eq!(desk.printer.errors(), vec![]);
}
