//! PURE. What a settlement is and what comes next. No async, clock, randomness, files or sockets.

pub mod amounts;
pub mod answer;
pub mod bill;
pub mod call;
pub mod known;
pub mod order;
