//! The tree of texts that the rules read, and each code file taken apart: tokens, paths, which of it is tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use super::lexer::{self, Kind, Token};

/// Texts by their path from the top of the repository, with `/` between.
pub(super) type Tree = BTreeMap<String, String>;

/// Where code and proto texts lie.
const FOLDERS: [&str; 4] = ["src", "tests", "proto", "benches"];

/// Code beside them: what cargo runs before it compiles.
const BUILD: &str = "build.rs";

/// How deep folders may lie in one another, and how many files we read at most: a loop of links ends here.
const DEPTH_MAX: usize = 12;

/// One code file, taken apart.
pub(super) struct File {
    pub(super) path: String,
    pub(super) tokens: Vec<Token>,
    /// For each token, whether it is only built for tests.
    pub(super) is_test: Vec<bool>,
    /// For each token, how many inline modules it stands in, by name.
    pub(super) inside: Vec<Vec<String>>,
}

/// A path as written in code, `use` trees spread out: its names, and the token where it starts.
pub(super) struct Named {
    pub(super) names: Vec<String>,
    pub(super) at: usize,
}

/// Reads every code and proto text of the checkout.
pub(super) fn read(root: &Path) -> io::Result<Tree> {
    let mut tree = Tree::new();
    for folder in FOLDERS {
        read_folder(root, folder, 0, &mut tree)?;
    }
    if root.join(BUILD).is_file() {
        tree.insert(BUILD.to_owned(), fs::read_to_string(root.join(BUILD))?);
    }
    Ok(tree)
}

/// The names in a folder.
pub(super) fn names(dir: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect()
}

fn read_folder(root: &Path, folder: &str, depth: usize, tree: &mut Tree) -> io::Result<()> {
    let dir = root.join(folder);
    if depth > DEPTH_MAX || !dir.is_dir() {
        return Ok(());
    }
    for name in names(&dir)? {
        let path = format!("{folder}/{name}");
        if dir.join(&name).is_dir() {
            read_folder(root, &path, depth + 1, tree)?;
        } else if path.ends_with(".rs") || path.ends_with(".proto") {
            tree.insert(path, fs::read_to_string(dir.join(&name))?);
        }
    }
    Ok(())
}

/// Takes every code file of the tree apart.
pub(super) fn lex(tree: &Tree) -> Vec<File> {
    let mut files: Vec<File> = tree
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| File::new(path, text))
        .collect();
    let test_stems: Vec<String> = files.iter().flat_map(File::test_modules).collect();
    for file in &mut files {
        let path = &file.path;
        let is_test_file = path.starts_with("tests/")
            || path.starts_with("benches/")
            || test_stems.iter().any(|stem| {
                path.strip_prefix(stem.as_str())
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            });
        if is_test_file {
            file.is_test.fill(true);
        }
    }
    files
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let tokens = lexer::tokens(text);
        let is_test = mark_tests(&tokens);
        let inside = mark_modules(&tokens);
        Self {
            path: path.to_owned(),
            tokens,
            is_test,
            inside,
        }
    }

    /// The token at a place, if there is one.
    pub(super) fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    /// Whether the tokens from a place on are these words and marks.
    pub(super) fn reads(&self, at: usize, wanted: &[&str]) -> bool {
        wanted.iter().enumerate().all(|(n, word)| {
            self.token(at + n).is_some_and(|token| match &token.kind {
                Kind::Ident(name) => name == word,
                Kind::Mark(mark) => word.chars().eq([*mark]),
                Kind::Colons => *word == "::",
                Kind::Text(_) | Kind::Other => false,
            })
        })
    }

    /// The modules this file is, from the root of its crate: `src/a/b.rs` is `a::b`, `src/bin/x/y.rs` is `y`.
    pub(super) fn module(&self) -> Vec<String> {
        let mut parts: Vec<&str> = self
            .path
            .trim_end_matches(".rs")
            .split('/')
            .skip(1)
            .collect();
        if parts.first() == Some(&"bin") {
            parts.drain(..parts.len().min(2));
        }
        if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
            parts.pop();
        }
        parts.into_iter().map(str::to_owned).collect()
    }

    /// Every path in the file: `use` trees spread out, paths in code, and paths written in attributes' strings.
    pub(super) fn paths(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(token) = self.token(at) {
            let starts = at == 0 || self.tokens[at - 1].kind != Kind::Colons;
            match &token.kind {
                Kind::Ident(word) if word == "use" && !self.reads(at + 1, &["<"]) => {
                    at = self.spread(at + 1, &[], &mut found);
                }
                Kind::Ident(_) if starts || token.is("yibaod") => {
                    let names = self.names_from(at);
                    let length = names.len();
                    found.push(Named { names, at });
                    at += 2 * length - 1;
                }
                Kind::Text(text) if text.starts_with("crate::") => {
                    let names = text.split("::").map(str::to_owned).collect();
                    found.push(Named { names, at });
                    at += 1;
                }
                Kind::Ident(_) | Kind::Text(_) | Kind::Other | Kind::Colons | Kind::Mark(_) => {
                    at += 1
                }
            }
        }
        found
    }

    /// The names of `a::b::c` from the token of `a` on.
    fn names_from(&self, mut at: usize) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(name) = self.token(at).and_then(Token::ident) {
            names.push(name.to_owned());
            if self
                .token(at + 1)
                .is_none_or(|next| next.kind != Kind::Colons)
            {
                break;
            }
            at += 2;
        }
        names
    }

    /// Spreads one `use` tree that starts at a place; gives the place after it.
    fn spread(&self, mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
        let start = at;
        let mut names = prefix.to_vec();
        while let Some(token) = self.token(at) {
            match &token.kind {
                Kind::Ident(word) if word == "as" => at += 2,
                Kind::Ident(word) if word == "self" && !names.is_empty() => at += 1,
                Kind::Ident(word) => {
                    names.push(word.clone());
                    at += 1;
                }
                Kind::Mark('*') => {
                    names.push("*".to_owned());
                    at += 1;
                }
                Kind::Mark('{') => {
                    at += 1;
                    while self.token(at).is_some_and(|token| !token.is_mark('}')) {
                        let next = self.spread(at, &names, found);
                        let comma = self.token(next).is_some_and(|token| token.is_mark(','));
                        // A tree that no compiler took must not hold us here.
                        at = if comma || next == at { next + 1 } else { next };
                    }
                    return at + 1;
                }
                Kind::Mark(',' | '}' | ';') => break,
                Kind::Colons | Kind::Mark(_) | Kind::Text(_) | Kind::Other => at += 1,
            }
        }
        found.push(Named { names, at: start });
        at
    }

    /// What `#[cfg(test)] mod x;` names, as a path without `.rs`.
    fn test_modules(&self) -> Vec<String> {
        let (folder, stem) = self
            .path
            .trim_end_matches(".rs")
            .rsplit_once('/')
            .unwrap_or_default();
        let here = match stem {
            "mod" | "lib" | "main" => folder.to_owned(),
            _ => format!("{folder}/{stem}"),
        };
        (0..self.tokens.len())
            .filter(|at| self.is_test[*at] && self.tokens[*at].is("mod"))
            .filter(|at| self.token(at + 2).is_some_and(|token| token.is_mark(';')))
            .filter_map(|at| self.token(at + 1).and_then(Token::ident))
            .map(|name| format!("{here}/{name}"))
            .collect()
    }
}

/// The place after the bracket that closes the one at `at`.
pub(super) fn after_closing(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match token.kind {
            Kind::Mark('{' | '(' | '[') => depth += 1,
            Kind::Mark('}' | ')' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return place + 1;
                }
            }
            Kind::Ident(_) | Kind::Text(_) | Kind::Other | Kind::Colons | Kind::Mark(_) => {}
        }
    }
    tokens.len()
}

/// The place after the item that starts at `at`: past its `;`, or past its body.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Mark(';') => return at + 1,
            Kind::Mark('{') => return after_closing(tokens, at),
            Kind::Mark('(' | '[') => at = after_closing(tokens, at),
            Kind::Ident(_) | Kind::Text(_) | Kind::Other | Kind::Colons | Kind::Mark(_) => at += 1,
        }
    }
    tokens.len()
}

fn mark_tests(tokens: &[Token]) -> Vec<bool> {
    let mut marks = vec![false; tokens.len()];
    for at in 0..tokens.len() {
        let opens =
            tokens[at].is_mark('#') && tokens.get(at + 1).is_some_and(|next| next.is_mark('['));
        if !opens {
            continue;
        }
        let end = after_closing(tokens, at + 1);
        let attribute = &tokens[at..end];
        let says = |word: &str| attribute.iter().any(|token| token.is(word));
        if attribute.get(2).is_some_and(|first| first.is("cfg")) && says("test") && !says("not") {
            marks[at..after_item(tokens, end)].fill(true);
        }
    }
    marks
}

fn mark_modules(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut inside = Vec::with_capacity(tokens.len());
    let mut open: Vec<(String, usize)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        open.retain(|(_, end)| at < *end);
        inside.push(open.iter().map(|(name, _)| name.clone()).collect());
        let name = tokens.get(at + 1).and_then(Token::ident);
        let braced = tokens.get(at + 2).is_some_and(|token| token.is_mark('{'));
        if let (true, true, Some(name)) = (token.is("mod"), braced, name) {
            open.push((name.to_owned(), after_closing(tokens, at + 2)));
        }
    }
    inside
}
