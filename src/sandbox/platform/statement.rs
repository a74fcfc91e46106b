//! Who was charged what: the rows of money as a table for people.

use super::money::Fen;
use super::world::World;

/// Places of an amount.
const AMOUNT_WIDTH: usize = 10;
/// Places of the numbers that the platform gives, and of a person's name in the sandbox.
const WIDTHS: [usize; 5] = [4, 22, 30, 30, 30];

/// The table, oldest row first, with the sum of what stands. Names are masked.
pub(super) fn of(world: &World) -> String {
    let amounts = ["total", "fund", "account", "cash"].map(|head| format!("{head:>AMOUNT_WIDTH$}"));
    let heads = ["no", "person", "mdtrt_id", "setl_id", "msgid"].map(str::to_owned);
    let mut text = line(&heads, &amounts, "state");
    let mut sums = [Fen::ZERO; 4];
    for row in &world.ledger.settlements {
        let parts = [
            row.amounts.total,
            row.amounts.fund(),
            row.amounts.account,
            row.amounts.cash,
        ];
        if !row.reversed {
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += part;
            }
        }
        let state = match (row.reversed, &row.refund_of, row.refunded) {
            (true, _, _) => "reversed".to_owned(),
            (false, Some(of), _) => format!("refund of {of}"),
            (false, None, true) => "refunded".to_owned(),
            (false, None, false) => "live".to_owned(),
        };
        let words = [
            row.infno.clone(),
            person(world, &row.psn_no),
            row.mdtrt_id.clone(),
            row.setl_id.clone(),
            row.medins_setl_id.clone(),
        ];
        text.push_str(&line(&words, &told(parts), &state));
    }
    let words = ["sum", "", "", "", ""].map(str::to_owned);
    text.push_str(&line(&words, &told(sums), "what stands"));
    text
}

fn told(parts: [Fen; 4]) -> [String; 4] {
    parts.map(|part| format!("{:>AMOUNT_WIDTH$}", part.to_string()))
}

fn line(words: &[String; 5], amounts: &[String; 4], state: &str) -> String {
    let mut text = String::new();
    for (word, width) in words.iter().zip(WIDTHS) {
        text.push_str(&format!("{word:<width$} "));
    }
    text.push_str(&amounts.concat());
    format!("{text}  {state}\n")
}

/// The name in the sandbox, and the masked one: these persons are invented, and nobody gets used to reading
/// whole names off a screen.
fn person(world: &World, psn_no: &str) -> String {
    let Some(person) = world.person_of(psn_no) else {
        return psn_no.to_owned();
    };
    let family: String = person.name.chars().take(1).collect();
    format!("{} {family}**", person.key)
}
