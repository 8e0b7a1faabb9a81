//! The watcher on the event loop: two tasks, and an event between.
//!
//! The same three functions as in `threads`, with an `.await` wherever a thread would block. What reads or changes the
//! disk cannot be awaited: a regular file is always "ready", and the call blocks all the same. It goes to a thread
//! (`BLOCK-1`), or one large file would hold the whole loop.
//!
//! **Invariants**
//! - `WATCH-ASYNC-1`: however `find` ends, the event is set; so the other task always comes home.
//! - `WATCH-ASYNC-2`: the sleep, and the wait for a look, end at once when it is told to stop. A look that is under way
//!   then sees it between two pieces of the file; a deletion that has begun is awaited.
//!
//! **Source**: task 4 of the course; `asyncio.Event`, `asyncio.to_thread`.

use std::cell::RefCell;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::delete::{Deletion, delete};
use super::error::WatchError;
use super::look::{Look, Seen, look};
use super::news::{News, Outcome, Step, tell};
use super::order::Order;
use crate::aio::{Descriptor, Either, Event, race, run_blocking, timeout};
use crate::rt::spawn_named;

/// What the three functions share.
struct Shared<L> {
    /// What was asked for.
    order: Order,
    /// Who is told.
    listener: L,
    /// The string was found, or nobody looks for it any more.
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
pub async fn watch<L>(
    order: &Order,
    stop: BorrowedFd<'static>,
    listener: L,
) -> Result<Outcome, WatchError>
where
    L: Fn(&News<'_>) -> io::Result<()> + 'static,
{
    let stop = Descriptor::new(stop);
    let stop = stop.map_err(|error| WatchError::while_doing("wait for the stop", error))?;
    let shared = Rc::new(Shared {
        order: order.clone(),
        listener,
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
async fn find<L>(
    shared: Rc<Shared<L>>,
    mut stop: Descriptor<BorrowedFd<'static>>,
) -> Result<(), WatchError>
where
    L: Fn(&News<'_>) -> io::Result<()>,
{
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
                // To tell may have taken long. Who has stopped it meanwhile keeps the file. No time at all is enough: the
                // selector is asked, and ready beats time-out.
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
        // An error of the descriptor ends the sleep as a stop does: without it nobody could end this.
        if timeout(order.interval, stop.readable()).await.is_ok() {
            return Ok(());
        }
    }
}

/// Waits for the event, and deletes the file; `None` when there is none to delete.
async fn delete_found<L>(shared: Rc<Shared<L>>) -> Result<Option<Deletion>, WatchError>
where
    L: Fn(&News<'_>) -> io::Result<()>,
{
    let Shared { order, listener, event, seen } = &*shared;
    event.wait().await;
    let Some(seen) = seen.take() else { return Ok(None) };
    tell(listener, order, Step::Deletes)?;
    let deletion = on_a_thread(move || delete(&seen)).await?;
    tell(listener, order, Step::Deleted(deletion))?;
    Ok(Some(deletion))
}

/// One look, on a thread.
///
/// # Cancellation
/// The thread stops reading after the piece at which it is.
async fn look_on_a_thread(order: &Order) -> Result<Look, WatchError> {
    let is_wanted = Arc::new(AtomicBool::new(true));
    let _unwanted = UnwantedOnDrop(Arc::clone(&is_wanted));
    let (path, needle) = (order.path.clone(), order.needle.clone());
    on_a_thread(move || look(&path, &needle, &|| is_wanted.load(Ordering::Relaxed))).await
}

/// Runs a job that blocks on a thread.
async fn on_a_thread<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, WatchError> + Send + 'static,
) -> Result<T, WatchError> {
    let done = run_blocking(job).await;
    done.map_err(|error| WatchError::while_doing("work on a thread", error.into()))?
}

/// Sets an event when it is dropped.
struct SetOnDrop<'a>(&'a Event);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Tells a thread, when it is dropped, that nobody wants its result.
struct UnwantedOnDrop(Arc<AtomicBool>);

impl Drop for UnwantedOnDrop {
    fn drop(&mut self) {
        // Relaxed: it carries nothing but itself; pairs with the load between two pieces.
        self.0.store(false, Ordering::Relaxed);
    }
}
