//! A buffer in front of a source of bytes: lines, and messages of a known length.
//!
//! What was sent in one piece arrives in three, or half a message arrives together with the end of the one before.
//!
//! **Invariants**
//! - `BUF-1` `bytes[start..end]` came from the source, in order, and was not given out.
//! - `BUF-2` A line stays in the buffer until all of it is there, and is taken in the poll that returns it. So a read
//!   that is dropped half-way loses nothing.
//! - `BUF-3` No byte is searched twice: `searched` tells how far the search came.
//! - `BUF-4` A reader that waits with an empty buffer has no memory: an idle connection costs no buffer.
//! - `BUF-5` The buffer grows only for a line that it cannot hold, by doubling, and not beyond the caller's limit.
//!
//! **Source**: `std::io::BufReader`; `asyncio.StreamReader` for the limit.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use super::io::AsyncRead;
use crate::rt::poll_budget;

/// The default size of a buffer in bytes: that of `std::io::BufReader`.
const DEFAULT_BYTES: usize = 8 * 1024;

/// A buffered reader.
#[derive(Debug)]
pub struct BufReader<R> {
    /// Where bytes come from.
    source: R,
    /// The buffer; its length is what is allocated (`BUF-4`).
    bytes: Vec<u8>,
    /// The first byte that was not given out.
    start: usize,
    /// One after the last byte that came.
    end: usize,
    /// How many bytes from `start` on are known not to be a line's end.
    searched: usize,
    /// What is allocated at first.
    capacity_bytes: usize,
}

impl<R: AsyncRead> BufReader<R> {
    /// Puts a buffer of 8 KiB before a source.
    pub fn new(source: R) -> Self {
        Self::with_capacity(DEFAULT_BYTES, source)
    }

    /// Puts a buffer of the given size before a source; at least one byte.
    pub fn with_capacity(capacity_bytes: usize, source: R) -> Self {
        let (bytes, capacity_bytes) = (Vec::new(), capacity_bytes.max(1));
        Self { source, bytes, start: 0, end: 0, searched: 0, capacity_bytes }
    }

    /// Returns what has come and was not taken.
    pub fn buffer(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Returns how much memory the buffer has, in bytes (`BUF-4`).
    pub fn allocated_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the source, for example to write to it. A read from it would skip what is in the buffer.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Waits until bytes are in the buffer, and returns them; none is the end of the stream.
    ///
    /// # Errors
    /// Those of read(2).
    ///
    /// # Cancellation
    /// Nothing is lost: what has come stays in the buffer.
    pub async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        poll_fn(|cx| self.poll_fill(cx)).await?;
        Ok(self.buffer())
    }

    /// Takes bytes out of the buffer, which [`fill_buf`](Self::fill_buf) has shown.
    ///
    /// # Panics
    /// There are fewer.
    pub fn consume(&mut self, bytes: usize) {
        assert!(bytes <= self.end - self.start, "more bytes are consumed than are in the buffer");
        self.start += bytes;
        self.searched = self.searched.saturating_sub(bytes);
    }

    /// Reads a line, and returns it without its end, `\n` or `\r\n`. The last line needs no end. `None` is the end of
    /// the stream.
    ///
    /// # Errors
    /// `InvalidData`: the line is not UTF-8, and was taken; or more than `limit_bytes` come before its `\n`. Then it stays
    /// in the buffer, to be [`consume`](Self::consume)d or given up. Otherwise those of read(2).
    ///
    /// # Cancellation
    /// Nothing is lost: what has come of the line stays in the buffer for the next call.
    pub async fn read_line(&mut self, limit_bytes: usize) -> io::Result<Option<String>> {
        // No await after this one: found and taken in one poll (`BUF-2`).
        let length = self.find_line(limit_bytes).await?;
        if length == 0 {
            return Ok(None);
        }
        let mut line = self.buffer()[..length].to_vec();
        self.consume(length);
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
        }
        let line = String::from_utf8(line);
        line.map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
    }

    /// Fills all of `into`.
    ///
    /// # Errors
    /// `UnexpectedEof`: the stream ends before; what had come is lost. Otherwise those of read(2).
    ///
    /// # Cancellation
    /// An unknown number of bytes was moved to `into`: drop the stream too, or wait with [`fill_buf`](Self::fill_buf)
    /// and [`consume`](Self::consume).
    pub async fn read_exact(&mut self, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            let some = self.read(into).await?;
            if some == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            into = &mut into[some..];
        }
        Ok(())
    }

    /// Waits until a whole line, or the end of the stream, is in the buffer, and returns the line's length.
    async fn find_line(&mut self, limit_bytes: usize) -> io::Result<usize> {
        poll_fn(|cx| {
            loop {
                let fresh = &self.buffer()[self.searched..];
                let found = fresh.iter().position(|byte| *byte == b'\n');
                let before = self.searched + found.unwrap_or(fresh.len());
                // The limit may be smaller than in the call before, and the line searched already.
                if before > limit_bytes {
                    let text = format!("a line is longer than {limit_bytes} bytes");
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                self.searched = before;
                if found.is_some() {
                    ready!(poll_budget(cx));
                    return Poll::Ready(Ok(before + 1));
                }
                if ready!(self.poll_more(cx))? == 0 {
                    return Poll::Ready(Ok(before));
                }
            }
        })
        .await
    }

    /// Waits until the buffer is not empty, or the stream ends.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.start == self.end {
            ready!(self.poll_more(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once from the source to the end of the buffer; returns how many bytes came.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Before the read, so that no buffer is made if nothing has come.
        let polled = match self.source.poll_readable(cx) {
            Poll::Ready(Ok(())) => {
                self.make_room();
                self.source.poll_read(cx, &mut self.bytes[self.end..])
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        if let Poll::Ready(Ok(bytes)) = &polled {
            self.end += bytes;
        }
        if self.start == self.end {
            // BUF-4.
            (self.bytes, self.start, self.end) = (Vec::new(), 0, 0);
        }
        polled
    }

    /// Makes room for at least one byte behind `end`: moves what is there to the front, or doubles the buffer.
    fn make_room(&mut self) {
        if self.end < self.bytes.len() {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else {
            let length = (self.bytes.len() * 2).max(self.capacity_bytes);
            self.bytes.resize(length, 0);
        }
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.start < self.end { Poll::Ready(Ok(())) } else { self.source.poll_readable(cx) }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        // A read that asks for more than the buffer holds gains nothing from it.
        if self.start == self.end && into.len() >= self.capacity_bytes {
            return self.source.poll_read(cx, into);
        }
        if self.start < self.end {
            ready!(poll_budget(cx));
        }
        ready!(self.poll_fill(cx))?;
        let bytes = into.len().min(self.end - self.start);
        into[..bytes].copy_from_slice(&self.buffer()[..bytes]);
        self.consume(bytes);
        Poll::Ready(Ok(bytes))
    }
}
