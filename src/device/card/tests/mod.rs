//! Every driver of card readers does what all must do, on a far end that plays the reader.

mod line;
mod program;
mod torn;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::book::Code;
use crate::device::DeviceState;
use crate::device::card::Medium;
use crate::device::conformance::card::{self, Far as _, Fault, Who};
use crate::device::event::{Watched, What};
use crate::device::far_end::until;
use crate::device::health::Verdict;

#[tokio::test]
async fn a_reader_of_pcscd_conforms() {
    card::all_hold::<program::Program>().await;
}

#[tokio::test]
async fn a_resident_card_reader_conforms() {
    card::all_hold::<line::Line>().await;
}

/// Longest wait for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_card_that_is_kept_or_mute_is_not_told_as_pulled() {
    for (is_kept, fault, code) in [
        (true, Fault::Nothing, Code::DeviceHeldElsewhere),
        (false, Fault::MuteFrom(5), Code::CardReaderSilent),
    ] {
        let program = program::Program::plugged().await;
        program.keeps(is_kept);
        program.insert(Who::One, fault);
        let mut lease = card::claim(&program).await;
        until(program.hub(), card::NAME, |reader| reader.has_card).await;
        let (_, why) = program.hub().why(card::NAME).await.expect("a reader");
        assert!(why.looked.en.ends_with("it lists: Reader 00 00"), "{why:?}");
        let mut events = program.hub().watch(None);
        let short = Instant::now() + Duration::from_millis(300);
        let social = [Medium::SocialCard];
        lease.arm(&social, short).await.expect("it reads");
        let refused = timeout(PATIENCE, lease.read()).await.expect("in time");
        assert_eq!(refused.expect_err("it cannot be read").error().code, code);
        // The program is started anew meanwhile; who asks waits for it.
        program.keeps(false);
        let long = Instant::now() + PATIENCE;
        lease.arm(&[Medium::ResidentId], long).await.expect("again");
        let other = timeout(PATIENCE, lease.read()).await.expect("in time");
        let other = other.expect_err("a 社保卡 lies there").error().code;
        assert_eq!(other, Code::CardOfOtherKind);
        assert_eq!(program.lives(), 2);
        let reader = &program.hub().list()[0];
        assert_eq!((reader.state, reader.has_card), (DeviceState::Ready, true));
        let mut told = Vec::new();
        while let Some(Watched::Event(event)) = events.try_next() {
            told.push(event.what);
        }
        let held = if is_kept {
            vec![What::HeldElsewhere]
        } else {
            vec![]
        };
        assert_eq!(told, held, "nothing was unplugged, no card was taken out");
    }
}

#[tokio::test]
async fn a_reader_whose_state_is_not_known_is_not_waited_for_in_vain() {
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

/// The number by which the configuration names it goes by the order of plugging: that is said wherever somebody looks.
#[tokio::test]
async fn a_reader_that_only_a_number_tells_from_another_is_warned_of() {
    let program = program::Program::plugged().await;
    until(program.hub(), card::NAME, |reader| {
        reader.state == DeviceState::Ready
    })
    .await;
    let look = async || {
        let (_, checks) = program.hub().check(card::NAME).await.expect("a reader");
        let reader = checks.into_iter().find(|check| check.name == "reader");
        let (_, why) = program.hub().why(card::NAME).await.expect("a reader");
        (reader.expect("it is looked at"), why.looked)
    };
    let (alone, why) = look().await;
    assert_eq!(alone.verdict, Verdict::Fine, "{alone:?}");
    assert!(!why.en.contains("may change"), "{why:?}");
    for (has_twin, verdict) in [(true, Verdict::Care), (false, Verdict::Fine)] {
        program.has_twin(has_twin);
        let latest = Instant::now() + PATIENCE;
        let (told, why) = loop {
            let (told, why) = look().await;
            if told.verdict == verdict {
                break (told, why);
            }
            assert!(Instant::now() < latest, "{told:?}");
            tokio::task::yield_now().await;
        };
        let says = "only a number of pcscd, which may change, tells it from Reader 01 00";
        for (en, zh) in [(told.en, told.zh), (why.en, why.zh)] {
            assert_eq!(en.contains(says), has_twin, "{en}");
            assert_eq!(zh.contains("可能互换"), has_twin, "{zh}");
        }
    }
    // It is used all the same: whoever set it up has been told.
    program.has_twin(true);
    program.insert(Who::One, Fault::Nothing);
    let mut lease = card::claim(&program).await;
    let deadline = Instant::now() + PATIENCE;
    lease
        .arm(&[Medium::SocialCard], deadline)
        .await
        .expect("it reads");
    let read = timeout(PATIENCE, lease.read()).await.expect("soon");
    assert_eq!(read.expect("it is read").name.expose(), Who::One.name());
}
