//! Names that people bear, on every kind of printer: what is on the paper is read back dot by dot, whether the printer's
//! own letters put it there or ours; what nobody has a glyph for is written out, and told to who prints.

use std::collections::HashMap;

use encoding_rs::GB18030;
use tokio::process::Command;
use yibaod::api::reprint_request::Of;
use yibaod::api::{PreviewRequest, PrintJobState as State};
use yibaod::device::quirks::{self, PROFILES};
use yibaod::sandbox::devices::printer::{Charset, Options, Paper};

use super::glyphs::{lettered, paragraph, printed};
use super::{client, copy, document, job, print, request};
use crate::desk::{Desk, Setup};

const TABLE: &str = include_str!("rare_names.txt");
/// What the daemon draws of plane 2.
const PLANE2: &str = include_str!("../../../src/document/plane2/glyphs.hex");
/// What the table must have at least.
const NAMES_MIN: usize = 300;
const OF_EXTENSION_A_MIN: usize = 70;
const OF_PLANE_2_MIN: usize = 196;
const WRITTEN_OUT_MIN: usize = 8;
/// Dots from one line to the next, of a line's height, of a Chinese character, of a letter.
const LINE: usize = 30;
const CELL: usize = 24;
const LETTER: usize = 12;
/// Names of one paper.
const PAPER_NAMES: usize = 90;
/// Characters of a line of 80 mm.
const LINE_CHARACTERS: usize = 24;

/// What a printer makes of a name, by the heading that it stands under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    /// Letters of every printer.
    Letters,
    /// Letters where the printer has GB18030, drawn elsewhere.
    Gb18030,
    /// Drawn everywhere.
    Drawn,
    /// Some of it is written out as its code point, in letters.
    WrittenOut,
}

fn table() -> Vec<(&'static str, Made)> {
    let mut made = None;
    let mut names = Vec::new();
    let lines = TABLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in lines {
        match line {
            "[letters]" => made = Some(Made::Letters),
            "[gb18030]" => made = Some(Made::Gb18030),
            "[drawn]" => made = Some(Made::Drawn),
            "[written out]" => made = Some(Made::WrittenOut),
            name => names.push((name, made.expect("a heading above it"))),
        }
    }
    names
}

/// Whether the daemon's font has it, by the font's own makers and the table of what lies beyond.
fn has_glyph(character: &char) -> bool {
    unifont::get_glyph(*character).is_some() || of_plane_2().any(|(it, _)| it == *character)
}

/// The characters of plane 2 that are drawn, with their 16 rows.
fn of_plane_2() -> impl Iterator<Item = (char, Vec<u16>)> {
    PLANE2.lines().map(|line| {
        let (code_point, rows) = line.split_once(':').expect("a colon");
        let code_point = u32::from_str_radix(code_point, 16).expect("digits");
        let row = |at| u16::from_str_radix(&rows[at..at + 4], 16).expect("digits");
        let rows = (0..64).step_by(4).map(row).collect();
        (char::from_u32(code_point).expect("a character"), rows)
    })
}

/// 16 rows as a printer shows them in its cell of 24: of three dots the one in the middle is black when a neighbour is.
fn grown(rows: &[u16]) -> Vec<bool> {
    let sources = |at: usize| at * 2 / 3..=(at * 2 + 1) / 3;
    let is_black = |x: usize, y: usize| {
        let mut rows = sources(y).map(|y| rows[y]);
        rows.any(|row| sources(x).any(|x| row & (0x8000 >> x) != 0))
    };
    let places = (0..CELL).flat_map(|y| (0..CELL).map(move |x| (x, y)));
    places.map(|(x, y)| is_black(x, y)).collect()
}

/// What the paper shall say.
fn shown(name: &str) -> String {
    let shown = |character: char| match has_glyph(&character) {
        true => character.to_string(),
        false => format!("[U+{:04X}]", u32::from(character)),
    };
    name.chars().map(shown).collect()
}

fn beyond_the_font(name: &str) -> usize {
    name.chars().filter(|it| !has_glyph(it)).count()
}

/// Reads dots: what a printer that has every glyph prints of each character.
struct Reader {
    characters: HashMap<Vec<bool>, char>,
    letters: HashMap<Vec<bool>, char>,
}

impl Reader {
    async fn learn(characters: impl Iterator<Item = char>) -> Self {
        let (beyond, wide): (Vec<char>, Vec<char>) = characters
            .filter(|it| !it.is_ascii())
            .partition(|it| *it > '\u{FFFF}');
        let mut wide = wide;
        wide.sort_unstable();
        wide.dedup();
        let lines: Vec<String> = wide
            .chunks(LINE_CHARACTERS)
            .map(|line| line.iter().collect())
            .collect();
        let paper = lettered(&lines.join("\n")).await;
        let cell = |at: usize| {
            dots(
                &paper,
                at % LINE_CHARACTERS * CELL,
                at / LINE_CHARACTERS,
                CELL,
            )
        };
        let mut characters: HashMap<_, _> = wide
            .iter()
            .enumerate()
            .map(|(at, it)| (cell(at), *it))
            .collect();
        assert_eq!(characters.len(), wide.len(), "two look the same");
        let beyond = of_plane_2().filter(|(it, _)| beyond.contains(it));
        for (character, rows) in beyond {
            let same = characters.insert(grown(&rows), character);
            assert_eq!(same, None, "{character} looks the same");
        }
        let narrow = "[]U+0123456789ABCDEF";
        let paper = lettered(narrow).await;
        let letters = narrow.chars().enumerate();
        let letters = letters
            .map(|(at, it)| (dots(&paper, at * LETTER, 0, LETTER), it))
            .collect();
        Self {
            characters,
            letters,
        }
    }

    /// What this line of a paper says, up to the first white.
    fn line(&self, paper: &Paper, line: usize) -> String {
        let (mut read, mut left) = (String::new(), 0);
        while dots(paper, left, line, CELL).contains(&true) {
            if let Some(wide) = self.characters.get(&dots(paper, left, line, CELL)) {
                read.push(*wide);
                left += CELL;
            } else {
                let letter = dots(paper, left, line, LETTER);
                read.push(*self.letters.get(&letter).unwrap_or(&'?'));
                left += LETTER;
            }
        }
        read
    }
}

fn dots(paper: &Paper, left: usize, line: usize, width: usize) -> Vec<bool> {
    // A new roll hangs out of the head as far as the knife.
    let top = Options::default().knife_dots + line * LINE;
    let rows = top..top + CELL;
    rows.flat_map(|y| (left..left + width).map(move |x| (x, y)))
        .map(|(x, y)| paper.dot(x, y))
        .collect()
}

#[test]
fn the_table_has_names_of_every_kind() {
    let names = table();
    let mut distinct: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len());
    assert!(names.len() >= NAMES_MIN, "{}", names.len());
    let with = |is: fn(&char) -> bool| {
        let has = |(name, _): &&(&str, Made)| name.chars().any(|it| is(&it));
        names.iter().filter(has).count()
    };
    let of_a = with(|it| ('\u{3400}'..='\u{4DBF}').contains(it));
    assert!(of_a >= OF_EXTENSION_A_MIN, "{of_a}");
    for (character, _) in of_plane_2() {
        let has = |(name, _): &(&str, Made)| name.contains(character);
        assert!(names.iter().any(has), "{character} is in no name");
    }
    assert!(of_plane_2().count() >= OF_PLANE_2_MIN);
    let written_out = with(|it| !has_glyph(it));
    assert!(written_out >= WRITTEN_OUT_MIN, "{written_out}");
    // What this font lacks is of plane 2, which is what the manual says.
    assert_eq!(
        with(|it| !has_glyph(it) && !('\u{20000}'..='\u{2FFFF}').contains(it)),
        0
    );
    for (name, made) in names {
        let length = name.chars().count();
        assert!((2..=4).contains(&length), "{name}");
        let written_out = made == Made::WrittenOut;
        assert!(
            !written_out || beyond_the_font(name) > 0,
            "{name}: {made:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rare_names_read_back_from_every_kind_of_printer() {
    let names = table();
    let reader = Reader::learn(
        names
            .iter()
            .flat_map(|(name, _)| name.chars())
            .filter(has_glyph),
    )
    .await;
    for row in PROFILES {
        for names in names.chunks(PAPER_NAMES) {
            read_back(&reader, row, names).await;
        }
    }
}

/// Names on one paper of this kind of printer.
async fn read_back(reader: &Reader, row: &quirks::Profile, names: &[(&str, Made)]) {
    let has_gb18030 = row.charset == quirks::Charset::Gb18030;
    let charset = match row.charset {
        quirks::Charset::Gb18030 => Charset::Gb18030,
        quirks::Charset::Gbk => Charset::Gbk,
    };
    let blocks = names.iter().map(|(name, _)| paragraph(name)).collect();
    let (paper, unprintable) = printed(row.name, charset, blocks).await;
    let beyond: usize = names.iter().map(|(name, _)| beyond_the_font(name)).sum();
    assert_eq!(unprintable, beyond, "{}", row.name);
    let text = paper.text();
    let mut letters = text.lines();
    for (at, (name, made)) in names.iter().enumerate() {
        let expected = shown(name);
        assert_eq!(reader.line(&paper, at), expected, "{name} on {}", row.name);
        let in_letters = match made {
            Made::Letters | Made::WrittenOut => true,
            Made::Gb18030 => has_gb18030,
            Made::Drawn => false,
        };
        let line = letters.next().expect("a line a name");
        assert_eq!(
            line == expected,
            in_letters,
            "{name} on {}: {line}",
            row.name
        );
    }
}

/// The bytes of the daemon's own, read by who knows nothing of printers.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_dots_tells_names_apart() {
    let reader = Reader::learn("王仝㛃鿏".chars()).await;
    let (bytes, _, _) = GB18030.encode("仝㛃");
    assert_eq!(bytes.len(), 2 + 4);
    let paper = lettered("仝㛃\n王鿏\n王[U+2CB4E]").await;
    let read: Vec<String> = (0..3).map(|line| reader.line(&paper, line)).collect();
    assert_eq!(read, ["仝㛃", "王鿏", "王[U+2CB4E]"]);
}

/// Who prints a name that is written out learns so from the job, however often it asks, and whoever is next at the desk.
#[tokio::test(flavor = "multi_thread")]
async fn who_prints_is_told_of_what_was_written_out() {
    let mut desk = Desk::start(Setup::default()).await;
    let odd = ["姓名 钟离𠮷", "姓名 王㛃", "姓名 𢆡𣚦"];
    let shown = PreviewRequest {
        role: String::new(),
        document: Some(document(&odd)),
    };
    let shown = client(&desk).await.preview(shown).await.expect("a preview");
    assert_eq!(shown.into_inner().unprintable, 3);
    let first = print(&desk, request("odd", &odd)).await.expect("taken");
    assert_eq!((first.state(), first.unprintable), (State::Printed, 3));
    let papers = desk.papers_in_the_end().await;
    let text = papers[0].text();
    for told in ["钟离[U+20BB7]", "王㛃", "[U+221A1]", "[U+236A6]"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let plain = print(&desk, request("plain", &["姓名 王堃", "姓名 仝㛃"])).await;
    assert_eq!(plain.expect("taken").unprintable, 0);

    desk.stop().await;
    desk.start_daemon().await;
    assert_eq!(job(&desk, "odd").await, first, "told as before");
    let copy = copy::reprint(&desk, "odd-copy", Of::JobId(first.job_id)).await;
    assert_eq!(copy.expect("taken").unprintable, 3);
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket());
    let shown = command.args(["print", "show", "odd"]).output().await;
    let shown = shown.expect("it starts");
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("3 个字没有字形"), "{shown}");
}
