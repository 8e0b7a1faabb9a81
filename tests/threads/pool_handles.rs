//! The handle of a job: join, time limit, cancel, panic (scenarios 9 to 11, 38 to 42).
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE, name, occupy, wait_until, watched};
use handloom::jobs::{Cancel, Counts, JobError};
use handloom::threads::ThreadPool;

/// Counts its drops.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A value whose drop panics, with a payload whose drop panics.
struct Spiteful(u32);

impl Drop for Spiteful {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Spiteful(self.0 - 1));
        }
    }
}

#[test]
fn each_handle_gives_its_own_value_whatever_order_they_end_in() {
    watched(|| {
        let pool = ThreadPool::fixed("order", 8).unwrap();
        // Scenario 21: reversed delays.
        let jobs: Vec<_> = (0..100_u64)
            .map(|n| pool.submit(move || (thread::sleep(Duration::from_micros(100 - n)), n).1))
            .map(Result::unwrap)
            .collect();
        let values: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap()).collect();
        assert!(values.iter().copied().eq(0..100), "HANDLE-1, came {values:?}");
    });
}

#[test]
fn a_hundred_thousand_jobs_are_all_right() {
    watched(|| {
        // Scenario 19.
        let pool = ThreadPool::fixed("many", 2).unwrap();
        let jobs: Vec<_> = (0..100_000_u64).map(|n| pool.submit(move || n * 2).unwrap()).collect();
        let sum: u64 = jobs.into_iter().map(|job| job.join().unwrap()).sum();
        assert_eq!(sum, 99_999 * 100_000, "POOL-1: the sum of all values");
        let counts = pool.counts();
        assert_eq!(
            (counts.done, counts.running, counts.queued),
            (100_000, 0, 0),
            "came {counts:?}"
        );
    });
}

#[test]
fn a_panic_reaches_the_handle_with_its_payload_and_the_worker_lives() {
    watched(|| {
        // Scenario 9, a thousand times.
        let pool = ThreadPool::fixed("panic", 2).unwrap();
        for round in 0..1_000_u32 {
            let Err(error) = pool.submit(move || panic!("round {round}")).unwrap().join();
            assert_eq!(error.to_string(), format!("the job panicked: round {round}"), "POOL-3");
        }
        let error = pool.submit(|| std::panic::panic_any(7_u8)).unwrap().join().unwrap_err();
        assert_eq!(error.to_string(), "the job panicked: a payload without text", "scenario 10");
        let JobError::Panicked(panic) = error else { panic!("POOL-3: no panic, but {error}") };
        let payload = catch_unwind(AssertUnwindSafe(|| panic.resume())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7_u8), "POOL-3: resume goes on with the payload");
        let counts = pool.counts();
        let expected = Counts { done: 1_001, workers: 2, ..Counts::default() };
        assert_eq!(counts, expected, "POOL-3: a panic must not shrink the pool");
    });
}

#[test]
fn drops_that_panic_leave_the_worker_alive() {
    watched(|| {
        // Scenario 10: the drop of the payload, and of a value that is not collected, panics.
        let pool = ThreadPool::fixed("spite", 1).unwrap();
        let before = pool.submit(|| thread::current().id()).unwrap().join().unwrap();
        // HANDLE-2: detached before they begin, what they leave is dropped by the worker, not here.
        let gate = Gate::default();
        drop(occupy(&pool, &gate));
        drop(pool.submit(|| std::panic::panic_any(Spiteful(3))).unwrap());
        drop(pool.submit(|| Spiteful(3)).unwrap());
        gate.open();
        let after = pool.submit(|| thread::current().id()).unwrap().join().unwrap();
        assert_eq!(before, after, "POOL-JOB-2: expected the same thread after each of the panics");
    });
}

#[test]
fn a_panic_poisons_its_owners_lock_and_no_other() {
    watched(|| {
        // Scenario 11.
        let (mine, other) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let pool = ThreadPool::fixed("poison", 1).unwrap();
        let held = Arc::clone(&mine);
        let job = pool.submit(move || {
            let _held = held.lock().unwrap();
            panic!("with the lock held");
        });
        assert_eq!(name::<()>(&job.unwrap().join()), "panicked");
        assert!(mine.is_poisoned() && !other.is_poisoned(), "expected one poisoned lock");
        assert_eq!(pool.submit(|| 1).unwrap().join().unwrap(), 1, "POOL-4: the pool's is not");
    });
}

#[test]
fn a_time_limit_gives_the_handle_back_and_the_job_runs_on() {
    watched(|| {
        // Scenario 40.
        let (pool, gate) = (ThreadPool::fixed("limit", 1).unwrap(), Gate::default());
        let wait = gate.clone();
        let job = pool.submit(move || (wait.pass(), 5).1).unwrap();
        let begun = Instant::now();
        let job = job.join_timeout(Duration::from_millis(30)).unwrap_err();
        assert!(begun.elapsed() >= Duration::from_millis(30), "came back early");
        let job = job.join_timeout(Duration::ZERO).unwrap_err();
        assert!(!job.is_finished(), "the job still waits at the gate");
        gate.open();
        let value = job.join_timeout(Duration::MAX).unwrap();
        assert_eq!(value.unwrap(), 5, "expected the value after two time limits");
    });
}

#[test]
fn a_queued_job_can_be_cancelled_once_and_a_running_one_cannot() {
    watched(|| {
        // Scenarios 38 and 39.
        let (pool, gate) = (ThreadPool::fixed("cancel", 1).unwrap(), Gate::default());
        let running = occupy(&pool, &gate);
        let (dropped, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (held, runs) = (Dropped(dropped.clone()), ran.clone());
        let queued = pool.submit(move || {
            let _held = &held;
            runs.fetch_add(1, Ordering::SeqCst);
        });
        let queued = queued.unwrap();
        assert_eq!(pool.counts().queued, 1);
        assert_eq!(running.cancel(), Cancel::Running, "a running job cannot be stopped");
        assert_eq!(queued.cancel(), Cancel::Cancelled);
        let drops = dropped.load(Ordering::SeqCst);
        assert_eq!(drops, 1, "expected the closure to go at once, drops");
        assert_eq!(pool.counts().queued, 0, "expected its place to be free");
        assert_eq!(queued.cancel(), Cancel::Finished, "it is cancelled once");
        assert!(queued.is_finished(), "a cancelled job is over");
        assert_eq!(name(&queued.join()), "cancelled");
        gate.open();
        pool.shutdown().unwrap();
        assert_eq!(running.cancel(), Cancel::Finished);
        running.join().unwrap();
        let counts = pool.counts();
        assert_eq!((ran.load(Ordering::SeqCst), counts.done, counts.cancelled), (0, 1, 1));
    });
}

#[test]
fn cancelling_from_the_middle_leaves_the_others_in_order() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("middle", 1).unwrap(), Gate::default());
        let first = occupy(&pool, &gate);
        let (sender, ran) = mpsc::channel();
        let jobs: Vec<_> = (0..1_000)
            .map(|n| {
                let sender = sender.clone();
                pool.submit(move || sender.send(n).unwrap()).unwrap()
            })
            .collect();
        drop(sender);
        // Every third stays, and the rest goes back to front.
        for job in jobs.iter().enumerate().rev().filter(|(n, _)| n % 3 != 0).map(|(_, job)| job) {
            assert_eq!(job.cancel(), Cancel::Cancelled, "TICKET-1");
        }
        assert_eq!(pool.counts().queued, 334, "jobs left in the queue");
        gate.open();
        first.join().unwrap();
        assert!(ran.iter().eq((0..1_000).step_by(3)), "POOL-1: expected every third, in order");
    });
}

#[test]
fn an_unread_value_is_freed_and_the_job_runs_on() {
    watched(|| {
        // Scenario 41.
        let (pool, dropped) =
            (ThreadPool::fixed("unread", 1).unwrap(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..100 {
            let value = Dropped(dropped.clone());
            drop(pool.submit(move || value).unwrap());
        }
        wait_until("every value to be dropped", || dropped.load(Ordering::SeqCst) == 100);
        // One that is done before its handle goes.
        let value = Dropped(dropped.clone());
        let job = pool.submit(move || value).unwrap();
        wait_until("the job to be done", || job.is_finished());
        drop(job);
        wait_until("HANDLE-2: its value to be dropped", || dropped.load(Ordering::SeqCst) == 101);
    });
}

#[test]
fn a_cancel_and_a_worker_race_for_each_job_and_one_wins() {
    watched(|| {
        let (pool, ran) = (ThreadPool::fixed("race", 2).unwrap(), Arc::new(AtomicUsize::new(0)));
        let (mut cancelled, mut values) = (0, 0);
        for _ in 0..20_000 {
            let ran = ran.clone();
            let job = pool.submit(move || ran.fetch_add(1, Ordering::SeqCst)).unwrap();
            let verdict = job.cancel();
            match (verdict, job.join()) {
                (Cancel::Cancelled, Err(JobError::Cancelled)) => cancelled += 1,
                (Cancel::Running | Cancel::Finished, Ok(_)) => values += 1,
                (verdict, result) => panic!("POOL-JOB-1: {verdict:?}, then {result:?}"),
            }
        }
        assert_eq!(ran.load(Ordering::SeqCst), values, "POOL-JOB-1: jobs that ran against values");
        let counts = pool.counts();
        assert_eq!((counts.cancelled, counts.done), (cancelled, values as u64), "came {counts:?}");
    });
}

#[test]
fn a_handle_may_be_joined_on_another_thread() {
    let (pool, (sender, value)) = (ThreadPool::fixed("move", 1).unwrap(), mpsc::channel());
    let job = pool.submit(|| 3).unwrap();
    let joiner = thread::spawn(move || sender.send(job.join().unwrap()).unwrap());
    assert_eq!(value.recv_timeout(PATIENCE).unwrap(), 3);
    joiner.join().unwrap();
}
