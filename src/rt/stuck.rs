//! The report of a program that stands still for ever.
//!
//! A future that forgets its waker, or two tasks that wait for each other, leave a loop that sleeps and
//! will never be woken. In most runtimes that looks like any other wait.
//!
//! **Invariants**
//! - `STUCK-1` The loop is stuck when nothing is ready, no timer runs, no socket is waited for, no thread
//!   works for a task, nobody holds a [`Remote`](super::Remote), and every waker that exists is
//!   accounted for: parked (`PARK-1`), a joiner's, or a combinator's (`PARK-2`).
//! - `STUCK-2` A waker that is not accounted for may be on any thread: then the loop waits.
//!
//! **Source**: the idea of Go's `checkdead` in `runtime/proc.go`.

use std::sync::Arc;
use std::time::Duration;

use super::context::Core;
use super::task::MainWaker;

/// How long a loop that sees nobody who could wake it waits before it counts the wakers. The count looks
/// at every task, and a thread that wakes often shall not pay for it each time.
pub(crate) const STUCK_AFTER: Duration = Duration::from_millis(100);

impl Core {
    /// Tells whether the loop should soon look closer, instead of waiting without end.
    pub(crate) fn may_be_stuck(&self) -> bool {
        !self.not_stuck.get()
            && self.jobs.get() == 0
            && !self.inbox.has_handles()
            && !self.reactor.borrow().anybody_waits()
    }

    /// Looks closer, after a wait that `waited_in_vain`.
    ///
    /// # Panics
    /// The loop is stuck (`STUCK-1`).
    pub(crate) fn panic_if_stuck(&self, waited_in_vain: bool, main: &Arc<MainWaker>) {
        // Whatever happens next begins another wait.
        self.not_stuck.set(waited_in_vain);
        if !waited_in_vain || !self.queue.borrow().is_empty() || !self.may_be_idle_for_ever(main) {
            return;
        }
        panic!(
            "nothing can ever run again: no task is ready, no timer runs, no socket is waited for, and \
             no thread holds a waker. Who waits for what:\n  {}",
            self.task_table()
        );
    }

    /// Counts whether every waker is accounted for.
    fn may_be_idle_for_ever(&self, main: &Arc<MainWaker>) -> bool {
        let tasks = self.tasks.borrow();
        // Two references to the main waker are `block_on`'s own.
        let mut wakers = tasks.unknown_wakers() + Arc::strong_count(main) - 2;
        let mut known = tasks.joiners() + self.parked.get();
        for tree in self.trees.borrow().iter().filter_map(std::rc::Weak::upgrade) {
            wakers += tree.outstanding();
            known += tree.held();
        }
        !self.inbox.has_handles() && self.jobs.get() == 0 && wakers <= known
    }
}
