//! An event: a flag that threads wait for.
//!
//! Problem: one thread has to wait until another has done something. A loop that looks at a flag burns a
//! processor; one that sleeps between two looks is late. Here the thread sleeps until the flag is set.
//!
//! **Invariants**
//! - `THREAD-EVENT-1`: whoever waits when it is set goes on, even if it is cleared before that thread runs.
//! - `THREAD-EVENT-2`: nobody goes on before it was set: a wake without a reason is slept over.
//! - `THREAD-EVENT-3`: a set that comes between a waiter's look and its sleep is not lost.
//! - `THREAD-EVENT-4`: the kernel is asked to wake threads only when some sleep that were not released yet.
//!
//! The flag alone cannot keep `THREAD-EVENT-1`. So every set gets a number, and a waiter waits for the number to
//! change:
//!
//! ```text
//! waiter                             another thread
//! lock, not set, seen = 4
//! sleep (gives up the lock)
//!                                    set:   lock, is_set, sets = 5, notify, unlock
//!                                    clear: lock, not set, unlock
//! wakes with the lock: not set,
//! but 5 is not 4: released
//! ```
//! With the flag alone it would sleep on, although it waited when the event was set. Python's `threading.Event` lets
//! it go on, too. `THREAD-EVENT-3` holds since the look and the falling asleep are one step under the lock.
//!
//! **Left out**: handing the event over to one waiter only, for which there is the [`Semaphore`](super::Semaphore).
//!
//! **Source**: Python's `threading.Event`; [`aio::Event`](crate::aio::Event) is the same between tasks.

use std::mem;
use std::time::Duration;

use super::deadline::{Deadline, lock};
use super::sync::{Condvar, Mutex};

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
    /// The flag, and who waits for it.
    state: Mutex<State>,
    /// Wakes all who wait: the event was set.
    was_set: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
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
        let state = State { is_set: false, sets: 0, waiting: 0 };
        Self { state: Mutex::new(state), was_set: Condvar::new() }
    }

    /// Sets it, and wakes everybody who waits; when it is set already, does nothing.
    pub fn set(&self) {
        let mut state = lock(&self.state);
        if state.is_set {
            return;
        }
        state.is_set = true;
        state.sets += 1;
        // They are released from here on, although they have not run.
        let somebody_sleeps = mem::take(&mut state.waiting) > 0;
        drop(state);
        if somebody_sleeps {
            // After the unlock, else those who wake would at once sleep again, for the lock.
            self.was_set.notify_all();
        }
    }

    /// Clears it: who waits from now on sleeps. Who was released before goes on (`THREAD-EVENT-1`).
    pub fn clear(&self) {
        lock(&self.state).is_set = false;
    }

    /// Tells whether it is set. It may have changed when the caller looks at the answer.
    pub fn is_set(&self) -> bool {
        lock(&self.state).is_set
    }

    /// Waits until it is set; returns at once if it is.
    ///
    /// # Blocking
    /// Until somebody sets it.
    pub fn wait(&self) {
        self.wait_until(Deadline::Never);
    }

    /// Waits until it is set, but no longer than `timeout`; tells whether it was set.
    ///
    /// A `timeout` of zero asks without waiting; one too long for the clock is none.
    ///
    /// # Blocking
    /// Until somebody sets it, or for `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout))
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
        state.waiting += 1;
        loop {
            let is_over;
            (state, is_over) = deadline.wait(&self.was_set, state);
            // The time may be up and the event set, both; then it was set.
            if state.sets != seen {
                return true;
            }
            if is_over {
                // Nobody released us, so we are still counted.
                state.waiting -= 1;
                return false;
            }
        }
    }
}
