//! The client against raw peers, golden messages and every kind of answer.

mod answers;
mod fixtures;
mod goods;
mod limits;
mod lines;
mod messages;
mod peers;
mod pharmacy;
mod signing;
mod tls;
mod year_to_date;
