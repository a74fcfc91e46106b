//! What the sandbox prints: lines for people, in colours on a terminal.

use std::io::{IsTerminal as _, Write as _};

use unicode_width::UnicodeWidthStr as _;

/// Columns of a heading's rule.
const RULE_COLUMNS: usize = 78;

/// A terminal or a pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Say {
    colours: bool,
}

impl Say {
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            colours: wanted && std::io::stdout().is_terminal(),
        }
    }

    /// One line. A reader that went away is no trouble of ours.
    pub(crate) fn line(self, line: &str) {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{line}")
            .and_then(|()| stdout.flush())
            .ok();
    }

    /// Several.
    pub(crate) fn lines(self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    /// The head of everything.
    pub(crate) fn title(self, en: &str, zh: &str) {
        self.line("");
        self.line(&format!("  {}  {zh}", self.bold(en)));
        self.line(
            &self.dim("  simulated platform, scanner and printer; the real yibaod between them"),
        );
        self.line(&self.dim("  模拟的医保平台、扫码器与小票打印机，中间是真正的 yibaod"));
        self.line("");
    }

    /// A heading.
    pub(crate) fn section(self, en: &str, zh: &str) {
        let words = format!("{zh} {en}");
        let rest = RULE_COLUMNS.saturating_sub(words.width() + 6);
        self.line("");
        self.line(&format!(
            "  {} {} {}",
            self.dim("──"),
            self.bold(&words),
            self.dim(&"─".repeat(rest))
        ));
        self.line("");
    }

    /// Something that is ready.
    pub(crate) fn done(self, en: &str, zh: &str, what: &str) {
        let name = left(&format!("{zh} {en}"), 22);
        self.line(&format!("  {} {name}{}", self.good("✓"), self.dim(what)));
    }

    /// A check and whether it holds.
    pub(crate) fn check(self, holds: bool, what: &str) {
        let sign = if holds {
            self.good("✓")
        } else {
            self.bad("✗")
        };
        self.line(&format!("  {sign} {what}"));
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
        match self.colours && !text.is_empty() {
            true => format!("\x1b[{sgr}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// Filled up with spaces on the right, by columns.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Filled up with spaces on the left, by columns.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

/// A frame around lines: each as plain text for its width, and as it is shown.
pub(crate) fn framed(content: &[(String, String)]) -> Vec<String> {
    let inner = content
        .iter()
        .map(|(plain, _)| plain.width())
        .max()
        .unwrap_or(0);
    let mut lines = vec![format!("  ╭{}╮", "─".repeat(inner))];
    for (plain, shown) in content {
        let fill = " ".repeat(inner.saturating_sub(plain.width()));
        lines.push(format!("  │{shown}{fill}│"));
    }
    lines.push(format!("  ╰{}╯", "─".repeat(inner)));
    lines
}

/// Fen as yuan.
pub(crate) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// Who pays, as a bar of `columns`: 基金 █, 账户 ▓, 现金 ░.
pub(crate) fn bar(fund: i64, account: i64, cash: i64, columns: usize) -> String {
    let parts = [("█", fund), ("▓", account), ("░", cash)];
    let total: i64 = parts.iter().map(|(_, fen)| (*fen).max(0)).sum();
    let wide = i64::try_from(columns).unwrap_or(0);
    let mut bar = String::new();
    let mut before = 0;
    for (sign, fen) in parts {
        let end = before + fen.max(0);
        let place = |fen: i64| fen.saturating_mul(wide).checked_div(total).unwrap_or(0);
        let cells = usize::try_from(place(end) - place(before)).unwrap_or(0);
        bar.push_str(&sign.repeat(cells));
        before = end;
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_wide_as_it_should_be() {
        for (fund, account, cash) in [(1, 1, 1), (8_000, 6_000, 5_020), (0, 0, 5), (19_020, 0, 0)] {
            assert_eq!(
                bar(fund, account, cash, 40).width(),
                40,
                "{fund} {account} {cash}"
            );
        }
        assert_eq!(bar(0, 0, 0, 40), "");
        assert_eq!(bar(1, 2, 1, 4), "█▓▓░");
    }

    #[test]
    fn frames_close_around_chinese() {
        let text = " 请患者出示医保码 ".to_owned();
        let lines = framed(&[(text.clone(), text)]);
        assert!(
            lines.iter().all(|line| line.width() == lines[0].width()),
            "{lines:?}"
        );
    }
}
