//! A patient: by what he says who he is, what he shows, and where the patience ends.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Scene, Trouble, Who};
use crate::api::Credential;
use crate::sandbox::devices::scanner::Terminator;
use crate::sandbox::persons::Person;
use crate::sandbox::platform::CodeKind;

/// What is held before the scanner, laid on the id card reader, or put into the card reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A code of this kind, of the patient.
    Own(CodeKind),
    /// A fresh code of somebody else.
    Others(&'static str),
    /// The code that was shown last: it was not refreshed.
    Old,
    /// The patient's own 居民身份证.
    IdCard,
    /// The 居民身份证 of somebody else.
    OthersIdCard(&'static str),
    /// The patient's own 社保卡.
    SocialCard,
    /// The 社保卡 of somebody else.
    OthersSocialCard(&'static str),
    /// Nothing.
    Nothing,
}

/// What a [`Show`] comes to, and how it is told.
enum Shown {
    Code(String, (&'static str, &'static str)),
    IdCard(Box<Person>, (&'static str, &'static str)),
    SocialCard(Box<Person>, (&'static str, &'static str)),
    Nothing,
}

/// A place in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The person is shown.
    Person,
    /// The previewed amounts are shown.
    Amounts,
}

/// What happens to what is shown for a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Yes,
    No,
    Silence,
}

/// A patient, by the sandbox's name. Whoever has nothing more to show shows what is asked for: fresh codes of his own, or
/// his own document.
#[derive(Debug)]
pub struct Patient {
    person: String,
    chosen: Credential,
    shows: Mutex<VecDeque<Show>>,
    last: Mutex<Option<String>>,
    away_at: Option<At>,
    no_at: Option<At>,
    looks: Duration,
}

impl Patient {
    /// Does everything right, at once.
    #[must_use]
    pub fn new(person: &str) -> Self {
        Self {
            person: person.to_owned(),
            chosen: Credential::EVoucher,
            shows: Mutex::default(),
            last: Mutex::default(),
            away_at: None,
            no_at: None,
            looks: Duration::ZERO,
        }
    }

    /// Where the kind of credential can be chosen – the doctor's desk, the pharmacy – it is this one.
    #[must_use]
    pub fn chooses(self, credential: Credential) -> Self {
        Self {
            chosen: credential,
            ..self
        }
    }

    /// Shows these first.
    #[must_use]
    pub fn shows(self, shows: impl IntoIterator<Item = Show>) -> Self {
        Self {
            shows: Mutex::new(shows.into_iter().collect()),
            ..self
        }
    }

    /// Goes away there and says nothing.
    #[must_use]
    pub fn walks_away_at(self, at: At) -> Self {
        Self {
            away_at: Some(at),
            ..self
        }
    }

    /// Says no there.
    #[must_use]
    pub fn says_no_at(self, at: At) -> Self {
        Self {
            no_at: Some(at),
            ..self
        }
    }

    /// Looks for the phone so long.
    #[must_use]
    pub fn looks_for(self, looks: Duration) -> Self {
        Self { looks, ..self }
    }

    /// By the sandbox's names.
    #[must_use]
    pub fn person(&self) -> &str {
        &self.person
    }

    pub(super) fn reply(&self, at: At) -> Reply {
        match (self.away_at == Some(at), self.no_at == Some(at)) {
            (true, _) => Reply::Silence,
            (false, true) => Reply::No,
            (false, false) => Reply::Yes,
        }
    }

    pub(super) fn chosen(&self) -> Credential {
        self.chosen
    }

    /// Shows the next one; `asked` when nothing else is wanted.
    pub(super) async fn show(&self, scene: &Scene<'_>, asked: Credential) -> Result<(), Trouble> {
        let own = match asked {
            Credential::EVoucher => Show::Own(CodeKind::Fresh),
            Credential::ResidentId => Show::IdCard,
            Credential::SocialCard => Show::SocialCard,
            Credential::Unspecified => return Err("nothing is asked for".into()),
        };
        let next = {
            let mut shows = self.shows.lock().unwrap_or_else(PoisonError::into_inner);
            shows.pop_front().unwrap_or(own)
        };
        match self.shown(scene, next)? {
            Shown::Nothing => {
                scene.line(Who::Patient, "没有出示任何凭证。", "Shows nothing.");
                Ok(())
            }
            Shown::Code(code, (zh, en)) => {
                tokio::time::sleep(self.looks).await;
                scene.line(Who::Patient, zh, en);
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(code.clone());
                let scanner = scene.room.scanner;
                scanner.scan(code.as_bytes(), Terminator::Cr).await?;
                Ok(())
            }
            Shown::IdCard(person, (zh, en)) => {
                let reader = scene.room.id_cards.ok_or("here is no id card reader")?;
                // One that was read is not found again before it was lifted.
                reader.lift();
                tokio::time::sleep(self.looks).await;
                scene.line(Who::Patient, zh, en);
                reader.lay(&person);
                Ok(())
            }
            Shown::SocialCard(person, said) => {
                tokio::time::sleep(self.looks).await;
                scene.puts_card_in(&person, said).await
            }
        }
    }

    fn shown(&self, scene: &Scene<'_>, show: Show) -> Result<Shown, Trouble> {
        let platform = scene.room.platform;
        let code = |person: &str, kind| {
            let code = platform.code(person, kind);
            code.ok_or_else(|| format!("nobody is {person}"))
        };
        let document = |person: &str| {
            let person = platform.person(person);
            person.map(Box::new).ok_or("nobody has this document")
        };
        Ok(match show {
            Show::Nothing => Shown::Nothing,
            Show::Own(kind) => Shown::Code(code(&self.person, kind)?, spoken(kind)),
            Show::Others(person) => Shown::Code(
                code(person, CodeKind::Fresh)?,
                ("出示了他人的医保码。", "Shows somebody else's code."),
            ),
            Show::Old => {
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                Shown::Code(
                    last.clone().ok_or("no code was shown before")?,
                    (
                        "又出示了刚才的码，没有刷新。",
                        "Shows the code from before; it was not refreshed.",
                    ),
                )
            }
            Show::IdCard => Shown::IdCard(
                document(&self.person)?,
                (
                    "将本人身份证放在读卡区。",
                    "Lays the own id card on the reader.",
                ),
            ),
            Show::SocialCard => Shown::SocialCard(
                document(&self.person)?,
                (
                    "将本人社会保障卡插入读卡器。",
                    "Puts the own social security card into the reader.",
                ),
            ),
            Show::OthersSocialCard(person) => Shown::SocialCard(
                document(person)?,
                (
                    "插入了他人的社会保障卡。",
                    "Puts somebody else's social security card in.",
                ),
            ),
            Show::OthersIdCard(person) => Shown::IdCard(
                document(person)?,
                (
                    "放上了他人的身份证。",
                    "Lays somebody else's id card on the reader.",
                ),
            ),
        })
    }
}

fn spoken(kind: CodeKind) -> (&'static str, &'static str) {
    match kind {
        CodeKind::Fresh => (
            "刷新并出示医保码。",
            "Refreshes the insurance code and shows it.",
        ),
        CodeKind::Expired => ("出示了已过期的医保码。", "Shows an expired code."),
        CodeKind::Used => ("出示了用过的医保码。", "Shows a used code."),
        CodeKind::Wechat => ("出示了微信付款码。", "Shows a WeChat payment code."),
        CodeKind::Alipay => ("出示了支付宝付款码。", "Shows an Alipay payment code."),
        CodeKind::Half => ("码只扫到一半。", "Only half of the code is read."),
        CodeKind::Glued => ("连着扫了两个码。", "Two codes are read as one."),
        CodeKind::IdNumber => ("出示了证件号码条码。", "Shows the id number."),
    }
}
