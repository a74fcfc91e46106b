//! What a person, or the package before it restarts the service, asks of the program instead of starting it: whether a
//! start would be refused, and a key.

use std::process::{Command, Output};
use std::sync::Arc;

use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup, free_port};

/// The exit code that the unit and the package know: the configuration is wrong.
const EXIT_CONFIGURATION: i32 = 78;

async fn desk(config_more: &str) -> Desk {
    let platform = Platform::start(Options::default()).await;
    let setup = Setup {
        config_more: config_more.to_owned(),
        ..Setup::default()
    };
    Desk::prepare(Arc::new(platform.expect("a free port")), setup)
}

fn asked(desk: &Desk, flag: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaod"));
    command.args([flag, "--config"]).arg(desk.config());
    command.output().expect("the program starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_start_refuses_is_refused_before_it() {
    let right = desk("").await;
    assert!(asked(&right, "--check").status.success());
    let certificates = format!(
        "[tcp]\nlisten = \"127.0.0.1:{}\"\ntls_certificate = \"/nowhere/desk.pem\"\n\
         tls_key = \"/nowhere/desk.key\"\ntls_client_ca = \"/nowhere/callers.pem\"\n\
         [[tcp.client]]\nname = \"his.example\"\nrole = \"cashier\"\n",
        free_port()
    );
    for (wrong, said) in [
        (
            "[access]\ncashier = [\"user:no-such-cashier\"]\n",
            "no-such-cashier",
        ),
        (&certificates, "/nowhere/desk.pem"),
    ] {
        let mut desk = desk(wrong).await;
        let refused = asked(&desk, "--check");
        let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(EXIT_CONFIGURATION), "{errors}");
        assert!(errors.contains(said), "{errors}");
        assert!(!desk.try_start_daemon_under(&[]).await, "{said}: it serves");
        assert!(desk.log().contains(said), "{}", desk.log());
    }
}

/// A new key beside a journal would seal what comes next by another than what was, and hide that the old one is lost.
#[tokio::test(flavor = "multi_thread")]
async fn no_new_key_is_made_beside_a_journal() {
    let mut desk = desk("").await;
    desk.start_daemon().await;
    desk.stop().await;
    let key = desk.dir().join("site.key");
    std::fs::remove_file(&key).expect("it was there");
    let refused = asked(&desk, "--create-site-key");
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(EXIT_CONFIGURATION), "{errors}");
    let journal = desk.state_dir().join("journal");
    for named in [&journal, &key] {
        assert!(errors.contains(&named.display().to_string()), "{errors}");
    }
    assert!(!key.exists());
    std::fs::rename(&journal, desk.dir().join("elsewhere")).expect("one disk");
    assert!(asked(&desk, "--create-site-key").status.success());
    assert!(key.exists());
}

/// Whoever may write beside a configuration could say where root makes a key, and whose it becomes.
#[test]
fn a_package_makes_its_key_without_reading_any_configuration() {
    let dir = tempfile::tempdir().expect("a place");
    let (beside, key, theirs) = (
        dir.path().join("conf.d"),
        dir.path().join("site.key"),
        dir.path().join("theirs"),
    );
    std::fs::create_dir(&beside).expect("a new folder");
    let planted = format!("[paths]\nsite_key = {theirs:?}\n");
    std::fs::write(beside.join("planted.toml"), planted).expect("a new file");
    let config = dir.path().join("yibaod.toml");
    std::fs::write(&config, "[desk]\nname = \"new\"\nnumber = 0\n").expect("a new file");
    let make = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yibaod"));
        command.arg("--config").arg(&config);
        command.arg("--create-site-key").arg("--site-key").arg(&key);
        command.output().expect("the program starts")
    };
    let made = make();
    assert!(made.status.success(), "{made:?}");
    assert!(key.exists() && !theirs.exists());
    std::fs::remove_file(&key).expect("it was made");
    std::os::unix::fs::symlink(&theirs, &key).expect("a new link");
    let refused = make();
    assert_eq!(
        refused.status.code(),
        Some(EXIT_CONFIGURATION),
        "{refused:?}"
    );
    assert!(!theirs.exists(), "through a link");
}

/// What root does by a path in a folder that is the daemon's, the daemon may lead elsewhere.
#[test]
fn the_package_changes_nothing_by_path_where_the_daemon_may_write() {
    let script = include_str!("../../../packaging/deb/yibaod.postinst");
    let lines = script
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    for line in lines {
        for word in ["chown", "chmod", "mktemp", "/tmp", "--config "] {
            assert!(!line.contains(word), "{line}");
        }
    }
    assert!(script.contains("--create-site-key --site-key \"$key\""));
}
