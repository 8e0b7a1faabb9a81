//! The watcher on threads: two of them, and an event between them. `asynchronous` awaits where this blocks.
//!
//! **Invariants**
//! - `WATCH-THREADS-1`: however `find` ends, by success, stop, error or panic, the event is set. So the other thread,
//!   which waits without a limit, always ends. The event says that the search is over; `seen` says how.
//! - `WATCH-THREADS-2`: `seen` is written before the event is set, and read after it has come.
//! - `WATCH-THREADS-3`: a stop ends the sleep at once; a deletion that has begun is finished.
//!
//! ```text
//! watch              find                                  delete_found
//! starts both ──┬──► looks, sleeps on `stop`, looks …      waits for the event
//! joins both    │    closes the file, notes what it saw
//!               │    sets the event ─────────────────────► deletes the file
//! ```
//!
//! **Left out**: inotify(7), by which the kernel reports changes. The task wants the sleep.
//!
//! **Source**: task 4 of the course.

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, ScopedJoinHandle, scope};
use std::time::Duration;

use super::delete::{Deletion, delete};
use super::error::WatchError;
use super::look::{Look, Seen, look};
use super::news::{News, Order, Outcome, Step, Tell, tell};
use crate::os::{PollFd, poll};
use crate::threads::Event;

/// What the three functions share.
#[derive(Debug, Default)]
struct Shared {
    /// Set when the string was found, and when the search ended without it.
    event: Event,
    /// The file that holds it; `None` when it was not found. One assignment under the lock, so a poisoned lock is harmless.
    seen: Mutex<Option<Seen>>,
}

/// Starts the two threads, and joins them. It ends early when `stop` becomes readable.
///
/// # Errors
/// [`WatchError`]; a thread cannot be started.
///
/// # Panics
/// `listener` panics.
///
/// # Blocking
/// Until the string was found and the file dealt with, or `stop` is readable.
pub fn watch(
    order: &Order,
    stop: BorrowedFd<'_>,
    listener: impl Fn(&News<'_>) -> io::Result<()> + Sync,
) -> Result<Outcome, WatchError> {
    let shared = Shared::default();
    let (shared, listener) = (&shared, &listener);
    let deletion = scope(|scope| {
        let no_thread = |error| WatchError::System("start a thread".to_owned(), error);
        // This one first: if the other does not start, this one can be released.
        let deleting = Builder::new().name("delete".to_owned());
        let deleting = deleting.spawn_scoped(scope, move || delete_found(order, shared, listener));
        let deleting = deleting.map_err(no_thread)?;
        let finding = Builder::new().name("find".to_owned());
        let finding = finding.spawn_scoped(scope, move || find(order, stop, shared, listener));
        let finding = finding.map_err(|error| {
            shared.event.set();
            no_thread(error)
        })?;
        join(finding)?;
        join(deleting)
    })?;
    Ok(deletion.map_or(Outcome::Stopped, Outcome::Found))
}

/// Waits for a thread, and resumes its panic.
fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Looks for the file and for the string in it, until it is found; sleeps between two looks. Then sets the event.
fn find(
    order: &Order,
    stop: BorrowedFd<'_>,
    shared: &Shared,
    listener: Tell<'_>,
) -> Result<(), WatchError> {
    // WATCH-THREADS-1: set by its drop, on every way out.
    let _event = SetOnDrop(&shared.event);
    tell(listener, order, Step::Begins)?;
    loop {
        // A failing poll does not end the look: the sleep below meets it too, and reports it.
        let found = look(&order.path, &order.needle, &|| {
            !is_stopped(stop, Duration::ZERO).unwrap_or(false)
        })?;
        tell(listener, order, Step::Looked(&found))?;
        match found {
            Look::Holds(seen) => {
                // A stop during the report keeps the file.
                if is_stopped(stop, Duration::ZERO)? {
                    return Ok(());
                }
                tell(listener, order, Step::Sets)?;
                *shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
                return Ok(());
            }
            Look::Stopped => return Ok(()),
            Look::Missing | Look::Without { .. } => {}
        }
        if is_stopped(stop, order.interval)? {
            return Ok(());
        }
    }
}

/// Waits for the event, and deletes the file; `None` when there is none to delete.
fn delete_found(
    order: &Order,
    shared: &Shared,
    listener: Tell<'_>,
) -> Result<Option<Deletion>, WatchError> {
    shared.event.wait();
    let seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(seen) = seen else { return Ok(None) };
    tell(listener, order, Step::Deletes)?;
    let deletion = delete(&seen)?;
    tell(listener, order, Step::Deleted(deletion))?;
    Ok(Some(deletion))
}

/// Sleeps so long, or until the stop (`WATCH-THREADS-3`); returns whether the stop came.
fn is_stopped(stop: BorrowedFd<'_>, at_most: Duration) -> Result<bool, WatchError> {
    let ready = poll(&mut [PollFd::readable(stop)], Some(at_most));
    ready.map(|ready| ready > 0).map_err(|error| WatchError::System("poll".to_owned(), error))
}

/// Sets an event when it is dropped.
struct SetOnDrop<'a>(&'a Event);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}
