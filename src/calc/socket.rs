//! A socket that never blocks, whoever made it: what a `Conversation` asks of it.
//!
//! A read that finds nothing is no failure on such a socket but an answer. Here it is `None`, so that what is
//! left over as an error is one, and ends the connection.
//!
//! **Invariants**
//! - `SOCKET-1` `WouldBlock` and EINTR never leave this file.
//!
//! **Source**: read(2) and write(2), `EAGAIN` and `EINTR`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// A socket that never blocks.
pub(super) trait Socket: Read + Write {
    /// Ends one of its two directions.
    ///
    /// # Errors
    /// As shutdown(2): as a rule that the peer has gone.
    fn shut_down(&self, how: Shutdown) -> io::Result<()>;

    /// Reads what is there; `None` if there is nothing yet, 0 at the end of the stream.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        attempt(|| self.read(buffer))
    }

    /// Writes what there is room for; `None` if there is no room.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        attempt(|| self.write(bytes))
    }
}

impl Socket for mio::net::TcpStream {
    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

/// Makes a call that never blocks; `None` means that it would have to (`SOCKET-1`).
fn attempt(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Ok(length) => return Ok(Some(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
