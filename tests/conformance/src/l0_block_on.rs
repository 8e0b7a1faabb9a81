//! Level 0: `block_on` alone. A future is polled when it was woken, and while it waits the thread does no work.

use std::cell::Cell;
use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::check::{holds, same};
use crate::futures::{LoopThread, Probe, SharedGate, cpu_time, own_waker};
use crate::runtime::{Runtime, text_of};

claims! {
    ($) l0_block_on
    together: [
        a_future_ready_at_once_is_polled_once,
        a_future_that_wakes_itself_in_its_poll_is_polled_again,
        a_wake_from_another_thread_during_the_poll_is_kept,
        a_wake_from_another_thread_ends_the_wait,
        a_thousand_wakes_before_the_next_poll_are_not_too_many,
        a_waker_of_an_earlier_block_on_is_harmless,
        a_wait_costs_no_cpu,
        block_on_may_borrow,
        block_on_passes_a_panic_on_and_can_be_used_again,
    ]
}

fn a_future_ready_at_once_is_polled_once<R: Runtime>(runtime: &R) {
    let (probe, counts) = Probe::new(ready(7));
    same("LOOP-1", "the value of block_on", 7, runtime.block_on(probe));
    same("TASK-4", "polls of a future that is ready at once", 1, counts.polls.get());
    same("TASK-2", "drops of it", 1, counts.drops.get());
}

fn a_future_that_wakes_itself_in_its_poll_is_polled_again<R: Runtime>(runtime: &R) {
    let mut polls = 0;
    let (probe, counts) = Probe::new(poll_fn(|cx| {
        polls += 1;
        if polls == 100 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    runtime.block_on(probe);
    same("TASK-4", "polls of a future that woke itself 99 times", 100, counts.polls.get());
}

/// Returns `Pending` once, after it gave its waker away.
async fn gives_waker_away(mut give: impl FnMut(Waker)) {
    let mut given = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        give(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

fn a_wake_from_another_thread_during_the_poll_is_kept<R: Runtime>(runtime: &R) {
    for _ in 0..100 {
        // The other thread has ended, and so has woken, before the poll returns.
        let during = |waker: Waker| thread::spawn(|| waker.wake()).join().unwrap();
        let (probe, counts) = Probe::new(gives_waker_away(during));
        runtime.block_on(probe);
        same("TASK-4", "polls of a future woken in its first poll", 2, counts.polls.get());
    }
}

fn a_wake_from_another_thread_ends_the_wait<R: Runtime>(runtime: &R) {
    // The loop waits by then; `l6_threads` has wakes at any moment.
    for _ in 0..2 {
        let late = |waker: Waker| {
            let here = LoopThread::here();
            drop(thread::spawn(move || {
                here.wait_until_idle();
                waker.wake();
            }));
        };
        let (probe, counts) = Probe::new(gives_waker_away(late));
        runtime.block_on(probe);
        same("REMOTE-1", "polls of a future woken by another thread", 2, counts.polls.get());
    }
}

fn a_thousand_wakes_before_the_next_poll_are_not_too_many<R: Runtime>(runtime: &R) {
    let many = |waker: Waker| (0..1000).for_each(|_| waker.wake_by_ref());
    let (probe, counts) = Probe::new(gives_waker_away(many));
    runtime.block_on(probe);
    same("TASK-3", "polls of a future woken 1,000 times in its first poll", 2, counts.polls.get());
}

fn a_waker_of_an_earlier_block_on_is_harmless<R: Runtime>(runtime: &R) {
    let earlier = runtime.block_on(own_waker());
    earlier.wake_by_ref();
    let late = |waker: Waker| {
        let (earlier, here) = (earlier.clone(), LoopThread::here());
        drop(thread::spawn(move || {
            earlier.wake();
            here.wait_until_idle();
            waker.wake();
        }));
    };
    let (probe, counts) = Probe::new(gives_waker_away(late));
    runtime.block_on(probe);
    // A needless poll is allowed, in which the future would wait on; this one is ready at its second.
    same("TASK-6", "polls beside a waker of an earlier block_on", 2, counts.polls.get());
    earlier.wake();
}

fn a_wait_costs_no_cpu<R: Runtime>(runtime: &R) {
    let gate = SharedGate::default();
    let (opens, here) = (gate.clone(), LoopThread::here());
    let far = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        here.wait_until_idle();
        opens.open();
    });
    let before = cpu_time();
    let (probe, counts) = Probe::new(gate.passed());
    runtime.block_on(probe);
    far.join().unwrap();
    same("LOOP-2", "polls of a future that waited for 300 ms", 2, counts.polls.get());
    if let (Some(before), Some(after)) = (before, cpu_time()) {
        let used = after.saturating_sub(before);
        holds("LOOP-2", "CPU time of a wait of 300 ms", "100 ms at most", used, |used| {
            *used <= Duration::from_millis(100)
        });
    }
}

fn block_on_may_borrow<R: Runtime>(runtime: &R) {
    let (mut text, shared) = (String::new(), Rc::new(Cell::new(0)));
    let (borrowed, also) = (&mut text, shared.clone());
    runtime.block_on(async move {
        drop(own_waker().await);
        also.set(also.get() + 1);
        borrowed.push_str("written");
    });
    same("LOOP-1", "what the future borrowed", "written", text.as_str());
    same("TASK-1", "an Rc that lived across an await", 1, shared.get());
}

fn block_on_passes_a_panic_on_and_can_be_used_again<R: Runtime>(runtime: &R) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            drop(own_waker().await);
            panic!("the main future panics");
        })
    }));
    let Err(payload) = outcome;
    same("END-1", "the panic", "the main future panics", &text_of(payload.as_ref()));
    same("END-1", "block_on after the panic", 12, runtime.block_on(async { 12 }));
}
