//! Level 3: results, cancellation, and the end of the loop.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use crate::check::{holds, same};
use crate::futures::{Bomb, CountsDrop, Gate, OnDrop, Probe, SharedGate, many_turns, poll_with};
use crate::runtime::{Ended, Runtime, Task};

claims! {
    ($) l3_join
    together: [
        a_task_ends_with_a_value_a_panic_or_a_cancel,
        a_cancelled_task_is_dropped_without_a_poll,
        a_task_cancelled_before_its_first_poll_never_runs,
        a_task_that_cancels_itself_finishes_its_poll,
        a_task_is_cancelled_from_another_thread,
        a_cancel_after_the_end_changes_nothing,
        a_cancel_twice_is_one_cancel,
        a_cancelled_task_is_torn_down_though_its_handle_is_gone,
        a_join_after_a_cancel_means_that_destructors_have_run,
        a_cancel_that_meets_a_wake_is_one_of_the_two,
        a_handle_polled_after_its_result_panics,
        a_task_that_joins_itself_can_be_cancelled,
        tasks_left_over_are_dropped_on_the_runtimes_thread,
        destructors_at_the_end_may_spawn_sleep_cancel_and_wake,
        destructors_at_the_end_may_panic,
        a_finished_task_is_joined_when_its_runtime_is_gone,
        an_unfinished_task_is_cancelled_when_its_runtime_is_gone,
        nothing_runs_outside_block_on,
        a_nested_block_on_panics_and_the_outer_one_goes_on,
        a_runtime_may_die_with_its_thread,
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

fn a_task_is_cancelled_from_another_thread<R: Runtime>(runtime: &R) {
    let remote = runtime.remote();
    runtime.block_on(async {
        let (probe, counts) = Probe::new(pending::<()>());
        let task = R::spawn(probe);
        R::yield_now().await;
        let cancel = R::canceller(&remote, &task);
        let far = thread::spawn(cancel);
        same("JOIN-1", "the end", "cancelled", task.await.word());
        let here = Some(thread::current().id());
        same("END-1", "the thread of the destructor", here, counts.dropped_on.get());
        far.join().unwrap();
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

/// Spawns a task that waits for its own end; returns the way to cancel it.
pub fn spawn_joining_itself<R: Runtime>(
    remote: &R::Remote,
    drops: &Rc<Cell<usize>>,
) -> Box<dyn Fn() + Send> {
    let own: Rc<RefCell<Option<R::Task<()>>>> = Rc::default();
    let (inside, held) = (own.clone(), CountsDrop(drops.clone()));
    let task = R::spawn(async move {
        let _held = held;
        let itself = inside.take().unwrap();
        itself.await.value();
    });
    let cancel = R::canceller(remote, &task);
    *own.borrow_mut() = Some(task);
    cancel
}

fn a_task_that_joins_itself_can_be_cancelled<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let drops = Rc::new(Cell::new(0));
        let cancel = spawn_joining_itself::<R>(&runtime.remote(), &drops);
        many_turns::<R>().await;
        same("JOIN-1", "drops of a task that waits for itself", 0, drops.get());
        cancel();
        many_turns::<R>().await;
        same("TASK-2", "drops of it when it was cancelled", 1, drops.get());
    });
}

/// Spawns tasks in every state, and returns their counts.
pub async fn leave_over<R: Runtime>() -> Vec<Rc<crate::futures::Counts>> {
    let mut all = Vec::new();
    for number in 0..100 {
        let (probe, counts) = Probe::new(async move {
            match number % 3 {
                0 => pending::<()>().await,
                1 => R::sleep(Duration::from_hours(1)).await,
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

fn nothing_runs_outside_block_on<R: Runtime>(runtime: &R) {
    let gate = SharedGate::default();
    let (opens, ran) = (gate.clone(), mpsc::channel());
    let tells = ran.0;
    R::call(&runtime.remote(), move || {
        tells.send(()).unwrap();
        opens.open();
    });
    let early = ran.1.recv_timeout(Duration::from_millis(50));
    same("CTX-1", "a call while nobody runs the loop", Err(RecvTimeoutError::Timeout), early);
    runtime.block_on(gate.passed());
    same("REMOTE-1", "the call in the next block_on", Ok(()), ran.1.try_recv());
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

/// Long enough to be sure that nothing comes.
pub const LONG: Duration = Duration::from_millis(400);
