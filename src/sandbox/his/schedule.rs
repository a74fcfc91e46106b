//! The schedule: departments, doctors, times; one patient each.

use super::Refused;
use super::fees::{FeeLine, line};
use crate::sandbox::platform::{Fen, catalogue};

/// A department.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Department {
    /// The hospital's code.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// National code of the kind of department (caty).
    pub caty: &'static str,
}

/// One time of one doctor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its number.
    pub id: u32,
    /// Where.
    pub department: Department,
    /// The doctor's name.
    pub doctor: &'static str,
    /// The doctor's national code.
    pub doctor_code: &'static str,
    /// `yyyy-MM-dd`.
    pub day: String,
    /// From and to.
    pub period: &'static str,
    holder: Option<String>,
    booked_by: Option<String>,
}

/// A time that is held until it is paid for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The order's number.
    pub number: String,
    /// What is held.
    pub slot: Slot,
    /// What it costs: registration and consultation.
    pub lines: Vec<FeeLine>,
}

impl Order {
    /// What it comes to.
    #[must_use]
    pub fn total(&self) -> Fen {
        self.lines.iter().map(|line| line.amount).sum()
    }
}

/// A patient's place in the line of a doctor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub u32);

/// All times of a day.
#[derive(Debug)]
pub struct Slots {
    slots: Vec<Slot>,
}

const INTERNAL: Department = Department {
    code: "0301",
    name: "内科门诊",
    caty: "A03",
};
const SURGERY: Department = Department {
    code: "0401",
    name: "外科门诊",
    caty: "A04",
};

impl Slots {
    pub(super) fn of(day: &str) -> Self {
        let doctors = [
            (INTERNAL, "虞问溪", "D430100099001"),
            (SURGERY, "柏闻舟", "D430100099002"),
        ];
        let periods = ["08:00-08:30", "08:30-09:00", "14:00-14:30"];
        let slot = |((department, doctor, doctor_code), period): (_, &'static str)| Slot {
            id: 0,
            department,
            doctor,
            doctor_code,
            day: day.to_owned(),
            period,
            holder: None,
            booked_by: None,
        };
        let all = doctors
            .into_iter()
            .flat_map(|doctor| periods.map(|period| (doctor, period)));
        let numbered = (1..).zip(all).map(|(id, one)| Slot { id, ..slot(one) });
        Self {
            slots: numbered.collect(),
        }
    }

    /// Departments that have a free time.
    #[must_use]
    pub fn departments(&self) -> Vec<Department> {
        let mut all: Vec<Department> = self.free().map(|slot| slot.department).collect();
        all.dedup();
        all
    }

    /// The free times, in order.
    pub fn free(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.holder.is_none())
    }

    pub(super) fn hold(&mut self, id: u32, number: String, his_id: &str) -> Result<Order, Refused> {
        let slot = self.slots.iter_mut().find(|slot| slot.id == id);
        let slot = slot.ok_or(Refused::Unknown)?;
        if slot.holder.is_some() {
            return Err(Refused::SlotLost);
        }
        slot.holder = Some(his_id.to_owned());
        Ok(Order {
            number,
            slot: slot.clone(),
            lines: vec![
                line("挂号费", catalogue::REGISTRATION, "F001", "1.00", 1, 100),
                line(
                    "普通门诊诊察费",
                    catalogue::CONSULTATION,
                    "F002",
                    "20.00",
                    1,
                    2_000,
                ),
            ],
        })
    }

    pub(super) fn book(&mut self, order: &Order, setl_id: &str) -> Result<Place, Refused> {
        let slot = self.slots.iter_mut().find(|slot| slot.id == order.slot.id);
        let slot = slot.ok_or(Refused::Unknown)?;
        if slot.holder != order.slot.holder || slot.booked_by.is_some() {
            return Err(Refused::SlotLost);
        }
        slot.booked_by = Some(setl_id.to_owned());
        Ok(Place(order.slot.id))
    }

    pub(super) fn lose(&mut self, order: &Order) {
        for slot in self.slots.iter_mut().filter(|it| it.id == order.slot.id) {
            slot.holder = Some("P000000".to_owned());
        }
    }
}
