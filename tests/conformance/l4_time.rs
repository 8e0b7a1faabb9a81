//! Level 4: time, real and virtual.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use handloom::aio;
use handloom::rt::{self, EventLoop};

use crate::on_handloom::Handloom;
use crate::on_tokio::Tokio;
use crate::runtime::{Runtime, Task, text_of};
use crate::support::check::{holds, same, says};
use crate::support::futures::{
    CountingWake, CountsDrop, Gate, Probe, SharedGate, many_turns, poll_with,
};
use crate::support::watch::{Log, Told};

claims! {
    both: [
        a_sleep_is_never_early,
        timers_fire_in_the_order_of_their_deadlines,
        zero_and_past_deadlines_end,
        a_thousand_zero_sleeps_end,
        the_longest_sleeps_do_not_fire_and_hold_nobody_up,
        a_sleep_polled_by_two_wakers_wakes_the_last,
        a_sleep_reset_later_fires_later,
        a_sleep_reset_earlier_fires_earlier,
        a_sleep_reset_to_the_past_fires,
        a_sleep_reset_after_it_fired_fires_again,
        a_sleep_reset_under_a_task_that_waits_wakes_it_in_time,
        a_value_that_is_ready_beats_its_timeout,
        a_timeout_drops_the_future_before_it_returns,
        of_nested_timeouts_the_one_that_expires_is_told,
        a_cancelled_sleep_wakes_nobody,
        an_earlier_timer_shortens_a_sleep_that_has_begun,
    ]
    handloom: [
        equal_deadlines_fire_in_the_order_of_creation,
        a_short_sleep_is_asked_for_in_nanoseconds,
        a_dropped_sleep_leaves_no_deadline,
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
    tokio: [a_sleep_whose_runtime_is_gone_panics]
}

/// A span that no test waits for.
const HOUR: Duration = Duration::from_hours(1);

fn a_sleep_is_never_early<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for micros in [1, 300, 1000, 1500, 1999, 2000, 2001, 9990, 50_000] {
            let span = Duration::from_micros(micros);
            let begun = Instant::now();
            R::sleep(span).await;
            let slept = begun.elapsed();
            holds("TIMER-3", "the length of a sleep", &format!("{span:?} at least"), slept, |s| {
                *s >= span
            });
        }
    });
}

/// Has a thousand tasks wait, the first of them for `margin`; returns the milliseconds after it in the order
/// in which they fired. `None`: the machine was so busy that some deadlines were past before they were
/// waited for, which says nothing.
async fn order_of_timers<R: Runtime>(margin: Duration) -> Option<Vec<u64>> {
    let (fired, late) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(false)));
    let (first, mut random) = (Instant::now() + margin, 7_u32);
    let mut tasks = Vec::new();
    for _ in 0..1000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (after, fired, late) = (u64::from(random >> 16) % 100, fired.clone(), late.clone());
        let sleep = R::sleep_until(first + Duration::from_millis(after));
        tasks.push(R::spawn(async move {
            let mut sleep = Box::pin(sleep);
            // Tokio's sleep enters its timers at the first poll.
            let _ = poll_with(&mut sleep, Waker::noop());
            late.set(late.get() || Instant::now() >= first);
            sleep.await;
            fired.borrow_mut().push(after);
        }));
    }
    for task in tasks {
        task.await.value();
    }
    (!late.get()).then(|| fired.take())
}

fn timers_fire_in_the_order_of_their_deadlines<R: Runtime>(runtime: &R) {
    let fired = runtime.block_on(async {
        let mut margin = Duration::from_millis(20);
        loop {
            if let Some(fired) = order_of_timers::<R>(margin).await {
                return fired;
            }
            margin *= 4;
        }
    });
    same("TIMER-3", "timers that fired", 1000, fired.len());
    let sorted = fired.is_sorted();
    same("TIMER-3", "the deadlines fired in order", true, sorted);
}

fn equal_deadlines_fire_in_the_order_of_creation(runtime: &Handloom) {
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
    same("TIMER-4", "the order of equal deadlines", (0..100).collect::<Vec<_>>(), fired.take());
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

fn zero_and_past_deadlines_end<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        R::sleep(Duration::ZERO).await;
        R::sleep_until(Instant::now()).await;
        if let Some(past) = Instant::now().checked_sub(Duration::from_secs(1)) {
            R::sleep_until(past).await;
        }
    });
}

fn a_thousand_zero_sleeps_end<R: Runtime>(runtime: &R) {
    let woken = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let woken = woken.clone();
                R::spawn(async move {
                    R::sleep(Duration::ZERO).await;
                    woken.set(woken.get() + 1);
                })
            })
            .collect();
        for task in tasks {
            task.await.value();
        }
    });
    same("TIMER-3", "zero sleeps that ended", 1000, woken.get());
}

fn the_longest_sleeps_do_not_fire_and_hold_nobody_up<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let years = Duration::from_hours(10 * 366 * 24);
        let spans = [
            Duration::MAX,
            Duration::from_secs(u64::MAX / 10),
            Duration::from_secs(1 << 33),
            years,
        ];
        let mut tasks: Vec<_> = spans.map(|span| (span, R::spawn(R::sleep(span)))).into();
        tasks.push((
            Duration::MAX,
            R::spawn(async {
                let timely =
                    R::timeout(Duration::MAX, R::sleep(Duration::from_secs(1 << 33))).await;
                same("TIMER-3", "a future within Duration::MAX", None, timely);
            }),
        ));
        for _ in 0..3 {
            R::sleep(Duration::from_millis(5)).await;
        }
        for (span, task) in tasks {
            same("TIMER-3", &format!("a sleep of {span:?} has ended"), false, task.is_finished());
            task.cancel();
            same("SLEEP-2", "its end", "cancelled", task.await.word());
        }
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
                "TIMER-3",
                "a sleep has just begun",
                true,
                poll_with(&mut sleep, Waker::noop()).is_pending(),
            );
        }
        let opens = gate.clone();
        let far = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            opens.open();
        });
        gate.passed().await;
        far.join().unwrap();
    });
    let fired = log.count(|told| matches!(told, Told::Woke(_, timers) if *timers > 0));
    same("SLEEP-2", "times that a dropped sleep fired", 0, fired);
    let limited = log.count(|told| {
        matches!(told, Told::Waits(Some(limit)) if !limit.is_zero() && *limit < Duration::from_millis(60))
    });
    // 100 ms is how long the loop waits before it asks itself whether it is stuck.
    same("SLEEP-2", "waits that a dropped sleep limited", 0, limited);
}

fn waiting_costs_few_looks_at_the_clock(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async { aio::sleep(Duration::from_millis(300)).await });
    let waits = log.count(|told| matches!(told, Told::Waits(_)));
    // One wait in whole milliseconds, one for the rest, and some for interruptions and early returns.
    holds("LOOP-2", "waits during one sleep of 300 ms", "10 at most", waits, |waits| *waits <= 10);
}

fn a_sleep_polled_by_two_wakers_wakes_the_last<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut sleep = Box::pin(R::sleep(Duration::from_millis(5)));
        let (_first, first_waker) = CountingWake::pair();
        let (second, second_waker) = CountingWake::pair();
        same(
            "TIMER-3",
            "a sleep has just begun",
            true,
            poll_with(&mut sleep, &first_waker).is_pending(),
        );
        same(
            "TIMER-3",
            "a sleep has just begun",
            true,
            poll_with(&mut sleep, &second_waker).is_pending(),
        );
        R::sleep(Duration::from_millis(20)).await;
        same("TIMER-3", "wakes of the waker that came last", 1, second.wakes());
    });
}

fn a_sleep_reset_later_fires_later<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let begun = Instant::now();
        let mut sleep = Box::pin(R::sleep(Duration::from_millis(5)));
        same(
            "TIMER-3",
            "a sleep has just begun",
            true,
            poll_with(&mut sleep, Waker::noop()).is_pending(),
        );
        let later = Duration::from_millis(40);
        R::reset(sleep.as_mut(), begun + later);
        sleep.await;
        holds(
            "TIMER-3",
            "the length of a sleep reset to 40 ms",
            "40 ms at least",
            begun.elapsed(),
            |slept| *slept >= later,
        );
    });
}

fn a_sleep_reset_earlier_fires_earlier<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut sleep = Box::pin(R::sleep(HOUR));
        same(
            "TIMER-3",
            "a sleep has just begun",
            true,
            poll_with(&mut sleep, Waker::noop()).is_pending(),
        );
        R::reset(sleep.as_mut(), Instant::now() + Duration::from_millis(5));
        sleep.await;
    });
}

fn a_sleep_reset_to_the_past_fires<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let begun = Instant::now();
        R::sleep(Duration::from_millis(2)).await;
        let mut sleep = Box::pin(R::sleep(HOUR));
        same(
            "TIMER-3",
            "a sleep has just begun",
            true,
            poll_with(&mut sleep, Waker::noop()).is_pending(),
        );
        R::reset(sleep.as_mut(), begun);
        sleep.await;
    });
}

fn a_sleep_reset_after_it_fired_fires_again<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut sleep = Box::pin(R::sleep(Duration::from_millis(2)));
        sleep.as_mut().await;
        let (begun, again) = (Instant::now(), Duration::from_millis(20));
        R::reset(sleep.as_mut(), begun + again);
        sleep.as_mut().await;
        holds("TIMER-3", "the second length of a sleep", "20 ms at least", begun.elapsed(), |s| {
            *s >= again
        });
    });
}

fn a_sleep_reset_under_a_task_that_waits_wakes_it_in_time<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let sleep = Rc::new(RefCell::new(Box::pin(R::sleep(HOUR))));
        let waits = sleep.clone();
        let task = R::spawn(poll_fn(move |cx| waits.borrow_mut().as_mut().poll(cx)));
        many_turns::<R>().await;
        R::reset(sleep.borrow_mut().as_mut(), Instant::now() + Duration::from_millis(5));
        task.await.value();
    });
}

fn a_value_that_is_ready_beats_its_timeout<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let timely = R::timeout(Duration::ZERO, ready(5)).await;
        same("TIMEOUT-1", "a value within no time", Some(5), timely);
        // The limit is over and the value is there before either is looked at.
        let gate = Gate::default();
        let (passed, opens) = (gate.passed(), gate.clone());
        let task = R::spawn(async move { R::timeout(Duration::from_millis(2), passed).await });
        R::yield_now().await;
        thread::sleep(Duration::from_millis(10));
        opens.open();
        same(
            "TIMEOUT-1",
            "a value that came in the turn of its limit",
            Some(()),
            task.await.value(),
        );
    });
}

fn a_simultaneous_deadline_gives_the_value(_: &Handloom) {
    let event_loop = EventLoop::builder().virtual_clock().build().unwrap();
    event_loop.block_on(async {
        let second = Duration::from_secs(1);
        let timely = aio::timeout(second, aio::sleep(second)).await;
        same("TIMEOUT-1", "a future that is ready at the limit", Ok(()), timely);
        let late = aio::timeout(second, aio::sleep(second + Duration::from_nanos(1))).await;
        same("TIMEOUT-1", "a future that is ready 1 ns after it", Err(aio::Elapsed), late);
    });
}

fn a_timeout_drops_the_future_before_it_returns<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let drops = Rc::new(Cell::new(0));
        let held = CountsDrop(drops.clone());
        let inner = async move {
            let _held = held;
            pending::<()>().await;
        };
        same("TIMEOUT-2", "the value", None, R::timeout(Duration::from_millis(2), inner).await);
        same("TIMEOUT-2", "drops of the future when the timeout is told", 1, drops.get());
    });
}

fn of_nested_timeouts_the_one_that_expires_is_told<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let short = Duration::from_millis(5);
        let inner = R::timeout(HOUR, R::timeout(short, pending::<()>())).await;
        same("TIMEOUT-1", "the inner limit is over", Some(None), inner);
        let outer = R::timeout(short, R::timeout(HOUR, pending::<()>())).await;
        same("TIMEOUT-1", "the outer limit is over", None, outer);
    });
}

fn a_cancelled_sleep_wakes_nobody<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let gate = Gate::default();
        let passed = gate.passed();
        let (probe, counts) = Probe::new(async move {
            let late = R::timeout(Duration::from_millis(300), passed).await;
            same("TIMEOUT-1", "the value", Some(()), late);
            pending::<()>().await;
        });
        let task = R::spawn(probe);
        many_turns::<R>().await;
        gate.open();
        R::sleep(Duration::from_millis(500)).await;
        same("SLEEP-2", "polls of a task whose time limit was dropped", 2, counts.polls.get());
        task.cancel();
    });
}

fn an_earlier_timer_shortens_a_sleep_that_has_begun<R: Runtime>(runtime: &R) {
    let (gate, remote) = (SharedGate::default(), runtime.remote());
    let opens = gate.clone();
    let far = thread::spawn(move || {
        // Long enough for the loop to sleep, and no matter if it does not yet.
        thread::sleep(Duration::from_millis(50));
        R::call(&remote, move || {
            drop(R::spawn(async move {
                R::sleep(Duration::from_millis(5)).await;
                opens.open();
            }));
        });
    });
    runtime.block_on(async {
        let sleeps = R::spawn(R::sleep(HOUR));
        gate.passed().await;
        same("TIMER-3", "the long sleep has ended", false, sleeps.is_finished());
        sleeps.cancel();
    });
    far.join().unwrap();
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

fn a_sleep_whose_runtime_is_gone_panics(_: &Tokio) {
    let other = Tokio::new();
    let mut sleep = other.block_on(async { Box::pin(Tokio::sleep(HOUR)) });
    drop(other);
    let outcome = catch_unwind(AssertUnwindSafe(|| poll_with(&mut sleep, Waker::noop())));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |_| "no panic".into());
    says("tokio", "a sleep whose runtime is gone", "being shutdown", &text);
}

/// Runs a future under the virtual clock.
fn virtually<T>(future: impl Future<Output = T>) -> T {
    EventLoop::builder().virtual_clock().build().unwrap().block_on(future)
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
    let event_loop = EventLoop::builder().seed(seed).build().unwrap();
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
