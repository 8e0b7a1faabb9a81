//! Several tasks that wait for the same socket, or for the same sleep.
//!
//! A socket's direction, and a timer, have room for one waker. If a second task's waker displaced the first one, which
//! is woken to try again, they would displace each other without end. So one waker that wakes all takes the place.
//!
//! A waker that was displaced may also be stale: its future was dropped, and the socket went to another task. Stale
//! wakers must not pile up on a socket that stays idle. So at [`LIMIT`] wakers all are woken: tasks that still wait come
//! again. The limit then doubles until there is an event, so that many tasks do not wake each other without end.
//!
//! **Source**: tokio keeps the latest waker only and documents that an earlier task is not woken.

use std::cell::OnceCell;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use crate::jobs::{contain, wake_all};

/// So many wakers are kept at first, and 256 times as many at most.
const LIMIT: usize = 256;

/// Combines the wakers of several tasks; made when a second one comes.
#[derive(Debug, Default)]
pub(crate) struct SharedWait(OnceCell<Arc<AllWakers>>);

/// A waker for several tasks.
#[derive(Debug, Default)]
struct AllWakers(Mutex<Wakers>);

/// The wakers, of which no two wake the same task, and how often they were all woken since the last event.
type Wakers = (Vec<Waker>, u32);

impl SharedWait {
    /// Leaves a waker that wakes both tasks, and those that the displaced one woke. `leave` returns what it displaces.
    #[cold]
    pub(crate) fn combine<L>(&self, mut displaced: Waker, waker: &Waker, leave: L)
    where
        L: Fn(&Waker) -> Option<Waker>,
    {
        let all = self.0.get_or_init(Arc::default);
        let own = Waker::from(all.clone());
        while !displaced.will_wake(waker) {
            all.add(displaced);
            all.add(waker.clone());
            let other = leave(&own).filter(|other| other.data() != own.data());
            let Some(other) = other else { return };
            displaced = other;
        }
        contain(|| drop(displaced));
    }
}

impl AllWakers {
    /// Adds a waker, unless it is known; wakes the others if they are too many.
    fn add(self: &Arc<Self>, waker: Waker) {
        let mut wakers = self.lock();
        let (known, times) = &mut *wakers;
        // Its own waker, which a task's has displaced, is not for the list.
        if waker.data() == Arc::as_ptr(self).cast() || known.iter().any(|it| it.will_wake(&waker)) {
            drop(wakers);
            return contain(|| drop(waker));
        }
        let mut too_many = Vec::new();
        if known.len() >= LIMIT << *times {
            too_many = mem::take(known);
            *times = (*times + 1).min(8);
        }
        known.push(waker);
        drop(wakers);
        wake_all(too_many);
    }

    /// Locks the wakers. Nothing under the lock panics.
    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AllWakers {
    fn drop(&mut self) {
        // Each alone: a second panic during the drop of a vector would end the process.
        let (wakers, _) = mem::take(&mut *self.lock());
        for waker in wakers {
            contain(|| drop(waker));
        }
    }
}

impl Wake for AllWakers {
    fn wake(self: Arc<Self>) {
        let (wakers, _) = mem::take(&mut *self.lock());
        wake_all(wakers);
    }
}
