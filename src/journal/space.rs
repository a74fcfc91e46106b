//! The journal's directory: who may read it, that it is on a local disk, that one process uses it,
//! and how much room is left.
//!
//! Beside the database lies a file of ballast. When the disk is full the writer removes it, so that
//! what has begun can be brought to its end; new settlements are to be refused before that, when
//! [`Health::accepts_new`] says so. Once there is room again, the ballast is laid anew.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock, statfs, statvfs};
use rustix::io::Errno;

use super::Error;
use super::key::fill_random;

const BALLAST_NAME: &str = "ballast";
const LOCK_NAME: &str = "lock";
/// What the database keeps beside its file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];
/// How much ballast is written at once where it cannot be reserved.
const BALLAST_CHUNK_BYTES: usize = 64 * 1024;

/// Types of file systems a journal must not lie on, by `statfs`: on none of them is a sync known to
/// reach a disk of this machine.
const REMOTE: [(u32, &str); 9] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x0bd0_0bd0, "Lustre"),
];
/// overlayfs, the file system of containers, loses what is written when the container goes.
const OVERLAY: u32 = 0x794c_7630;

/// Why no new settlement should begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// Less room than the configured limit.
    DiskLow {
        /// Room on the journal's file system.
        free_bytes: u64,
        /// The limit.
        min_free_bytes: u64,
    },
    /// The disk was full and the ballast is spent; it comes back when there is room.
    BallastSpent,
    /// The journal belongs to another machine or desk number.
    NotAdopted,
    /// The journal lacks events that it held.
    RolledBack {
        /// The last event that it held.
        had_seq: i64,
        /// The last event that it holds.
        last_seq: i64,
    },
    /// A write failed, or the journal was closed.
    Closed,
}

/// May something new begin?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// No: finish what runs, refuse what is new.
    pub accepts_new: bool,
    /// The reason when it does not.
    pub why: Option<Hindrance>,
    /// Room on the journal's file system, ballast not counted.
    pub free_bytes: u64,
}

/// Makes the directory (0700) when it is missing and checks its mode and file system.
pub(super) fn prepare_dir(dir: &Path, allow_overlay: bool) -> Result<(), Error> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| Error::io(dir, source))?;
    check_dir(dir)?;
    let kind = statfs(dir).map_err(|errno| Error::io(dir, errno))?.f_type;
    // The type is a 32-bit magic number in a field whose width and sign differ by machine.
    let kind = u32::try_from(i128::from(kind) & 0xffff_ffff).expect("masked to 32 bits");
    check_kind(dir, kind, allow_overlay)
}

fn check_kind(dir: &Path, kind: u32, allow_overlay: bool) -> Result<(), Error> {
    let place = |why: String| {
        Err(Error::Place {
            path: dir.to_owned(),
            why,
        })
    };
    if let Some((_, name)) = REMOTE.iter().find(|(magic, _)| *magic == kind) {
        return place(format!("is on {name}; the journal needs a local disk"));
    }
    if kind == OVERLAY && !allow_overlay {
        return place("is on a container's overlay; give it a volume, or allow it".to_owned());
    }
    Ok(())
}

/// Refuses a directory that others can look into.
pub(super) fn check_dir(dir: &Path) -> Result<(), Error> {
    check_mode(dir, 0o700)
}

fn check_mode(path: &Path, wanted: u32) -> Result<(), Error> {
    let meta = std::fs::metadata(path).map_err(|source| Error::io(path, source))?;
    if meta.mode() & 0o077 == 0 {
        return Ok(());
    }
    let why = format!(
        "others can read it (mode {:03o}); set {wanted:03o}",
        meta.mode() & 0o777
    );
    Err(Error::Place {
        path: path.to_owned(),
        why,
    })
}

/// Makes an empty private file when there is none, and refuses one that others can read. SQLite
/// gives the files beside its database the database's mode.
pub(super) fn prepare_file(path: &Path) -> Result<(), Error> {
    let file = private()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| Error::io(path, source))?;
    check_names(path, &file)?;
    for beside in BESIDE {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        check_beside(Path::new(&name))?;
    }
    check_mode(path, 0o600)
}

/// Refuses what is no plain file of one name where the database opens one by itself.
fn check_beside(path: &Path) -> Result<(), Error> {
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(path, error)),
    };
    if meta.is_file() && meta.nlink() == 1 {
        return Ok(());
    }
    Err(Error::Place {
        path: path.to_owned(),
        why: "is a link, or has a second name; move it away".to_owned(),
    })
}

/// Refuses a file that has a second name: whoever opens it by that one has another lock and another log beside it.
pub(super) fn check_names(path: &Path, file: &File) -> Result<(), Error> {
    let meta = file.metadata().map_err(|source| Error::io(path, source))?;
    if meta.nlink() <= 1 {
        return Ok(());
    }
    let why = "has a second name (a hard link); copy the file, or remove the other name";
    Err(Error::Place {
        path: path.to_owned(),
        why: why.to_owned(),
    })
}

/// A file of ours: a link that somebody laid there would have us make or change a file of theirs.
pub(super) fn private() -> OpenOptions {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(no_follow);
    options
}

/// Held as long as the journal is open for writing.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Not left to the closing of the file: a child that is just being started has it too until it is another program.
    fn drop(&mut self) {
        if let Err(errno) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(%errno, "the journal's lock is held until the process ends");
        }
    }
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Lock, Error> {
        let path = dir.join(LOCK_NAME);
        let file = private()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| Error::io(&path, source))?;
        check_names(&path, &file)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock { file }),
            Err(Errno::WOULDBLOCK) => Err(Error::Locked { path }),
            Err(errno) => Err(Error::io(&path, errno)),
        }
    }
}

/// Room on the journal's file system.
#[derive(Debug)]
pub(super) struct Space {
    dir: PathBuf,
    min_free_bytes: u64,
    ballast_bytes: u64,
    spent: AtomicBool,
}

impl Space {
    /// Lays the ballast if there is room for it.
    pub(super) fn new(dir: &Path, min_free_bytes: u64, ballast_bytes: u64) -> Space {
        let space = Space {
            dir: dir.to_owned(),
            min_free_bytes,
            ballast_bytes,
            spent: AtomicBool::new(true),
        };
        let whole = std::fs::metadata(space.ballast_path())
            .is_ok_and(|meta| meta.len() == ballast_bytes && meta.blocks() * 512 >= ballast_bytes);
        space.spent.store(!whole, Ordering::Release);
        space.restore_ballast();
        space
    }

    fn ballast_path(&self) -> PathBuf {
        self.dir.join(BALLAST_NAME)
    }

    pub(super) fn free_bytes(&self) -> Result<u64, Error> {
        let room = statvfs(&self.dir).map_err(|errno| Error::io(&self.dir, errno))?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }

    /// Bytes of the files in the directory, ballast not counted.
    pub(super) fn used_bytes(&self) -> u64 {
        let Ok(files) = std::fs::read_dir(&self.dir) else {
            return 0;
        };
        let ours = files.filter_map(Result::ok);
        let ours = ours.filter(|file| file.file_name() != BALLAST_NAME);
        ours.filter_map(|file| file.metadata().ok())
            .map(|meta| meta.len())
            .sum()
    }

    pub(super) fn ballast_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire)
    }

    /// What stands in the way of something new, and the room there is.
    pub(super) fn look(&self) -> (Option<Hindrance>, u64) {
        // A file system that cannot say how much room it has is taken to have none.
        let free_bytes = self.free_bytes().unwrap_or(0);
        let min_free_bytes = self.min_free_bytes;
        let why = if self.ballast_spent() {
            Some(Hindrance::BallastSpent)
        } else if free_bytes < min_free_bytes {
            Some(Hindrance::DiskLow {
                free_bytes,
                min_free_bytes,
            })
        } else {
            None
        };
        (why, free_bytes)
    }

    /// Gives the ballast's room to the database. False when it was given before.
    pub(super) fn spend_ballast(&self) -> bool {
        if self.spent.swap(true, Ordering::AcqRel) {
            return false;
        }
        tracing::error!(dir = %self.dir.display(), "the disk is full: ballast dropped");
        let removed = std::fs::remove_file(self.ballast_path())
            // Some file systems free the blocks only when the removal is on disk.
            .and_then(|()| File::open(&self.dir)?.sync_all());
        if let Err(error) = &removed {
            tracing::error!(%error, "the ballast could not be removed");
        }
        removed.is_ok()
    }

    /// Lays the ballast again once there is room for it and for the limit.
    pub(super) fn restore_ballast(&self) {
        if !self.ballast_spent() {
            return;
        }
        let wanted = self.min_free_bytes.saturating_add(self.ballast_bytes);
        if self.free_bytes().is_ok_and(|free| free >= wanted) {
            match self.lay_ballast() {
                Ok(()) => self.spent.store(false, Ordering::Release),
                Err(error) => tracing::warn!(%error, "the ballast could not be laid"),
            }
        }
    }

    fn lay_ballast(&self) -> Result<(), Error> {
        let path = self.ballast_path();
        let io = |source: std::io::Error| Error::io(&path, source);
        // What lies there may be somebody's file by another name: the name goes, the file is not touched.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => {}
        }
        let mut file = private()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(io)?;
        let laid = match fallocate(&file, FallocateFlags::empty(), 0, self.ballast_bytes) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP) => self.write_ballast(&mut file),
            Err(errno) => Err(io(errno.into())),
        };
        if laid.is_err() {
            drop(std::fs::remove_file(&path));
        }
        laid
    }

    /// Where room cannot be reserved it is filled, with noise so that no file system compresses it.
    fn write_ballast(&self, file: &mut File) -> Result<(), Error> {
        let mut noise = vec![0_u8; BALLAST_CHUNK_BYTES];
        let mut left = self.ballast_bytes;
        while left > 0 {
            fill_random(&mut noise)?;
            let now = usize::try_from(left).map_or(noise.len(), |left| left.min(noise.len()));
            file.write_all(&noise[..now])
                .map_err(|error| Error::io(&self.ballast_path(), error))?;
            left = left.saturating_sub(u64::try_from(now).unwrap_or(u64::MAX));
        }
        file.sync_all()
            .map_err(|error| Error::io(&self.ballast_path(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_disks_are_taken() {
        let dir = Path::new("/somewhere");
        for (kind, name) in REMOTE {
            let refused = check_kind(dir, kind, true).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
        assert!(check_kind(dir, OVERLAY, false).is_err());
        assert!(check_kind(dir, OVERLAY, true).is_ok());
        const EXT4: u32 = 0xef53;
        assert!(check_kind(dir, EXT4, false).is_ok());
    }

    #[test]
    fn ballast_that_cannot_be_reserved_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::new(dir.path(), u64::MAX, 100_000);
        assert!(space.ballast_spent(), "there is never so much room");
        let mut file = File::create(space.ballast_path()).unwrap();
        space.write_ballast(&mut file).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 100_000);
        assert!(!Space::new(dir.path(), u64::MAX, 100_000).ballast_spent());
        assert!(Space::new(dir.path(), u64::MAX, 100_001).ballast_spent());
    }

    #[test]
    fn ballast_is_given_once_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::new(dir.path(), 0, 100_000);
        assert!(!space.ballast_spent() && space.ballast_path().exists());
        assert!(space.spend_ballast() && !space.spend_ballast());
        assert!(!space.ballast_path().exists());
        assert_eq!(space.look().0, Some(Hindrance::BallastSpent));
        space.restore_ballast();
        assert!(space.ballast_path().exists() && space.look().0.is_none());
    }
}
