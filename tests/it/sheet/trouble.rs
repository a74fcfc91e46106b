//! Templates that run for ever or take all memory, a renderer that is killed or not there: told in time, and nothing of
//! it touches the daemon.

use std::path::Path;
use std::time::{Duration, Instant};

use yibaod::api::SheetPaper;

use super::paper::{desk, get, settled};
use super::{fonts_of, text_of};
use crate::desk::{Desk, Setup, copy_program, eventually, refusal};

/// The daemon gives a sheet eight seconds; more than these are too many.
const TOLD_S_MAX: u64 = 12;
/// The daemon may grow so much while a renderer goes wild.
const GROWTH_KB_MAX: u64 = 8 * 1_024;

fn in_templates(dir: &Path) -> Setup {
    Setup {
        config_more: format!("[sheet]\ntemplate_dir = \"{}\"\n", dir.display()),
        ..Setup::default()
    }
}

fn write(dir: &Path, text: &str) {
    std::fs::write(dir.join("settlement.typ"), text).expect("its folder");
}

async fn why(desk: &Desk) -> (String, String) {
    let refused = get(desk, "paid").await;
    let status = refused.expect_err("there is no sheet");
    (refusal(&status).name, status.message().to_owned())
}

fn anon_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// The renderer that this daemon started.
fn renderer_of(daemon: u32) -> Option<i32> {
    let children = std::fs::read_dir(format!("/proc/{daemon}/task")).ok()?;
    let mut pids = children.flatten().flat_map(|task| {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        let pids: Vec<i32> = text
            .split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect();
        pids
    });
    pids.find(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "yibao-render"
    })
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_goes_wild_is_ended_and_the_next_sheet_is_made() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "安静");
    let (desk, _reports) = desk(in_templates(dir.path())).await;
    settled(&desk, "paid").await;
    get(&desk, "paid").await.expect("a sheet");
    let before = anon_kb(desk.pid());
    for wild in [
        // For ever.
        "#let f() = { for a in range(100000) { for b in range(100000) { let c = a * b } } }\n#f()",
        // Without end.
        "#let all = ()\n#for a in range(100000) { all.push(\"x\" * 100000000) }",
    ] {
        write(dir.path(), wild);
        let began = Instant::now();
        let (name, message) = why(&desk).await;
        assert_eq!(name, "RENDER_FAILED", "{message}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(TOLD_S_MAX), "{took:?}");
        let grown = anon_kb(desk.pid()).saturating_sub(before);
        assert!(grown < GROWTH_KB_MAX, "{grown} KiB more");
        let gone = async || renderer_of(desk.pid()).is_none().then_some(());
        eventually(gone).await.expect("it is gone");
        write(dir.path(), "又好了");
        let told = get(&desk, "paid").await.expect("a sheet");
        assert_eq!(text_of(&told.pdf), "又好了");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renderer_that_is_killed_is_started_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "一");
    let (desk, _reports) = desk(in_templates(dir.path())).await;
    settled(&desk, "paid").await;
    get(&desk, "paid").await.expect("a sheet");
    // Between two sheets nobody notices.
    kill(renderer_of(desk.pid()).expect("it waits"));
    get(&desk, "paid").await.expect("a sheet");
    // In the middle of one: started anew once, and told when that dies too.
    write(
        dir.path(),
        "#for a in range(100000) { for b in range(100000) { let c = a * b } }",
    );
    let twice = async {
        let mut killed = Vec::new();
        while killed.len() < 2 {
            let next = async || renderer_of(desk.pid()).filter(|pid| !killed.contains(pid));
            let pid = eventually(next).await.expect("it runs");
            // It has the question once it uses the processor.
            let busy = async || (ticks(pid) > 20).then_some(());
            eventually(busy).await.expect("it works");
            kill(pid);
            killed.push(pid);
        }
    };
    let ((name, message), ()) = tokio::join!(why(&desk), twice);
    assert_eq!(name, "RENDER_FAILED");
    assert!(message.contains("signal: 9"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renderer_that_is_killed_while_a_sheet_is_printed_costs_no_paper_and_no_second_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let slow = "#for a in range(100000) { for b in range(100000) { let c = a * b } }";
    write(dir.path(), slow);
    let (desk, reports) = desk(in_templates(dir.path())).await;
    settled(&desk, "paid").await;
    let press = || yibaod::api::PrintRequest {
        request_id: "press".to_owned(),
        content: Some(yibaod::api::print_request::Content::SettlementSheet(
            super::paper::sheet("paid", SheetPaper::A4),
        )),
        answer_wait_ms: crate::print::ANSWER_WAIT_MS,
        ..yibaod::api::PrintRequest::default()
    };
    let killing = async {
        let next = async || renderer_of(desk.pid());
        let pid = eventually(next).await.expect("it runs");
        let busy = async || (ticks(pid) > 20).then_some(());
        eventually(busy).await.expect("it works");
        kill(pid);
    };
    let (refused, ()) = tokio::join!(crate::print::print(&desk, press()), killing);
    let name = refusal(&refused.expect_err("there is no sheet")).name;
    assert_eq!(name, "RENDER_FAILED");
    assert!(reports.papers().is_empty() && reports.jobs().is_empty());
    // The same button again, once the template is mended: one paper.
    write(dir.path(), "好了");
    for _ in 0..2 {
        let told = crate::print::print(&desk, press()).await.expect("a sheet");
        assert_eq!(
            told.state(),
            yibaod::api::PrintJobState::Printed,
            "{told:?}"
        );
    }
    assert_eq!(reports.papers().len(), 1);
    assert_eq!(text_of(&reports.papers()[0]), "好了");
}

/// Hundredths of a second of processor time.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let numbers = behind.split_whitespace().skip(11).take(2);
    numbers
        .filter_map(|number| number.parse::<u64>().ok())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_in_the_words_of_the_book() {
    let dir = tempfile::tempdir().expect("a folder");
    write(
        dir.path(),
        "#let sheet = json(\"sheet.json\")\n#sheet.nothing",
    );
    let fonts = dir.path().join("fonts");
    std::fs::create_dir(&fonts).expect("its folder");
    let conf = fonts_of(dir.path(), &fonts);
    let mut setup = in_templates(dir.path());
    let person = yibaod::sandbox::persons::everybody();
    setup.config_more.push_str("mask_names = false\n");
    let fontless = Setup {
        env: vec![("FONTCONFIG_FILE".to_owned(), conf.display().to_string())],
        ..setup.clone()
    };
    let (desk_, _reports) = desk(setup).await;
    settled(&desk_, "paid").await;
    let (name, message) = why(&desk_).await;
    assert_eq!(name, "TEMPLATE_WRONG");
    assert!(message.contains("settlement.typ:2:8"), "{message}");
    write(
        dir.path(),
        "#let sheet = json(\"sheet.json\")\n#panic(sheet.patient.name)",
    );
    let (name, message) = why(&desk_).await;
    assert_eq!(name, "TEMPLATE_WRONG");
    assert!(
        !person.iter().any(|it| message.contains(&it.name)),
        "{message}"
    );
    // Nor may it be a character that nobody has.
    write(dir.path(), "一\u{e000}");
    let (name, message) = why(&desk_).await;
    assert_eq!(name, "GLYPH_MISSING");
    assert!(message.contains("Private Use"), "{message}");
    let (bare, _reports) = desk(fontless).await;
    settled(&bare, "paid").await;
    assert_eq!(why(&bare).await.0, "FONT_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_without_the_renderer_settles_and_says_that_it_has_none() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let daemon = elsewhere.path().join("yibaod");
    copy_program(env!("CARGO_BIN_EXE_yibaod"), &daemon);
    let (desk, reports) = desk(Setup {
        daemon: Some(daemon),
        ..Setup::default()
    })
    .await;
    settled(&desk, "paid").await;
    assert_eq!(why(&desk).await.0, "RENDER_MISSING");
    let request = yibaod::api::PrintRequest {
        request_id: "press".to_owned(),
        content: Some(yibaod::api::print_request::Content::SettlementSheet(
            super::paper::sheet("paid", SheetPaper::A4),
        )),
        ..yibaod::api::PrintRequest::default()
    };
    let refused = crate::print::print(&desk, request).await;
    let name = refusal(&refused.expect_err("nothing is printed")).name;
    assert_eq!(name, "RENDER_MISSING");
    assert!(reports.papers().is_empty());
}
