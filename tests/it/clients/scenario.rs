//! What is asked, as it stands in the data.

use serde::Deserialize;
use serde_json::{Map, Value};
use yibaod::sandbox::bills;

use super::All;
use super::answer::{Told, of_id};
use crate::bus::world::here;

/// Where a request names its client's own id.
const ID: &str = "$ID";

/// The whole suite.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenarios {
    /// Fields that differ from one settlement, or moment, to the next.
    pub(super) varies: Vec<String>,
    pub(super) scenarios: Vec<Scenario>,
}

/// One call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// `SettlementService/ScanAndPay`.
    pub(super) path: String,
    request: Map<String, Value>,
    /// Whether the request is the bill of the sandbox, with those fields over it.
    #[serde(default)]
    bill: bool,
    /// Whether a patient shows a code.
    #[serde(default)]
    pub(super) shows: bool,
    /// Of a stream: how many answers are waited for.
    pub(super) stream: Option<usize>,
    #[serde(default)]
    pub(super) caller: Caller,
    /// What must stand in the answer, by its JSON pointers.
    #[serde(default)]
    holds: Map<String, Value>,
    /// Fields that differ here, besides those that differ everywhere.
    #[serde(default)]
    pub(super) varies: Vec<String>,
    /// The scenario whose answer this one's is, field for field.
    same_as: Option<String>,
    /// The name of the code that it is refused with.
    pub(super) refused: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Caller {
    #[default]
    Cashier,
    Monitor,
}

impl Scenarios {
    pub(super) fn read() -> Self {
        let text = std::fs::read_to_string(here("tests/peers/scenarios.json"));
        serde_json::from_str(&text.expect("it is in the checkout"))
            .expect("the suite is JSON of this shape")
    }

    pub(super) fn named(&self, name: &str) -> &Scenario {
        let mut all = self.scenarios.iter();
        all.find(|scenario| scenario.name == name)
            .expect("it is in the suite")
    }
}

impl Scenario {
    /// The request, for a client of this id.
    pub(super) fn request(&self, id: &str) -> Value {
        let mut request = match self.bill {
            true => bill(),
            false => Map::new(),
        };
        request.extend(self.request.clone());
        for value in request.values_mut() {
            if let Value::String(text) = value
                && text.starts_with(ID)
            {
                *text = text.replacen(ID, id, 1);
            }
        }
        Value::Object(request)
    }

    /// What is not as it must be, whoever asks.
    pub(super) fn wrong(&self, client: &str, told: &Told, before: &All) -> Option<String> {
        match (&self.refused, told) {
            (Some(code), Told::Refused(refusal)) if !refusal.is(code) => {
                return Some(format!("not {code}: {refusal:?}"));
            }
            (Some(_), Told::Refused(_)) => {}
            (None, Told::Answer(answer)) => {
                for (pointer, wanted) in &self.holds {
                    let wanted = of_id(wanted, client);
                    if answer.pointer(pointer) != Some(&wanted) {
                        return Some(format!("not {wanted} at {pointer}: {answer:#}"));
                    }
                }
            }
            (Some(_), Told::Answer(_)) | (None, Told::Refused(_)) => {
                return Some(format!("{told}"));
            }
        }
        let same = self.same_as.as_ref()?;
        let differs = before.get(same).map(|before| told.is_as(before));
        differs
            .unwrap_or(Err("nothing before".to_owned()))
            .err()
            .map(|differs| format!("not as {same}: {differs}"))
    }
}

/// The bill of a patient who wants a receipt.
fn bill() -> Map<String, Value> {
    let everybody = yibaod::sandbox::persons::everybody();
    let mut persons = everybody.into_iter();
    let person = persons.find(|person| person.key == "employee");
    let mut bill = bills::outpatient(&person.expect("of the sandbox"));
    // Without a number a bill is not known again: each scenario pays it.
    bill["bills"][0]["billNo"] = "".into();
    bill["print"] = "PRINT_WISH_RECEIPT".into();
    bill["accountUse"] = "ACCOUNT_USE_OWN".into();
    bill["credentials"] = serde_json::json!(["CREDENTIAL_E_VOUCHER"]);
    bill.as_object().expect("a bill is an object").clone()
}
