//! Who may import whom. The same table stands in words in the docs of `src/lib.rs`; the two are held together here.

use super::source::{File, Named, Tree};

/// A place in the source: its folder (or program), the words of the map about it, and what it may name of ours.
/// A row allows its own folder too. What is allowed allows all that lies in it.
struct Row {
    place: &'static str,
    words: &'static str,
    may: &'static [&'static str],
}

const fn row(place: &'static str, words: &'static str, may: &'static [&'static str]) -> Row {
    Row { place, words, may }
}

/// The folders of the library, as the map in `src/lib.rs` lists them.
const FOLDERS: [Row; 12] = [
    row("settlement", "book, person", &["book", "person"]),
    row(
        "document",
        "settlement, book, person",
        &["settlement", "book", "person"],
    ),
    row(
        "journal",
        "settlement, closed, book, person",
        &["settlement", "closed", "book", "person"],
    ),
    row(
        "platform",
        "settlement, config, book, person, observe",
        &["settlement", "config", "book", "person", "observe"],
    ),
    row(
        "payment",
        "settlement, config, book, person, observe",
        &["settlement", "config", "book", "person", "observe"],
    ),
    row(
        "device",
        "document, config, book, person, observe",
        &["document", "config", "book", "person", "observe"],
    ),
    row(
        "runner",
        "settlement, document, journal, platform, device, leaves but api",
        RUNNER_MAY,
    ),
    row(
        "operation",
        "runner and all that it may import",
        OPERATION_MAY,
    ),
    row("ipc", "operation, settlement, document, leaves", IPC_MAY),
    row("daemon", "everything but sandbox", DAEMON_MAY),
    row("sandbox::acting", "sandbox, api", &["sandbox", "api"]),
    row(
        "sandbox",
        "`settlement::bill` only, for `Fen`",
        &["settlement::bill"],
    ),
];

const RUNNER_MAY: &[&str] = &[
    "settlement",
    "document",
    "journal",
    "platform",
    "payment",
    "device",
    "config",
    "book",
    "person",
    "observe",
];
const OPERATION_MAY: &[&str] = &[
    "runner",
    "settlement",
    "document",
    "journal",
    "platform",
    "payment",
    "device",
    "config",
    "book",
    "person",
    "observe",
];
const IPC_MAY: &[&str] = &[
    "operation",
    "settlement",
    "document",
    "config",
    "closed",
    "book",
    "person",
    "observe",
    "api",
];
const DAEMON_MAY: &[&str] = &[
    "ipc",
    "operation",
    "runner",
    "settlement",
    "document",
    "journal",
    "platform",
    "payment",
    "device",
    "config",
    "book",
    "person",
    "observe",
    "api",
];

/// The leaves: of ours they import nothing but one another, downwards.
const LEAVES: [Row; 7] = [
    row("api", "", &[]),
    row("book", "", &[]),
    row("closed", "", &[]),
    row("person", "", &[]),
    row("settlement::bill", "", &["book", "person"]),
    row(
        "config",
        "",
        &["book", "closed", "person", "settlement::bill"],
    ),
    row("observe", "", &["config", "book", "person"]),
];

/// The programs. They name the library as `yibaod::`.
const PROGRAMS: [Row; 5] = [
    row("src/main.rs", "", &["daemon", "config", "observe"]),
    row(
        "src/bin/yibaoctl/",
        "",
        &[
            "api",
            "book",
            "config",
            "platform::profile",
            "journal",
            "document",
            "settlement::insurance",
            "ipc::access",
        ],
    ),
    row(
        "src/bin/yibao-sandbox/",
        "",
        &["sandbox", "settlement::bill", "api", "book"],
    ),
    row("src/bin/yibao-card/", "", &["device::card::frame"]),
    // A package of its own: what it and the daemon say to each other it takes in as a file.
    row("src/bin/yibao-render/", "", &[]),
];

/// Every import that the table does not allow, and every difference of the table from the map.
pub(super) fn check(tree: &Tree, files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("src/")) {
        findings.extend(check_file(file));
    }
    if let Some(map) = tree.get("src/lib.rs") {
        findings.extend(check_map(map));
    }
    findings
}

fn check_file(file: &File) -> Vec<String> {
    let is_program = file.path == "src/main.rs" || file.path.starts_with("src/bin/");
    if file.path == "src/lib.rs" {
        return Vec::new();
    }
    let Some(row) = row_of(file, is_program) else {
        return vec![format!(
            "{}:1: this place is not in the import table",
            file.path
        )];
    };
    let mut findings = Vec::new();
    for named in file.paths() {
        let Some(target) = resolve(file, &named, is_program) else {
            continue;
        };
        let own = !is_program && within(&target, row.place);
        if !own && !row.may.iter().any(|allowed| within(&target, allowed)) {
            let line = file.tokens[named.at].line;
            findings.push(format!(
                "{}:{line}: {} may not import {}",
                file.path,
                row.place,
                target.join("::")
            ));
        }
    }
    findings
}

fn row_of(file: &File, is_program: bool) -> Option<&'static Row> {
    if is_program {
        return PROGRAMS.iter().find(|row| {
            row.place == file.path || row.place.ends_with('/') && file.path.starts_with(row.place)
        });
    }
    let module = file.module();
    LEAVES
        .iter()
        .chain(&FOLDERS)
        .find(|row| within(&module, row.place))
}

/// What a path names in our library, from its root; `None` when it names something else.
fn resolve(file: &File, named: &Named, is_program: bool) -> Option<Vec<String>> {
    let first = named.names.first()?.as_str();
    if named.names.len() < 2 {
        // `pub(crate)`, `self`, a plain name: no path.
        return None;
    }
    match (first, is_program) {
        ("yibaod", true) | ("crate", false) => Some(named.names[1..].to_vec()),
        ("super" | "self", false) => {
            let mut base = file.module();
            base.extend(file.inside[named.at].iter().cloned());
            let mut rest = named.names.as_slice();
            while let Some((head, tail)) = rest.split_first() {
                match head.as_str() {
                    "super" => base.truncate(base.len().saturating_sub(1)),
                    "self" => {}
                    _ => break,
                }
                rest = tail;
            }
            base.extend(rest.iter().cloned());
            Some(base)
        }
        _ => None,
    }
}

/// Whether a path lies in a place such as `settlement::bill`.
fn within(path: &[String], place: &str) -> bool {
    let wanted: Vec<&str> = place.split("::").collect();
    path.len() >= wanted.len() && path.iter().zip(wanted).all(|(name, part)| name == part)
}

/// The map must say of each folder that is there what the table says.
fn check_map(map: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for row in &FOLDERS {
        let built = map
            .lines()
            .any(|line| line.trim() == format!("pub mod {};", row.place));
        let said = map
            .lines()
            .filter_map(map_row)
            .find(|(place, _)| *place == row.place);
        match (built, said) {
            (true, None) => {
                findings.push(format!("src/lib.rs: the map has no row for {}", row.place))
            }
            (_, Some((_, words))) if words != row.words => findings.push(format!(
                "src/lib.rs: the map says of {}: “{words}”, the table: “{}”",
                row.place, row.words
            )),
            (_, Some(_)) | (false, None) => {}
        }
    }
    findings
}

/// Folder and last column of a row of the map.
fn map_row(line: &str) -> Option<(&str, &str)> {
    let cells: Vec<&str> = line
        .strip_prefix("//! |")?
        .split('|')
        .map(str::trim)
        .collect();
    let [place, _, words, ""] = cells.as_slice() else {
        return None;
    };
    Some((place.trim_matches(['[', ']', '`']), words))
}
