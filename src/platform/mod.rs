//! The insurance platform: port, HTTP, wire, signature, profile applied, session.
