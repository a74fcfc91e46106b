//! Card readers.
pub mod frame;
