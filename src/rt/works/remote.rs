//! The way in for other threads: tasks to wake, calls to make, and the handle that interrupts the wait.
//!
//! A waker may be used on any thread, but the run queue belongs to one. So another thread puts its wish into an inbox
//! under a lock, and the loop empties the inbox once a turn, after it has waited.
//!
//! **Invariants**
//! - `REMOTE-1` No wake is lost. The lock orders a wake and the loop's wait: either the loop sees that something came,
//!   and does not wait, or the other thread sees that the loop waits, and unparks it.
//! - `REMOTE-2` A task stands in the inbox at most once (`remote_queued` in its `Header`).
//! - `REMOTE-3` One system call at most between two waits of the loop, none while it runs.
//!
//! **Source**: asyncio's `call_soon_threadsafe`; `std::thread::park`'s token; eventfd(2), through mio's `Waker`.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, mem};

use crate::rt::id::TaskId;

/// What the loop shares with other threads.
pub(crate) struct Inbox {
    /// What came.
    contents: Mutex<Contents>,
    /// Interrupts the selector.
    unparker: mio::Waker,
    /// How many [`Remote`] handles there are: while one lives, work may come.
    handles: AtomicUsize,
    /// The number of the loop, for the ids of its tasks.
    pub(crate) event_loop: u64,
}

/// What other threads put in.
#[derive(Default)]
pub(crate) struct Contents {
    /// Tasks to wake.
    pub(crate) woken: Vec<TaskId>,
    /// Functions to call.
    pub(crate) calls: Vec<Box<dyn FnOnce() + Send>>,
    /// Something came since the loop looked; perhaps only the end of a [`Remote`].
    changed: bool,
    /// The loop is in the selector, or about to enter it.
    waits: bool,
    /// The loop is gone.
    closed: bool,
}

impl Inbox {
    /// Makes an empty inbox.
    pub(crate) fn new(unparker: mio::Waker) -> Self {
        static LOOPS: AtomicU64 = AtomicU64::new(0);
        Self {
            contents: Mutex::default(),
            unparker,
            handles: AtomicUsize::new(0),
            // No other data depends on it.
            event_loop: LOOPS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Changes the contents, and unparks the loop if it waits. False when the loop is gone.
    pub(crate) fn put(&self, change: impl FnOnce(&mut Contents)) -> bool {
        let mut contents = self.lock();
        if contents.closed {
            return false;
        }
        change(&mut contents);
        contents.changed = true;
        let waits = mem::take(&mut contents.waits);
        drop(contents);
        if waits {
            // It can fail only when the selector is gone, and then no loop waits.
            drop(self.unparker.wake());
        }
        true
    }

    /// Has the loop wake a task, unless it stands here already (`REMOTE-2`).
    #[cold]
    pub(crate) fn wake(&self, queued: &AtomicBool, task: TaskId) {
        // Pairs with the swap in `empty_inbox`.
        if !queued.swap(true, Ordering::AcqRel) {
            self.put(|contents| contents.woken.push(task));
        }
    }

    /// Announces that the loop is going to wait; false when something has come.
    pub(crate) fn begin_wait(&self) -> bool {
        let mut contents = self.lock();
        contents.waits = !contents.changed;
        contents.waits
    }

    /// Announces that the loop runs again, and takes out what came; if `closed`, refuses everything from now on.
    pub(crate) fn end_wait(&self, closed: bool) -> Contents {
        mem::replace(&mut *self.lock(), Contents { closed, ..Contents::default() })
    }

    /// Tells whether a [`Remote`] lives.
    pub(crate) fn has_handles(&self) -> bool {
        // Pairs with the counts in `Remote`; no other data hangs on it.
        self.handles.load(Ordering::Relaxed) > 0
    }

    /// Locks the contents. Every statement under the lock leaves them valid, also one that panics.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle to a loop for other threads. While one lives, a loop with nothing to do waits for it and is not stuck.
pub struct Remote {
    /// The loop's inbox.
    inbox: Arc<Inbox>,
}

/// The loop that a [`Remote`] belonged to is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopGone;

impl fmt::Display for LoopGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop is gone")
    }
}

impl std::error::Error for LoopGone {}

impl Remote {
    /// Makes a handle.
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        inbox.handles.fetch_add(1, Ordering::Relaxed);
        Self { inbox }
    }

    /// Makes the loop call `function` on its own thread, where it may [`spawn`](crate::rt::spawn). A panic is reported.
    /// Calls are made in the order of arrival, once a turn; those to a loop that is not inside `block_on`, in its next.
    ///
    /// # Errors
    /// The loop is gone; `function` was dropped without being called.
    pub fn call_soon(&self, function: impl FnOnce() + Send + 'static) -> Result<(), LoopGone> {
        let is_done = self.inbox.put(|contents| contents.calls.push(Box::new(function)));
        is_done.then_some(()).ok_or(LoopGone)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("event_loop", &self.inbox.event_loop).finish()
    }
}

impl Clone for Remote {
    fn clone(&self) -> Self {
        Self::new(self.inbox.clone())
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.inbox.handles.fetch_sub(1, Ordering::Relaxed);
        // A loop that waited for this handle looks again whether anything can still happen.
        self.inbox.put(|_| ());
    }
}
