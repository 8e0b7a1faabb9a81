//! The bounded queue: places, who waits for one, and what frees one (scenarios 20, 23, 24).
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::support::{Gate, PATIENCE, name, occupy, watched};
use handloom::jobs::{Cancel, JobError, TrySubmitError};
use handloom::threads::ThreadPool;

/// A pool of one worker, which is busy until the gate opens, and a full queue of one place.
fn full() -> (Arc<ThreadPool>, Gate, handloom::jobs::JobHandle<u32>) {
    let gate = Gate::default();
    let pool = ThreadPool::builder("full").workers(1).queue_capacity(1).start().unwrap();
    drop(occupy(&pool, &gate));
    let queued = pool.submit(|| 1).unwrap();
    (Arc::new(pool), gate, queued)
}

/// Submits on another thread, and tells when that has returned.
fn submit_elsewhere(pool: &Arc<ThreadPool>) -> mpsc::Receiver<Result<u32, JobError>> {
    let (sender, receiver) = mpsc::channel();
    let pool = Arc::clone(pool);
    thread::spawn(move || {
        let job = pool.submit(|| 2);
        sender.send(job.map(|job| job.join().unwrap_or(0))).unwrap();
    });
    // Its sleep cannot be seen from outside; should it come later, the test is weaker but not wrong.
    let early = receiver.recv_timeout(Duration::from_millis(50));
    assert!(early.is_err(), "expected the submitter to wait for a place, came {early:?}");
    receiver
}

#[test]
fn trying_to_submit_to_a_full_queue_gives_the_job_back() {
    watched(|| {
        let (pool, gate, queued) = full();
        let Err(TrySubmitError::Full(job)) = pool.try_submit(|| 7) else {
            unreachable!("expected the queue to be full")
        };
        assert_eq!(job(), 7, "expected the very job");
        assert_eq!(pool.counts().queued, 1, "the job must not stay queued");
        gate.open();
        queued.join().unwrap();
        let again = pool.try_submit(job).map_err(|_| "full").unwrap();
        assert_eq!(again.join().unwrap(), 7);
    });
}

#[test]
fn a_submitter_waits_until_a_worker_takes_a_job() {
    watched(|| {
        let (pool, gate, queued) = full();
        let submitted = submit_elsewhere(&pool);
        gate.open();
        assert_eq!(submitted.recv_timeout(PATIENCE).unwrap().unwrap(), 2);
        assert_eq!(queued.join().unwrap(), 1);
    });
}

#[test]
fn a_cancelled_job_gives_its_place_to_a_submitter() {
    watched(|| {
        let (pool, gate, queued) = full();
        let submitted = submit_elsewhere(&pool);
        assert_eq!(queued.cancel(), Cancel::Cancelled);
        // The worker is still busy, so only the cancelled job's place can have been taken.
        crate::support::wait_until("the new job to be queued", || pool.counts().queued == 1);
        gate.open();
        assert_eq!(submitted.recv_timeout(PATIENCE).unwrap().unwrap(), 2);
        assert_eq!(name(&queued.join()), "cancelled");
    });
}

#[test]
fn a_shutdown_wakes_submitters_and_refuses_them() {
    watched(|| {
        let (pool, gate, queued) = full();
        let submitted = [submit_elsewhere(&pool), submit_elsewhere(&pool)];
        let closer = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.shutdown().unwrap())
        };
        for submitted in submitted {
            let refused = submitted.recv_timeout(PATIENCE).unwrap();
            assert!(matches!(refused, Err(JobError::PoolGone)), "POOL-7: came {refused:?}");
        }
        gate.open();
        closer.join().unwrap();
        assert_eq!(queued.join().unwrap(), 1, "a shutdown drains the queue");
    });
}

#[test]
fn a_bound_holds_whoever_submits() {
    watched(|| {
        // Scenario 20: submitters faster than the worker.
        const BOUND: usize = 4;
        let pool = ThreadPool::builder("bound").workers(2).queue_capacity(BOUND).start().unwrap();
        let (most, sum) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let sum = Arc::clone(&sum);
                        drop(pool.submit(move || sum.fetch_add(1, Ordering::SeqCst)).unwrap());
                        most.fetch_max(pool.counts().queued, Ordering::SeqCst);
                    }
                });
            }
        });
        pool.shutdown().unwrap();
        assert_eq!(sum.load(Ordering::SeqCst), 8_000, "POOL-1: jobs run");
        let most = most.load(Ordering::SeqCst);
        assert!(most <= BOUND, "expected at most {BOUND} queued, came {most}");
    });
}

#[test]
fn no_workers_and_no_places_are_refused() {
    // Scenario 23.
    let none = ThreadPool::fixed("none", 0).unwrap_err();
    assert_eq!(none.to_string(), "start thread pool none: it has no workers");
    let none = ThreadPool::builder("none").workers(1).queue_capacity(0).start().unwrap_err();
    assert_eq!(none.to_string(), "start thread pool none: it has no places in its queue");
}

#[test]
fn a_thousand_workers_run_and_end() {
    watched(|| {
        // Scenario 23.
        let pool = ThreadPool::fixed("crowd", 1_000).unwrap();
        assert_eq!(pool.counts().workers, 1_000);
        assert_eq!(pool.submit(|| 1).unwrap().join().unwrap(), 1);
        pool.shutdown().unwrap();
        assert_eq!(pool.counts().workers, 0, "POOL-5: workers after the shutdown");
    });
}
