//! A body in a file: the file has its new content when that is complete, and nothing else is lost.
//!
//! | what has the name | where the body goes |
//! | --- | --- |
//! | nothing, or a regular file | to a new file in the same directory, which then takes the name |
//! | the file behind stdout or stderr (`/dev/stdout`) | to that stream, at its position |
//! | a device or a pipe | to it |
//! | a file with several names, or in a directory that cannot be written | to it, when the head has come |
//!
//! Symbolic links are followed. A new file gets mode and owner of the old one; where it cannot, the old one is written.
//!
//! **Source**: curl(1), `--output`; rename(2).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::process;

use super::request::Sink;
use crate::http::ResponseHead;
use crate::os::write_out;

/// A file that is being written. Its drop removes what is not complete.
#[derive(Debug)]
pub(crate) struct OutputFile {
    /// Gets the body.
    file: File,
    /// Whether the old content goes when the body begins.
    is_emptied: bool,
    /// The present name of a new file, and the name that it takes.
    names: Option<(PathBuf, PathBuf)>,
}

impl OutputFile {
    /// Opens stdout.
    pub(crate) fn stdout() -> io::Result<Self> {
        // A copy, without std's buffer, which would hold back all but whole lines.
        io::stdout().as_fd().try_clone_to_owned().map(|copy| Self::in_place(copy.into(), false))
    }

    /// Opens a file; see the table above.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let old = match OpenOptions::new().write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Self::beside(&followed(path), None);
            }
            old => old?,
        };
        let found = old.metadata()?;
        for stream in [io::stdout().as_fd(), io::stderr().as_fd()] {
            let stream = File::from(stream.try_clone_to_owned()?);
            if is_same(&stream.metadata()?, &found) {
                return Ok(Self::in_place(stream, false));
            }
        }
        // The file may have another name, or none, such as `/dev/fd/3`.
        let name = fs::canonicalize(path).unwrap_or_default();
        let is_named = fs::metadata(&name).is_ok_and(|named| is_same(&named, &found));
        let is_plain = found.is_file() && found.nlink() == 1 && is_named;
        let new = is_plain.then(|| Self::beside(&name, Some(&found)).ok()).flatten();
        Ok(new.unwrap_or_else(|| Self::in_place(old, found.is_file())))
    }

    /// Writes into an open file.
    fn in_place(file: File, is_emptied: bool) -> Self {
        Self { file, is_emptied, names: None }
    }

    /// Makes a new file that is to take a name, perhaps from an old one.
    fn beside(name: &Path, old: Option<&Metadata>) -> io::Result<Self> {
        let mut number = 0;
        let (part, file) = loop {
            // Short, because the name itself may be as long as a name can be.
            let part = name.with_file_name(format!(".handloom-{}-{number}.part", process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                file => break (part, file?),
            }
        };
        let names = Some((part, name.to_owned()));
        let made = Self { file, is_emptied: false, names };
        if let Some(old) = old {
            let new = made.file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                fchown(&made.file, Some(old.uid()), Some(old.gid()))?;
            }
            made.file.set_permissions(old.permissions())?;
        }
        Ok(made)
    }

    /// The name of a new file that is to be removed if the program ends early.
    pub(crate) fn part(&self) -> Option<PathBuf> {
        self.names.as_ref().map(|(part, _)| part.clone())
    }

    /// Gives a complete file its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Some((part, name)) = &self.names else { return Ok(()) };
        // A name where another file is mounted cannot be renamed over; the drop removes the part then.
        fs::rename(part, name).or_else(|_| fs::copy(part, name).map(drop))
    }
}

impl Sink for OutputFile {
    fn begin(&mut self, _: &ResponseHead) -> io::Result<()> {
        if self.is_emptied { self.file.set_len(0) } else { Ok(()) }
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        write_out(&mut self.file, piece)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.names {
            // A complete file does not have this name any more.
            drop(fs::remove_file(part));
        }
    }
}

/// Tells whether both are the same file.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Follows symbolic links to a file that does not exist.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // A circle of links is an error of the open that came before.
    while let Ok(target) = fs::read_link(&path) {
        path.set_file_name(target);
    }
    path
}
