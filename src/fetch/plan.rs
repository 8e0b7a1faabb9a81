//! What is to be fetched, and in which mode.

use std::fmt;
use std::sync::Arc;

use crate::http::{Url, percent, without_password};
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
        ["sequential", "threads", "async"][self as usize]
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// What is to be fetched; the same for every mode.
#[derive(Clone, Debug)]
pub struct FetchPlan {
    /// The addresses. An address that stands here twice is fetched twice.
    pub links: Arc<[String]>,
    /// The most links under way at the same time, in the modes that can. With few descriptors it is lower.
    pub concurrency: usize,
    /// Whether the server runs in this process, so that a connection takes two of its descriptors.
    pub serves_itself: bool,
    /// The limits of each request.
    pub options: Options,
}

/// Reads a list of links: each line, without the blanks around it, unless it is empty or begins with `#`. A byte order
/// mark before the list is skipped.
///
/// # Errors
/// A line is no address; the text says which, and what is wrong.
pub fn read_links(list: &[u8]) -> Result<Vec<String>, String> {
    let list = list.strip_prefix("\u{feff}".as_bytes()).unwrap_or(list);
    let numbered = list.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
    let links = numbered.filter(|(line, _)| !line.is_empty() && !line.starts_with(b"#"));
    let read = |(line, number): (&[u8], usize)| {
        let shown = String::from_utf8_lossy(line);
        let told = |wrong| format!("line {number}: {wrong}, got {:?}", without_password(&shown));
        read_link(line).map_err(told)
    };
    links.map(read).collect()
}

/// Reads a link. Bytes that are not UTF-8 are escaped. A scheme that is not supported fails when it is fetched.
///
/// # Errors
/// What is wrong with it.
pub fn read_link(bytes: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(bytes).map(str::to_owned);
    let link = text.unwrap_or_else(|_| percent::escape(bytes, |byte| byte.is_ascii()));
    match Url::parse(&link) {
        Err(error) if !error.is_unsupported() => Err(error.to_string()),
        _ => Ok(link),
    }
}
