//! 社会保障卡: which files are read, in which order, and what their records mean.
//!
//! SELECT 社会保障系统环境 by name, SELECT EF05 (发卡机构数据) and EF06 (持卡人基本信息), READ RECORD. Both files can
//! be read without a PIN, on most cards; one that wants it is given it by the reader's keypad, once. A record answers its
//! identifier, its length and its value. It must not know how commands reach the card. Source: 《社会保障卡规范》 LD/T 32, file structure and data items (人社信息函〔2012〕37号).

use std::future::Future;

use super::fields;
use super::frame::Bytes;
use super::kinds::{Layout, Records};
use super::pin;
use super::shown::{Medium, ShownCard};
use super::trouble::Failure;
use crate::book::Code;
use crate::config::keypad::When;
use crate::person::CardNo;

/// The name of 社会保障系统环境, `sx1.sh.社会保障` in GBK.
const SSSE: [u8; 15] = *b"sx1.sh.\xc9\xe7\xbb\xe1\xb1\xa3\xd5\xcf";
/// 发卡机构数据文件.
const ISSUER_FILE: [u8; 2] = [0xef, 0x05];
/// 持卡人基本信息文件.
const HOLDER_FILE: [u8; 2] = [0xef, 0x06];
/// Security status not satisfied.
const WANTS_PIN: u16 = 0x6982;
/// Answers that a card may give in parts, for one command.
const PARTS_MAX: usize = 4;

/// A record: its identifier and its place in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    tag: u8,
    number: u8,
}

const fn record(tag: u8, number: u8) -> Record {
    Record { tag, number }
}

const CARD_SN: Record = record(0x01, 1);
const VERSION: Record = record(0x03, 3);
const VALID_FROM: Record = record(0x05, 5);
const VALID_UNTIL: Record = record(0x06, 6);
const CARD_NO: Record = record(0x07, 7);
const CERTNO: Record = record(0x08, 1);
const NAME: Record = record(0x09, 2);
/// What of a long name does not fit; cards of version 1 have no such record.
const NAME_REST: Record = record(0x4e, 3);

/// A way to a card that nobody else uses meanwhile.
pub(crate) trait Exchange {
    /// Sends a command; the card's answer with its status word.
    fn exchange(&mut self, command: &[u8]) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// When the PIN is entered on the reader's keypad; `None`: it has none that is to be used.
    fn pin_when(&self) -> Option<When>;

    /// Has the PIN entered there and given to the card; the card's status word.
    fn enter_pin(&mut self) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// Reads the basic files.
pub(crate) async fn read<E: Exchange + Send>(
    card: &mut E,
    kind: &'static str,
    layout: Layout,
    atr: &[u8],
) -> Result<ShownCard, Failure> {
    let mut reading = Reading {
        card,
        layout,
        is_verified: false,
    };
    reading.select(0x04, &SSSE, Code::CardUnknownKind).await?;
    if reading.card.pin_when() == Some(When::Always) {
        reading.verify().await?;
    }
    reading.select_file(ISSUER_FILE).await?;
    let card_sn = fields::card_sn(&reading.need(CARD_SN).await?)?;
    let version = fields::plain(&reading.may(VERSION).await?)?;
    let valid_from = fields::day(&reading.may(VALID_FROM).await?)?;
    let valid_until = fields::day(&reading.may(VALID_UNTIL).await?)?;
    let card_no = fields::card_no(&reading.need(CARD_NO).await?)?;
    reading.select_file(HOLDER_FILE).await?;
    let certno = fields::certno(&reading.need(CERTNO).await?)?;
    let first = reading.need(NAME).await?;
    let rest = reading.name_rest(&version).await?;
    let name = fields::name(&first, &rest)?;
    // A card that took the place of this one between two commands unnoticed is another one at the end.
    if !reading.is_still(&card_sn).await? {
        return Err(Failure::card(
            Code::CardPulled,
            "another card answers at the end",
        ));
    }
    Ok(ShownCard {
        medium: Medium::SocialCard,
        kind,
        name,
        certno,
        card_no,
        region: fields::region(&card_sn),
        card_sn,
        version,
        valid_from,
        valid_until,
        resident: None,
        atr: atr.to_vec(),
    })
}

struct Reading<'a, E> {
    card: &'a mut E,
    layout: Layout,
    /// The PIN was entered; it is asked for once.
    is_verified: bool,
}

impl<E: Exchange + Send> Reading<'_, E> {
    async fn select_file(&mut self, file: [u8; 2]) -> Result<(), Failure> {
        let p1 = self.layout.select_file_p1;
        self.select(p1, &file, Code::CardUnreadable).await
    }

    /// `absent` is what it means when the card has no such thing.
    async fn select(&mut self, p1: u8, name: &[u8], absent: Code) -> Result<(), Failure> {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let mut command = vec![0x00, 0xa4, p1, 0x00, length];
        command.extend_from_slice(name);
        let answer = self.command(&command).await?;
        match answer.word {
            0x9000 => Ok(()),
            // Not found, or a command that such a card does not know.
            0x6a82 | 0x6a81 | 0x6a86 | 0x6d00 | 0x6e00 => {
                let found = format!("SELECT answers {:04X}", answer.word);
                Err(Failure::card(absent, found))
            }
            word => Err(refused("SELECT", word)),
        }
    }

    async fn need(&mut self, record: Record) -> Result<Bytes, Failure> {
        let read = self.record(record).await?;
        read.ok_or_else(|| {
            let absent = format!("record {:02X} is not there", record.tag);
            Failure::card(Code::CardUnreadable, absent)
        })
    }

    async fn may(&mut self, record: Record) -> Result<Bytes, Failure> {
        Ok(self.record(record).await?.unwrap_or_default())
    }

    /// Whether the card that answers has this 卡识别码. Whatever keeps it from saying so, it is not known to be.
    async fn is_still(&mut self, card_sn: &CardNo) -> Result<bool, Failure> {
        let again = async {
            self.select_file(ISSUER_FILE).await?;
            fields::card_sn(&self.need(CARD_SN).await?)
        };
        match again.await {
            Ok(again) => Ok(again == *card_sn),
            Err(Failure::Card(_)) => Ok(false),
            Err(lost @ (Failure::Reader(_) | Failure::Way(_))) => Err(lost),
        }
    }

    /// Where records are told by their place only, version 1 has another one in the place of the name's rest.
    async fn name_rest(&mut self, version: &str) -> Result<Bytes, Failure> {
        if self.layout.records == Records::ByNumber && version.starts_with('1') {
            return Ok(Bytes::default());
        }
        self.may(NAME_REST).await
    }

    /// The value of a record; `None`: the card has none.
    async fn record(&mut self, record: Record) -> Result<Option<Bytes>, Failure> {
        let (p1, p2) = match self.layout.records {
            Records::ByTag => (record.tag, 0x00),
            Records::ByNumber => (record.number, 0x04),
        };
        let command = [0x00, 0xb2, p1, p2, 0x00];
        let mut answer = self.command(&command).await?;
        if answer.word == WANTS_PIN && self.card.pin_when().is_some() && !self.is_verified {
            self.verify().await?;
            answer = self.command(&command).await?;
        }
        match answer.word {
            0x9000 => {}
            0x6a83 | 0x6a82 | 0x6a88 => return Ok(None),
            word => return Err(refused("READ RECORD", word)),
        }
        match answer.data.expose() {
            [tag, length, value @ ..]
                if *tag == record.tag && usize::from(*length) == value.len() =>
            {
                Ok(Some(Bytes::new(value)))
            }
            other => {
                let odd = format!("record {:02X} of {} bytes is none", record.tag, other.len());
                Err(Failure::card(Code::CardUnreadable, odd))
            }
        }
    }

    async fn verify(&mut self) -> Result<(), Failure> {
        self.is_verified = true;
        pin::judge(Answer::split(self.card.enter_pin().await?)?.word)
    }

    /// Sends a command. A card that says how long its answer is, is asked for just that.
    async fn command(&mut self, command: &[u8]) -> Result<Answer, Failure> {
        let mut answer = Answer::split(self.card.exchange(command).await?)?;
        for _ in 0..PARTS_MAX {
            let [high, low] = answer.word.to_be_bytes();
            let next = match high {
                0x6c => {
                    let mut exact = command.to_vec();
                    if let Some(length) = exact.last_mut() {
                        *length = low;
                    }
                    exact
                }
                0x61 => vec![0x00, 0xc0, 0x00, 0x00, low],
                _ => return Ok(answer),
            };
            answer = Answer::split(self.card.exchange(&next).await?)?;
        }
        let endless = "its answer does not end";
        Err(Failure::card(Code::CardUnreadable, endless))
    }
}

/// What a card answered, its status word apart.
struct Answer {
    data: Bytes,
    word: u16,
}

impl Answer {
    fn split(reply: Bytes) -> Result<Self, Failure> {
        let Some((data, word)) = reply.expose().split_last_chunk::<2>() else {
            let short = "an answer without a status word";
            return Err(Failure::card(Code::CardUnreadable, short));
        };
        Ok(Self {
            data: Bytes::new(data),
            word: u16::from_be_bytes(*word),
        })
    }
}

fn refused(what: &str, word: u16) -> Failure {
    let code = match word {
        WANTS_PIN => Code::CardWantsPin,
        0x6983 => Code::CardPinBlocked,
        _ => Code::CardUnreadable,
    };
    Failure::card(code, format!("{what} answers {word:04X}"))
}

#[cfg(test)]
pub(super) mod tests;
