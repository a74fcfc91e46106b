//! The platform over real HTTP, asked by a small client that writes its own bytes.

mod chain;
mod desk;
mod faults;
mod pharmacy;
mod rules;
mod statement;
mod strict;
mod wire;
