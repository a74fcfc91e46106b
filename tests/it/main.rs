//! Across modules, on real wires: the shipped daemon between a simulated platform, scanner and printer.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod bills;
mod callers;
#[cfg(feature = "card")]
mod card;
mod codes;
mod desk;
mod device;
mod dispense;
mod fleet;
mod flows;
mod happy;
mod identify;
mod identity;
mod lost;
mod paper;
mod peers;
mod pharmacy;
mod platform;
mod print;
mod proof;
mod reconcile;
mod refund;
mod resolve;
mod sandbox;
mod told;
