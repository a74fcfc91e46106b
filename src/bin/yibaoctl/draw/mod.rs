//! Drawing for people: lines of text that fit the terminal. Pure: values in, lines out.

pub(crate) mod progress;
pub(crate) mod receipt;
pub(crate) mod refund;
pub(crate) mod table;
pub(crate) mod words;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    pub(crate) fn new(on: bool) -> Self {
        Self { on }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    pub(crate) fn care(self, text: &str) -> String {
        self.wrap("1;33", text)
    }

    fn wrap(self, sgr: &str, text: &str) -> String {
        match self.on && !text.is_empty() {
            true => format!("\x1b[{sgr}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// Columns that a text takes; a Chinese character takes two.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Filled up with spaces on the right.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Filled up with spaces on the left.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Not wider than `width`; what is cut off shows as `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// Broken into lines not wider than `width`: at spaces, and between Chinese characters.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if columns(&line) + columns(piece.trim_end()) > width && !line.is_empty() {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        // A word that is wider than a line, such as a path, is broken where the line is full.
        for character in piece.chars() {
            let wide = character.width().unwrap_or(0);
            if character != ' ' && columns(&line) + wide > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(character);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// What must stay together: a word with the space after it, a wide character with closing marks after it.
fn pieces(text: &str) -> Vec<&str> {
    let closing = |c: char| "，。、；：！？）】」』”’".contains(c);
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut last: Option<char> = None;
    for (at, next) in text.char_indices() {
        let breaks = last.is_some_and(|last| {
            let wide = last.width() == Some(2) || next.width() == Some(2);
            (last == ' ' && next != ' ') || (wide && next != ' ' && !closing(next) && last != '（')
        });
        if breaks {
            pieces.push(&text[begin..at]);
            begin = at;
        }
        last = Some(next);
    }
    pieces.push(&text[begin..]);
    pieces
}

/// Without control characters: others' words must not move the cursor.
pub(crate) fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// Fen as yuan: `-0.05`, `190.20`.
pub(crate) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// The time of day of an RFC 3339 text, as it is written there.
pub(crate) fn time_of_day(rfc3339: &str) -> &str {
    rfc3339.get(11..19).unwrap_or(rfc3339)
}

/// Day and time of an RFC 3339 text.
pub(crate) fn day_and_time(rfc3339: &str) -> String {
    match (rfc3339.get(5..10), rfc3339.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        (_, _) => rfc3339.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_to_the_fen() {
        for (fen, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (19_020, "190.20"),
            (-105, "-1.05"),
        ] {
            assert_eq!(yuan(fen), text);
        }
        assert_eq!(yuan(i64::MIN), "-92233720368547758.08");
    }

    #[test]
    fn chinese_takes_two_columns() {
        assert_eq!(columns("医保pay"), 7);
        assert_eq!(cut("医保结算", 8), "医保结算");
        assert_eq!(cut("医保结算", 7), "医保结…");
        assert_eq!(cut("医保结算", 6), "医保…");
        assert_eq!(columns(&left("医保", 7)), 7);
        assert_eq!(right("医", 4), "  医");
    }

    #[test]
    fn a_word_that_is_wider_than_a_line_is_broken() {
        let path = "/dev/serial/by-id/usb-scanner";
        let lines = wrapped(&format!("at {path}, 好"), 12);
        assert_eq!(lines, ["at", "/dev/serial/", "by-id/usb-sc", "anner, 好"]);
        assert_eq!(wrapped("", 12), [""]);
    }

    #[test]
    fn lines_break_between_characters_but_not_before_a_full_stop() {
        let lines = wrapped("请患者打开医保码，对准扫码器。", 12);
        assert!(lines.iter().all(|line| columns(line) <= 12), "{lines:?}");
        assert!(
            lines.iter().all(|line| !line.starts_with(['，', '。'])),
            "{lines:?}"
        );
        assert_eq!(lines.concat(), "请患者打开医保码，对准扫码器。");
        assert_eq!(
            wrapped("show the code again", 9),
            ["show the", "code", "again"]
        );
    }

    #[test]
    fn others_words_cannot_move_the_cursor() {
        assert_eq!(clean("a\x1b[2J\nb"), "a [2J b");
    }
}
