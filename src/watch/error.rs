//! Why a watch ended without an outcome. A file that is not there, or does not hold the string, is no error: the watcher
//! waits for it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a watch ended without an outcome.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// The name leads to no regular file but, for instance, a directory; it was not opened.
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What it is: "a directory".
        kind: &'static str,
    },
    /// A system call failed: which, on what ("open notes.txt"), and why.
    System(String, io::Error),
    /// The listener failed.
    Untold(io::Error),
}

impl WatchError {
    /// The failure of a call on a file.
    pub(super) fn on_file(call: &str, path: &Path, source: io::Error) -> Self {
        Self::System(format!("{call} {}", path.display()), source)
    }

    /// The failure of something else.
    pub(super) fn while_doing(doing: &str, source: io::Error) -> Self {
        Self::System(doing.to_owned(), source)
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile { path, kind } => {
                write!(out, "{} is {kind}, not a regular file", path.display())
            }
            Self::System(doing, source) => write!(out, "{doing}: {source}"),
            Self::Untold(source) => write!(out, "tell the news: {source}"),
        }
    }
}

impl Error for WatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System(_, source) | Self::Untold(source) => Some(source),
            Self::NotAFile { .. } => None,
        }
    }
}
