//! The ways to wait: for one job as its owner, for the pool itself, or as a task that has something better to do.
//!
//! Problem: whoever waits may have to lead (`LEAD-1`), or be called to lead, or be served by another; and may give up at
//! any of these moments, with others relying on it.
//!
//! | who waits | while another leads it sleeps | called to lead by |
//! | --- | --- | --- |
//! | an owner that joins | at its cell | `call`, one follower at a time |
//! | a submit for room, a shutdown | at `changed` | `changed`, all of them |
//! | a task | not at all | nobody: the pool's thread is called instead |
//!
//! **Invariants**
//! - `PWAIT-1`: a follower that leaves, served or late, though it may have been called, calls the next.
//! - `PWAIT-2`: the count of tasks that wait is raised before the waker is left, and lowered by whoever takes it away.
//!
//! **Source**: as `leader`.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::cell::Deliver;
use super::leader::{Guard, Hall, Shared, Watcher};

/// How long who waits for the pool itself sleeps before it looks again. Taste: nothing depends on it.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

impl Shared {
    /// Leads until the owner's result is there or the deadline came, and returns false; or, when another leads,
    /// enters the owner as a follower and returns true.
    pub(super) fn lead_or_follow(
        &self,
        owner: &Arc<dyn Deliver>,
        deadline: Option<Instant>,
    ) -> bool {
        let mut hall = self.lock();
        if owner.cell().is_over() {
            return false;
        }
        if hall.led || hall.state.control.is_none() {
            // Without workers there is nothing to lead: the result is about to be delivered.
            hall.followers.push_back(Arc::clone(owner));
            return true;
        }
        let hall = self.lead(hall, deadline, &|_| owner.cell().is_over(), false);
        drop(hall);
        false
    }

    /// Takes a follower off the list. One that will not lead, though it may have been called, calls the next.
    pub(super) fn end_follow(&self, owner: &Arc<dyn Deliver>, is_late: bool) {
        let mut hall = self.lock();
        hall.followers.retain(|other| !Arc::ptr_eq(other, owner));
        if is_late || owner.cell().is_over() {
            self.call_next(&mut hall);
        }
    }

    /// Waits until `done`, leading if nobody else does; false when the deadline came first.
    pub(super) fn wait_until<'a>(
        &'a self,
        mut hall: Guard<'a>,
        deadline: Option<Instant>,
        done: &dyn Fn(&Hall) -> bool,
    ) -> (Guard<'a>, bool) {
        loop {
            hall = self.deliver(hall);
            if done(&hall) {
                return (hall, true);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return (hall, false);
            }
            if !hall.led && hall.state.control.is_some() {
                let hears_server = hall.thread == Watcher::None;
                hall = self.lead(hall, deadline, done, hears_server);
                continue;
            }
            hall.waiting += 1;
            let woken =
                self.changed.wait_timeout(hall, left.unwrap_or(Duration::MAX).min(LONGEST_SLEEP));
            hall = woken.unwrap_or_else(PoisonError::into_inner).0;
            hall.waiting -= 1;
        }
    }

    /// Counts a task that waits, and sees to it that somebody leads.
    pub(super) fn add_waker(&self) {
        // Pairs with the load in `call_next`: a leader that leaves sees the count, or we see that nobody leads.
        self.wakers.fetch_add(1, Ordering::SeqCst);
        let mut hall = self.lock();
        if !hall.led {
            self.call_thread(&mut hall);
        }
    }

    /// Counts a task that does not wait any more.
    pub(super) fn remove_waker(&self) {
        self.wakers.fetch_sub(1, Ordering::SeqCst);
    }
}
