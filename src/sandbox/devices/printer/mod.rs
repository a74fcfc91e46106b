//! An ESC/POS receipt printer: understands, draws, answers and fails like a real one of 80 mm and
//! 203 dots an inch.
//!
//! Written from the makers' command reference; shares nothing with the driver under test. Bytes go
//! `serve` → `machine` (buffer, sensors, faults) → `commands` → `interpreter` → `paper`; only
//! `serve` and `handle` know of tasks and sockets, the rest is pure.
//!
//! As a real one it cuts at a knife that stands 15 mm beyond the head, finds real-time commands in
//! any bytes, keeps what it received over a lost connection, and mixes half a command with the
//! next job's first bytes.

mod commands;
mod glyphs;
mod handle;
mod interpreter;
mod line;
mod machine;
mod paper;
mod png;
mod profile;
mod realtime;
mod serve;
mod status;
mod symbol;
mod text;

#[cfg(test)]
mod tests;

pub use commands::Cut;
pub use handle::Printer;
pub use interpreter::Oddity;
pub use machine::Counters;
pub use paper::{PAPER_DOTS, Paper};
pub use profile::{Charset, Full, Options};
