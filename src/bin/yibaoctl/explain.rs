//! `explain`: the error book, without the daemon.

use yibaod::book::Code;

use crate::args::Explain;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, receipt};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::{Trouble, of_book};

/// Runs it.
pub(crate) fn run(explain: &Explain, out: &Out) -> Result<Exit, Trouble> {
    let Some(text) = &explain.code else {
        whole(out);
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
fn whole(out: &Out) {
    if out.is_json() {
        for code in Code::ALL {
            out.object(&json::text(&of_book(*code)));
        }
        return;
    }
    let mut table = Table::new(vec![
        Column::text("编号", 5),
        Column::text("名称", 12),
        Column::text("资金", 7),
        Column::text("说明", 12),
        Column::text("处理", 12),
    ]);
    for code in Code::ALL {
        let row = code.entry();
        table.row(vec![
            code.id().to_owned(),
            code.name().to_owned(),
            row.money.word().to_owned(),
            row.meaning_zh.to_owned(),
            row.action_zh.to_owned(),
        ]);
    }
    out.lines(&table.lines(out.width_of_table(), out.paint()));
}

fn one(code: Code, paint: Paint, width: usize) -> Vec<String> {
    let row = code.entry();
    let mut lines = receipt::error(&of_book(code), paint, width);
    lines.push(String::new());
    lines.push(format!("    资金 money    {}", row.money.word()));
    lines.push(format!("    重做 repeat   {}", row.repeat.word()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

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
