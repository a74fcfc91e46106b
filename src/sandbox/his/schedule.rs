//! The schedule: departments, doctors, times of this day and of the next; one patient each. And who registered.

use jiff::civil::Date;

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

/// For which day somebody registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This one, 当日挂号.
    Today,
    /// The next one, 预约挂号.
    Appointment,
}

impl When {
    /// As the kiosk's button says it.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            When::Today => "当日挂号",
            When::Appointment => "预约挂号",
        }
    }

    /// The same in English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            When::Today => "today",
            When::Appointment => "by appointment",
        }
    }

    /// What the numbers of such orders begin with.
    pub(super) fn letters(self) -> &'static str {
        match self {
            When::Today => "GH",
            When::Appointment => "YY",
        }
    }
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
    /// Which day that is.
    pub when: When,
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

/// A patient's place in the line of a doctor on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub u32);

/// A time that was paid for: the order is a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The order's number.
    pub number: String,
    /// Whose.
    pub his_id: String,
    /// Department, doctor, day and time.
    pub slot: Slot,
    /// The place in the doctor's line.
    pub place: Place,
    /// The platform's id of the settlement that paid for it.
    pub setl_id: String,
}

/// All times of two days.
#[derive(Debug)]
pub struct Slots {
    slots: Vec<Slot>,
    /// The first period of this day that can be had.
    next_today: &'static str,
}

/// From and to, of every doctor on every day, in order.
/// The last ones are of the evening clinic, so that one is left whenever somebody looks.
const PERIODS: [&str; 8] = [
    "08:00-08:30",
    "08:30-09:00",
    "14:00-14:30",
    "16:00-16:30",
    "18:00-18:30",
    "20:00-20:30",
    "22:00-22:30",
    "23:30-24:00",
];
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
    /// Of this day, from this time on, and of the one after it. Behind the last time of a day that one is still had.
    pub(super) fn of(day: &str, time: &str) -> Self {
        let doctors = [
            (INTERNAL, "虞问溪", "D430100099001"),
            (SURGERY, "柏闻舟", "D430100099002"),
        ];
        let days = [
            (When::Today, day.to_owned()),
            (When::Appointment, day_after(day)),
        ];
        let mut slots = Vec::new();
        for (when, day) in days {
            for (department, doctor, doctor_code) in doctors {
                slots.extend(PERIODS.map(|period| Slot {
                    id: 0,
                    department,
                    doctor,
                    doctor_code,
                    when,
                    day: day.clone(),
                    period,
                    holder: None,
                    booked_by: None,
                }));
            }
        }
        for (slot, id) in slots.iter_mut().zip(1..) {
            slot.id = id;
        }
        let next = PERIODS.into_iter().find(|period| *period >= time);
        let [.., last] = PERIODS;
        Self {
            slots,
            next_today: next.unwrap_or(last),
        }
    }

    /// Departments that have a free time then.
    #[must_use]
    pub fn departments(&self, when: When) -> Vec<Department> {
        let mut all: Vec<Department> = self.free(when).map(|slot| slot.department).collect();
        all.dedup();
        all
    }

    /// The free times of that day, in order; of this one none that is past.
    pub fn free(&self, when: When) -> impl Iterator<Item = &Slot> {
        let of_day = self.slots.iter().filter(move |slot| slot.when == when);
        let next = match when {
            When::Today => self.next_today,
            When::Appointment => "",
        };
        of_day.filter(move |slot| slot.holder.is_none() && slot.period >= next)
    }

    /// Which day this time is of.
    pub(super) fn when(&self, id: u32) -> Option<When> {
        let slot = self.slots.iter().find(|slot| slot.id == id);
        slot.map(|slot| slot.when)
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

    pub(super) fn book(&mut self, order: &Order, setl_id: &str) -> Result<Registered, Refused> {
        let slot = self.slots.iter_mut().find(|slot| slot.id == order.slot.id);
        let slot = slot.ok_or(Refused::Unknown)?;
        let holder = slot.holder.clone().ok_or(Refused::SlotLost)?;
        if slot.holder != order.slot.holder || slot.booked_by.is_some() {
            return Err(Refused::SlotLost);
        }
        slot.booked_by = Some(setl_id.to_owned());
        let slot = slot.clone();
        let is_of_line = |it: &&Slot| (it.doctor_code, it.when) == (slot.doctor_code, slot.when);
        let line = self.slots.iter().filter(is_of_line);
        let place = (1..).zip(line).find(|(_, it)| it.id == slot.id);
        Ok(Registered {
            number: order.number.clone(),
            his_id: holder,
            place: Place(place.map_or(0, |(place, _)| place)),
            slot,
            setl_id: setl_id.to_owned(),
        })
    }

    pub(super) fn lose(&mut self, order: &Order) {
        for slot in self.slots.iter_mut().filter(|it| it.id == order.slot.id) {
            slot.holder = Some("P000000".to_owned());
        }
    }
}

fn day_after(day: &str) -> String {
    let day = Date::strptime("%Y-%m-%d", day).and_then(Date::tomorrow);
    day.expect("a HIS opens on a day of the calendar")
        .to_string()
}
