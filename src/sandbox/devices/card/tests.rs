//! The far ends of card readers, looked at from the other side of their wires.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::sandbox::persons::everybody;

/// What a card answers to this command.
async fn said(card: &mut TcpStream, command: &[u8]) -> Option<Vec<u8>> {
    card.write_u16(u16::try_from(command.len()).unwrap())
        .await
        .ok()?;
    card.write_all(command).await.ok()?;
    let mut answer = vec![0; usize::from(card.read_u16().await.ok()?)];
    card.read_exact(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn a_card_answers_and_is_pulled_at_its_command() {
    let reader = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slot = CardSlot::at(reader.local_addr().unwrap().port());
    let person = &everybody()[0];
    slot.insert(SocialCard::of(person), Fault::PulledAt(4));
    let (mut card, _) = reader.accept().await.unwrap();
    let atr = said(&mut card, &[4]).await.unwrap();
    assert_eq!(atr[0], 0x3b);
    let select = hex::decode("00a404000f7378312e73682ec9e7bbe1b1a3d5cf").unwrap();
    assert_eq!(
        said(&mut card, &[0, 0xb2, 7, 0, 0]).await.unwrap(),
        [0x69, 0x86]
    );
    assert_eq!(said(&mut card, &select).await.unwrap(), [0x90, 0]);
    let file = [0, 0xa4, 2, 0, 2, 0xef, 5];
    assert_eq!(said(&mut card, &file).await.unwrap(), [0x90, 0]);
    assert_eq!(said(&mut card, &[0, 0xb2, 7, 0, 0]).await, None);
    assert_eq!(slot.commands(), 4);
}

#[tokio::test]
async fn another_card_stands_in_its_place() {
    let reader = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slot = CardSlot::at(reader.local_addr().unwrap().port());
    let [one, other] = [0, 1].map(|i| SocialCard::of(&everybody()[i]));
    slot.insert(one, Fault::SwappedAt(1, Box::new(other.forward())));
    let (mut card, _) = reader.accept().await.unwrap();
    assert_eq!(said(&mut card, &[0, 0xb2, 8, 0, 0]).await, None);
    let (mut card, _) = reader.accept().await.unwrap();
    let certno = said(&mut card, &[0, 0xb2, 8, 0, 0]).await.unwrap();
    assert_eq!(&certno[2..20], everybody()[1].idno.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_selects_and_reads_once() {
    let dir = tempfile::tempdir().unwrap();
    let reader = IdCardReader::start(dir.path()).unwrap();
    let path = reader.path().to_owned();
    let mut line = std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut ask = |command: &str, bytes: usize| {
        line.write_all(&hex::decode(command).unwrap()).unwrap();
        let mut answer = vec![0; bytes];
        line.read_exact(&mut answer).unwrap();
        answer
    };
    let (find, read) = ("aaaaaa96690003200122", "aaaaaa96690003300132");
    assert_eq!(hex::encode(ask(find, 11)), "aaaaaa9669000400008084");
    reader.lay(&everybody()[0]);
    assert_eq!(ask(find, 15)[9], 0x9f);
    assert_eq!(ask("aaaaaa96690003200221", 19)[9], 0x90);
    let whole = ask(read, 1_295);
    assert_eq!(
        &whole[..14],
        hex::decode("aaaaaa9669050800009001000400").unwrap()
    );
    assert_eq!(whole[5..].iter().fold(0, |sum, byte| sum ^ byte), 0);
    assert_eq!(ask(find, 11)[9], 0x80, "it lies there still");
    reader.lay(&everybody()[1]);
    reader.set_mood(Mood::WrongCheck);
    assert_ne!(ask(find, 15)[5..].iter().fold(0, |sum, byte| sum ^ byte), 0);
    tokio::time::timeout(Duration::from_secs(5), async { reader.unplug() })
        .await
        .unwrap();
}
