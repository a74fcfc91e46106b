//! What a proof found, written down for the table that `tests/run` shows at its end.
//!
//! One `.row` file a proof in the folder that `YIBAO_PROOF` names, and a `.cells` file where the proof has
//! cells; without the folder it is printed only. It knows nothing of what is proven and needs nothing but
//! the standard library: the unit tests of the library use this file too.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// One proof that runs. It must be ended, also when something failed: a proof without a row was not made.
pub struct Proof {
    id: &'static str,
    en: &'static str,
    zh: &'static str,
    began: Instant,
    cells: String,
}

/// What came of it.
pub struct Found {
    /// Cases that were tried.
    pub count: u64,
    /// Cases in which something was wrong.
    pub failures: u64,
    /// First and last seed, where chance was used.
    pub seeds: Option<(u64, u64)>,
}

/// Whether the long form is wanted: the same code with larger numbers.
pub fn is_long() -> bool {
    std::env::var_os("YIBAO_LONG").is_some_and(|value| value == "1")
}

impl Proof {
    /// Begins now. `id` names its files.
    pub fn begin(id: &'static str, en: &'static str, zh: &'static str) -> Self {
        Self {
            id,
            en,
            zh,
            began: Instant::now(),
            cells: String::new(),
        }
    }

    /// One cell: which, how it ended, what the platform saw of it, how long it took.
    pub fn cell(&mut self, cell: &str, end: &str, sends: &str, took: Duration) {
        let took_ms = took.as_millis();
        writeln!(self.cells, "{cell}\t{end}\t{sends}\t{took_ms}").expect("a text grows");
    }

    /// Writes its row. Call it before any assertion about `found`.
    pub fn end(self, found: &Found) {
        let seeds = match found.seeds {
            Some((first, last)) => format!("{first}–{last}"),
            None => "–".to_owned(),
        };
        let seconds = self.began.elapsed().as_secs();
        let (en, zh) = (self.en, self.zh);
        let (count, failures) = (found.count, found.failures);
        let row = format!("{en}\t{zh}\t{count}\t{failures}\t{seeds}\t{seconds}\n");
        println!("proof: {}", row.trim_end().replace('\t', " | "));
        let Some(dir) = std::env::var_os("YIBAO_PROOF") else {
            return;
        };
        let dir = Path::new(&dir);
        std::fs::create_dir_all(dir).expect("the folder of YIBAO_PROOF can be made");
        let write = |ending: &str, text: &str| {
            let path = dir.join(format!("{}.{ending}", self.id));
            std::fs::write(&path, text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        write("row", &row);
        if !self.cells.is_empty() {
            write("cells", &self.cells);
        }
    }
}
