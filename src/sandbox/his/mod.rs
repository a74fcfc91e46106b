//! A small hospital information system: what a HIS knows and its client asks it for in the five flows – patients,
//! schedule, unpaid fees, laboratory reports, prescriptions to hand out.
//!
//! PURE: a struct with methods, day and time come in as values. It lives in the process of whoever acts as the HIS's client
//! and knows nothing of the daemon, the insurance platform or a door: the daemon meets a hospital's HIS only through
//! its client, and so it does this one.

mod fees;
mod page;
mod reports;
mod schedule;
mod stock;

use super::persons::Person;

pub use fees::{Fee, FeeKind, FeeLine, Paid};
pub use page::Page;
pub use reports::Report;
pub use schedule::{Department, Order, Place, Registered, Slot, Slots, When};
pub use stock::{Medicine, Prescription};

/// Why the HIS does not do what is asked, in words for the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The list that was ticked is not the list that is there.
    FeesChanged,
    /// Somebody else has the time, or it was not paid for in time.
    SlotLost,
    /// There is no such thing.
    Unknown,
}

impl Refused {
    /// What the screen says.
    #[must_use]
    pub fn zh(&self) -> &'static str {
        match self {
            Refused::FeesChanged => "费用清单已变化，请重新勾选后再缴费。",
            Refused::SlotLost => "该号源已被占用，挂号未成功。",
            Refused::Unknown => "没有查到相应的记录。",
        }
    }

    /// The same in English.
    #[must_use]
    pub fn en(&self) -> &'static str {
        match self {
            Refused::FeesChanged => "The list of fees has changed; please tick again.",
            Refused::SlotLost => "Somebody else has this time; it was not registered.",
            Refused::Unknown => "There is no such record.",
        }
    }
}

/// A patient's file.
#[derive(Clone)]
pub struct File {
    /// The hospital's own number.
    pub his_id: String,
    /// As in the identity document.
    pub name: String,
    /// Number of the identity document.
    pub certno: String,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("his_id", &self.his_id)
            .finish_non_exhaustive()
    }
}

/// All its books.
#[derive(Debug)]
pub struct His {
    files: Vec<File>,
    schedule: Slots,
    registered: Vec<Registered>,
    fees: Vec<Fee>,
    reports: Vec<Report>,
    back_on_shelf: Vec<String>,
    serial: u32,
    /// Day and minute, digits: in every number, for a bill is settled once also when another HIS opens later.
    opened: String,
}

impl His {
    /// On this day (`yyyy-MM-dd`) each of these was seen by a doctor, has fees to pay and reports to fetch. Times can be
    /// had on it, those that begin at this one (`HH:mm`) or later, and on the next.
    #[must_use]
    pub fn open(persons: &[Person], day: &str, time: &str) -> Self {
        let mut his = Self {
            files: Vec::new(),
            schedule: Slots::of(day, time),
            registered: Vec::new(),
            fees: Vec::new(),
            reports: Vec::new(),
            back_on_shelf: Vec::new(),
            serial: 0,
            opened: format!("{day}{time}").replace(['-', ':'], ""),
        };
        for (number, person) in persons.iter().enumerate() {
            let file = File {
                his_id: format!("P{:06}", 100_001 + number),
                name: person.name.clone(),
                certno: person.idno.clone(),
            };
            his.reports
                .extend(reports::of(&file.his_id, &file.name, number, day));
            let visit = his.next("OP");
            for kind in [FeeKind::Medicines, FeeKind::Laboratory] {
                let fee = Fee::new(his.next("F"), kind, &file.his_id, &visit);
                his.fees.push(fee);
            }
            his.files.push(file);
        }
        his
    }

    /// The file of who was identified.
    #[must_use]
    pub fn file(&self, certno: &str) -> Option<&File> {
        self.files.iter().find(|file| file.certno == certno)
    }

    /// The departments, doctors and times that can be had.
    #[must_use]
    pub fn schedule(&self) -> &Slots {
        &self.schedule
    }

    /// Holds a time until it is paid for.
    ///
    /// # Errors
    /// Somebody else has it.
    pub fn hold(&mut self, slot: u32, his_id: &str) -> Result<Order, Refused> {
        let when = self.schedule.when(slot).ok_or(Refused::Unknown)?;
        let number = self.next(when.letters());
        self.schedule.hold(slot, number, his_id)
    }

    /// Books what was held, with the settlement that paid for it.
    ///
    /// # Errors
    /// The time was lost meanwhile: the money has to go back.
    pub fn book(&mut self, order: &Order, setl_id: &str) -> Result<Registered, Refused> {
        let registered = self.schedule.book(order, setl_id)?;
        self.registered.push(registered.clone());
        Ok(registered)
    }

    /// Where the patient is registered, this day or later, in the order in which it was paid for.
    #[must_use]
    pub fn registered(&self, his_id: &str) -> Vec<Registered> {
        let all = self.registered.iter();
        all.filter(|it| it.his_id == his_id).cloned().collect()
    }

    /// A held time goes back, or somebody else gets it at the counter.
    pub fn lose(&mut self, order: &Order) {
        self.schedule.lose(order);
    }

    /// What the patient has to pay, in the order in which it was made.
    #[must_use]
    pub fn unpaid(&self, his_id: &str) -> Vec<Fee> {
        let unpaid = self.fees.iter().filter(|fee| fee.paid.is_none());
        unpaid.filter(|fee| fee.his_id == his_id).cloned().collect()
    }

    /// The doctor signs the orders of a visit: fees are made of them, unless those of that visit are there and unpaid.
    /// Gives them.
    pub fn sign(&mut self, his_id: &str) -> Vec<Fee> {
        let unpaid = self.unpaid(his_id);
        if !unpaid.is_empty() {
            return unpaid;
        }
        let visit = self.next("OP");
        let kinds = [FeeKind::Medicines, FeeKind::Laboratory];
        let made = kinds.map(|kind| Fee::new(self.next("F"), kind, his_id, &visit));
        self.fees.extend(made.clone());
        made.into()
    }

    /// The doctor takes a line of an unpaid fee back. A kiosk that shows the list does not see it.
    pub fn change(&mut self, number: &str) {
        let fee = self.fees.iter_mut().find(|fee| fee.number == number);
        if let Some(fee) = fee.filter(|fee| fee.paid.is_none() && fee.lines.len() > 1) {
            fee.lines.pop();
        }
    }

    /// Takes what was ticked for paying: it must still be so, line by line.
    ///
    /// # Errors
    /// It changed after it was shown.
    pub fn lock(&self, ticked: &[Fee]) -> Result<(), Refused> {
        let is_there = |fee: &Fee| self.fees.contains(fee) && fee.paid.is_none();
        match ticked.iter().all(is_there) {
            true => Ok(()),
            false => Err(Refused::FeesChanged),
        }
    }

    /// These fees were paid by this settlement; their medicines may be picked up.
    pub fn pay(&mut self, fees: &[Fee], paid: &Paid) {
        for fee in &mut self.fees {
            if fees.iter().any(|it| it.number == fee.number) {
                fee.paid = Some(paid.clone());
            }
        }
    }

    /// The settlement was given back: the fees are to be paid again.
    pub fn give_back(&mut self, setl_id: &str) {
        for fee in &mut self.fees {
            if fee
                .paid
                .as_ref()
                .is_some_and(|paid| paid.setl_id == setl_id)
            {
                fee.paid = None;
            }
        }
    }

    /// The patient's reports, released or not.
    #[must_use]
    pub fn reports(&self, his_id: &str) -> Vec<Report> {
        let all = self.reports.iter();
        all.filter(|it| it.his_id == his_id).cloned().collect()
    }

    /// A report is on paper.
    pub fn printed(&mut self, number: &str) {
        for report in self.reports.iter_mut().filter(|it| it.number == number) {
            report.is_printed = true;
        }
    }

    /// What is paid for and waits at the pharmacy.
    #[must_use]
    pub fn to_hand_out(&self, his_id: &str) -> Vec<Prescription> {
        let waiting = self.fees.iter().filter(|fee| fee.his_id == his_id);
        waiting.filter_map(stock::prescription).collect()
    }

    /// The patient has the medicines.
    pub fn given(&mut self, number: &str) {
        for fee in self.fees.iter_mut().filter(|fee| fee.number == number) {
            fee.is_given = true;
        }
    }

    /// The patient brought these packages back.
    pub fn taken_back(&mut self, trace_codes: &[String]) {
        self.back_on_shelf.extend_from_slice(trace_codes);
    }

    /// Packages that came back, in order.
    #[must_use]
    pub fn back_on_shelf(&self) -> &[String] {
        &self.back_on_shelf
    }

    fn next(&mut self, what: &str) -> String {
        self.serial += 1;
        format!("{what}{}{:04}", self.opened, self.serial)
    }
}

#[cfg(test)]
mod tests;
