//! Level 1: a future is polled, as often as it asks for and not once more.
//!
//! Every handle lives to the end of its claim: what a runtime does when a handle is dropped belongs to level 2.

use std::cell::Cell;
use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::check::same;
use crate::futures::{Gate, Probe, many_turns, own_waker};
use crate::runtime::{Runtime, text_of};

claims! {
    ($) l1_poll
    together: [
        a_task_ready_at_once_is_polled_once,
        a_task_is_not_polled_after_it_was_ready,
        a_wake_during_poll_gives_one_more_poll,
        many_wakes_during_one_poll_give_one_more_poll,
        many_wakes_between_two_polls_give_one_poll,
        a_wake_during_a_poll_and_one_after_it_give_one_more_poll,
        a_task_that_nobody_wakes_is_not_polled,
        the_main_future_is_polled_only_when_woken,
        block_on_needs_no_send_and_no_static,
        a_panic_of_the_main_future_leaves_block_on_and_the_runtime_goes_on,
    ]
}

fn a_task_ready_at_once_is_polled_once<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (probe, counts) = Probe::new(ready(7));
        let _task = R::spawn(probe);
        many_turns::<R>().await;
        same("TASK-5", "polls of a task that is ready at once", 1, counts.polls.get());
    });
}

fn a_task_is_not_polled_after_it_was_ready<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        // The task wakes itself in the very poll in which it is ready, and its waker goes on to be used.
        let kept = Rc::new(Cell::new(None));
        let waker_of_task = kept.clone();
        let (probe, counts) = Probe::new(poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            waker_of_task.set(Some(cx.waker().clone()));
            Poll::Ready(())
        }));
        let _task = R::spawn(probe);
        many_turns::<R>().await;
        let waker = kept.take().unwrap();
        for _ in 0..1000 {
            waker.wake_by_ref();
            R::yield_now().await;
        }
        same("TASK-5", "polls of a task that was woken after its end", 1, counts.polls.get());
    });
}

fn a_wake_during_poll_gives_one_more_poll<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut woken = false;
        let (probe, counts) = Probe::new(poll_fn(move |cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Pending;
            }
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let task = R::spawn(probe);
        many_turns::<R>().await;
        same("TASK-4", "polls of a task that woke itself once", 2, counts.polls.get());
        drop(task);
    });
}

fn many_wakes_during_one_poll_give_one_more_poll<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut polls = 0;
        let (probe, counts) = Probe::new(poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                for _ in 0..1000 {
                    cx.waker().wake_by_ref();
                }
            }
            Poll::<()>::Pending
        }));
        let task = R::spawn(probe);
        many_turns::<R>().await;
        same("TASK-3", "polls of a task woken 1,000 times in one poll", 2, counts.polls.get());
        drop(task);
    });
}

fn many_wakes_between_two_polls_give_one_poll<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let gate = Gate::default();
        let (probe, counts) = Probe::new(gate.passed());
        let task = R::spawn(probe);
        many_turns::<R>().await;
        same("TASK-3", "polls before anybody woke the task", 1, counts.polls.get());
        for _ in 0..1000 {
            gate.wake();
        }
        many_turns::<R>().await;
        same("TASK-3", "polls after 1,000 wakes in a row", 2, counts.polls.get());
        gate.open();
        many_turns::<R>().await;
        drop(task);
        same("TASK-3", "polls after one more wake", 3, counts.polls.get());
    });
}

fn a_wake_during_a_poll_and_one_after_it_give_one_more_poll<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let kept = Rc::new(Cell::new(None::<Waker>));
        let (keeps, mut woken) = (kept.clone(), false);
        let (probe, counts) = Probe::new(poll_fn(move |cx| {
            if !std::mem::replace(&mut woken, true) {
                cx.waker().wake_by_ref();
                keeps.set(Some(cx.waker().clone()));
            }
            Poll::<()>::Pending
        }));
        let task = R::spawn(probe);
        // It runs after the first poll of that task and before the second.
        let wakes = R::spawn(async move { kept.take().into_iter().for_each(Waker::wake) });
        many_turns::<R>().await;
        same("TASK-3", "polls of a task woken in its poll and after it", 2, counts.polls.get());
        drop((task, wakes));
    });
}

fn a_task_that_nobody_wakes_is_not_polled<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let gate = Gate::default();
        let (probe, counts) = Probe::new(gate.passed());
        let task = R::spawn(probe);
        many_turns::<R>().await;
        same("QUEUE-1", "polls of a task while others ran", 1, counts.polls.get());
        drop(task);
    });
}

fn the_main_future_is_polled_only_when_woken<R: Runtime>(runtime: &R) {
    let gate = Gate::default();
    let opens = gate.clone();
    let (probe, counts) = Probe::new(async move {
        let _task = R::spawn(async move {
            many_turns::<R>().await;
            opens.open();
        });
        gate.passed().await;
    });
    runtime.block_on(probe);
    same("QUEUE-1", "polls of the main future, which was woken once", 2, counts.polls.get());
}

fn block_on_needs_no_send_and_no_static<R: Runtime>(runtime: &R) {
    let (mut text, shared) = (String::new(), Rc::new(Cell::new(0)));
    let borrowed = &mut text;
    let also = shared.clone();
    runtime.block_on(async move {
        let _task = R::spawn(async move {
            R::yield_now().await;
            also.set(also.get() + 1);
        });
        many_turns::<R>().await;
        borrowed.push_str("written");
        drop(own_waker().await);
    });
    same("LOOP-1", "what the future borrowed", "written", text.as_str());
    same("TASK-1", "an Rc that lived across an await", 1, shared.get());
}

fn a_panic_of_the_main_future_leaves_block_on_and_the_runtime_goes_on<R: Runtime>(runtime: &R) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            R::yield_now().await;
            panic!("the main future is through");
        })
    }));
    let Err(payload) = outcome;
    same("END-1", "the panic", "the main future is through", &text_of(payload.as_ref()));
    let (probe, counts) = Probe::new(ready(()));
    runtime.block_on(async {
        let _task = R::spawn(probe);
        many_turns::<R>().await;
    });
    same("END-1", "polls of a task after the panic", 1, counts.polls.get());
}
