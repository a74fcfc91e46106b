//! Sealing of personal data and whole messages: SM4-GCM (GB/T 32907) under data keys that live for
//! a day.
//!
//! Each data key is random and stands in `data_key`, wrapped by the site's wrap subkey. A sealed
//! blob is nonce (12) ‖ cipher text ‖ tag (16). The associated data binds a blob to its row (desk,
//! stream, `stream_seq`, kind), so that none can be moved to another row. When a data key's row is
//! deleted, what was sealed under it is forgotten for good, while the chain, which runs over the
//! sealed bytes, stays valid.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use rusqlite::{Connection, OptionalExtension};
use sm4::Sm4;
use zeroize::Zeroizing;

use super::Error;
use super::key::{Keys, fill_random};

const NONCE_BYTES: usize = 12;
/// China has one civil time, UTC+8 without daylight saving; a data key lives for one of its days.
const CIVIL_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

type Sm4Gcm = AesGcm<Sm4, U12>;

/// The key of one day, unwrapped.
#[derive(Clone)]
pub(super) struct DataKey(Zeroizing<[u8; 16]>);

/// The civil day of a time, counted from 1970-01-01 (+08:00).
pub(super) fn day_of(at_utc_ms: i64) -> i64 {
    at_utc_ms.saturating_add(CIVIL_OFFSET_MS).div_euclid(DAY_MS)
}

/// The first millisecond of a civil day.
pub(super) fn day_start_ms(day: i64) -> i64 {
    day.saturating_mul(DAY_MS).saturating_sub(CIVIL_OFFSET_MS)
}

impl DataKey {
    pub(super) fn random() -> Result<DataKey, Error> {
        let mut bytes = Zeroizing::new([0_u8; 16]);
        fill_random(&mut *bytes)?;
        Ok(DataKey(bytes))
    }

    pub(super) fn wrap(&self, keys: &Keys, key_id: i64, day: i64) -> Result<Vec<u8>, Error> {
        encrypt(&keys.wrap, &wrap_aad(key_id, day), &*self.0)
    }

    /// Nothing when the wrapped bytes are not what was written, or for another key.
    pub(super) fn unwrap_from(
        keys: &Keys,
        key_id: i64,
        day: i64,
        wrapped: &[u8],
    ) -> Option<DataKey> {
        let plain = decrypt(&keys.wrap, &wrap_aad(key_id, day), wrapped)?;
        let mut bytes = Zeroizing::new([0_u8; 16]);
        if plain.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&plain);
        Some(DataKey(bytes))
    }

    pub(super) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        encrypt(&self.0, &place.aad(), plain)
    }

    /// Nothing when the bytes were changed or belong to another row.
    pub(super) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        decrypt(&self.0, &place.aad(), sealed)
    }
}

/// The row a sealed blob belongs to.
pub(super) struct Place<'a> {
    pub(super) desk: &'a str,
    pub(super) stream: &'a str,
    pub(super) stream_seq: i64,
    pub(super) kind: &'a str,
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        let mut aad = b"yibao journal body 1".to_vec();
        for text in [self.desk, self.stream, self.kind] {
            aad.extend_from_slice(&length(text.len()));
            aad.extend_from_slice(text.as_bytes());
        }
        aad.extend_from_slice(&self.stream_seq.to_be_bytes());
        aad
    }
}

fn wrap_aad(key_id: i64, day: i64) -> Vec<u8> {
    let mut aad = b"yibao journal data key 1".to_vec();
    aad.extend_from_slice(&key_id.to_be_bytes());
    aad.extend_from_slice(&day.to_be_bytes());
    aad
}

/// A length as it stands in encoded rows.
pub(super) fn length(bytes: usize) -> [u8; 8] {
    u64::try_from(bytes)
        .expect("usize has at most 64 bits")
        .to_be_bytes()
}

pub(super) fn encrypt(key: &[u8; 16], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut nonce = [0_u8; NONCE_BYTES];
    fill_random(&mut nonce)?;
    let cipher = Sm4Gcm::new(key.into());
    let sealed = cipher
        .encrypt((&nonce).into(), Payload { msg: plain, aad })
        .expect("SM4-GCM takes up to 64 GiB, the limits of an event are far below");
    let mut out = Vec::with_capacity(NONCE_BYTES + sealed.len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

pub(super) fn decrypt(key: &[u8; 16], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = Sm4Gcm::new(key.into());
    cipher
        .decrypt(nonce.into(), Payload { msg, aad })
        .ok()
        .map(Zeroizing::new)
}

/// The data key of a day, made and stored (in the caller's transaction) when there is none that
/// opens: a damaged one is left for `verify` to report, and must not stop today's work.
pub(super) fn key_of_day(
    conn: &Connection,
    keys: &Keys,
    day: i64,
) -> Result<(i64, DataKey), Error> {
    let found = conn
        .prepare_cached(
            "SELECT key_id, wrapped FROM data_key WHERE day = ?1 ORDER BY key_id DESC LIMIT 1",
        )?
        .query_row([day], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    if let Some((key_id, wrapped)) = found
        && let Some(key) = DataKey::unwrap_from(keys, key_id, day, &wrapped)
    {
        return Ok((key_id, key));
    }
    let key = DataKey::random()?;
    // AUTOINCREMENT's own counter: the number of a deleted key is never given again.
    let key_id: i64 = conn.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'data_key'), 0) + 1",
        [],
        |row| row.get(0),
    )?;
    conn.prepare_cached("INSERT INTO data_key (key_id, day, wrapped) VALUES (?1, ?2, ?3)")?
        .execute((key_id, day, key.wrap(keys, key_id, day)?))?;
    Ok((key_id, key))
}

/// A stored data key by its number. `None` when it was deleted, `Some(None)` when it is damaged.
pub(super) fn key_by_id(
    conn: &Connection,
    keys: &Keys,
    key_id: i64,
) -> Result<Option<Option<DataKey>>, Error> {
    let found = conn
        .prepare_cached("SELECT day, wrapped FROM data_key WHERE key_id = ?1")?
        .query_row([key_id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    Ok(found.map(|(day, wrapped)| DataKey::unwrap_from(keys, key_id, day, &wrapped)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::SiteKey;

    fn place(stream: &str) -> Place<'_> {
        Place {
            desk: "收费一",
            stream,
            stream_seq: 3,
            kind: "called",
        }
    }

    #[test]
    fn sm4_is_the_standard_one() {
        use sm4::cipher::{BlockCipherEncrypt, KeyInit};
        let key = hex::decode("0123456789abcdeffedcba9876543210").unwrap();
        let mut block = sm4::cipher::Block::<Sm4>::try_from(&key[..]).unwrap();
        Sm4::new_from_slice(&key).unwrap().encrypt_block(&mut block);
        assert_eq!(hex::encode(block), "681edf34d206965e86b3e94f536e4246");
    }

    /// RFC 8998, appendix A.1.
    #[test]
    fn sm4_gcm_is_the_standard_one() {
        let mut key = [0_u8; 16];
        hex::decode_to_slice("0123456789abcdeffedcba9876543210", &mut key).unwrap();
        let sealed = hex::decode(concat!(
            "00001234567800000000abcd",
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735",
            "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
            "83de3541e4c2b58177e065a9bf7b62ec",
        ));
        let aad = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
        let plain = decrypt(&key, &aad, &sealed.unwrap()).expect("the standard's own cipher text");
        assert_eq!(
            hex::encode(&*plain),
            concat!(
                "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd",
                "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
            )
        );
    }

    #[test]
    fn a_blob_opens_only_whole_and_in_its_own_row() {
        let key = DataKey::random().unwrap();
        let sealed = key.seal(&place("a"), "张三丰".as_bytes()).unwrap();
        assert_eq!(
            key.open(&place("a"), &sealed).unwrap().as_slice(),
            "张三丰".as_bytes()
        );
        assert!(key.open(&place("b"), &sealed).is_none());
        assert!(
            DataKey::random()
                .unwrap()
                .open(&place("a"), &sealed)
                .is_none()
        );
        for at in 0..sealed.len() {
            let mut torn = sealed.clone();
            torn[at] ^= 1;
            assert!(key.open(&place("a"), &torn).is_none(), "byte {at}");
            assert!(
                key.open(&place("a"), &sealed[..at]).is_none(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_wrapped_key_opens_only_under_its_own_number_and_day() {
        let keys = Keys::derive(&SiteKey::from_bytes([1; 32]));
        let other = Keys::derive(&SiteKey::from_bytes([2; 32]));
        let wrapped = DataKey::random().unwrap().wrap(&keys, 4, 20_000).unwrap();
        assert!(DataKey::unwrap_from(&keys, 4, 20_000, &wrapped).is_some());
        assert!(DataKey::unwrap_from(&keys, 5, 20_000, &wrapped).is_none());
        assert!(DataKey::unwrap_from(&keys, 4, 20_001, &wrapped).is_none());
        assert!(DataKey::unwrap_from(&other, 4, 20_000, &wrapped).is_none());
    }

    #[test]
    fn days_are_those_of_china() {
        assert_eq!(day_of(0), 0);
        assert_eq!(day_of(16 * 3_600_000 - 1), 0);
        assert_eq!(day_of(16 * 3_600_000), 1);
        assert_eq!(day_of(-8 * 3_600_000 - 1), -1);
        assert_eq!(day_of(day_start_ms(20_000)), 20_000);
        assert_eq!(day_of(day_start_ms(20_000) - 1), 19_999);
    }
}
