//! Everything the platform knows, behind one lock, and the identity it was started with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::clock;
use super::faults::Faults;
use super::gateway::Gateway;
use super::habits::Habits;
use super::ledger::Ledger;
use super::money::Fen;
use super::split::Standing;
use super::switches::Switches;
use super::voucher::Voucher;
use crate::sandbox::persons::{Person, crowd, everybody};

/// Most x-tif nonces remembered.
const NONCES_MAX: usize = 100_000;

/// Who the platform is, and which hospital it serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Speak TLS too, on a port of its own; the addresses then are those of https.
    pub tls: bool,
    /// H and 11 digits.
    pub fixmedins_code: String,
    /// Name of the hospital.
    pub fixmedins_name: String,
    /// Area of the hospital.
    pub area: String,
    /// x-tif account name.
    pub paasid: String,
    /// What the gateway's headers are made with: token, secret key, or the key itself.
    pub secret: String,
    /// What the gateway wants.
    pub gateway: Gateway,
    /// How the site wants its messages.
    pub habits: Habits,
    /// How many employees `crowd_0000` and on there are besides the named persons.
    pub crowd: usize,
    /// How the bureau behaves at the start.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            tls: false,
            fixmedins_code: "H43010099901".to_owned(),
            fixmedins_name: "虚构市第一人民医院".to_owned(),
            area: "430100".to_owned(),
            paasid: "sandbox_his".to_owned(),
            secret: "sandbox-secret-of-nobody".to_owned(),
            gateway: Gateway::XTif,
            habits: Habits::default(),
            crowd: 0,
            switches: Switches::default(),
        }
    }
}

/// All state of the platform.
#[derive(Debug)]
pub struct World {
    pub(super) options: Options,
    pub(super) switches: Switches,
    pub(super) persons: Vec<Person>,
    pub(super) voucher: Voucher,
    pub(super) faults: Faults,
    pub(super) ledger: Ledger,
    /// Message ids that reached the core: transaction number and the answer given.
    pub(super) answered: BTreeMap<String, (String, Option<Value>)>,
    pub(super) nonces: BTreeSet<String>,
    /// Files by their number: name and bytes.
    pub(super) files: BTreeMap<String, (String, Vec<u8>)>,
    serial: u64,
}

impl World {
    /// A platform on its first day.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            switches: options.switches.clone(),
            persons: everybody()
                .into_iter()
                .chain(crowd(options.crowd))
                .collect(),
            voucher: Voucher::default(),
            faults: Faults::default(),
            ledger: Ledger::default(),
            answered: BTreeMap::new(),
            nonces: BTreeSet::new(),
            files: BTreeMap::new(),
            serial: 0,
            options,
        }
    }

    /// The platform's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        clock::now(self.switches.clock_shift_s)
    }

    /// A number nobody else has got.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Remembers a nonce; false when it was seen before.
    pub(super) fn fresh_nonce(&mut self, nonce: &str) -> bool {
        if self.nonces.len() >= NONCES_MAX {
            self.nonces.pop_first();
        }
        self.nonces.insert(nonce.to_owned())
    }

    /// By the name that tests use.
    #[must_use]
    pub fn person(&self, key: &str) -> Option<&Person> {
        self.persons.iter().find(|person| person.key == key)
    }

    /// By the platform's number.
    #[must_use]
    pub fn person_of(&self, psn_no: &str) -> Option<&Person> {
        self.persons.iter().find(|person| person.psn_no == psn_no)
    }

    /// What this person has left under this insurance.
    #[must_use]
    pub(super) fn standing(
        &self,
        person: &Person,
        insutype: &str,
        use_account: bool,
    ) -> Option<Standing> {
        let row = person.insurance(insutype)?;
        let used = self.ledger.used_by(&person.psn_no, insutype);
        Some(Standing {
            deductible: (row.deductible - used.deductible).at_least_zero(),
            limit: (row.limit - used.pooled).at_least_zero(),
            balance: row.balance - used.account,
            pool: row.pool,
            civil: row.civil,
            use_account,
        })
    }

    /// What is left on this account.
    pub(super) fn balance_of(&self, (psn_no, insutype): &(String, String)) -> Fen {
        let row = self.person_of(psn_no).and_then(|it| it.insurance(insutype));
        let held = row.map(|row| row.balance).unwrap_or_default();
        held - self.ledger.used_by(psn_no, insutype).account
    }

    /// The account of the family member who pays for this person, if there is one.
    pub(super) fn family_account(&self, person: &Person) -> Option<(String, String)> {
        let payer = self.switches.family_accounts.get(&person.key)?;
        let payer = self.person(payer)?;
        let insutype = payer.main_insurance().insutype.to_owned();
        Some((payer.psn_no.clone(), insutype))
    }
}
