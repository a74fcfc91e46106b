//! `profile check`: what is wrong with a site profile and the secrets it names, without the daemon.
//!
//! It looks by the same function as `yibaod --check` and the daemon's start.

use serde_json::{Value, json};
use yibaod::book::Code;
use yibaod::config::profile_report::{Report, look};
use yibaod::config::{Problem, secrets};

use crate::args::ProfileCheck;
use crate::draw::{self, Paint, clean, columns, left};
use crate::exit::Exit;
use crate::out::Out;

/// Columns for any terminal.
const WIDTH_MAX: usize = 80;
/// Columns of a key; the longest is `amounts.accept_difference_fen`.
const KEY_COLUMNS: usize = 30;
/// Columns of what kind of finding it is.
const KIND_COLUMNS: usize = 6;
/// Before a line and between columns.
const GAP: &str = "  ";

/// 0 when the daemon would start with it, 1 when not.
pub(crate) fn check(check: &ProfileCheck, out: &Out) -> Exit {
    let credentials_dir = secrets::handed_dir();
    let report = look(&check.file, credentials_dir.as_deref());
    let file = check.file.display().to_string();
    match out.is_json() {
        true => out.object(&object(&file, &report).to_string()),
        false => out.lines(&drawn(
            &file,
            &report,
            out.paint(),
            out.width().min(WIDTH_MAX),
        )),
    }
    match report.errors.is_empty() {
        true => Exit::Fine,
        false => Exit::Failed,
    }
}

fn object(file: &str, report: &Report) -> Value {
    let problem = |problem: &Problem| {
        json!({
            "file": problem.file,
            "key": problem.key,
            "zh": problem.what.zh,
            "en": problem.what.en,
        })
    };
    let error = |code: Code, mut told: Value| {
        told["code"] = json!(code.id());
        told["name"] = json!(code.name());
        told
    };
    let errors = report.errors.iter();
    json!({
        "file": file,
        "name": report.name().unwrap_or_default(),
        "isRight": report.errors.is_empty(),
        "errors": errors.map(|it| error(it.code, problem(&it.problem))).collect::<Vec<_>>(),
        "warnings": report.warnings.iter().map(problem).collect::<Vec<_>>(),
        "unseen": report.unseen.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn drawn(file: &str, report: &Report, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in broken(&clean(file), width - GAP.len()) {
        lines.push(format!("{GAP}{part}"));
    }
    let head = row("", "键 key", "说明 meaning");
    if !(report.errors.is_empty() && report.warnings.is_empty() && report.unseen.is_empty()) {
        lines.push(paint.bold(&head));
    }
    for wrong in &report.errors {
        let rows = rows("错误", file, &wrong.problem, width);
        lines.extend(rows.iter().map(|line| paint.bad(line)));
    }
    for problem in &report.warnings {
        let rows = rows("注意", file, problem, width);
        lines.extend(rows.iter().map(|line| paint.care(line)));
    }
    for problem in &report.unseen {
        let rows = rows("未查", file, problem, width);
        lines.extend(rows.iter().map(|line| paint.dim(line)));
    }
    let (wrong, care) = (report.errors.len(), report.warnings.len());
    lines.push(match wrong {
        0 => paint.good(&format!("{GAP}✓ 可以使用 right ({care} 处注意 to look at)")),
        _ => paint.bad(&format!(
            "{GAP}✗ {wrong} 处错误 wrong, {care} 处注意 to look at"
        )),
    });
    lines
}

/// A finding: Chinese, then English, beside its key.
fn rows(kind: &str, file: &str, problem: &Problem, width: usize) -> Vec<String> {
    let taken = GAP.len() * 3 + KIND_COLUMNS + KEY_COLUMNS;
    let room = width.saturating_sub(taken).max(1);
    let mut text = Vec::new();
    if problem.file != file {
        text.extend(broken(&clean(&problem.file), room));
    }
    for words in [&problem.what.zh, &problem.what.en] {
        if !words.is_empty() {
            text.extend(broken(&clean(words), room));
        }
    }
    let keys = broken(&clean(&problem.key), KEY_COLUMNS);
    let (mut keys, mut kinds) = (keys.iter(), [kind].into_iter());
    let mut rows: Vec<String> = Vec::new();
    for words in &text {
        let key = keys.next().map_or("", String::as_str);
        rows.push(row(kinds.next().unwrap_or(""), key, words));
    }
    rows.extend(keys.map(|key| row("", key, "")));
    rows
}

fn row(kind: &str, key: &str, words: &str) -> String {
    let (kind, key) = (left(kind, KIND_COLUMNS), left(key, KEY_COLUMNS));
    format!("{GAP}{kind}{GAP}{key}{GAP}{words}")
        .trim_end()
        .to_owned()
}

/// Wrapped at words, and inside a word that is wider than a line: nothing is cut off.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in draw::wrapped(text, width) {
        let mut part = String::new();
        for c in line.chars() {
            part.push(c);
            if columns(&part) > width {
                part.pop();
                lines.push(std::mem::take(&mut part));
                part.push(c);
            }
        }
        lines.push(part);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cut_off_and_nothing_is_too_wide() {
        let long = format!("/{}", "目录/file".repeat(20));
        for width in [40, 80] {
            let lines = broken(&format!("{long} cannot be read, 无法读取"), width);
            assert!(lines.iter().all(|line| columns(line) <= width), "{lines:?}");
            assert!(lines.concat().contains(&long));
        }
    }
}
