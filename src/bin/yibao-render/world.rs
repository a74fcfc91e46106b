//! What a template can see: its own directory, the values, the fonts of this machine. Nothing else: no package is
//! fetched, no path leads out of the directory, no link is followed, and there is no clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FileType, Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, World};

use crate::fonts::Fonts;
use crate::typeset::{SHEET_TEMPLATE, SHEET_VALUES, reads};

/// The template where the site has none of its own.
const BUILT_IN: &str = include_str!("../../../packaging/templates/settlement.typ");
/// Longest file of a template: a picture of a seal, a logo.
const FILE_BYTES_MAX: u64 = 8_388_608;

/// One template with its values. Files are read once.
pub(crate) struct Sheet<'a> {
    library: &'a LazyHash<Library>,
    fonts: &'a Fonts,
    /// Absent: the built-in template.
    template_dir: Option<PathBuf>,
    values: Bytes,
    main: FileId,
    read: Mutex<BTreeMap<String, FileResult<Bytes>>>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(
        library: &'a LazyHash<Library>,
        fonts: &'a Fonts,
        template_dir: &str,
        values: Vec<u8>,
    ) -> Self {
        let path = VirtualPath::new(SHEET_TEMPLATE).expect("the name is a plain one");
        Self {
            library,
            fonts,
            template_dir: (!template_dir.is_empty()).then(|| PathBuf::from(template_dir)),
            values: Bytes::new(values),
            main: RootedPath::new(VirtualRoot::Project, path).intern(),
            read: Mutex::default(),
        }
    }

    /// Whether any file of the template reads this field of the values.
    pub(crate) fn reads(&self, field: &str) -> bool {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut texts = (read.values().flatten()).filter_map(|file| file.as_str().ok());
        texts.any(|text| reads(text, field))
    }

    fn bytes(&self, id: FileId) -> FileResult<Bytes> {
        let rooted = id.get();
        if !matches!(rooted.root(), VirtualRoot::Project) {
            let why = "packages are not available; copy what is needed beside the template";
            return Err(FileError::Other(Some(why.into())));
        }
        let path = rooted.vpath().get_without_slash();
        if path == SHEET_VALUES {
            return Ok(self.values.clone());
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read.entry(path.to_owned());
        known.or_insert_with(|| self.read_from_disk(path)).clone()
    }

    fn read_from_disk(&self, path: &str) -> FileResult<Bytes> {
        match &self.template_dir {
            Some(dir) => read_beneath(dir, path),
            None if path == SHEET_TEMPLATE => Ok(Bytes::from_string(BUILT_IN)),
            None => Err(FileError::NotFound(PathBuf::from(path))),
        }
    }
}

/// A plain file in the directory or below: no part of the path is a link or leads out.
fn read_beneath(dir: &Path, path: &str) -> FileResult<Bytes> {
    let other = |error: Errno| match error {
        Errno::NOENT | Errno::NOTDIR => FileError::NotFound(PathBuf::from(path)),
        Errno::LOOP => FileError::Other(Some("it is a symbolic link; put the file itself".into())),
        Errno::ACCESS | Errno::PERM => FileError::AccessDenied,
        error => FileError::Other(Some(error.to_string().into())),
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    // Part by part: the kernels of UOS 20 and Kylin V10 (4.19) have no openat2, which would do it in one.
    let mut file = open(dir, flags | OFlags::DIRECTORY, Mode::empty()).map_err(|error| {
        let why = format!("template_dir {}: {error}", dir.display());
        FileError::Other(Some(why.into()))
    })?;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        if matches!(part, "" | "." | "..") {
            let why = "it lies outside the directory of templates";
            return Err(FileError::Other(Some(why.into())));
        }
        let on_the_way = match parts.peek() {
            Some(_) => OFlags::PATH | OFlags::DIRECTORY,
            None => OFlags::empty(),
        };
        let flags = flags | OFlags::NOFOLLOW | on_the_way;
        file = openat(&file, part, flags, Mode::empty()).map_err(other)?;
    }
    let status = fstat(&file).map_err(other)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(FileError::IsDirectory),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => return Err(FileError::Other(Some("it is no plain file".into()))),
    }
    let bytes = u64::try_from(status.st_size).unwrap_or(u64::MAX);
    if bytes > FILE_BYTES_MAX {
        let why = format!("it has more than {FILE_BYTES_MAX} bytes");
        return Err(FileError::Other(Some(why.into())));
    }
    let mut read = Vec::new();
    let file = std::fs::File::from(file);
    // It may grow while it is read.
    let mut file = std::io::Read::take(file, FILE_BYTES_MAX);
    let done = std::io::Read::read_to_end(&mut file, &mut read);
    done.map_err(|error| FileError::from_io(error, path.as_ref()))?;
    Ok(Bytes::new(read))
}

impl World for Sheet<'_> {
    fn library(&self) -> &LazyHash<Library> {
        self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let bytes = self.bytes(id)?;
        let text = bytes.as_str().map_err(|_| FileError::InvalidUtf8)?;
        // Editors on Windows begin a file with it.
        let text = text.trim_start_matches('\u{feff}');
        Ok(Source::new(id, text.to_owned()))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.bytes(id)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    /// None: when it is printed is one of the values.
    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
