//! Named tokens: each a file that only its owner may read. A thread of its own looks at the files once a second, so that one
//! that was replaced or removed counts within a second, and who calls only reads memory, however slow the disk is.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::connection::Peer;
use crate::book::Code;
use crate::closed::{self, NotClosed};
use crate::config::doors::Token;
use crate::config::secrets;
use crate::ipc::access::{Caller, Shown};
use crate::operation::Failure;

/// A shorter token can be guessed.
const TOKEN_LENGTH_MIN: usize = 32;
/// A longer file is no token.
const TOKEN_LENGTH_MAX: u64 = 512;

/// How often the files are looked at.
const LOOK_MS: u64 = 1_000;

/// The tokens of this desk. Says nothing of them when shown.
#[derive(Default)]
pub(in crate::ipc) struct Tokens {
    files: Arc<Files>,
}

struct Row {
    name: String,
    path: PathBuf,
    any_uid: bool,
}

/// The files, and what was last read in them.
#[derive(Default)]
struct Files {
    rows: Vec<Row>,
    /// For each row.
    digests: ArcSwap<Vec<Option<[u8; 32]>>>,
}

impl Files {
    fn look(&self) {
        let digests = self.rows.iter().map(|row| digest(&row.path).ok());
        self.digests.store(Arc::new(digests.collect()));
    }

    /// The thread. It alone waits for the disk.
    fn follow(held: &Weak<Self>) {
        loop {
            std::thread::sleep(Duration::from_millis(LOOK_MS));
            match held.upgrade() {
                Some(files) => files.look(),
                None => return,
            }
        }
    }
}

impl Tokens {
    /// Those of the configuration; a name without a slash is a credential of systemd.
    pub(in crate::ipc) fn new(tokens: &[Token], credentials_dir: Option<&Path>) -> Self {
        let rows = tokens.iter().map(|token| Row {
            name: token.name.clone(),
            path: place(&token.file, credentials_dir),
            any_uid: token.any_uid,
        });
        let files = Files {
            rows: rows.collect(),
            digests: ArcSwap::default(),
        };
        files.look();
        Self {
            files: Arc::new(files),
        }
    }

    /// The log is told of those that cannot be used.
    pub(in crate::ipc) fn tell_unused(&self) {
        for (row, known) in self.files.rows.iter().zip(self.files.digests.load().iter()) {
            if known.is_none()
                && let Err(what) = digest(&row.path)
            {
                let path = row.path.display();
                tracing::warn!(token = row.name, %path, what, "this token cannot be used");
            }
        }
    }

    /// The same, and the files are looked at while somebody holds this.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(in crate::ipc) fn followed(self) -> io::Result<Self> {
        if !self.files.rows.is_empty() {
            let held = Arc::downgrade(&self.files);
            let thread = std::thread::Builder::new().name("tokens".to_owned());
            thread.spawn(move || Files::follow(&held))?;
        }
        Ok(self)
    }

    /// Who calls.
    ///
    /// # Errors
    /// `TOKEN_REFUSED`.
    pub(in crate::ipc) fn caller(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Caller, Failure> {
        let refused = |what: &str| Err(Failure::new(Code::TokenRefused, what));
        let Some(shown) = bearer(headers) else {
            return refused("there is no Authorization: Bearer TOKEN");
        };
        let shown: [u8; 32] = Sha256::digest(shown).into();
        let mut found = None;
        // All are compared, whichever fits, so that the time taken says nothing.
        for (row, known) in self.files.rows.iter().zip(self.files.digests.load().iter()) {
            if let Some(known) = known
                && bool::from(known.ct_eq(&shown))
            {
                found = Some(row);
            }
        }
        let Some(row) = found else {
            return refused("no token of this desk is so");
        };
        if peer.uid.is_none() && !row.any_uid {
            let what = "the kernel does not say whose socket this is (any_uid = false)";
            return refused(what);
        }
        Ok(Caller::Token {
            name: row.name.clone(),
            uid: peer.uid,
            shown: Some(Shown { digest: shown }),
        })
    }

    /// Whether who was known by a token, maybe by those of an earlier reading, is the same to these as they are now: the
    /// token may have been taken back. A name that went to another token meanwhile would give it that one's rights.
    pub(in crate::ipc) fn still_know(&self, caller: &Caller) -> bool {
        let Caller::Token { name, uid, shown } = caller else {
            return true;
        };
        let Some(shown) = shown else {
            return false;
        };
        let is_it = |(row, known): (&Row, &Option<[u8; 32]>)| {
            row.name == *name
                && (uid.is_some() || row.any_uid)
                && known.is_some_and(|known| bool::from(known.ct_eq(&shown.digest)))
        };
        let digests = self.files.digests.load();
        self.files.rows.iter().zip(digests.iter()).any(is_it)
    }
}

/// Where a file of the configuration is. One that is nowhere cannot be read, and whoever opens it says so.
pub(super) fn place(file: &Path, credentials_dir: Option<&Path>) -> PathBuf {
    secrets::place(file, credentials_dir).unwrap_or_else(|| file.to_owned())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The digest of the token in a file that nobody else can read.
fn digest(path: &Path) -> Result<[u8; 32], &'static str> {
    let file = closed::open(path).map_err(|refusal| match refusal {
        NotClosed::Unread(_) => "it cannot be read",
        NotClosed::NotPlain | NotClosed::Open { .. } => {
            "it must be a file that only its owner can read (0600)"
        }
    })?;
    let mut bytes = Vec::new();
    let mut most = file.take(TOKEN_LENGTH_MAX + 1);
    most.read_to_end(&mut bytes)
        .map_err(|_| "it cannot be read")?;
    let token = bytes.trim_ascii();
    let longest = usize::try_from(TOKEN_LENGTH_MAX).unwrap_or(usize::MAX);
    if !(TOKEN_LENGTH_MIN..=longest).contains(&token.len()) {
        return Err("it must have 32 to 512 characters");
    }
    Ok(Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "0123456789abcdef0123456789abcdeF";

    fn ask(tokens: &Tokens, shown: Option<&str>, uid: Option<u32>) -> Result<String, Code> {
        let mut headers = HeaderMap::new();
        if let Some(shown) = shown {
            headers.insert(AUTHORIZATION, shown.parse().unwrap());
        }
        let peer = Peer {
            uid,
            ..Peer::default()
        };
        let caller = tokens.caller(&peer, &headers);
        caller.map(|who| who.to_string()).map_err(|e| e.code)
    }

    #[test]
    fn a_pipe_in_place_of_a_token_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("his");
        let made = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        let (told, answer) = std::sync::mpsc::channel();
        std::thread::spawn(move || told.send(digest(&path)));
        let answer = answer.recv_timeout(std::time::Duration::from_secs(10));
        assert!(answer.expect("it waits for a writer").is_err());
    }

    #[test]
    fn who_calls_reads_no_file_and_a_change_counts_soon() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("his");
        let write = |text: &str| {
            let new = dir.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
            std::fs::rename(new, &path).unwrap();
        };
        write(TOKEN);
        let row = Token {
            name: "his".into(),
            file: "his".into(),
            any_uid: false,
        };
        let tokens = Tokens::new(&[row], Some(dir.path())).followed().unwrap();
        let (good, other) = (format!("Bearer {TOKEN}"), format!("Bearer {OTHER}"));
        assert!(ask(&tokens, Some(&good), Some(7)).is_ok());
        write(OTHER);
        let until = std::time::Instant::now() + Duration::from_millis(10 * LOOK_MS);
        while ask(&tokens, Some(&other), Some(7)).is_err() {
            assert!(std::time::Instant::now() < until, "nobody looked");
            std::thread::sleep(Duration::from_millis(LOOK_MS / 20));
        }
        assert!(ask(&tokens, Some(&good), Some(7)).is_err());
        let held = Arc::downgrade(&tokens.files);
        drop(tokens);
        let until = std::time::Instant::now() + Duration::from_millis(10 * LOOK_MS);
        while held.strong_count() > 0 {
            assert!(std::time::Instant::now() < until, "it is held");
            std::thread::sleep(Duration::from_millis(LOOK_MS / 20));
        }
    }

    #[test]
    fn a_token_counts_while_its_file_is_there_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("his");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        // As its thread does once a second.
        let ask = |tokens: &Tokens, shown: Option<&str>, uid| {
            tokens.files.look();
            ask(tokens, shown, uid)
        };
        write(&format!("{TOKEN}\n"), 0o600);
        let row = |name: &str, any_uid| Token {
            name: name.into(),
            file: name.into(),
            any_uid,
        };
        let rows = [row("gone", false), row("his", false)];
        let tokens = Tokens::new(&rows, Some(dir.path()));
        let (good, bad) = (format!("Bearer {TOKEN}"), format!("Bearer {OTHER}"));
        let refused = Err(Code::TokenRefused);
        assert_eq!(ask(&tokens, Some(&good), Some(7)), Ok("token:his".into()));
        for shown in [
            None,
            Some(bad.as_str()),
            Some("Basic eA=="),
            Some("Bearer "),
        ] {
            assert_eq!(ask(&tokens, shown, Some(7)), refused, "{shown:?}");
        }
        assert_eq!(ask(&tokens, Some(&good), None), refused, "nobody's socket");
        let lenient = Tokens::new(&[row("his", true)], Some(dir.path()));
        assert_eq!(ask(&lenient, Some(&good), None), Ok("token:his".into()));
        write(OTHER, 0o600);
        assert_eq!(
            ask(&tokens, Some(&good), Some(7)),
            refused,
            "it was replaced"
        );
        assert_eq!(ask(&tokens, Some(&bad), Some(7)), Ok("token:his".into()));
        write(OTHER, 0o640);
        assert_eq!(
            ask(&tokens, Some(&bad), Some(7)),
            refused,
            "others can read it"
        );
        write("short", 0o600);
        assert_eq!(ask(&tokens, Some("Bearer short"), Some(7)), refused);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(ask(&tokens, Some(&bad), Some(7)), refused, "it was removed");
    }

    #[test]
    fn who_was_let_in_is_known_to_later_tokens_only_by_the_same_name_and_token() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("one", TOKEN), ("two", OTHER)] {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let read = |name: &str, file: &str, any_uid| {
            let row = Token {
                name: name.into(),
                file: file.into(),
                any_uid,
            };
            Tokens::new(&[row], Some(dir.path()))
        };
        let first = read("his", "one", true);
        let headers = [(AUTHORIZATION, format!("Bearer {TOKEN}").parse().unwrap())];
        let caller = first.caller(&Peer::default(), &headers.into_iter().collect());
        let caller = caller.unwrap();
        assert!(!format!("{caller:?}").contains(&TOKEN[..8]), "{caller:?}");
        assert!(first.still_know(&caller));
        let (kept, taken) = (dir.path().join("kept"), dir.path().join("one"));
        std::fs::rename(&taken, &kept).unwrap();
        first.files.look();
        assert!(!first.still_know(&caller), "it was taken back");
        std::fs::rename(&kept, &taken).unwrap();
        first.files.look();
        assert!(read("his", "one", true).still_know(&caller), "read again");
        assert!(
            !read("his", "two", true).still_know(&caller),
            "another token"
        );
        assert!(
            !read("hall", "one", true).still_know(&caller),
            "another name"
        );
        assert!(
            !read("his", "one", false).still_know(&caller),
            "nobody's socket"
        );
        assert!(!Tokens::default().still_know(&caller));
        let Caller::Token { name, uid, .. } = caller else {
            panic!("a token")
        };
        let shown = None;
        assert!(!first.still_know(&Caller::Token { name, uid, shown }));
    }
}
