//! Level 3: results, cancellation, and the end of the loop.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use crate::check::{holds, same};
use crate::futures::{
    Bomb, CountingWake, CountsDrop, Gate, OnDrop, Probe, many_turns, own_waker, poll_with,
};
use crate::runtime::{Ended, Runtime, Task};

claims! {
    ($) l3_join
    together: [
        a_task_ends_with_a_value_a_panic_or_a_cancel,
        a_cancelled_task_is_dropped_without_a_poll,
        a_task_cancelled_before_its_first_poll_never_runs,
        a_task_that_cancels_itself_finishes_its_poll,
        a_cancel_after_the_end_changes_nothing,
        a_cancel_twice_is_one_cancel,
        a_cancelled_task_is_torn_down_though_its_handle_is_gone,
        a_join_after_a_cancel_means_that_destructors_have_run,
        a_cancel_that_meets_a_wake_is_one_of_the_two,
        a_handle_polled_after_its_result_panics,
        tasks_left_over_are_dropped_on_the_runtimes_thread,
        destructors_at_the_end_may_panic,
        a_finished_task_is_joined_when_its_runtime_is_gone,
        an_unfinished_task_is_cancelled_when_its_runtime_is_gone,
        a_nested_block_on_panics_and_the_outer_one_goes_on,
        a_future_is_dropped_before_its_result_is_joined,
        an_output_is_dropped_once_in_every_order,
        a_waker_equals_its_clones_and_no_other_tasks,
        wakes_after_a_cancel_are_harmless,
        the_last_waker_of_a_join_is_woken,
        a_large_future_fits_on_a_small_stack,
        a_chain_of_a_hundred_thousand_joins_needs_no_stack,
        a_panic_stays_in_its_task,
        every_kind_of_payload_reaches_the_joiner,
        a_payload_whose_destructor_panics_harms_nobody,
        a_destructor_that_panics_at_the_end_of_a_task_harms_nobody,
        a_destructor_that_panics_in_a_cancel_is_a_panic_of_the_task,
        a_bulk_spawn_that_panics_half_way_leaves_a_usable_runtime,
        a_task_may_be_spawned_in_a_destructor_and_by_a_waker,
    ]
}

fn a_task_ends_with_a_value_a_panic_or_a_cancel<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        same(
            "JOIN-1",
            "the end of a task that returns",
            "a value",
            R::spawn(ready(5)).await.word(),
        );
        let broken: Ended<()> = R::spawn(async { panic!("through") }).await;
        same("JOIN-1", "the end of a task that panics", "a panic", broken.word());
        let task = R::spawn(pending::<()>());
        R::yield_now().await;
        task.cancel();
        same("JOIN-1", "the end of a task that is cancelled", "cancelled", task.await.word());
    });
}

fn a_cancelled_task_is_dropped_without_a_poll<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (probe, counts) = Probe::new(pending::<()>());
        let task = R::spawn(probe);
        many_turns::<R>().await;
        task.cancel();
        same("JOIN-1", "the end", "cancelled", task.await.word());
        same("TASK-2", "polls of a task that was cancelled while it waited", 1, counts.polls.get());
        same("TASK-2", "its drops", 1, counts.drops.get());
    });
}

fn a_task_cancelled_before_its_first_poll_never_runs<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (probe, counts) = Probe::new(ready(5));
        let task = R::spawn(probe);
        task.cancel();
        same("JOIN-1", "the end", "cancelled", task.await.word());
        same("JOIN-1", "polls of a task cancelled before its first", 0, counts.polls.get());
        same("TASK-2", "its drops", 1, counts.drops.get());
    });
}

fn a_task_that_cancels_itself_finishes_its_poll<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let own: Rc<RefCell<Option<R::Task<()>>>> = Rc::default();
        let (inside, reached) = (own.clone(), Rc::new(Cell::new(false)));
        let reaches = reached.clone();
        let (probe, counts) = Probe::new(async move {
            inside.borrow().as_ref().unwrap().cancel();
            reaches.set(true);
            pending::<()>().await;
        });
        *own.borrow_mut() = Some(R::spawn(probe));
        many_turns::<R>().await;
        same("JOIN-1", "the rest of the poll has run", true, reached.get());
        same("TASK-2", "drops of the task", 1, counts.drops.get());
        same("JOIN-1", "polls of the task", 1, counts.polls.get());
        let task = own.take().unwrap();
        same("JOIN-1", "the end", "cancelled", task.await.word());
    });
}

fn a_cancel_after_the_end_changes_nothing<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let task = R::spawn(ready(5));
        many_turns::<R>().await;
        same("JOIN-1", "the task is finished", true, task.is_finished());
        task.cancel();
        many_turns::<R>().await;
        same("JOIN-1", "the value of a task cancelled after its end", 5, task.await.value());
    });
}

fn a_cancel_twice_is_one_cancel<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (probe, counts) = Probe::new(pending::<()>());
        let task = R::spawn(probe);
        R::yield_now().await;
        task.cancel();
        task.cancel();
        many_turns::<R>().await;
        task.cancel();
        same("JOIN-1", "the end", "cancelled", task.await.word());
        same("TASK-2", "drops", 1, counts.drops.get());
    });
}

fn a_cancelled_task_is_torn_down_though_its_handle_is_gone<R: Runtime>(runtime: &R) {
    // JOIN-1 is broken when this does not end.
    runtime.block_on(async {
        let gate = Gate::default();
        let opens = gate.clone();
        let last_words = OnDrop(move || opens.open());
        let task = R::spawn(async move {
            let _last_words = last_words;
            pending::<()>().await;
        });
        many_turns::<R>().await;
        task.cancel();
        drop(task);
        // Nothing else happens: if the destructor did not run by itself, this would wait without end.
        gate.passed().await;
    });
}

fn a_join_after_a_cancel_means_that_destructors_have_run<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let drops = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let held = CountsDrop(drops.clone());
                R::spawn(async move {
                    let _held = held;
                    pending::<()>().await;
                })
            })
            .collect();
        many_turns::<R>().await;
        for (number, task) in tasks.into_iter().enumerate() {
            task.cancel();
            same("JOIN-1", "the end", "cancelled", task.await.word());
            same(
                "JOIN-1",
                "destructors that ran before the join was done",
                number + 1,
                drops.get(),
            );
        }
    });
}

fn a_cancel_that_meets_a_wake_is_one_of_the_two<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for cancel_first in [true, false] {
            let (gate, went_on) = (Gate::default(), Rc::new(Cell::new(false)));
            let (passed, goes_on) = (gate.passed(), went_on.clone());
            let task = R::spawn(async move {
                passed.await;
                goes_on.set(true);
            });
            many_turns::<R>().await;
            if cancel_first {
                task.cancel();
                gate.open();
            } else {
                gate.open();
                task.cancel();
            }
            match task.await {
                Ended::Value(()) => same("JOIN-1", "it ended, and went on", true, went_on.get()),
                ended => {
                    same("JOIN-1", "its end", "cancelled", ended.word());
                    same("JOIN-1", "it was cancelled, and went on", false, went_on.get());
                }
            }
        }
    });
}

fn a_handle_polled_after_its_result_panics<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut task = R::spawn(ready(5));
        let first = poll_fn(|cx| Pin::new(&mut task).poll(cx)).await;
        same("JOIN-1", "the first join", 5, first.value());
        let second = catch_unwind(AssertUnwindSafe(|| drop(poll_with(&mut task, Waker::noop()))));
        same("JOIN-1", "the second join panics", true, second.is_err());
        same("JOIN-1", "a later task", 12, R::spawn(ready(12)).await.value());
    });
}

/// Spawns tasks in every state, and returns their counts.
pub async fn leave_over<R: Runtime>() -> Vec<Rc<crate::futures::Counts>> {
    let mut all = Vec::new();
    for number in 0..100 {
        let (probe, counts) = Probe::new(async move {
            match number % 2 {
                0 => pending::<()>().await,
                _ => loop {
                    R::yield_now().await;
                },
            }
        });
        drop(R::spawn(probe));
        all.push(counts);
    }
    many_turns::<R>().await;
    // And some that are never polled.
    for _ in 0..10 {
        let (probe, counts) = Probe::new(pending::<()>());
        drop(R::spawn(probe));
        all.push(counts);
    }
    all
}

fn tasks_left_over_are_dropped_on_the_runtimes_thread<R: Runtime>(_: &R) {
    let runtime = R::new();
    let left_over = runtime.block_on(leave_over::<R>());
    drop(runtime);
    let here = Some(thread::current().id());
    for counts in left_over {
        same("END-1", "drops of a task that was left over", 1, counts.drops.get());
        same("END-1", "the thread of its destructor", here, counts.dropped_on.get());
    }
}

fn destructors_at_the_end_may_panic<R: Runtime>(_: &R) {
    let (drops, runtime) = (Rc::new(Cell::new(0)), R::new());
    let value = runtime.block_on(async {
        for _ in 0..10 {
            let (held, bomb) = (CountsDrop(drops.clone()), Bomb);
            drop(R::spawn(async move {
                let (_bomb, _held) = (bomb, held);
                pending::<()>().await;
            }));
        }
        many_turns::<R>().await;
        7
    });
    drop(runtime);
    same("END-1", "the value of block_on", 7, value);
    same("END-1", "drops beside destructors that panic", 10, drops.get());
}

fn a_finished_task_is_joined_when_its_runtime_is_gone<R: Runtime>(runtime: &R) {
    let other = R::new();
    let task = other.block_on(async {
        let task = R::spawn(ready(5));
        many_turns::<R>().await;
        task
    });
    drop(other);
    same("JOIN-1", "the value, asked for from another runtime", 5, runtime.block_on(task).value());
}

fn an_unfinished_task_is_cancelled_when_its_runtime_is_gone<R: Runtime>(runtime: &R) {
    let other = R::new();
    let task = other.block_on(async {
        let task = R::spawn(pending::<()>());
        many_turns::<R>().await;
        task
    });
    drop(other);
    task.cancel();
    same("JOIN-1", "the end", "cancelled", runtime.block_on(task).word());
}

/// Calls `block_on` in a task of `block_on`, and returns the text of the panic.
pub fn nest<R: Runtime>(runtime: &R) -> String {
    runtime.block_on(async {
        let nested: Ended<()> = R::spawn(async { R::new().block_on(async {}) }).await;
        nested.panic_text()
    })
}

fn a_nested_block_on_panics_and_the_outer_one_goes_on<R: Runtime>(runtime: &R) {
    let text = nest(runtime);
    holds("CTX-1", "a nested block_on", "a panic with a text", text, |text| text.len() > 40);
    same("CTX-1", "block_on afterwards", 12, runtime.block_on(async { 12 }));
}

/// Long enough to be sure that nothing comes.
pub const LONG: Duration = Duration::from_millis(400);

fn a_future_is_dropped_before_its_result_is_joined<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let drops = Rc::new(Cell::new(0));
        let local = CountsDrop(drops.clone());
        let task = R::spawn(poll_fn(move |_| {
            let _held = &local;
            Poll::Ready(5)
        }));
        many_turns::<R>().await;
        same("TASK-2", "drops of what the future held, before the join", 1, drops.get());
        same("JOIN-1", "the value", 5, task.await.value());
        same("TASK-2", "drops of what the future held, after the join", 1, drops.get());
    });
}

fn an_output_is_dropped_once_in_every_order<R: Runtime>(runtime: &R) {
    let drops = Rc::new(Cell::new(0));
    let output = || ready(CountsDrop(drops.clone()));
    runtime.block_on(async {
        drop(R::spawn(output()));
        many_turns::<R>().await;
        same("JOIN-2", "drops when the handle went before the output came", 1, drops.get());

        let task = R::spawn(output());
        many_turns::<R>().await;
        same("JOIN-1", "drops while the output waits for its joiner", 1, drops.get());
        drop(task);
        same("JOIN-2", "drops when the handle went after the output came", 2, drops.get());

        let joined = R::spawn(output()).await.value();
        same("JOIN-1", "drops while the joiner holds the output", 2, drops.get());
        drop(joined);

        let task = R::spawn(output());
        many_turns::<R>().await;
        task.cancel();
        many_turns::<R>().await;
        same("JOIN-1", "drops when a finished task was cancelled", 3, drops.get());
        drop(task);
        same("JOIN-2", "drops in the end", 4, drops.get());
    });
}

fn a_waker_equals_its_clones_and_no_other_tasks<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let main = own_waker().await;
        let (first, second) = (R::spawn(own_waker()), R::spawn(own_waker()));
        let (first, second) = (first.await.value(), second.await.value());
        let clone = first.clone();
        same("TASK-3", "a waker wakes what its clone wakes", true, first.will_wake(&clone));
        same("TASK-3", "two tasks have the same waker", false, first.will_wake(&second));
        same("TASK-3", "a task has the main future's waker", false, first.will_wake(&main));
        same("TASK-3", "the main waker stays the same", true, main.will_wake(&own_waker().await));
    });
}

fn wakes_after_a_cancel_are_harmless<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let gate = Gate::default();
        let (probe, counts) = Probe::new(gate.passed());
        let task = R::spawn(probe);
        many_turns::<R>().await;
        let waker = gate.last_waker();
        task.cancel();
        waker.wake_by_ref();
        same("TASK-5", "the end", "cancelled", task.await.word());
        for _ in 0..1000 {
            waker.wake_by_ref();
        }
        many_turns::<R>().await;
        same("TASK-5", "polls of a task that was cancelled", 1, counts.polls.get());
        same("TASK-2", "drops of it", 1, counts.drops.get());
    });
}

fn the_last_waker_of_a_join_is_woken<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let gate = Gate::default();
        let mut task = R::spawn(gate.passed());
        let (first, first_waker) = CountingWake::pair();
        let (second, second_waker) = CountingWake::pair();
        same(
            "JOIN-1",
            "a join before the end",
            true,
            poll_with(&mut task, &first_waker).is_pending(),
        );
        same(
            "JOIN-1",
            "a join before the end",
            true,
            poll_with(&mut task, &second_waker).is_pending(),
        );
        gate.open();
        many_turns::<R>().await;
        same("JOIN-1", "wakes of the waker that was replaced", 0, first.wakes());
        same("JOIN-1", "wakes of the waker that came last", 1, second.wakes());
        task.await.value();
    });
}

#[expect(clippy::large_stack_arrays, reason = "a large one is what the claim is about")]
fn a_large_future_fits_on_a_small_stack<R: Runtime>(_: &R) {
    /// A debug build copies a value at each call, and so has room for less.
    const BYTES: usize = if cfg!(debug_assertions) { 192 * 1024 } else { 512 * 1024 };
    let small = thread::Builder::new().stack_size(2 * 1024 * 1024);
    let sum = small.spawn(|| {
        R::new().block_on(async {
            let task = R::spawn(async {
                let bytes = [1_u8; BYTES];
                R::yield_now().await;
                bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>()
            });
            task.await.value()
        })
    });
    same("TASK-2", "the sum over a large future", BYTES, sum.unwrap().join().unwrap());
}

fn a_chain_of_a_hundred_thousand_joins_needs_no_stack<R: Runtime>(runtime: &R) {
    let last = runtime.block_on(async {
        let gate = Gate::default();
        let passed = gate.passed();
        let mut task = R::spawn(async move {
            passed.await;
            0
        });
        for _ in 0..100_000 {
            task = R::spawn(async move { task.await.value() + 1 });
        }
        many_turns::<R>().await;
        gate.open();
        task.await.value()
    });
    same("JOIN-1", "the number that went through the chain", 100_000, last);
}

fn a_panic_stays_in_its_task<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let gate = Gate::default();
        let other = R::spawn(gate.passed());
        let broken = R::spawn(async { panic!("the task is through") });
        let ended: Ended<()> = broken.await;
        same("JOIN-1", "the text of the panic", "the task is through".into(), ended.panic_text());
        gate.open();
        same("JOIN-1", "another task's end", "a value", other.await.word());
    });
    same("END-1", "block_on after a task's panic", 12, runtime.block_on(async { 12 }));
}

fn every_kind_of_payload_reaches_the_joiner<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let text: Ended<()> = R::spawn(async { panic!("str") }).await;
        same("JOIN-1", "a payload that is a &str", "str".into(), text.panic_text());
        let number = 5;
        let text: Ended<()> = R::spawn(async move { panic!("String {number}") }).await;
        same("JOIN-1", "a payload that is a String", "String 5".into(), text.panic_text());
        let any: Ended<()> = R::spawn(async { panic_any(42_u64) }).await;
        let Ended::Panicked(payload) = any else { panic!("JOIN-1 is broken: expected a panic") };
        same("JOIN-1", "a payload that is a number", Some(&42_u64), payload.downcast_ref());
    });
}

fn a_payload_whose_destructor_panics_harms_nobody<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let task = R::spawn(async { panic_any(Bomb) });
        let ended: Ended<()> = task.await;
        same("JOIN-1", "the end", "a panic", ended.word());
        // It is ours now, and may not be dropped.
        if let Ended::Panicked(payload) = ended {
            Box::leak(payload);
        }
        same("JOIN-1", "a later task", 12, R::spawn(async { 12 }).await.value());
    });
}

fn a_destructor_that_panics_at_the_end_of_a_task_harms_nobody<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let bomb = Bomb;
        let task = R::spawn(poll_fn(move |_| {
            let _held = &bomb;
            Poll::Ready(5)
        }));
        let ended = task.await;
        holds("JOIN-1", "the end of a task whose destructor panics", "an end", ended, |ended| {
            !matches!(ended, Ended::Cancelled)
        });
        same("JOIN-1", "a later task", 12, R::spawn(async { 12 }).await.value());
    });
}

fn a_destructor_that_panics_in_a_cancel_is_a_panic_of_the_task<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let bomb = Bomb;
        let task = R::spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        many_turns::<R>().await;
        task.cancel();
        let text = task.await.panic_text();
        same("JOIN-1", "the text of the panic", "a bomb was dropped".into(), text);
        same("JOIN-1", "a later task", 12, R::spawn(async { 12 }).await.value());
    });
}

fn a_bulk_spawn_that_panics_half_way_leaves_a_usable_runtime<R: Runtime>(runtime: &R) {
    let done = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let counts = done.clone();
        let bulk: Ended<()> = R::spawn(async move {
            for number in 0..100 {
                assert!(number < 50, "the list has ended early");
                let counts = counts.clone();
                drop(R::spawn(async move { counts.set(counts.get() + 1) }));
            }
        })
        .await;
        same("JOIN-1", "the spawner's end", "a panic", bulk.word());
        many_turns::<R>().await;
    });
    same("TABLE-1", "tasks that ran, of those spawned before the panic", 50, done.get());
}

/// Spawns a task when it is woken.
struct SpawnsOnWake<R>(std::marker::PhantomData<fn() -> R>);

impl<R: Runtime> Wake for SpawnsOnWake<R> {
    fn wake(self: std::sync::Arc<Self>) {
        drop(R::spawn(async { SPAWNED.set(SPAWNED.get() + 1) }));
    }
}

thread_local! {
    /// Tasks that ran after a destructor or a waker spawned them; each test has a thread of its own.
    static SPAWNED: Cell<usize> = const { Cell::new(0) };
}

fn a_task_may_be_spawned_in_a_destructor_and_by_a_waker<R: Runtime>(runtime: &R) {
    SPAWNED.set(0);
    runtime.block_on(async {
        let spawns = OnDrop(|| drop(R::spawn(async { SPAWNED.set(SPAWNED.get() + 1) })));
        let gate = Gate::default();
        let passed = gate.passed();
        let mut task = R::spawn(async move {
            let _spawns = spawns;
            passed.await;
        });
        let waker = Waker::from(std::sync::Arc::new(SpawnsOnWake::<R>(std::marker::PhantomData)));
        same("JOIN-1", "a join before the end", true, poll_with(&mut task, &waker).is_pending());
        gate.open();
        many_turns::<R>().await;
        same("CTX-1", "tasks spawned by a destructor and a waker", 2, SPAWNED.get());
        task.await.value();
    });
}
