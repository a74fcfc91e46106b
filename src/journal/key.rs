//! The site key and what is derived from it.
//!
//! One 32-byte key per site, kept outside the journal's directory (a systemd credential or a 0600
//! file). It is never used directly: each purpose has its own subkey, `HMAC-SM3(site key, label)`,
//! so that no value made for one purpose means anything for another.
//!
//! | subkey | label | used for |
//! |---|---|---|
//! | chain | `yibao journal chain 1` | links of the event chain, codes of the index rows |
//! | wrap | `yibao journal wrap 1` (first 16 bytes) | SM4-GCM over the data keys |
//! | person | `yibao journal person 1` | `person_key`, for finding a person's streams |
//! | machine | `yibao journal machine 1` | the digest of the machine id in the desk's identity |

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{Mode, OFlags};
use sm3::Sm3;
use zeroize::Zeroizing;

use super::Error;
use crate::closed::{self, NotClosed};

/// Length of the site key, bytes.
const SITE_KEY_BYTES: usize = 32;
/// Longest key file read: 64 hex digits and a line end, with room to see that it is too long.
const KEY_FILE_BYTES_MAX: u64 = 80;

/// Links that lead to the folder of a key.
const LINKS_MAX: usize = 8;

/// HMAC with SM3 (GB/T 32905, RFC 2104).
pub(super) type HmacSm3 = Hmac<Sm3>;

/// The site's secret. Shows nothing when printed and is wiped when dropped.
#[derive(Clone)]
pub struct SiteKey(Zeroizing<[u8; SITE_KEY_BYTES]>);

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKey(..)")
    }
}

impl SiteKey {
    /// A key from 32 bytes that the caller has from elsewhere (tests, another key store).
    #[must_use]
    pub fn from_bytes(bytes: [u8; SITE_KEY_BYTES]) -> SiteKey {
        SiteKey(Zeroizing::new(bytes))
    }

    /// Reads a key file: 32 raw bytes, or 64 hex digits with an optional line end.
    ///
    /// The file must be closed to others, as [`closed::open`] has it.
    pub fn load(path: &Path) -> Result<SiteKey, Error> {
        let wrong = |why: &str| Error::SiteKey {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let file = closed::open(path).map_err(|refusal| match refusal {
            NotClosed::Unread(source) => Error::io(path, source),
            why @ (NotClosed::NotPlain | NotClosed::Open { .. }) => wrong(&why.to_string()),
        })?;
        let mut content = Zeroizing::new(Vec::with_capacity(128));
        file.take(KEY_FILE_BYTES_MAX)
            .read_to_end(&mut content)
            .map_err(|source| Error::io(path, source))?;
        parse(&content).ok_or_else(|| wrong("neither 32 bytes nor 64 hex digits"))
    }

    /// Makes a new random key file (mode 0600, 64 hex digits). Fails if the file exists: a key that
    /// is replaced makes the journal unreadable.
    pub fn create(path: &Path) -> Result<SiteKey, Error> {
        let mut bytes = Zeroizing::new([0_u8; SITE_KEY_BYTES]);
        fill_random(&mut *bytes)?;
        let mut text = Zeroizing::new(hex::encode(*bytes));
        text.push('\n');
        let written = write_new(path, text.as_bytes());
        written.map_err(|source| Error::io(path, source))?;
        Ok(SiteKey(bytes))
    }
}

/// Writes a file that was not there, and gives it to whom its folder belongs: what root makes for the daemon is the
/// daemon's. All of it goes by descriptors, so that whoever can write to the folder leads none of it elsewhere.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = open_folder(folder)?;
    let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, name, new, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    let (theirs, made) = (folder.metadata()?, file.metadata()?);
    if (made.uid(), made.gid()) != (theirs.uid(), theirs.gid()) {
        fchown(&file, Some(theirs.uid()), Some(theirs.gid()))?;
    }
    file.write_all(text)?;
    file.sync_all()?;
    folder.sync_all()
}

/// Opens the folder. A link in its place is followed only when root made it, or who makes the key: whoever can write to the
/// folder above would lead the key elsewhere.
fn open_folder(path: &Path) -> io::Result<File> {
    let own_uid = rustix::process::geteuid().as_raw();
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        // Held while it is looked at, so that no other takes its place.
        let held = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = File::from(rustix::fs::open(&path, held, Mode::empty())?);
        let about = found.metadata()?;
        if !about.is_symlink() {
            let held = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            return Ok(rustix::fs::openat(&found, ".", held, Mode::empty())?.into());
        }
        let uid = about.uid();
        if uid != 0 && uid != own_uid {
            let what = format!(
                "its folder {} is a link of user {uid}; make it a folder, or let root make the link",
                path.display()
            );
            return Err(io::Error::other(what));
        }
        let leads_to = rustix::fs::readlinkat(&found, "", Vec::new())?;
        let leads_to = PathBuf::from(OsString::from_vec(leads_to.into_bytes()));
        path = match path.parent() {
            Some(above) => above.join(leads_to),
            None => leads_to,
        };
    }
    Err(io::Error::other(
        "its folder is a link through too many links",
    ))
}

fn parse(content: &[u8]) -> Option<SiteKey> {
    let mut bytes = Zeroizing::new([0_u8; SITE_KEY_BYTES]);
    if content.len() == SITE_KEY_BYTES {
        bytes.copy_from_slice(content);
    } else {
        hex::decode_to_slice(content.trim_ascii_end(), &mut *bytes).ok()?;
    }
    Some(SiteKey(bytes))
}

/// The subkeys, derived once when the journal is opened.
pub(super) struct Keys {
    pub(super) chain: Zeroizing<[u8; 32]>,
    pub(super) wrap: Zeroizing<[u8; 16]>,
    person: Zeroizing<[u8; 32]>,
    machine: Zeroizing<[u8; 32]>,
}

impl Keys {
    pub(super) fn derive(site: &SiteKey) -> Keys {
        let chain = mac(&site.0, b"yibao journal chain 1");
        let wide = Zeroizing::new(mac(&site.0, b"yibao journal wrap 1"));
        let mut wrap = Zeroizing::new([0_u8; 16]);
        wrap.copy_from_slice(&wide[..16]);
        Keys {
            chain: Zeroizing::new(chain),
            wrap,
            person: Zeroizing::new(mac(&site.0, b"yibao journal person 1")),
            machine: Zeroizing::new(mac(&site.0, b"yibao journal machine 1")),
        }
    }

    /// What a person's streams are found by. The id number is taken without blanks and with `X` in
    /// upper case, so that one person has one key.
    pub(super) fn person_key(&self, id_number: &str) -> [u8; 32] {
        let plain = Zeroizing::new(id_number.trim().to_ascii_uppercase());
        mac(&self.person, plain.as_bytes())
    }

    /// The digest of a request, keyed: a request names a person, and few numbers name a person.
    pub(super) fn request_digest(&self, request: &[u8]) -> String {
        let labelled = [b"request\0".as_slice(), request].concat();
        hex::encode(mac(&self.person, &Zeroizing::new(labelled)))
    }

    /// What the desk's identity keeps of the machine id, which itself should not be given away.
    pub(super) fn machine_digest(&self, machine_id: &str) -> String {
        hex::encode(mac(&self.machine, machine_id.trim().as_bytes()))
    }
}

/// A fresh HMAC-SM3.
pub(super) fn hmac(key: &[u8; 32]) -> HmacSm3 {
    HmacSm3::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = hmac(key);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Random bytes from the kernel.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| {
        Error::io(
            Path::new("getrandom"),
            std::io::Error::other("no randomness from the kernel"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn sm3_is_the_standard_one() {
        use sm3::Digest;
        assert_eq!(
            hex::encode(Sm3::digest(b"abc")),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }

    #[test]
    fn hmac_sm3_agrees_with_openssl() {
        let key = [0x5a_u8; 32];
        for message in ["", "abc", "一条记录", &"long ".repeat(500)] {
            let mut openssl = std::process::Command::new("openssl")
                .args(["dgst", "-sm3", "-mac", "HMAC", "-macopt"])
                .arg(format!("hexkey:{}", hex::encode(key)))
                .args(["-r"])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("openssl is a peer of the tests");
            openssl
                .stdin
                .take()
                .unwrap()
                .write_all(message.as_bytes())
                .unwrap();
            let answer = openssl.wait_with_output().unwrap();
            let answer = String::from_utf8(answer.stdout).unwrap();
            assert_eq!(
                answer.split(' ').next(),
                Some(&*hex::encode(mac(&key, message.as_bytes())))
            );
        }
    }

    #[test]
    fn a_created_key_loads_and_shows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.key");
        let made = SiteKey::create(&path).unwrap();
        let loaded = SiteKey::load(&path).unwrap();
        assert_eq!(made.0, loaded.0);
        assert_eq!(format!("{made:?}"), "SiteKey(..)");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(
            matches!(SiteKey::create(&path), Err(Error::Io { .. })),
            "a key was replaced"
        );
    }

    #[test]
    fn no_key_is_made_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (elsewhere, path) = (dir.path().join("elsewhere"), dir.path().join("site.key"));
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(SiteKey::create(&path).is_err(), "a link that leads nowhere");
        std::fs::write(&elsewhere, "theirs").unwrap();
        assert!(SiteKey::create(&path).is_err(), "a link to a file");
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"theirs");
        let real = dir.path().join("real");
        std::fs::create_dir(&real).unwrap();
        // Our own, each relative to where it lies; the second leads to the first.
        for (name, leads_to) in [("linked", "real"), ("twice", "./linked")] {
            let linked = dir.path().join(name);
            std::os::unix::fs::symlink(leads_to, &linked).unwrap();
            SiteKey::create(&linked.join(name)).unwrap();
            assert!(SiteKey::load(&real.join(name)).is_ok(), "{name}");
        }
        let round = dir.path().join("round");
        std::os::unix::fs::symlink("round", &round).unwrap();
        assert!(SiteKey::create(&round.join("k")).is_err(), "it leads round");
        if rustix::process::geteuid().is_root() {
            let linked = dir.path().join("linked");
            std::os::unix::fs::lchown(&linked, Some(65_534), None).unwrap();
            let refused = SiteKey::create(&linked.join("k")).unwrap_err();
            let why = std::error::Error::source(&refused).unwrap().to_string();
            assert!(why.contains("a link of user 65534"), "{why}");
            assert!(!real.join("k").exists());
        }
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_short_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.key");
        SiteKey::create(&path).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o666, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(SiteKey::load(&path), Err(Error::SiteKey { .. })),
                "{mode:o}"
            );
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for content in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            std::fs::write(&path, content).unwrap();
            assert!(
                matches!(SiteKey::load(&path), Err(Error::SiteKey { .. })),
                "{content}"
            );
        }
    }

    #[test]
    fn one_person_has_one_key() {
        let keys = Keys::derive(&SiteKey::from_bytes([7; 32]));
        assert_eq!(
            keys.person_key("99010119850101007x"),
            keys.person_key(" 99010119850101007X ")
        );
        assert_ne!(
            keys.person_key("99010119850101007X"),
            keys.person_key("990101197802034521")
        );
    }
}
