//! Who may see a person whole, that it is written down, and that nobody uses another caller's identification.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Output;

use serde_json::Value;
use yibaod::api::{IdentifyFlow, Stage};

use super::{asking, by_code, call, identify, until, watch};
use crate::desk::{Desk, Setup, Shows, copy_program};

/// A user of this machine that is nobody to the desk.
const STRANGER_UID: u32 = 65_534;

/// A person who was not heard shows the code again after so long.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(300);

/// How often a whole name was told, by the journal, and to whom.
pub(crate) fn unmasked_reads(desk: &Desk) -> Vec<String> {
    let path = desk.state_dir().join("journal").join("journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(path, flags).expect("it opens");
    let mut rows = journal
        .prepare("SELECT body FROM event WHERE kind = 'unmasked_read' ORDER BY seq")
        .expect("its table");
    let bodies = rows.query_map([], |row| row.get::<_, String>(0));
    let bodies = bodies.expect("its rows").map(|body| body.expect("a text"));
    bodies.collect()
}

/// The desk's socket, open to everybody on this machine, and `yibaoctl` where everybody can run it.
pub(crate) fn open_to_all(desk: &Desk) {
    let all = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(desk.dir(), all(0o755)).expect("our folder");
    std::fs::set_permissions(desk.socket(), all(0o666)).expect("our socket");
    let program = desk.dir().join("yibaoctl");
    copy_program(env!("CARGO_BIN_EXE_yibaoctl"), &program);
    std::fs::set_permissions(program, all(0o755)).expect("our file");
}

/// `yibaoctl` as that other user. Tests run as root, as the packages that they need do.
pub(crate) async fn as_stranger(desk: &Desk, words: &[&str]) -> (Option<i32>, Value) {
    let mut command = std::process::Command::new(desk.dir().join("yibaoctl"));
    command.arg("--socket").arg(desk.socket()).arg("--json");
    command.args(words).uid(STRANGER_UID).gid(STRANGER_UID);
    let ran = tokio::task::spawn_blocking(move || command.output());
    let ran: Output = ran
        .await
        .expect("it ends")
        .expect("it runs as another user");
    let json = serde_json::from_slice(&ran.stdout);
    (
        ran.status.code(),
        json.unwrap_or_else(|_| panic!("{ran:?}")),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_name_is_told_to_who_may_see_it_and_written_down_each_time() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk.platform.person("employee").expect("a person");
    let mut request = asking("whole", IdentifyFlow::Registration);
    request.unmasked = true;
    let (answer, events) = identify(&desk, request.clone(), &[Shows::fresh("employee")]).await;
    assert!(answer.unmasked);
    assert_eq!((&answer.name, &answer.certno), (&person.name, &person.idno));
    assert_eq!(unmasked_reads(&desk).len(), 1);
    for row in unmasked_reads(&desk) {
        assert!(
            row.contains("uid:") && row.contains(r#""door":"socket""#),
            "{row}"
        );
    }
    // Who only watches sees it masked.
    let watched = events.last().and_then(|event| event.identification.clone());
    assert!(watched.expect("the last has it").name.contains('*'));
    let again = call(&desk, request.clone()).await.expect("it is repeated");
    assert_eq!((again.name, again.unmasked), (person.name, true));
    assert_eq!(unmasked_reads(&desk).len(), 2);
    request.unmasked = false;
    let masked = call(&desk, request).await.expect("it is repeated");
    assert!(masked.name.contains('*') && !masked.unmasked);
    assert_eq!(unmasked_reads(&desk).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_sees_nobody_whole() {
    let desk = Desk::start(Setup::default()).await;
    open_to_all(&desk);
    let words = ["identify", "--unmasked", "--request-id", "nosy"];
    let (code, told) = as_stranger(&desk, &words).await;
    assert_eq!(told["error"]["name"], "NOT_ALLOWED", "{told}");
    assert_eq!(code, Some(2));
    let masked = async {
        let words = ["identify", "--flow", "registration", "--request-id", "mine"];
        as_stranger(&desk, &words).await
    };
    // Nobody but its caller can watch it: the person shows a code again until one was taken.
    let person = async {
        crate::device::until_held(&desk).await;
        loop {
            desk.show(&Shows::fresh("employee")).await;
            tokio::time::sleep(AGAIN).await;
        }
    };
    let (code, told) = tokio::select! {
        told = masked => told,
        () = person => unreachable!("it shows codes for ever"),
    };
    assert_eq!(
        (code, &told["unmasked"]),
        (Some(0), &Value::Bool(false)),
        "{told}"
    );
    assert!(told["name"].as_str().is_some_and(|name| name.contains('*')));
    assert!(unmasked_reads(&desk).is_empty());
    // Its request is its own: root's of the same name is another.
    let mut events = watch(&desk, "mine").await;
    tokio::select! {
        _ = call(&desk, asking("mine", IdentifyFlow::Payment)) => panic!("nobody scanned"),
        _ = until(&mut events, Stage::WaitingScan) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_uses_anothers_identification() {
    let desk = Desk::start(Setup {
        profile_more: "[voucher]\nidentity_pays = true\n".to_owned(),
        ..Setup::default()
    })
    .await;
    open_to_all(&desk);
    let who = by_code(&desk, "who", IdentifyFlow::Payment, "employee").await;
    let mut bill =
        yibaod::sandbox::bills::outpatient(&desk.platform.person("employee").expect("a person"));
    bill["identityRef"] = who.identity_ref.clone().into();
    bill["requestId"] = "stolen".into();
    bill.as_object_mut()
        .expect("an object")
        .remove("credentials");
    let path = desk.dir().join("bill.json");
    std::fs::write(&path, bill.to_string()).expect("room for it");
    let path = path.to_str().expect("a name").to_owned();
    let (code, told) = as_stranger(&desk, &["pay", &path]).await;
    assert_eq!(told["error"]["name"], "IDENTITY_UNKNOWN", "{told}");
    assert_eq!(code, Some(2));
    // It is not used up by that.
    let mut own = crate::desk::bill(&desk, "own");
    own.credentials.clear();
    own.identity_ref = who.identity_ref;
    let answer = desk.scan_and_pay(own).await.expect("it is taken");
    desk.assert_charged_once(&answer);
}
