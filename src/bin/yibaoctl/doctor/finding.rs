//! What a check found: a line for people, an object for programs.

use serde_json::{Value, json};

use crate::draw::{Paint, clean, columns, left, wrapped};

/// Columns of what was looked at.
const SUBJECT_COLUMNS: usize = 24;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// As it should be.
    Fine,
    /// Not known here: it wants root, or something that is not there.
    Unseen,
    /// It works and is worth a person's look.
    Care,
    /// It keeps something from working.
    Bad,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Fine => "ok",
            Level::Unseen => "unseen",
            Level::Care => "warn",
            Level::Bad => "bad",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Level::Fine => "✓",
            Level::Unseen => "-",
            Level::Care => "!",
            Level::Bad => "✗",
        }
    }
}

/// The same in Chinese and English.
pub(crate) type Words = (String, String);

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at: `service.socket`. Stable.
    pub(crate) subject: String,
    pub(crate) level: Level,
    /// What was seen.
    pub(crate) seen: Words,
    /// What to do; empty when it is fine.
    pub(crate) advice: Words,
    /// What `--fix` may do about it.
    pub(crate) repair: Option<Repair>,
    /// The key of the configuration that it is about, as the sentences name it: a part of it may be made up.
    pub(crate) key: Option<String>,
}

/// What was seen and is not as it should be: it is no finding before it says what to do.
#[derive(Debug)]
pub(crate) struct Seen(Finding);

/// What is said where those who know the cause said nothing.
const ADVICE: (&str, &str) = (
    "查看 journalctl -u yibaod -n 50；仍不明白时用 yibaoctl support 打包后求助",
    "See journalctl -u yibaod -n 50; where that does not help, ask for help with a bundle of yibaoctl support",
);

/// What is safe to do without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Takes rights away from others.
    Mode { path: std::path::PathBuf, mode: u32 },
    /// Runs a program of the system that changes nothing for good.
    Run(Vec<String>),
    /// The same, once another says that nothing speaks against it.
    RunAfter {
        check: Vec<String>,
        run: Vec<String>,
    },
}

impl Finding {
    pub(crate) fn fine(subject: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(subject, Level::Fine, zh, en)
    }

    pub(crate) fn bad(subject: &str, zh: impl Into<String>, en: impl Into<String>) -> Seen {
        Seen(Self::new(subject, Level::Bad, zh, en))
    }

    pub(crate) fn care(subject: &str, zh: impl Into<String>, en: impl Into<String>) -> Seen {
        Seen(Self::new(subject, Level::Care, zh, en))
    }

    pub(crate) fn unseen(subject: &str, zh: impl Into<String>, en: impl Into<String>) -> Seen {
        Seen(Self::new(subject, Level::Unseen, zh, en))
    }

    fn new(subject: &str, level: Level, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            subject: subject.to_owned(),
            level,
            seen: (zh.into(), en.into()),
            advice: Words::default(),
            repair: None,
            key: None,
        }
    }

    pub(crate) fn repaired_by(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }

    /// The sentences name this key of the configuration.
    pub(crate) fn about(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(crate) fn object(&self) -> Value {
        json!({
            "subject": self.subject,
            "level": self.level.word(),
            "seenZh": self.seen.0,
            "seenEn": self.seen.1,
            "adviceZh": self.advice.0,
            "adviceEn": self.advice.1,
            "canBeFixed": self.repair.is_some(),
        })
    }

    /// Mark, subject, what was seen; what to do below it.
    pub(crate) fn lines(&self, paint: Paint, width: usize) -> Vec<String> {
        let painted = |line: String| match self.level {
            Level::Fine => line,
            Level::Unseen => paint.dim(&line),
            Level::Care => paint.care(&line),
            Level::Bad => paint.bad(&line),
        };
        let before = format!(
            "  {} {}  ",
            self.level.mark(),
            left(&self.subject, SUBJECT_COLUMNS)
        );
        let room = width.saturating_sub(columns(&before)).max(1);
        let mut lines = Vec::new();
        let seen = [&self.seen.0, &self.seen.1];
        let seen = seen.iter().flat_map(|text| wrapped(&clean(text), room));
        for (place, text) in seen.filter(|text| !text.is_empty()).enumerate() {
            let head = match place {
                0 => before.clone(),
                _ => " ".repeat(columns(&before)),
            };
            lines.push(painted(format!("{head}{text}").trim_end().to_owned()));
        }
        for text in [&self.advice.0, &self.advice.1] {
            // Lines of a file to write stand apart.
            let room = room.saturating_sub(2).max(1);
            let text: Vec<String> = (text.split('\n'))
                .flat_map(|text| wrapped(&clean(text), room))
                .collect();
            for (place, line) in text.iter().filter(|text| !text.is_empty()).enumerate() {
                let sign = if place == 0 { "→ " } else { "  " };
                lines.push(format!("{}{sign}{line}", " ".repeat(columns(&before))));
            }
        }
        lines
    }
}

impl Seen {
    /// What to do about it.
    pub(crate) fn so(self, zh: impl Into<String>, en: impl Into<String>) -> Finding {
        let (zh, en) = (zh.into(), en.into());
        let advice = match zh.is_empty() || en.is_empty() {
            true => (ADVICE.0.to_owned(), ADVICE.1.to_owned()),
            false => (zh, en),
        };
        Finding { advice, ..self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wrong_without_a_word_of_what_to_do() {
        let silent = Finding::care("x", "x", "x").so("", "only English");
        assert_eq!(silent.advice, (ADVICE.0.to_owned(), ADVICE.1.to_owned()));
    }

    #[test]
    fn a_line_says_what_was_seen_and_what_to_do_within_the_width() {
        let finding = Finding::bad("disk.free", "只剩 12 MiB", "12 MiB are left").so(
            "请清理磁盘，删除不需要的文件，至少留出一千兆字节的空间",
            "Make room on the disk: delete what is not needed, one GiB at least",
        );
        let lines = finding.lines(Paint::new(false), 60);
        assert_eq!(lines[0], "  ✗ disk.free                 只剩 12 MiB");
        assert!(lines.iter().all(|line| columns(line) <= 60), "{lines:?}");
        assert!(lines.join("").contains("→ Make room"), "{lines:?}");
    }
}
