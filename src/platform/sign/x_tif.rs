//! Family x-tif: a hash over time, secret and nonce. It does not cover the body.

use sha2::{Digest as _, Sha256};

use super::Header;

/// The four or five headers. `timestamp_s` is Unix time, `nonce` any text never used before.
pub(super) fn headers(
    paasid: &str,
    service_id: &str,
    secret: &str,
    timestamp_s: i64,
    nonce: &str,
) -> Vec<Header> {
    let timestamp = timestamp_s.to_string();
    let signature = signature(secret, &timestamp, nonce);
    let mut headers = vec![
        ("x-tif-paasid".into(), paasid.to_owned()),
        ("x-tif-timestamp".into(), timestamp),
        ("x-tif-nonce".into(), nonce.to_owned()),
        ("x-tif-signature".into(), signature),
    ];
    if !service_id.is_empty() {
        headers.push(("x-tif-serviceid".into(), service_id.to_owned()));
    }
    headers
}

/// Lower-case hex of SHA-256 over timestamp ‖ secret ‖ nonce ‖ timestamp.
fn signature(secret: &str, timestamp: &str, nonce: &str) -> String {
    let mut hash = Sha256::new();
    for part in [timestamp, secret, nonce, timestamp] {
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_reference() {
        assert_eq!(
            signature("demoSecretToken", "1735689600", "0123456789abcdef"),
            "db4a870f1b39f5cc86e9c087d4300e7fc5eb80c94a12c6ec95125f90efce1988"
        );
    }

    #[test]
    fn the_service_is_named_only_when_there_is_one() {
        let names = |service: &str| -> Vec<String> {
            let headers = headers("account", service, "secret", 1_735_689_600, "n");
            headers
                .into_iter()
                .map(|(name, _)| name.into_owned())
                .collect()
        };
        assert_eq!(names("").len(), 4);
        assert_eq!(names("svc").last().unwrap(), "x-tif-serviceid");
    }
}
