//! What can go wrong with the journal, in words a sysadmin can act on.

use std::path::PathBuf;

/// Why the journal could not do what was asked. No variant carries personal data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory could not be read, made or locked.
    #[error("{}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The place is not fit for a journal: other users can read it, or it is not on a local disk.
    #[error("{}: {why}", path.display())]
    Place {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// Another process has this journal open.
    #[error("{}: another process uses this journal", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// There is no journal in this directory.
    #[error("{}: there is no journal here", path.display())]
    Absent {
        /// The directory.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("the journal's database refused")]
    Sqlite(#[from] rusqlite::Error),
    /// A setting that durability rests on did not take.
    #[error("the database setting {name} is {found}, it must be {wanted}")]
    Setting {
        /// Name of the PRAGMA.
        name: &'static str,
        /// What the journal needs.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// The file is of another program, or of a newer version of this one.
    #[error("this is not a journal that this version can read: {why}")]
    Format {
        /// What was found.
        why: String,
    },
    /// The site key file is missing, open to others or malformed.
    #[error("the site key {}: {why}", path.display())]
    SiteKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The site key is not the one this journal was written with (or its first record was changed).
    #[error("the site key does not fit the journal's first record")]
    WrongSiteKey,
    /// The directory belongs to another machine or desk number; nothing is written until it is
    /// adopted.
    #[error(
        "this journal is that of desk {number:03} {name}{}; `yibaoctl desk adopt` if it moved here",
        if *.other_machine { " on another machine" } else { "" }
    )]
    NotAdopted {
        /// The recorded desk name.
        name: String,
        /// The recorded desk number.
        number: u16,
        /// True when the machine differs, false when only the number does.
        other_machine: bool,
    },
    /// Events are missing that this desk had written; nothing is written until a person has looked.
    #[error(
        "this journal ends at record {last_seq}, it held {had_seq}: an old copy was put back, or the disk lost \
         records; compare with the platform, then `yibaoctl desk adopt`"
    )]
    RolledBack {
        /// The last record that it held.
        had_seq: i64,
        /// The last record that it holds.
        last_seq: i64,
    },
    /// This caller used this `request_id` before.
    #[error("this request_id was used before, by stream {stream}")]
    RequestTaken {
        /// The stream that has it.
        stream: String,
    },
    /// An open stream of the same kind works on this visit.
    #[error("the visit is being worked on by stream {stream}")]
    VisitOpen {
        /// The stream that was first.
        stream: String,
    },
    /// Somebody else has written to the stream since its writer looked.
    #[error("stream {stream} stands at {found}, the writer thought {expected}")]
    Moved {
        /// The stream.
        stream: String,
        /// The `stream_seq` the append was built on.
        expected: i64,
        /// The one that stands.
        found: i64,
    },
    /// An append or a question breaks a limit or a rule of this module.
    #[error("the journal does not take this: {why}")]
    Refused {
        /// Which limit or rule.
        why: String,
    },
    /// The disk is full and the ballast is spent. Nothing of the append was recorded.
    #[error("the disk is full")]
    DiskFull,
    /// Another process held the database for longer than the journal waits. Nothing was recorded.
    #[error("another process keeps the journal's database locked")]
    Busy,
    /// A record is not what was written.
    #[error("record {seq} was changed: {what}")]
    Damaged {
        /// Its place in the chain.
        seq: i64,
        /// Which part gives it away.
        what: &'static str,
    },
    /// The journal was closed, or stopped after a failed write.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// Wraps an I/O error with the path it is about.
    pub(super) fn io(path: &std::path::Path, source: impl Into<std::io::Error>) -> Error {
        Error::Io {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}
