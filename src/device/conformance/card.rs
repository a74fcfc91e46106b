//! What every card reader's driver must do.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Check, Driver, checks, in_time, rounds};
use crate::book::Code;
use crate::device::event::{Watched, What};
use crate::device::far_end::{PATIENCE, until};
use crate::device::{
    Asker, CardLease, DeviceError, DeviceState, Hub, Medium, ROLE_CARD, ShownCard,
};

/// What the reader is called.
pub(in crate::device) const NAME: &str = "reader";
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(2);
/// A wait that nobody ends.
const SHORT: Duration = Duration::from_millis(400);
/// A reading that fails takes no longer than this, a document that is laid down slowly included.
const FAILING: Duration = Duration::from_secs(4);
/// A question whose asker went away is not waited for longer by the next one.
const LEFT: Duration = Duration::from_secs(1);
/// What a line must notice of its own cable, and a queue of its holder.
const NOTICED: Duration = Duration::ZERO;

/// Whose card it is. Nobody's: both are invented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::device) enum Who {
    One,
    Other,
}

impl Who {
    pub(in crate::device) fn name(self) -> &'static str {
        match self {
            Self::One => "欧阳虚构",
            Self::Other => "沈虚构",
        }
    }

    pub(in crate::device) fn certno(self) -> &'static str {
        match self {
            Self::One => "110101190001011009",
            Self::Other => "110101190001011025",
        }
    }

    pub(in crate::device) fn card_no(self) -> &'static str {
        match self {
            Self::One => "Z90000011",
            Self::Other => "Z90000029",
        }
    }

    /// Whether all that was read is this person's.
    fn has(self, shown: &ShownCard) -> bool {
        let is_holder =
            shown.name.expose() == self.name() && shown.certno.expose() == self.certno();
        is_holder
            && match shown.medium {
                Medium::SocialCard => shown.card_no.expose() == self.card_no(),
                Medium::ResidentId => shown.card_no.is_empty(),
            }
    }
}

/// What goes wrong with a card, at the command of its reading of this number, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::device) enum Fault {
    Nothing,
    /// It is pulled before it answers.
    PulledAt(u32),
    /// It is pulled before it answers and this one is in its place; the reader tells nobody.
    SwappedAt(u32, Who),
    /// From there on it answers so.
    GarbageFrom(u32, Garbage),
    /// From there on it says nothing.
    MuteFrom(u32),
}

/// What is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::device) enum Garbage {
    Bytes(&'static [u8]),
    /// The answer with a wrong check.
    WrongCheck,
    /// Half the answer.
    Half,
}

/// A reader at the far end of a line, and what lies in it.
pub(in crate::device) trait Far: Sized + 'static {
    const DRIVER: Driver;
    const MEDIUM: Medium;
    const OTHER_MEDIUM: Medium;
    /// Whether cards are seen while nobody is armed.
    const IS_WATCHED: bool;
    /// Commands of one reading.
    const COMMANDS: u32;
    /// A card that is pulled before this command was never seen.
    const SEEN_AT: u32;
    /// The last one: of a card that was found.
    const GARBAGE: &'static [(u32, Garbage)];
    const MUTE: &'static [u32];

    /// Plugged in and empty, owned by a hub that calls it [`NAME`] and has it as [`ROLE_CARD`].
    async fn plugged() -> Self;
    fn hub(&self) -> &Hub;
    /// A card is put in; one that is there is pulled before.
    fn insert(&self, who: Who, fault: Fault);
    fn pull(&self);
    /// Commands that a mute card did not answer.
    fn unanswered(&self) -> u32;
    fn unplug(&mut self);
    fn plug(&mut self);
}

/// Every check of this driver.
pub(in crate::device) async fn all_hold<F: Far>() {
    let checks: Vec<Check> = checks![F:
        a_card_that_lies_there_is_read,
        a_card_that_is_put_in_is_read,
        nobody_shows_a_card,
        who_lets_go_holds_nobody_up,
        a_card_pulled_at_any_command_is_told,
        two_cards_are_never_read_as_one,
        garbage_is_told_and_forgotten,
        a_mute_card_costs_its_deadline_only,
        who_goes_away_from_a_mute_card_frees_the_reader,
        a_card_that_could_not_be_read_is_left_alone,
        what_was_not_asked_for_is_not_read,
        unplugged_while_armed_and_back_again,
    ];
    super::all_hold(&F::DRIVER, checks).await;
}

async fn a_card_that_lies_there_is_read<F: Far>() {
    let far = F::plugged().await;
    far.insert(Who::One, Fault::Nothing);
    reads(&far, Who::One).await;
    let counters = far.hub().list()[0].counters;
    assert_eq!((counters.cards, counters.cards_failed), (1, 0));
}

async fn a_card_that_is_put_in_is_read<F: Far>() {
    let far = F::plugged().await;
    let mut lease = claim(&far).await;
    for who in [Who::One, Who::Other] {
        arm(&mut lease, F::MEDIUM, PATIENCE).await;
        far.insert(who, Fault::Nothing);
        let shown = in_time(PATIENCE, lease.read()).await.unwrap();
        assert!(who.has(&shown), "{who:?}");
        assert_eq!(shown.medium, F::MEDIUM);
    }
}

async fn nobody_shows_a_card<F: Far>() {
    let far = F::plugged().await;
    assert_eq!(refusal(&far, SHORT).await, Code::NobodyShowedCard);
}

async fn who_lets_go_holds_nobody_up<F: Far>() {
    let far = F::plugged().await;
    let mut lease = claim(&far).await;
    arm(&mut lease, F::MEDIUM, PATIENCE).await;
    drop(lease);
    let mut next = in_time(NOTICED, claim(&far)).await;
    arm(&mut next, F::MEDIUM, PATIENCE).await;
    far.insert(Who::One, Fault::Nothing);
    let shown = in_time(PATIENCE, next.read()).await.unwrap();
    assert!(Who::One.has(&shown));
}

async fn a_card_pulled_at_any_command_is_told<F: Far>() {
    let far = F::plugged().await;
    for at in F::SEEN_AT..=F::COMMANDS {
        put_in(&far, Who::One, Fault::PulledAt(at)).await;
        assert_eq!(refusal(&far, FAILING).await, Code::CardPulled, "at {at}");
    }
    // The faults above met every command.
    put_in(&far, Who::One, Fault::PulledAt(F::COMMANDS + 1)).await;
    reads(&far, Who::One).await;
    put_in(&far, Who::Other, Fault::Nothing).await;
    reads(&far, Who::Other).await;
}

async fn two_cards_are_never_read_as_one<F: Far>() {
    let far = F::plugged().await;
    for at in 1..=F::COMMANDS {
        put_in(&far, Who::One, Fault::SwappedAt(at, Who::Other)).await;
        match show(&far, F::MEDIUM, FAILING).await {
            Ok(shown) => assert!(Who::Other.has(&shown) || Who::One.has(&shown), "at {at}"),
            Err(code) => assert_eq!(code, Code::CardPulled, "at {at}"),
        }
        put_in(&far, Who::Other, Fault::Nothing).await;
        reads(&far, Who::Other).await;
    }
}

async fn garbage_is_told_and_forgotten<F: Far>() {
    let far = F::plugged().await;
    for (at, garbage) in F::GARBAGE {
        put_in(&far, Who::One, Fault::GarbageFrom(*at, *garbage)).await;
        let code = refusal(&far, FAILING).await;
        assert_eq!(code, Code::CardUnreadable, "{garbage:?} from {at}");
        put_in(&far, Who::Other, Fault::Nothing).await;
        reads(&far, Who::Other).await;
    }
}

async fn a_mute_card_costs_its_deadline_only<F: Far>() {
    let far = F::plugged().await;
    for at in F::MUTE {
        put_in(&far, Who::One, Fault::MuteFrom(*at)).await;
        let code = refusal(&far, 2 * SHORT).await;
        assert_eq!(code, Code::CardReaderSilent, "from {at}");
        put_in(&far, Who::Other, Fault::Nothing).await;
        reads(&far, Who::Other).await;
    }
}

async fn who_goes_away_from_a_mute_card_frees_the_reader<F: Far>() {
    let far = F::plugged().await;
    put_in(&far, Who::One, Fault::MuteFrom(F::MUTE[1])).await;
    let mut lease = claim(&far).await;
    let mut events = far.hub().watch(None);
    arm(&mut lease, F::MEDIUM, PATIENCE).await;
    in_time(PATIENCE, async {
        while far.unanswered() == 0 {
            sleep(GLANCE).await;
        }
    })
    .await;
    drop(lease);
    put_in(&far, Who::Other, Fault::Nothing).await;
    in_time(LEFT, reads(&far, Who::Other)).await;
    while let Some(told) = events.try_next() {
        let Watched::Event(event) = told else {
            panic!("few events")
        };
        assert_ne!(event.what, What::Unplugged, "its reader is where it was");
    }
}

async fn a_card_that_could_not_be_read_is_left_alone<F: Far>() {
    let far = F::plugged().await;
    let mut lease = claim(&far).await;
    let (at, garbage) = F::GARBAGE[F::GARBAGE.len() - 1];
    put_in(&far, Who::One, Fault::GarbageFrom(at, garbage)).await;
    arm(&mut lease, F::MEDIUM, FAILING).await;
    let refused = in_time(FAILING, lease.read()).await.unwrap_err();
    assert_eq!(refused.error().code, Code::CardUnreadable);
    arm(&mut lease, F::MEDIUM, SHORT).await;
    let refused = in_time(SHORT, lease.read()).await.unwrap_err();
    assert_eq!(refused.error().code, Code::NobodyShowedCard);
    // Another one is another one.
    arm(&mut lease, F::MEDIUM, PATIENCE).await;
    far.pull();
    has_card(&far, false).await;
    far.insert(Who::Other, Fault::Nothing);
    let shown = in_time(PATIENCE, lease.read()).await.unwrap();
    assert!(Who::Other.has(&shown));
}

async fn what_was_not_asked_for_is_not_read<F: Far>() {
    let far = F::plugged().await;
    far.insert(Who::One, Fault::Nothing);
    let other = show(&far, F::OTHER_MEDIUM, PATIENCE).await;
    assert_eq!(other.unwrap_err(), Code::CardOfOtherKind);
    assert_eq!(far.hub().list()[0].counters.cards, 0);
    reads(&far, Who::One).await;
}

async fn unplugged_while_armed_and_back_again<F: Far>() {
    let mut far = F::plugged().await;
    for _ in 0..rounds() {
        let mut lease = claim(&far).await;
        arm(&mut lease, F::MEDIUM, PATIENCE).await;
        far.unplug();
        let told = in_time(NOTICED, lease.read()).await.unwrap_err();
        assert_eq!(told.error().code, Code::CardReaderUnplugged);
        drop(lease);
        until(far.hub(), NAME, |it| it.state == DeviceState::Missing).await;
        let claimed = in_time(SHORT, claim_within(&far, SHORT)).await;
        let code = claimed.err().expect("it is away").code;
        let says_so = [Code::CardReaderMissing, Code::CardReaderUnplugged];
        assert!(says_so.contains(&code), "{code:?}");
        far.plug();
        far.insert(Who::One, Fault::Nothing);
        reads(&far, Who::One).await;
        take_out(&far).await;
    }
}

/// Puts a card in, another one than was there.
async fn put_in<F: Far>(far: &F, who: Who, fault: Fault) {
    take_out(far).await;
    far.insert(who, fault);
    if F::IS_WATCHED {
        has_card(far, true).await;
    }
}

async fn take_out<F: Far>(far: &F) {
    far.pull();
    if F::IS_WATCHED {
        has_card(far, false).await;
    }
}

async fn has_card<F: Far>(far: &F, wanted: bool) {
    until(far.hub(), NAME, |reader| reader.has_card == wanted).await;
}

/// The card that lies there is this one.
async fn reads<F: Far>(far: &F, who: Who) {
    let shown = show(far, F::MEDIUM, PATIENCE).await;
    assert!(who.has(&shown.unwrap()), "{who:?}");
}

/// Why no card is read.
async fn refusal<F: Far>(far: &F, deadline: Duration) -> Code {
    show(far, F::MEDIUM, deadline).await.unwrap_err()
}

/// What comes of one asker. The reader is waited for before the deadline begins.
async fn show<F: Far>(far: &F, wanted: Medium, deadline: Duration) -> Result<ShownCard, Code> {
    let mut lease = claim(far).await;
    arm(&mut lease, wanted, deadline).await;
    let read = in_time(deadline, lease.read()).await;
    read.map_err(|failure| failure.error().code)
}

pub(in crate::device) async fn claim<F: Far>(far: &F) -> CardLease {
    claim_within(far, PATIENCE).await.unwrap()
}

async fn claim_within<F: Far>(far: &F, deadline: Duration) -> Result<CardLease, DeviceError> {
    let asker = Asker {
        stream: "checks".into(),
        what: "test".into(),
        by: String::new(),
    };
    let (latest, place) = (Instant::now() + deadline, watch::Sender::new(0));
    let (hub, wanted) = (far.hub(), [F::MEDIUM]);
    hub.claim_card(Some(ROLE_CARD), &wanted, asker, latest, place)
        .await
}

async fn arm(lease: &mut CardLease, wanted: Medium, deadline: Duration) {
    let latest = Instant::now() + deadline;
    lease.arm(&[wanted], latest).await.unwrap();
}
