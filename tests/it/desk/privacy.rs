//! The daemon's log names nobody: no name, no id or card number, no code that was shown.

use std::sync::PoisonError;

use yibaod::sandbox::persons::everybody;

use super::Desk;

/// Shorter than this, what was shown is no secret and may stand in a log by chance.
const SECRET_LENGTH_MIN: usize = 10;
/// What stands in every ecToken of the sandbox, behind the two digits of the province.
const TOKEN_MARK: &str = "0000ec";

impl Desk {
    /// Called for every desk of every test when it goes.
    pub(super) fn check_log_names_nobody(&self) {
        let log = self.log();
        let crowd = (0..).map_while(|n| self.platform.person(&format!("crowd_{n:04}")));
        for person in everybody().into_iter().chain(crowd) {
            for secret in [&person.name, &person.idno, &person.card_no, &person.card_sn] {
                check(&log, secret, &person.key);
            }
        }
        for shown in self
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            if shown.len() >= SECRET_LENGTH_MIN {
                check(&log, &String::from_utf8_lossy(shown), "what was shown");
            }
        }
        check(&log, TOKEN_MARK, "an ecToken");
    }
}

/// The line is not repeated: that would put the secret into another log.
fn check(log: &str, secret: &str, whose: &str) {
    let line = log.lines().position(|line| line.contains(secret));
    assert_eq!(
        line, None,
        "{whose} stands in this line of the daemon's log"
    );
}
