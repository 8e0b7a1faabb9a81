//! What is to be fetched, and in which mode.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::web::client::Options;

/// How the program waits for many pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One after another: each page is complete before the next is requested.
    Sequential,
    /// At the same time, a thread for each page.
    Threads,
    /// At the same time, all pages on one thread.
    Async,
}

impl Mode {
    /// All modes, the simplest first.
    pub const ALL: [Self; 3] = [Self::Sequential, Self::Threads, Self::Async];

    /// Returns the name on the command line, in the tables and in the log's file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::Async => "async",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    /// Reads a name; the error lists all names.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What is to be fetched; the same for every mode.
#[derive(Clone, Debug)]
pub struct FetchPlan {
    /// The addresses. An address that stands here twice is fetched twice.
    pub links: Arc<[String]>,
    /// The most links under way at the same time, in the modes that can. It is lower if there are not enough
    /// descriptors.
    pub concurrency: usize,
    /// Whether the server runs in this process, so that a connection takes two of its descriptors.
    pub serves_itself: bool,
    /// The limits of each request.
    pub options: Options,
}
