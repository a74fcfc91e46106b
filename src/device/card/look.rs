//! Looking at a reader itself on request: what it answers, or what the card service says of it.

use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::CardReader;
use crate::book::Code;
use crate::device::error::DeviceError;

/// Who looks waits so long at most.
const LOOK_MS_MAX: u64 = 3_000;
/// Looks that may wait for one reader.
const LOOKS_MAX: usize = 4;

/// What a reader was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It answered a question about itself that was put for this look.
    Answered {
        /// After so long.
        ms: u128,
    },
    /// It is at work for somebody: nothing was asked in between.
    AtWork {
        /// How long ago it answered last; none: that is not known.
        answered_ms: Option<u128>,
    },
    /// So the card service says.
    Listed {
        /// Its whole name there.
        name: String,
        /// What lies in it.
        card: Card,
        /// How often a card came or went, by the card service.
        changes: u32,
        /// Readers that only a number of the card service tells from it.
        twins: Vec<String>,
    },
}

/// What lies in a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Card {
    /// Nothing.
    None,
    /// A card that answers to reset.
    Answers,
    /// A card that does not.
    Mute,
}

/// Where a look is answered.
pub(crate) type Reply = oneshot::Sender<Result<Seen, DeviceError>>;

/// The hub's end, and the owner's.
pub(super) fn pair() -> (mpsc::Sender<Reply>, Looks) {
    let (asks, looks) = mpsc::channel(LOOKS_MAX);
    (asks, Looks(Mutex::new(looks)))
}

/// Who wants to look.
pub(crate) struct Looks(Mutex<mpsc::Receiver<Reply>>);

impl Looks {
    /// The next who waits yet. Dropping the future loses nobody.
    pub(super) async fn next(&self) -> Reply {
        let mut looks = self.0.lock().await;
        loop {
            match looks.recv().await {
                Some(reply) if reply.is_closed() => {}
                Some(reply) => return reply,
                // The hub is gone, and with it the orders: whoever waits here is told so there.
                None => std::future::pending().await,
            }
        }
    }
}

impl CardReader {
    /// Looks; never disturbs a reading.
    ///
    /// # Errors
    /// Why it cannot be used, or that its owner does not answer.
    pub(crate) async fn look(&self) -> Result<Seen, DeviceError> {
        self.is_usable()?;
        let (reply, answer) = oneshot::channel();
        let is_asked = self.looks.try_send(reply).is_ok();
        let wait = Duration::from_millis(LOOK_MS_MAX);
        if is_asked && let Ok(Ok(seen)) = timeout(wait, answer).await {
            return seen;
        }
        self.is_usable()?;
        if self.queue.holder().0.is_some() {
            let answered_ms = None;
            return Ok(Seen::AtWork { answered_ms });
        }
        let silent = format!("{}: no answer in {LOOK_MS_MAX} ms", self.board.name());
        Err(DeviceError::new(Code::CardReaderSilent, silent))
    }

    fn is_usable(&self) -> Result<(), DeviceError> {
        let presence = *self.presence.borrow();
        presence.map_err(|code| {
            DeviceError::new(code, format!("{}: cannot be used", self.board.name()))
        })
    }
}

/// The readers among `names` that are told from this one by the number that the card service gave them in the order of
/// plugging, and by nothing else: unplugged and plugged again they may change places.
pub(crate) fn twins<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let own = split(name);
    let is_twin = |other: &&str| match (own, split(other)) {
        (Some((name, number, slot)), Some((its_name, its_number, its_slot))) => {
            name == its_name && slot == its_slot && number != its_number
        }
        _ => false,
    };
    names.filter(is_twin).map(str::to_owned).collect()
}

/// Name, number and slot: pcscd writes `NAME [INTERFACE] (SERIAL) 00 01`.
fn split(name: &str) -> Option<(&str, &str, &str)> {
    let two_digits = |it: &str| it.len() == 2 && it.bytes().all(|b| b.is_ascii_hexdigit());
    let (rest, slot) = name.rsplit_once(' ')?;
    let (rest, number) = rest.rsplit_once(' ')?;
    (two_digits(slot) && two_digits(number)).then_some((rest, number, slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_that_only_a_number_tells_apart_are_twins() {
        let of = |name: &str, others: &[&str]| twins(name, others.iter().copied());
        let two = ["ACME CR 00 00", "ACME CR 01 00"];
        assert_eq!(of(two[0], &two), ["ACME CR 01 00"]);
        assert_eq!(of(two[1], &two), ["ACME CR 00 00"]);
        // Two slots of one reader, another maker's, and two that have serial numbers.
        for other in [
            "ACME CR 00 01",
            "ACME CR2 01 00",
            "ACME CR (1234) 01 00",
            "ACME CR 01 01",
        ] {
            assert_eq!(of(two[0], &[two[0], other]), [""; 0], "{other}");
        }
        let told_apart = ["ACME CR [CCID] (0001) 00 00", "ACME CR [CCID] (0002) 01 00"];
        assert_eq!(of(told_apart[0], &told_apart), [""; 0]);
        assert_eq!(of("odd", &["odd", "00 00"]), [""; 0]);
    }
}
