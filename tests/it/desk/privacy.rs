//! The daemon's log and what it keeps on disk name nobody: no name, no id or card number, no code that was
//! shown. On disk all of that is sealed, or not there.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::PoisonError;

use yibaod::sandbox::persons::everybody;

use super::Desk;

/// Shorter than this, what was shown is no secret and may stand in a log by chance.
const SECRET_LENGTH_MIN: usize = 10;
/// What stands in every ecToken of the sandbox, behind the two digits of the province.
const TOKEN_MARK: &str = "0000ec";

impl Desk {
    /// Called for every desk of every test when it goes.
    pub(super) fn check_names_nobody(&self) {
        let found = grep(&self.secrets(), self);
        // The persons are invented, so what was found may be shown.
        assert_eq!(found, "", "what names a person stands there in the open");
    }

    fn secrets(&self) -> Vec<u8> {
        let mut secrets = vec![TOKEN_MARK.as_bytes().to_vec()];
        let crowd = (0..).map_while(|n| self.platform.person(&format!("crowd_{n:04}")));
        for person in everybody().into_iter().chain(crowd) {
            let texts = [person.name, person.idno, person.card_no, person.card_sn];
            secrets.extend(texts.map(String::into_bytes));
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let long = shown.iter().filter(|code| code.len() >= SECRET_LENGTH_MIN);
        secrets.extend(long.cloned());
        secrets.join(&b'\n')
    }
}

/// Where any of these lines stands in the log or in the state folder: file, byte and text.
fn grep(secrets: &[u8], desk: &Desk) -> String {
    let mut grep = Command::new("grep")
        .args(["-raboF", "-f", "-"])
        // Where no daemon was started there is no log.
        .args(
            [desk.dir().join("daemon.log"), desk.state_dir()]
                .iter()
                .filter(|path| path.exists()),
        )
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("grep is everywhere");
    let mut stdin = grep.stdin.take().expect("it is piped");
    stdin.write_all(secrets).expect("grep reads it");
    drop(stdin);
    let output = grep.wait_with_output().expect("its child");
    let code = output.status.code();
    // 0: found, 1: not found.
    assert!(matches!(code, Some(0 | 1)), "grep could not look: {code:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
