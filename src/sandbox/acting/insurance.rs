//! Which of several kinds of insurance pays: the patient chooses at a kiosk, the doctor at the desk, from those that
//! Identify gave.

use super::identify::LoggedIn;
use super::{Scene, Who};

impl Scene<'_> {
    /// The patient is asked when there are several, and takes the first. Empty: there is no choice.
    pub(super) fn asks_insurance(&self, who: &LoggedIn) -> String {
        let kinds = kinds(who);
        let [first, _, ..] = kinds.as_slice() else {
            return String::new();
        };
        let names: Vec<&str> = kinds.iter().map(|kind| name(kind)).collect();
        self.screen(
            format!("您有{}，请选择。", names.join("、")),
            "Several kinds of insurance are shown; please choose.",
        );
        self.line(
            Who::Patient,
            format!("选择{}。", name(first)),
            "Chooses the first.",
        );
        first.clone()
    }
}

/// What is in force, each kind once, in the platform's order.
fn kinds(who: &LoggedIn) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for insurance in &who.identification.insurances {
        if !kinds.contains(&insurance.insutype) {
            kinds.push(insurance.insutype.clone());
        }
    }
    kinds
}

/// The insurance in words.
pub(super) fn name(insutype: &str) -> &str {
    match insutype {
        "310" => "职工医保",
        "390" => "居民医保",
        other => other,
    }
}
