//! The three ways to wait for many pages.

use std::fmt;
use std::str::FromStr;

/// How the waits for many pages are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One after another: each page is waited for before the next is asked for.
    Sequential,
    /// Side by side, a thread for each wait.
    Threads,
    /// Side by side, all waits on one thread.
    Async,
}

impl Mode {
    /// All of them, from the plainest.
    pub const ALL: [Self; 3] = [Self::Sequential, Self::Threads, Self::Async];

    /// Its name on the command line, in the tables and in the name of its log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::Async => "async",
        }
    }
}

impl fmt::Display for Mode {
    /// Writes the name.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    /// Reads the name; the error tells all of them.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}
