//! Stories that random search found, each kept under its own name.
