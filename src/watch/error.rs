//! Why a watch ended without an outcome. A file that is not there, or does not hold the string, is no error: the watcher
//! waits for it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

/// Why a watch ended without an outcome.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// The name leads to no regular file; it was not opened. "notes is a directory, not a regular file".
    NotAFile(String),
    /// A system call failed: which, on what ("open notes.txt"), and why.
    System(String, io::Error),
    /// The listener failed.
    Untold(io::Error),
}

impl WatchError {
    /// The failure of a call on a file.
    pub(super) fn on_file(call: &str, path: &Path, source: io::Error) -> Self {
        Self::System(format!("{call} {}", shown(path)), source)
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile(text) => out.write_str(text),
            Self::System(doing, source) => write!(out, "{doing}: {source}"),
            Self::Untold(source) => write!(out, "tell the news: {source}"),
        }
    }
}

impl Error for WatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System(_, source) | Self::Untold(source) => Some(source),
            Self::NotAFile(_) => None,
        }
    }
}

/// A file's name as text for a terminal, which would act on its control characters: they are escaped.
pub fn shown(path: &Path) -> String {
    let escaped = |character: char| match character {
        _ if character.is_control() => character.escape_default().to_string(),
        _ => character.to_string(),
    };
    path.display().to_string().chars().map(escaped).collect()
}
