//! The list of the HIS: what it believes was settled and given back in these days.
//!
//! CSV with a heading, or JSON: a list of objects. Columns and keys, in any order; others are passed over:
//!
//! | name | |
//! |---|---|
//! | `setl_id` | 结算ID |
//! | `mdtrt_id` | 就诊ID; needed where there is no setl_id |
//! | `amount` | 医疗费总额 in yuan as decimal text (`45.20`); a refund is a row of its own and negative |

use std::collections::BTreeMap;

use super::{Fault, ROWS_MAX};
use crate::book::Code;
use crate::settlement::bill::Fen;

/// Characters of a number of the platform.
const ID_CHARS_MAX: usize = 30;
const NAMES: [&str; 3] = ["setl_id", "mdtrt_id", "amount"];

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HisRow {
    /// 结算ID, may be empty.
    pub setl_id: String,
    /// 就诊ID, may be empty.
    pub mdtrt_id: String,
    /// 医疗费总额, negative for a refund.
    pub amount: Fen,
}

/// Reads the list in either form.
///
/// # Errors
/// The first line or entry that cannot be read.
pub fn parse(text: &str) -> Result<Vec<HisRow>, Fault> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let rows = if text.starts_with('[') {
        json(text)?
    } else {
        csv(text)?
    };
    if rows.len() > ROWS_MAX {
        let detail = format!("the list has more than {ROWS_MAX} entries");
        return Err(Fault::new(Code::TooManySettlements, detail));
    }
    Ok(rows)
}

fn json(text: &str) -> Result<Vec<HisRow>, Fault> {
    let list: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_str(text)
        .map_err(|error| unreadable(&format!("line {}: no list of objects", error.line())))?;
    list.iter()
        .enumerate()
        .map(|(at, object)| {
            let field = |name: &str| match object.get(name) {
                None | Some(serde_json::Value::Null) => Ok(String::new()),
                Some(serde_json::Value::String(text)) => Ok(text.trim().to_owned()),
                // Its digits as they stand: a number is never turned into a float.
                Some(serde_json::Value::Number(number)) => Ok(number.to_string()),
                Some(
                    serde_json::Value::Bool(_)
                    | serde_json::Value::Array(_)
                    | serde_json::Value::Object(_),
                ) => Err(unreadable(&format!("entry {}: {name} is no text", at + 1))),
            };
            let [setl_id, mdtrt_id, amount] = NAMES.map(field);
            row(&format!("entry {}", at + 1), setl_id?, mdtrt_id?, &amount?)
        })
        .collect()
}

fn csv(text: &str) -> Result<Vec<HisRow>, Fault> {
    let mut lines = text.lines().enumerate();
    let Some((_, heading)) = lines.next() else {
        return Err(unreadable(
            "it is empty; a list without entries has its heading",
        ));
    };
    let heading = fields(heading).ok_or_else(|| unreadable("line 1: a quote is not closed"))?;
    let at = |name: &str| heading.iter().position(|field| field == name);
    let [setl_id, mdtrt_id, amount] = NAMES.map(at);
    let Some(amount) = amount.filter(|_| setl_id.is_some() || mdtrt_id.is_some()) else {
        let what = "line 1: the heading must name amount and setl_id or mdtrt_id";
        return Err(unreadable(what));
    };
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let place = format!("line {}", number + 1);
            let fields = fields(line).filter(|fields| fields.len() == heading.len());
            let Some(fields) = fields else {
                let what = format!("{place}: not the {} fields of the heading", heading.len());
                return Err(unreadable(&what));
            };
            let field = |at: Option<usize>| at.map_or(String::new(), |at| fields[at].clone());
            row(&place, field(setl_id), field(mdtrt_id), &fields[amount])
        })
        .collect()
}

/// A line of CSV: fields between commas, quoted where they hold one. `None`: a quote is not closed.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.trim_end_matches('\r').chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                fields.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut()?.push(other),
        }
    }
    let trimmed = fields.into_iter().map(|field| field.trim().to_owned());
    (!quoted).then(|| trimmed.collect())
}

fn row(place: &str, setl_id: String, mdtrt_id: String, amount: &str) -> Result<HisRow, Fault> {
    if setl_id.is_empty() && mdtrt_id.is_empty() {
        return Err(unreadable(&format!(
            "{place}: neither setl_id nor mdtrt_id"
        )));
    }
    let is_id =
        |id: &str| id.chars().count() <= ID_CHARS_MAX && id.chars().all(|c| c.is_ascii_graphic());
    if !is_id(&setl_id) || !is_id(&mdtrt_id) {
        let what = format!("{place}: setl_id or mdtrt_id is no number of the platform");
        return Err(unreadable(&what));
    }
    let amount: Fen = amount
        .parse()
        .map_err(|error| unreadable(&format!("{place}: amount is {error}")))?;
    Ok(HisRow {
        setl_id,
        mdtrt_id,
        amount,
    })
}

fn unreadable(what: &str) -> Fault {
    Fault::new(Code::HisListUnreadable, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(setl_id: &str, mdtrt_id: &str, fen: i64) -> HisRow {
        HisRow {
            setl_id: setl_id.to_owned(),
            mdtrt_id: mdtrt_id.to_owned(),
            amount: Fen(fen),
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let expected = vec![
            entry("S1", "", 4_520),
            entry("", "M2", -5),
            entry("S3", "M3", 100),
        ];
        let csv = "\u{feff}no,amount,mdtrt_id,setl_id\r\n1,45.20,,S1\r\n2,-0.05,M2,\r\n\r\n\"a,b\"\"c\",1,\"M3\",S3\r\n";
        assert_eq!(parse(csv).unwrap(), expected);
        let json = r#" [{"setl_id":"S1","amount":45.20},{"mdtrt_id":"M2","amount":"-0.05","setl_id":null},
            {"setl_id":"S3","mdtrt_id":"M3","amount":1,"more":[]}]"#;
        assert_eq!(parse(json).unwrap(), expected);
        assert_eq!(parse("[]").unwrap(), []);
        assert_eq!(parse("setl_id,amount\n").unwrap(), []);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        for (text, place) in [
            ("", "empty"),
            ("\n \r\n", "empty"),
            ("\u{feff}\n", "empty"),
            ("setl_id\nS1", "line 1"),
            ("amount\n1", "line 1"),
            ("setl_id,amount\nS1", "line 2"),
            ("setl_id,amount\nS1,1.234", "line 2"),
            ("setl_id,amount\nS1,一", "line 2"),
            ("setl_id,amount\nS1,1\n,2", "line 3"),
            ("setl_id,amount\n\"S1,1", "line 2"),
            ("setl_id,amount\n张三,1", "line 2"),
            ("[{\"amount\":1}]", "entry 1"),
            ("[{\"setl_id\":true,\"amount\":1}]", "entry 1"),
            ("[{\"setl_id\":\"S\",\"amount\":1}", "line 1"),
            ("[1]", "line 1"),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.code, Code::HisListUnreadable, "{text}");
            assert!(fault.detail.contains(place), "{text}: {fault}");
            assert!(!fault.detail.contains("张三"), "{fault}");
        }
        let many = format!("setl_id,amount\n{}", "S,1\n".repeat(ROWS_MAX + 1));
        assert_eq!(parse(&many).unwrap_err().code, Code::TooManySettlements);
    }
}
