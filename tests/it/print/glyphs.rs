//! Characters on paper: what the printer has is read back from the sandbox's own interpreter; what it lacks is drawn,
//! dot for dot as a printer that has it prints it.

use std::time::Duration;

use encoding_rs::{EncoderResult, GB18030};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use yibaod::device::printer::escpos::encode;
use yibaod::device::quirks;
use yibaod::document::{Align, Block, Document, Style};
use yibaod::sandbox::devices::printer::{Charset, Options, Paper, Printer};

/// Characters of one paper.
const PAPER_CHARACTERS: usize = 2_000;
const PRINTED_S_MAX: u64 = 20;

pub(super) fn paragraph(text: &str) -> Block {
    Block::Text {
        text: text.to_owned(),
        style: Style::default(),
        align: Align::Left,
    }
}

/// What a printer with this font makes of the bytes for this model, and how many characters were written out.
pub(super) async fn printed(model: &str, charset: Charset, blocks: Vec<Block>) -> (Paper, usize) {
    let options = Options {
        charset,
        ..Options::default()
    };
    let printer = Printer::start_tcp(options).expect("a free port");
    let blocks = blocks.into_iter().chain([Block::Cut]).collect();
    let document = Document {
        title: String::new(),
        blocks,
    };
    let profile = quirks::profile(model).expect("a row");
    let encoded = encode(&document, profile);
    let address = printer.addr().expect("it is on TCP");
    let mut line = tokio::net::TcpStream::connect(address)
        .await
        .expect("it listens");
    line.write_all(&encoded.bytes).await.expect("it reads");
    if !profile.has_cut {
        // Torn off by hand.
        line.write_all(FEED_AND_CUT).await.expect("it reads");
    }
    let until = Instant::now() + Duration::from_secs(PRINTED_S_MAX);
    let papers = printer.wait_papers(1, until).await;
    assert_eq!(printer.errors(), vec![]);
    let paper = papers.into_iter().next().expect("a paper");
    (paper, encoded.unprintable)
}

/// Every character that GB18030 writes in so many bytes and that is nobody's own.
fn characters(bytes: usize, range: std::ops::RangeInclusive<char>) -> Vec<char> {
    let mut out = [0; 4];
    let has = |character: &char| {
        let private = ('\u{E000}'..='\u{F8FF}').contains(character);
        let mut text = [0; 4];
        let text = character.encode_utf8(&mut text);
        let (result, _, length) = GB18030
            .new_encoder()
            .encode_from_utf8_without_replacement(text, &mut out, true);
        !private && result == EncoderResult::InputEmpty && length == bytes
    };
    range.filter(has).collect()
}

async fn read_back(all: &[char], model: &str, charset: Charset) {
    for part in all.chunks(PAPER_CHARACTERS) {
        let text: String = part.iter().collect();
        let (paper, unprintable) = printed(model, charset, vec![paragraph(&text)]).await;
        assert_eq!(unprintable, 0);
        let read: String = paper.text().split_whitespace().collect();
        let sent: String = text.split_whitespace().collect();
        let wrong = sent
            .chars()
            .zip(read.chars())
            .find(|(sent, read)| sent != read);
        assert_eq!(wrong, None);
        assert_eq!(read.chars().count(), sent.chars().count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bytes_read_back() {
    let all = characters(2, '\u{80}'..='\u{FFFF}');
    assert!(all.len() > 21_000, "{}", all.len());
    read_back(&all, "gb18030-80", Charset::Gb18030).await;
    // What came with GB18030, the euro sign too, a printer of GBK has no glyph for: it is drawn.
    let is_older = |it: &char| !is_late(*it) && *it != '€';
    let older: Vec<char> = all.into_iter().filter(is_older).collect();
    assert!(older.len() > 21_000, "{}", older.len());
    read_back(&older, "gbk-80", Charset::Gbk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_bytes_of_extension_a_read_back() {
    // GB18030-2022, level 1: the ideographs of extension A that stood in the standard from the start.
    let all = characters(4, '\u{3400}'..='\u{4DB5}');
    assert!(all.len() > 6_400, "{}", all.len());
    read_back(&all, "gb18030-80", Charset::Gb18030).await;
}

/// The two bytes of a character stand where code page 936 has nothing.
fn is_late(character: char) -> bool {
    let text = character.to_string();
    let (bytes, _, _) = GB18030.encode(&text);
    let rows = [[0xa6, 0xd9], [0xa8, 0xbc], [0xa9, 0x89], [0xfe, 0x50]];
    let ends = [[0xa6, 0xf3], [0xa8, 0xbf], [0xa9, 0x95], [0xfe, 0xfe]];
    let mut late = rows.iter().zip(&ends);
    // Marks among them that it has.
    let is_older = (0xa6e0..=0xa6f5).contains(&u16::from_be_bytes([bytes[0], bytes[1]]))
        && !matches!(bytes[1], 0xec | 0xed | 0xf3);
    !is_older && late.any(|(first, last)| (&first[..]..=&last[..]).contains(&&*bytes))
}

/// GB18030-2022, level 1, on a printer that has GBK: extension A, U+9FA6 and behind, and the last row of two bytes.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_printer_lacks_is_drawn_as_a_better_one_prints_it() {
    let rare = ('\u{3400}'..='\u{4DB5}').chain('\u{9FA6}'..='\u{9FEF}');
    let radicals = ('\u{2E80}'..='\u{2EFF}').filter(|it| is_late(*it));
    let all: Vec<char> = rare.chain(radicals).collect();
    assert!(all.len() > 6_650, "{}", all.len());
    for part in all.chunks(PAPER_CHARACTERS) {
        let text: String = part.iter().collect();
        let (drawn, unprintable) = printed("gbk-80", Charset::Gbk, vec![paragraph(&text)]).await;
        assert_eq!(unprintable, 0);
        let lettered = lettered(&text).await;
        assert_eq!(drawn.height(), lettered.height());
        for y in 0..drawn.height() {
            for x in 0..576 {
                assert_eq!(
                    drawn.dot(x, y),
                    lettered.dot(x, y),
                    "{:?} at {x},{y}",
                    part[0]
                );
            }
        }
    }
}

/// The end of the last line, up to the knife, and through.
const FEED_AND_CUT: &[u8] = b"\n\x1bd\x04\x1dV\x42\0";

/// What a printer with every glyph makes of the bytes themselves.
pub(super) async fn lettered(text: &str) -> Paper {
    let printer = Printer::start_tcp(Options {
        charset: Charset::Gb18030,
        ..Options::default()
    });
    let printer = printer.expect("a free port");
    let (bytes, _, _) = GB18030.encode(text);
    let job = [b"\x1b@\x1c&", &*bytes, FEED_AND_CUT].concat();
    let address = printer.addr().expect("it is on TCP");
    let mut line = tokio::net::TcpStream::connect(address)
        .await
        .expect("it listens");
    line.write_all(&job).await.expect("it reads");
    let until = Instant::now() + Duration::from_secs(PRINTED_S_MAX);
    let papers = printer.wait_papers(1, until).await;
    papers.into_iter().next().expect("a paper")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_written_out() {
    let (paper, unprintable) = printed(
        "gb18030-80",
        Charset::Gb18030,
        vec![paragraph("王\u{20089}\u{378}")],
    )
    .await;
    // The second is nobody's: the font has a box for it, which says nothing.
    assert_eq!(unprintable, 2);
    let told = paper.text();
    assert!(told.contains("王[U+20089][U+0378]"), "{told}");
}
