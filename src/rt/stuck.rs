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

use std::rc::Weak;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
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
            && self.timers.borrow().next_deadline().is_none()
            && !self.reactor.borrow_mut().anybody_waits()
    }

    /// Looks closer, after a wait that `waited_in_vain`.
    ///
    /// # Panics
    /// The loop is stuck (`STUCK-1`).
    pub(crate) fn panic_if_stuck(&self, waited_in_vain: bool, main: &Arc<MainWaker>) {
        let stuck = waited_in_vain
            && self.queue.borrow().is_empty()
            && self.may_be_stuck()
            && self.every_waker_is_known(main);
        if !stuck {
            // Looked at once, it is not looked at again before something happens.
            self.not_stuck.set(waited_in_vain);
            return;
        }
        panic!(
            "nothing can ever run again: no task is ready, no timer runs, no socket is waited for, and \
             no thread holds a waker. Who waits for what:\n  {}",
            self.task_table()
        );
    }

    /// Counts whether every waker is accounted for.
    fn every_waker_is_known(&self, main: &Arc<MainWaker>) -> bool {
        // Two references to the main waker are `block_on`'s own; one to a task is the table's.
        let mut wakers = Arc::strong_count(main) - 2;
        let mut known = self.parked.get();
        for task in self.tasks.borrow().iter() {
            wakers += Arc::strong_count(task) - 1 - usize::from(task.flags().has_handle.get());
            known += usize::from(task.flags().joiner_is_known.get());
        }
        for tree in self.trees.borrow().iter().filter_map(Weak::upgrade) {
            wakers += tree.outstanding();
            known += tree.held();
        }
        wakers <= known
    }
}
