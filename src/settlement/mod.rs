//! PURE. What a settlement is and what comes next. No async, clock, randomness, files or sockets.
//!
//! `next(state, now)` names one effect; whoever carries it out turns its outcome into an [`event::Event`];
//! [`state::State::apply`] folds it. Nothing else changes a settlement.

pub mod amounts;
pub mod answer;
pub mod bill;
pub mod call;
pub mod checks;
pub mod code_kind;
pub mod credential;
pub mod errand;
pub mod event;
mod fold;
pub mod handout;
pub mod identify;
pub mod insurance;
pub mod known;
pub mod next;
pub mod order;
mod outcome;
pub mod reconcile;
pub mod refund;
pub mod resolve;
pub mod rules;
pub mod state;
pub mod steps;
pub mod story;
pub mod stuck;
pub mod tell;
pub mod year_to_date;

#[cfg(test)]
pub(crate) mod tests;
