//! The simulated insurance platform and e-voucher service, at the far end of real HTTP.
//!
//! It judges the daemon: strict about every field, honest in its books, and able to do every fault
//! by name. So it shares no code with the client; field tables, amounts and money are written here
//! a second time on purpose. It must know nothing of the daemon's settlements, journal or devices.
//!
//! `server` carries a request through its faults to the `core`; `envelope` checks what all share,
//! `fields` the fields of each, `transactions` do the work on the `world`; [`Ledger`] is what
//! tests read.

pub mod catalogue;
pub mod clock;
mod control;
mod core;
pub mod envelope;
pub mod faults;
pub mod fields;
mod garble;
mod gateway;
mod habits;
pub mod ledger;
mod money;
mod routes;
mod server;
pub mod split;
mod statement;
pub mod switches;
mod transactions;
pub mod voucher;
pub mod world;
pub mod zip;

pub use gateway::Gateway;
pub use habits::{Habits, Signature, Signed, Style};
pub use ledger::{Duplicates, FeeLine, GoodsRow, Ledger, Outcome, Received, Settlement, Visit};
pub use money::{Fen, Ratio};
pub use server::{Hook, Platform};
pub use switches::Switches;
pub use voucher::CodeKind;
pub use world::Options;

#[cfg(test)]
mod tests;
