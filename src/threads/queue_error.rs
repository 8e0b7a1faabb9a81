//! Why a queue between threads did not take a value, or gave none.
//!
//! A value that could not be put comes back in the error. It need not be printable: nothing here prints it, so that
//! `expect` works with any.
//!
//! **Source**: [`aio`](crate::aio) has the same for tasks; it is a room above this one.

use std::error::Error;
use std::fmt;

/// Why a value was not put; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There was no room in time.
    Full(T),
    /// The queue is closed: there never will be.
    Closed(T),
}

impl<T> PutError<T> {
    /// Returns the value.
    pub fn into_value(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    /// Shows no value.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> Error for PutError<T> {}

/// Why no item was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetError {
    /// None came in time.
    Empty,
    /// The queue is closed, and all that was in it has been taken.
    Closed,
}

impl fmt::Display for GetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is closed",
        })
    }
}

impl Error for GetError {}
