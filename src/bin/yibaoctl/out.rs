//! Where things are printed: results to stdout, progress and trouble to stderr, in the chosen character set.

use std::io::{IsTerminal as _, Write as _};

use crate::charset::{Charset, Missing};
use crate::draw::{self, Paint};
use crate::json;
use crate::trouble::Trouble;

/// Columns of files and pipes.
const WIDTH_DEFAULT: usize = 100;
/// Columns of a terminal that does not say, as a serial console does not.
const WIDTH_OF_TERMINAL: usize = 80;
/// Fewer columns are not drawn for.
const WIDTH_MIN: usize = 40;
/// More columns are left empty.
const WIDTH_MAX: usize = 160;

/// The two outputs and how to write on them.
#[derive(Debug)]
pub(crate) struct Out {
    charset: Charset,
    json: bool,
}

impl Out {
    pub(crate) fn new(charset: Charset, json: bool) -> Self {
        Self { charset, json }
    }

    /// Whether programs read stdout.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The set bills are read in.
    pub(crate) fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether progress may be redrawn in place.
    pub(crate) fn is_live(&self) -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
    }

    /// Colours for results.
    pub(crate) fn paint(&self) -> Paint {
        Paint::new(std::io::stdout().is_terminal() && has_colours())
    }

    /// Colours for progress and trouble.
    pub(crate) fn paint_notes(&self) -> Paint {
        Paint::new(std::io::stderr().is_terminal() && has_colours())
    }

    /// Columns of stdout.
    pub(crate) fn width(&self) -> usize {
        width_of(rustix::termios::tcgetwinsize(std::io::stdout()))
    }

    /// Columns that a table may take: a pipe takes all, so that nothing is cut for programs.
    pub(crate) fn width_of_table(&self) -> usize {
        match std::io::stdout().is_terminal() {
            true => self.width(),
            false => usize::MAX,
        }
    }

    /// Columns of stderr.
    pub(crate) fn width_notes(&self) -> usize {
        width_of(rustix::termios::tcgetwinsize(std::io::stderr()))
    }

    /// Lines to stdout. A reader that went away is no trouble of ours.
    pub(crate) fn lines(&self, lines: &[String]) {
        for line in lines {
            self.print(&format!("{line}\n"), Missing::CodePoint);
        }
    }

    /// One JSON object to stdout, a line.
    pub(crate) fn object(&self, json: &str) {
        self.print(&format!("{json}\n"), Missing::JsonEscape);
    }

    /// Lines to stderr.
    pub(crate) fn notes(&self, lines: &[String]) {
        for line in lines {
            self.note_raw(&format!("{line}\n"));
        }
    }

    /// Text to stderr as it is, for redrawing.
    pub(crate) fn note_raw(&self, text: &str) {
        let bytes = self.charset.encode(text, Missing::CodePoint);
        let mut stderr = std::io::stderr().lock();
        stderr.write_all(&bytes).and_then(|()| stderr.flush()).ok();
    }

    /// Says what went wrong: drawn on stderr; for programs also as the one object on stdout.
    pub(crate) fn trouble(&self, trouble: &Trouble) {
        let entry = trouble.entry();
        if self.json {
            self.object(&json::error(&entry));
        }
        let mut lines = draw::receipt::error(&entry, self.paint_notes(), self.width_notes());
        lines.extend(trouble.hints());
        self.notes(&lines);
    }

    fn print(&self, text: &str, missing: Missing) {
        let bytes = self.charset.encode(text, missing);
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&bytes).and_then(|()| stdout.flush()).ok();
    }
}

fn has_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn width_of(size: rustix::io::Result<rustix::termios::Winsize>) -> usize {
    match size {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).clamp(WIDTH_MIN, WIDTH_MAX),
        Ok(_) => WIDTH_OF_TERMINAL,
        Err(_) => WIDTH_DEFAULT,
    }
}
