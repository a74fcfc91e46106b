//! Across modules, on real wires: the shipped daemon between a simulated platform, scanner and printer.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod bills;
mod bus;
mod callers;
#[cfg(feature = "card")]
mod card;
mod clients;
mod codes;
mod desk;
mod device;
mod dispense;
mod doors;
mod fleet;
mod flows;
mod happy;
mod identify;
mod identity;
mod looked_over;
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
mod service;
mod sheet;
mod told;
