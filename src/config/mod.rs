//! Reads, merges and checks TOML into plain structs; site profiles too.
//!
//! Three stages, each apart: files become one table (`layers`), the table is read key by key and every
//! problem is collected (`keys`), the rest of the program sees checked plain structs ([`settings`],
//! [`profile`]). An unknown key is an error that names the file and the key. This folder knows no other.

pub mod access;
mod at;
pub mod codes;
pub mod devices;
mod difference;
pub mod doors;
pub mod keypad;
mod keys;
mod layers;
pub mod profile;
mod profile_check;
mod profile_gateway;
mod profile_paths;
mod profile_read;
pub mod profile_report;
mod profile_texts;
mod profile_year;
mod queue;
pub mod running;
pub mod secrets;
pub mod settings;

pub use difference::{Difference, Written};
pub use keys::{ConfigError, Problem, Words};
pub use profile::Profile;
pub use secrets::Secrets;
pub use settings::Settings;

#[cfg(test)]
mod manual;
#[cfg(test)]
mod tests;
