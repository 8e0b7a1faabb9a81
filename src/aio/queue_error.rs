//! Why a queue did not take a value, or gave none.
//!
//! A value that could not be put comes back in the error, so that its owner may try again or put it
//! elsewhere. It need not be printable: none of these prints it, and `expect` works with any.
//!
//! **Source**: tokio's `sync::mpsc::error`; asyncio's `QueueFull`, `QueueEmpty`, `QueueShutDown`.

use std::error::Error;
use std::fmt;

/// The queue is closed; the value that could not be put comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

/// Why a value could not be put at once; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room now.
    Full(T),
    /// There never will be.
    Closed(T),
}

/// Why no item could be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryGetError {
    /// There is none now.
    Empty,
    /// There never will be.
    Closed,
}

impl<T> fmt::Debug for Closed<T> {
    /// Shows no value, so that `expect` works with any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> Error for Closed<T> {}

impl<T> fmt::Debug for TryPutError<T> {
    /// Shows no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> Error for TryPutError<T> {}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is closed",
        })
    }
}

impl Error for TryGetError {}
