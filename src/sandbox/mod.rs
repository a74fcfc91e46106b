//! The far ends of all wires: platform, devices, scenario. And who stands before the door: a small HIS, and the people
//! of the five flows.

pub mod acting;
pub mod bills;
pub mod devices;
pub mod his;
pub mod http;
pub mod lifeline;
pub mod persons;
pub mod platform;
pub mod scenario;
