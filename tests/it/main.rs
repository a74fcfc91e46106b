//! Across modules, on real wires: the shipped daemon between a simulated platform, scanner and printer.

mod desk;
mod happy;
mod kill;
