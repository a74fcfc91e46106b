//! 9101 文件上传, 9102 文件下载, and the text of a statement's details in them.
//!
//! Lines end with a line feed, columns are parted by tabs, an empty value is `null`, text is UTF-8. The bytes
//! of the ZIP go up as the profile says and are read back in any of the forms that were seen.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::unreadable;
use super::envelope::Answer;
use super::json::{Node, Object, Unreadable};
use super::zip;
use crate::book::Code;
use crate::config::Profile;
use crate::config::profile::FileBytes;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::reconcile::ROWS_MAX;
use crate::settlement::reconcile::row::{DetailRow, StatementRow};

/// Columns of the result, in the reference's order.
const RESULT_COLUMNS: usize = 10;
/// Lines of a result: both sides may have all theirs in it, twice over.
const LINES_MAX: usize = 4 * ROWS_MAX;
/// Characters of one value.
const VALUE_CHARS_MAX: usize = 500;
const EMPTY: &str = "null";
const REFUNDED: &str = "1";
/// How a ZIP begins.
const ZIP_BEGIN: &[u8] = b"PK\x03\x04";

/// 9101 of a statement's details.
pub(super) fn upload(profile: &Profile, name: &str, rows: &[DetailRow]) -> Object {
    let bytes = zip::pack(&format!("{name}.txt"), text(rows).as_bytes());
    let node = Object::new();
    let node = match profile.reconciliation.upload_bytes {
        FileBytes::Base64 => node.text("in", &STANDARD.encode(&bytes)),
        FileBytes::Numbers => node.numbers("in", bytes.iter().map(|byte| i16::from(*byte))),
        FileBytes::Signed => {
            node.numbers("in", bytes.iter().map(|byte| i16::from(byte.cast_signed())))
        }
    };
    let node = node
        .text("filename", &format!("{name}.zip"))
        .text("fixmedins_code", &profile.fixmedins_code);
    Object::new().object("fsUploadIn", node)
}

fn text(rows: &[DetailRow]) -> String {
    let mut text = String::new();
    let value = |text: &str| match text {
        "" => EMPTY.to_owned(),
        text => text.replace(|c: char| c.is_control(), " "),
    };
    for row in rows {
        let columns = [
            value(&row.setl_id),
            value(&row.mdtrt_id),
            value(&row.psn_no),
            row.total.to_string(),
            row.fund.to_string(),
            row.account.to_string(),
            if row.refunded { "1" } else { "0" }.to_owned(),
        ];
        text.push_str(&columns.join("\t"));
        text.push('\n');
    }
    text
}

/// 9101's answer: its output, or a node in it.
pub(super) fn read_uploaded(output: &Node) -> Result<Found, Unreadable> {
    let inner = output.object("fsUploadOut").ok().flatten();
    let info = inner.as_ref().unwrap_or(output);
    Ok(Found::File {
        file_qury_no: info.short_required("file_qury_no")?,
        filename: info.name("filename")?,
    })
}

/// 9102.
pub(super) fn download(profile: &Profile, file_qury_no: &str, filename: &str) -> Object {
    let node = Object::new()
        .text("file_qury_no", file_qury_no)
        .text("filename", filename)
        .text("fixmedins_code", &profile.fixmedins_code);
    Object::new().object("fsDownloadIn", node)
}

/// 9102's answer in JSON.
pub(super) fn read_downloaded(profile: &Profile, answer: &Answer) -> Outcome {
    let field = &profile.reconciliation.download_field;
    let bytes = answer
        .node
        .raw("output")
        .and_then(|output| bytes_of(output, field, true));
    match bytes {
        Some(bytes) => statement(&bytes),
        None => unreadable("9102 without the bytes of a file"),
    }
}

/// 9102's answer where it is the file itself.
pub(in crate::platform) fn is_file(body: &[u8]) -> bool {
    body.starts_with(ZIP_BEGIN)
}

/// Bytes as a list of numbers, as base64, or in a field of an object; each may stand in JSON text.
fn bytes_of(json: &str, field: &str, may_be_text: bool) -> Option<Vec<u8>> {
    if json.starts_with('[') {
        let numbers: Vec<i16> = serde_json::from_str(json).ok()?;
        let byte = |number: i16| {
            let unsigned = u8::try_from(number).ok();
            unsigned.or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
        };
        return numbers.into_iter().map(byte).collect();
    }
    if json.starts_with('{') {
        let node = Node::parse(json)?;
        return bytes_of(node.raw(field)?, field, may_be_text);
    }
    let text: String = serde_json::from_str(json).ok()?;
    let text = text.trim();
    if may_be_text && text.starts_with(['{', '[']) {
        return bytes_of(text, field, false);
    }
    STANDARD.decode(text).ok()
}

/// The lines of a 3202 result in its ZIP.
pub(in crate::platform) fn statement(zip: &[u8]) -> Outcome {
    let content = match zip::unpack(zip) {
        Ok(content) => content,
        Err(fault) => {
            let (code, why) = match fault {
                zip::Fault::Cut => (Code::StatementFileCut, "the ZIP is cut or changed"),
                zip::Fault::TooLarge => (Code::StatementFileTooLarge, "the ZIP holds too much"),
                zip::Fault::Unknown => (Code::StatementFileWrong, "not one plain file in a ZIP"),
            };
            return fault_of(code, why);
        }
    };
    let Ok(text) = std::str::from_utf8(&content) else {
        return fault_of(Code::StatementFileWrong, "the text is no UTF-8");
    };
    match lines(text) {
        Ok(rows) => Outcome::Done {
            found: Some(Found::Statement(rows)),
        },
        Err((code, why)) => fault_of(code, &why),
    }
}

/// Nothing that counts came back; the file may be fetched again.
fn fault_of(code: Code, why: &str) -> Outcome {
    Outcome::Unknown {
        code,
        why: why.to_owned(),
    }
}

fn lines(text: &str) -> Result<Vec<StatementRow>, (Code, String)> {
    let text = text.trim_start_matches('\u{feff}');
    let ends = text.is_empty() || text.ends_with('\n');
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > LINES_MAX {
        let why = format!("more than {LINES_MAX} lines");
        return Err((Code::StatementFileTooLarge, why));
    }
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // Some write a heading and some end with an empty line.
        if line.trim().is_empty() || (at == 0 && line.starts_with("psn_no\t")) {
            continue;
        }
        let is_last = at + 1 == lines.len();
        let row = row(line).ok_or_else(|| {
            let code = match is_last && !ends {
                true => Code::StatementFileCut,
                false => Code::StatementFileWrong,
            };
            let columns = line.split('\t').count();
            (
                code,
                format!("line {}: {columns} columns, or no amounts in them", at + 1),
            )
        })?;
        rows.push(row);
    }
    Ok(rows)
}

fn row(line: &str) -> Option<StatementRow> {
    let columns: Vec<&str> = line.split('\t').collect();
    let columns: &[&str; RESULT_COLUMNS] = columns.as_slice().try_into().ok()?;
    let value = |at: usize| match columns[at].trim() {
        EMPTY => "",
        text => text,
    };
    let too_long = (0..RESULT_COLUMNS).any(|at| value(at).chars().nth(VALUE_CHARS_MAX).is_some());
    let text = |at: usize| value(at).to_owned();
    let fen = |at: usize| match value(at) {
        "" => Some(Fen::ZERO),
        text => text.parse::<Fen>().ok(),
    };
    (!too_long).then_some(())?;
    Some(StatementRow {
        psn_no: text(0),
        mdtrt_id: text(1),
        setl_id: text(2),
        msgid: text(3),
        stmt_rslt: text(4),
        refunded: value(5) == REFUNDED,
        memo: text(6),
        total: fen(7)?,
        fund: fen(8)?,
        account: fen(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "P1\tM1\tS1\tH1\t1\t0\tnull\t45.2\t20\tnull";

    fn code(content: &[u8]) -> Option<Code> {
        match statement(&zip::pack("result.txt", content)) {
            Outcome::Done { .. } => None,
            Outcome::Unknown { code, .. } => Some(code),
            Outcome::Refused { .. } | Outcome::NotSent { .. } => panic!("a file is read or not"),
        }
    }

    #[test]
    fn a_result_is_read() {
        let text = format!(
            "\u{feff}psn_no\tmdtrt_id\n{LINE}\r\nP2\tnull\tnull\tnull\t1\t1\t多笔\t-1\t-1\t0\n\n"
        );
        let found = statement(&zip::pack("result.txt", text.as_bytes()));
        let Outcome::Done {
            found: Some(Found::Statement(rows)),
        } = found
        else {
            panic!("{found:?}");
        };
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].total, rows[0].fund, rows[0].account),
            (Fen(4_520), Fen(2_000), Fen(0))
        );
        assert_eq!(
            (rows[0].setl_id.as_str(), rows[0].memo.as_str()),
            ("S1", "")
        );
        assert!(rows[1].refunded && rows[1].setl_id.is_empty() && rows[1].memo == "多笔");
        assert_eq!(code(b""), None);
    }

    #[test]
    fn a_cut_text_and_wrong_columns_are_told_apart() {
        assert_eq!(
            code(format!("{LINE}\n{}", &LINE[..9]).as_bytes()),
            Some(Code::StatementFileCut)
        );
        assert_eq!(code(b"a\tb\n"), Some(Code::StatementFileWrong));
        assert_eq!(
            code(format!("{LINE}\tmore\n").as_bytes()),
            Some(Code::StatementFileWrong)
        );
        assert_eq!(
            code(LINE.replace("45.2", "x").as_bytes()),
            Some(Code::StatementFileCut)
        );
        assert_eq!(
            code(format!("{}\n", LINE.replace("45.2", "4.567")).as_bytes()),
            Some(Code::StatementFileWrong)
        );
        assert_eq!(code(&[0xff, 0xfe, b'\n']), Some(Code::StatementFileWrong));
        let many = format!("{LINE}\n").repeat(LINES_MAX + 1);
        assert_eq!(code(many.as_bytes()), Some(Code::StatementFileTooLarge));
    }

    #[test]
    fn bytes_are_read_in_every_form() {
        let bytes = Some(vec![80, 75, 200]);
        for json in [
            "[80,75,200]",
            "[80, 75, -56]",
            "\"UEvI\"",
            "{\"in\":[80,75,200]}",
            "{\"in\":\"UEvI\"}",
            "\"{\\\"in\\\":[80,75,200]}\"",
            "\"[80,75,200]\"",
        ] {
            assert_eq!(bytes_of(json, "in", true), bytes, "{json}");
        }
        for json in [
            "[300]",
            "{\"out\":[1]}",
            "\"一\"",
            "null",
            "{}",
            "[1.5]",
            "\"{\\\"in\\\":\\\"[1]\\\"}\"",
        ] {
            assert_eq!(bytes_of(json, "in", true), None, "{json}");
        }
    }
}
