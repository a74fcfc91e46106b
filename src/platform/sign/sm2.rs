//! SM2 with SM3 over a named text of a message, for `cainfo`.
//!
//! The nonce of a signature is derived from key and text (as RFC 6979 does), so that this stays pure and a weak
//! random source cannot give the key away; verifiers cannot tell the difference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sm2::dsa::SigningKey;
use sm2::dsa::signature::Signer as _;

use super::sorted::{Empties, pairs, sorted};
use crate::config::profile::{Cainfo, SM2_USER_ID, SignatureForm, SignedText};
use crate::config::secrets::Sm2PrivateKey;

/// Signs the messages of one site.
pub(in crate::platform) struct Signer {
    key: SigningKey,
    text: SignedText,
    form: SignatureForm,
}

impl Signer {
    /// `None` where the site wants no signature, or the key cannot sign.
    pub(in crate::platform) fn new(cainfo: &Cainfo, key: Option<&Sm2PrivateKey>) -> Option<Self> {
        if cainfo.text == SignedText::None {
            return None;
        }
        Some(Self {
            key: SigningKey::from_slice(SM2_USER_ID, key?.bytes()).ok()?,
            text: cainfo.text,
            form: cainfo.form,
        })
    }

    /// The signature of a message: `input` as it is sent, and the whole envelope with an empty `cainfo`.
    pub(in crate::platform) fn sign(&self, input: &str, envelope: &str) -> Option<String> {
        let text = match self.text {
            SignedText::None => return Some(String::new()),
            SignedText::Input => input.to_owned(),
            SignedText::InputSorted => sorted(input, Empties::Kept)?,
            SignedText::Envelope => pairs(envelope, "cainfo")?,
        };
        self.sign_text(&text)
    }

    /// `None` for one text in 2^256.
    fn sign_text(&self, text: &str) -> Option<String> {
        let signature: sm2::dsa::Signature = self.key.try_sign(text.as_bytes()).ok()?;
        Some(match self.form {
            SignatureForm::Raw => STANDARD.encode(signature.to_bytes()),
            SignatureForm::Der => STANDARD.encode(der(&signature)),
        })
    }
}

/// A sequence of the two numbers.
fn der(signature: &sm2::dsa::Signature) -> Vec<u8> {
    let bytes = signature.to_bytes();
    let (r, s) = bytes.split_at(bytes.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, length(&body)], body].concat()
}

/// Without leading zeros, but one where the first bit would read as a sign.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut body = bytes[zeros..].to_vec();
    if body.first().is_none_or(|first| *first >= 0x80) {
        body.insert(0, 0);
    }
    [vec![0x02, length(&body)], body].concat()
}

fn length(body: &[u8]) -> u8 {
    u8::try_from(body.len()).expect("two numbers of 32 bytes are below 128")
}

#[cfg(test)]
#[path = "../tests/sm2.rs"]
mod tests;
