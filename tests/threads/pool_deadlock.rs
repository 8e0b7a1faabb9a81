//! Workers that wait for their own pool (scenarios 13 and 14): an error in the place of a program that stands still.
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use crate::support::{Gate, name, wait_until, watched};
use handloom::jobs::{JobError, JobHandle, as_completed};
use handloom::threads::ThreadPool;

/// A pool that its jobs can submit to.
fn shared(workers: usize) -> Arc<ThreadPool> {
    Arc::new(ThreadPool::fixed("nest", workers).unwrap())
}

#[test]
fn joining_a_queued_job_in_a_pool_of_one_is_refused() {
    watched(|| {
        let (pool, (sender, ran)) = (shared(1), mpsc::channel());
        let inner = Arc::clone(&pool);
        let outer = pool.submit(move || {
            let job = inner.submit(move || sender.send(()).unwrap()).unwrap();
            name(&job.join())
        });
        assert_eq!(outer.unwrap().join().unwrap(), "would deadlock", "BLOCKED-2");
        ran.recv_timeout(crate::support::PATIENCE).expect("the inner job is detached, and runs on");
    });
}

#[test]
fn of_workers_that_all_wait_one_is_refused_and_the_others_get_their_values() {
    watched(|| {
        const WORKERS: usize = 4;
        let (pool, all_run) = (shared(WORKERS), Arc::new(Barrier::new(WORKERS)));
        let outer: Vec<_> = (0..WORKERS)
            .map(|_| {
                let (inner, all_run) = (Arc::clone(&pool), Arc::clone(&all_run));
                let job = move || {
                    all_run.wait();
                    name(&inner.submit(|| ()).unwrap().join())
                };
                pool.submit(job).unwrap()
            })
            .collect();
        let mut ends: Vec<_> = outer.into_iter().map(|job| job.join().unwrap()).collect();
        ends.sort_unstable();
        let refused = ends.iter().filter(|end| **end == "would deadlock").count();
        assert!((1..WORKERS).contains(&refused), "BLOCKED-2: some, not all; came {ends:?}");
    });
}

#[test]
fn a_worker_that_waits_while_another_is_free_gets_its_value() {
    watched(|| {
        let pool = shared(2);
        for round in 0..2_000 {
            let inner = Arc::clone(&pool);
            let outer = pool.submit(move || inner.submit(move || round).unwrap().join().unwrap());
            assert_eq!(outer.unwrap().join().unwrap(), round, "BLOCKED-1: refused without need");
        }
    });
}

#[test]
fn recursion_as_deep_as_the_pool_works_and_one_deeper_is_refused() {
    fn descend(pool: &Arc<ThreadPool>, depth: usize) -> Result<usize, JobError> {
        if depth == 0 {
            return Ok(0);
        }
        let inner = Arc::clone(pool);
        let job: JobHandle<Result<usize, _>> =
            pool.submit(move || descend(&inner, depth - 1)).unwrap();
        job.join()?.map(|below| below + 1)
    }
    watched(|| {
        let pool = shared(4);
        for _ in 0..200 {
            assert_eq!(descend(&pool, 4).unwrap(), 4, "a chain of four waits in four workers");
            let deeper = descend(&pool, 5);
            assert_eq!(name(&deeper), "would deadlock", "BLOCKED-2: a chain of five");
        }
    });
}

#[test]
fn a_job_that_joins_itself_is_refused_though_others_are_free() {
    watched(|| {
        let (pool, (sender, handle)) = (shared(3), mpsc::channel::<JobHandle<()>>());
        let (end, came) = mpsc::channel();
        let job = pool.submit(move || end.send(name(&handle.recv().unwrap().join())).unwrap());
        sender.send(job.unwrap()).unwrap();
        assert_eq!(
            came.recv_timeout(crate::support::PATIENCE),
            Ok("would deadlock"),
            "BLOCKED-2: a circle"
        );
    });
}

#[test]
fn two_jobs_that_join_each_other_are_refused_though_a_third_worker_is_free() {
    watched(|| {
        let (pool, (end, came)) = (shared(3), mpsc::channel());
        let (to_a, of_b) = mpsc::channel::<JobHandle<()>>();
        let (to_b, of_a) = mpsc::channel::<JobHandle<()>>();
        let join = |other: mpsc::Receiver<JobHandle<()>>, end: mpsc::Sender<_>| {
            move || end.send(name(&other.recv().unwrap().join())).unwrap()
        };
        let a = pool.submit(join(of_b, end.clone())).unwrap();
        let b = pool.submit(join(of_a, end)).unwrap();
        // Both run before either can wait.
        wait_until("both to run", || pool.counts().running == 2);
        to_a.send(b).unwrap();
        to_b.send(a).unwrap();
        let mut ends = [came.recv().unwrap(), came.recv().unwrap()];
        ends.sort_unstable();
        assert_eq!(ends, ["value", "would deadlock"], "BLOCKED-2: one of the two");
    });
}

#[test]
fn a_wait_with_a_time_limit_is_no_deadlock() {
    watched(|| {
        let pool = shared(1);
        let inner = Arc::clone(&pool);
        let outer = pool.submit(move || {
            let job = inner.submit(|| 3).unwrap();
            job.join_timeout(Duration::from_millis(20))
        });
        let job = outer.unwrap().join().unwrap().expect_err("no worker was free to run it in time");
        assert_eq!(job.join().unwrap(), 3, "after the outer job it runs");
    });
}

#[test]
fn a_map_within_its_own_pool_of_one_gives_errors_and_ends() {
    watched(|| {
        let pool = shared(1);
        let inner = Arc::clone(&pool);
        let outer = pool.submit(move || {
            let in_order: Vec<_> = inner.map(0..20, 3, |n| n).map(|result| name(&result)).collect();
            let jobs: Vec<_> = (0..20).map(|n| inner.submit(move || n).unwrap()).collect();
            let by_end: Vec<_> = as_completed(jobs).map(|(_, result)| name(&result)).collect();
            (in_order, by_end)
        });
        let (in_order, by_end) = outer.unwrap().join().unwrap();
        assert_eq!((in_order.len(), by_end.len()), (20, 20), "CHUNK-2: a result for each item");
        let refused = |ends: &[&str]| ends.iter().all(|end| *end == "would deadlock");
        assert!(refused(&in_order) && refused(&by_end), "came {in_order:?} and {by_end:?}");
    });
}

#[test]
fn submitting_without_waiting_is_always_allowed_until_the_shutdown() {
    watched(|| {
        // Scenario 14.
        let (pool, gate) = (shared(1), Gate::default());
        let (inner, wait) = (Arc::clone(&pool), gate.clone());
        let outer = pool.submit(move || {
            drop(inner.submit(|| ()).unwrap());
            wait.pass();
            matches!(inner.submit(|| ()), Err(JobError::PoolGone))
        });
        wait_until("the job to have submitted another", || {
            let counts = pool.counts();
            (counts.running, counts.queued) == (1, 1)
        });
        let closer = {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || pool.shutdown().unwrap())
        };
        wait_until("the pool to be closed", || {
            matches!(pool.submit(|| ()), Err(JobError::PoolGone))
        });
        gate.open();
        assert!(outer.unwrap().join().unwrap(), "POOL-7: expected a refusal within the job");
        closer.join().unwrap();
    });
}
