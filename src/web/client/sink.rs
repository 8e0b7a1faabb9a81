//! Where a body goes: into memory, into a file, or nowhere.
//!
//! A client that gathers every body in memory cannot fetch what is larger than that; one that hands out pieces
//! makes each caller write the loop. A sink is given the pieces as they come, out of the buffer that they were
//! read into; a sink that has room of its own may be read into directly.
//!
//! **Invariants**
//! - `SINK-1` A sink gets the bytes of the body of the final response, in order, and nothing else: nothing of a
//!   redirect, and nothing twice.
//! - `SINK-2` What follows on a `room` is one `filled`, in the same poll: between them no other code runs.
//!
//! **Left out**: a sink that says "not yet". A slow disk or pipe holds whoever writes to it, on the event loop
//! too, where `run_blocking` would be the way out.

use std::io::{self, Write};

/// What takes a body.
pub trait Sink {
    /// Takes a piece.
    ///
    /// # Errors
    /// Whatever it cannot take; the fetch ends with it, in the phase "store".
    fn take(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Lends room for at most `most` bytes to read into; none, the default, if the pieces shall be brought.
    fn room(&mut self, most: usize) -> &mut [u8] {
        let _ = most;
        &mut []
    }

    /// Takes note of how many bytes came into the room; it may be none.
    fn filled(&mut self, bytes: usize, room: usize) {
        let _ = (bytes, room);
    }
}

impl Sink for Vec<u8> {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.extend_from_slice(piece);
        Ok(())
    }

    fn room(&mut self, most: usize) -> &mut [u8] {
        let start = self.len();
        self.resize(start + most, 0);
        &mut self[start..]
    }

    fn filled(&mut self, bytes: usize, room: usize) {
        self.truncate(self.len() - (room - bytes));
    }
}

/// Writes the body to a file, a pipe, or whatever has `Write`; in constant memory.
#[derive(Debug)]
pub struct ToWriter<W>(
    /// What is written to.
    pub W,
);

impl<W: Write> Sink for ToWriter<W> {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.write_all(piece)
    }
}

/// Drops the body; how long it was is told all the same.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Sink for Nowhere {
    fn take(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
