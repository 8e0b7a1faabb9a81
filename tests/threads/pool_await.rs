//! A job's handle as a future, on the event loop and off it.
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use crate::support::{Gate, name, occupy, wait_until, watched};
use handloom::aio::{gather, sleep, timeout};
use handloom::rt::{block_on, spawn};
use handloom::threads::ThreadPool;

/// Counts wakes, and how many of it there are.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_loop_awaits_a_job_longer_than_it_takes_to_report() {
    watched(|| {
        // STUCK-2: the loop knows nothing of the pool; it reports after a second, and waits on.
        let pool = ThreadPool::fixed("await", 1).unwrap();
        let job = pool.submit(|| thread::sleep(Duration::from_millis(1200))).unwrap();
        block_on(job).unwrap();
    });
}

#[test]
fn a_spawned_task_awaits_a_job_too() {
    watched(|| {
        let pool = ThreadPool::fixed("spawned", 1).unwrap();
        let value = block_on(async {
            let job = pool.submit(|| (thread::sleep(Duration::from_millis(300)), 5).1).unwrap();
            spawn(job).await.unwrap()
        });
        assert_eq!(value.unwrap(), 5);
    });
}

#[test]
fn many_jobs_are_awaited_at_once() {
    watched(|| {
        let pool = ThreadPool::fixed("gather", 4).unwrap();
        let jobs: Vec<_> = (0..500_u32).map(|n| pool.submit(move || n).unwrap()).collect();
        let values = block_on(async { gather(jobs).await });
        assert!(values.into_iter().map(Result::unwrap).eq(0..500), "HANDLE-1");
    });
}

#[test]
fn the_loop_turns_while_a_job_runs() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("beside", 1).unwrap(), Gate::default());
        let job = occupy(&pool, &gate);
        block_on(async move {
            // Only the loop itself opens the gate.
            let opener = spawn(async move {
                sleep(Duration::from_millis(5)).await;
                gate.open();
            });
            job.await.unwrap();
            opener.await.unwrap();
        });
    });
}

#[test]
fn an_await_that_times_out_leaves_no_waker_behind() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("time", 1).unwrap(), Gate::default());
        let running = occupy(&pool, &gate);
        let outcome = block_on(timeout(Duration::from_millis(10), running));
        assert!(outcome.is_err(), "expected the time to be over");
        let (counter, mut job) = (Arc::new(Wakes::default()), pool.submit(|| 1).unwrap());
        let waker = Waker::from(Arc::clone(&counter));
        assert!(pin!(&mut job).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&counter), 2, "expected the slot to hold a waker");
        drop(job);
        assert_eq!(
            Arc::strong_count(&counter),
            1,
            "HANDLE-3: expected the waker to go with the handle"
        );
        gate.open();
    });
}

#[test]
fn a_poll_displaces_the_waker_of_the_one_before_and_a_join_takes_it_back() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("wakers", 1).unwrap(), Gate::default());
        let running = occupy(&pool, &gate);
        let mut job = pool.submit(|| 9).unwrap();
        let counters = [Arc::new(Wakes::default()), Arc::new(Wakes::default())];
        for counter in &counters {
            let waker = Waker::from(Arc::clone(counter));
            assert!(pin!(&mut job).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        gate.open();
        running.join().unwrap();
        wait_until("the job to be over", || job.is_finished());
        wait_until("its waker to be woken", || counters[1].0.load(Ordering::SeqCst) == 1);
        assert_eq!(counters[0].0.load(Ordering::SeqCst), 0, "only the last waker is woken");
        let Poll::Ready(value) = pin!(&mut job).poll(&mut Context::from_waker(Waker::noop()))
        else {
            unreachable!("expected the value")
        };
        assert_eq!(value.unwrap(), 9);
        let mut job = pool.submit(|| 10).unwrap();
        // Ready or not, the join below would be right; a poll that took the value is not.
        if pin!(&mut job).poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            assert_eq!(job.join().unwrap(), 10, "a polled handle may be joined");
        }
    });
}

#[test]
fn a_cancel_and_a_panic_come_through_an_await() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("through", 1).unwrap(), Gate::default());
        let running = occupy(&pool, &gate);
        let (queued, panics) = (pool.submit(|| ()).unwrap(), pool.submit(|| panic!("awaited")));
        queued.cancel();
        gate.open();
        let ends = block_on(async { (queued.await, panics.unwrap().await) });
        assert_eq!((name(&ends.0), name::<()>(&ends.1)), ("cancelled", "panicked"));
        running.join().unwrap();
    });
}
