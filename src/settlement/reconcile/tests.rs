//! The core against sets and models.

mod compared;
mod encoding;
mod large;
mod model;
mod planted;
mod sets;
mod unnamed;
