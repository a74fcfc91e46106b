//! What pcscd's side says is recorded without the card's holder.

use yibaod::sandbox::devices::card::Fault;

use super::broken::kill_program_of;
use super::{CardDesk, LONG_MS, until};
use crate::device::record::{Recording, innocent, written_down};

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_recorded_without_its_holder() {
    let card_desk = CardDesk::start().await;
    until(&card_desk.desk, "cards", |device| device.problem.is_none()).await;
    let mut recording = Recording::begin(&card_desk.desk, "cards", "pcsc-reader").await;
    // A way that begins anew: its numbers begin with one.
    kill_program_of(card_desk.desk.pid());
    for wanted in ["closed", "opened"] {
        recording.until(|line| line.ends_with(wanted)).await;
    }
    recording.until(|line| line.contains("\"readers\"")).await;
    card_desk.insert("employee", Fault::None);
    card_desk.read(LONG_MS).await.expect("a card");
    recording.until(|line| line.contains("\"ended\"")).await;
    let told = recording.end().await;
    innocent(&told, &card_desk.person("employee"), &[]);
    assert!(
        told.contains("\"Reader 1\"") && !told.contains("Virtual PCD"),
        "{told}"
    );
    assert_eq!(written_down(&card_desk.desk), 1);
}
