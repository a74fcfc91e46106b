//! The desk's devices together, and the words by which scenarios and people move them.
//!
//! One line is one act: `scanner scan 2800…`, `printer paper-out 200`. The words are listed in
//! [`Devices::WORDS`].

use std::time::Duration;

use tokio::time::Instant;

use super::printer::Printer;
use super::scanner::{Scanner, Terminator};

/// Longest line taken.
const LINE_CHARS_MAX: usize = 8_192;
/// Longest wait a line may ask for.
const WAIT_MS_MAX: u64 = 600_000;

/// A scanner and a printer.
#[derive(Debug)]
pub struct Devices {
    /// The code scanner.
    pub scanner: Scanner,
    /// The receipt printer.
    pub printer: Printer,
}

impl Devices {
    /// What can be said, a line each.
    pub const WORDS: &str = "\
scanner scan CODE [cr|crlf|lf|none]
scanner scan-slowly GAP_MS CODE [cr|crlf|lf|none]
scanner scan-hex HEX
scanner speed BITS|any
scanner unplug
scanner replug
scanner settings
printer paper-out [BYTES]
printer near-end
printer refill
printer open-cover
printer close-cover
printer off
printer on
printer mute
printer no-process-ids
printer stale-process-ids
printer speak
printer drop-after BYTES
printer slow BYTES_A_SECOND
printer full-speed
printer unplug
printer replug
printer wait COUNT [MS]
printer text [NUMBER|last|hanging]
printer png NUMBER|last PATH
printer counters
printer errors
";

    /// Does what a line says; the answer is for people. Papers are numbered from 1.
    ///
    /// # Errors
    /// In words: what was not understood, or why it could not be done.
    pub async fn run(&self, line: &str) -> Result<String, String> {
        if line.chars().count() > LINE_CHARS_MAX {
            return Err(format!("a line has at most {LINE_CHARS_MAX} characters"));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["scanner", act @ ..] => self.run_scanner(act).await,
            ["printer", act @ ..] => match self.run_fault(act)? {
                true => Ok("ok".to_owned()),
                false => self.run_look(act).await,
            },
            _ => Err(unknown(&words)),
        }
    }

    async fn run_scanner(&self, act: &[&str]) -> Result<String, String> {
        let scanner = &self.scanner;
        let done = match act {
            ["scan", code] => scanner.scan(code.as_bytes(), Terminator::Cr).await,
            ["scan", code, end] => scanner.scan(code.as_bytes(), terminator(end)?).await,
            ["scan-slowly", gap, code, end @ ..] => {
                let end = end
                    .first()
                    .map_or(Ok(Terminator::Cr), |end| terminator(end))?;
                let gap = Duration::from_millis(number::<u64>(gap)?.min(WAIT_MS_MAX));
                scanner.scan_slowly(code.as_bytes(), end, gap).await
            }
            ["scan-hex", digits] => {
                let bytes = hex::decode(digits).map_err(|error| format!("{digits}: {error}"))?;
                scanner.scan_raw(&bytes).await
            }
            ["speed", "any"] => {
                scanner.set_speed(None);
                Ok(())
            }
            ["speed", bits] => {
                scanner.set_speed(Some(number(bits)?));
                Ok(())
            }
            ["unplug"] => {
                scanner.unplug();
                Ok(())
            }
            ["replug"] => scanner.replug(),
            ["settings"] => {
                let settings = scanner.line_settings().map_err(|error| error.to_string())?;
                return Ok(format!("{settings:?}"));
            }
            _ => return Err(unknown(act)),
        };
        done.map(|()| "ok".to_owned())
            .map_err(|error| error.to_string())
    }

    /// Acts that change the printer; `false`: it is not one of them.
    fn run_fault(&self, act: &[&str]) -> Result<bool, String> {
        let printer = &self.printer;
        match act {
            ["paper-out"] => printer.paper_out_after(0),
            ["paper-out", bytes] => printer.paper_out_after(number(bytes)?),
            ["near-end"] => printer.near_end(),
            ["refill"] => printer.refill(),
            ["open-cover"] => printer.open_cover(),
            ["close-cover"] => printer.close_cover(),
            ["off"] => printer.off(),
            ["on"] => printer.on(),
            ["mute"] => printer.mute(),
            ["no-process-ids"] => printer.mute_process_ids(),
            ["stale-process-ids"] => printer.stale_process_ids(),
            ["speak"] => printer.speak(),
            ["drop-after", bytes] => printer.drop_after(number(bytes)?),
            ["slow", bytes] => printer.pace(Some(number(bytes)?)),
            ["full-speed"] => printer.pace(None),
            ["unplug"] => printer.unplug(),
            ["replug"] => printer.replug().map_err(|error| error.to_string())?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn run_look(&self, act: &[&str]) -> Result<String, String> {
        let printer = &self.printer;
        match act {
            ["wait", count, wait @ ..] => {
                let wait = wait
                    .first()
                    .map_or(Ok(5_000), |ms| number::<u64>(ms))?
                    .min(WAIT_MS_MAX);
                let count = number(count)?;
                let deadline = Instant::now() + Duration::from_millis(wait);
                let papers = printer.wait_papers(count, deadline).await.len();
                if papers < count {
                    return Err(format!("{papers} papers after {wait} ms, not {count}"));
                }
                Ok(papers.to_string())
            }
            ["text"] => Ok(printer.papers().iter().map(|paper| paper.text()).collect()),
            ["text", "hanging"] => Ok(printer.hanging().text()),
            ["text", which] => Ok(self.paper(which)?.text()),
            ["png", which, path] => {
                let picture = self.paper(which)?.png();
                let written = tokio::fs::write(path, picture).await;
                written
                    .map(|()| (*path).to_owned())
                    .map_err(|error| format!("{path}: {error}"))
            }
            ["counters"] => Ok(format!("{:?}", printer.counters())),
            ["errors"] => Ok(printer
                .errors()
                .iter()
                .map(|odd| format!("{odd:?}\n"))
                .collect()),
            _ => Err(unknown(act)),
        }
    }

    fn paper(&self, which: &str) -> Result<super::printer::Paper, String> {
        let papers = self.printer.papers();
        let at = match which {
            "last" => papers.len(),
            _ => number(which)?,
        };
        let found = at.checked_sub(1).and_then(|at| papers.get(at)).cloned();
        found.ok_or_else(|| format!("there are {} papers", papers.len()))
    }
}

fn terminator(word: &str) -> Result<Terminator, String> {
    match word {
        "cr" => Ok(Terminator::Cr),
        "crlf" => Ok(Terminator::CrLf),
        "lf" => Ok(Terminator::Lf),
        "none" => Ok(Terminator::None),
        _ => Err(format!("{word}: cr, crlf, lf or none")),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("{word} is not a number that fits here"))
}

fn unknown(words: &[&str]) -> String {
    format!(
        "not understood: {}; the words are:\n{}",
        words.join(" "),
        Devices::WORDS
    )
}
