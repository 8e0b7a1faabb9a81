//! Why a watch ended without an outcome.
//!
//! A file that is not there, or does not hold the string, is no error: the watcher waits for it. These are the cases in
//! which waiting would not help, or in which nobody would know what it waits for.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a watch ended without an outcome.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// Something stands there that is no regular file, such as a directory; it was not opened.
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// A call of the system failed.
    System {
        /// Which, and on what, such as "open notes.txt".
        doing: String,
        /// Why.
        source: io::Error,
    },
    /// The one who listens to the news cannot hear them.
    Untold(io::Error),
}

impl WatchError {
    /// The failure of a call on a file.
    pub(super) fn on_file(call: &str, path: &Path, source: io::Error) -> Self {
        Self::System { doing: format!("{call} {}", path.display()), source }
    }

    /// The failure of something else.
    pub(super) fn while_doing(doing: &str, source: io::Error) -> Self {
        Self::System { doing: doing.to_owned(), source }
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile { path, kind } => {
                write!(out, "{} is {kind}, not a regular file", path.display())
            }
            Self::System { doing, source } => write!(out, "{doing}: {source}"),
            Self::Untold(source) => write!(out, "tell the news: {source}"),
        }
    }
}

impl Error for WatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System { source, .. } | Self::Untold(source) => Some(source),
            Self::NotAFile { .. } => None,
        }
    }
}
