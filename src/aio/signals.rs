//! SIGINT, which ctrl-c sends, and SIGTERM, which asks the program to stop, as futures.
//!
//! A signal handler may do next to nothing. Ours counts, and makes a descriptor readable; a task waits for that
//! descriptor as for any other.
//!
//! **Invariants**
//! - `STOP-1` A signal that comes after the call of [`ctrl_c`] or [`terminate`] is seen, also before the first poll:
//!   the call itself installs the handler and notes the count.
//! - `STOP-2` Every waiter sees the signal, in any number of tasks and loops. So no waiter reads the descriptor, and
//!   each one watches a duplicate of its own, because a selector watches a descriptor only once.
//! - `STOP-3` A readable descriptor proves nothing, because SIGINT and SIGTERM share it. The count does.
//!
//! ```text
//! ctrl_c()       the handler           the loop
//! count is 3
//! watch
//!                count 4, write fd ──► readable
//! poll: 4 is not 3, ready
//! ```
//!
//! **Left out**: other signals; restoring what a signal does by default.
//!
//! **Source**: signal(7); `loop.add_signal_handler`; tokio's `signal::ctrl_c`.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;

use super::descriptor::Descriptor;
use crate::os::signal::{self, Signal};
use crate::rt::{Wait, waits_for};

/// Waits for the next SIGINT. From the call on, SIGINT does not end the program any more.
///
/// # Errors
/// The handler cannot be installed, or there is no descriptor left.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// Other waiters see the signal; a later call counts only signals that come after it. The handler stays.
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> {
    next(Signal::Interrupt)
}

/// Waits for the next SIGTERM; see [`ctrl_c`], also for errors, panics and cancellation.
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
            // Before the count is read: a signal in between makes it readable again.
            descriptor.clear_readable();
        }
        Ok(())
    }
}

/// Waits until a signal, this one or another, has made the descriptor readable.
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
