//! One look at a file: is it there, is it a file, does it hold the string?
//!
//! Between two calls on a *name* another process may put another file there. So the name is opened once, and everything
//! else is asked of the open file.
//!
//! | the name leads to | outcome |
//! | --- | --- |
//! | nothing; a link to nothing; no directory on the way | `Missing`: look again later |
//! | a file without the string, or an empty one | `Without`: look again later |
//! | a file that is cut, grows or is replaced meanwhile | the opened one is read to its end; see `delete` |
//! | a directory, FIFO, socket, device | an error, and it is not opened: an open may have consequences |
//! | a link that leads to itself, a file that may not be read | an error: waiting does not help |
//!
//! **Invariants**
//! - `LOOK-1`: the call never waits for another process: not in the open, and it reads regular files only.
//! - `LOOK-2`: memory does not depend on the file's length.
//! - `LOOK-3`: what is returned as seen is the identity of the file whose bytes were read.
//! - `LOOK-4`: between two pieces of the file it asks whether to continue.
//!
//! **Source**: inode(7); open(2); `path_resolution(7)`.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::{WatchError, shown};
use super::needle::{Needle, Search};
use crate::os::open_at_once;

/// How much is read at once. Beyond some ten KiB the copying takes the time, not the calls.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a look has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// There is no file of this name.
    Missing,
    /// The file does not hold the string.
    Without {
        /// How many bytes it had.
        bytes: u64,
    },
    /// The file holds the string; it has been closed.
    Holds(Seen),
    /// It was stopped.
    Stopped,
}

/// A file that was seen to hold the string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name without links, as it was then.
    pub path: PathBuf,
    /// Which file it was.
    pub(super) identity: Identity,
    /// Where the string begins, in bytes from 0.
    pub at: u64,
}

/// Which file it is, whatever its name.
///
/// When a file is gone, the next one often gets its inode; the time of birth tells the two apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The device that the file is on.
    device: u64,
    /// Its number there.
    inode: u64,
    /// When it was made, if the file system knows.
    born: Option<SystemTime>,
}

impl Identity {
    /// Takes it from the metadata of a file.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok();
        Self { device: metadata.dev(), inode: metadata.ino(), born }
    }
}

/// Looks at the file once; see the table above. `goes_on` is asked between two pieces (`LOOK-4`).
///
/// # Errors
/// What stands there is no regular file, or may not be read; or a read fails.
///
/// # Blocking
/// For the disk; as long as the reading of the whole file takes.
pub fn look(path: &Path, needle: &Needle, goes_on: &dyn Fn() -> bool) -> Result<Look, WatchError> {
    let Some((path, file)) = open(path)? else { return Ok(Look::Missing) };
    let metadata = file.metadata().map_err(|error| WatchError::on_file("stat", &path, error))?;
    // Again: another file may have come since the name was looked at.
    refuse_other_kinds(&path, metadata.file_type())?;
    let identity = Identity::of(&metadata);
    let mut search = Search::new(needle);
    let mut chunk = vec![0; CHUNK_BYTES];
    while goes_on() {
        let count = match (&file).read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| WatchError::on_file("read", &path, error))?,
        };
        if let Some(at) = search.feed(&chunk[..count]) {
            // The end of this function closes the file, before the event is set.
            return Ok(Look::Holds(Seen { path, identity, at }));
        }
        if count == 0 {
            return Ok(Look::Without { bytes: search.seen_bytes() });
        }
    }
    Ok(Look::Stopped)
}

/// Opens the file that a name leads to, if there is one; returns its name without links, too.
fn open(path: &Path) -> Result<Option<(PathBuf, File)>, WatchError> {
    let opened = fs::canonicalize(path).and_then(|real| {
        let kind = fs::metadata(&real)?.file_type();
        Ok((real, kind))
    });
    let (real, kind) = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| WatchError::on_file("look for", path, error))?,
    };
    // The error has the name that the user gave.
    refuse_other_kinds(path, kind)?;
    match open_at_once(&real) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(WatchError::on_file("open", path, error)),
        Ok(file) => Ok(Some((real, file))),
    }
}

/// Refuses what is no regular file.
fn refuse_other_kinds(path: &Path, kind: FileType) -> Result<(), WatchError> {
    let kind = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(WatchError::NotAFile(format!("{} is {kind}, not a regular file", shown(path))))
}
