//! Every message, field, method and value of our proto has a comment in Chinese and in English, above it or beside
//! it: a HIS developer reads the proto and nothing else.

use super::source::Tree;

/// Words a statement may start with that declare nothing a caller meets.
const SILENT: [&str; 6] = [
    "syntax",
    "package",
    "import",
    "option",
    "reserved",
    "extensions",
];

/// Every declaration without such a comment.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    tree.iter()
        .filter(|(path, _)| path.ends_with(".proto"))
        .flat_map(|(path, text)| {
            declarations(text)
                .into_iter()
                .filter(|declared| !is_bilingual(&declared.comment))
                .map(move |declared| {
                    format!(
                        "{path}:{}: no comment in Chinese and English: {}",
                        declared.line, declared.text
                    )
                })
        })
        .collect()
}

struct Declared {
    line: usize,
    text: String,
    comment: String,
}

fn is_bilingual(comment: &str) -> bool {
    let han = comment
        .chars()
        .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    han && comment.chars().any(|c| c.is_ascii_alphabetic())
}

/// The declarations of a proto text with the comments above them and beside their end.
fn declarations(text: &str) -> Vec<Declared> {
    let mut found: Vec<Declared> = Vec::new();
    let mut comment = String::new();
    let mut statement = String::new();
    let mut start = 0;
    for (line, content) in text
        .lines()
        .enumerate()
        .map(|(n, content)| (n + 1, content))
    {
        let (code, remark) = split_comment(content);
        let mut ended_here = false;
        for c in code.chars() {
            if statement.is_empty() && !c.is_whitespace() {
                start = line;
            }
            match c {
                ';' | '{' | '}' => {
                    if let Some(words) = declares(&statement) {
                        let comment = std::mem::take(&mut comment);
                        found.push(Declared {
                            line: start,
                            text: words,
                            comment,
                        });
                        ended_here = true;
                    }
                    comment.clear();
                    statement.clear();
                }
                _ if statement.is_empty() && c.is_whitespace() => {}
                _ => statement.push(c),
            }
        }
        match found.last_mut() {
            Some(last) if ended_here => last.comment.push_str(remark),
            Some(_) | None => comment.push_str(remark),
        }
        if content.trim().is_empty() {
            // A comment followed by an empty line is about the file, not about what comes next.
            comment.clear();
        }
    }
    found
}

/// Code and comment of a line. Texts in quotes do not hold `//` in a proto of ours.
fn split_comment(line: &str) -> (&str, &str) {
    line.find("//").map_or((line, ""), |at| line.split_at(at))
}

/// The words of a statement that declares something a caller meets.
fn declares(statement: &str) -> Option<String> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let first = words.first()?;
    (!SILENT.contains(first)).then(|| words.join(" "))
}
