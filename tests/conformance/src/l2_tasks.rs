//! Level 2: tasks, their wakers, and their panics.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::panic_any;
use std::rc::Rc;
use std::task::{Poll, Wake, Waker};
use std::thread;

use crate::check::{holds, same};
use crate::futures::{
    Bomb, CountingWake, CountsDrop, Gate, OnDrop, Probe, many_turns, own_waker, poll_with,
};
use crate::runtime::{Ended, Runtime, Task};

claims! {
    ($) l2_tasks
    together: [
        tasks_begin_in_the_order_of_their_spawning,
        tasks_go_on_in_the_order_of_their_wakes,
        a_task_spawned_by_a_task_runs_after_those_that_are_ready,
        busy_tasks_take_turns,
        a_detached_task_runs_to_its_end,
        detaching_at_any_moment_loses_no_task,
        a_future_is_dropped_before_its_result_is_joined,
        an_output_is_dropped_once_in_every_order,
        a_waker_equals_its_clones_and_no_other_tasks,
        wakes_after_the_end_are_harmless,
        wakes_after_a_cancel_are_harmless,
        a_waker_outlives_its_runtime,
        the_last_waker_of_a_join_is_woken,
        a_task_that_owns_its_own_waker_is_freed,
        a_task_that_owns_its_own_handle_is_freed,
        a_large_future_fits_on_a_small_stack,
        a_task_may_be_spawned_in_a_destructor_and_by_a_waker,
        a_hundred_thousand_tasks_run,
        a_chain_of_a_hundred_thousand_joins_needs_no_stack,
        a_panic_stays_in_its_task,
        every_kind_of_payload_reaches_the_joiner,
        a_payload_whose_destructor_panics_harms_nobody,
        a_destructor_that_panics_at_the_end_of_a_task_harms_nobody,
        a_destructor_that_panics_in_a_cancel_is_a_panic_of_the_task,
        a_bulk_spawn_that_panics_half_way_leaves_a_usable_runtime,
    ]
}

/// A list that several tasks write to.
type Journal = Rc<RefCell<Vec<usize>>>;

fn tasks_begin_in_the_order_of_their_spawning<R: Runtime>(runtime: &R) {
    let journal = Journal::default();
    runtime.block_on(async {
        for number in 0..100 {
            let journal = journal.clone();
            drop(R::spawn(async move { journal.borrow_mut().push(number) }));
        }
        many_turns::<R>().await;
    });
    same("QUEUE-2", "the order of first polls", (0..100).collect(), journal.take());
}

fn tasks_go_on_in_the_order_of_their_wakes<R: Runtime>(runtime: &R) {
    let journal = Journal::default();
    runtime.block_on(async {
        let gates: Vec<Gate> = (0..100).map(|_| Gate::default()).collect();
        for (number, gate) in gates.iter().enumerate() {
            let (journal, passed) = (journal.clone(), gate.passed());
            drop(R::spawn(async move {
                passed.await;
                journal.borrow_mut().push(number);
            }));
        }
        many_turns::<R>().await;
        // Each third one, so that the order of waking is not that of spawning.
        for number in (0..100).map(|step| step * 3 % 100) {
            gates[number].open();
        }
        many_turns::<R>().await;
    });
    let expected = (0..100).map(|step| step * 3 % 100).collect();
    same("QUEUE-2", "the order of going on", expected, journal.take());
}

fn a_task_spawned_by_a_task_runs_after_those_that_are_ready<R: Runtime>(runtime: &R) {
    let journal = Journal::default();
    runtime.block_on(async {
        let (first, second, third) = (journal.clone(), journal.clone(), journal.clone());
        drop(R::spawn(async move {
            first.borrow_mut().push(1);
            drop(R::spawn(async move { third.borrow_mut().push(3) }));
        }));
        drop(R::spawn(async move { second.borrow_mut().push(2) }));
        many_turns::<R>().await;
    });
    same("QUEUE-2", "the order of tasks", vec![1, 2, 3], journal.take());
}

fn busy_tasks_take_turns<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let turns: Rc<Vec<Cell<usize>>> = Rc::new((0..10).map(|_| Cell::new(0)).collect());
        for number in 0..10 {
            let turns = turns.clone();
            drop(R::spawn(async move {
                loop {
                    turns[number].set(turns[number].get() + 1);
                    R::yield_now().await;
                }
            }));
        }
        for _ in 0..10_000 {
            R::yield_now().await;
        }
        let (least, most) = (turns.iter().min().unwrap().get(), turns.iter().max().unwrap().get());
        holds(
            "QUEUE-2",
            "turns of the laziest and the busiest",
            "a difference of 1 at most",
            (least, most),
            |_| most - least <= 1 && least > 1000,
        );
    });
}

fn a_detached_task_runs_to_its_end<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (gate, done) = (Gate::default(), Rc::new(Cell::new(false)));
        let (passed, sets) = (gate.passed(), done.clone());
        drop(R::spawn(async move {
            passed.await;
            sets.set(true);
        }));
        many_turns::<R>().await;
        gate.open();
        many_turns::<R>().await;
        same("JOIN-2", "a task without a handle has run to its end", true, done.get());
    });
}

fn detaching_at_any_moment_loses_no_task<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let done = Rc::new(Cell::new(0));
        let mut random = 7_u32;
        for _ in 0..1000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (gate, counts) = (Gate::default(), CountsDrop(done.clone()));
            let passed = gate.passed();
            let task = R::spawn(async move {
                passed.await;
                drop(counts);
            });
            // Before the first poll, while it waits, when it is ready to go on, or after its end.
            let moment = random >> 30;
            let mut handle = Some(task);
            for step in 0..4 {
                if step == moment {
                    handle = None;
                }
                match step {
                    1 => gate.open(),
                    _ => R::yield_now().await,
                }
            }
            drop(handle);
        }
        many_turns::<R>().await;
        same("JOIN-2", "tasks that ran to their end", 1000, done.get());
    });
}

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

fn wakes_after_the_end_are_harmless<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let drops = Rc::new(Cell::new(0));
        let held = CountsDrop(drops.clone());
        let waker = R::spawn(async move {
            let _held = held;
            own_waker().await
        })
        .await
        .value();
        for _ in 0..1000 {
            waker.wake_by_ref();
            waker.clone().wake();
        }
        many_turns::<R>().await;
        same("TASK-2", "drops of the future", 1, drops.get());
        // The slot goes to somebody else, whom the old waker does not reach.
        let gate = Gate::default();
        let (probe, counts) = Probe::new(gate.passed());
        let task = R::spawn(probe);
        many_turns::<R>().await;
        waker.wake();
        many_turns::<R>().await;
        same("TASK-5", "polls of a later task in the same slot", 1, counts.polls.get());
        gate.open();
        task.await.value();
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

fn a_waker_outlives_its_runtime<R: Runtime>(_: &R) {
    let runtime = R::new();
    let (gate, drops) = (Gate::default(), Rc::new(Cell::new(0)));
    let main = runtime.block_on(async {
        let (passed, held) = (gate.passed(), CountsDrop(drops.clone()));
        drop(R::spawn(async move {
            let _held = held;
            passed.await;
        }));
        many_turns::<R>().await;
        own_waker().await
    });
    drop(runtime);
    same("END-1", "drops of the task that was left over", 1, drops.get());
    for waker in [gate.last_waker(), main] {
        waker.wake_by_ref();
        waker.clone().wake();
        let far = thread::spawn(move || {
            waker.wake_by_ref();
            waker.clone().wake();
            drop(waker);
        });
        same(
            "TASK-6",
            "a thread that used a waker of a runtime that is gone",
            true,
            far.join().is_ok(),
        );
    }
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

fn a_task_that_owns_its_own_waker_is_freed<R: Runtime>(_: &R) {
    let drops = Rc::new(Cell::new(0));
    let runtime = R::new();
    runtime.block_on(async {
        let held = CountsDrop(drops.clone());
        let own = RefCell::new(Vec::new());
        drop(R::spawn(poll_fn(move |cx| {
            let _held = &held;
            own.borrow_mut().push(cx.waker().clone());
            Poll::<()>::Pending
        })));
        many_turns::<R>().await;
    });
    drop(runtime);
    same("END-1", "drops of a task that held its own waker", 1, drops.get());
}

fn a_task_that_owns_its_own_handle_is_freed<R: Runtime>(_: &R) {
    let drops = Rc::new(Cell::new(0));
    let runtime = R::new();
    runtime.block_on(async {
        let (held, own) = (CountsDrop(drops.clone()), Rc::new(RefCell::new(None)));
        let inside = own.clone();
        let task = R::spawn(async move {
            let _held = (held, inside);
            pending::<()>().await;
        });
        *own.borrow_mut() = Some(task);
        many_turns::<R>().await;
    });
    drop(runtime);
    same("END-1", "drops of a task that held its own handle", 1, drops.get());
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

fn a_hundred_thousand_tasks_run<R: Runtime>(runtime: &R) {
    let done = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..100_000)
            .map(|_| {
                let done = done.clone();
                R::spawn(async move { done.set(done.get() + 1) })
            })
            .collect();
        for task in tasks {
            task.await.value();
        }
    });
    same("TABLE-1", "tasks that ran", 100_000, done.get());
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
