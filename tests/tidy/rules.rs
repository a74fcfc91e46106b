//! Rules about one file at a time: sizes, names, what pure code may not touch, what no code may hold.

use super::lexer::{Kind, Token};
use super::source::{File, Tree, after_closing};

/// Lines of a code file, tests and all.
const FILE_LINES_MAX: usize = 600;
/// Lines of a function, from its name to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] = [
    "util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "stuff",
];

/// Files and folders that decide and do no I/O.
const PURE: [&str; 6] = [
    "src/settlement/",
    "src/document/",
    "src/platform/wire/",
    "src/platform/wire.rs",
    "src/platform/sign/",
    "src/platform/sign.rs",
];

/// Words that pure code does not hold: hash order, clocks, chance, runtimes, files, sockets.
const IMPURE_WORDS: [&str; 17] = [
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "async",
    "await",
    "async_trait",
    "getrandom",
    "hyper_util",
    "interprocess",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "tokio",
    "tonic",
    "uuid",
];

/// Parts of the standard library that pure code does not name.
const IMPURE_STD: [&str; 7] = ["env", "fs", "io", "net", "process", "thread", "time"];

/// Every finding of these rules.
pub(super) fn check(tree: &Tree, files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
        findings.extend(check_text(path, text));
    }
    for file in files {
        let mut found = Vec::new();
        functions(file, &mut found);
        forbidden(file, &mut found);
        empty_names(file, &mut found);
        if PURE.iter().any(|place| file.path.starts_with(place)) {
            purity(file, &mut found);
        }
        findings.extend(
            found
                .into_iter()
                .map(|(line, what)| format!("{}:{line}: {what}", file.path)),
        );
    }
    findings
}

fn check_text(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(format!(
            "{path}:{lines}: {lines} lines, {FILE_LINES_MAX} at most: split it"
        ));
    }
    if !text.starts_with("//!") {
        findings.push(format!(
            "{path}:1: say first what this file is for and what it must not know (//!)"
        ));
    }
    for part in path.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&part) {
            findings.push(format!("{path}:1: “{part}” does not say what is inside"));
        }
    }
    findings
}

type Found = Vec<(usize, String)>;

fn functions(file: &File, found: &mut Found) {
    for (at, token) in file.tokens.iter().enumerate() {
        let Some(name) = file.token(at + 1).and_then(Token::ident) else {
            continue;
        };
        if !token.is("fn") {
            continue;
        }
        if let Some(end) = body_end(&file.tokens, at) {
            let lines = file.tokens[end - 1].line - token.line + 1;
            if lines > FUNCTION_LINES_MAX {
                let what =
                    format!("{name} has {lines} lines, {FUNCTION_LINES_MAX} at most: split it");
                found.push((token.line, what));
            }
        }
    }
}

/// The place after the body of the function whose `fn` stands at a place; `None` without a body.
fn body_end(tokens: &[Token], mut at: usize) -> Option<usize> {
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Mark(';') => return None,
            Kind::Mark('{') => return Some(after_closing(tokens, at)),
            Kind::Mark('(' | '[') => at = after_closing(tokens, at),
            Kind::Ident(_) | Kind::Text(_) | Kind::Other | Kind::Colons | Kind::Mark(_) => at += 1,
        }
    }
    None
}

fn forbidden(file: &File, found: &mut Found) {
    for (at, token) in file.tokens.iter().enumerate() {
        let mut say = |what: &str| found.push((token.line, what.to_owned()));
        if !file.is_test[at] && file.reads(at, &[".", "unwrap", "(", ")"]) {
            say("unwrap outside tests: handle it, or expect() with what makes it impossible");
        }
        if file.reads(at, &["#", "[", "ignore"]) {
            say("an ignored test: assert what happens today and say what is wrong with it");
        }
        if file.reads(at, &["todo", "!"]) || file.reads(at, &["unimplemented", "!"]) {
            say("not written yet: leave it out until it is");
        }
        let is_sandbox_feature = file.reads(at, &["feature", "="])
            && matches!(file.token(at + 2).map(|token| &token.kind), Some(Kind::Text(text)) if text == "sandbox");
        if is_sandbox_feature && !is_the_one_mod_line(file, at) {
            say("the feature sandbox is asked for at one mod line of src/lib.rs only");
        }
    }
}

/// `#[cfg(feature = "sandbox")] pub mod sandbox;` in the map, where `feature` stands at the place.
fn is_the_one_mod_line(file: &File, at: usize) -> bool {
    file.path == "src/lib.rs" && file.reads(at + 3, &[")", "]", "pub", "mod", "sandbox", ";"])
}

fn empty_names(file: &File, found: &mut Found) {
    for (at, token) in file.tokens.iter().enumerate() {
        if let Some(name) = file.token(at + 1).and_then(Token::ident)
            && token.is("mod")
            && EMPTY_NAMES.contains(&name)
        {
            found.push((
                token.line,
                format!("module “{name}” does not say what is inside"),
            ));
        }
    }
}

fn purity(file: &File, found: &mut Found) {
    for (at, token) in file
        .tokens
        .iter()
        .enumerate()
        .filter(|(at, _)| !file.is_test[*at])
    {
        if let Some(word) = token.ident().filter(|word| IMPURE_WORDS.contains(word)) {
            found.push((token.line, format!("pure code holds {word}")));
        }
        if file.reads(at, &["::", "now", "("]) {
            found.push((
                token.line,
                "pure code asks the clock; the time comes in as a value".to_owned(),
            ));
        }
    }
    for named in file
        .paths()
        .into_iter()
        .filter(|named| !file.is_test[named.at])
    {
        if let [first, second, ..] = named.names.as_slice()
            && first == "std"
            && IMPURE_STD.contains(&second.as_str())
        {
            found.push((
                file.tokens[named.at].line,
                format!("pure code names std::{second}"),
            ));
        }
    }
}
