//! The lingering close: how a side ends a connection without destroying what the peer has not read yet.
//!
//! A socket that is closed with bytes unread resets the connection, and so do bytes that come after the close. A reset
//! may destroy the last reply, or the error that says why the connection ends. So the sending side is shut down first,
//! and what comes is read and thrown away until the peer closes too. The peer may never do that, hence two limits.
//!
//! **Source**: RFC 1122, 4.2.2.13 (reset on early close); RFC 9112, section 9.6.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::time::Duration;

use super::timeout::timeout;
use super::{AsyncRead, TcpStream};

/// Bytes that are thrown away at once. The buffer is on the stack during a read; a wait needs none.
const DISCARD_BYTES: usize = 4 * 1024;

/// Ends a connection: shuts the sending side down, and waits for the peer to close, for at most `silence` since the
/// last bytes that came, and `at_most` in all.
///
/// # Errors
/// Those of shutdown(2) and read(2), and `TimedOut`. After any of them, close the connection.
///
/// # Cancellation
/// The sending side is shut down; closing now may reset the connection.
pub async fn lingering_close(
    stream: &mut TcpStream,
    silence: Duration,
    at_most: Duration,
) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let peer_closes = async {
        loop {
            let read = poll_fn(|cx| stream.poll_read(cx, &mut [0; DISCARD_BYTES]));
            if timeout(silence, read).await?? == 0 {
                return io::Result::Ok(());
            }
        }
    };
    timeout(at_most, peer_closes).await?
}
