//! emupos, an ESC/POS printer that others wrote: it draws what it is sent, says what it read, and fails when it is told to.
//!
//! It knows no Chinese mode: each byte of GB18030 becomes a character of code page 437, from which the bytes are read back.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use encoding_rs::GB18030;
use tempfile::TempDir;
use tokio::time::Instant;
use yibaod::sandbox::lifeline::Tie;

use crate::desk::{eventually, free_port};
use crate::peers::tool;

/// Longest start of one that runs.
const START_S_MAX: u64 = 60;
const LOOK_MS: u64 = 20;
/// Starts before it is given up: another program may take a port that was free.
const STARTS_MAX: usize = 5;
/// The last line of its greeting, on the output that tells its events.
const GREETED: &str = "Showing events";
/// What bytes from 80h on are in code page 437.
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦\
    ╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// One printer, until it is dropped.
pub(super) struct Emupos {
    dir: TempDir,
    port: u16,
    control: String,
    child: Child,
    _tie: Tie,
}

/// What it made of one paper.
pub(super) struct Drawn {
    /// A PNG.
    pub(super) png: Vec<u8>,
    /// Its lines, without the spaces before and after them.
    pub(super) lines: Vec<String>,
}

impl Emupos {
    pub(super) async fn start() -> Self {
        for _ in 0..STARTS_MAX {
            if let Some(started) = Self::try_start().await {
                return started;
            }
        }
        panic!("it does not start");
    }

    /// `None`: a port was taken meanwhile.
    async fn try_start() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let control = port + 1;
        let config = format!(
            "schema: 1\napi: {{ host: 127.0.0.1, port: {control} }}\ndevices:\n  - id: front\n    \
             type: printer\n    profile: epson-tm-t20iii\n    job_idle_timeout_ms: 600000\n    \
             receipts_dir: ./receipts\n    connections:\n      - tcp: {{ port: {port} }}\n"
        );
        std::fs::write(dir.path().join("emupos.yaml"), config).expect("its folder");
        let said = File::create(dir.path().join("said")).expect("its folder");
        let mut command = Command::new(tool("YIBAO_EMUPOS"));
        command.args(["run", "--config", "emupos.yaml"]);
        command.current_dir(dir.path()).process_group(0);
        // A line an event.
        command.env("PYTHONUNBUFFERED", "1").env("COLUMNS", "1000");
        let errors = said.try_clone().expect("a descriptor");
        command.stdin(Stdio::null()).stdout(said).stderr(errors);
        let child = command.spawn().expect("tests/run installs it");
        let tie = Tie::group(child.id()).expect("a shell");
        let control = format!("http://127.0.0.1:{control}");
        let mut it = Self {
            dir,
            port,
            control,
            child,
            _tie: tie,
        };
        let until = Instant::now() + Duration::from_secs(START_S_MAX);
        while !it.said().contains(GREETED) {
            if it.child.try_wait().expect("its child").is_some() {
                return None;
            }
            assert!(Instant::now() < until, "{}", it.said());
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        Some(it)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// All it said so far: its events, a line each.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("said")).expect("its file")
    }

    /// Makes it fail, by its own command.
    pub(super) fn fail(&self, fault: &str) {
        self.fault("set", fault);
    }

    pub(super) fn mend(&self, fault: &str) {
        self.fault("clear", fault);
    }

    fn fault(&self, what: &str, fault: &str) {
        let mut command = Command::new(tool("YIBAO_EMUPOS"));
        command.args(["--api", &self.control, "fault", what, "front", fault]);
        let done = command.output().expect("tests/run installs it");
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{fault}: {errors}");
    }

    /// The papers that came out, the oldest first, as soon as there are so many. One more is seen by who asks later.
    pub(super) async fn papers(&self, count: usize) -> Vec<Drawn> {
        let enough = async || Some(self.finished()).filter(|all| all.len() >= count);
        let all = eventually(enough)
            .await
            .unwrap_or_else(|| panic!("{}", self.said()));
        all.iter().map(|path| drawn(path)).collect()
    }

    /// Papers that are whole on its disk; the names begin with the time.
    pub(super) fn finished(&self) -> Vec<PathBuf> {
        let Ok(folder) = std::fs::read_dir(self.dir.path().join("receipts")) else {
            return Vec::new();
        };
        let paths = folder.map(|entry| entry.expect("an entry").path());
        let mut all: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .collect();
        all.sort();
        all
    }
}

impl Drop for Emupos {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().expect("its child");
    }
}

fn drawn(path: &Path) -> Drawn {
    let text = std::fs::read_to_string(path.with_extension("txt")).expect("its text");
    Drawn {
        png: std::fs::read(path.with_extension("png")).expect("its picture"),
        lines: text.lines().map(|line| read_back(line.trim())).collect(),
    }
}

/// The Chinese that was written in these characters of code page 437.
fn read_back(line: &str) -> String {
    // What is drawn of modules and dots it tells in its own words.
    if line.starts_with("[qr ") || line.starts_with("[image ") {
        return line.to_owned();
    }
    let bytes = line.chars().map(|character| {
        let above = CODE_PAGE_437.chars().position(|one| one == character);
        let byte = above.map_or(u32::from(character), |at| {
            0x80 + u32::try_from(at).expect("few")
        });
        u8::try_from(byte).unwrap_or_else(|_| panic!("{character:?} is no byte: {line}"))
    });
    let bytes: Vec<u8> = bytes.collect();
    let (text, is_wrong) = GB18030.decode_without_bom_handling(&bytes);
    assert!(!is_wrong, "{line}");
    text.into_owned()
}
