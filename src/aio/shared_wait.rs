//! Two tasks that wait for the same socket, or for the same sleep.
//!
//! A socket's direction, and a timer, have room for one waker. If a second task's waker displaced the first one, and
//! the first task were woken to try again, its waker would displace the second one, without end. So the two wakers
//! become one that wakes both tasks.
//!
//! A waker that was displaced may also be stale: its future was dropped, and the socket went to another task. Stale
//! wakers must not pile up on a socket that stays idle. So every [`LIMIT`]th time the displaced wakers are woken
//! instead, and tasks that still wait come again.
//!
//! **Source**: tokio keeps the latest waker only and documents that an earlier task is not woken.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::jobs::contain;

/// How many wakers are combined at most. More tasks than this on one socket would wake each other without end.
const LIMIT: u16 = 256;

/// Combines wakers, and counts how often.
#[derive(Debug, Default)]
pub(crate) struct SharedWait(Cell<u16>);

impl SharedWait {
    /// Returns a waker that wakes both tasks, to be left in the place of `waker`. `None`, every [`LIMIT`]th time: the
    /// displaced one was woken.
    #[cold]
    pub(crate) fn combine(&self, displaced: Waker, waker: &Waker) -> Option<Waker> {
        self.0.set((self.0.get() + 1) % LIMIT);
        if self.0.get() == 0 {
            contain(|| displaced.wake());
            return None;
        }
        Some(Waker::from(Arc::new(BothWakers(displaced, waker.clone()))))
    }
}

/// A waker for two tasks.
struct BothWakers(Waker, Waker);

impl Wake for BothWakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        contain(|| self.0.wake_by_ref());
        contain(|| self.1.wake_by_ref());
    }
}
