//! What a sheet may not keep to itself: that it is a copy, that its money went back.
//!
//! A template of before a mark existed would make a sheet that passes for a good original. So it makes none.

use serde_json::Value;

use crate::typeset::{Fault, SHEET_MARKS, SHEET_TEMPLATE};
use crate::world::Sheet;

/// A mark that these values bear and that no file of the template names. Asked once it is typeset: all its files
/// are read then.
pub(crate) fn unnamed(sheet: &Sheet, values: &[u8]) -> Option<Fault> {
    let values: Value = serde_json::from_slice(values).unwrap_or_default();
    let is_borne = |field: &str| match values.get(field) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(_) => true,
    };
    let mut marks = SHEET_MARKS.into_iter().filter(|(field, _)| is_borne(field));
    let (field, mark) = marks.find(|(field, _)| !sheet.reads(field))?;
    Some(Fault::Template {
        file: SHEET_TEMPLATE.to_owned(),
        line: 0,
        column: 0,
        message: format!(
            "模板没有取用 {field}，本单必须印“{mark}” it reads no `{field}`, which this sheet must show"
        ),
    })
}
