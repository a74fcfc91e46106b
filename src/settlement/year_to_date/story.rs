//! The stream of one settlement's year to date: begun, asked, and what is printed from then on.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::figures::{self, Meant, YearRules};
use crate::book::Code;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::order::Operator;
use crate::settlement::rules::Rules;
use crate::settlement::state::State;
use crate::settlement::story::{Act, Got, Head, Sent, Story};

/// Who asks, for the index: no caller does.
pub const CALLER: &str = "desk";
/// What stands before the settlement's id in the id of its question. No caller can give an id with a colon.
const REQUEST: &str = "year_to_date:";
/// `yyyy`.
const YEAR_CHARS: usize = 4;

/// The id of the question of this settlement's sheet: it is asked once.
#[must_use]
pub fn request_id(settlement_id: &str) -> String {
    format!("{REQUEST}{settlement_id}")
}

/// Whose care, paid by what, in which year. Sealed: it names the operator.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// Who settled.
    pub operator: Operator,
    /// 人员编号.
    pub psn_no: String,
    /// 参保地医保区划, may be empty.
    pub insuplc_admdvs: String,
    /// 险种类型 that the settlement was paid by.
    pub insutype: String,
    /// `yyyy` of the settlement.
    pub year: String,
    /// `cum_ym` of the question, may be empty.
    pub cum_ym: String,
}

impl About {
    /// What is to be asked for the sheet of this settlement, at this civil time; nothing where none was settled, or
    /// what was is forgotten.
    #[must_use]
    pub fn of(state: &State, civil: &str, rules: &YearRules) -> Option<Self> {
        let known = &state.known;
        let settled = known.settled.as_ref()?;
        let row = known.insurance.as_ref();
        let insutype = match settled.insutype.as_str() {
            "" => row.map_or("", |row| row.insutype.as_str()),
            insutype => insutype,
        };
        let year = [&settled.setl_time, &known.ids.accepted];
        let year = year.into_iter().find_map(|time| year_of(time))?;
        Some(Self {
            operator: state.order.as_deref()?.operator.clone(),
            psn_no: known.person.as_ref()?.psn_no.clone(),
            insuplc_admdvs: row.map_or_else(String::new, |row| row.insuplc_admdvs.clone()),
            insutype: insutype.to_owned(),
            cum_ym: figures::cum_ym(rules.cum_ym, year, civil),
            year: year.to_owned(),
        })
    }
}

fn year_of(time: &str) -> Option<&str> {
    let year = time.get(..YEAR_CHARS)?;
    (year.bytes().all(|b| b.is_ascii_digit())).then_some(year)
}

/// One thing that happened. Variants are only added. Fields marked `serde(skip)` stand in the sealed half only.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time; boxes would stand between the words"
)]
pub enum Event {
    /// The first sheet of the settlement is wanted.
    Begun {
        /// Of which settlement.
        settlement_id: String,
        /// What is asked about, sealed.
        #[serde(skip)]
        about: Option<Box<About>>,
    },
    /// The daemon started anew with this open.
    Restarted,
    /// The question is about to leave.
    Intent {
        /// Its transaction number.
        infno: String,
        /// Its msgid.
        msgid: String,
        /// The message whole, sealed.
        #[serde(skip)]
        request: Option<String>,
    },
    /// What became of it.
    Answered {
        /// What became of it.
        result: Outcome,
        /// The sign-in had expired.
        sign_in_expired: bool,
        /// The answer whole, sealed.
        #[serde(skip)]
        answer: Option<String>,
    },
    /// What is printed of it from here on.
    Had {
        /// By [`figures::FIGURES`], as text; sealed.
        #[serde(skip)]
        figures: BTreeMap<String, String>,
    },
    /// The sheet does without, from here on.
    Missing {
        /// Why.
        code: Code,
    },
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Private {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<Box<About>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    figures: BTreeMap<String, String>,
}

impl std::fmt::Debug for Event {
    /// The readable half: what is sealed is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// To be asked.
    Open,
    /// Answered, not judged yet.
    Answered(Box<Outcome>),
    /// Over.
    Over(Ending),
}

/// What every sheet of the settlement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// These figures; what is not among them is not known.
    Had(Arc<BTreeMap<String, String>>),
    /// That they could not be had.
    Missing(Code),
}

/// All that is true of it.
#[derive(Clone, PartialEq)]
pub struct YearToDate {
    id: String,
    settlement_id: String,
    about: Option<Arc<About>>,
    phase: Phase,
    /// When it was answered, or given up.
    at_ms: i64,
}

impl std::fmt::Debug for YearToDate {
    /// Its ids: the rest is a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("YearToDate")
            .field("id", &self.id)
            .field("settlement_id", &self.settlement_id)
            .finish_non_exhaustive()
    }
}

impl YearToDate {
    /// What every sheet says, the year it says it of, and the moment that this was true (Unix milliseconds); nothing
    /// before it is known.
    #[must_use]
    pub fn ending(&self) -> Option<(&Ending, &str, i64)> {
        let Phase::Over(ending) = &self.phase else {
            return None;
        };
        let year = self.about.as_ref().map_or("", |about| about.year.as_str());
        Some((ending, year, self.at_ms))
    }

    fn judged(&self, about: &About, outcome: &Outcome, rules: &Rules) -> Event {
        match outcome {
            Outcome::Done {
                found: Some(Found::YearToDate(rows)),
            } => {
                let (insutype, year) = (about.insutype.as_str(), about.year.as_str());
                let meant = Meant { insutype, year };
                let figures = figures::figures(rows, meant, &rules.year_to_date);
                Event::Had { figures }
            }
            // What was found is sealed with a key that is gone.
            Outcome::Done { .. } => missing(Code::Internal),
            Outcome::Refused { code, .. }
            | Outcome::NotSent { code, .. }
            | Outcome::Unknown { code, .. } => missing(*code),
        }
    }
}

fn missing(code: Code) -> Event {
    Event::Missing { code }
}

impl Story for YearToDate {
    type Event = Event;

    const KIND: &'static str = "year_to_date";
    const VERSION: u16 = 1;

    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            settlement_id: String::new(),
            about: None,
            phase: Phase::Open,
            at_ms: 0,
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn next(&self, _: i64, rules: &Rules) -> Act<Event> {
        match (&self.phase, self.about.as_deref()) {
            (Phase::Over(_), _) => Act::Finished,
            // It is sealed with a key that is gone.
            (Phase::Open | Phase::Answered(_), None) => Act::Record(missing(Code::Internal)),
            (Phase::Answered(outcome), Some(about)) => {
                Act::Record(self.judged(about, outcome, rules))
            }
            (Phase::Open, Some(about)) => Act::Ask(Errand {
                operator: about.operator.clone(),
                insuplc_admdvs: about.insuplc_admdvs.clone(),
                ask: Ask::YearToDate {
                    psn_no: about.psn_no.clone(),
                    cum_ym: about.cum_ym.clone(),
                    insutype: about.insutype.clone(),
                    wait_ms: rules.year_to_date.wait_ms,
                },
            }),
        }
    }

    fn apply(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Begun {
                settlement_id,
                about,
            } => {
                self.settlement_id.clone_from(settlement_id);
                self.about = about.as_ref().map(|about| Arc::new((**about).clone()));
            }
            // No sheet was made of an open one: it is asked anew.
            Event::Restarted | Event::Intent { .. } => {}
            Event::Answered { result, .. } => {
                self.phase = Phase::Answered(Box::new(result.clone()));
                self.at_ms = at_ms;
            }
            Event::Had { figures } => {
                self.phase = Phase::Over(Ending::Had(Arc::new(figures.clone())));
            }
            Event::Missing { code } => {
                self.phase = Phase::Over(Ending::Missing(*code));
                self.at_ms = at_ms;
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    fn is_answered(&self) -> bool {
        self.is_over()
    }

    fn head(&self) -> Head {
        let summary = serde_json::json!({
            "settlement_id": self.settlement_id,
            "outcome": self.outcome(),
        });
        Head {
            request_id: request_id(&self.settlement_id),
            caller: CALLER.to_owned(),
            request: Zeroizing::default(),
            stuck: false,
            subject: None,
            subject_is_shared: false,
            blocks_when_stuck: false,
            person: None,
            summary: summary.to_string(),
        }
    }

    fn outcome(&self) -> &'static str {
        match &self.phase {
            Phase::Open | Phase::Answered(_) => "open",
            Phase::Over(Ending::Had(_)) => "had",
            Phase::Over(Ending::Missing(_)) => "missing",
        }
    }

    fn intent(sent: Sent) -> Event {
        Event::Intent {
            infno: sent.infno,
            msgid: sent.msgid,
            request: Some(sent.request),
        }
    }

    fn answered(got: Got) -> Event {
        Event::Answered {
            result: got.outcome,
            sign_in_expired: got.sign_in_expired,
            answer: got.answer,
        }
    }

    fn restarted() -> Event {
        Event::Restarted
    }

    /// No sheet is worth a person's work: it does without.
    fn stuck(_: Code) -> Event {
        missing(Code::Internal)
    }

    fn kind(event: &Event) -> &'static str {
        match event {
            Event::Begun { .. } => "begun",
            Event::Restarted => "restarted",
            Event::Intent { .. } => "intent",
            Event::Answered { .. } => "answered",
            Event::Had { .. } => "had",
            Event::Missing { .. } => "missing",
        }
    }

    fn private(event: &Event) -> Option<Zeroizing<Vec<u8>>> {
        let private = match event {
            Event::Begun { about, .. } => Private {
                about: about.clone(),
                ..Private::default()
            },
            Event::Intent { request, .. } => Private {
                message: request.clone(),
                ..Private::default()
            },
            Event::Answered { result, answer, .. } => {
                let (found, text) = match result {
                    Outcome::Done { found } => (found.clone(), String::new()),
                    Outcome::Refused { text, .. } => (None, text.clone()),
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => (None, String::new()),
                };
                Private {
                    message: answer.clone(),
                    found,
                    text,
                    ..Private::default()
                }
            }
            Event::Had { figures } => Private {
                figures: figures.clone(),
                ..Private::default()
            },
            Event::Restarted | Event::Missing { .. } => return None,
        };
        let json = serde_json::to_vec(&private).expect("it has text keys only");
        Some(Zeroizing::new(json))
    }

    fn with_private(mut event: Event, plain: &[u8]) -> Result<Event, serde_json::Error> {
        let private: Private = serde_json::from_slice(plain)?;
        match &mut event {
            Event::Begun { about, .. } => *about = private.about,
            Event::Intent { request, .. } => *request = private.message,
            Event::Answered { result, answer, .. } => {
                *answer = private.message;
                match result {
                    Outcome::Done { found } => *found = private.found,
                    Outcome::Refused { text, .. } => *text = private.text,
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::Had { figures } => *figures = private.figures,
            Event::Restarted | Event::Missing { .. } => {}
        }
        Ok(event)
    }
}
