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
