//! What `l4_time` claims of this event loop alone.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use handloom::aio;
use handloom::rt::{self, EventLoop};
use handloom_conformance::check::{holds, same, says};
use handloom_conformance::futures::{CountingWake, SharedGate, poll_with};
use handloom_conformance::l4_time::HOUR;
use handloom_conformance::runtime::{Runtime, text_of};

use crate::on_handloom::Handloom;
use crate::watch::{Log, Told, asked};

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        a_sleep_enters_the_timers_when_it_is_made,
        a_short_sleep_is_asked_for_in_nanoseconds,
        a_dropped_sleep_leaves_no_deadline,
        a_dropped_sleep_leaves_its_deadline_to_no_later_sleep,
        equal_deadlines_keep_their_order_beside_many_dropped_sleeps,
        waiting_costs_few_looks_at_the_clock,
        a_sleep_whose_loop_is_gone_is_ready,
        a_sleep_polled_while_its_loop_does_not_run_panics,
        an_hour_of_virtual_time_passes_at_once,
        virtual_time_is_exact,
        virtual_time_stands_still_while_a_task_can_run,
        virtual_time_bears_the_longest_sleep,
        a_simultaneous_deadline_gives_the_value,
        a_seed_permutes_a_batch_and_repeats,
    ]
}

fn a_sleep_enters_the_timers_when_it_is_made(runtime: &Handloom) {
    let fired = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let deadline = Instant::now() + Duration::from_millis(20);
        // The tasks first wait in the opposite order: what counts is when the sleep was made.
        let mut sleeps: Vec<_> =
            (0..100).map(|number| (number, aio::sleep_until(deadline))).collect();
        sleeps.reverse();
        for (number, sleep) in sleeps {
            let fired = fired.clone();
            drop(rt::spawn(async move {
                sleep.await;
                fired.borrow_mut().push(number);
            }));
        }
        aio::sleep_until(deadline + Duration::from_millis(1)).await;
    });
    same("TIMER-2", "the order of equal deadlines", (0..100).collect::<Vec<_>>(), fired.take());
}

fn a_short_sleep_is_asked_for_in_nanoseconds(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        for _ in 0..50 {
            aio::sleep(Duration::from_micros(300)).await;
        }
    });
    let longest = log.told().into_iter().filter_map(|told| match told {
        Told::Waits(timeout) => timeout,
        _ => None,
    });
    // How late a sleep is depends on the machine, and is the benches' business.
    let span = Duration::from_micros(300);
    holds("SLEEP-1", "the longest wait for 300 µs", "1 ns to 300 µs", longest.max(), |longest| {
        longest.is_some_and(|longest| !longest.is_zero() && longest <= span)
    });
}

fn a_dropped_sleep_leaves_no_deadline(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let gate = SharedGate::default();
        let sleeps: Vec<_> =
            (0..10_000).map(|_| Box::pin(aio::sleep(Duration::from_millis(50)))).collect();
        for mut sleep in sleeps {
            same(
                "TIMER-1",
                "a sleep has just begun",
                true,
                poll_with(&mut sleep, Waker::noop()).is_pending(),
            );
        }
        // One more sleep, which is dropped after later ones were made.
        let (dropped, others) = (aio::sleep(Duration::from_millis(50)), [HOUR; 2].map(aio::sleep));
        drop(dropped);
        let opens = gate.clone();
        let far = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            opens.open();
        });
        gate.passed().await;
        drop(others);
        far.join().unwrap();
    });
    let fired = log.count(|told| matches!(told, Told::Woke(_, timers) if *timers > 0));
    same("SLEEP-2", "times that a dropped sleep fired", 0, fired);
    let limited = log.count(|told| {
        matches!(told, Told::Waits(Some(limit)) if !limit.is_zero() && *limit < Duration::from_millis(60))
    });
    same("SLEEP-2", "waits that a dropped sleep limited", 0, limited);
}

fn a_dropped_sleep_leaves_its_deadline_to_no_later_sleep(_: &Handloom) {
    let second = Duration::from_secs(1);
    virtually(async {
        let begun = rt::now();
        let dropped = aio::sleep(second);
        // The loop keeps only its newest timer out of the heap, so this one moves the first into it.
        let other = aio::sleep(20 * second);
        drop(dropped);
        let mut later = aio::sleep(10 * second);
        let (count, waker) = CountingWake::pair();
        let begins = poll_with(&mut later, &waker).is_pending();
        same("TIMER-1", "a sleep of 10 s waits when it begins", true, begins);
        aio::sleep(5 * second).await;
        let came = (count.wakes(), poll_with(&mut later, &waker).is_pending());
        same("TIMER-1", "its wakes after 5 s, and whether it waits", (0, true), came);
        later.await;
        same("TIMER-1", "virtual time at its end", 10 * second, rt::now() - begun);
        other.await;
        same("TIMER-1", "virtual time after 20 s", 20 * second, rt::now() - begun);
    });
}

fn equal_deadlines_keep_their_order_beside_many_dropped_sleeps(_: &Handloom) {
    let fired = Rc::new(RefCell::new(Vec::new()));
    virtually(async {
        let deadline = rt::now() + HOUR;
        let spawn = |number| {
            // In a debug build the loop numbers its timers anew after 65,536 of them.
            for _ in 0..1_000 {
                drop((aio::sleep(2 * HOUR), aio::sleep(2 * HOUR)));
            }
            let (sleep, fired) = (aio::sleep_until(deadline), fired.clone());
            rt::spawn(async move {
                sleep.await;
                fired.borrow_mut().push(number);
            })
        };
        let tasks: Vec<_> = (0..100).map(spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    same("TIMER-2", "the order of equal deadlines", (0..100).collect::<Vec<_>>(), fired.take());
}

fn waiting_costs_few_looks_at_the_clock(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async { aio::sleep(Duration::from_millis(300)).await });
    let waits = log.count(|told| matches!(told, Told::Waits(_)));
    // One wait in whole milliseconds, one for the rest, and some for interruptions and early returns.
    holds("LOOP-2", "waits during one sleep of 300 ms", "10 at most", waits, |waits| *waits <= 10);
}

fn a_simultaneous_deadline_gives_the_value(_: &Handloom) {
    let event_loop = asked(EventLoop::builder().virtual_clock().build().unwrap());
    event_loop.block_on(async {
        let second = Duration::from_secs(1);
        let timely = aio::timeout(second, aio::sleep(second)).await;
        same("TIMEOUT-1", "a future that is ready at the limit", Ok(()), timely);
        let late = aio::timeout(second, aio::sleep(second + Duration::from_nanos(1))).await;
        same("TIMEOUT-1", "a future that is ready 1 ns after it", Err(aio::Elapsed), late);
    });
}

fn a_sleep_whose_loop_is_gone_is_ready(runtime: &Handloom) {
    let other = Handloom::new();
    let (wakes, waker) = CountingWake::pair();
    let (mut unpolled, polled) = other.block_on(async {
        let mut polled = aio::sleep(HOUR);
        same(
            "SLEEP-2",
            "a sleep has just begun",
            true,
            poll_with(&mut polled, &waker).is_pending(),
        );
        (aio::sleep(HOUR), polled)
    });
    drop(other);
    same("SLEEP-2", "wakes when the loop went", 1, wakes.wakes());
    same(
        "SLEEP-2",
        "a sleep that nobody had polled",
        true,
        poll_with(&mut unpolled, &waker).is_ready(),
    );
    runtime.block_on(polled);
}

fn a_sleep_polled_while_its_loop_does_not_run_panics(runtime: &Handloom) {
    let other = Handloom::new();
    let sleep = other.block_on(async { aio::sleep(HOUR) });
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(sleep)));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "no panic".into());
    says("CTX-1", "a sleep of a loop at rest", "does not run", &text);
}

/// Runs a future under the virtual clock.
fn virtually<T>(future: impl Future<Output = T>) -> T {
    asked(EventLoop::builder().virtual_clock().build().unwrap()).block_on(future)
}

fn an_hour_of_virtual_time_passes_at_once(_: &Handloom) {
    // The watchdog bites long before the hour is over.
    let passed = virtually(async {
        let begun = rt::now();
        for _ in 0..1000 {
            aio::sleep(HOUR).await;
        }
        rt::now() - begun
    });
    same("CLOCK-2", "virtual time after 1,000 sleeps of an hour", HOUR * 1000, passed);
}

fn virtual_time_is_exact(_: &Handloom) {
    let journal = Rc::new(RefCell::new(Vec::new()));
    virtually(async {
        let begun = rt::now();
        let mut tasks = Vec::new();
        for (name, nanos) in [("c", 3_000_000_001), ("a", 1), ("b", 2_500_000), ("b2", 2_500_000)] {
            let journal = journal.clone();
            tasks.push(rt::spawn(async move {
                for _ in 0..2 {
                    aio::sleep(Duration::from_nanos(nanos)).await;
                    journal.borrow_mut().push((name, (rt::now() - begun).as_nanos()));
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    let expected = [
        ("a", 1),
        ("a", 2),
        ("b", 2_500_000),
        ("b2", 2_500_000),
        ("b", 5_000_000),
        ("b2", 5_000_000),
        ("c", 3_000_000_001),
        ("c", 6_000_000_002),
    ];
    same("CLOCK-2", "who woke, and when", expected.to_vec(), journal.take());
}

fn virtual_time_stands_still_while_a_task_can_run(_: &Handloom) {
    virtually(async {
        let begun = rt::now();
        let sleeper = rt::spawn(aio::sleep(Duration::from_nanos(1)));
        for _ in 0..10_000 {
            aio::yield_now().await;
        }
        same("CLOCK-2", "virtual time while a task was busy", Duration::ZERO, rt::now() - begun);
        same("CLOCK-2", "a sleep of 1 ns has ended", false, sleeper.is_finished());
        sleeper.await.unwrap();
        same("CLOCK-2", "virtual time after the sleep", Duration::from_nanos(1), rt::now() - begun);
    });
}

fn virtual_time_bears_the_longest_sleep(_: &Handloom) {
    virtually(async {
        let begun = rt::now();
        aio::sleep(Duration::MAX).await;
        let centuries = Duration::from_hours(500 * 365 * 24);
        holds(
            "CLOCK-1",
            "virtual time after Duration::MAX",
            "centuries",
            rt::now() - begun,
            |passed| *passed > centuries,
        );
        aio::sleep(HOUR).await;
    });
}

/// Runs twenty tasks with a seed, and returns the order in which they ran in two rounds.
fn order_with(seed: u64) -> Vec<usize> {
    let journal = Rc::new(RefCell::new(Vec::new()));
    let event_loop = asked(EventLoop::builder().seed(seed).build().unwrap());
    event_loop.block_on(async {
        let mut tasks = Vec::new();
        for number in 0..20 {
            let journal = journal.clone();
            tasks.push(rt::spawn(async move {
                journal.borrow_mut().push(number);
                aio::yield_now().await;
                journal.borrow_mut().push(number);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    journal.take()
}

fn a_seed_permutes_a_batch_and_repeats(_: &Handloom) {
    let in_order: Vec<_> = (0..20).chain(0..20).collect();
    let mut orders = Vec::new();
    for seed in 0..10 {
        let order = order_with(seed);
        same("QUEUE-3", "a second run with the same seed", order_with(seed), order.clone());
        let mut sorted = order[..20].to_vec();
        sorted.sort_unstable();
        same("QUEUE-3", "who ran in the first batch", in_order[..20].to_vec(), sorted);
        same("QUEUE-3", "the seed changed nothing", false, order == in_order);
        orders.push(order);
    }
    orders.sort();
    orders.dedup();
    same("QUEUE-3", "different orders of ten seeds", 10, orders.len());
}
