//! The devices of a desk, at the far end of their wires: a code scanner and a receipt printer.
//!
//! They know nothing of settlements, and share no code with the drivers they talk to.

mod control;
pub mod printer;
mod pty;
pub mod scanner;

#[cfg(test)]
mod tests;

pub use control::Devices;
pub use pty::LineSettings;
