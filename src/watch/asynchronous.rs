//! The watcher on the event loop: two tasks, and an event between them.
//!
//! The same three functions as in `threads`, with an `.await` where a thread would block. A read of a regular file
//! cannot be awaited: such a file is always "ready", and the call blocks all the same. So it runs on a thread
//! (`BLOCK-1`); otherwise one large file would hold the whole loop.
//!
//! **Invariants**
//! - `WATCH-ASYNC-1`: however `find` ends, the event is set, so the other task always ends.
//! - `WATCH-ASYNC-2`: a stop ends the sleep, and the wait for a look, at once. A look that is under way sees the stop
//!   between two pieces of the file; a deletion that has begun is awaited.
//!
//! **Source**: task 4 of the course; `asyncio.Event`, `asyncio.to_thread`.

use std::cell::RefCell;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::delete::{Deletion, delete};
use super::error::WatchError;
use super::look::{Look, Seen, look};
use super::news::{News, Order, Outcome, Step, tell};
use crate::aio::{Descriptor, Either, Event, race, run_blocking, timeout};
use crate::rt::spawn_named;

/// A listener; see `Tell`.
type Listener = Box<dyn Fn(&News<'_>) -> io::Result<()>>;

/// What the three functions share.
struct Shared {
    /// What to do.
    order: Order,
    /// Hears each step.
    listener: Listener,
    /// Set when the string was found, and when the search ended without it.
    event: Event,
    /// The file that holds it; `None` when it was not found.
    seen: RefCell<Option<Seen>>,
}

/// Starts the two tasks, and joins them. It ends early when `stop` becomes readable.
///
/// # Errors
/// [`WatchError`]; `stop` cannot be waited for.
///
/// # Panics
/// `listener` panics. No event loop runs on this thread.
///
/// # Cancellation
/// The tasks run on without this one.
pub async fn watch(
    order: &Order,
    stop: BorrowedFd<'static>,
    listener: impl Fn(&News<'_>) -> io::Result<()> + 'static,
) -> Result<Outcome, WatchError> {
    let stop = Descriptor::new(stop);
    let stop = stop.map_err(|error| WatchError::System("wait for the stop".to_owned(), error))?;
    let shared = Rc::new(Shared {
        order: order.clone(),
        listener: Box::new(listener),
        event: Event::new(),
        seen: RefCell::default(),
    });
    let deleting = spawn_named("delete", delete_found(Rc::clone(&shared)));
    let finding = spawn_named("find", find(shared, stop));
    finding.await.unwrap_or_else(|error| error.resume())?;
    let deletion = deleting.await.unwrap_or_else(|error| error.resume())?;
    Ok(deletion.map_or(Outcome::Stopped, Outcome::Found))
}

/// Looks for the file and for the string in it, until it is found; sleeps between two looks. Then sets the event.
async fn find(
    shared: Rc<Shared>,
    mut stop: Descriptor<BorrowedFd<'static>>,
) -> Result<(), WatchError> {
    let Shared { order, listener, event, seen } = &*shared;
    // WATCH-ASYNC-1: set by its drop, on every way out.
    let _event = SetOnDrop(event);
    tell(listener, order, Step::Begins)?;
    loop {
        let found = match race(look_on_a_thread(order), stop.readable()).await {
            Either::First(found) => found?,
            Either::Second(_told) => Look::Stopped,
        };
        tell(listener, order, Step::Looked(&found))?;
        match found {
            Look::Holds(file) => {
                // A stop during the report keeps the file. A limit of zero is enough: the selector is asked, and
                // ready beats timeout.
                if timeout(Duration::ZERO, stop.readable()).await.is_ok() {
                    return Ok(());
                }
                tell(listener, order, Step::Sets)?;
                seen.replace(Some(file));
                return Ok(());
            }
            Look::Stopped => return Ok(()),
            Look::Missing | Look::Without { .. } => {}
        }
        // An error of the descriptor ends the sleep as a stop does: without it there is no way to end this.
        if timeout(order.interval, stop.readable()).await.is_ok() {
            return Ok(());
        }
    }
}

/// Waits for the event, and deletes the file; `None` when there is none to delete.
async fn delete_found(shared: Rc<Shared>) -> Result<Option<Deletion>, WatchError> {
    let Shared { order, listener, event, seen } = &*shared;
    event.wait().await;
    let Some(seen) = seen.take() else { return Ok(None) };
    tell(listener, order, Step::Deletes)?;
    let deletion = on_a_thread(move || delete(&seen)).await?;
    tell(listener, order, Step::Deleted(deletion))?;
    Ok(Some(deletion))
}

/// One look, on a thread. When it is cancelled, the thread stops after the piece that it reads.
async fn look_on_a_thread(order: &Order) -> Result<Look, WatchError> {
    // The thread stops when this future, which holds the only strong reference, is dropped.
    let wanted = Arc::new(());
    let is_wanted = Arc::downgrade(&wanted);
    let (path, needle) = (order.path.clone(), order.needle.clone());
    on_a_thread(move || look(&path, &needle, &|| is_wanted.strong_count() > 0)).await
}

/// Runs a job that blocks on a thread.
async fn on_a_thread<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, WatchError> + Send + 'static,
) -> Result<T, WatchError> {
    let done = run_blocking(job).await;
    done.map_err(|error| WatchError::System("work on a thread".to_owned(), error.into()))?
}

/// Sets an event when it is dropped.
struct SetOnDrop<'a>(&'a Event);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}
