//! How far the journal had come, kept outside its directory, so that an old copy that was put back shows.
//!
//! The file lies beside the directory (`journal.high-water`) and holds the place and the link of the last event,
//! and the marks: numbers that were given out are not given again by what is left.
//! It is written after each commit, without a sync of its own, and so is never ahead of a journal whose disk
//! keeps its word. At the start the journal must hold that event: when it ends before it, or has another one
//! there, it was rolled back or the disk lost what it had confirmed. Either way events are missing that were
//! acknowledged, and nothing may be settled on what is left until a person has looked.
//!
//! What cannot be told: a journal rolled back together with this file (a snapshot of the whole machine), and one
//! whose file was removed. A file that cannot be read counts as removed: a power cut may tear it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::Error;
use super::append::Tail;
use super::space::{check_names, private};

const ENDING: &str = "high-water";
const FORMAT: &str = "yibaod-high-water-1";
/// Length of the line, so that one is written whole over the other: less than what a disk writes at once.
const LINE_BYTES: usize = 480;
/// Characters of the check at the end of the line.
const CHECK_CHARS: usize = 16;

/// The journal ends before what it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    /// The last event that it held.
    pub(super) had_seq: i64,
    /// The last event that it holds.
    pub(super) last_seq: i64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct HighWater {
    path: PathBuf,
    /// `None`: it cannot be written; said once.
    file: Option<File>,
    marks: BTreeMap<String, i64>,
}

/// What a line says.
struct Noted {
    seq: i64,
    link: String,
    marks: BTreeMap<String, i64>,
}

impl HighWater {
    /// The file beside this journal's directory.
    pub(super) fn beside(dir: &Path) -> Self {
        let path = dir.with_extension(ENDING);
        let opened = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| Error::io(&path, source))
            .and_then(|file| check_names(&path, &file).map(|()| file));
        let file = match opened {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a journal rolled back would not show");
                None
            }
        };
        let marks = BTreeMap::new();
        Self { path, file, marks }
    }

    /// Whether the journal that ends there lacks what it held.
    ///
    /// # Errors
    /// The journal cannot be asked.
    pub(super) fn compare(&self, conn: &Connection, tail: &Tail) -> Result<Option<Behind>, Error> {
        let Some(noted) = self.read() else {
            return Ok(None);
        };
        let had_seq = noted.seq;
        let link: Option<Vec<u8>> = conn
            .prepare_cached("SELECT link FROM event WHERE seq = ?1")?
            .query_row([had_seq], |row| row.get(0))
            .optional()?;
        let is_there = link.is_some_and(|link| hex::encode(link) == noted.link);
        Ok((!is_there && had_seq > 0).then_some(Behind {
            had_seq,
            last_seq: tail.seq,
        }))
    }

    /// The marks as they were noted last.
    pub(super) fn noted_marks(&self) -> BTreeMap<String, i64> {
        self.read().map(|noted| noted.marks).unwrap_or_default()
    }

    fn read(&self) -> Option<Noted> {
        let mut bytes = [0_u8; LINE_BYTES];
        let length = self.file.as_ref()?.read_at(&mut bytes, 0).ok()?;
        if length == 0 {
            return None;
        }
        let read = parse(std::str::from_utf8(&bytes[..length]).unwrap_or(""));
        if read.is_none() {
            tracing::warn!(path = %self.path.display(), "cannot be read; it is begun anew");
        }
        read
    }

    /// Takes the marks that the journal holds, before the first note.
    ///
    /// # Errors
    /// The journal cannot be asked.
    pub(super) fn take_marks(&mut self, conn: &Connection) -> Result<(), Error> {
        let mut select = conn.prepare("SELECT name, value FROM mark")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.marks = rows.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Notes that the journal holds all up to there, on disk, and these marks.
    pub(super) fn note<'a>(
        &mut self,
        tail: &Tail,
        marks: impl IntoIterator<Item = &'a (String, i64)>,
    ) {
        for (name, value) in marks {
            match self.marks.get_mut(name) {
                Some(stands) => *stands = (*stands).max(*value),
                None => drop(self.marks.insert(name.clone(), *value)),
            }
        }
        let Some(file) = &self.file else {
            return;
        };
        if let Err(error) = file.write_all_at(line(tail, &self.marks).as_bytes(), 0) {
            tracing::warn!(path = %self.path.display(), %error, "a journal rolled back would not show");
            self.file = None;
        }
    }
}

fn line(tail: &Tail, marks: &BTreeMap<String, i64>) -> String {
    let marks: Vec<String> = marks
        .iter()
        .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_lowercase()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let text = format!(
        "{FORMAT} {} {} {}",
        tail.seq,
        hex::encode(tail.link),
        marks.join(",")
    );
    let width = LINE_BYTES - CHECK_CHARS - 2;
    let text = format!("{text:<width$}");
    format!("{text} {}\n", check(&text))
}

fn parse(line: &str) -> Option<Noted> {
    let (text, told) = line.strip_suffix('\n')?.rsplit_once(' ')?;
    if check(text) != told {
        return None;
    }
    let mut words = text.split(' ');
    if words.next()? != FORMAT {
        return None;
    }
    let (seq, link) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let marks = words.next()?.split(',').filter_map(|mark| {
        let (name, value) = mark.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    Some(Noted {
        seq,
        link,
        marks: marks.collect(),
    })
}

fn check(text: &str) -> String {
    let mut check = hex::encode(Sha256::digest(text.as_bytes()));
    check.truncate(CHECK_CHARS);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_or_not_at_all() {
        let tail = Tail {
            seq: 41,
            link: [0xab; 32],
        };
        let marks = BTreeMap::from([("msgid".to_owned(), 17), ("serial".to_owned(), -3)]);
        let line = line(&tail, &marks);
        assert_eq!(line.len(), LINE_BYTES);
        let read = parse(&line).unwrap();
        assert_eq!((read.seq, read.marks), (41, marks));
        assert_eq!(read.link, "ab".repeat(32));
        for at in 0..line.len() {
            assert!(parse(&line[..at]).is_none(), "cut at {at}");
            let mut torn = line.clone().into_bytes();
            torn[at] ^= 1;
            assert!(
                std::str::from_utf8(&torn).map_or(true, |torn| parse(torn).is_none()),
                "changed at {at}"
            );
        }
    }
}
