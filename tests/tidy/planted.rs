//! The rules tried on small trees that break them, one thing at a time: a rule that cannot fail holds nothing.

use super::source::Tree;

/// A small tree in order: each test below changes one thing in it.
fn sound() -> Tree {
    tree(&[
        (
            "src/lib.rs",
            "//! The map.\n//!\n//! | folder | what | may import |\n//! |---|---|---|\n\
             //! | [`settlement`] | PURE | book, person |\n//! | `sandbox` | far ends | `settlement::bill` only, for `Fen` |\n\
             pub mod book;\n#[cfg(feature = \"sandbox\")]\npub mod sandbox;\npub mod settlement;\n",
        ),
        ("src/book.rs", "//! Codes.\n/// A code.\npub struct Code;\n"),
        (
            "src/settlement/mod.rs",
            "//! PURE.\npub mod bill;\npub mod next;\n",
        ),
        (
            "src/settlement/bill.rs",
            "//! Money.\npub struct Fen(pub i64);\n",
        ),
        (
            "src/settlement/next.rs",
            "//! Next.\nuse super::bill::Fen;\nuse crate::book::Code;\n",
        ),
        (
            "src/sandbox/mod.rs",
            "//! Far ends.\nuse crate::settlement::bill::Fen;\n",
        ),
        (
            "src/main.rs",
            "//! yibaod.\nfn main() { yibaod::daemon::run(); }\n",
        ),
        (
            "src/bin/yibaoctl/main.rs",
            "//! ctl.\nuse yibaod::platform::profile::Profile;\nfn main() {}\n",
        ),
        (
            "proto/yibao/v1/a.proto",
            "// File.\n\nsyntax = \"proto3\";\n\n// One bill. 一张处方.\nmessage Bill {\n  int64 fen = 1; // money 金额\n}\n",
        ),
    ])
}

fn tree(files: &[(&str, &str)]) -> Tree {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// What is found when one file of the sound tree is another text.
fn with(path: &str, text: &str) -> Vec<String> {
    let mut tree = sound();
    tree.insert(path.to_owned(), text.to_owned());
    super::check(&tree)
}

/// The text must give exactly one finding, which holds the words.
fn refused(path: &str, text: &str, words: &str) {
    let findings = with(path, text);
    assert_eq!(findings.len(), 1, "{text}\n{findings:#?}");
    assert!(findings[0].starts_with(path), "{findings:#?}");
    assert!(findings[0].contains(words), "{findings:#?}");
}

fn taken(path: &str, text: &str) {
    assert_eq!(with(path, text), Vec::<String>::new(), "{text}");
}

const NEXT: &str = "src/settlement/next.rs";

#[test]
fn a_sound_tree_has_no_findings() {
    assert_eq!(super::check(&sound()), Vec::<String>::new());
}

#[test]
fn a_wrong_import_is_found_however_it_is_written() {
    for text in [
        "//! x\nuse crate::journal::Event;\n",
        "//! x\nuse crate::{journal::Event};\n",
        "//! x\nuse crate::{book::{Code, self}, person::{Name, IdNo as Id}, journal as j};\n",
        "//! x\npub(crate) use super::super::journal;\n",
        "//! x\nfn f() { crate::journal::append(); }\n",
        "//! x\nfn f(of: &super::super::journal::Event) {}\n",
        "//! x\nmod inner { use super::super::super::journal::Event; }\n",
        "//! x\nuse crate::*;\n",
        "//! x\nmacro_rules! m { () => { $crate::journal::append() } }\n",
        "//! x\n#[serde(with = \"crate::journal::plain\")]\nstruct S;\n",
    ] {
        refused(NEXT, text, "settlement may not import");
    }
}

#[test]
fn a_right_import_is_taken_however_it_is_written() {
    for text in [
        "//! x\nuse crate::{book::{self, Code}, person::Name};\nuse super::{bill::Fen, steps::*};\n",
        "//! x\n// use crate::journal::Event;\n/* crate::journal /* nested */ */\n",
        "//! x\nconst A: &str = \"see crate::journal\"; const B: &str = r#\"use \"crate::journal::x\"; \"#;\n",
        "//! x\nconst Q: char = '\"'; fn f<'a>(x: &'a str) -> char { '\\'' }\nuse super::bill::Fen;\n",
        "//! x\n#[cfg(test)]\nmod tests { use super::*; use super::super::bill::Fen; }\n",
        "//! x\npub(super) fn f() {}\npub(in crate::settlement) fn g() {}\n",
    ] {
        taken(NEXT, text);
    }
}

#[test]
fn leaves_import_nothing_upwards() {
    let bill = "src/settlement/bill.rs";
    refused(
        bill,
        "//! x\nuse super::next::Effect;\n",
        "may not import settlement::next",
    );
    refused(
        "src/book.rs",
        "//! x\nuse crate::person::Name;\n",
        "book may not import person",
    );
}

#[test]
fn the_sandbox_shares_only_fen() {
    let sandbox = "src/sandbox/mod.rs";
    refused(
        sandbox,
        "//! x\nuse crate::settlement::call::Call;\n",
        "sandbox may not import settlement::call",
    );
    refused(
        sandbox,
        "//! x\nuse crate::settlement::*;\n",
        "sandbox may not import settlement::*",
    );
    refused(
        "src/settlement/mod.rs",
        "//! x\nuse crate::sandbox::Ledger;\n",
        "may not import sandbox",
    );
}

#[test]
fn programs_name_only_what_is_theirs() {
    let ctl = "src/bin/yibaoctl/pay.rs";
    refused(
        ctl,
        "//! x\nuse yibaod::platform::http::Client;\n",
        "may not import platform::http",
    );
    refused(
        ctl,
        "//! x\nfn f() { ::yibaod::runner::run(); }\n",
        "may not import runner::run",
    );
    taken(
        ctl,
        "//! x\nuse crate::table;\nuse yibaod::{api, journal};\n",
    );
    refused(
        "src/main.rs",
        "//! x\nuse yibaod::runner;\n",
        "may not import runner",
    );
    refused(
        "src/bin/other/main.rs",
        "//! x\nfn main() {}\n",
        "not in the import table",
    );
    refused("src/extra.rs", "//! x\n", "not in the import table");
}

#[test]
fn the_map_says_what_the_table_says() {
    let mut tree = sound();
    let map = tree
        .get("src/lib.rs")
        .expect("the map")
        .replace("book, person |", "book, person, journal |");
    refused("src/lib.rs", &map, "the map says of settlement");
    let map = tree
        .remove("src/lib.rs")
        .expect("the map")
        .replace("[`settlement`]", "[`settling`]");
    refused("src/lib.rs", &map, "no row for settlement");
}

#[test]
fn pure_code_touches_nothing() {
    for (text, words) in [
        ("//! x\nuse std::collections::HashMap;\n", "HashMap"),
        (
            "//! x\nuse std::collections::{BTreeMap, HashSet};\n",
            "HashSet",
        ),
        ("//! x\nuse std::{fmt, time::Duration};\n", "std::time"),
        (
            "//! x\nfn f() { std::fs::remove_file(\"x\"); }\n",
            "std::fs",
        ),
        ("//! x\nuse std::env;\n", "std::env"),
        (
            "//! x\nfn f() { let t = jiff::Timestamp::now(); }\n",
            "the time comes in as a value",
        ),
        ("//! x\nasync fn f() {}\n", "async"),
        ("//! x\nuse tokio::sync::mpsc;\n", "tokio"),
    ] {
        for path in [
            NEXT,
            "src/document/receipt.rs",
            "src/platform/wire/pay.rs",
            "src/platform/sign.rs",
        ] {
            refused(path, text, words);
        }
        taken("src/journal/writer.rs", text);
    }
    taken(
        NEXT,
        "//! x\n#[cfg(test)]\nmod tests { use std::collections::HashMap; }\n",
    );
    taken(
        NEXT,
        "//! HashMap\nuse std::collections::BTreeMap;\nfn next(now: u64) {}\n",
    );
}

#[test]
fn a_file_ends_at_600_lines() {
    let fill = |lines: usize| format!("//! x\n{}", "const A: u8 = 0;\n".repeat(lines - 1));
    taken(NEXT, &fill(600));
    refused(NEXT, &fill(601), "601 lines");
    refused("tests/it/main.rs", &fill(601), "601 lines");
}

#[test]
fn a_function_ends_at_70_lines() {
    let function =
        |lines: usize| format!("//! x\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    taken(NEXT, &function(70));
    refused(NEXT, &function(71), "f has 71 lines");
}

#[test]
fn names_say_what_is_inside() {
    refused("src/settlement/util.rs", "//! x\n", "util");
    refused("src/settlement/helpers/mod.rs", "//! x\n", "helpers");
    refused(NEXT, "//! x\nmod common {}\n", "common");
}

#[test]
fn unwrap_is_for_tests() {
    refused(
        NEXT,
        "//! x\nfn f() { g().unwrap(); }\n",
        "unwrap outside tests",
    );
    taken(
        NEXT,
        "//! x\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn f() { g().unwrap(); } }\n",
    );
    taken("tests/it/main.rs", "//! x\nfn f() { g().unwrap(); }\n");
    let mut tree = sound();
    tree.insert(
        NEXT.to_owned(),
        "//! x\n#[cfg(test)]\nmod tests;\n".to_owned(),
    );
    tree.insert(
        "src/settlement/next/tests.rs".to_owned(),
        "//! x\nfn f() { g().unwrap(); }\n".to_owned(),
    );
    assert_eq!(super::check(&tree), Vec::<String>::new());
    tree.insert(NEXT.to_owned(), "//! x\nmod tests;\n".to_owned());
    assert_eq!(super::check(&tree).len(), 1);
}

#[test]
fn nothing_is_put_off() {
    refused(NEXT, "//! x\nfn f() { todo!() }\n", "not written yet");
    refused(
        NEXT,
        "//! x\nfn f() { unimplemented!(\"x\") }\n",
        "not written yet",
    );
    refused(
        "tests/it/main.rs",
        "//! x\n#[test]\n#[ignore = \"slow\"]\nfn f() {}\n",
        "ignored test",
    );
}

#[test]
fn the_sandbox_feature_is_asked_for_once() {
    refused(
        "src/main.rs",
        "//! x\n#[cfg(feature = \"sandbox\")]\nfn f() {}\n",
        "one mod line",
    );
    refused(
        "src/main.rs",
        "//! x\nfn f() -> bool { cfg!(feature = \"sandbox\") }\n",
        "one mod line",
    );
}

#[test]
fn a_file_starts_with_what_it_is_for() {
    refused(NEXT, "use super::bill::Fen;\n", "what this file is for");
    refused("build.rs", "fn main() {}\n", "what this file is for");
}

#[test]
fn a_proto_speaks_both_languages() {
    let proto = "proto/yibao/v1/b.proto";
    taken(
        proto,
        "// Says who. 谁.\nenum Who {\n  // Nobody. 无人.\n  WHO_NOBODY = 0;\n}\n",
    );
    taken(
        proto,
        "// S 服务\nservice S {\n  // Pays. 结算.\n  rpc Pay(A) returns (B);\n}\n",
    );
    refused(proto, "message A {\n}\n", "message A");
    refused(
        proto,
        "// A 一\nmessage A {\n  // only English\n  int64 fen = 1;\n}\n",
        "int64 fen = 1",
    );
    refused(
        proto,
        "// A 一\nmessage A {\n  // 仅中文\n  int64 fen = 1;\n}\n",
        "int64 fen = 1",
    );
    refused(
        proto,
        "// A 一\nmessage A {\n  int64 a = 1; // one 一\n  int64 b = 2;\n}\n",
        "int64 b = 2",
    );
    refused(
        proto,
        "// S 服务\nservice S {\n  rpc Pay(A) returns (B);\n}\n",
        "rpc Pay",
    );
    refused(
        proto,
        "// About the file. 文件.\n\nmessage A {}\n",
        "message A",
    );
}
