//! The far ends of all wires: platform, devices, scenario.

pub mod devices;
