//! Append-only events in SQLite.
