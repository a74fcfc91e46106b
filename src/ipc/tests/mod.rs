//! The doors together, over real sockets: JSON beside gRPC, TCP beside the local socket, and who may do what by each.

mod half;
mod hand;
mod json;
mod rights;
mod streams;
mod tcp;

use hand::{Doors, TOKEN, post};
