//! The error book: code, name, meaning, what to do, state of the money, safe to repeat. One table.
//!
//! Every door, `yibaoctl explain` and the documentation read it. A code is never reused or renumbered. The book
//! knows nothing of settlements or wires: what is special to a case travels beside the code.

#[macro_use]
mod reconciling;
#[macro_use]
mod queues;
#[macro_use]
mod cards;
#[macro_use]
mod devices;
mod patient;
mod spoken;
mod table;

pub use table::Code;

/// What is known of the money when this error is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyState {
    /// Nothing was charged, or what was charged was given back.
    NotCharged,
    /// The settlement stands.
    Charged,
    /// Not known yet; the daemon is finding out, or a person must.
    Unknown,
    /// The error says nothing about a settlement.
    NotConcerned,
}

impl MoneyState {
    /// The stable word, such as `NOT_CHARGED`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            MoneyState::NotCharged => "NOT_CHARGED",
            MoneyState::Charged => "CHARGED",
            MoneyState::Unknown => "UNKNOWN",
            MoneyState::NotConcerned => "NOT_CONCERNED",
        }
    }
}

/// Whether the same call may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Yes, with the same `request_id`: it joins or repeats the answer.
    SameId,
    /// Yes, after what it asks for was mended, with a new `request_id`.
    NewId,
    /// Ask with the same `request_id`; never start another settlement for this bill before it is resolved.
    AskOnly,
}

impl Repeat {
    /// The stable word, such as `SAME_ID`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Repeat::SameId => "SAME_ID",
            Repeat::NewId => "NEW_ID",
            Repeat::AskOnly => "ASK_ONLY",
        }
    }
}

/// A row of the book. The sentences are for the person at the desk and hold no personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose row it is.
    pub code: Code,
    /// What it says of the money, as far as the code alone can say it.
    pub money: MoneyState,
    /// Whether the same call may be made again.
    pub repeat: Repeat,
    /// What happened, Chinese.
    pub meaning_zh: &'static str,
    /// What happened, English.
    pub meaning_en: &'static str,
    /// What to do now, Chinese.
    pub action_zh: &'static str,
    /// What to do now, English.
    pub action_en: &'static str,
}

impl Code {
    /// Whether its time went by and nothing fitting was shown: no scanner, no reader is at fault.
    #[must_use]
    pub fn is_nobody(self) -> bool {
        matches!(self, Self::NobodyScanned | Self::NobodyShowedCard)
    }

    /// Finds a code by its number or its name, in any case: `e2001`, `Payment_Code_Shown`.
    #[must_use]
    pub fn from_id(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| {
            code.id().eq_ignore_ascii_case(text) || code.name().eq_ignore_ascii_case(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_speaks_both_languages() {
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for code in Code::ALL {
            let entry = code.entry();
            assert_eq!(entry.code, *code);
            for text in [entry.meaning_zh, entry.action_zh] {
                assert!(
                    text.chars().filter(|c| is_chinese(*c)).count() >= 5,
                    "{code:?}: {text}"
                );
                assert!(text.ends_with('。'), "{code:?}: {text}");
                assert!(
                    !text.contains(['{', '}', ',', ';', '?']),
                    "{code:?}: {text}"
                );
            }
            for text in [entry.meaning_en, entry.action_en] {
                assert!(text.is_ascii() && text.len() >= 15, "{code:?}: {text}");
                assert!(text.ends_with('.'), "{code:?}: {text}");
                assert!(
                    !text.contains(['{', '}']) && !text.contains("TODO"),
                    "{code:?}: {text}"
                );
            }
            assert_ne!(entry.meaning_zh, entry.action_zh);
        }
    }

    #[test]
    fn numbers_names_and_sentences_are_unique_and_in_order() {
        let ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ids.len());
        let meanings: BTreeSet<_> = Code::ALL
            .iter()
            .map(|code| code.entry().meaning_zh)
            .collect();
        assert_eq!(meanings.len(), ids.len());
    }

    #[test]
    fn a_code_is_found_by_number_and_name() {
        assert_eq!(Code::from_id("e2001"), Some(Code::PaymentCodeShown));
        assert_eq!(
            Code::from_id("payment_code_shown"),
            Some(Code::PaymentCodeShown)
        );
        assert_eq!(Code::from_id("E9999"), None);
        assert_eq!(Code::from_id(""), None);
        for code in Code::ALL {
            assert_eq!(Code::from_id(code.id()), Some(*code));
            assert_eq!(Code::from_id(code.name()), Some(*code));
            let stored = serde_json::to_string(code).unwrap();
            assert_eq!(serde_json::from_str::<Code>(&stored).unwrap(), *code);
        }
    }

    #[test]
    fn what_may_have_charged_is_never_called_repeatable_anew() {
        for code in Code::ALL {
            let entry = code.entry();
            let may_have_charged = matches!(entry.money, MoneyState::Charged | MoneyState::Unknown);
            assert!(
                !may_have_charged || entry.repeat != Repeat::NewId,
                "{code:?}"
            );
        }
    }
}
