//! Level 2: tasks, their wakers, and their panics.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;

use crate::check::{holds, same};
use crate::futures::{CountsDrop, Gate, Probe, many_turns, own_waker};
use crate::runtime::Runtime;

claims! {
    ($) l2_tasks
    together: [
        a_detached_task_runs_to_its_end,
        detaching_at_any_moment_loses_no_task,
        tasks_begin_in_the_order_of_their_spawning,
        tasks_go_on_in_the_order_of_their_wakes,
        a_task_spawned_by_a_task_runs_after_those_that_are_ready,
        busy_tasks_take_turns,
        wakes_after_the_end_are_harmless,
        no_two_tasks_share_a_place,
        a_waker_outlives_its_runtime,
        a_task_that_owns_its_own_waker_is_freed,
        a_task_that_owns_its_own_handle_is_freed,
        a_hundred_thousand_tasks_run,
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

fn wakes_after_the_end_are_harmless<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        // Woken not at all, in the turn of its end, or again and again, before the place is used again.
        for wakes in [0, 1, 3] {
            let (drops, kept) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
            let (held, keeps) = (CountsDrop(drops.clone()), kept.clone());
            drop(R::spawn(async move {
                let _held = held;
                keeps.set(Some(own_waker().await));
            }));
            many_turns::<R>().await;
            let waker = kept.take().unwrap();
            for _ in 0..wakes {
                waker.wake_by_ref();
                many_turns::<R>().await;
            }
            same("TASK-2", "drops of the future", 1, drops.get());
            // The old waker does not reach the tasks that come into the old one's place.
            let gates: Vec<Gate> = (0..4).map(|_| Gate::default()).collect();
            let later: Vec<_> = gates.iter().map(|gate| Probe::new(gate.passed())).collect();
            let (tasks, counts): (Vec<_>, Vec<_>) = later.into_iter().unzip();
            for task in tasks {
                drop(R::spawn(task));
            }
            many_turns::<R>().await;
            for _ in 0..3 {
                waker.wake_by_ref();
                many_turns::<R>().await;
            }
            let polls: Vec<_> = counts.iter().map(|counts| counts.polls.get()).collect();
            same("TASK-5", "polls of later tasks, which an old waker woke", vec![1; 4], polls);
            gates.iter().for_each(Gate::open);
            many_turns::<R>().await;
            let drops: Vec<_> = counts.iter().map(|counts| counts.drops.get()).collect();
            same("TASK-5", "later tasks that ended", vec![1; 4], drops);
        }
    });
}

fn no_two_tasks_share_a_place<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for round in 0..50 {
            // Tasks that end while they are woken, once or twice, in their last poll or before it.
            let mut wakers = Vec::new();
            for wakes in 0..4 {
                let kept = Rc::new(Cell::new(None));
                let keeps = kept.clone();
                drop(R::spawn(poll_fn(move |cx| {
                    (0..wakes).for_each(|_| cx.waker().wake_by_ref());
                    keeps.set(Some(cx.waker().clone()));
                    Poll::Ready(())
                })));
                R::yield_now().await;
                let waker = kept.take().unwrap();
                waker.wake_by_ref();
                wakers.push(waker);
            }
            for _ in 0..round % 3 {
                R::yield_now().await;
                wakers.iter().for_each(Waker::wake_by_ref);
            }
            // Each of these has a place of its own, and only its own gate lets it go on.
            let gates: Vec<Gate> = (0..12).map(|_| Gate::default()).collect();
            let later: Vec<_> = gates.iter().map(|gate| Probe::new(gate.passed())).collect();
            let (tasks, counts): (Vec<_>, Vec<_>) = later.into_iter().unzip();
            for task in tasks {
                drop(R::spawn(task));
            }
            many_turns::<R>().await;
            for (number, gate) in gates.iter().enumerate() {
                gate.open();
                many_turns::<R>().await;
                let ended = counts.iter().filter(|counts| counts.drops.get() == 1).count();
                same(
                    "TABLE-2",
                    "tasks that ended, of 12 that are let go on one by one",
                    number + 1,
                    ended,
                );
            }
        }
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

fn a_hundred_thousand_tasks_run<R: Runtime>(runtime: &R) {
    let done = Rc::new(Cell::new(0));
    runtime.block_on(async {
        for _ in 0..100_000 {
            let done = done.clone();
            drop(R::spawn(async move { done.set(done.get() + 1) }));
        }
        while done.get() < 100_000 {
            R::yield_now().await;
        }
    });
    same("TABLE-1", "tasks that ran", 100_000, done.get());
}
