//! Secrets: from systemd credentials or files that only their owner can read.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::keys::{ConfigError, Problem, Words};
use super::profile::{Family, Profile, SecretPlace, SignedText};
use crate::closed::{self, NotClosed};

/// Where secrets lie that the configuration names without a path, on a system that keeps none for us.
pub const CREDENTIALS_PATH: &str = "/etc/yibaod/credentials";
/// Where systemd keeps what it handed to the service, while that runs. Root can look there, and the service's user.
pub const HANDED_PATH: &str = "/run/credentials/yibaod.service";
/// A secret is a line; a larger file is a mistake.
const SECRET_BYTES_MAX: u64 = 4096;
/// Bytes of an SM2 private key.
const SM2_KEY_BYTES: usize = 32;

/// What the platform's client needs and no file of ours shows.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The gateway's secret; empty when its family needs none.
    pub gateway: Zeroizing<String>,
    /// What signs messages, where the profile wants it.
    pub cainfo: Option<Sm2PrivateKey>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// A number that is an SM2 private key, big endian.
#[derive(Clone)]
pub struct Sm2PrivateKey(Zeroizing<[u8; SM2_KEY_BYTES]>);

impl std::fmt::Debug for Sm2PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sm2PrivateKey(***)")
    }
}

impl Secrets {
    /// Whether the other one holds the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |secrets: &Self| secrets.cainfo.as_ref().map(|key| key.0.clone());
        self.gateway == other.gateway && key(self) == key(other)
    }
}

impl Sm2PrivateKey {
    /// Reads Base64 of 32 bytes, or of 33 with a zero before them as Java writes it.
    ///
    /// # Errors
    /// What is wrong with it, without a byte of it.
    pub fn parse(text: &str) -> Result<Self, Words> {
        let bytes = STANDARD.decode(text.trim().as_bytes()).map_err(|_| {
            Words::from((
                "a private key is Base64 of 32 bytes",
                "私钥应为 32 字节的 Base64",
            ))
        })?;
        let bytes = Zeroizing::new(bytes);
        let key = match bytes.as_slice() {
            [0, key @ ..] if key.len() == SM2_KEY_BYTES => key,
            key => key,
        };
        let key: [u8; SM2_KEY_BYTES] = key.try_into().map_err(|_| {
            let en = format!("a private key has 32 bytes, this has {}", bytes.len());
            Words::from((en, format!("私钥应为 32 字节，现为 {} 字节", bytes.len())))
        })?;
        let key = Self(Zeroizing::new(key));
        match sm2::NonZeroScalar::try_from(key.bytes()) {
            // With n − 1 nothing can be signed: 1 + d has no inverse.
            Ok(scalar) if !bool::from((*scalar + sm2::Scalar::ONE).is_zero()) => Ok(key),
            Ok(_) | Err(_) => Err(Words::from((
                "is no private key of the SM2 curve: out of range",
                "不是 SM2 曲线的私钥：超出范围",
            ))),
        }
    }

    /// 32 bytes, big endian.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Whether this public key (Base64 of 65 bytes, or 64 without the leading 04) is its other half.
    fn belongs_to(&self, public_key: &str) -> Result<(), Words> {
        let theirs = sm2_public_key(public_key)?;
        let ours = sm2::NonZeroScalar::try_from(self.bytes())
            .map(|scalar| sm2::PublicKey::from_secret_scalar(&scalar));
        match ours {
            Ok(ours) if ours == theirs => Ok(()),
            Ok(_) | Err(_) => Err(Words::from((
                "does not belong to the private key",
                "与私钥不是一对",
            ))),
        }
    }
}

fn sm2_public_key(text: &str) -> Result<sm2::PublicKey, Words> {
    let bytes = STANDARD.decode(text.trim().as_bytes()).unwrap_or_default();
    let whole = match bytes.len() {
        64 => [&[4], bytes.as_slice()].concat(),
        65 => bytes,
        _ => {
            return Err(Words::from((
                "a public key is Base64 of 65 or 64 bytes",
                "公钥应为 65 或 64 字节的 Base64",
            )));
        }
    };
    sm2::PublicKey::from_sec1_bytes(&whole)
        .map_err(|_| Words::from(("is no point of the SM2 curve", "不是 SM2 曲线上的点")))
}

/// A secret that cannot be used.
pub(super) struct SecretFault {
    /// What is wrong.
    pub(super) problem: Problem,
    /// It may be right: whoever looks cannot see it, the service can.
    pub(super) is_unseen: bool,
}

impl Secrets {
    /// Reads what the profile names. `credentials_dir` is systemd's `CREDENTIALS_DIRECTORY`, where a name
    /// without a slash is looked for.
    ///
    /// # Errors
    /// A file is missing, too large, empty, or readable by others; or it holds no such secret.
    pub fn load(profile: &Profile, credentials_dir: Option<&Path>) -> Result<Self, ConfigError> {
        let (secrets, faults) = Self::look(profile, credentials_dir);
        if faults.is_empty() {
            return Ok(secrets);
        }
        let problems = faults.into_iter().map(|fault| fault.problem).collect();
        Err(ConfigError { problems })
    }

    /// Reads what can be read, and says what is wrong with the rest.
    pub(super) fn look(
        profile: &Profile,
        credentials_dir: Option<&Path>,
    ) -> (Self, Vec<SecretFault>) {
        let mut secrets = Self::default();
        let mut faults = Vec::new();
        let place = &profile.gateway.secret;
        match one(place, "gateway.secret", credentials_dir) {
            Ok(secret) if fits_a_header(profile, &secret) => secrets.gateway = secret,
            Ok(_) => faults.push(fault(
                place,
                "gateway.secret",
                (
                    "a static key is plain characters without spaces",
                    "静态密钥只能是不含空格的普通字符",
                ),
            )),
            Err(fault) => faults.push(fault),
        }
        if profile.cainfo.text == SignedText::None {
            return (secrets, faults);
        }
        let (place, public_key) = (&profile.cainfo.key, &profile.cainfo.public_key);
        let key = one(place, "cainfo.key", credentials_dir).and_then(|text| {
            let key = Sm2PrivateKey::parse(&text);
            key.map_err(|words| fault(place, "cainfo.key", words))
        });
        match key {
            Ok(key) => {
                if !public_key.is_empty()
                    && let Err(words) = key.belongs_to(public_key)
                {
                    faults.push(fault(&SecretPlace::None, "cainfo.public_key", words));
                }
                secrets.cainfo = Some(key);
            }
            Err(fault) => {
                if !public_key.is_empty()
                    && let Err(words) = sm2_public_key(public_key)
                {
                    faults.push(self::fault(&SecretPlace::None, "cainfo.public_key", words));
                }
                faults.push(fault);
            }
        }
        (secrets, faults)
    }
}

fn fits_a_header(profile: &Profile, secret: &str) -> bool {
    let is_static = matches!(profile.gateway.family, Family::StaticKey { .. });
    !is_static || secret.bytes().all(|b| b.is_ascii_graphic())
}

/// What is wrong with a secret, at its file or, without one, at its key in the profile.
fn fault(place: &SecretPlace, key: &str, words: impl Into<Words>) -> SecretFault {
    SecretFault {
        problem: Problem {
            file: match place {
                SecretPlace::File(path) => path.display().to_string(),
                SecretPlace::None | SecretPlace::Inline(_) => String::new(),
            },
            key: key.to_owned(),
            what: words.into(),
        },
        is_unseen: false,
    }
}

fn one(
    place: &SecretPlace,
    key: &str,
    credentials_dir: Option<&Path>,
) -> Result<Zeroizing<String>, SecretFault> {
    match place {
        SecretPlace::None => Ok(Zeroizing::default()),
        SecretPlace::Inline(secret) if secret.is_empty() => {
            Err(fault(place, key, ("must not be empty", "不能为空")))
        }
        SecretPlace::Inline(secret) => Ok(Zeroizing::new(secret.clone())),
        SecretPlace::File(path) => {
            let found = find(path, credentials_dir).and_then(|path| file(&path));
            found.map_err(|(words, is_unseen)| SecretFault {
                is_unseen,
                ..fault(place, key, words)
            })
        }
    }
}

/// What is wrong with a file, and whether others may see more of it.
type FileFault = (Words, bool);

/// Reads a secret of one line.
fn file(path: &Path) -> Result<Zeroizing<String>, FileFault> {
    let unread = |e: std::io::Error| -> FileFault {
        let words = (format!("cannot be read: {e}"), format!("无法读取：{e}"));
        (words.into(), e.kind() == ErrorKind::PermissionDenied)
    };
    let wrong = |en: String, zh: String| (Words::from((en, zh)), false);
    let mut file = closed::open(path).map_err(|refusal| match refusal {
        NotClosed::Unread(error) => unread(error),
        NotClosed::NotPlain => wrong("is no plain file".to_owned(), "不是普通文件".to_owned()),
        NotClosed::Open { mode } => wrong(
            format!("mode {mode:03o}: others can read it; chmod 0600"),
            format!("权限 {mode:03o}：他人可读；请 chmod 0600"),
        ),
    })?;
    if file.metadata().map_err(unread)?.len() > SECRET_BYTES_MAX {
        let en = format!("is larger than {SECRET_BYTES_MAX} bytes");
        return Err(wrong(en, format!("大于 {SECRET_BYTES_MAX} 字节")));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unread)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(wrong("is empty".to_owned(), "是空的".to_owned()));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn find(path: &Path, credentials_dir: Option<&Path>) -> Result<PathBuf, FileFault> {
    place(path, credentials_dir).ok_or_else(|| {
        let words = (
            "is a systemd credential and there are none here; or give an absolute path",
            "是 systemd 凭据，而此处没有；或写绝对路径",
        );
        (words.into(), path.components().count() == 1)
    })
}

/// What systemd handed to this process or, when it was not systemd that began it, to the service that runs: whoever asks
/// whether a desk is well looks at what that desk has. `None`: nothing.
#[must_use]
pub fn handed_dir() -> Option<PathBuf> {
    let own = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    own.or_else(|| Some(PathBuf::from(HANDED_PATH)).filter(|dir| dir.is_dir()))
}

/// Whether a secret is to come from systemd and is not here: systemd hands over what there is when it starts a service,
/// and nothing afterwards.
#[must_use]
pub fn comes_with_a_start(path: &Path, credentials_dir: Option<&Path>) -> bool {
    let is_here =
        |kept: &Path| kept.exists() || credentials_dir.is_none_or(|dir| !kept.starts_with(dir));
    !place(path, credentials_dir).is_some_and(|kept| is_here(&kept))
}

/// Where a secret lies: an absolute path is that; a bare name is what systemd keeps under it, else, when there is one,
/// the file of that name in [`CREDENTIALS_PATH`]. `None`: there is none.
#[must_use]
pub fn place(path: &Path, credentials_dir: Option<&Path>) -> Option<PathBuf> {
    if path.is_absolute() {
        return Some(path.to_owned());
    }
    if path.components().count() != 1 {
        return None;
    }
    let kept = credentials_dir.map(|dir| dir.join(path));
    if kept.as_ref().is_some_and(|kept| kept.exists()) {
        return kept;
    }
    let ours = Path::new(CREDENTIALS_PATH);
    // Also while the file is not made yet: whoever makes it has to know where.
    if ours.is_dir() {
        return Some(ours.join(path));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_did_not_hand_over_comes_with_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("his"), Path::new("/etc/shadow"));
        let dir = Some(dir.path());
        // Where there is a folder of our own, that is looked in, whenever somebody asks.
        let is_ours = Path::new(CREDENTIALS_PATH).is_dir();
        assert_eq!(comes_with_a_start(Path::new("his"), dir), !is_ours);
        assert_eq!(comes_with_a_start(Path::new("his"), None), !is_ours);
        std::fs::write(&path, "a token").unwrap();
        assert!(!comes_with_a_start(Path::new("his"), dir), "it is here");
        for absolute in [&path, other, Path::new("/nowhere/his")] {
            assert!(!comes_with_a_start(absolute, None), "{absolute:?}");
        }
    }
}
