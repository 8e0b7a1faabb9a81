//! What this event loop claims of wakers, destructors and payloads that panic, and of what outlives a loop.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use handloom::rt::{self, EventLoop};
use handloom::{aio, os::limits};
use handloom_conformance::check::{holds, same, says};
use handloom_conformance::futures::{Bomb, CountsDrop, OnDrop, own_waker, poll_with};
use handloom_conformance::runtime::{Reader, Runtime, Writer, text_of};
use handloom_conformance::sockets::pair_on_loop;

use crate::on_handloom::Handloom;
use crate::watch::{Log, Told, asked};

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        a_joiner_that_panics_leaves_no_loop_half_ended,
        a_joiner_and_a_main_future_that_panic_do_not_abort,
        a_main_future_that_panics_twice_does_not_abort,
        a_joiner_whose_drop_panics_keeps_no_result,
        results_and_payloads_that_panic_when_they_are_dropped_harm_nobody,
        a_timer_that_wakes_a_panicking_waker_wakes_the_others,
        a_socket_that_wakes_a_panicking_waker_wakes_the_others,
        sockets_of_an_ended_loop_wake_all_though_one_panics,
        calls_that_were_never_made_are_all_dropped_though_one_panics,
        an_observer_hears_the_end_of_tasks_that_are_left_over,
        a_waker_of_an_earlier_block_on_polls_nothing,
        an_id_of_another_loop_cancels_nothing,
        an_old_id_cancels_nothing_in_a_slot_that_is_used_again,
        a_virtual_run_depends_on_its_seed_alone,
    ];
    alone: [
        a_loop_without_any_descriptor_limit_sleeps_on_time,
    ]
}

/// A waker that panics when it is woken.
struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// Makes such a waker.
fn panics_when_woken() -> Waker {
    Waker::from(Arc::new(PanicsWhenWoken))
}

/// A waker that panics when it is dropped.
struct PanicsWhenDropped;

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("a waker is dropped");
    }
}

/// Notes on which thread it is dropped. Not `Send`, as an `Rc` is.
struct NotesThread(Rc<Cell<Option<ThreadId>>>, Arc<std::sync::Mutex<Vec<ThreadId>>>);

impl Drop for NotesThread {
    fn drop(&mut self) {
        self.0.set(Some(thread::current().id()));
        self.1.lock().unwrap().push(thread::current().id());
    }
}

/// Leaves a handle that was polled with a panicking waker, and a neighbour whose waker another thread holds.
async fn leave_a_panicking_joiner(
    kept: Rc<RefCell<Vec<rt::JoinHandle<()>>>>,
    dropped: Arc<std::sync::Mutex<Vec<ThreadId>>>,
) -> Waker {
    let mut joined = rt::spawn(pending::<()>());
    aio::yield_now().await;
    assert!(poll_with(&mut joined, &panics_when_woken()).is_pending());
    let neighbour_waker = Rc::new(RefCell::new(None));
    let (leaves, notes) = (neighbour_waker.clone(), NotesThread(Rc::default(), dropped));
    let neighbour = rt::spawn(async move {
        let _notes = notes;
        *leaves.borrow_mut() = Some(own_waker().await);
        pending::<()>().await;
    });
    aio::yield_now().await;
    aio::yield_now().await;
    kept.borrow_mut().extend([joined, neighbour]);
    neighbour_waker.take().unwrap()
}

fn a_joiner_that_panics_leaves_no_loop_half_ended(runtime: &Handloom) {
    let (kept, dropped) = (Rc::default(), Arc::default());
    let waker = runtime.block_on(leave_a_panicking_joiner(Rc::clone(&kept), Arc::clone(&dropped)));
    thread::spawn(move || drop(waker)).join().unwrap();
    same(
        "TASK-6",
        "where the neighbour was dropped",
        vec![thread::current().id()],
        dropped.lock().unwrap().clone(),
    );
    let ended = runtime.block_on(async { rt::spawn(async { 12 }).await.ok() });
    same("END-1", "a task in the next block_on", Some(12), ended);
    for task in kept.take() {
        holds("JOIN-1", "a task that was left over", "done", task, rt::JoinHandle::is_finished);
    }
}

fn a_joiner_and_a_main_future_that_panic_do_not_abort(runtime: &Handloom) {
    let (kept, dropped) = (Rc::default(), Arc::default());
    let (keeps, notes) = (Rc::clone(&kept), Arc::clone(&dropped));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            drop(leave_a_panicking_joiner(keeps, notes).await);
            panic!("main");
        });
    }));
    says("END-1", "the panic", "main", &text_of(outcome.unwrap_err().as_ref()));
    same("END-1", "drops of the neighbour", 1, dropped.lock().unwrap().len());
    same(
        "END-1",
        "a task in the next block_on",
        12,
        runtime.block_on(async { rt::spawn(async { 12 }).await.unwrap() }),
    );
}

fn a_main_future_that_panics_twice_does_not_abort(runtime: &Handloom) {
    /// Panics when it is polled, and when it is dropped.
    struct PanicsTwice;
    impl Future for PanicsTwice {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            drop(rt::spawn(pending::<()>()));
            panic!("polled");
        }
    }
    impl Drop for PanicsTwice {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(PanicsTwice)));
    same("END-1", "block_on panicked", true, outcome.is_err());
    same("END-1", "the next block_on", 12, runtime.block_on(async { 12 }));
}

fn a_joiner_whose_drop_panics_keeps_no_result(runtime: &Handloom) {
    let drops = Rc::new(Cell::new(0));
    let result = CountsDrop(drops.clone());
    runtime.block_on(async {
        let mut task = rt::spawn(async move { result });
        let waker = Waker::from(Arc::new(PanicsWhenDropped));
        assert!(poll_with(&mut task, &waker).is_pending());
        // The task's clone is the last one.
        Box::leak(Box::new(waker.clone()));
        drop(catch_unwind(AssertUnwindSafe(|| drop(waker))));
        drop(catch_unwind(AssertUnwindSafe(|| drop(task))));
        aio::yield_now().await;
    });
    same("JOIN-2", "drops of the result of a detached task", 1, drops.get());
}

/// Polls a future once with a waker that panics, and returns it.
fn polled_badly<F: Future + Unpin>(mut future: F) -> F {
    assert!(poll_with(&mut future, &panics_when_woken()).is_pending());
    future
}

fn results_and_payloads_that_panic_when_they_are_dropped_harm_nobody(_: &Handloom) {
    let (event_loop, _log) = Log::watching();
    event_loop.block_on(async {
        // Nothing takes what these end with: the handles go before the end, then after it.
        drop((rt::spawn(async { Bomb }), rt::spawn(async { panic_any::<Bomb>(Bomb) })));
        let (value, panic) = (rt::spawn(async { Bomb }), rt::spawn(async { panic_any(Bomb) }));
        let _: &rt::JoinHandle<()> = &panic;
        aio::yield_now().await;
        same(
            "JOIN-2",
            "tasks that have ended",
            (true, true),
            (value.is_finished(), panic.is_finished()),
        );
        for drops in [Box::new(|| drop(value)) as Box<dyn FnOnce()>, Box::new(|| drop(panic))] {
            let dropped = catch_unwind(AssertUnwindSafe(drops));
            same("JOIN-2", "the drop of a handle whose result panics", true, dropped.is_ok());
        }
        let error: Result<(), _> = rt::spawn(async { panic_any(Bomb) }).await;
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(error)));
        same("JOIN-1", "the drop of an error whose payload panics", true, dropped.is_ok());
        same("JOIN-2", "a later task", Some(12), rt::spawn(async { 12 }).await.ok());
    });
}

fn a_timer_that_wakes_a_panicking_waker_wakes_the_others(runtime: &Handloom) {
    let woken = runtime.block_on(async {
        let deadline = rt::now() + Duration::from_millis(20);
        let bad: Vec<_> = (0..3).map(|_| polled_badly(aio::sleep_until(deadline))).collect();
        let others: Vec<_> = (0..10).map(|_| rt::spawn(aio::sleep_until(deadline))).collect();
        let late = polled_badly(aio::sleep_until(deadline));
        let mut woken = 0;
        for other in others {
            woken += u32::from(other.await.is_ok());
        }
        drop((bad, late));
        woken
    });
    same("TIMER-1", "sleeps that ended beside panicking ones", 10, woken);
}

fn a_socket_that_wakes_a_panicking_waker_wakes_the_others(runtime: &Handloom) {
    let woken = runtime.block_on(async {
        let (mut bad, bad_far) = pair_on_loop::<Handloom>();
        let mut buffer = [0];
        let mut reads = Box::pin(Reader::read(&mut bad, &mut buffer));
        assert!(poll_with(&mut reads, &panics_when_woken()).is_pending());
        let mut others = Vec::new();
        let mut fars = vec![bad_far];
        for _ in 0..15 {
            let (mut near, far) = pair_on_loop::<Handloom>();
            others.push(rt::spawn(async move { Reader::read(&mut near, &mut [0]).await.unwrap() }));
            fars.push(far);
        }
        aio::yield_now().await;
        for far in &mut fars {
            Writer::write_all(far, b"x").await.unwrap();
        }
        let mut woken = 0;
        for other in others {
            woken += other.await.unwrap();
        }
        woken
    });
    same("READY-4", "reads that ended beside a panicking one", 15, woken);
}

fn sockets_of_an_ended_loop_wake_all_though_one_panics(_: &Handloom) {
    let event_loop = asked(EventLoop::new().unwrap());
    let (count, waker) = handloom_conformance::futures::CountingWake::pair();
    let kept = event_loop.block_on(async {
        let mut sleeps: Vec<_> = (0..3).map(|_| aio::sleep(Duration::from_hours(1))).collect();
        assert!(poll_with(&mut sleeps[0], &panics_when_woken()).is_pending());
        for sleep in &mut sleeps[1..] {
            assert!(poll_with(sleep, &waker).is_pending());
        }
        sleeps
    });
    drop(event_loop);
    same("END-2", "wakes of sleeps whose loop is gone", 2, count.wakes());
    drop(kept);
}

fn calls_that_were_never_made_are_all_dropped_though_one_panics(_: &Handloom) {
    let event_loop = asked(EventLoop::new().unwrap());
    let remote = event_loop.remote();
    let dropped = Arc::new(());
    for bad in [false, true, true, false] {
        let held = dropped.clone();
        let on_drop = OnDrop(move || {
            assert!(!bad, "dropped, {} held", Arc::strong_count(&held));
        });
        remote.call_soon(move || drop(on_drop)).unwrap();
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(event_loop)));
    same("END-2", "the drop of a loop panicked", false, outcome.is_err());
    same("END-2", "calls that live on", 1, Arc::strong_count(&dropped));
    same("END-2", "a later call", Err(rt::LoopGone), remote.call_soon(|| ()));
}

fn an_observer_hears_the_end_of_tasks_that_are_left_over(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        for _ in 0..3 {
            drop(rt::spawn(pending::<()>()));
        }
        aio::yield_now().await;
    });
    let finished = log.count(|told| matches!(told, Told::Finished(_)));
    same("HOOK-1", "ends of tasks that were left over", 3, finished);
}

fn a_waker_of_an_earlier_block_on_polls_nothing(runtime: &Handloom) {
    let old = runtime.block_on(own_waker());
    let other = asked(EventLoop::new().unwrap());
    let polls = runtime.block_on(async {
        let polls = Cell::new(0);
        let mut sleep = Box::pin(aio::sleep(Duration::from_millis(30)));
        let (here, far) = (old.clone(), old.clone());
        let wakes = thread::spawn(move || (0..100).for_each(|_| far.wake_by_ref()));
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            here.wake_by_ref();
            sleep.as_mut().poll(cx)
        })
        .await;
        wakes.join().unwrap();
        polls.get()
    });
    same("TASK-5", "polls of a future that sleeps once", 2, polls);
    other.block_on(async { old.wake_by_ref() });
    same("TASK-5", "a later block_on", 12, runtime.block_on(async { 12 }));
}

fn an_id_of_another_loop_cancels_nothing(runtime: &Handloom) {
    let old = EventLoop::new().unwrap().block_on(async { rt::spawn(async {}).id() });
    let outcome = runtime.block_on(async {
        let task = rt::spawn(async {
            aio::yield_now().await;
            12
        });
        same("TABLE-2", "cancel with an id of another loop", false, rt::cancel(old));
        same("TABLE-2", "ids of two loops are equal", false, task.id() == old);
        task.await.ok()
    });
    same("TABLE-2", "a task of this loop", Some(12), outcome);
}

fn an_old_id_cancels_nothing_in_a_slot_that_is_used_again(runtime: &Handloom) {
    runtime.block_on(async {
        let first = rt::spawn(async {});
        let old = first.id();
        first.await.unwrap();
        for _ in 0..100 {
            let task = rt::spawn(async {
                aio::yield_now().await;
                12
            });
            same("TABLE-2", "cancel with an old id", false, rt::cancel(old));
            same("TABLE-2", "the task in its slot", Some(12), task.await.ok());
        }
    });
}

fn a_virtual_run_depends_on_its_seed_alone(_: &Handloom) {
    let run = || {
        let event_loop = asked(EventLoop::builder().virtual_clock().seed(7).build().unwrap());
        let steps = Rc::new(RefCell::new(Vec::new()));
        let notes = steps.clone();
        event_loop.block_on(async move {
            let tasks: Vec<_> = (0..10)
                .map(|task| {
                    let notes = notes.clone();
                    rt::spawn(async move {
                        for step in 0..60 {
                            notes.borrow_mut().push((task, step));
                            match (task + step) % 3 {
                                0 => aio::sleep(Duration::ZERO).await,
                                1 => aio::yield_now().await,
                                // Long enough that the kernel's clock ticks now and then.
                                _ => thread::sleep(Duration::from_micros(100)),
                            }
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        steps.take()
    };
    let first = run();
    let others = (0..10).filter(|_| run() != first).count();
    same("CLOCK-2", "runs of 10 with the same seed that differ from the first", 0, others);
}

fn a_loop_without_any_descriptor_limit_sleeps_on_time(runtime: &Handloom) {
    limits::set_open_files(0).unwrap();
    runtime.block_on(async {
        for _ in 0..10 {
            let begun = rt::now();
            aio::sleep(Duration::from_micros(1500)).await;
            let took = rt::now() - begun;
            holds("SLEEP-1", "a sleep of 1.5 ms", "1.5 ms at least", took, |took| {
                *took >= Duration::from_micros(1500)
            });
        }
    });
}
