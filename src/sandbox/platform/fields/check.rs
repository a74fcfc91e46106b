//! One check for all tables: presence, shape, length, code value.

use serde_json::{Map, Value};

use super::envelope::{ENVELOPE, VOUCHER};
use super::{Field, Need, Node, Shape, nodes};
use crate::sandbox::platform::money::{scaled, text_of};
use crate::sandbox::platform::{clock, zip};

/// Most rows of one list.
const ROWS_MAX: usize = 500;

/// What is wrong with a request, in the platform's words: label, reason and field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding(pub String);

/// Checks the envelope. Answers the names of fields that nobody asked for.
///
/// # Errors
/// The first thing wrong.
pub fn check_envelope(body: &Map<String, Value>) -> Result<Vec<String>, Finding> {
    let mut unknown = Vec::new();
    check_fields(ENVELOPE, body, "", false, &mut unknown)?;
    Ok(unknown)
}

/// Checks the data of an e-voucher query.
///
/// # Errors
/// The first thing wrong.
pub fn check_voucher(data: &Map<String, Value>) -> Result<Vec<String>, Finding> {
    let mut unknown = Vec::new();
    check_fields(VOUCHER, data, "data.", false, &mut unknown)?;
    Ok(unknown)
}

/// Checks the input of a transaction. Answers the names of fields that nobody asked for.
///
/// # Errors
/// The first thing wrong.
pub fn check_input(
    infno: &str,
    input: &Map<String, Value>,
    hunan: bool,
) -> Result<Vec<String>, Finding> {
    let Some(nodes) = nodes(infno) else {
        return Err(Finding(format!("不支持的交易编号{infno}[infno]")));
    };
    let mut unknown: Vec<String> = input
        .keys()
        .filter(|key| !nodes.iter().any(|node| node.name == **key))
        .cloned()
        .collect();
    for node in nodes {
        for (row, prefix) in rows(node, input)? {
            check_fields(node.fields, row, &prefix, hunan, &mut unknown)?;
        }
    }
    Ok(unknown)
}

type Row<'a> = (&'a Map<String, Value>, String);

fn rows<'a>(node: &Node, input: &'a Map<String, Value>) -> Result<Vec<Row<'a>>, Finding> {
    let finding = |what: &str| Finding(format!("{}{what}[{}]", node.label, node.name));
    let Some(value) = input.get(node.name).filter(|value| !value.is_null()) else {
        return Err(finding("不能为空"));
    };
    if !node.list {
        let row = value.as_object().ok_or_else(|| finding("格式不正确"))?;
        return Ok(vec![(row, format!("{}.", node.name))]);
    }
    let list = value.as_array().ok_or_else(|| finding("格式不正确"))?;
    if list.is_empty() {
        return Err(finding("不能为空"));
    }
    if list.len() > ROWS_MAX {
        return Err(finding("超过单次上传条数限制"));
    }
    let row = |(index, value): (usize, &'a Value)| {
        let row = value.as_object().ok_or_else(|| finding("格式不正确"))?;
        Ok((row, format!("{}[{index}].", node.name)))
    };
    list.iter().enumerate().map(row).collect()
}

fn check_fields(
    fields: &[Field],
    row: &Map<String, Value>,
    prefix: &str,
    hunan: bool,
    unknown: &mut Vec<String>,
) -> Result<(), Finding> {
    for field in fields {
        check_field(field, row, prefix, hunan, unknown)?;
    }
    let strange = row
        .keys()
        .filter(|key| !fields.iter().any(|field| field.name == **key));
    unknown.extend(strange.map(|key| format!("{prefix}{key}")));
    Ok(())
}

fn check_field(
    field: &Field,
    row: &Map<String, Value>,
    prefix: &str,
    hunan: bool,
    unknown: &mut Vec<String>,
) -> Result<(), Finding> {
    let finding = |what: &str| Finding(format!("{}{what}[{}]", field.label, field.name));
    let Some(value) = row.get(field.name).filter(|value| !is_empty(value)) else {
        let cert_type = row.get("mdtrt_cert_type").and_then(Value::as_str);
        let missing = match field.need {
            Need::Free => false,
            Need::Always => true,
            Need::Hunan => hunan,
            Need::WithIdNumber => cert_type == Some("02"),
            Need::WithCard => cert_type == Some("03"),
        };
        return if missing {
            Err(finding("不能为空"))
        } else {
            Ok(())
        };
    };
    match field.shape {
        Shape::Object => value
            .as_object()
            .map(|_| ())
            .ok_or_else(|| finding("格式不正确")),
        Shape::Bytes => zip::bytes_of(value)
            .map(|_| ())
            .ok_or_else(|| finding("格式不正确")),
        Shape::Number(digits, decimals) => check_number(value, digits, decimals).map_err(finding),
        Shape::Text(length) => {
            let text = value.as_str().ok_or_else(|| finding("格式不正确"))?;
            if text.chars().count() > length {
                return Err(finding(&format!("超过长度限制{length}")));
            }
            // A longer code under a national one is a province's own; flags of one digit have no
            // children.
            let known = |code: &&str| text == *code || (code.len() > 1 && text.starts_with(*code));
            if !field.codes.is_empty() && !field.codes.iter().any(known) {
                return Err(finding("代码值不正确"));
            }
            Ok(())
        }
        Shape::Rows(fields) => {
            let prefix = format!("{prefix}{}", field.name);
            check_rows(fields, value, &prefix, hunan, unknown).map_err(|what| match what {
                Wrong::Row(found) => found,
                Wrong::List(what) => finding(what),
            })
        }
        Shape::Moment => {
            let read = value.as_str().and_then(clock::parse_spaced);
            read.map(|_| ()).ok_or_else(|| finding("格式不正确"))
        }
        Shape::Day => {
            let good = value.as_str().is_some_and(clock::is_day);
            if good {
                Ok(())
            } else {
                Err(finding("格式不正确"))
            }
        }
    }
}

/// What is wrong with a list: the list itself, or one of its rows.
enum Wrong {
    List(&'static str),
    Row(Finding),
}

fn check_rows(
    fields: &[Field],
    list: &Value,
    prefix: &str,
    hunan: bool,
    unknown: &mut Vec<String>,
) -> Result<(), Wrong> {
    let list = list.as_array().ok_or(Wrong::List("格式不正确"))?;
    if list.len() > ROWS_MAX {
        return Err(Wrong::List("超过单次上传条数限制"));
    }
    for (index, value) in list.iter().enumerate() {
        let row = value.as_object().ok_or(Wrong::List("格式不正确"))?;
        let prefix = format!("{prefix}[{index}].");
        check_fields(fields, row, &prefix, hunan, unknown).map_err(Wrong::Row)?;
    }
    Ok(())
}

fn check_number(value: &Value, digits: usize, decimals: usize) -> Result<(), &'static str> {
    let text = text_of(value).ok_or("格式不正确")?;
    let whole = text
        .trim_start_matches('-')
        .split('.')
        .next()
        .unwrap_or_default();
    if whole.len() > digits - decimals {
        return Err("超过长度限制");
    }
    scaled(&text, decimals).map(|_| ()).ok_or("格式不正确")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
