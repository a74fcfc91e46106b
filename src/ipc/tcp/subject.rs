//! The name in a certificate: the common name of its subject. The certificate was verified before.

/// ASN.1 tags.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const VERSION: u8 = 0xa0;
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];
/// 2.5.4.3, commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// What stands between the version and the subject: serial number, signature, issuer, validity.
const BEFORE_SUBJECT: usize = 4;

/// The one common name; none when there is none, or more than one.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let mut certificate = Reader(certificate).enter(SEQUENCE)?;
    let mut signed = certificate.enter(SEQUENCE)?;
    let (mut tag, _) = signed.next()?;
    if tag == VERSION {
        (tag, _) = signed.next()?;
    }
    for _ in 1..BEFORE_SUBJECT {
        (tag, _) = signed.next()?;
    }
    let mut subject = (tag == SEQUENCE).then(|| signed.enter(SEQUENCE))??;
    let mut found = None;
    while let Some(mut set) = subject.enter(SET) {
        while let Some(mut pair) = set.enter(SEQUENCE) {
            let (OBJECT_ID, kind) = pair.next()? else {
                return None;
            };
            let (tag, value) = pair.next()?;
            if kind == COMMON_NAME {
                let text = TEXTS.contains(&tag).then(|| std::str::from_utf8(value));
                if found.replace(text?.ok()?.to_owned()).is_some() {
                    return None;
                }
            }
        }
    }
    found
}

/// DER, element by element.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.len() > 3 {
                return None;
            }
            let length = bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            (length, rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn enter(&mut self, wanted: u8) -> Option<Reader<'a>> {
        let (tag, value) = self.next()?;
        (tag == wanted).then_some(Reader(value))
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn the_common_name_is_found_and_broken_bytes_are_none() {
        let pem = include_str!("tests/client.pem");
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(common_name(&certificate).as_deref(), Some("room-7"));
        for end in 0..certificate.len() {
            // Only what stands behind the subject may be missing, and then the outer length is wrong.
            assert_eq!(common_name(&certificate[..end]), None, "{end}");
        }
    }
}
