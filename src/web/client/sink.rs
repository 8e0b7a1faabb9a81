//! Where a body goes: into memory, into a file, or wherever the caller wants it.
//!
//! A client that collects every body in memory cannot fetch what is larger than memory. So a sink gets the pieces as
//! they come, from the buffer that they were read into. A sink that has memory of its own may lend it, and the
//! client reads directly into it.
//!
//! **Invariants**
//! - `SINK-1` A sink gets the bytes of the body of the final response, in order, and nothing else: nothing of a
//!   redirect, and nothing twice.
//! - `SINK-2` Each `lend` is followed by one `filled` in the same poll; no other code runs between them.
//!
//! **Left out**: a sink that is not ready. A slow disk or pipe blocks the caller, on the event loop too.

use std::io::{self, Write};

/// The destination of a body.
pub trait Sink {
    /// Takes a piece.
    ///
    /// # Errors
    /// The fetch ends with this error, in the phase "store".
    fn take(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Lends at most `most` bytes of memory to read into; by default none, and pieces go to [`take`](Self::take).
    fn lend(&mut self, most: usize) -> &mut [u8] {
        let _ = most;
        &mut []
    }

    /// Receives the number of bytes that were read into the lent memory, which may be 0.
    fn filled(&mut self, bytes: usize, lent_bytes: usize) {
        let _ = (bytes, lent_bytes);
    }
}

impl Sink for Vec<u8> {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.extend_from_slice(piece);
        Ok(())
    }

    fn lend(&mut self, most: usize) -> &mut [u8] {
        let start = self.len();
        self.resize(start + most, 0);
        &mut self[start..]
    }

    fn filled(&mut self, bytes: usize, lent_bytes: usize) {
        self.truncate(self.len() - (lent_bytes - bytes));
    }
}

/// Writes the body to a file, a pipe, or anything with `Write`, in constant memory.
#[derive(Debug)]
pub struct ToWriter<W>(
    /// The writer.
    pub W,
);

impl<W: Write> Sink for ToWriter<W> {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.write_all(piece)
    }
}
