//! Ctrl-c, and the wish of the system that the program stop, as futures.
//!
//! A signal handler may do next to nothing. Ours counts, and makes a descriptor readable; a task waits for
//! that descriptor as for any other.
//!
//! **Invariants**
//! - `STOP-1` A signal that comes after the call of [`ctrl_c`] or [`terminate`] is seen, whether the future
//!   has been polled or not: the call itself installs the handler and notes the count.
//! - `STOP-2` Every waiter sees it, in any number of tasks and loops: nobody takes it from another. For that
//!   the descriptor is never read, and each waiter watches a duplicate of its own, for a selector watches
//!   one descriptor only once.
//! - `STOP-3` A descriptor that was written is not proof: SIGINT and SIGTERM share it. The count is.
//!
//! ```text
//! ctrl_c()       the handler           the loop
//! count is 3
//! watch
//!                count 4, write fd ──► readable
//! poll: 4 is not 3, ready
//! ```
//!
//! **Left out**: other signals, of which the house has no use; giving the signal back to what it does by
//! default, which nobody could do without asking all the others.
//!
//! **Source**: signal(7); `loop.add_signal_handler`; tokio's `signal::ctrl_c`.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;

use super::Descriptor;
use crate::os::signal::{self, Signal};
use crate::rt::{Wait, waits_for};

/// Waits for the next SIGINT, which ctrl-c sends. From the call on it does not end the program any more.
///
/// # Errors
/// The handler cannot be installed, or there is no descriptor left.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// The signal is not seen, unless by others who wait: a later call counts only what comes after itself. The
/// handler stays.
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> {
    next(Signal::Interrupt)
}

/// Waits for the next SIGTERM, by which the system asks a program to stop; see [`ctrl_c`].
///
/// # Errors
/// As there.
///
/// # Panics
/// As there.
///
/// # Cancellation
/// As there.
pub fn terminate() -> impl Future<Output = io::Result<()>> {
    next(Signal::Terminate)
}

/// Waits for the next of one signal.
fn next(signal: Signal) -> impl Future<Output = io::Result<()>> {
    // STOP-1: now, and not at the first poll.
    let watched = watch(signal);
    async move {
        let (mut descriptor, seen) = watched?;
        while signal::count(signal) == seen {
            came(&mut descriptor).await?;
            // Before the count is looked at again: what comes in between makes it readable anew.
            descriptor.clear_readable()?;
        }
        Ok(())
    }
}

/// Waits until the descriptor was written, for this signal or for another.
async fn came(descriptor: &mut Descriptor<OwnedFd>) -> io::Result<()> {
    let mut readable = pin!(descriptor.readable());
    poll_fn(|cx| {
        let polled = readable.as_mut().poll(cx);
        if polled.is_pending() {
            waits_for(Wait::Signal);
        }
        polled
    })
    .await
}

/// Installs the handler, notes the count, and watches for a change of it.
fn watch(signal: Signal) -> io::Result<(Descriptor<OwnedFd>, u32)> {
    signal::install(signal)?;
    let seen = signal::count(signal);
    let duplicate = signal::event_fd(signal)?.try_clone_to_owned()?;
    Ok((Descriptor::new(duplicate)?, seen))
}
