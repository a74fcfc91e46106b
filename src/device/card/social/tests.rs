//! The reading of a 社保卡, on a card of a few records.

use std::collections::BTreeMap;

use encoding_rs::GB18030;

use super::*;
use crate::device::card::kinds;

/// A card that has SSSE and two files, or another one.
pub(in crate::device::card) struct Card {
    layout: Layout,
    files: BTreeMap<u8, Vec<(u8, Vec<u8>)>>,
    file: u8,
    /// The word that a command gets instead, by its number.
    refuse: Option<(usize, u16)>,
    /// Says how long an answer is before it gives it.
    is_coy: bool,
    commands: usize,
    keypad: Option<When>,
    /// Until its PIN is entered it gives no record.
    is_locked: bool,
    /// What the entry gives; each is there once.
    entries: Vec<u16>,
}

impl Card {
    fn new(layout: Layout) -> Self {
        let (name, _, _) = GB18030.encode("沈虚构");
        let mut filled = name.to_vec();
        filled.resize(30, 0);
        let sn = hex::decode("430100d15600000599000000000000ff").unwrap();
        let issuer = vec![
            (0x01, sn),
            (0x02, b"1".to_vec()),
            (0x03, b"2.00".to_vec()),
            (0x04, vec![0; 12]),
            (0x05, vec![0x20, 0x20, 0x01, 0x31]),
            (0x06, vec![0x20, 0x30, 0x01, 0x31]),
            (0x07, b"Z90000011".to_vec()),
        ];
        let holder = vec![
            (0x08, b"110101190001011009".to_vec()),
            (0x09, filled),
            (0x4e, vec![0; 20]),
        ];
        Self {
            layout,
            files: BTreeMap::from([(5, issuer), (6, holder)]),
            file: 0,
            refuse: None,
            is_coy: false,
            commands: 0,
            keypad: None,
            is_locked: false,
            entries: Vec::new(),
        }
    }

    /// Another person's card.
    pub(in crate::device::card) fn of(name: &str, certno: &str, card_no: &str) -> Self {
        let mut card = Self::new(kinds::layout(None).unwrap());
        let mut filled = GB18030.encode(name).0.into_owned();
        filled.resize(30, 0);
        let mut sn = card.files[&5][0].1.clone();
        sn.truncate(16 - card_no.len());
        sn.extend(card_no.as_bytes());
        let issuer = card.files.get_mut(&5).unwrap();
        issuer[0].1 = sn;
        issuer[6].1 = card_no.as_bytes().to_vec();
        let holder = card.files.get_mut(&6).unwrap();
        holder[0].1 = certno.as_bytes().to_vec();
        holder[1].1 = filled;
        card
    }

    /// It is in the place of this one, and where that was led to.
    pub(in crate::device::card) fn in_place_of(self, other: &Self) -> Self {
        let file = other.file;
        Self { file, ..self }
    }

    pub(in crate::device::card) fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        self.commands += 1;
        if let Some((at, word)) = self.refuse
            && at == self.commands
        {
            return word.to_be_bytes().to_vec();
        }
        match command {
            [0, 0xb2, ..] if self.is_locked => WANTS_PIN.to_be_bytes().to_vec(),
            [0, 0xa4, 0x04, 0, 15, name @ ..] if name == SSSE => vec![0x90, 0],
            [0, 0xa4, p1, 0, 2, 0xef, file] if *p1 == self.layout.select_file_p1 => {
                self.file = *file;
                vec![0x90, 0]
            }
            [0, 0xb2, p1, p2, length] => self.record(*p1, *p2, *length),
            _ => vec![0x6d, 0],
        }
    }

    fn record(&self, p1: u8, p2: u8, length: u8) -> Vec<u8> {
        let Some(records) = self.files.get(&self.file) else {
            return vec![0x69, 0x86];
        };
        let found = match p2 {
            0 => records.iter().find(|(tag, _)| *tag == p1),
            4 => records.get(usize::from(p1) - 1),
            _ => return vec![0x6a, 0x86],
        };
        let Some((tag, value)) = found else {
            return vec![0x6a, 0x83];
        };
        let whole = u8::try_from(value.len() + 2).unwrap();
        if self.is_coy && length != whole {
            return vec![0x6c, whole];
        }
        let mut answer = vec![*tag, whole - 2];
        answer.extend(value);
        answer.extend([0x90, 0]);
        answer
    }
}

impl Exchange for Card {
    async fn exchange(&mut self, command: &[u8]) -> Result<Bytes, Failure> {
        Ok(Bytes::new(self.answer(command)))
    }

    fn pin_when(&self) -> Option<When> {
        self.keypad
    }

    async fn enter_pin(&mut self) -> Result<Bytes, Failure> {
        let word = self.entries.pop().expect("it is asked for once");
        self.is_locked &= word != 0x9000;
        Ok(Bytes::new(word.to_be_bytes()))
    }
}

async fn shown(card: &mut Card) -> Result<ShownCard, Code> {
    let layout = card.layout;
    let read = read(card, "contact", layout, &[0x3b]).await;
    read.map_err(|failure| failure.error().code)
}

fn layouts() -> impl Iterator<Item = Layout> {
    let names = [
        "ssse",
        "ssse-by-number",
        "ssse-plain",
        "ssse-plain-by-number",
    ];
    names
        .into_iter()
        .map(|name| kinds::layout(Some(name)).unwrap())
}

#[tokio::test]
async fn every_layout_gives_the_same_person() {
    for (layout, is_coy) in layouts().flat_map(|l| [(l, false), (l, true)]) {
        let mut card = Card::new(layout);
        card.is_coy = is_coy;
        let shown = shown(&mut card).await.unwrap();
        assert_eq!(shown.name.expose(), "沈虚构");
        assert_eq!(shown.certno.expose(), "110101190001011009");
        assert_eq!(shown.card_no.expose(), "Z90000011");
        assert_eq!(shown.card_sn.expose(), "430100D15600000599000000000000FF");
        assert_eq!(
            (shown.region.as_str(), shown.version.as_str()),
            ("430100", "2.00")
        );
        assert_eq!(
            (shown.valid_from.as_str(), shown.valid_until.as_str()),
            ("2020-01-31", "2030-01-31")
        );
        let told = format!("{shown:?}");
        assert!(
            !told.contains("沈") && !told.contains("Z9") && !told.contains("D156"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn what_a_card_refuses_is_named() {
    let layout = kinds::layout(None).unwrap();
    for (at, word, code) in [
        (1, 0x6a82, Code::CardUnknownKind),
        (1, 0x6d00, Code::CardUnknownKind),
        (2, 0x6a82, Code::CardUnreadable),
        (3, 0x6982, Code::CardWantsPin),
        (3, 0x6983, Code::CardPinBlocked),
        (3, 0x6a83, Code::CardUnreadable),
        (8, 0x6f00, Code::CardUnreadable),
    ] {
        let mut card = Card::new(layout);
        card.refuse = Some((at, word));
        assert_eq!(shown(&mut card).await.unwrap_err(), code, "{at} {word:04x}");
    }
    // What a card may lack is empty.
    let mut card = Card::new(layout);
    card.refuse = Some((4, 0x6a83));
    assert_eq!(shown(&mut card).await.unwrap().version, "");
}

#[tokio::test]
async fn a_pin_is_asked_for_once_and_only_where_it_may_be() {
    let layout = kinds::layout(None).unwrap();
    for (keypad, is_locked, word, said) in [
        (Some(When::Wanted), true, 0x9000, None),
        (Some(When::Wanted), true, 0x63c2, Some(Code::CardPinWrong)),
        (
            Some(When::Wanted),
            true,
            0x6401,
            Some(Code::CardPinNotEntered),
        ),
        (Some(When::Always), false, 0x9000, None),
        (
            Some(When::Always),
            false,
            0x63c0,
            Some(Code::CardPinBlocked),
        ),
    ] {
        let mut card = Card::new(layout);
        (card.keypad, card.is_locked, card.entries) = (keypad, is_locked, vec![word]);
        assert_eq!(shown(&mut card).await.err(), said, "{keypad:?} {word:04x}");
        assert!(card.entries.is_empty());
    }
    for (keypad, is_locked, said) in [
        (None, true, Some(Code::CardWantsPin)),
        (None, false, None),
        (Some(When::Wanted), false, None),
    ] {
        let mut card = Card::new(layout);
        (card.keypad, card.is_locked) = (keypad, is_locked);
        assert_eq!(shown(&mut card).await.err(), said, "{keypad:?}");
    }
    // A card that still says so behind a PIN that it took is not asked again.
    let mut card = Card::new(layout);
    (card.keypad, card.entries) = (Some(When::Always), vec![0x9000]);
    card.refuse = Some((3, WANTS_PIN));
    assert_eq!(shown(&mut card).await.err(), Some(Code::CardWantsPin));
}

#[tokio::test]
async fn a_layout_of_another_card_is_noticed() {
    let layout = kinds::layout(Some("ssse-by-number")).unwrap();
    let mut card = Card::new(layout);
    card.files.get_mut(&5).unwrap().swap(5, 6);
    assert_eq!(shown(&mut card).await.unwrap_err(), Code::CardUnreadable);
}

#[tokio::test]
async fn no_answer_of_a_card_makes_us_ask_for_ever() {
    struct Endless;
    impl Exchange for Endless {
        async fn exchange(&mut self, _: &[u8]) -> Result<Bytes, Failure> {
            Ok(Bytes::new([0x61, 0x10]))
        }

        fn pin_when(&self) -> Option<When> {
            None
        }

        async fn enter_pin(&mut self) -> Result<Bytes, Failure> {
            unreachable!("it has no keypad")
        }
    }
    let layout = kinds::layout(None).unwrap();
    let read = read(&mut Endless, "contact", layout, &[]).await;
    assert_eq!(read.unwrap_err().error().code, Code::CardUnreadable);
}
