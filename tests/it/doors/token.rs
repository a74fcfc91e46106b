//! Tokens as an operator makes, sees and takes them back: `yibaoctl token`, and what the daemon says to who shows one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::desk::{Desk, Setup, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_seen_and_taken_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = create(dir.path(), "hall", "monitor");
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let token = made["token"].as_str().expect("a token");
    let file = dir.path().join("hall");
    assert_eq!(made["file"], file.display().to_string());
    let mode = std::fs::metadata(&file)
        .expect("it is made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // With a token of its own, in place of which is ours.
    let (config_more, address) = super::tcp(dir.path(), "monitor");
    let config_more = config_more.replace("hall.token", "hall");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    assert_eq!(status_of_http(address, Some(token)), "200");
    assert_eq!(status_of_http(address, None), "401");
    assert_eq!(
        status_of_http(address, Some(&token.replace(&token[..4], "AAAA"))),
        "401"
    );

    let (listed, exit) = list(&desk);
    assert_eq!(exit, Some(0));
    assert_eq!(
        (&listed["name"], &listed["roles"][0]),
        (&"hall".into(), &"monitor".into())
    );
    assert_eq!(listed["wrong"], Value::Null);
    assert!(!listed.to_string().contains(token), "a token is shown once");

    // Readable by others it is worth nothing, and the list says so.
    set_mode(&file, 0o644);
    becomes(address, token, "401").await;
    let (listed, exit) = list(&desk);
    assert_eq!(exit, Some(1), "{listed}");
    assert!(
        listed["wrong"]
            .as_str()
            .is_some_and(|why| why.contains("others can read it"))
    );
    set_mode(&file, 0o600);
    becomes(address, token, "200").await;

    let removed = yibaoctl(&["token", "remove", "hall", "--config"], &desk.config());
    assert!(removed.status.success(), "{removed:?}");
    assert!(!file.exists());
    becomes(address, token, "401").await;
    assert_eq!(list(&desk).1, Some(1));
    let unknown = yibaoctl(&["token", "remove", "nobody", "--config"], &desk.config());
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_its_role_are_replaced_together() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = |name| {
        let made = create(dir.path(), name, "monitor");
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        made["token"].as_str().expect("a token").to_owned()
    };
    let (first, second, third) = (made("first"), made("second"), made("third"));
    let (config_more, address) = super::tcp(dir.path(), "monitor");
    let config_more = config_more.replace("hall.token", "first");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    assert_eq!(status_of_http(address, Some(&first)), "200");

    // The name goes to another file, and another name comes.
    let place = |name: &str| dir.path().join(name).display().to_string();
    let text = std::fs::read_to_string(desk.config()).expect("its file");
    let more = format!(
        "[[tcp.token]]\nname = \"late\"\nrole = \"monitor\"\nfile = \"{}\"\n",
        place("third")
    );
    let text = text.replace(&place("first"), &place("second")) + &more;
    std::fs::write(desk.config(), text).expect("its folder");
    let told = yibaoctl(&["reload", "--socket"], &desk.socket());
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("tcp.token.hall.file") && !told.contains('←'),
        "{told}"
    );
    assert_eq!(status_of_http(address, Some(&first)), "401");
    assert_eq!(status_of_http(address, Some(&second)), "200");
    assert_eq!(status_of_http(address, Some(&third)), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_systemd_would_hand_over_is_named_among_what_wants_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, _) = super::tcp(dir.path(), "monitor");
    let handed = tempfile::tempdir().expect("a folder");
    let set = |name: &str, value: &Path| (name.to_owned(), value.display().to_string());
    let desk = Desk::start(Setup {
        config_more,
        env: vec![set("CREDENTIALS_DIRECTORY", handed.path())],
        ..Setup::default()
    })
    .await;
    let text = std::fs::read_to_string(desk.config()).expect("its file");
    let file = dir.path().join("hall.token").display().to_string();
    std::fs::write(desk.config(), text.replace(&file, "hall")).expect("its folder");
    let reload = || {
        let told = yibaoctl(&["reload", "--socket"], &desk.socket());
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    // A folder of our own is looked in at any time.
    let is_late = !Path::new(yibaod::config::secrets::CREDENTIALS_PATH).is_dir();
    for _ in 0..2 {
        let told = reload();
        let line = told
            .lines()
            .find(|line| line.contains("tcp.token.hall.file"));
        let is_named = line.is_some_and(|line| line.contains("← 重启后生效"));
        assert_eq!(is_named, is_late, "each time: {told}");
    }
    // It was here when the service was started.
    std::fs::copy(&file, handed.path().join("hall")).expect("its folder");
    let told = reload();
    assert!(!told.contains('←'), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_socket_an_admins_token_came_by_stands_beside_its_acts() {
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, address) = super::tcp(dir.path(), "admin");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    assert_eq!(http(address, "Reload", Some(super::TOKEN)), "200");
    let path = desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(path, flags).expect("it opens");
    let sql =
        "SELECT caller, body ->> 'door', body ->> 'token_uid' FROM event WHERE kind = 'reload'";
    let row = journal.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let row: (String, String, u32) = row.expect("one row");
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(row, ("token:hall".to_owned(), "tcp".to_owned(), own));
}

#[test]
fn a_token_is_never_made_over_another_nor_under_a_strange_name() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(create(dir.path(), "hall", "cashier").status.success());
    let first = std::fs::read(dir.path().join("hall")).expect("ours");
    let again = create(dir.path(), "hall", "cashier");
    assert!(!again.status.success(), "{again:?}");
    assert_eq!(std::fs::read(dir.path().join("hall")).expect("ours"), first);
    for (name, role) in [("../hall", "cashier"), ("", "cashier"), ("wall", "king")] {
        let refused = create(dir.path(), name, role);
        assert_eq!(refused.status.code(), Some(2), "{name} {role}: {refused:?}");
    }
    let left = std::fs::read_dir(dir.path()).expect("ours").count();
    assert_eq!(left, 1);
}

fn create(dir: &Path, name: &str, role: &str) -> Output {
    yibaoctl(
        &["--json", "token", "create", name, "--role", role, "--dir"],
        dir,
    )
}

fn list(desk: &Desk) -> (Value, Option<i32>) {
    let told = yibaoctl(&["--json", "token", "list", "--config"], &desk.config());
    let json = serde_json::from_slice(&told.stdout);
    (
        json.unwrap_or_else(|_| panic!("{told:?}")),
        told.status.code(),
    )
}

fn yibaoctl(words: &[&str], last: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.args(words).arg(last).output().expect("it runs")
}

fn set_mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, PermissionsExt::from_mode(mode)).expect("ours");
}

/// What HTTP says to a look at the status.
/// Files are looked at once a second.
async fn becomes(address: std::net::SocketAddr, token: &str, status: &str) {
    let is_so = async || (status_of_http(address, Some(token)) == status).then_some(());
    eventually(is_so).await.expect("it is looked at");
}

fn status_of_http(address: std::net::SocketAddr, token: Option<&str>) -> String {
    http(address, "GetStatus", token)
}

/// What HTTP says to a method without a request.
fn http(address: std::net::SocketAddr, method: &str, token: Option<&str>) -> String {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]);
    curl.args(["--header", "content-type: application/json", "--data", "{}"]);
    if let Some(token) = token {
        curl.args(["--header", &format!("authorization: Bearer {token}")]);
    }
    curl.arg(format!("http://{address}/yibao.v1.DaemonService/{method}"));
    String::from_utf8(curl.output().expect("curl").stdout).expect("a number")
}
