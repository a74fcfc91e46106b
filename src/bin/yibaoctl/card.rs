//! `card`: reads a card and shows it, masked unless it is asked for otherwise.

mod each;

use yibaod::api::{CardMedium, ReadCardRequest, ReadCardResponse, ShownCard};

use crate::args::{Card, CardMediumArg};
use crate::connect::Door;
use crate::draw::{clean, words};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// The shortest number that keeps its ends when it is masked.
const LONG_CHARACTERS_MIN: usize = 15;

/// Runs it. With `--each` it ends with Ctrl-C, which frees the reader.
pub(crate) async fn run(door: &mut Door, wanted: &Card, out: &Out) -> Result<Exit, Trouble> {
    if wanted.each {
        return each::run(door, wanted, out).await;
    }
    let answer = door.devices.read_card(request(wanted)).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    show(answer, wanted, out);
    Ok(Exit::Fine)
}

fn request(wanted: &Card) -> ReadCardRequest {
    let media = wanted.media.iter().map(|medium| match medium {
        CardMediumArg::SocialCard => CardMedium::SocialCard.into(),
        CardMediumArg::ResidentId => CardMedium::ResidentId.into(),
    });
    ReadCardRequest {
        role: wanted.role.clone().unwrap_or_default(),
        media: media.collect(),
        wait_ms: wanted.wait_s.saturating_mul(1_000),
        claim_id: String::new(),
    }
}

fn show(mut answer: ReadCardResponse, wanted: &Card, out: &Out) {
    if !wanted.unmasked
        && let Some(card) = answer.card.as_mut()
    {
        mask(card);
    }
    if out.is_json() {
        out.object(&json::text(&answer));
    } else if let Some(card) = &answer.card {
        out.lines(&drawn(card));
    }
}

/// Hides what concerns the person.
pub(crate) fn mask(card: &mut ShownCard) {
    let mut name = card.name.chars();
    let first: String = name.next().into_iter().collect();
    card.name = first + &"*".repeat(name.count());
    for number in [&mut card.certno, &mut card.card_no, &mut card.card_sn] {
        *number = masked(number);
    }
    if let Some(resident) = card.resident.as_mut() {
        resident.birth = resident.birth.chars().map(hidden).collect();
        resident.address = "*".repeat(resident.address.chars().count());
        resident.photo.clear();
    }
}

fn hidden(character: char) -> char {
    if character.is_ascii_digit() {
        '*'
    } else {
        character
    }
}

fn masked(number: &str) -> String {
    let count = number.chars().count();
    let (head, tail) = if count >= LONG_CHARACTERS_MIN {
        (6, 4)
    } else {
        (0, count.min(2))
    };
    let characters = number.chars().enumerate();
    characters
        .map(|(i, c)| {
            if i < head || i + tail >= count {
                c
            } else {
                '*'
            }
        })
        .collect()
}

pub(crate) fn drawn(card: &ShownCard) -> Vec<String> {
    let (zh, en) = words::medium(card.medium());
    let until = match card.valid_until.as_str() {
        "long" => "长期",
        until => until,
    };
    let validity = match (card.valid_from.as_str(), until) {
        ("", "") => String::new(),
        (from, until) => format!("{from} – {until}"),
    };
    let mut rows = vec![
        ("证件", format!("{zh} {en} ({})", card.kind)),
        ("姓名", card.name.clone()),
        ("证件号码", card.certno.clone()),
        ("卡号", card.card_no.clone()),
        ("卡识别码", card.card_sn.clone()),
        ("有效期", validity),
        ("发卡地区", card.region.clone()),
        ("规范版本", card.version.clone()),
    ];
    if let Some(resident) = &card.resident {
        rows.extend([
            ("出生", resident.birth.clone()),
            ("住址", resident.address.clone()),
            ("签发机关", resident.issuer.clone()),
        ]);
    }
    rows.push(("ATR", card.atr.clone()));
    rows.retain(|(_, value)| !value.is_empty());
    let line = |(name, value): (&str, String)| format!("  {name}  {}", clean(&value));
    rows.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_drawn_masked() {
        let mut card = ShownCard {
            medium: CardMedium::SocialCard.into(),
            kind: "contact".into(),
            name: "欧阳虚构".into(),
            certno: "110101190001011009".into(),
            card_no: "Z90000011".into(),
            card_sn: "430100D156000005990000000000AB01".into(),
            valid_until: "long".into(),
            resident: Some(yibaod::api::ResidentCard {
                birth: "1900-01-01".into(),
                address: "虚构路1号".into(),
                photo: vec![1],
                ..yibaod::api::ResidentCard::default()
            }),
            ..ShownCard::default()
        };
        mask(&mut card);
        let all = drawn(&card).join("\n");
        for shown in [
            "欧***",
            "110101********1009",
            "*******11",
            "430100",
            "长期",
            "社会保障卡",
        ] {
            assert!(all.contains(shown), "{shown}: {all}");
        }
        for hidden in ["阳", "虚构路", "1900-01-01", "Z9"] {
            assert!(!all.contains(hidden), "{hidden}: {all}");
        }
        assert!(card.resident.unwrap().photo.is_empty());
    }
}
