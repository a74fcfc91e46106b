//! The vectors of the reference, and OpenSSL on both ends.

use std::path::Path;
use std::process::Command;

use sm2::dsa::VerifyingKey;
use sm2::dsa::signature::Verifier as _;

use super::*;
use crate::config::profile::SecretPlace;

const PRIVATE: &str = "ifcolTP02be5SG07U6kzQvIYyk4y4UCu16QTYGtmhh4=";
const PUBLIC: &str =
    "BBjodr5CQ+AQSooBz1tI66sBR8bR1sffpF7Fpv51uNaztHg9Ja6sv9HoeFy9aMGqkNjqrnpwsWriPI4+r7VD1Tw=";
/// r ‖ s over the reference's text.
const SIGNED: &str =
    "TSgCsKQpqMh1kbDSOkbIvwnkbmr62gHFAlHC6kbm2R2H9UzzPOh2EzgwkWyjE5sFhSaLngN6d+CrsshypJQoHA==";
/// The object identifier of the curve, and the template of a private key in DER (RFC 5915).
const KEY_HEAD: &str = "30770201010420";
const KEY_MIDDLE: &str = "a00a06082a811ccf5501822da144034200";

fn reference_text() -> String {
    let data = r#"{"feeSumamt":"12.30","list":[{"a":"1","b":"2"}],"orgCodg":"H00000000001","payOrdId":"ORD430000202501010000000001","userName":"测试"}"#;
    let text = format!(
        "appId=DEMOAPPID0000001DEMOAPPID0000001&data={data}&encType=SM4&signType=SM2\
         &timestamp=20250101080000&version=2.0.1&key=DEMOSECRET000000DEMOSECRET000001"
    );
    assert_eq!(text.len(), 279);
    text
}

fn signer(form: SignatureForm, text: SignedText) -> Signer {
    let cainfo = Cainfo {
        text,
        form,
        key: SecretPlace::None,
        public_key: String::new(),
    };
    Signer::new(&cainfo, Some(&Sm2PrivateKey::parse(PRIVATE).unwrap())).unwrap()
}

fn verifies(text: &str, raw: &[u8]) -> bool {
    let public = STANDARD.decode(PUBLIC).unwrap();
    let key = VerifyingKey::from_sec1_bytes(SM2_USER_ID, &public).unwrap();
    let Ok(signature) = sm2::dsa::Signature::from_slice(raw) else {
        return false;
    };
    key.verify(text.as_bytes(), &signature).is_ok()
}

#[test]
fn the_reference_signature_verifies_and_ours_too() {
    let text = reference_text();
    let theirs = STANDARD.decode(SIGNED).unwrap();
    assert!(verifies(&text, &theirs));
    assert!(!verifies(&text.replace("12.30", "12.3"), &theirs));
    let signer = signer(SignatureForm::Raw, SignedText::Input);
    let ours = STANDARD.decode(signer.sign(&text, "").unwrap()).unwrap();
    assert_eq!(ours.len(), 64);
    assert!(verifies(&text, &ours));
    assert!(!verifies(&format!("{text} "), &ours));
}

#[test]
fn the_hash_is_that_of_the_standard() {
    use sm3::{Digest as _, Sm3};
    assert_eq!(
        hex::encode(Sm3::digest(b"abc")),
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    );
}

#[test]
fn each_named_text_is_what_it_says() {
    let input = r#"{"data":{"b":4.50,"a":""}}"#;
    let envelope = format!(r#"{{"infno":"1101","cainfo":"","dev_no":"","input":{input}}}"#);
    for (named, text) in [
        (SignedText::Input, input),
        (SignedText::InputSorted, r#"{"data":{"a":"","b":4.50}}"#),
        (
            SignedText::Envelope,
            r#"infno=1101&input={"data":{"b":4.50}}"#,
        ),
    ] {
        let signature = signer(SignatureForm::Raw, named).sign(input, &envelope);
        // Not what stands in the order of the fields: the keys are sorted.
        let text = if named == SignedText::Envelope {
            r#"infno=1101&input={"data":{"b":4.50}}"#
        } else {
            text
        };
        let raw = STANDARD.decode(signature.unwrap()).unwrap();
        assert!(verifies(text, &raw), "{named:?}");
    }
}

/// What we sign OpenSSL verifies, and the other way round, over many texts.
#[test]
fn openssl_agrees_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_keys(dir);
    let texts = (0..16).map(|n| format!("{n}{}", "测试".repeat(n * n)));
    for text in texts.chain([reference_text()]) {
        std::fs::write(dir.join("text"), &text).unwrap();
        let der = signer(SignatureForm::Der, SignedText::Input).sign(&text, "");
        std::fs::write(dir.join("ours"), STANDARD.decode(der.unwrap()).unwrap()).unwrap();
        openssl(
            dir,
            &["-verify", "-pubin", "-inkey", "public", "-sigfile", "ours"],
        );
        openssl(dir, &["-sign", "-inkey", "private", "-out", "theirs"]);
        let theirs = std::fs::read(dir.join("theirs")).unwrap();
        assert!(verifies(&text, &raw(&theirs)), "{} bytes", text.len());
    }
}

/// r ‖ s of a DER sequence.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut raw = Vec::new();
    while let [0x02, length, tail @ ..] = rest {
        let (number, after) = tail.split_at(usize::from(*length));
        let number: Vec<u8> = number.iter().copied().skip_while(|b| *b == 0).collect();
        raw.extend(vec![0; 32 - number.len()]);
        raw.extend(number);
        rest = after;
    }
    raw
}

fn write_keys(dir: &Path) {
    let secret = Sm2PrivateKey::parse(PRIVATE).unwrap();
    let public = hex::encode(STANDARD.decode(PUBLIC).unwrap());
    let der = format!(
        "{KEY_HEAD}{}{KEY_MIDDLE}{public}",
        hex::encode(secret.bytes())
    );
    std::fs::write(dir.join("private"), hex::decode(der).unwrap()).unwrap();
    let made = Command::new("openssl")
        .current_dir(dir)
        .args([
            "pkey", "-inform", "DER", "-in", "private", "-pubout", "-out", "public",
        ])
        .output()
        .expect("openssl is installed: tests/run does that");
    assert!(made.status.success(), "{made:?}");
}

#[track_caller]
fn openssl(dir: &Path, arguments: &[&str]) {
    let ran = Command::new("openssl")
        .current_dir(dir)
        .args(["pkeyutl", "-rawin", "-in", "text", "-digest", "sm3"])
        .args(["-pkeyopt", &format!("distid:{SM2_USER_ID}")])
        .args(arguments)
        .output()
        .expect("openssl is installed: tests/run does that");
    assert!(ran.status.success(), "{arguments:?}: {ran:?}");
}
