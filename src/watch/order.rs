//! What a watcher is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use super::needle::Needle;

/// What a watcher is asked to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// The file's name. A link is followed: the file that it leads to is read, and is the one that is deleted.
    pub path: PathBuf,
    /// What the file has to hold.
    pub needle: Needle,
    /// How long to sleep between two looks. Zero is a busy loop; the program's least is a millisecond.
    pub interval: Duration,
}
