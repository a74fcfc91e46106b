//! A `.tar.gz` of texts: the plain old form (ustar), which every machine opens.

use miniz_oxide::deflate::compress_to_vec;

const BLOCK_BYTES: usize = 512;
const LEVEL: u8 = 6;
/// Deflate, no name, no time, made on Unix.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
/// The polynomial of gzip's checksum, reflected.
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

/// All files under one folder, readable by their owner only.
pub(super) fn packed(folder: &str, files: &[(String, String)], at_s: u64) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, text) in files {
        tar.extend(head(&format!("{folder}/{name}"), text.len(), at_s));
        tar.extend(text.as_bytes());
        tar.resize(tar.len().next_multiple_of(BLOCK_BYTES), 0);
    }
    // Two empty blocks are its end.
    tar.resize(tar.len() + 2 * BLOCK_BYTES, 0);
    gzip(&tar)
}

fn head(name: &str, length: usize, at_s: u64) -> [u8; BLOCK_BYTES] {
    let mut head = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &str| {
        let bytes = text.as_bytes();
        head[at..at + bytes.len()].copy_from_slice(bytes);
    };
    // A longer name would run into the next field.
    put(0, &name[..name.floor_char_boundary(99)]);
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{length:011o}"));
    put(136, &format!("{at_s:011o}"));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    head[148..156].copy_from_slice(sum.as_bytes());
    head
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GZIP_HEAD.to_vec();
    out.extend(compress_to_vec(bytes, LEVEL));
    out.extend(crc(bytes).to_le_bytes());
    // Its length modulo 2^32, as the form wants it.
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX) & 0xffff_ffff;
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |mut crc: u32, byte: &u8| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (CRC_POLYNOMIAL & mask);
        }
        crc
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_gzips() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn tar_opens_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar.gz");
        let files = [
            ("one.txt".to_owned(), "第一\n".to_owned()),
            ("two.txt".to_owned(), "x".repeat(1_500)),
        ];
        std::fs::write(&path, packed("folder", &files, 1_700_000_000)).unwrap();
        let opened = std::process::Command::new("tar")
            .arg("-xzf")
            .arg(&path)
            .arg("-C")
            .arg(dir.path())
            .status();
        assert!(opened.unwrap().success());
        for (name, text) in files {
            let read = std::fs::read_to_string(dir.path().join("folder").join(name));
            assert_eq!(read.unwrap(), text);
        }
    }
}
