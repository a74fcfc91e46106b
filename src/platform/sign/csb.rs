//! Family CSB (Alibaba's service bus): HMAC-SHA1 over the four other headers. It does not cover the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::Header;

/// The five headers. `timestamp` is Unix time in the unit that the site counts in.
pub(super) fn headers(
    access_key: &str,
    api_name: &str,
    api_version: &str,
    timestamp: i64,
    secret: &str,
) -> Vec<Header> {
    // In the natural order of their names, which is how they are signed.
    let signed = [
        ("_api_access_key", access_key.to_owned()),
        ("_api_name", api_name.to_owned()),
        ("_api_timestamp", timestamp.to_string()),
        ("_api_version", api_version.to_owned()),
    ];
    let pairs: Vec<String> = signed.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let signature = signature(secret, &pairs.join("&"));
    signed
        .into_iter()
        .chain([("_api_signature", signature)])
        .map(|(name, value)| (name.into(), value))
        .collect()
}

/// Base64 of HMAC-SHA1.
fn signature(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_reference() {
        let headers = headers("demoAK", "1101", "1.0.0", 1_735_689_600_000, "demoSK");
        let named: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(
            named,
            [
                ("_api_access_key", "demoAK"),
                ("_api_name", "1101"),
                ("_api_timestamp", "1735689600000"),
                ("_api_version", "1.0.0"),
                ("_api_signature", "w7EVdFmRVmCXqxyiwkJmmSSFFfs="),
            ]
        );
    }
}
