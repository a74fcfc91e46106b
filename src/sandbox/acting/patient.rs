//! A patient: which codes are shown, and where the patience ends.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Scene, Trouble, Who};
use crate::sandbox::devices::scanner::Terminator;
use crate::sandbox::platform::CodeKind;

/// What is held before the scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A code of this kind, of the patient.
    Own(CodeKind),
    /// A fresh code of somebody else.
    Others(&'static str),
    /// The code that was shown last: it was not refreshed.
    Old,
    /// Nothing.
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

/// A patient, by the sandbox's name. Whoever has nothing more to show shows fresh codes of his own.
#[derive(Debug)]
pub struct Patient {
    person: String,
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
            shows: Mutex::default(),
            last: Mutex::default(),
            away_at: None,
            no_at: None,
            looks: Duration::ZERO,
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

    /// Holds the next one before the scanner.
    pub(super) async fn show(&self, scene: &Scene<'_>) -> Result<(), Trouble> {
        let next = {
            let mut shows = self.shows.lock().unwrap_or_else(PoisonError::into_inner);
            shows.pop_front().unwrap_or(Show::Own(CodeKind::Fresh))
        };
        let last = || {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.clone()
        };
        let make = |person: &str, kind| {
            let code = scene.room.platform.code(person, kind);
            code.ok_or_else(|| format!("nobody is {person}"))
        };
        let (code, zh, en) = match next {
            Show::Nothing => {
                scene.line(Who::Patient, "没有出示任何凭证。", "Shows nothing.");
                return Ok(());
            }
            Show::Own(kind) => {
                let (zh, en) = spoken(kind);
                (make(&self.person, kind)?, zh, en)
            }
            Show::Others(person) => (
                make(person, CodeKind::Fresh)?,
                "出示了他人的医保码。",
                "Shows somebody else's code.",
            ),
            Show::Old => (
                last().ok_or("no code was shown before")?,
                "又出示了刚才的码，没有刷新。",
                "Shows the code from before; it was not refreshed.",
            ),
        };
        tokio::time::sleep(self.looks).await;
        scene.line(Who::Patient, zh, en);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(code.clone());
        let scanner = scene.room.scanner;
        scanner.scan(code.as_bytes(), Terminator::Cr).await?;
        Ok(())
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
