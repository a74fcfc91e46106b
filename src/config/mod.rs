//! Reads, merges and checks TOML into plain structs; site profiles too.

pub mod devices;
