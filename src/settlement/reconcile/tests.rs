//! The core against sets and models.

mod compared;
mod model;
mod planted;
mod sets;
