//! Level 4: time, real and virtual.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{holds, same};
use crate::futures::{
    CountingWake, CountsDrop, Gate, OnDrop, Probe, many_turns, own_waker, poll_with,
};
use crate::runtime::{Runtime, Task};

claims! {
    ($) l4_time
    together: [
        a_sleep_is_never_early,
        timers_fire_in_the_order_of_their_deadlines,
        equal_deadlines_fire_in_the_order_of_creation,
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
        tasks_that_sleep_are_dropped_with_the_runtime,
        destructors_at_the_end_may_spawn_sleep_cancel_and_wake,
        a_runtime_may_die_with_its_thread,
    ]
}

/// A span that no test waits for.
pub const HOUR: Duration = Duration::from_hours(1);

fn a_sleep_is_never_early<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        // The short one often, because a thread that is held up sleeps long enough with any loop.
        let spans = [1, 300, 1000, 1500, 1999, 2000, 2001, 9990, 50_000];
        for micros in spans.into_iter().chain([700; 20]) {
            let span = Duration::from_micros(micros);
            let begun = Instant::now();
            R::sleep(span).await;
            let slept = begun.elapsed();
            holds("TIMER-1", "the length of a sleep", &format!("{span:?} at least"), slept, |s| {
                *s >= span
            });
        }
    });
}

/// Has a thousand tasks wait, the first of them for `margin`; returns the milliseconds after it in the order
/// in which they fired. The task that fires half way holds the loop for a while, so that many deadlines are over in one
/// turn. `None`: the machine was so busy that some deadlines were past before they were waited for, which says nothing.
async fn order_of_timers<R: Runtime>(margin: Duration) -> Option<Vec<u64>> {
    let (fired, late) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(false)));
    let (first, mut random) = (Instant::now() + margin, 7_u32);
    let held = Rc::new(Cell::new(false));
    let mut tasks = Vec::new();
    for _ in 0..1000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (after, fired, late) = (u64::from(random >> 16) % 100, fired.clone(), late.clone());
        let held = held.clone();
        let sleep = R::sleep_until(first + Duration::from_millis(after));
        tasks.push(R::spawn(async move {
            let mut sleep = Box::pin(sleep);
            // Tokio's sleep enters its timers at the first poll.
            let _ = poll_with(&mut sleep, Waker::noop());
            late.set(late.get() || Instant::now() >= first);
            sleep.await;
            fired.borrow_mut().push(after);
            if after >= 50 && !held.replace(true) {
                thread::sleep(Duration::from_millis(10));
            }
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
    same("TIMER-1", "timers that fired", 1000, fired.len());
    let sorted = fired.is_sorted();
    same("TIMER-1", "the deadlines fired in order", true, sorted);
}

fn equal_deadlines_fire_in_the_order_of_creation<R: Runtime>(runtime: &R) {
    same(
        "TIMER-2",
        "two sleeps until one instant have one deadline",
        true,
        R::has_equal_deadlines(),
    );
    let fired = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let deadline = Instant::now() + Duration::from_millis(20);
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (sleep, fired) = (R::sleep_until(deadline), fired.clone());
                R::spawn(async move {
                    sleep.await;
                    fired.borrow_mut().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.value();
        }
    });
    same("TIMER-2", "the order of equal deadlines", (0..100).collect::<Vec<_>>(), fired.take());
}

fn zero_and_past_deadlines_end<R: Runtime>(runtime: &R) {
    // TIMER-1 is broken when this does not end.
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
    same("TIMER-1", "zero sleeps that ended", 1000, woken.get());
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
                same("TIMER-1", "a future within Duration::MAX", None, timely);
            }),
        ));
        for _ in 0..3 {
            R::sleep(Duration::from_millis(5)).await;
        }
        for (span, task) in tasks {
            same("TIMER-1", &format!("a sleep of {span:?} has ended"), false, task.is_finished());
            task.cancel();
            same("SLEEP-2", "its end", "cancelled", task.await.word());
        }
    });
}

fn a_sleep_polled_by_two_wakers_wakes_the_last<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut sleep = Box::pin(R::sleep(Duration::from_millis(30)));
        // Either of them wakes this task too. It needs no sleep of its own: on a busy machine both would be over in one turn.
        let own = own_waker().await;
        let (first, first_waker) = CountingWake::pair_before(Some(own.clone()));
        let (second, second_waker) = CountingWake::pair_before(Some(own));
        for waker in [&first_waker, &second_waker] {
            let is_pending = poll_with(&mut sleep, waker).is_pending();
            same("TIMER-1", "a sleep has just begun", true, is_pending);
        }
        let is_woken = |_: &mut Context<'_>| match first.wakes() + second.wakes() {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        };
        poll_fn(is_woken).await;
        same("TIMER-1", "wakes of the waker that came last", 1, second.wakes());
    });
}

fn a_sleep_reset_later_fires_later<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let begun = Instant::now();
        let mut sleep = Box::pin(R::sleep(Duration::from_millis(30)));
        same(
            "TIMER-1",
            "a sleep has just begun",
            true,
            poll_with(&mut sleep, Waker::noop()).is_pending(),
        );
        let later = Duration::from_millis(60);
        R::reset(sleep.as_mut(), begun + later);
        sleep.await;
        holds(
            "TIMER-1",
            "the length of a sleep reset to 60 ms",
            "60 ms at least",
            begun.elapsed(),
            |slept| *slept >= later,
        );
    });
}

fn a_sleep_reset_earlier_fires_earlier<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut sleep = Box::pin(R::sleep(HOUR));
        same(
            "TIMER-1",
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
            "TIMER-1",
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
        holds("TIMER-1", "the second length of a sleep", "20 ms at least", begun.elapsed(), |s| {
            *s >= again
        });
    });
}

fn a_sleep_reset_under_a_task_that_waits_wakes_it_in_time<R: Runtime>(runtime: &R) {
    // TIMER-1 is broken when this does not end.
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
        let span = Duration::from_millis(20);
        loop {
            let gate = Gate::default();
            let (passed, opens) = (gate.passed(), gate.clone());
            let begun = Instant::now();
            let task = R::spawn(async move { R::timeout(span, passed).await });
            R::yield_now().await;
            // A machine that is so busy that the limit is over already says nothing.
            if begun.elapsed() < span {
                thread::sleep(span);
                opens.open();
                let value = task.await.value();
                same("TIMEOUT-1", "a value that came in the turn of its limit", Some(()), value);
                return;
            }
        }
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
    let span = Duration::from_millis(100);
    runtime.block_on(async {
        loop {
            let (gate, passed_at) = (Gate::default(), Rc::new(Cell::new(None)));
            let (passed, notes) = (gate.passed(), passed_at.clone());
            let begun = Instant::now();
            let (probe, counts) = Probe::new(async move {
                let _value = R::timeout(span, passed).await;
                notes.set(Some(Instant::now()));
                pending::<()>().await;
            });
            let task = R::spawn(probe);
            many_turns::<R>().await;
            gate.open();
            R::sleep(span * 2).await;
            task.cancel();
            // A machine that is so busy that the limit was over first says nothing.
            if passed_at.get().is_some_and(|at| at < begun + span) {
                let polls = counts.polls.get();
                same("SLEEP-2", "polls of a task whose time limit was dropped", 2, polls);
                return;
            }
        }
    });
}

fn destructors_at_the_end_may_spawn_sleep_cancel_and_wake<R: Runtime>(_: &R) {
    let (drops, runtime) = (Rc::new(Cell::new(0)), R::new());
    runtime.block_on(async {
        let gate = Gate::default();
        let victim = R::spawn(gate.passed());
        let held = CountsDrop(drops.clone());
        let last_words = OnDrop(move || {
            gate.wake();
            victim.cancel();
            // A runtime that is going away may refuse these by a panic, which stays in its task.
            drop(R::sleep(Duration::from_secs(1)));
            drop(R::spawn(pending::<()>()));
        });
        drop(R::spawn(async move {
            let (_held, _last_words) = (held, last_words);
            pending::<()>().await;
        }));
        many_turns::<R>().await;
    });
    drop(runtime);
    same("END-1", "drops of a task whose destructor did all it could", 1, drops.get());
}

fn a_runtime_may_die_with_its_thread<R: Runtime>(_: &R) {
    thread_local! {
        /// A runtime that the thread's last destructors drop, and a sleep of it.
        static KEPT: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
    }
    let thread = thread::spawn(|| {
        let runtime = R::new();
        let (task, sleep) = runtime.block_on(async {
            (R::spawn(pending::<()>()), Box::pin(R::sleep(Duration::from_hours(1))))
        });
        let kept: [Box<dyn Any>; 3] = [Box::new(runtime), Box::new(task), Box::new(sleep)];
        KEPT.with_borrow_mut(|all| all.extend(kept));
    });
    same("CTX-1", "the end of a thread that kept a runtime", true, thread.join().is_ok());
}

fn tasks_that_sleep_are_dropped_with_the_runtime<R: Runtime>(_: &R) {
    let (drops, runtime) = (Rc::new(Cell::new(0)), R::new());
    runtime.block_on(async {
        for _ in 0..100 {
            let held = CountsDrop(drops.clone());
            drop(R::spawn(async move {
                let _held = held;
                R::sleep(HOUR).await;
            }));
        }
        many_turns::<R>().await;
    });
    drop(runtime);
    same("END-1", "drops of tasks that slept when their runtime ended", 100, drops.get());
}
