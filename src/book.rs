//! The error book: code, name, meaning, what to do, state of the money, safe to repeat. One table.
