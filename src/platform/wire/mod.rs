//! PURE. Field names of the platform and our types, a file a group of transactions.
//!
//! [`request::build`] makes messages, [`answer::read`] reads them. Amounts never pass a float: they are
//! written from and read into text. This folder knows no sockets, clocks or sessions.

pub(super) mod answer;
mod dispense;
mod enquiry;
pub(super) mod envelope;
pub(super) mod errand;
mod fees;
pub(super) mod file;
mod json;
mod lines;
mod number;
mod person;
mod pharmacy;
pub(super) mod request;
mod setlinfo;
mod settle;
pub(super) mod sign_in;
mod statement;
mod visit;
pub(super) mod voucher;
mod year_to_date;
mod zip;

pub use lines::{LineFault, check_lines};
pub(super) use request::Expect;
