//! Every driver of card readers does what all must do, on a far end that plays the reader.

mod line;
mod program;

use crate::device::conformance::card;

#[tokio::test]
async fn a_reader_of_pcscd_conforms() {
    card::all_hold::<program::Program>().await;
}

#[tokio::test]
async fn a_resident_card_reader_conforms() {
    card::all_hold::<line::Line>().await;
}
