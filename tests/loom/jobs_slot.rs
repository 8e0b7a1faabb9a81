//! Every order in which a worker and an owner can meet at a slot, tried by a model checker.
//!
//! The slot's own source is taken in here, with the checker's locks in the place of std's. A wake-up that is
//! lost shows as a deadlock of the model.
#![expect(
    dead_code,
    clippy::unwrap_used,
    reason = "a part of the slot is used; an error fails the test"
)]

#[path = "../../src/jobs/slot.rs"]
mod slot;

/// What the slot knows of errors.
mod error {
    /// Any error.
    #[derive(Debug, PartialEq)]
    pub(crate) struct JobError;

    /// Calls foreign code, whose panic need not be stopped: the model has none.
    pub(crate) fn contain(foreign: impl FnOnce()) {
        foreign();
    }
}

use std::sync::Arc as Plain;
use std::task::{Context, Poll, Wake, Waker};

use error::JobError;
use loom::sync::Arc;
use loom::thread;
use slot::Slot;

use super::threads::sync::{self, Condvar, Mutex, MutexGuard};

/// Counts wakes, and lets a thread wait for the first; by the checker's locks, so that it sees the wait.
struct Wakes {
    /// How many there were.
    count: Mutex<usize>,
    /// Wakes who waits for one.
    came: Condvar,
}

impl Wakes {
    /// Counts from zero.
    fn new() -> Plain<Self> {
        Plain::new(Self { count: Mutex::new(0), came: Condvar::new() })
    }

    /// Waits for the first.
    fn wait(&self) {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            count = self.came.wait(count).unwrap();
        }
    }
}

impl Wake for Wakes {
    fn wake(self: Plain<Self>) {
        *self.count.lock().unwrap() += 1;
        self.came.notify_one();
    }
}

/// A slot in which a worker leaves 5, beside what the test does. Checked twice: with condition variables that wake only
/// when they are notified, and with others.
fn beside_worker(owner: impl Fn(&Slot<u32>) + Copy + Send + Sync + 'static) {
    for is_spurious in [false, true] {
        sync::set_spurious(is_spurious);
        model_beside_worker(owner);
    }
}

/// The same, once.
fn model_beside_worker(owner: impl Fn(&Slot<u32>) + Send + Sync + 'static) {
    loom::model(move || {
        let slot = Arc::new(Slot::new());
        let at_worker = Arc::clone(&slot);
        let worker = thread::spawn(move || drop(at_worker.finish(Ok(5))));
        owner(&slot);
        worker.join().unwrap();
    });
}

#[test]
fn a_join_always_ends_with_the_value() {
    beside_worker(|slot| assert_eq!(slot.wait(None), Some(Ok(5)), "SLOT-2"));
}

#[test]
fn a_poll_finds_the_value_or_is_woken_for_it() {
    beside_worker(|slot| {
        let wakes = Wakes::new();
        let waker = Waker::from(Plain::clone(&wakes));
        let mut polled = slot.poll(&Context::from_waker(&waker));
        if polled.is_pending() {
            wakes.wait();
            polled = slot.poll(&Context::from_waker(&waker));
        }
        assert_eq!(polled, Poll::Ready(Ok(5)), "SLOT-2: after a wake");
    });
}

#[test]
fn of_two_results_the_first_is_kept() {
    beside_worker(|slot| {
        let is_first = slot.finish(Err(JobError));
        let kept = if is_first { Err(JobError) } else { Ok(5) };
        assert_eq!(slot.wait(None), Some(kept), "SLOT-2: a second result");
    });
}

#[test]
fn a_waker_is_woken_once_or_taken_back() {
    loom::model(|| {
        let slot = Arc::new(Slot::<u32>::new());
        let at_worker = Arc::clone(&slot);
        let wakes = Wakes::new();
        let waker = Waker::from(Plain::clone(&wakes));
        assert!(slot.poll(&Context::from_waker(&waker)).is_pending());
        drop(waker);
        let worker = thread::spawn(move || assert!(at_worker.finish(Ok(5))));
        slot.forget_waker();
        worker.join().unwrap();
        assert!(*wakes.count.lock().unwrap() <= 1, "woken twice");
        assert_eq!(Plain::strong_count(&wakes), 1, "SLOT-3: a waker was left behind");
        assert!(slot.is_finished() && slot.wait(None) == Some(Ok(5)));
    });
}
