//! The event between threads. What a model checker can show is in `tests/loom`; here are real threads and
//! real time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use handloom::threads::Event;

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts threads that wait, each of which says when it is released.
fn waiters(event: &Arc<Event>, count: usize) -> Receiver<()> {
    let (sender, released) = mpsc::channel();
    for _ in 0..count {
        let (event, sender) = (Arc::clone(event), sender.clone());
        thread::spawn(move || {
            event.wait();
            // The test may have given up.
            let _ = sender.send(());
        });
    }
    wait_for(event, count);
    released
}

/// Waits until so many threads sleep.
fn wait_for(event: &Event, sleepers: usize) {
    let begun = Instant::now();
    while event.waiting() != sleepers {
        assert!(
            begun.elapsed() < PATIENCE,
            "expected {sleepers} sleepers, came {}",
            event.waiting()
        );
        thread::yield_now();
    }
}

fn expect_released(released: &Receiver<()>, count: usize, promise: &str) {
    for number in 0..count {
        let came = released.recv_timeout(PATIENCE);
        assert!(came.is_ok(), "{promise}: expected {count} released, came {number}");
    }
}

#[test]
fn it_begins_clear_and_is_what_it_was_told_last() {
    let event = Event::default();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.clear();
    assert!(!event.is_set());
}

#[test]
fn a_wait_for_what_is_set_returns_at_once() {
    let event = Event::new();
    event.set();
    event.wait();
    assert!(event.wait_timeout(Duration::ZERO), "a time-out of zero asks");
    assert!(event.wait_timeout(Duration::MAX));
}

#[test]
fn a_set_wakes_all_who_wait() {
    let event = Arc::new(Event::new());
    let released = waiters(&event, 50);
    assert!(released.try_recv().is_err(), "THREAD-EVENT-2: released before the set");
    event.set();
    expect_released(&released, 50, "THREAD-EVENT-1");
    assert_eq!(event.waiting(), 0);
}

#[test]
fn a_set_that_is_cleared_at_once_releases_all_who_waited_and_nobody_else() {
    for _ in 0..200 {
        let event = Arc::new(Event::new());
        let released = waiters(&event, 4);
        event.set();
        event.clear();
        expect_released(&released, 4, "THREAD-EVENT-1");
        assert!(!event.wait_timeout(Duration::ZERO), "whoever comes later waits");
    }
}

#[test]
fn a_set_that_races_with_the_wait_is_not_lost() {
    let event = Arc::new(Event::new());
    let (sender, released) = mpsc::channel();
    let waiter = Arc::clone(&event);
    thread::spawn(move || {
        for _ in 0..20_000 {
            waiter.wait();
            waiter.clear();
            let _ = sender.send(());
        }
    });
    for _ in 0..20_000 {
        event.set();
        expect_released(&released, 1, "THREAD-EVENT-3");
    }
}

#[test]
fn a_time_out_is_never_early_and_says_that_it_was_not_set() {
    let event = Event::new();
    let limit = Duration::from_millis(20);
    let begun = Instant::now();
    assert!(!event.wait_timeout(limit));
    let took = begun.elapsed();
    assert!(took >= limit, "DEADLINE-1: expected at least {limit:?}, came {took:?}");
    assert_eq!(event.waiting(), 0, "who gave up is not counted");
}

#[test]
fn a_set_within_the_time_out_says_that_it_was_set() {
    let event = Arc::new(Event::new());
    let waiter = Arc::clone(&event);
    let waiting = thread::spawn(move || waiter.wait_timeout(PATIENCE));
    wait_for(&event, 1);
    event.set();
    event.clear();
    assert!(waiting.join().unwrap(), "THREAD-EVENT-1: set while it waited");
}

#[test]
fn the_longest_time_out_of_all_is_a_wait_without_one() {
    let event = Arc::new(Event::new());
    for limit in [Duration::MAX, Duration::from_secs(u64::MAX / 4)] {
        event.clear();
        let waiter = Arc::clone(&event);
        let waiting = thread::spawn(move || waiter.wait_timeout(limit));
        wait_for(&event, 1);
        event.set();
        assert!(waiting.join().unwrap(), "DEADLINE-2");
    }
}

#[test]
fn time_outs_that_race_with_sets_leave_nobody_counted() {
    let event = Event::new();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            for round in 0..2_000_u64 {
                event.wait_timeout(Duration::from_micros(round % 50));
            }
        });
        while !waiter.is_finished() {
            event.set();
            event.clear();
        }
    });
    assert_eq!(event.waiting(), 0, "nobody is counted who does not wait");
}
