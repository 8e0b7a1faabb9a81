//! An event: a flag that threads wait for.
//!
//! Problem: one thread has to wait until another has done something. A loop that looks at a flag burns a processor; one
//! that sleeps between two looks is late. Here the thread sleeps until the flag is set.
//!
//! **Invariants**
//! - `THREAD-EVENT-1`: a thread that waits when the event is set continues, even if the event is cleared before that
//!   thread runs.
//! - `THREAD-EVENT-2`: no thread continues before the event was set: a spurious wake is ignored.
//! - `THREAD-EVENT-3`: a set that comes between a waiter's check and its sleep is not lost.
//!
//! The flag alone cannot keep `THREAD-EVENT-1`. So the sets are counted, and a waiter waits for the count to change:
//!
//! ```text
//! waiter                             another thread
//! lock, not set, seen = 4
//! wait (releases the lock)
//!                                    set:   lock, is_set, sets = 5, notify, unlock
//!                                    clear: lock, not set, unlock
//! wakes with the lock: not set,
//! but 5 is not 4: released
//! ```
//!
//! **Source**: Python's `threading.Event`; [`aio::Event`](crate::aio::Event) is the same between tasks.

use std::mem;
use std::time::Duration;

use super::deadline::{self, Deadline, lock};
use super::{Condvar, Mutex};

/// A flag that threads wait for.
///
/// # Examples
/// ```
/// use handloom::threads::Event;
/// use std::thread;
///
/// let ready = Event::new();
/// thread::scope(|scope| {
///     scope.spawn(|| ready.set());
///     ready.wait();
/// });
/// assert!(ready.is_set());
/// ```
#[derive(Debug)]
pub struct Event {
    /// The flag, and how many threads wait for it.
    state: Mutex<EventState>,
    /// Wakes all waiters: the event was set.
    was_set: Condvar,
}

/// What the lock guards.
#[derive(Debug, Default)]
struct EventState {
    /// The flag.
    is_set: bool,
    /// How often the flag went from clear to set. At one a nanosecond it would overflow after 584 years.
    sets: u64,
    /// Threads that sleep and were not released; none while the flag is set.
    waiting: usize,
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl Event {
    /// Makes an event that is not set.
    pub fn new() -> Self {
        Self { state: Mutex::new(EventState::default()), was_set: Condvar::new() }
    }

    /// Sets it and wakes all waiters; if it is set already, does nothing.
    pub fn set(&self) {
        let mut state = lock(&self.state);
        if state.is_set {
            return;
        }
        state.is_set = true;
        state.sets += 1;
        // The sleepers are released from here on, although they did not run yet.
        let has_sleepers = mem::take(&mut state.waiting) > 0;
        drop(state);
        // A notification is a system call. After the unlock: otherwise the woken threads would at once sleep again, on
        // the lock.
        if has_sleepers {
            self.was_set.notify_all();
        }
    }

    /// Clears it: threads that wait from now on sleep. Those that were released before continue (`THREAD-EVENT-1`).
    pub fn clear(&self) {
        lock(&self.state).is_set = false;
    }

    /// Tells whether it is set. It may have changed before the caller uses the answer.
    pub fn is_set(&self) -> bool {
        lock(&self.state).is_set
    }

    /// Waits until it is set; returns at once if it is.
    ///
    /// # Blocking
    /// Until a thread sets it.
    pub fn wait(&self) {
        self.wait_until(None);
    }

    /// Waits until it is set, but no longer than `timeout`; tells whether it was set. A `timeout` of zero does not wait;
    /// one too long for the clock is no limit.
    ///
    /// # Blocking
    /// Until a thread sets it, or for `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(deadline::after(timeout))
    }

    /// Counts the threads that sleep until it is set.
    pub fn waiting(&self) -> usize {
        lock(&self.state).waiting
    }

    /// Waits until it is set, or until the deadline; tells whether it was set.
    fn wait_until(&self, deadline: Deadline) -> bool {
        let mut state = lock(&self.state);
        if state.is_set {
            return true;
        }
        let seen = state.sets;
        let mut is_late = false;
        state.waiting += 1;
        while state.sets == seen && !is_late {
            (state, is_late) = deadline::wait(&self.was_set, state, deadline);
        }
        // At the deadline the event may have been set as well; then the answer is yes.
        let was_set = state.sets != seen;
        if !was_set {
            // `set` takes those that it releases off the count; this thread was not released.
            state.waiting -= 1;
        }
        was_set
    }
}
