//! Files instead of bytes: what a caller hands over to be read, what it is given to read.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{FileType, MemfdFlags, SealFlags, fcntl_add_seals, fstat, memfd_create};

/// The whole of a file that somebody else opened, from its beginning: where its reader stands is shared with that
/// process. Only a plain file, which a memfd is: a pipe's other end could keep us waiting. No longer than is left.
pub(super) fn read(fd: impl AsFd, bytes_max: u64) -> Result<Vec<u8>, String> {
    let fd = fd.as_fd();
    let found = fstat(fd).map_err(|error| format!("cannot be looked at: {error}"))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err("must be a file or a memfd".to_owned());
    }
    let length = u64::try_from(found.st_size).unwrap_or(u64::MAX);
    if length > bytes_max {
        return Err(format!(
            "has more than the {bytes_max} bytes that are left for files"
        ));
    }
    let file = fd.try_clone_to_owned().map(File::from);
    let file = file.map_err(|error| format!("cannot be kept: {error}"))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut at = 0;
    while at < bytes.len() {
        let offset = u64::try_from(at).unwrap_or(u64::MAX);
        match file.read_at(&mut bytes[at..], offset) {
            // It became shorter.
            Ok(0) => break,
            Ok(read) => at += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("cannot be read: {error}")),
        }
    }
    bytes.truncate(at);
    Ok(bytes)
}

/// A file in memory that holds these bytes and will not change, its reader at the beginning.
pub(super) fn write(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("yibaod", flags)?);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_from_its_beginning() {
        let mut file = File::from(write(b"%PDF").unwrap());
        assert!(file.write_all(b"x").is_err(), "it is sealed");
        file.seek(SeekFrom::End(0)).unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"%PDF");
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "%PDF");
    }

    #[test]
    fn what_could_keep_us_waiting_is_refused() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(read(reader, 5).unwrap_err().contains("must be a file"));
        let large = memfd_create("large", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&large, 6).unwrap();
        assert!(read(large, 5).unwrap_err().contains("more than"));
    }
}
