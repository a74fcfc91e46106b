//! Which of several kinds of insurance pays: the patient chooses at a kiosk, the doctor at the desk, from those that
//! Identify gave.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

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

    /// The doctor chooses once; what was settled with it is remembered, and nothing is chosen the next time. Gives what
    /// the request names: empty, where the daemon has to remember.
    pub(super) fn chooses_insurance(&self, who: &LoggedIn, insutype: &str) -> String {
        let remembered = self.insurances().get(&who.file.his_id).cloned();
        if let Some(remembered) = remembered.filter(|_| insutype.is_empty()) {
            self.line(
                Who::StaffScreen,
                format!("参保费别：{}（上次所选，已记住）", name(&remembered)),
                "The insurance is the one of the last time: it is remembered.",
            );
            return String::new();
        }
        let first = kinds(who).into_iter().next().unwrap_or_default();
        let chosen = match insutype.is_empty() {
            true => first,
            false => insutype.to_owned(),
        };
        if !chosen.is_empty() {
            self.line(
                Who::Staff,
                format!("参保费别选择{}。", name(&chosen)),
                format!("Chooses the insurance {chosen}."),
            );
        }
        chosen
    }

    /// What was settled with it is not asked for again.
    pub(super) fn remembers(&self, his_id: &str, chosen: &str) {
        if chosen.is_empty() {
            return;
        }
        self.line(
            Who::StaffScreen,
            format!("参保费别{}已记住，下次不必再选。", name(chosen)),
            "The insurance is remembered; it need not be chosen the next time.",
        );
        let chosen = chosen.to_owned();
        self.insurances().insert(his_id.to_owned(), chosen);
    }

    fn insurances(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        let chosen = self.insurances.lock();
        chosen.unwrap_or_else(PoisonError::into_inner)
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
#[must_use]
pub fn name(insutype: &str) -> &str {
    match insutype {
        "310" => "职工医保",
        "390" => "居民医保",
        other => other,
    }
}
