//! Carries one stream: next, do, record, fold.
