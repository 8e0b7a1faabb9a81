//! The end of a loop's work: of one `block_on`, and of the loop itself.
//!
//! Tasks hold sockets and sleeps, which hold the loop's state, which holds the tasks. Whoever drops the loop
//! without breaking this ring leaks it all; so the tasks go first.
//!
//! **Invariants**
//! - `END-1` When `block_on` ends, by a value or a panic, every task has been dropped on its thread.
//! - `END-2` A socket or sleep that outlives its loop gives an error, or is ready, and whoever waited for it
//!   is woken to see that.
//!
//! **Source**: `asyncio.run`, which cancels what is left over; tokio's `shutdown` of its task list.

use std::rc::Rc;

use super::context::{self, Entered};
use super::core::Core;
use super::event_loop::EventLoop;
use super::timers::Nanos;
use super::wake::wake_all;

/// A `block_on` in progress; when it ends, by whatever way, so do all tasks (`END-1`).
pub(crate) struct Running<'core> {
    /// The loop.
    core: &'core Core,
    /// Makes it the current one; dropped after the tasks.
    _entered: Entered,
}

impl<'core> Running<'core> {
    /// Makes the loop the current one.
    ///
    /// # Panics
    /// This thread runs a loop already.
    pub(crate) fn enter(core: &'core Rc<Core>) -> Self {
        let _entered = context::enter(core);
        core.stuck.start();
        Self { core, _entered }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.core.ending.set(true);
        loop {
            let slot = self.core.tasks.borrow_mut().any_slot();
            let Some(slot) = slot else { break };
            let task = self.core.tasks.borrow_mut().take(slot);
            // Its future's destructor may spawn: such a task ends before it began, in `spawn`.
            drop(task.map(|task| task.run(self.core)));
        }
        self.core.queue.borrow_mut().clear();
        self.core.ending.set(false);
    }
}

impl Drop for EventLoop {
    /// Sockets and sleeps that live on learn that their loop is gone (`END-2`).
    fn drop(&mut self) {
        let core = &*self.core;
        let mut woken = Vec::new();
        core.reactor.borrow_mut().drain(&mut woken);
        core.timers.borrow_mut().expire(Nanos::MAX, &mut woken);
        let attached = core.attached.take();
        drop(attached);
        // Calls that were never made are dropped here, with no lock held.
        drop(core.inbox.close());
        wake_all(woken);
    }
}
