//! The devices of a desk, at the far end of their wires: a code scanner, a receipt printer, a
//! report printer, and what is shown to card readers.
//!
//! They know nothing of settlements, and share no code with the drivers they talk to.

pub mod card;
mod control;
pub mod printer;
mod pty;
pub mod report;
pub mod scanner;

#[cfg(test)]
mod tests;

pub use control::Devices;
pub use pty::LineSettings;
