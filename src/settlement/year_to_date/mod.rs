//! PURE. What a person's care came to by now in the year (年度累计), for the settlement sheet.
//!
//! The platform is asked once, by 5206, when the first sheet of a settlement is wanted: long after the money is
//! settled, and nothing waits for it but that sheet. What comes of it is written down with the moment, so that
//! every later sheet and copy of the settlement says the same.
//!
//! ```text
//!  begun ─► asked ─┬ answered ─► had: the figures that this site prints
//!                  └ no, lost, late, of other words ─► missing: the sheet says so
//! ```
//!
//! * [`figures`] which rows of the answer count, and what is printed of them
//! * [`story`] the stream of it

pub mod figures;
pub mod story;

#[cfg(test)]
mod tests;
