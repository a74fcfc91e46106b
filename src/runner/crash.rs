//! Which settlement ended the process: a stream that did so twice is not carried a third time.
//!
//! A panic ends the process. On the way out the hook writes the stream's id into a file of its own; the next
//! start reads it. A kill from outside leaves no such file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A stream that ended the process so often is stuck.
pub(super) const CRASHES_MAX: usize = 2;

tokio::task_local! {
    /// The stream that the current task carries.
    pub(super) static STREAM: String;
}

/// Where the marks lie.
#[derive(Clone, Debug)]
pub struct Crashes {
    dir: PathBuf,
}

impl Crashes {
    /// In this directory, which is made when it is needed.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// From here on a panic says where it happened, marks the stream it happened in, and ends the process.
    /// Texts that were made at run time are withheld: they may name a person.
    pub fn install_hook(&self) {
        let marks = self.clone();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let text = info
                .payload()
                .downcast_ref::<&'static str>()
                .unwrap_or(&"(text withheld)");
            eprintln!("yibaod: panic at {place}: {text}");
            if let Ok(Err(error)) = STREAM.try_with(|stream| marks.mark(stream)) {
                eprintln!("yibaod: the crash could not be marked: {error}");
            }
            std::process::abort();
        }));
    }

    fn mark(&self, stream: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(stream))?;
        file.write_all(b".\n")?;
        file.sync_all()
    }

    /// How often this stream ended the process.
    #[must_use]
    pub(super) fn count(&self, stream: &str) -> usize {
        std::fs::read(self.path(stream)).map_or(0, |marks| marks.len() / 2)
    }

    /// The stream came to its end.
    pub(super) fn forget(&self, stream: &str) {
        match std::fs::remove_file(self.path(stream)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "a crash mark stays"),
        }
    }

    fn path(&self, stream: &str) -> PathBuf {
        // Streams are made by us: letters, digits and dashes.
        let name: String = stream
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        Path::new(&self.dir).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let crashes = Crashes::new(dir.path().join("crashed"));
        assert_eq!(crashes.count("a-1"), 0);
        crashes.mark("a-1").unwrap();
        crashes.mark("a-1").unwrap();
        assert_eq!(crashes.count("a-1"), CRASHES_MAX);
        assert_eq!(crashes.count("a-2"), 0);
        crashes.forget("a-1");
        assert_eq!(crashes.count("a-1"), 0);
    }
}
