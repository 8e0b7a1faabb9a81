//! The labs about what threads do to each other, and how that is prevented: what each claims.

use crate::support::watched;
use handloom::labs::queue::{CAPACITY, CONSUMERS, ITEMS, Item, PRODUCERS};
use handloom::labs::{condition, deadlock, lock, queue, race};

#[test]
fn a_load_between_load_and_store_loses_an_addition_each_time() {
    let [in_steps, at_once] = watched(race::experiment);
    assert_eq!(in_steps, race::ROUNDS, "LAB-RACE-1: one of two is lost in each round");
    assert_eq!(at_once, 2 * race::ROUNDS, "LAB-RACE-2: none is lost");
}

#[test]
fn a_lock_lets_nobody_come_between() {
    let report = watched(lock::experiment);
    assert_eq!(report.refused, lock::ROUNDS, "LAB-LOCK-1: refused each time");
    assert_eq!(report.total, 2 * lock::ROUNDS, "LAB-LOCK-1: none is lost");
    assert_eq!(report.after_panic, (true, 1), "LAB-LOCK-3: an error, and the value");
    for price in report.prices {
        // Whole nanoseconds would be a sign of rounding: at least one price has a fraction.
        assert!(price.best > 0.0 && price.best <= price.worst, "LAB-LOCK-2: came {price:?}");
    }
    let is_whole = |seconds: f64| (seconds * 1e9).fract() == 0.0;
    assert!(!report.prices.iter().all(|price| is_whole(price.best)), "{:?}", report.prices);
}

#[test]
fn a_circle_of_two_locks_is_found_by_the_one_that_closes_it() {
    let (opposite, ended, ordered) = watched(deadlock::experiment);
    let [circle] = &opposite[..] else {
        panic!("LAB-DEADLOCK-1: expected one circle, came {opposite:?}");
    };
    let mut waits = circle.clone();
    waits.sort_unstable();
    assert_eq!(waits, [("a", "right"), ("b", "left")], "LAB-DEADLOCK-1: who waits for what");
    assert_eq!(ended, 2, "LAB-DEADLOCK-2: both come to their end");
    assert!(ordered.is_empty(), "LAB-DEADLOCK-3: came {ordered:?}");
}

#[test]
fn a_wake_between_look_and_sleep_is_lost_without_the_lock_and_kept_with_it() {
    let report = watched(condition::experiment);
    assert_eq!(report.lost, (true, true), "LAB-CONDITION-1: slept to its limit, with the flag set");
    assert_eq!(report.kept, (false, true), "LAB-CONDITION-2: nobody came between; it was woken");
    assert_eq!(report.found_nothing, [1, 0], "LAB-CONDITION-3: with `if` and with `while`");
}

#[test]
fn a_queue_holds_fast_producers_back_and_loses_nothing() {
    let report = watched(queue::experiment);
    assert_eq!(report.held_back, (CAPACITY, PRODUCERS), "LAB-QUEUE-1: full, and both asleep");
    assert!(report.full >= PRODUCERS, "LAB-QUEUE-1: each was held back, came {}", report.full);
    assert_eq!(report.taken.len(), CONSUMERS, "LAB-QUEUE-3: each consumer came to its end");

    let mut all: Vec<Item> = report.taken.concat();
    all.sort_unstable();
    let made: Vec<Item> =
        (0..PRODUCERS).flat_map(|who| (1..=ITEMS).map(move |what| (who, what))).collect();
    assert_eq!(all, made, "LAB-QUEUE-2: each item once");
    for (taken, who) in
        report.taken.iter().flat_map(|taken| (0..PRODUCERS).map(move |who| (taken, who)))
    {
        let of_one = taken.iter().filter(|(maker, _)| *maker == who);
        assert!(of_one.is_sorted(), "LAB-QUEUE-2: those of one producer in their order: {taken:?}");
    }
    assert_eq!(report.unbounded, PRODUCERS * ITEMS, "LAB-QUEUE-4: all of it at once");
}
