//! What the tests of the thread pool share: a watchdog, a gate, and a job that waits at it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use handloom::jobs::{JobError, JobHandle};
use handloom::threads::ThreadPool;

/// The watchdog of every wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test on a thread of its own, and fails when it hangs.
pub(crate) fn watched(test: impl FnOnce() + Send + 'static) {
    let (sender, over) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        // Dropped at the end, also when the test panics.
        let _sender = sender;
        test();
    });
    let waited = over.recv_timeout(PATIENCE);
    assert!(
        matches!(waited, Err(mpsc::RecvTimeoutError::Disconnected)),
        "expected the test to end within {PATIENCE:?}, it hangs"
    );
    if let Err(payload) = thread.join() {
        std::panic::resume_unwind(payload);
    }
}

/// Waits for a condition that another thread is about to make true.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "expected {what}, waited in vain");
        thread::yield_now();
    }
}

/// A gate that jobs wait at until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everybody through, now and later.
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    pub(crate) fn pass(&self) {
        let closed = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(closed, |open| !*open).unwrap());
    }
}

/// Keeps a worker busy until the gate opens; returns when it is.
pub(crate) fn occupy(pool: &ThreadPool, gate: &Gate) -> JobHandle<()> {
    let (begun, gate) = (mpsc::channel(), gate.clone());
    let (sender, receiver): (Sender<()>, Receiver<()>) = begun;
    let job = pool.submit(move || {
        drop(sender);
        gate.pass();
    });
    // The sender is gone as soon as the job has begun.
    assert!(
        receiver.recv_timeout(PATIENCE).is_err_and(|e| e == mpsc::RecvTimeoutError::Disconnected)
    );
    job.expect("submit")
}

/// What an error is called, for a comparison.
pub(crate) fn name<T>(result: &Result<T, JobError>) -> &'static str {
    match result {
        Ok(_) => "value",
        Err(JobError::Panicked(_)) => "panicked",
        Err(JobError::Cancelled) => "cancelled",
        Err(JobError::WouldDeadlock) => "would deadlock",
        Err(JobError::PoolGone) => "pool gone",
        Err(_) => "another error",
    }
}
