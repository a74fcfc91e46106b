//! The settlement sheet: typeset by the shipped renderer, from templates that may be wrong, of settlements that stand.

mod paper;
mod program;
mod refunded;
mod template;
mod trouble;
mod year;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The renderer beside the daemon.
fn program() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_yibaod")).with_file_name("yibao-render");
    let how =
        "tests/run builds it; by hand: install -D $(tests/render/build) target/debug/yibao-render";
    assert!(path.is_file(), "no {}: {how}", path.display());
    path
}

/// What stands in a PDF, without any space: where lines break is the template's affair.
fn text_of(pdf: &[u8]) -> String {
    without_space(&pdftotext(pdf, &[]))
}

/// The same of one page.
fn text_of_page(pdf: &[u8], page: u32) -> String {
    without_space(&lines_of(pdf, page))
}

/// What stands on one page, as its lines are.
fn lines_of(pdf: &[u8], page: u32) -> String {
    let page = page.to_string();
    pdftotext(pdf, &["-f", &page, "-l", &page])
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn pdftotext(pdf: &[u8], more: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("sheet.pdf");
    std::fs::write(&path, pdf).expect("its folder");
    let output = Command::new("pdftotext")
        .args(["-raw", "-enc", "UTF-8"])
        .args(more)
        .arg(&path)
        .arg("-")
        .output()
        .expect("pdftotext runs");
    assert!(output.status.success(), "pdftotext takes it");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A file that says that fonts are in this folder only.
fn fonts_of(dir: &Path, fonts: &Path) -> PathBuf {
    let path = dir.join("fonts.conf");
    let text = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig><dir>{}</dir></fontconfig>\n",
        fonts.display()
    );
    std::fs::write(&path, text).expect("its folder");
    path
}
