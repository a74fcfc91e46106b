//! The far ends of all wires: platform, devices, scenario.

pub mod bills;
pub mod devices;
pub mod http;
pub mod lifeline;
pub mod persons;
pub mod platform;
pub mod scenario;
