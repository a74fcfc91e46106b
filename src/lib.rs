//! yibaod: one local call runs a medical-insurance settlement.
//!
//! The map. Who may import whom is the table below; `tests/tidy.rs` holds it.
//!
//! | folder | what | may import |
//! |---|---|---|
//! | [`settlement`] | PURE: bill, credential, events, state, steps, next, checks | book, person |
//! | [`document`] | PURE: what can be put on paper, the life of a print job | settlement, book, person |
//! | [`journal`] | append-only events in SQLite | settlement, closed, book, person |
//! | [`platform`] | the insurance platform: wire, profile, HTTP, sign-in | settlement, config, book, person, observe |
//! | [`device`] | the hub, links, scanners, printers, card readers | document, config, book, person, observe |
//! | [`runner`] | carries one stream: next, do, record, fold | settlement, document, journal, platform, device, leaves but api |
//! | [`operation`] | what can be asked, a file each | runner and all that it may import |
//! | [`ipc`] | the doors: access, convert, gRPC | operation, settlement, document, leaves |
//! | [`daemon`] | composition; the only folder that knows everything | everything but sandbox |
//! | `sandbox` | the far ends of all wires | `settlement::bill` only, for `Fen` |
//! | `sandbox::acting` | the people of the five flows, before the gRPC door | sandbox, api |
//!
//! Leaves import nothing of ours but one another downwards: [`config`], [`book`], [`person`], [`observe`],
//! [`api`], [`closed`], [`settlement::bill`]. `config` may use `book` and `closed`.

pub mod api;
pub mod book;
pub mod closed;
pub mod config;
pub mod daemon;
pub mod device;
pub mod document;
pub mod ipc;
pub mod journal;
pub mod observe;
pub mod operation;
pub mod person;
pub mod platform;
pub mod runner;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod settlement;
