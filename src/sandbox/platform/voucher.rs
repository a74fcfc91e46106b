//! The e-voucher centre: makes 医保码, decodes them, hands out and checks ecTokens.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::switches::Switches;
use crate::sandbox::persons::Person;

/// Most codes, and most tokens, remembered; beyond that one makes room for another.
const CODES_MAX: usize = 200_000;

/// Why a code was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// 500159, the one public number: some other kind of code.
    NotACode,
    /// Right form, nobody's.
    Unknown,
    /// Too old.
    Expired,
    /// Decoded before.
    Used,
}

impl CodeError {
    /// Number and text of the answer. Only 500159 is public; the others are ours, in its shape.
    #[must_use]
    pub fn answer(self) -> (i64, &'static str) {
        match self {
            Self::NotACode => (500_159, "请使用医保电子凭证二维码"),
            Self::Unknown => (500_160, "医保码无效，请刷新后重试"),
            Self::Expired => (500_161, "医保码已过期，请刷新后重试"),
            Self::Used => (500_162, "医保码已使用，请刷新后重试"),
        }
    }
}

/// A kind of code that a scanner may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// A valid 医保码.
    Fresh,
    /// A 医保码 past its life.
    Expired,
    /// A 医保码 decoded before.
    Used,
    /// A WeChat payment code.
    Wechat,
    /// An Alipay payment code.
    Alipay,
    /// The first half of a valid 医保码.
    Half,
    /// Two valid 医保码 without a break.
    Glued,
    /// The id number, typed or as a bar code.
    IdNumber,
}

impl CodeKind {
    /// All, with their names.
    pub const ALL: [(&'static str, Self); 8] = [
        ("fresh", Self::Fresh),
        ("expired", Self::Expired),
        ("used", Self::Used),
        ("wechat", Self::Wechat),
        ("alipay", Self::Alipay),
        ("half", Self::Half),
        ("glued", Self::Glued),
        ("idno", Self::IdNumber),
    ];

    /// By name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
    }
}

#[derive(Debug)]
struct Code {
    psn_no: String,
    made: Timestamp,
    used: bool,
}

#[derive(Debug)]
struct Token {
    psn_no: String,
    made: Timestamp,
    uses: u32,
}

/// All codes and tokens.
#[derive(Debug, Default)]
pub struct Voucher {
    codes: BTreeMap<String, Code>,
    tokens: BTreeMap<String, Token>,
}

impl Voucher {
    /// A code of this kind for this person, known to the centre where the kind is one of its own.
    pub fn make(&mut self, kind: CodeKind, person: &Person, now: Timestamp, age_s: i64) -> String {
        match kind {
            CodeKind::Fresh => self.register(person, now, false),
            CodeKind::Used => self.register(person, now, true),
            CodeKind::Expired => {
                let past = jiff::SignedDuration::from_secs(age_s.saturating_add(5));
                self.register(person, now.checked_sub(past).unwrap_or(now), false)
            }
            CodeKind::Wechat => format!("13{}", digits(16)),
            CodeKind::Alipay => format!("28{}", digits(16)),
            CodeKind::Half => self.register(person, now, false)[..14].to_owned(),
            CodeKind::Glued => {
                let first = self.register(person, now, false);
                first + &self.register(person, now, false)
            }
            CodeKind::IdNumber => person.idno.clone(),
        }
    }

    fn register(&mut self, person: &Person, made: Timestamp, used: bool) -> String {
        // 424, 17 and 2 random digits, province, extension.
        let code = format!(
            "424{}{}0000",
            digits(19),
            &person.main_insurance().insuplc[..2]
        );
        if self.codes.len() >= CODES_MAX {
            self.codes.pop_first();
        }
        self.codes.insert(
            code.clone(),
            Code {
                psn_no: person.psn_no.clone(),
                made,
                used,
            },
        );
        code
    }

    /// Decodes a scanned code into a person and a new ecToken.
    ///
    /// # Errors
    /// When it is no valid code.
    pub fn decode(
        &mut self,
        scanned: &str,
        now: Timestamp,
        switches: &Switches,
    ) -> Result<(String, String), CodeError> {
        let form = scanned.len() == 28
            && scanned.starts_with("424")
            && scanned.bytes().all(|byte| byte.is_ascii_digit());
        if !form {
            return Err(CodeError::NotACode);
        }
        let code = self.codes.get_mut(scanned).ok_or(CodeError::Unknown)?;
        if age_s(code.made, now) > switches.code_age_s {
            return Err(CodeError::Expired);
        }
        if code.used && switches.code_single_use {
            return Err(CodeError::Used);
        }
        code.used = true;
        let psn_no = code.psn_no.clone();
        let token = format!("{}0000ec{}", &scanned[22..24], letters(26));
        if self.tokens.len() >= CODES_MAX {
            self.tokens.pop_first();
        }
        let entry = Token {
            psn_no: psn_no.clone(),
            made: now,
            uses: 0,
        };
        self.tokens.insert(token.clone(), entry);
        Ok((psn_no, token))
    }

    /// Whose token this is, if it may still be used; counts the use.
    pub fn present(&mut self, token: &str, now: Timestamp, switches: &Switches) -> Option<String> {
        let token = self.tokens.get_mut(token)?;
        let used_up = switches.token_single_use && token.uses > 0;
        if used_up || age_s(token.made, now) > switches.token_age_s {
            return None;
        }
        token.uses += 1;
        Some(token.psn_no.clone())
    }
}

fn age_s(made: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(made).as_secs()
}

fn digits(count: usize) -> String {
    random(count)
        .into_iter()
        .map(|byte| char::from(b'0' + byte % 10))
        .collect()
}

fn letters(count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    random(count)
        .into_iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; count];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}
