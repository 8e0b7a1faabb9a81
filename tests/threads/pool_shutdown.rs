//! The end of a pool: drained or dropped, asked for twice, at once, and from within (scenarios 24 to 27, 39).
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use crate::support::{Gate, PATIENCE, name, occupy, wait_until, watched};
use handloom::jobs::{Cancel, JobError};
use handloom::os::thread_list;
use handloom::threads::ThreadPool;

#[test]
fn a_shutdown_runs_what_is_queued_and_refuses_what_comes() {
    watched(|| {
        // Scenarios 24 and 25.
        let (pool, ran) = (ThreadPool::fixed("drain", 2).unwrap(), Arc::new(AtomicUsize::new(0)));
        let jobs: Vec<_> = (0..1_000)
            .map(|n| {
                let ran = ran.clone();
                pool.submit(move || (ran.fetch_add(1, Ordering::SeqCst), n).1).unwrap()
            })
            .collect();
        pool.shutdown().unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 1_000, "POOL-1: jobs run before it returned");
        assert_eq!(pool.counts().workers, 0, "POOL-5: living workers");
        let late = pool.submit(|| unreachable!("never runs"));
        assert!(matches!(late, Err(JobError::PoolGone)), "POOL-7: came {late:?}");
        let values = jobs.into_iter().map(|job| job.join().unwrap());
        assert!(values.eq(0..1_000), "values may be read after the shutdown");
    });
}

#[test]
fn a_shutdown_now_drops_what_is_queued_and_waits_for_what_runs() {
    watched(|| {
        // Scenario 25.
        let (pool, gate) = (Arc::new(ThreadPool::fixed("now", 1).unwrap()), Gate::default());
        let running = occupy(&pool, &gate);
        let queued: Vec<_> = (0..100).map(|n| pool.submit(move || n).unwrap()).collect();
        let closer = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.shutdown_now().unwrap())
        };
        for job in queued {
            assert_eq!(name(&job.join()), "cancelled", "POOL-1: each handle tells");
        }
        assert!(!running.is_finished() && !closer.is_finished(), "it waits for the running job");
        gate.open();
        closer.join().unwrap();
        running.join().unwrap();
        let counts = pool.counts();
        assert_eq!((counts.done, counts.cancelled, counts.queued), (1, 100, 0), "came {counts:?}");
    });
}

#[test]
fn an_abandoned_pool_is_not_waited_for_and_its_handles_tell() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("abandon", 1).unwrap(), Gate::default());
        let running = occupy(&pool, &gate);
        let queued = pool.submit(|| ()).unwrap();
        // It would hang here, for the gate is shut.
        pool.abandon();
        assert_eq!(name(&queued.join()), "pool gone");
        gate.open();
        running.join().unwrap();
    });
}

#[test]
fn shutdowns_on_many_threads_all_return_after_the_last_worker() {
    watched(|| {
        // Scenario 26.
        let (pool, gate) = (Arc::new(ThreadPool::fixed("at-once", 3).unwrap()), Gate::default());
        let running = occupy(&pool, &gate);
        let closers: Vec<_> = (0..8)
            .map(|n| {
                let pool = Arc::clone(&pool);
                let close = move || {
                    if n % 2 == 0 { pool.shutdown() } else { pool.shutdown_now() }.unwrap();
                    pool.counts().workers
                };
                thread::spawn(close)
            })
            .collect();
        assert!(closers.iter().all(|closer| !closer.is_finished()), "a job still runs");
        gate.open();
        for closer in closers {
            assert_eq!(closer.join().unwrap(), 0, "POOL-5: workers that one of them left");
        }
        running.join().unwrap();
        pool.shutdown().unwrap();
        pool.shutdown_now().unwrap();
    });
}

#[test]
fn a_shutdown_within_a_job_closes_and_says_that_it_cannot_wait() {
    watched(|| {
        // Scenario 26: CPython raises "cannot join current thread".
        for now in [false, true] {
            let pool = Arc::new(ThreadPool::fixed("within", 2).unwrap());
            let inner = Arc::clone(&pool);
            let job = pool.submit(move || {
                let closed = if now { inner.shutdown_now() } else { inner.shutdown() };
                (name(&closed), inner.submit(|| ()).is_err())
            });
            assert_eq!(job.unwrap().join().unwrap(), ("would deadlock", true), "POOL-5");
            pool.shutdown().unwrap();
            assert_eq!(pool.counts().workers, 0, "the job's worker has left as well");
        }
    });
}

/// Shuts a pool down when it is dropped.
struct Closer(Arc<ThreadPool>);

impl Drop for Closer {
    fn drop(&mut self) {
        // In a worker it is an error, which is no matter here.
        drop(self.0.shutdown());
    }
}

#[test]
fn a_shutdown_from_a_destructor_does_not_hang() {
    watched(|| {
        // Scenario 26: of a running job's closure, of a value that is not collected, of a queued job's closure.
        for what in 0..3 {
            let pool = Arc::new(ThreadPool::fixed("destructor", 2).unwrap());
            let closer = Closer(Arc::clone(&pool));
            match what {
                0 => drop(pool.submit(move || drop(closer)).unwrap()),
                1 => drop(pool.submit(move || closer).unwrap()),
                _ => {
                    let gate = Gate::default();
                    let (first, second) = (occupy(&pool, &gate), occupy(&pool, &gate));
                    let queued = pool.submit(move || drop(closer)).unwrap();
                    gate.open();
                    // Run or dropped, either way the destructor comes.
                    drop((first, second, queued.cancel()));
                }
            }
            pool.shutdown().unwrap();
        }
    });
}

#[test]
fn a_pool_dropped_by_its_last_job_leaves_no_thread() {
    watched(|| {
        let (pool, (go, gate)) = (ThreadPool::fixed("lastjob", 3).unwrap(), mpsc::channel::<()>());
        let pool = Arc::new(pool);
        let owner = Arc::clone(&pool);
        let job = pool.submit(move || {
            gate.recv().unwrap();
            drop(owner);
        });
        drop(pool);
        go.send(()).unwrap();
        job.unwrap().join().unwrap();
        let is_gone = || !thread_list::names().unwrap().iter().any(|name| name.contains("lastjob"));
        wait_until("the workers to end by themselves", is_gone);
    });
}

#[test]
fn a_cancel_before_the_shutdown_does_not_hold_it_up() {
    watched(|| {
        // Scenario 39.
        let (pool, gate) = (Arc::new(ThreadPool::fixed("then", 1).unwrap()), Gate::default());
        let running = occupy(&pool, &gate);
        let queued: Vec<_> = (0..50).map(|_| pool.submit(|| ()).unwrap()).collect();
        assert!(queued.iter().all(|job| job.cancel() == Cancel::Cancelled));
        gate.open();
        pool.shutdown().unwrap();
        running.join().unwrap();
        assert!(queued.into_iter().all(|job| matches!(job.join(), Err(JobError::Cancelled))));
    });
}

#[test]
fn a_closed_pool_resolves_a_handle_that_another_thread_waits_on() {
    watched(|| {
        let (pool, gate) = (Arc::new(ThreadPool::fixed("waited", 1).unwrap()), Gate::default());
        let running = occupy(&pool, &gate);
        let queued = pool.submit(|| ()).unwrap();
        let (sender, came) = mpsc::channel();
        let joiner = thread::spawn(move || sender.send(name(&queued.join())).unwrap());
        let closer = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.shutdown_now().unwrap())
        };
        assert_eq!(came.recv_timeout(PATIENCE).unwrap(), "cancelled", "POOL-1");
        gate.open();
        joiner.join().unwrap();
        closer.join().unwrap();
        running.join().unwrap();
    });
}
