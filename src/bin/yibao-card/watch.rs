//! Follows the readers: the state first, then each change.

use std::ffi::CString;
use std::time::Duration;

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};
use yibaod::device::card::frame::{Bytes, Fault, Seen, Told};

use crate::fault;
use crate::voice::Voice;

/// A change that was not told is found so late at most.
const LOOK_AGAIN_MS: u64 = 1_000;
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
            | Fault::Garbled => Fault::NoService,
        };
        tell(Told::Trouble { fault });
        std::thread::sleep(Duration::from_millis(PAUSE_MS));
    }
}

/// Follows them while pcscd lives; why it ended.
fn follow(context: &Context, tell: &mut impl FnMut(Told)) -> Error {
    let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
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
            tell(readers(&states));
        }
        match context.get_status_change(Duration::from_millis(LOOK_AGAIN_MS), &mut states) {
            Ok(()) => states.iter_mut().for_each(ReaderState::sync_current_state),
            Err(Error::Timeout | Error::UnknownReader | Error::NoReadersAvailable) => {}
            Err(error) => return error,
        }
    }
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

fn readers(states: &[ReaderState]) -> Told {
    let seen = states.iter().skip(1).map(|state| {
        let now = state.current_state();
        let has_card = now.contains(State::PRESENT) && !now.contains(State::MUTE);
        Seen {
            name: state.name().to_string_lossy().into_owned(),
            changes: state.event_count(),
            atr: has_card.then(|| Bytes::new(state.atr())),
            is_mute: now.contains(State::MUTE),
        }
    });
    Told::Readers {
        readers: seen.collect(),
    }
}
