//! What patients show to card readers: 社保卡 in a virtual reader of pcscd, 居民身份证 on a reader at a terminal line.
//!
//! Both are written from what the specifications and makers publish, apart from the drivers that read them.

mod resident;
mod slot;
mod social;

#[cfg(test)]
mod tests;

pub use resident::{IdCardReader, Mood};
pub use slot::{CardSlot, Fault};
pub use social::SocialCard;
