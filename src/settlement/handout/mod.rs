//! PURE. Drugs handed out (3505A) and taken back (3506A): what is told to the platform, and the story of one telling.
//!
//! Nothing is published that asks what became of a lost 3505A. Unless the site says that telling it twice is as
//! once, a lost answer waits for a person.

mod check;
mod goods;
mod own;
mod resolve;
mod state;
mod story;

pub use check::{Fault, Returned, check, take_back};
pub use goods::{Goods, Payer, Pharmacist, Prescriber, Row};
pub use own::{Own, may_be_out, of_hand_out, same_document, same_person};
pub use resolve::{Resolution, Statement, check_stated};
pub use state::{Dispense, Ending, Order, Phase, RowResult, What};
pub use story::{Event, subject_of};

#[cfg(test)]
mod tests;
