//! The thread pool against jobs, wakers and destructors that panic, and against ends at awkward moments.

use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use handloom::jobs::{Cancel, JobError, JobHandle};
use handloom::threads::ThreadPool;

use super::support::{Gate, PATIENCE, name, occupy, watched};

/// Panics when it is dropped, with another one of its kind as the payload: without end.
struct Endless;

impl Drop for Endless {
    fn drop(&mut self) {
        panic::panic_any(Endless);
    }
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A waker that counts its wakes and panics.
struct Panicking(AtomicUsize);

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic::panic_any(Endless);
    }
}

/// Polls a handle once.
fn poll_once<T>(handle: &mut JobHandle<T>, waker: &Waker) -> bool {
    pin!(handle).poll(&mut Context::from_waker(waker)).is_ready()
}

/// The next job of the pool is run, and gives its value.
fn still_serves(pool: &ThreadPool) {
    let job = pool.submit(|| 7).expect("submit");
    let joined = job.join_timeout(PATIENCE).expect("POOL-3: the worker lives");
    assert_eq!(joined.expect("a value"), 7, "POOL-3");
}

#[test]
fn a_payload_whose_drops_panic_without_end_harms_neither_worker_nor_owner() {
    watched(|| {
        let pool = ThreadPool::fixed("endless", 1).expect("start");
        // Detached: the worker drops the payload.
        drop(pool.submit(|| panic::panic_any(Endless)).expect("submit"));
        still_serves(&pool);
        // Collected: the owner drops it.
        let failed = pool.submit(|| panic::panic_any(Endless)).expect("submit").join();
        assert_eq!(name(&failed), "panicked");
        drop(failed);
        still_serves(&pool);
        assert_eq!(pool.counts().done, 4, "POOL-1");
    });
}

#[test]
fn a_value_that_is_not_collected_may_panic_in_its_drop_on_either_thread() {
    watched(|| {
        let pool = ThreadPool::fixed("values", 1).expect("start");
        // Dropped by the worker.
        drop(pool.submit(|| Endless).expect("submit"));
        still_serves(&pool);
        // Dropped with the handle, by the owner, while it unwinds: a second panic would end the process.
        let job = pool.submit(|| Endless).expect("submit");
        still_serves(&pool);
        let unwound = panic::catch_unwind(AssertUnwindSafe(move || {
            let _job = job;
            panic!("meant");
        }));
        assert!(unwound.is_err());
        still_serves(&pool);
    });
}

#[test]
fn a_waker_that_panics_takes_no_result_and_no_worker_with_it() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("wakers", 1).expect("start"), Gate::default());
        let busy = occupy(&pool, &gate);
        let panicking = Arc::new(Panicking(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&panicking));
        let mut jobs: Vec<_> = (0..5).map(|n| pool.submit(move || n).expect("submit")).collect();
        for job in &mut jobs {
            assert!(!poll_once(job, &waker), "it did not begin");
        }
        gate.open();
        busy.join().expect("a value");
        for (n, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.join().expect("a value"), n);
        }
        still_serves(&pool);
        assert!(panicking.0.load(Ordering::Relaxed) <= 5, "SLOT-2: one wake for each");
    });
}

#[test]
fn a_waker_that_panics_on_a_cancellation_does_not_stop_a_shutdown() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("cancels", 1).expect("start"), Gate::default());
        let busy = occupy(&pool, &gate);
        let waker = Waker::from(Arc::new(Panicking(AtomicUsize::new(0))));
        let mut jobs: Vec<_> =
            (0..5).map(|_| pool.submit(|| drop(Endless)).expect("submit")).collect();
        for job in &mut jobs {
            assert!(!poll_once(job, &waker), "it did not begin");
        }
        assert_eq!(jobs[2].cancel(), Cancel::Cancelled);
        assert_eq!(jobs[2].cancel(), Cancel::Finished);
        thread::scope(|scope| {
            scope.spawn(|| pool.shutdown_now().expect("a shutdown from outside"));
            for job in jobs {
                assert_eq!(name(&job.join()), "cancelled", "POOL-1: each handle tells");
            }
            gate.open();
        });
        busy.join().expect("a value");
        assert_eq!(pool.counts().workers, 0, "POOL-5");
    });
}

#[test]
fn closures_that_panic_in_their_drop_are_all_called_off() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("closures", 1).expect("start"), Gate::default());
        let busy = occupy(&pool, &gate);
        let jobs: Vec<_> = (0..5)
            .map(|_| {
                let endless = Endless;
                pool.submit(move || drop(endless)).expect("submit")
            })
            .collect();
        pool.abandon();
        for job in jobs {
            assert_eq!(name(&job.join()), "pool gone", "POOL-1");
        }
        gate.open();
        busy.join().expect("a value");
    });
}

#[test]
fn a_shutdown_in_a_destructor_of_what_is_dropped_does_not_wait_for_itself() {
    watched(|| {
        let pool = Arc::new(ThreadPool::fixed("destructors", 2).expect("start"));
        let (sender, told) = mpsc::channel();
        let end = |pool: &Arc<ThreadPool>, sender: mpsc::Sender<bool>| {
            let pool = Arc::downgrade(pool);
            OnDrop(move || {
                let ended = pool.upgrade().map(|pool| pool.shutdown().is_ok());
                sender.send(ended == Some(true)).expect("the test receives");
            })
        };
        // The value of a detached job, dropped by a worker, which cannot wait for its own end.
        let value = end(&pool, sender.clone());
        let gate = Gate::default();
        let at_job = gate.clone();
        let job = pool.submit(move || {
            at_job.pass();
            value
        });
        // Detached before the job is over; otherwise this thread would drop the value.
        drop(job.expect("submit"));
        gate.open();
        assert!(!told.recv_timeout(PATIENCE).expect("POOL-5"), "POOL-5: an error to a worker");
        pool.shutdown().expect("POOL-5: a second shutdown, from outside");

        // What a queued closure holds, dropped by the thread that shuts the pool down.
        let pool = Arc::new(ThreadPool::fixed("destructors", 1).expect("start"));
        let gate = Gate::default();
        let busy = occupy(&pool, &gate);
        let held = end(&pool, sender);
        let queued = pool.submit(move || drop(held)).expect("submit");
        let opener = thread::spawn({
            let gate = gate.clone();
            move || {
                thread::sleep(Duration::from_millis(20));
                gate.open();
            }
        });
        pool.shutdown_now().expect("POOL-5: the outer shutdown");
        assert!(told.recv_timeout(PATIENCE).expect("POOL-5"), "POOL-5: the inner shutdown");
        assert_eq!(name(&queued.join()), "cancelled");
        busy.join().expect("a value");
        opener.join().expect("no panic");
    });
}

#[test]
fn a_pool_dropped_by_its_own_job_runs_what_is_queued() {
    watched(|| {
        for workers in [1, 2] {
            let pool = Arc::new(ThreadPool::fixed("own", workers).expect("start"));
            let (gate, weak) = (Gate::default(), Arc::downgrade(&pool));
            let busy: Vec<_> = (1..workers).map(|_| occupy(&pool, &gate)).collect();
            let passed = gate.clone();
            let owner = pool
                .submit({
                    let pool = Arc::clone(&pool);
                    move || {
                        passed.pass();
                        drop(pool);
                    }
                })
                .expect("submit");
            let after: Vec<_> = (0..10).map(|n| pool.submit(move || n).expect("submit")).collect();
            drop(pool);
            assert!(Weak::upgrade(&weak).is_some(), "the job owns it");
            gate.open();
            owner.join().expect("a value");
            for (n, job) in after.into_iter().enumerate() {
                assert_eq!(job.join().expect("POOL-1: a value"), n);
            }
            for job in busy {
                job.join().expect("a value");
            }
        }
    });
}

#[test]
fn submits_in_destructors_are_accepted_or_refused_and_never_lost() {
    watched(|| {
        let pool = Arc::new(ThreadPool::fixed("drops", 1).expect("start"));
        let (sender, results) = mpsc::channel();
        let submit = |sender: &mpsc::Sender<Result<u32, JobError>>| {
            let (pool, sender) = (Arc::downgrade(&pool), sender.clone());
            OnDrop(move || {
                let Some(pool) = pool.upgrade() else { return };
                let answer = sender.clone();
                let submitted = pool.submit(move || answer.send(Ok(1)).expect("the test receives"));
                if let Err(error) = submitted {
                    sender.send(Err(error)).expect("the test receives");
                }
            })
        };
        let value = submit(&sender);
        drop(pool.submit(move || value).expect("submit"));
        let first = results.recv_timeout(PATIENCE).expect("POOL-1: an answer");
        assert_eq!(first.expect("accepted"), 1);

        let gate = Gate::default();
        let busy = occupy(&pool, &gate);
        let held = submit(&sender);
        let queued = pool.submit(move || drop(held)).expect("submit");
        thread::scope(|scope| {
            scope.spawn(|| pool.shutdown_now().expect("a shutdown from outside"));
            let second = results.recv_timeout(PATIENCE).expect("POOL-7: an answer");
            assert_eq!(name(&second), "pool gone", "POOL-7");
            assert_eq!(name(&queued.join()), "cancelled");
            gate.open();
        });
        busy.join().expect("a value");
    });
}

#[test]
fn cancels_that_race_with_workers_and_shutdowns_leave_every_handle_an_answer() {
    watched(|| {
        for round in 0..200 {
            let pool = ThreadPool::fixed("races", 2).expect("start");
            let ran = Arc::new(AtomicUsize::new(0));
            let jobs: Vec<_> = (0..20)
                .map(|_| {
                    let ran = Arc::clone(&ran);
                    pool.submit(move || ran.fetch_add(1, Ordering::Relaxed)).expect("submit")
                })
                .collect();
            thread::scope(|scope| {
                let cancelled = scope
                    .spawn(|| jobs.iter().filter(|job| job.cancel() == Cancel::Cancelled).count());
                for _ in 0..2 {
                    scope.spawn(|| match round % 3 {
                        0 => pool.shutdown(),
                        1 => pool.shutdown_now(),
                        _ => Ok(()),
                    });
                }
                cancelled.join().expect("no panic");
            });
            pool.shutdown().expect("a third shutdown");
            let values = jobs.into_iter().flat_map(JobHandle::join).count();
            assert_eq!(values, ran.load(Ordering::Relaxed), "POOL-1: run or cancelled");
            let counts = pool.counts();
            assert_eq!((counts.done, counts.cancelled), (values as u64, 20 - values as u64));
            assert_eq!((counts.queued, counts.running, counts.workers), (0, 0, 0), "{counts:?}");
        }
    });
}

#[test]
fn a_pool_of_one_refuses_to_wait_for_itself_at_any_depth() {
    watched(|| {
        let pool = Arc::new(ThreadPool::fixed("one", 1).expect("start"));
        let inner = Arc::clone(&pool);
        let job = pool.submit(move || {
            let deeper = Arc::clone(&inner);
            let nested = inner.submit(move || drop(deeper.submit(|| 1))).expect("submit");
            name(&nested.join()).to_owned()
        });
        assert_eq!(job.expect("submit").join().expect("a value"), "would deadlock", "BLOCKED-2");
        still_serves(&pool);
        // A wait with a time limit ends by itself.
        let inner = Arc::clone(&pool);
        let job = pool.submit(move || {
            let nested = inner.submit(|| 1).expect("submit");
            nested.join_timeout(Duration::from_millis(20)).is_err()
        });
        assert!(job.expect("submit").join().expect("a value"), "the time is over");
        still_serves(&pool);
    });
}
