//! ZIP files with one file in them: written, and read with limits. It knows no statement.
//!
//! Read is what such files need and no more: stored or deflated, without encryption, below 4 GiB. The
//! directory at the end decides, so a file that was cut is noticed whatever its beginning says.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

/// Bytes of the file inside that are unpacked.
const INSIDE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files inside a ZIP that are looked at.
const FILES_MAX: usize = 16;
/// Of 0 to 10.
const COMPRESSION_LEVEL: u8 = 6;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
/// The longest comment behind the end.
const COMMENT_BYTES_MAX: usize = 65_535;
/// 1980-01-01: when a file was made says nothing here.
const DOS_DATE: u16 = 0x0021;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
/// Its name is UTF-8.
const UTF8_NAME: u16 = 0x0800;

/// Why a ZIP cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Bytes are missing or changed.
    Cut,
    /// More is inside than is unpacked.
    TooLarge,
    /// Not one of the forms that are read.
    Unknown,
}

/// A ZIP with one file.
pub(super) fn pack(name: &str, content: &[u8]) -> Vec<u8> {
    let packed = compress_to_vec(content, COMPRESSION_LEVEL);
    let number = |count: usize| u32::try_from(count).expect("no file of ours comes near 4 GiB");
    let name_bytes = u16::try_from(name.len()).expect("names of ours are short");
    let mut shared = Vec::new();
    for word in [20, UTF8_NAME, DEFLATED, 0, DOS_DATE] {
        shared.extend_from_slice(&u16::to_le_bytes(word));
    }
    for word in [crc32(content), number(packed.len()), number(content.len())] {
        shared.extend_from_slice(&u32::to_le_bytes(word));
    }
    shared.extend_from_slice(&name_bytes.to_le_bytes());
    shared.extend_from_slice(&[0, 0]);

    let mut zip = Vec::new();
    zip.extend_from_slice(&LOCAL);
    zip.extend_from_slice(&shared);
    zip.extend_from_slice(name.as_bytes());
    zip.extend_from_slice(&packed);
    let directory_at = number(zip.len());
    zip.extend_from_slice(&CENTRAL);
    zip.extend_from_slice(&u16::to_le_bytes(20));
    zip.extend_from_slice(&shared);
    // No comment, first disk, no attributes, the local header at 0.
    zip.extend_from_slice(&[0; 14]);
    zip.extend_from_slice(name.as_bytes());
    let directory_bytes = number(zip.len()) - directory_at;
    zip.extend_from_slice(&END);
    for word in [0, 0, 1, 1] {
        zip.extend_from_slice(&u16::to_le_bytes(word));
    }
    zip.extend_from_slice(&directory_bytes.to_le_bytes());
    zip.extend_from_slice(&directory_at.to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    zip
}

/// The one file in a ZIP.
pub(super) fn unpack(zip: &[u8]) -> Result<Vec<u8>, Fault> {
    let end = end_of(zip).ok_or(Fault::Cut)?;
    let count = usize::from(word16(zip, end + 10)?);
    let mut at = offset(word32(zip, end + 16)?)?;
    if count > FILES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut found = None;
    for _ in 0..count {
        let entry = Entry::read(zip, at)?;
        at = entry.next;
        // Folders have a name that ends so, and nothing in them.
        if entry.is_folder {
            continue;
        }
        if found.replace(entry).is_some() {
            return Err(Fault::Unknown);
        }
    }
    found.ok_or(Fault::Unknown)?.unpack(zip)
}

/// The last end mark; behind it stands a comment at most.
fn end_of(zip: &[u8]) -> Option<usize> {
    let last = zip.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(COMMENT_BYTES_MAX);
    (first..=last).rev().find(|at| {
        let comment = word16(zip, at + 20).map(usize::from);
        zip[*at..].starts_with(&END) && comment == Ok(zip.len() - at - END_BYTES)
    })
}

struct Entry {
    flags: u16,
    method: u16,
    crc: u32,
    packed_bytes: usize,
    bytes: usize,
    local_at: usize,
    is_folder: bool,
    next: usize,
}

impl Entry {
    fn read(zip: &[u8], at: usize) -> Result<Self, Fault> {
        let head = zip.get(at..).filter(|rest| rest.starts_with(&CENTRAL));
        let head = head.ok_or(Fault::Cut)?;
        let name_bytes = usize::from(word16(head, 28)?);
        let more = usize::from(word16(head, 30)?) + usize::from(word16(head, 32)?);
        let name = head.get(CENTRAL_BYTES..CENTRAL_BYTES + name_bytes);
        Ok(Entry {
            flags: word16(head, 8)?,
            method: word16(head, 10)?,
            crc: word32(head, 16)?,
            packed_bytes: offset(word32(head, 20)?)?,
            bytes: offset(word32(head, 24)?)?,
            local_at: offset(word32(head, 42)?)?,
            is_folder: name.ok_or(Fault::Cut)?.ends_with(b"/"),
            next: at + CENTRAL_BYTES + name_bytes + more,
        })
    }

    fn unpack(&self, zip: &[u8]) -> Result<Vec<u8>, Fault> {
        if self.flags & ENCRYPTED != 0 {
            return Err(Fault::Unknown);
        }
        if self.bytes > INSIDE_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        let local = zip.get(self.local_at..);
        let local = local
            .filter(|rest| rest.starts_with(&LOCAL))
            .ok_or(Fault::Cut)?;
        let start = LOCAL_BYTES + usize::from(word16(local, 26)?) + usize::from(word16(local, 28)?);
        let packed = local
            .get(start..start + self.packed_bytes)
            .ok_or(Fault::Cut)?;
        let content = match self.method {
            STORED => packed.to_vec(),
            // Whatever the directory says of the size: a little file can hold a very large one.
            DEFLATED => {
                decompress_to_vec_with_limit(packed, INSIDE_BYTES_MAX).map_err(|error| {
                    if error.status == TINFLStatus::HasMoreOutput {
                        Fault::TooLarge
                    } else {
                        Fault::Cut
                    }
                })?
            }
            _ => return Err(Fault::Unknown),
        };
        if content.len() != self.bytes || crc32(&content) != self.crc {
            return Err(Fault::Cut);
        }
        Ok(content)
    }
}

fn word16(bytes: &[u8], at: usize) -> Result<u16, Fault> {
    let word = bytes.get(at..at + 2).and_then(|word| word.try_into().ok());
    word.map(u16::from_le_bytes).ok_or(Fault::Cut)
}

fn word32(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map(u32::from_le_bytes).ok_or(Fault::Cut)
}

/// The largest value says that the true one stands elsewhere (ZIP64), for files we do not take.
fn offset(word: u32) -> Result<usize, Fault> {
    match word {
        u32::MAX => Err(Fault::TooLarge),
        word => usize::try_from(word).map_err(|_| Fault::TooLarge),
    }
}

/// The check sum of ZIP (CRC-32, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        (sum >> 8) ^ CRC_TABLE[usize::from(low ^ byte)]
    });
    !sum
}

const CRC_POLYNOMIAL: u32 = 0xEDB8_8320;
const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let (mut at, mut byte) = (0, 0_u32);
    while at < table.len() {
        let (mut value, mut bit) = (byte, 0);
        while bit < 8 {
            let carry = value & 1 == 1;
            value >>= 1;
            if carry {
                value ^= CRC_POLYNOMIAL;
            }
            bit += 1;
        }
        table[at] = value;
        at += 1;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out() {
        for content in [b"".to_vec(), b"a\tb\n".to_vec(), vec![7; 100_000]] {
            assert_eq!(unpack(&pack("stmt.txt", &content)), Ok(content));
        }
        // Published check value of CRC-32.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_cut_or_changed_file_is_noticed_at_every_byte() {
        let zip = pack("stmt.txt", "一行\t两列\n".repeat(20).as_bytes());
        for end in 0..zip.len() {
            assert!(unpack(&zip[..end]).is_err(), "cut at {end}");
        }
        let whole = unpack(&zip).unwrap();
        for at in 0..zip.len() {
            let mut changed = zip.clone();
            changed[at] ^= 0x10;
            // Bytes that carry nothing (times, names) may change; the content never does unnoticed.
            assert!(
                unpack(&changed).is_err() || unpack(&changed) == Ok(whole.clone()),
                "{at}"
            );
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = pack("stmt.txt", &vec![0; INSIDE_BYTES_MAX + 1]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(unpack(&bomb), Err(Fault::TooLarge));
        // One that lies about its size.
        let mut liar = bomb.clone();
        let end = end_of(&liar).unwrap();
        let at = offset(word32(&liar, end + 16).unwrap()).unwrap();
        liar[at + 24..at + 28].copy_from_slice(&10_u32.to_le_bytes());
        assert_eq!(unpack(&liar), Err(Fault::TooLarge));
    }

    #[test]
    fn other_forms_are_refused() {
        let mut encrypted = pack("a", b"b");
        let end = end_of(&encrypted).unwrap();
        let at = offset(word32(&encrypted, end + 16).unwrap()).unwrap();
        encrypted[at + 8] |= 1;
        assert_eq!(unpack(&encrypted), Err(Fault::Unknown));
        assert_eq!(unpack(b"<html>502</html>"), Err(Fault::Cut));
        assert_eq!(unpack(b""), Err(Fault::Cut));
        let mut many = pack("a", b"b");
        let end = end_of(&many).unwrap();
        many[end + 10] = 200;
        assert_eq!(unpack(&many), Err(Fault::TooLarge));
    }
}
