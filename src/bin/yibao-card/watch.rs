//! Follows the readers: the state first, then each change.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::time::{Duration, Instant};

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};
use yibaod::device::card::frame::{Bytes, Fault, Seen, Told};

use crate::fault;
use crate::voice::Voice;

/// A change that was not told is found so late at most.
const LOOK_AGAIN_MS: u64 = 1_000;
/// A state that pcscd does not know for so long is no passing one: a reader that comes up has none at first.
const UNKNOWN_MS_MIN: u64 = 1_500;
/// How often a reader whose state is not known is asked about.
const UNKNOWN_LOOK_MS: u64 = 50;
/// How long to wait before pcscd is tried again.
const PAUSE_MS: u64 = 250;

/// Follows the readers for ever.
pub(crate) fn watch(voice: &Voice) {
    let mut told = None;
    let mut tell = |message: Told| {
        if told.as_ref() != Some(&message) {
            voice.tell(&message);
            told = Some(message);
        }
    };
    loop {
        let ended = match Context::establish(Scope::System) {
            Ok(context) => follow(&context, &mut tell),
            Err(error) => error,
        };
        let fault = match fault::of(ended) {
            Fault::Forbidden => Fault::Forbidden,
            Fault::NoService
            | Fault::NoReader
            | Fault::NoCard
            | Fault::Removed
            | Fault::Busy
            | Fault::Mute
            | Fault::NoKeypad
            | Fault::Garbled => Fault::NoService,
        };
        tell(Told::Trouble { fault });
        std::thread::sleep(Duration::from_millis(PAUSE_MS));
    }
}

/// Follows them while pcscd lives; why it ended.
fn follow(context: &Context, tell: &mut impl FnMut(Told)) -> Error {
    let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
    let mut unknown = Unknown::default();
    loop {
        let names = match context.list_readers_owned() {
            Ok(names) => names,
            Err(Error::NoReadersAvailable) => Vec::new(),
            Err(error) => return error,
        };
        take_over(&mut states, names);
        let is_new = |state: &&ReaderState| state.current_state() == State::UNAWARE;
        // A reader that was not asked about yet is not told of yet.
        if !states.iter().skip(1).any(|state| is_new(&state)) {
            tell(readers(&states, &mut unknown, Instant::now()));
        }
        let is_doubtful = ask_anew(&mut states);
        match context.get_status_change(Duration::from_millis(LOOK_AGAIN_MS), &mut states) {
            Ok(()) => states.iter_mut().for_each(ReaderState::sync_current_state),
            Err(Error::Timeout | Error::UnknownReader | Error::NoReadersAvailable) => {}
            Err(error) => return error,
        }
        if is_doubtful {
            std::thread::sleep(Duration::from_millis(UNKNOWN_LOOK_MS));
        }
    }
}

/// Has pcscd tell the states that are not known as if they had never been asked about; whether there are any.
///
/// libpcsclite calls it no change when a reader that comes up, and had neither card nor slot a moment ago, has one:
/// it would wait for ever.
fn ask_anew(states: &mut [ReaderState]) -> bool {
    let mut is_any = false;
    for state in states.iter_mut().skip(1) {
        if !is_known(state.current_state()) {
            is_any |= state.current_state() != State::UNAWARE;
            *state = ReaderState::new(state.name(), State::UNAWARE);
        }
    }
    is_any
}

/// Whether pcscd knows what is in a reader.
fn is_known(state: State) -> bool {
    state.intersects(State::PRESENT | State::EMPTY)
}

/// Forgets readers that are gone and takes in those that came. The first state is that of the list itself.
fn take_over(states: &mut Vec<ReaderState>, names: Vec<CString>) {
    let mut index = 0;
    states.retain(|state| {
        index += 1;
        index == 1 || names.iter().any(|name| name.as_c_str() == state.name())
    });
    for name in names {
        if !states.iter().any(|state| state.name() == name.as_c_str()) {
            states.push(ReaderState::new(name, State::UNAWARE));
        }
    }
}

/// Since when the states of readers are not known.
#[derive(Default)]
struct Unknown(BTreeMap<String, Instant>);

impl Unknown {
    /// Whether this one's is not known for longer than a moment.
    fn lasts(&mut self, reader: &str, state: State, now: Instant) -> bool {
        if is_known(state) {
            self.0.remove(reader);
            return false;
        }
        let since = *self.0.entry(reader.to_owned()).or_insert(now);
        now.duration_since(since) >= Duration::from_millis(UNKNOWN_MS_MIN)
    }

    /// Forgets readers that are gone.
    fn keep(&mut self, names: &[String]) {
        self.0.retain(|reader, _| names.contains(reader));
    }
}

fn readers(states: &[ReaderState], unknown: &mut Unknown, at: Instant) -> Told {
    let name = |state: &ReaderState| state.name().to_string_lossy().into_owned();
    let names: Vec<String> = states.iter().skip(1).map(name).collect();
    unknown.keep(&names);
    let seen = states.iter().skip(1).zip(names).map(|(state, name)| {
        let now = state.current_state();
        let has_card = now.contains(State::PRESENT) && !now.contains(State::MUTE);
        Seen {
            is_unknown: unknown.lasts(&name, now, at),
            name,
            changes: state.event_count(),
            atr: has_card.then(|| Bytes::new(state.atr())),
            is_mute: now.contains(State::MUTE),
        }
    });
    Told::Readers {
        readers: seen.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_for_a_moment_is_not_told() {
        let mut unknown = Unknown::default();
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        let mut lasts = |state, ms| unknown.lasts("r", state, after(ms));
        assert!(!lasts(State::EMPTY, 0));
        assert!(!lasts(State::UNAVAILABLE, 100));
        assert!(!lasts(State::UNKNOWN, 1_599));
        assert!(lasts(State::UNKNOWN, 1_600));
        // Known in between: the time begins anew.
        assert!(!lasts(State::PRESENT | State::INUSE, 1_700));
        assert!(!lasts(State::UNAVAILABLE, 1_800));
        assert!(!lasts(State::PRESENT | State::MUTE, 9_000));
        assert!(!lasts(State::UNAVAILABLE, 9_100));
        unknown.keep(&[]);
        assert!(!unknown.lasts("r", State::UNAVAILABLE, after(99_000)));
    }
}
