//! `explain`: the error book, without the daemon.

use yibaod::book::Code;

use crate::args::{BookFormat, Explain};
use crate::book_page;
use crate::draw::{Paint, receipt, words, wrapped};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::{Trouble, of_book};

/// Columns for any terminal.
const WIDTH_MAX: usize = 80;
/// Columns of a name; the longest has so many.
const NAME_COLUMNS: usize = 30;
/// Before what belongs to a code.
const INDENT: &str = "       ";

/// Runs it.
pub(crate) fn run(explain: &Explain, out: &Out) -> Result<Exit, Trouble> {
    let Some(text) = &explain.code else {
        whole(explain.format, out);
        return Ok(Exit::Fine);
    };
    let Some(code) = Code::from_id(text) else {
        return Err(Trouble::Usage(format!(
            "{text} is not in the book (yibaoctl explain --all); 没有这个错误编号"
        )));
    };
    match out.is_json() {
        true => out.object(&json::text(&of_book(code))),
        false => out.lines(&one(code, out.paint(), out.width())),
    }
    Ok(Exit::Fine)
}

/// With `--json` an entry a line.
fn whole(format: BookFormat, out: &Out) {
    if out.is_json() {
        for code in Code::ALL {
            out.object(&json::text(&of_book(*code)));
        }
        return;
    }
    match format {
        BookFormat::Table => {
            let width = out.width().min(WIDTH_MAX);
            out.lines(&table(out.paint(), width));
        }
        BookFormat::Markdown => out.lines(&[book_page::markdown().trim_end().to_owned()]),
        BookFormat::Html => out.lines(&[book_page::html().trim_end().to_owned()]),
    }
}

/// A head and what to know of each code; none wider than the width.
fn table(paint: Paint, width: usize) -> Vec<String> {
    let room = width.saturating_sub(INDENT.len()).max(1);
    let mut lines = Vec::new();
    for code in Code::ALL {
        let row = code.entry();
        let money = words::error_money(of_book(*code).money());
        let money = money.map_or("", |(zh, _)| zh);
        let head = format!("{:<5}  {:<NAME_COLUMNS$}  {money}", code.id(), code.name());
        lines.push(paint.bold(head.trim_end()));
        for (mark, text) in [("", row.meaning_zh), ("→ ", row.action_zh)] {
            let text = wrapped(&format!("{mark}{text}"), room);
            lines.extend(text.iter().map(|text| format!("{INDENT}{text}")));
        }
    }
    lines
}

fn one(code: Code, paint: Paint, width: usize) -> Vec<String> {
    let row = code.entry();
    let mut lines = receipt::error(&of_book(code), paint, width);
    lines.push(String::new());
    lines.push(format!("    资金 money    {}", row.money.word()));
    lines.push(format!("    重做 repeat   {}", row.repeat.word()));
    let said = format!("对患者 patient_zh  {}", of_book(code).patient_zh);
    let said = wrapped(&said, width.saturating_sub(4).max(20));
    lines.extend(said.iter().map(|line| format!("    {line}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_eighty_columns_and_cuts_nothing() {
        let lines = table(Paint::new(false), WIDTH_MAX);
        for line in &lines {
            assert!(crate::draw::columns(line) <= WIDTH_MAX, "{line}");
        }
        let all = lines.concat().replace([' ', '\u{2192}'], "");
        for code in Code::ALL {
            let row = code.entry();
            for words in [code.name(), row.meaning_zh, row.action_zh] {
                assert!(all.contains(&words.replace(' ', "")), "{code:?}: {words}");
            }
        }
    }

    #[test]
    fn every_code_is_explained_in_both_languages() {
        for code in Code::ALL {
            let all = one(*code, Paint::new(false), 400).join("\n");
            let row = code.entry();
            for words in [row.meaning_zh, row.meaning_en, row.action_zh, row.action_en] {
                assert!(all.contains(words), "{code:?}: {words} not in {all}");
            }
        }
    }
}
