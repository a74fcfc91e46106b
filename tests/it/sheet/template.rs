//! Templates that are wrong: told by file, line and column, and never by what stands on the sheet.

use std::path::Path;

use serde_json::{Value, json};
use yibaod::document::typeset::Fault;

use super::program::{Renderer, sample};
use super::text_of;

/// The person of these tests, whom nobody may read of in an error.
const PLANTED: &str = "曲无忧";

fn planted() -> Value {
    let mut values = sample();
    values["patient"]["name"] = json!(PLANTED);
    values
}

/// What a template of this text comes to.
fn typeset(text: &str) -> Result<String, Fault> {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("settlement.typ"), text).expect("its folder");
    typeset_in(dir.path())
}

fn typeset_in(dir: &Path) -> Result<String, Fault> {
    let mut renderer = Renderer::start(&[]);
    let sheet = renderer.ask(Some(dir), &planted());
    sheet.map(|(_, pdf)| text_of(&pdf))
}

#[track_caller]
fn check_wrong(text: &str, place: (u32, u32), words: &str) {
    let fault = typeset(text).expect_err("it is wrong");
    let told = format!("{fault:?}");
    assert!(!told.contains(PLANTED), "{told}");
    let Fault::Template {
        file,
        line,
        column,
        message,
    } = fault
    else {
        panic!("{told}");
    };
    assert_eq!(
        (file.as_str(), (line, column)),
        ("settlement.typ", place),
        "{message}"
    );
    match words {
        "" => assert_eq!(message, "", "it may repeat a value"),
        words => assert!(message.contains(words), "{message}"),
    }
}

const READS: &str = "#let sheet = json(\"sheet.json\")\n";

#[test]
fn a_site_has_its_own() {
    let text = format!("{READS}院内格式 #sheet.patient.name #sheet.amounts.medfee_sumamt");
    let text = typeset(&text).expect("it is right");
    assert_eq!(text, format!("院内格式{PLANTED}1234.56"));
    // As a Windows editor saves it.
    let text = typeset("\u{feff}第一行\r\n").expect("it is right");
    assert_eq!(text, "第一行");
}

/// A template of before a mark existed makes no sheet that passes for a good one.
#[test]
fn a_mark_that_the_template_does_not_read_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |text: &str| {
        std::fs::write(dir.path().join("settlement.typ"), text).expect("its folder");
    };
    let mut renderer = Renderer::start(&[]);
    let mut made = |marks: &[(&str, Value)]| {
        let mut values = sample();
        for (field, value) in marks {
            values[*field] = value.clone();
        }
        let sheet = renderer.ask(Some(dir.path()), &values);
        sheet.map(|(_, pdf)| text_of(&pdf))
    };
    let copy = json!({ "count": "1", "at": "2026-11-23 08:00", "by": "0107" });
    for (field, mark, value) in [
        ("copy", "补打", copy),
        ("refunded", "已退费", json!("")),
        ("refunding", "退费处理中", json!(true)),
    ] {
        write("#let it = json(\"sheet.json\")\n#it.patient.his_id");
        made(&[]).expect("there is nothing to mark");
        let told = made(&[(field, value.clone())]).expect_err("it would pass for a good one");
        let Fault::Template { message, .. } = &told else {
            panic!("{told:?}");
        };
        assert!(
            message.contains(field) && message.contains(mark),
            "{message}"
        );
        write(&format!(
            "#let it = json(\"sheet.json\")\n#if it.{field} != none [{mark}]"
        ));
        let text = made(&[(field, value)]).expect("it is marked");
        assert!(text.contains(mark), "{text}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let fault = typeset_in(&dir.path().join("elsewhere")).expect_err("there is none");
    let told = format!("{fault:?}");
    assert!(
        told.contains("template_dir") && told.contains("elsewhere"),
        "{told}"
    );
}

#[test]
fn a_character_that_nobody_has_is_told_wherever_it_stands() {
    for text in [
        "门诊\u{e000}结算单",
        "\u{e000}",
        "\u{e000}\n#set text(font: \"WenQuanYi Micro Hei\")\n结算单",
        "结算单\u{e000}\n\n#set text(font: \"WenQuanYi Micro Hei\")\n结算单",
        "#set text(font: \"No Such Font\")\n结算单\u{e000}",
        "#set text(font: \"No Such Font\", fallback: false)\n#text(fallback: true)[\u{e000}]",
        "#set text(font: \"WenQuanYi Micro Hei\")\n结算单\u{e000}",
    ] {
        let fault = typeset(text).expect_err(text);
        let expected = Fault::NoGlyph {
            fields: Vec::new(),
            blocks: vec!["Private Use".to_owned()],
        };
        assert_eq!(fault, expected, "{text}");
    }
}

#[test]
fn a_mistake_is_told_with_line_and_column() {
    check_wrong("一行\n#let x = (1,\n", (2, 10), "unclosed delimiter");
    check_wrong(
        &format!("{READS}#sheet.patient.nam"),
        (2, 16),
        "does not contain key",
    );
    check_wrong("\n\n  #unknown", (3, 4), "unknown variable");
    check_wrong("#(1 + \"a\")", (1, 3), "cannot add");
}

#[test]
fn what_an_error_computed_is_not_repeated() {
    // With any values: what the sample's person makes of it is told.
    check_wrong(
        &format!("{READS}#panic(sheet.patient.name)"),
        (2, 2),
        "张示例",
    );
    check_wrong(
        &format!("{READS}#int(sheet.patient.name)"),
        (2, 6),
        "invalid digits",
    );
    // With these values only: the place is.
    let text =
        format!("{READS}#if sheet.patient.name != \"张示例\" {{ panic(sheet.patient.name) }}");
    check_wrong(&text, (2, 35), "");
    let text = format!("{READS}#read(sheet.patient.name)");
    check_wrong(&text, (2, 7), "not found");
}

#[test]
fn nothing_but_the_folder_is_seen() {
    let dir = tempfile::tempdir().expect("a folder");
    let templates = dir.path().join("templates");
    std::fs::create_dir(&templates).expect("its folder");
    std::fs::write(dir.path().join("outside.txt"), "外面的秘密").expect("its folder");
    std::fs::write(templates.join("inside.txt"), "里面").expect("its folder");
    let link = templates.join("link.txt");
    std::os::unix::fs::symlink(dir.path().join("outside.txt"), &link).expect("its folder");
    std::os::unix::fs::symlink(dir.path(), templates.join("up")).expect("its folder");
    let write = |text: &str| {
        std::fs::write(templates.join("settlement.typ"), text).expect("its folder");
    };
    write("#read(\"inside.txt\")");
    assert_eq!(typeset_in(&templates).expect("it is inside"), "里面");
    for text in [
        "#read(\"../outside.txt\")",
        "#read(\"link.txt\")",
        "#read(\"up/outside.txt\")",
        "#read(\"/etc/passwd\")",
        "#read(\"/dev/zero\")",
        "#import \"@preview/tablex:0.0.9\": tablex",
        "#datetime.today().display()",
    ] {
        write(text);
        let fault = typeset_in(&templates).expect_err(text);
        assert!(
            matches!(fault, Fault::Template { line: 1, .. }),
            "{text}: {fault:?}"
        );
    }
    // Nor is the template itself a link, nor absent.
    std::fs::remove_file(templates.join("settlement.typ")).expect("it is there");
    let fault = typeset_in(&templates).expect_err("there is none");
    assert!(format!("{fault:?}").contains("not found"), "{fault:?}");
    std::fs::write(dir.path().join("other.typ"), "别处").expect("its folder");
    let main = templates.join("settlement.typ");
    std::os::unix::fs::symlink(dir.path().join("other.typ"), main).expect("its folder");
    let fault = typeset_in(&templates).expect_err("it is a link");
    assert!(format!("{fault:?}").contains("symbolic link"), "{fault:?}");
}

#[test]
fn a_sheet_without_end_is_cut_off() {
    let fault = typeset("#for n in range(150) { pagebreak() }").expect_err("it is long");
    assert!(matches!(fault, Fault::TooLong { .. }), "{fault:?}");
}
