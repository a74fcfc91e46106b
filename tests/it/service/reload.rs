//! The configuration read again while the desk works.

use std::process::Command;
use std::time::Duration;

use yibaod::api::{Money, Settlement, Stage};

use super::{Ear, ctl, heard, heard_desk, signal, told};
use crate::callers::{answer_of, calling, next};
use crate::desk::{Desk, Setup, Shows, bill, error_name, eventually};

fn edit(desk: &Desk, from: &str, to: &str) {
    let text = std::fs::read_to_string(desk.config()).expect("its file");
    assert!(text.contains(from), "no {from} in {text}");
    std::fs::write(desk.config(), text.replace(from, to)).expect("its folder");
}

fn edit_profile(desk: &Desk, from: &str, to: &str) {
    let path = desk.dir().join("site.toml");
    let text = std::fs::read_to_string(&path).expect("its file");
    assert!(text.contains(from), "no {from} in {text}");
    std::fs::write(&path, text.replace(from, to)).expect("its folder");
}

async fn pay(desk: &Desk, request_id: &str) {
    let patient = desk.patient(request_id, &[Shows::fresh("employee")]).await;
    let answer = answer_of(calling(desk, bill(desk, request_id)).await).await;
    patient.abort();
    assert_eq!(answer.money(), Money::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_after_it_is_done_the_new_way_and_what_runs_the_old() {
    let desk = Desk::start(Setup {
        config_more: "[receipt]\nfoot = [\"原来的脚注\"]\n".to_owned(),
        rejoin_s: 20,
        ..Setup::default()
    })
    .await;
    let mut events = desk.watch("running").await;
    let call = calling(&desk, bill(&desk, "running")).await;
    while next(&mut events).await.expect("it runs").stage() != Stage::WaitingScan {}

    edit(&desk, "原来的脚注", "新的脚注");
    edit(&desk, "confirm_wait_s = 30", "confirm_wait_s = 31");
    edit(&desk, "number = 7", "number = 8");
    let shown = told(&ctl(&desk, &["reload"]));
    for line in [
        "receipt.foot: [\"原来的脚注\"] → [\"新的脚注\"]",
        "times.confirm_wait_s: 30 → 31",
        "desk.number: 7 → 8  ← 重启后生效",
    ] {
        assert!(shown.contains(line), "no {line}:\n{shown}");
    }
    assert!(
        told(&ctl(&desk, &["status"])).contains("#007"),
        "not half-applied"
    );
    // What wants a restart is named again, what is in force is not.
    let again = told(&ctl(&desk, &["reload"]));
    assert_eq!(again.lines().count(), 1, "{again}");
    assert!(again.contains("desk.number"), "{again}");

    desk.show(&Shows::fresh("employee")).await;
    assert_eq!(answer_of(call).await.money(), Money::Settled);
    pay(&desk, "later").await;
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 2);
    assert!(
        papers[0].text().contains("原来的脚注"),
        "it runs as it began"
    );
    assert!(papers[1].text().contains("新的脚注"), "it began anew");
}

/// One bill under a new request_id.
async fn pay_again(desk: &Desk, request_id: &str) -> Settlement {
    let mut request = bill(desk, request_id);
    "F-1".clone_into(&mut request.bills[0].bill_no);
    desk.pay(request, &[Shows::fresh("employee")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_bill_is_settled_once_is_changed_while_it_runs() {
    let desk = Desk::start(Setup::default()).await;
    assert_eq!(pay_again(&desk, "first").await.money(), Money::Settled);
    let before = pay_again(&desk, "again").await;
    assert_eq!(error_name(&before), "BILL_SETTLED_BEFORE");
    edit(&desk, "bill_once_days = 7", "bill_once_days = 0");
    let shown = told(&ctl(&desk, &["reload"]));
    assert!(shown.contains("limits.bill_once_days: 7 → 0"), "{shown}");
    assert_eq!(pay_again(&desk, "off").await.money(), Money::Settled);
    edit(&desk, "bill_once_days = 0", "bill_once_days = 2");
    told(&ctl(&desk, &["reload"]));
    let after = pay_again(&desk, "on").await;
    assert_eq!(error_name(&after), "BILL_SETTLED_BEFORE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_changes_nothing_and_is_told() {
    let desk = Desk::start(Setup::default()).await;
    edit(
        &desk,
        "confirm_wait_s = 30",
        "confirm_wait_s = 31\nconfirm_wait = 5",
    );
    edit_profile(&desk, "call_ms", "call_msec");
    let output = ctl(&desk, &["reload"]);
    assert!(!output.status.success());
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        shown.contains("CONFIG_WRONG") || shown.contains("E7103"),
        "{shown}"
    );
    assert!(shown.contains("confirm_wait"), "the key is named: {shown}");
    edit(&desk, "confirm_wait = 5", "");
    let output = ctl(&desk, &["--json", "reload"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !output.status.success() && shown.contains("call_msec"),
        "{shown}"
    );
    assert!(desk.log().contains("the old one stays"), "{}", desk.log());
    pay(&desk, "after").await;
    edit_profile(&desk, "call_msec", "call_ms");
    let shown = told(&ctl(&desk, &["reload"]));
    assert!(
        shown.contains("confirm_wait_s: 30 → 31") && !shown.contains('←'),
        "{shown}"
    );
}

/// What a start refuses is refused before it: a service that runs would not come back.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_check_refuses_a_reload_refuses() {
    let desk = Desk::start(Setup::default()).await;
    let key = desk.dir().join("site.key");
    let moved = desk.dir().join("moved.key");
    let whole = std::fs::read_to_string(desk.config()).expect("its file");
    let refused = |said: &str| {
        for asked in [
            ctl(&desk, &["reload"]),
            Command::new(env!("CARGO_BIN_EXE_yibaod"))
                .arg("--check")
                .arg("--config")
                .arg(desk.config())
                .output()
                .expect("the program starts"),
        ] {
            let errors = String::from_utf8_lossy(&asked.stderr).into_owned();
            assert!(!asked.status.success(), "{said}: {errors}");
            assert!(errors.contains(said), "{said}: {errors}");
        }
    };
    std::fs::rename(&key, &moved).expect("one folder");
    refused("site key");
    std::fs::write(&key, "short").expect("a new file");
    refused("site key");
    std::fs::rename(&moved, &key).expect("one folder");
    let tls = "[tcp]\nlisten = \"127.0.0.1:9\"\ntls_certificate = \"/nowhere/desk.pem\"\n\
        tls_key = \"/nowhere/desk.key\"\ntls_client_ca = \"/nowhere/callers.pem\"\n\
        [[tcp.client]]\nname = \"his.example\"\nrole = \"cashier\"\n";
    for (more, said) in [
        (tls, "/nowhere/desk.pem"),
        (
            "[access]\ncashier = [\"user:no-such-cashier\"]\n",
            "no-such-cashier",
        ),
        ("[log]\nlevell = \"info\"\n", "levell"),
    ] {
        std::fs::write(desk.config(), format!("{whole}{more}")).expect("its folder");
        refused(said);
    }
    std::fs::write(desk.config(), &whole).expect("its folder");
    told(&ctl(&desk, &["reload"]));
    pay(&desk, "after").await;
}

/// One that is not there would be found out by the first patient who wants a sheet.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_the_template_is_refused_and_named() {
    let desk = Desk::start(Setup {
        config_more: "[sheet]\nmask_names = true\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let templates = desk.dir().join("templates");
    let to = format!(
        "mask_names = true\ntemplate_dir = \"{}\"",
        templates.display()
    );
    edit(&desk, "mask_names = true", &to);
    let output = ctl(&desk, &["reload"]);
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{shown}");
    let file = templates.join("settlement.typ");
    assert!(shown.contains(&file.display().to_string()), "{shown}");
    std::fs::create_dir(&templates).expect("its folder");
    std::fs::write(&file, "院内格式").expect("its folder");
    let shown = told(&ctl(&desk, &["reload"]));
    assert!(shown.contains("sheet.template_dir"), "{shown}");
    // Once it is in force its loss stops no other change.
    std::fs::remove_file(&file).expect("it is there");
    edit(&desk, "confirm_wait_s = 30", "confirm_wait_s = 31");
    let shown = told(&ctl(&desk, &["reload"]));
    assert!(shown.contains("confirm_wait_s: 30 → 31"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_replaced_whole_or_not_at_all() {
    let desk = Desk::start(Setup::default()).await;
    edit_profile(&desk, "settle_quiet_s = 2", "settle_quiet_s = 3");
    let shown = told(&ctl(&desk, &["reload"]));
    assert!(
        shown.contains("profile.settle_quiet_s: 2 → 3") && !shown.contains('←'),
        "{shown}"
    );
    let fixmedins = "fixmedins_name = \"";
    edit_profile(&desk, fixmedins, "fixmedins_name = \"另一家");
    let base = format!("base = \"{}\"", desk.platform.base_url());
    edit_profile(&desk, &base, "base = \"http://127.0.0.1:9\"");
    let shown = told(&ctl(&desk, &["reload"]));
    for line in shown.lines() {
        assert!(
            line.contains("← 重启后生效"),
            "another platform: nothing of it is in force: {shown}"
        );
    }
    assert_eq!(shown.lines().count(), 2, "{shown}");
    pay(&desk, "old").await;
    let papers = desk.papers_in_the_end().await;
    assert!(!papers[0].text().contains("另一家"));
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_come_and_go_with_the_configuration() {
    let desk = Desk::start(Setup {
        no_printer: true,
        ..Setup::default()
    })
    .await;
    let address = desk.printer.addr().expect("it has one").to_string();
    let table = format!(
        "\n[[device]]\nname = \"late\"\nrole = \"receipt\"\nkind = \"escpos-tcp\"\n\
         model = \"epson-tm-80\"\naddress = \"{address}\"\n"
    );
    let before = std::fs::read_to_string(desk.config()).expect("its file");
    std::fs::write(desk.config(), format!("{before}{table}")).expect("its folder");
    let shown = told(&ctl(&desk, &["reload"]));
    assert!(
        shown.contains("device.late.role") && !shown.contains('←'),
        "{shown}"
    );
    pay(&desk, "with-printer").await;
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
    let devices = told(&ctl(&desk, &["--json", "device", "list"]));
    assert!(
        devices.contains("\"late\"") && devices.contains("\"scanner\""),
        "{devices}"
    );

    std::fs::write(desk.config(), before).expect("its folder");
    told(&ctl(&desk, &["reload"]));
    let gone = eventually(async || {
        let devices = told(&ctl(&desk, &["--json", "device", "list"]));
        (!devices.contains("\"late\"")).then_some(())
    });
    assert!(gone.await.is_some());
    // The scanner was not touched by any of it.
    pay(&desk, "without-printer").await;
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_the_log_is_changed_while_it_runs_and_written_down() {
    let desk = Desk::start(Setup {
        env: vec![("YIBAO_LOG".to_owned(), "yibaod=info,warn".to_owned())],
        ..Setup::default()
    })
    .await;
    pay(&desk, "quiet").await;
    assert!(!desk.log().contains("recorded"), "{}", desk.log());
    let shown = told(&ctl(&desk, &["log", "debug", "yibaod::runner"]));
    assert!(shown.contains("yibaod::runner=debug"), "{shown}");
    pay(&desk, "loud").await;
    let log = desk.log();
    assert!(
        log.contains("recorded") && !log.contains("DEBUG yibaod::ipc"),
        "{log}"
    );
    assert!(
        log.contains("until the next start"),
        "who did it is in the log: {log}"
    );
    let wrong = ctl(&desk, &["log", "debug", "a=b"]);
    assert!(!wrong.status.success());
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("target"),
        "{wrong:?}"
    );
    let status = told(&ctl(&desk, &["--json", "status"]));
    assert!(status.contains("yibaod::runner=debug"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_does_not_wait_for_files_that_do_not_come() {
    let ear = Ear::new();
    let mut desk = heard_desk(&ear, &[]).await;
    heard(&ear, "READY=1").await;
    std::fs::remove_file(desk.config()).expect("its folder");
    // As on a disk that is gone: whoever opens it waits.
    let made = Command::new("mkfifo").arg(desk.config()).status();
    assert!(made.expect("mkfifo").success());
    signal(&desk, rustix::process::Signal::HUP);
    heard(&ear, "RELOADING=1").await;
    desk.ask_to_stop();
    let ended = desk.wait_until_ended(Duration::from_secs(20)).await;
    assert!(ended, "{}", desk.log());
}

#[test]
fn a_reload_finds_the_socket_that_the_configuration_names() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("yibaod.toml");
    let socket = dir.path().join("own.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    listener.set_nonblocking(true).expect("a socket");
    // All else of it may be wrong: that is what the daemon is to say.
    let text = format!(
        "[desk]\nnumber = \"x\"\n[paths]\nsocket = \"{}\"\n",
        socket.display()
    );
    std::fs::write(&config, text).expect("its folder");
    let asked = Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .env_remove("YIBAO_SOCKET")
        .args(["reload", "--config"])
        .arg(&config)
        .spawn();
    let mut asked = asked.expect("it runs");
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while listener.accept().is_err() {
        assert!(std::time::Instant::now() < until, "it does not come");
        std::thread::yield_now();
    }
    asked.kill().expect("it is ours");
    asked.wait().expect("it is ours");
}

/// A reload as the unit has it: the folder that systemd makes, and the file.
fn reload_of_unit(desk: &Desk, folder: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .env("RUNTIME_DIRECTORY", folder)
        .args(["--socket", "/nonexistent/yibaod.sock", "reload", "--config"])
        .arg(desk.config())
        .output()
        .expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_finds_the_daemon_that_runs_and_says_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().display().to_string();
    let mut desk = Desk::start(Setup {
        env: vec![("RUNTIME_DIRECTORY".to_owned(), folder.clone())],
        ..Setup::default()
    })
    .await;
    let socket = desk.socket().display().to_string();
    edit(&desk, &socket, &format!("{socket}.new"));
    let shown = told(&reload_of_unit(&desk, &folder));
    let moved = format!("paths.socket: \"{socket}\" → \"{socket}.new\"  ← 重启后生效");
    assert!(shown.contains(&moved), "{shown}");
    // What cannot be read names no socket: the daemon that runs says why.
    edit(&desk, "[desk]", "[desk");
    let refused = reload_of_unit(&desk, &folder);
    let shown = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && shown.contains("E7103"),
        "{shown}"
    );
    let place = desk.config().display().to_string();
    assert!(shown.contains(&place), "{shown}");
    // And where none runs, it is told here.
    desk.stop().await;
    let refused = reload_of_unit(&desk, &folder);
    let shown = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && shown.contains(&place),
        "{shown}"
    );
}
