//! A copied state directory settles nothing until a person adopts it.

use std::path::Path;

use yibaod::journal::{self, Identity, SiteKey};

use super::{desk_without_daemon, platform, run_to_its_end, start_in_own_mounts};
use crate::desk::{Desk, Setup, Shows, bill, refusal};

/// Another machine's id, invented.
const OTHER_MACHINE: &str = "00000000000000000000000000000abc";

fn numbered(desk_number: u16) -> Setup {
    Setup {
        desk_number,
        ..Setup::default()
    }
}

fn machine_id() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").expect("a machine has an id");
    id.trim().to_owned()
}

fn adopt(desk: &Desk, number: u16, machine_id: &str) -> Identity {
    let now = journal::Desk {
        name: "测试窗口".to_owned(),
        number,
        machine_id: machine_id.to_owned(),
    };
    let key = SiteKey::load(&desk.dir().join("site.key")).expect("the site key");
    journal::adopt(&desk.state_dir().join("journal"), &now, &key).expect("it can be adopted")
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).expect("the new desk's own, empty");
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status();
    assert!(copied.expect("cp runs").success());
}

/// Everything that changes something is refused, by name, and everything that looks works.
async fn assert_not_adopted(desk: &Desk, old: &yibaod::api::Settlement) {
    let status = desk.status().await;
    assert!(!status.accepting && !status.desk.expect("which desk").adopted);
    assert_eq!(
        status.not_accepting.map(|why| why.name).as_deref(),
        Some("DESK_NOT_ADOPTED")
    );
    let before = desk.platform.ledger(|ledger| ledger.settlements().len());
    let refused = desk
        .scan_and_pay(bill(desk, "refused"))
        .await
        .expect_err("not adopted");
    assert_eq!(refusal(&refused).name, "DESK_NOT_ADOPTED");
    assert_eq!(
        desk.get(&old.request_id).await.as_ref(),
        Some(old),
        "it can be read"
    );
    assert_eq!(
        desk.platform.ledger(|ledger| ledger.settlements().len()),
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_number_it_refuses_until_adopted() {
    let platform = platform().await;
    let mut first = Desk::start_at(std::sync::Arc::clone(&platform), numbered(7)).await;
    let old = first
        .pay(bill(&first, "old"), &[Shows::fresh("employee")])
        .await;
    first.assert_charged_once(&old);
    first.stop().await;

    let mut copy = Desk::prepare(platform, numbered(8));
    copy_dir(&first.state_dir(), &copy.state_dir());
    copy.start_daemon().await;
    assert_not_adopted(&copy, &old).await;
    copy.stop().await;
    copy.start_daemon().await;
    assert_not_adopted(&copy, &old).await;
    copy.stop().await;

    let found = adopt(&copy, 8, &machine_id());
    assert!(
        matches!(
            found,
            Identity::Foreign {
                number: 7,
                other_machine: false,
                ..
            }
        ),
        "{found:?}"
    );
    copy.start_daemon().await;
    assert!(copy.status().await.accepting);
    let new = copy
        .pay(bill(&copy, "new"), &[Shows::fresh("employee")])
        .await;
    copy.assert_charged_once(&new);
    assert!(
        new.msgid[26..29] == *"008" && old.msgid[26..29] == *"007",
        "{new:?}"
    );
    assert_eq!(copy.get("old").await, Some(old));
    assert_eq!(copy.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_settlement_is_not_carried_on_by_a_copy() {
    let platform = platform().await;
    let setup = Setup {
        rejoin_s: 0,
        ..numbered(7)
    };
    let mut first = Desk::start_at(std::sync::Arc::clone(&platform), setup.clone()).await;
    let patient = first.patient("open", &[Shows::fresh("employee")]).await;
    first.platform.arm("F3@2206:5000").expect("a fault");
    let request = bill(&first, "open");
    let ended = tokio::select! {
        ended = first.scan_and_pay(request) => Some(ended),
        () = first.until_received("2206", 1) => None,
    };
    assert!(ended.is_none(), "{ended:?}");
    patient.abort();
    first.kill();

    let mut copy = Desk::prepare(
        platform,
        Setup {
            desk_number: 8,
            ..setup
        },
    );
    copy_dir(&first.state_dir(), &copy.state_dir());
    copy.start_daemon().await;
    let sent = copy
        .platform
        .ledger(|ledger| (ledger.received("2205").len(), ledger.received("2202").len()));
    assert_eq!(copy.status().await.open_settlements, 0);
    assert_eq!(sent, (0, 0), "the copy undoes nothing");
    drop(copy);

    // The desk it belongs to does.
    first.start_daemon().await;
    let ended = first.truth("open").await.expect("it was taken");
    assert_eq!(ended.money(), yibaod::api::Money::Cancelled);
    first.assert_nothing_charged();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_machine_it_refuses_until_adopted() {
    let mut desk = Desk::start(Setup::default()).await;
    let old = desk
        .pay(bill(&desk, "old"), &[Shows::fresh("employee")])
        .await;
    desk.stop().await;
    let other = desk.dir().join("machine-id");
    std::fs::write(&other, OTHER_MACHINE).expect("its folder");
    let elsewhere = format!("mount --bind {} /etc/machine-id", other.display());
    start_in_own_mounts(&mut desk, &elsewhere).await;
    assert_not_adopted(&desk, &old).await;
    desk.stop().await;

    let found = adopt(&desk, 7, OTHER_MACHINE);
    assert!(
        matches!(
            found,
            Identity::Foreign {
                other_machine: true,
                ..
            }
        ),
        "{found:?}"
    );
    start_in_own_mounts(&mut desk, &elsewhere).await;
    let new = desk
        .pay(bill(&desk, "new"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&new);
    desk.stop().await;
    // And now it is no longer this machine's.
    desk.start_daemon().await;
    assert_not_adopted(&desk, &old).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desks_name_may_change() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.stop().await;
    let config = std::fs::read_to_string(desk.config()).expect("its file");
    std::fs::write(desk.config(), config.replace("测试窗口", "新窗口")).expect("its file");
    desk.start_daemon().await;
    let status = desk.status().await;
    assert!(status.accepting);
    assert_eq!(status.desk.expect("which desk").name, "新窗口");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_desk_ends_and_says_why() {
    let desk = Desk::start(Setup::default()).await;
    let (output, said) = run_to_its_end(&desk).await;
    assert!(!output.status.success());
    assert!(
        said.contains(&desk.state_dir().display().to_string()),
        "{said}"
    );
    assert!(said.contains("another process"), "{said}");
    // The first one is none the worse for it.
    let answer = desk
        .pay(bill(&desk, "first"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&answer);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_socket_ends_and_says_why() {
    let desk = Desk::start(Setup::default()).await;
    let other = desk_without_daemon(numbered(8)).await;
    let config = std::fs::read_to_string(other.config()).expect("its file");
    let (own, taken) = (
        other.socket().display().to_string(),
        desk.socket().display().to_string(),
    );
    std::fs::write(other.config(), config.replace(&own, &taken)).expect("its file");
    let (output, said) = run_to_its_end(&other).await;
    assert!(!output.status.success());
    assert!(
        said.contains(&format!("another daemon holds {taken}")),
        "{said}"
    );
    let answer = desk
        .pay(bill(&desk, "first"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_left_by_a_crash_is_replaced() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.kill();
    assert!(desk.socket().exists(), "a crash leaves it");
    desk.start_daemon().await;
    assert!(desk.status().await.accepting);
}
