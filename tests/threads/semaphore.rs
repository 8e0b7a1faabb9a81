//! The semaphore between threads, on real threads; see also `tests/loom`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use handloom::threads::Semaphore;

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until so many threads sleep.
fn wait_for(semaphore: &Semaphore, sleepers: usize) {
    let begun = Instant::now();
    while semaphore.waiting() != sleepers {
        assert!(
            begun.elapsed() < PATIENCE,
            "expected {sleepers} asleep, came {}",
            semaphore.waiting()
        );
        thread::yield_now();
    }
}

#[test]
fn never_more_at_work_than_there_are_permits() {
    let doors = Semaphore::new(3);
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let permit = doors.acquire_timeout(PATIENCE).expect("THREAD-PERMIT-2");
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
    let most = most.into_inner();
    assert!(most <= 3, "THREAD-PERMIT-1: expected at most 3 inside, came {most}");
    assert_eq!((doors.available(), doors.waiting()), (3, 0), "THREAD-PERMIT-1");
}

#[test]
fn permits_that_are_added_wake_as_many() {
    let doors = Semaphore::new(0);
    thread::scope(|scope| {
        let sleepers = [(); 3].map(|()| scope.spawn(|| doors.acquire_timeout(PATIENCE).is_some()));
        wait_for(&doors, 3);
        // More than sleep: the rest is free.
        doors.add_permits(5);
        for sleeper in sleepers {
            assert!(sleeper.join().unwrap(), "THREAD-PERMIT-2");
        }
    });
    assert_eq!(doors.available(), 5, "THREAD-PERMIT-1: all have been given back");
}

#[test]
fn a_thread_whose_permit_was_taken_by_another_looks_again() {
    // A thread that was woken needs time to run; at least once in a hundred rounds the permit is taken before it does.
    for _ in 0..100 {
        let doors = Semaphore::new(0);
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| doors.acquire_timeout(PATIENCE).is_some());
            wait_for(&doors, 1);
            doors.add_permits(1);
            if let Some(permit) = doors.try_acquire() {
                thread::sleep(Duration::from_micros(200));
                drop(permit);
            }
            assert!(sleeper.join().unwrap(), "THREAD-PERMIT-3: gave up long before its deadline");
        });
    }
}

#[test]
fn a_time_out_is_never_early_and_takes_nothing_along() {
    let doors = Semaphore::new(1);
    let inside = doors.acquire();
    let limit = Duration::from_millis(20);
    let begun = Instant::now();
    assert!(doors.acquire_timeout(limit).is_none());
    assert!(begun.elapsed() >= limit, "DEADLINE-1: {:?}", begun.elapsed());
    assert!(doors.acquire_timeout(Duration::ZERO).is_none());
    drop(inside);
    assert!(doors.acquire_timeout(Duration::MAX).is_some(), "DEADLINE-2, THREAD-PERMIT-3");
    assert_eq!((doors.available(), doors.waiting()), (1, 0), "THREAD-PERMIT-1");
}

#[test]
fn a_panic_gives_the_permit_back() {
    let doors = Semaphore::new(1);
    let died = catch_unwind(AssertUnwindSafe(|| {
        let _inside = doors.acquire();
        panic!("meant to happen");
    }));
    assert!(died.is_err());
    assert_eq!(doors.available(), 1, "THREAD-PERMIT-1");
}
