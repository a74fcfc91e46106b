//! Scenarios: what happens at a desk, a line an act, in a short text file.
//!
//! This module reads and checks the text; who carries it out is the program's business. It must not know the daemon.
//!
//! ```text
//! # a lost answer is found, and nothing is charged twice
//! person employee
//! fault F1@2207
//! pay bill outpatient
//! scan fresh
//! expect money SETTLED
//! expect charged 1
//! ```

use super::platform::CodeKind;
use super::platform::faults::Fault;

/// Longest file, bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most lines.
const LINES_MAX: usize = 1_000;
/// Bills that can be paid, by name.
const BILLS: [&str; 1] = ["outpatient"];
/// What money can be.
const MONEY: [&str; 6] = [
    "SETTLED",
    "REFUSED",
    "CANCELLED",
    "REVERSED",
    "UNKNOWN",
    "PENDING",
];
/// What paper can be.
const PAPER: [&str; 5] = ["PRINTED", "NOT_PRINTED", "UNKNOWN", "QUEUED", "NOT_ASKED"];

/// What can be said, a line each.
pub const WORDS: &str = "\
person NAME                  who the patient is from here on
switch KEY VALUE             changes a habit of the platform
fault F1@2207                arms a fault; ! at the end: for good
heal                         disarms all faults
pay bill outpatient          begins a ScanAndPay; what follows happens meanwhile
scan KIND                    waits until a code is wanted, then shows one: fresh, expired, used, wechat, alipay, half, glued, idno
scanner … | printer …        moves a device, such as `printer paper-out 200`
cancel                       asks to stop the settlement
kill | start                 kill -9 of the daemon; starts it again
expect money SETTLED         waits for the end and compares
expect paper PRINTED         the same for the paper
expect error E5003           the same for the error
expect told E2001            waits until the window is told so
expect charged 1             settlements that stand in the ledger
expect received 2207 1       waits until the platform got so many requests of a transaction, no more
";

/// Lines of acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// In order; comments and empty lines are left out.
    pub lines: Vec<Line>,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// In the file, from 1.
    pub number: usize,
    /// As written.
    pub text: String,
    /// What it means.
    pub act: Act,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Another patient.
    Person(String),
    /// A switch of the platform and its value, as JSON.
    Switch(String, serde_json::Value),
    /// Arms a fault.
    Fault(String),
    /// Disarms all.
    Heal,
    /// A ScanAndPay of the bill of this name.
    Pay(String),
    /// A code of this kind.
    Scan(CodeKind),
    /// A line for the devices.
    Device(String),
    /// Asks to stop the settlement.
    Cancel,
    /// Kills the daemon.
    Kill,
    /// Starts the daemon again.
    Start,
    /// What must be true.
    Expect(Expect),
}

/// What must be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The money in the end, without prefix.
    Money(String),
    /// The paper in the end, without prefix.
    Paper(String),
    /// The code of the error in the end.
    Error(String),
    /// The code of an error that the window is told meanwhile.
    Told(String),
    /// Settlements that stand in the ledger.
    Charged(usize),
    /// Requests of a transaction that the platform got.
    Received(String, usize),
}

impl Scenario {
    /// Reads a file's text.
    ///
    /// # Errors
    /// In words, with the line: what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("a scenario has at most {TEXT_BYTES_MAX} bytes"));
        }
        let mut lines = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let words = line.split_once('#').map_or(line, |(words, _)| words).trim();
            if words.is_empty() {
                continue;
            }
            if lines.len() == LINES_MAX {
                return Err(format!("a scenario has at most {LINES_MAX} lines"));
            }
            let number = at + 1;
            let act = act(words).map_err(|what| format!("line {number}: {what}"))?;
            lines.push(Line {
                number,
                text: words.to_owned(),
                act,
            });
        }
        Ok(Self { lines })
    }
}

fn act(text: &str) -> Result<Act, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["person", name] => Ok(Act::Person((*name).to_owned())),
        ["switch", key, value] => {
            // A value that is no JSON is a text.
            let value = serde_json::from_str(value).unwrap_or_else(|_| (*value).into());
            Ok(Act::Switch((*key).to_owned(), value))
        }
        ["fault", fault] => Fault::parse(fault).map(|_| Act::Fault((*fault).to_owned())),
        ["heal"] => Ok(Act::Heal),
        ["pay", "bill", bill] => one_of(&BILLS, bill).map(Act::Pay),
        ["scan", kind] => {
            let kind =
                CodeKind::parse(kind).ok_or_else(|| format!("unknown kind of code: {kind}"))?;
            Ok(Act::Scan(kind))
        }
        ["scanner" | "printer", _, ..] => Ok(Act::Device(text.to_owned())),
        ["cancel"] => Ok(Act::Cancel),
        ["kill"] => Ok(Act::Kill),
        ["start"] => Ok(Act::Start),
        ["expect", what @ ..] => expect(what).map(Act::Expect),
        _ => Err(format!("not understood: {text}; the words are:\n{WORDS}")),
    }
}

fn expect(words: &[&str]) -> Result<Expect, String> {
    let count = |word: &str| word.parse().map_err(|_| format!("{word} is not a count"));
    match words {
        ["money", money] => one_of(&MONEY, money).map(Expect::Money),
        ["paper", paper] => one_of(&PAPER, paper).map(Expect::Paper),
        ["error", code] => Ok(Expect::Error((*code).to_owned())),
        ["told", code] => Ok(Expect::Told((*code).to_owned())),
        ["charged", number] => count(number).map(Expect::Charged),
        ["received", infno, number] => {
            count(number).map(|number| Expect::Received((*infno).to_owned(), number))
        }
        _ => Err(format!("nothing that can be expected: {}", words.join(" "))),
    }
}

fn one_of(known: &[&str], word: &str) -> Result<String, String> {
    match known.contains(&word) {
        true => Ok(word.to_owned()),
        false => Err(format!("{word}: one of {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_read_in_order() {
        let text = "# lost\n\nperson resident  # who\nfault F1@2207\npay bill outpatient\n\
            scan fresh\nprinter paper-out 200\nexpect money SETTLED\nexpect received 2207 1\n";
        let scenario = Scenario::parse(text).unwrap();
        let acts: Vec<Act> = scenario.lines.iter().map(|line| line.act.clone()).collect();
        let expected = [
            Act::Person("resident".into()),
            Act::Fault("F1@2207".into()),
            Act::Pay("outpatient".into()),
            Act::Scan(CodeKind::Fresh),
            Act::Device("printer paper-out 200".into()),
            Act::Expect(Expect::Money("SETTLED".into())),
            Act::Expect(Expect::Received("2207".into(), 1)),
        ];
        assert_eq!(acts, expected);
        assert_eq!(scenario.lines[0].number, 3);
        assert_eq!(scenario.lines[0].text, "person resident");
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (text, named) in [
            ("person", "line 1: not understood: person"),
            ("\nfault F99@2207", "line 2: "),
            ("scan nothing", "unknown kind of code: nothing"),
            ("expect money MAYBE", "MAYBE: one of SETTLED"),
            ("expect charged many", "many is not a count"),
            ("pay bill inpatient", "inpatient: one of outpatient"),
        ] {
            let error = Scenario::parse(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn every_shipped_scenario_is_understood() {
        for text in [
            include_str!("../../packaging/examples/settled.scenario"),
            include_str!("../../packaging/examples/lost-answer.scenario"),
            include_str!("../../packaging/examples/wrong-code.scenario"),
            include_str!("../../packaging/examples/killed.scenario"),
        ] {
            assert!(!Scenario::parse(text).unwrap().lines.is_empty());
        }
    }

    #[test]
    fn switches_take_values_of_their_kind() {
        let scenario = Scenario::parse("switch code_age_s 5\nswitch closed 日终\n").unwrap();
        assert_eq!(
            scenario.lines[0].act,
            Act::Switch("code_age_s".into(), 5.into())
        );
        assert_eq!(
            scenario.lines[1].act,
            Act::Switch("closed".into(), "日终".into())
        );
    }
}
