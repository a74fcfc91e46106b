//! Every check by its table: what holds, and what each broken thing is called.

mod amounts;
mod lines;
mod order;
mod person;
