//! The shape of the source, held as a test: who may import whom, how long a file and a function may grow, what
//! the pure folders may not touch, which words say nothing, what a proto comment must hold, whose licences we take.
//!
//! Every rule is a function from a tree of texts to findings, so that the rules themselves are tried below on
//! small trees that break them. Nothing of the daemon is linked in here.

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/lexer.rs"]
mod lexer;
#[path = "tidy/licences.rs"]
mod licences;
#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/proto.rs"]
mod proto;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::path::Path;
use std::process::Command;

use source::Tree;

/// What may lie at the top of the repository, besides dotfiles where a tool wants them.
const TOP_LEVEL: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "build.rs",
    "packaging",
    "proto",
    "src",
    "systemd",
    "tests",
    "udev",
];

#[test]
fn the_source_keeps_its_shape() {
    let tree = source::read(root()).expect("the checkout can be read");
    assert!(
        tree.contains_key("src/lib.rs"),
        "no src/lib.rs under {}",
        root().display()
    );
    let findings = check(&tree);
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[test]
fn the_top_level_holds_what_was_agreed() {
    let listed = Command::new("git")
        .arg("-C")
        .arg(root())
        .args(["ls-files", "-z"])
        .output();
    let names = match listed {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter_map(|path| path.split('/').next())
            .map(str::to_owned)
            .collect(),
        // Not a checkout but an unpacked archive: what is there is what was packed.
        Ok(_) | Err(_) => source::names(root()).expect("the top level can be listed"),
    };
    let odd: Vec<&String> = names
        .iter()
        .filter(|name| !name.is_empty() && !name.starts_with('.') && name.as_str() != "target")
        .filter(|name| !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    assert!(odd.is_empty(), "not agreed at the top level: {odd:?}");
}

#[test]
fn we_take_only_licences_and_crates_we_agreed_to() {
    let policy = std::fs::read_to_string(root().join("packaging/deny.toml"))
        .expect("packaging/deny.toml can be read");
    let policy = licences::Policy::parse(&policy).expect("packaging/deny.toml has its lists");
    let packages = licences::resolved(root()).expect("cargo tells what it resolved");
    let findings = licences::check(&policy, &packages);
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// All findings about the source, each as `path:line: what`.
fn check(tree: &Tree) -> Vec<String> {
    let files = source::lex(tree);
    let mut findings = imports::check(tree, &files);
    findings.extend(rules::check(tree, &files));
    findings.extend(proto::check(tree));
    findings
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
