//! `map` in order and as completed, by chunks (scenarios 9, 21, 25).
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{Gate, name, watched};
use handloom::jobs::{JobError, as_completed};
use handloom::threads::ThreadPool;

#[test]
fn values_come_in_the_order_of_the_items_whatever_the_chunk() {
    watched(|| {
        let pool = ThreadPool::fixed("order", 4).unwrap();
        for chunk in [0, 1, 2, 7, 99, 100, 101, usize::MAX] {
            let values: Vec<_> = pool.map(0..100, chunk, |n| n * n).map(Result::unwrap).collect();
            assert!(
                values.iter().copied().eq((0..100).map(|n| n * n)),
                "MAP-1, chunk {chunk}: {values:?}"
            );
        }
        assert_eq!(pool.map(0..0, 3, |n| n).count(), 0, "no items, no values");
    });
}

#[test]
fn results_as_completed_come_once_each_with_their_number() {
    watched(|| {
        let pool = ThreadPool::fixed("ends", 4).unwrap();
        let jobs = (0..1_000).map(|n| pool.submit(move || n + 5).unwrap());
        let mut came: Vec<_> =
            as_completed(jobs).map(|(number, value)| (number, value.unwrap())).collect();
        came.sort_unstable();
        assert!(came.into_iter().eq((0..1_000).map(|n| (n, n + 5))), "each job once");
        assert!(as_completed::<()>([]).next().is_none(), "no jobs, no results");
    });
}

#[test]
fn a_quick_job_overtakes_a_slow_one_as_completed() {
    watched(|| {
        // Scenario 21.
        let (pool, gate) = (ThreadPool::fixed("overtake", 2).unwrap(), Gate::default());
        let jobs = (0..4).map(|n| {
            let wait = gate.clone();
            pool.submit(move || {
                if n == 0 {
                    wait.pass();
                }
            })
        });
        let mut results = as_completed(jobs.map(Result::unwrap));
        let mut order: Vec<_> = results.by_ref().take(3).map(|(number, _)| number).collect();
        order.sort_unstable();
        assert_eq!(order, [1, 2, 3], "expected all but the one at the gate");
        gate.open();
        assert_eq!(results.next().map(|(number, _)| number), Some(0));
        assert!(results.next().is_none());
    });
}

#[test]
fn a_panic_is_the_error_of_its_own_item_only() {
    watched(|| {
        let pool = ThreadPool::fixed("panic", 2).unwrap();
        let odd = |n: u32| assert!(n % 10 != 3, "three in {n}");
        for (n, result) in (0..100).zip(pool.map(0..100, 8, odd)) {
            let expected = if n % 10 == 3 { "panicked" } else { "value" };
            assert_eq!(name(&result), expected, "CHUNK-2: item {n}");
        }
    });
}

#[test]
fn items_are_taken_a_window_ahead_and_no_further() {
    watched(|| {
        // So an endless sequence is fine.
        let (pool, taken) = (ThreadPool::fixed("lazy", 2).unwrap(), Cell::new(0));
        let items = (0..).inspect(|_| taken.set(taken.get() + 1));
        let mut values = pool.map(items, 10, |n: u64| n);
        assert_eq!(taken.get(), 0, "CHUNK-1: nothing is taken before the first value is asked for");
        assert_eq!(values.by_ref().take(1_000).filter_map(Result::ok).sum::<u64>(), 499_500);
        let ahead = taken.get() - 1_000;
        assert!(ahead <= 100, "CHUNK-1: items taken ahead: {ahead}");
    });
}

#[test]
fn a_map_dropped_early_calls_off_what_has_not_begun() {
    watched(|| {
        let (pool, gate) = (ThreadPool::fixed("early", 1).unwrap(), Gate::default());
        let (ran, wait) = (Arc::new(AtomicUsize::new(0)), gate.clone());
        let (runs, seen) = (Arc::clone(&ran), Arc::new(Mutex::new(Vec::new())));
        let mut values = pool.map(0..100, 1, move |n| {
            runs.fetch_add(1, Ordering::SeqCst);
            seen.lock().unwrap().push(n);
            if n == 1 {
                wait.pass();
            }
        });
        values.next().unwrap().unwrap();
        drop(values);
        gate.open();
        pool.shutdown().unwrap();
        // The first, and the second if its worker was quick enough to begin it.
        assert!(ran.load(Ordering::SeqCst) <= 2, "MAP-2: ran {ran:?}");
    });
}

#[test]
fn a_map_on_a_closed_pool_gives_an_error_for_each_item() {
    watched(|| {
        let pool = ThreadPool::fixed("closed", 1).unwrap();
        pool.shutdown().unwrap();
        let results: Vec<_> = pool.map(0..7, 3, |n| n).collect();
        assert_eq!(results.len(), 7, "CHUNK-2: results against items");
        assert!(results.iter().all(|result| matches!(result, Err(JobError::PoolGone))));
    });
}
