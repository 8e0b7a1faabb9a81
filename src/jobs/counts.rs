//! How many jobs a pool has, at one moment.

/// How many jobs a pool has queued, runs and has done, and by how many workers.
///
/// A job is counted as done before its handle says so, and so is one that panicked or died: whoever has joined
/// every job finds none running. One that was cancelled before it began counts nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs that no worker has taken yet.
    pub queued: usize,
    /// Jobs that a worker runs.
    pub running: usize,
    /// Jobs that have been run, well or not.
    pub done: u64,
    /// Jobs that were dropped before they began.
    pub cancelled: u64,
    /// Living workers.
    pub workers: usize,
}
