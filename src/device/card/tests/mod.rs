//! Every driver of card readers does what all must do, on a far end that plays the reader.

mod line;
mod program;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::book::Code;
use crate::device::card::Medium;
use crate::device::conformance::card::{self, Far as _, Fault, Who};

#[tokio::test]
async fn a_reader_of_pcscd_conforms() {
    card::all_hold::<program::Program>().await;
}

#[tokio::test]
async fn a_resident_card_reader_conforms() {
    card::all_hold::<line::Line>().await;
}

#[tokio::test]
async fn a_reader_whose_state_is_not_known_is_not_waited_for_in_vain() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let program = program::Program::plugged().await;
    let deadline = Instant::now() + 3 * PATIENCE;
    let mut lease = card::claim(&program).await;
    lease
        .arm(&[Medium::SocialCard], deadline)
        .await
        .expect("it reads");
    program.knows(false);
    let read = timeout(PATIENCE, lease.read())
        .await
        .expect("long before its deadline");
    assert_eq!(
        read.expect_err("nobody knows").error().code,
        Code::CardReaderSilent
    );
    // By itself, once it is known.
    program.knows(true);
    lease
        .arm(&[Medium::SocialCard], deadline)
        .await
        .expect("it reads again");
    program.insert(Who::One, Fault::Nothing);
    let read = timeout(PATIENCE, lease.read()).await.expect("soon");
    assert_eq!(read.expect("it is read").name.expose(), Who::One.name());
}
