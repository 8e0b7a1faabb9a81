//! The polite end of a connection, by the side that ends it.
//!
//! A socket that is closed with bytes unread resets the connection, and so do bytes that come after the close. A
//! reset may destroy what the peer has not read yet: the last reply, or the error that says why. So the sending
//! side is shut down first, and then read from, into nothing, until the peer closes too. But it need not, ever.
//!
//! **Invariants**
//! - `HANG-UP-1` Bytes are read and thrown away until the peer has closed, has been silent for a span, or has been
//!   read from for a longer one.
//!
//! **Source**: RFC 1122, 4.2.2.13 (reset on early close); RFC 9112, section 9.6.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{AsyncRead, TcpStream, timeout};

/// Bytes that are thrown away at once. On the stack, and only while it is read: who waits needs no buffer.
const DISCARD_BYTES: usize = 4 * 1024;

/// Ends a connection: shuts the sending side down, and waits for the peer's end for no longer than `silence` after
/// anything that it sends, and `at_most` in all.
///
/// # Errors
/// Those of shutdown(2) and read(2), and `TimedOut`; whichever, there is nothing left to do but to close.
///
/// # Cancellation
/// The sending side is shut down; closing now may reset the connection.
pub async fn hang_up(
    stream: &mut TcpStream,
    silence: Duration,
    at_most: Duration,
) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let farewell = async {
        while timeout(silence, poll_fn(|cx| poll_discard(stream, cx))).await?? > 0 {}
        io::Result::Ok(())
    };
    timeout(at_most, farewell).await?
}

/// Reads what there is, for nobody; 0 is the end.
fn poll_discard(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    stream.poll_read(cx, &mut [0; DISCARD_BYTES])
}
