//! Exclusive use of one card at a time, from Begin to End.

use std::ffi::CString;
use std::sync::mpsc::Receiver;

use pcsc::{Card, Context, Disposition, Error, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode};
use yibaod::device::card::frame::{Ask, Bytes, Fault, Told};
use zeroize::Zeroizing;

use crate::fault;
use crate::keypad;
use crate::voice::Voice;

/// Serves what is asked until nobody asks any more.
pub(crate) fn use_cards(inbox: &Receiver<Ask>, voice: &Voice) {
    let mut context = None;
    while let Ok(ask) = inbox.recv() {
        match ask {
            Ask::Begin { id, reader } => {
                if let Err((id, error)) = use_card(&mut context, id, &reader, inbox, voice) {
                    if fault::ends_context(error) {
                        context = None;
                    }
                    let fault = fault::of(error);
                    voice.tell(&Told::Failed { id, fault });
                }
            }
            // What it belonged to is over; its asker was told.
            Ask::Apdu { id, .. } | Ask::Pin { id, .. } => voice.tell(&Told::Failed {
                id,
                fault: Fault::Removed,
            }),
            Ask::End { id } => voice.tell(&Told::Ended { id }),
        }
    }
}

type Failed = (u64, Error);

fn use_card(
    context: &mut Option<Context>,
    id: u64,
    reader: &str,
    inbox: &Receiver<Ask>,
    voice: &Voice,
) -> Result<(), Failed> {
    let mut card = connect(context, reader).map_err(|error| (id, error))?;
    let used = exclusively(&mut card, id, inbox, voice);
    // Dropping it alone would reset the card under other programs that use it too. One that was pulled needs neither.
    drop(card.disconnect(Disposition::LeaveCard));
    used
}

fn exclusively(
    card: &mut Card,
    id: u64,
    inbox: &Receiver<Ask>,
    voice: &Voice,
) -> Result<(), Failed> {
    let transaction = card.transaction().map_err(|error| (id, error))?;
    voice.tell(&Told::Begun { id });
    let mut buffer = Zeroizing::new([0; MAX_BUFFER_SIZE]);
    while let Ok(ask) = inbox.recv() {
        match ask {
            Ask::Apdu { id, command } => {
                let reply = transaction
                    .transmit(command.expose(), buffer.as_mut_slice())
                    .map_err(|error| (id, error))?;
                let reply = Bytes::new(reply);
                voice.tell(&Told::Reply { id, reply });
            }
            Ask::Pin { id, entry } => {
                let Some(way) = keypad::way(&transaction) else {
                    let fault = Fault::NoKeypad;
                    voice.tell(&Told::Failed { id, fault });
                    return Ok(());
                };
                let reply = transaction
                    .control(way, entry.expose(), buffer.as_mut_slice())
                    .map_err(|error| (id, error))?;
                let reply = Bytes::new(reply);
                voice.tell(&Told::Reply { id, reply });
            }
            Ask::End { id } => {
                transaction
                    .end(Disposition::LeaveCard)
                    .map_err(|(_, error)| (id, error))?;
                voice.tell(&Told::Ended { id });
                return Ok(());
            }
            Ask::Begin { id, .. } => return Err((id, Error::SharingViolation)),
        }
    }
    Ok(())
}

/// A pcscd that was started anew knows no connection of the one before: it is made again, once.
fn connect(context: &mut Option<Context>, reader: &str) -> Result<Card, Error> {
    let name = CString::new(reader).map_err(|_| Error::UnknownReader)?;
    for is_last in [context.is_none(), true] {
        let usable = match context.take() {
            Some(context) => context,
            None => Context::establish(Scope::User)?,
        };
        let connected = usable.connect(&name, ShareMode::Shared, Protocols::ANY);
        match connected {
            Err(error) if fault::ends_context(error) && !is_last => {}
            Err(error) => {
                *context = (!fault::ends_context(error)).then_some(usable);
                return Err(error);
            }
            Ok(card) => {
                *context = Some(usable);
                return Ok(card);
            }
        }
    }
    Err(Error::NoService)
}
