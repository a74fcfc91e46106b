//! The far ends of all wires: platform, devices, scenario.

pub mod devices;
pub mod bills;
pub mod http;
pub mod persons;
pub mod platform;
pub mod scenario;
