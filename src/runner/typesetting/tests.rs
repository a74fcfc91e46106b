//! The daemon's side alone, against programs that are shell scripts.

use super::*;

/// A program that is this shell script, given so long for a sheet.
fn scripted(dir: &Path, script: &str, wait_ms: u64) -> Typesetting {
    let path = dir.join("render");
    // Another process writes it: a child that this one is just starting for another test would have it open for
    // writing, and nobody could run it.
    let text = format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n");
    let write = "printf %s \"$1\" >\"$0\" && chmod 700 \"$0\"";
    let mut shell = std::process::Command::new("sh");
    let wrote = shell.args(["-c", write]).arg(&path).arg(text).status();
    assert!(wrote.unwrap().success());
    Typesetting::new(path, None, Duration::from_millis(wait_ms))
}

/// A shell command that says this.
fn says(told: &Told, body: &[u8]) -> String {
    let whole = typeset::frame(told, body).unwrap();
    let octal: String = whole.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{octal}'")
}

fn hello(version: u16) -> String {
    says(&Told::Hello { version }, &[])
}

async fn fails(typesetting: &Typesetting) -> NotTypeset {
    let typeset = typesetting.typeset(b"{}").await;
    typeset.err().expect("there is no sheet")
}

#[tokio::test]
async fn a_program_that_is_none_is_told_from_one_that_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Typesetting::new(dir.path().join("none"), None, Duration::from_secs(1));
    assert_eq!(fails(&missing).await.code, Code::RenderMissing);
    let nonsense = "echo nonsense that is long enough; exec sleep 60";
    for script in ["exit 0", nonsense, &hello(9)] {
        let typesetting = scripted(dir.path(), script, 1_000);
        assert_eq!(
            fails(&typesetting).await.code,
            Code::RenderFailed,
            "{script}"
        );
    }
}

#[tokio::test]
async fn one_that_says_nothing_is_ended_at_its_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!(
        "echo $$ >{}; {}; exec sleep 60",
        pid.display(),
        hello(VERSION)
    );
    let typesetting = scripted(dir.path(), &script, 300);
    let failed = fails(&typesetting).await;
    assert_eq!(failed.code, Code::RenderFailed);
    assert!(failed.detail.contains("300 ms"), "{failed}");
    let pid = std::fs::read_to_string(pid).unwrap();
    let place = format!("/proc/{}", pid.trim());
    for _ in 0..200 {
        let status = std::fs::read_to_string(format!("{place}/stat")).unwrap_or_default();
        if status.is_empty() || status.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it still runs");
}

#[tokio::test]
async fn what_is_wrong_has_its_code_and_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let template = |message: &str| Fault::Template {
        file: "settlement.typ".to_owned(),
        line: 3,
        column: 7,
        message: message.to_owned(),
    };
    let glyph = Fault::NoGlyph {
        fields: vec!["patient.name".to_owned()],
        blocks: vec!["CJK Extension B".to_owned()],
    };
    let long = Fault::TooLong {
        most: "100 pages".to_owned(),
    };
    for (fault, code, words) in [
        (
            template("unclosed"),
            Code::TemplateWrong,
            "settlement.typ:3:7: unclosed",
        ),
        (template(""), Code::TemplateWrong, "not repeated"),
        (Fault::NoFont, Code::FontMissing, "Chinese"),
        (glyph, Code::GlyphMissing, "CJK Extension B"),
        (long, Code::TemplateWrong, "100 pages"),
    ] {
        let told = says(&Told::Failed { id: 1, fault }, &[]);
        let script = format!("{}; {told}; exec sleep 60", hello(VERSION));
        let failed = fails(&scripted(dir.path(), &script, 5_000)).await;
        assert_eq!(failed.code, code, "{failed}");
        assert!(failed.detail.contains(words), "{failed}");
    }
}

#[tokio::test]
async fn one_that_died_while_it_waited_is_started_anew() {
    let dir = tempfile::tempdir().unwrap();
    let done = says(&Told::Done { id: 1, pages: 1 }, b"%PDF-1.4");
    // It answers one question, then it is gone.
    let script = format!("{}; head -c 1 >/dev/null; {done}", hello(VERSION));
    let typesetting = scripted(dir.path(), &script, 5_000);
    for _ in 0..3 {
        let typeset = typesetting.typeset(b"{}").await;
        let typeset = typeset.map_err(|failed| failed.to_string()).unwrap();
        assert_eq!(
            (typeset.pages, typeset.bytes.as_slice()),
            (1, &b"%PDF-1.4"[..])
        );
    }
}
