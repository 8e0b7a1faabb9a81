//! Hostile programs for the event loop: foreign wakers that call back into it, observers that meddle, tasks that cancel
//! themselves and each other, destructors that spawn and block, calls that never end.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::run_in_real_time;
use crate::virtual_time::{Watchdog, run};
use handloom::aio::{self, Event, TaskSet, run_blocking, sleep, timeout, yield_now};
use handloom::rt::{self, EventLoop, JoinError, JoinHandle, Moment, Observer, TaskId, spawn};

/// A waker whose drop calls back into the loop: it runs where the loop lets go of a waker.
struct CallsBack(Arc<AtomicUsize>);

impl Wake for CallsBack {
    fn wake(self: Arc<Self>) {}
}

impl Drop for CallsBack {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        drop(spawn(async {}));
        drop(sleep(Duration::from_hours(1)));
        drop(rt::task_table());
        rt::now();
    }
}

/// Polls a future once with a waker that calls back when it is dropped.
fn poll_calling_back(future: Pin<&mut impl Future>, count: &Arc<AtomicUsize>) {
    let waker = Waker::from(Arc::new(CallsBack(count.clone())));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending(), "expected a wait");
}

#[test]
fn a_waker_may_call_back_into_the_loop_when_it_is_dropped() {
    let count = Arc::default();
    run_in_real_time(async {
        let set = TaskSet::new();
        let key = set.add();
        let (mut nap, event) = (sleep(Duration::from_hours(1)), Event::new());
        let mut task = spawn(pending::<()>());
        let mut waits = Box::pin(event.wait());
        for _ in 0..3 {
            poll_calling_back(Pin::new(&mut nap), &count);
            poll_calling_back(Pin::new(&mut task), &count);
            poll_calling_back(waits.as_mut(), &count);
            set.set_waker(key, &Waker::from(Arc::new(CallsBack(count.clone()))));
        }
        nap.reset(rt::now());
        yield_now().await;
        drop((nap, task, waits));
        set.remove(key);
    });
    let dropped = count.load(Ordering::SeqCst);
    assert_eq!(dropped, 12, "CORE-1: expected every waker to be dropped, came {dropped}");
}

/// Spawns a task whenever it is told that the loop waits.
struct SpawnsAtWaits(Rc<Cell<usize>>);

impl Observer for SpawnsAtWaits {
    fn observe(&self, moment: Moment<'_>) {
        if matches!(moment, Moment::Waits { .. }) && self.0.get() < 5 {
            let ran = self.0.clone();
            drop(spawn(async move { ran.set(ran.get() + 1) }));
        }
    }
}

#[test]
fn a_task_that_an_observer_spawns_when_the_loop_waits_runs_at_once() {
    let _watchdog = Watchdog::new();
    let ran = Rc::new(Cell::new(0));
    let event_loop =
        EventLoop::builder().observer(SpawnsAtWaits(ran.clone())).build().expect("a loop");
    let begun = Instant::now();
    event_loop.block_on(async {
        let patience = timeout(Duration::from_secs(5), async {
            while ran.get() < 5 {
                sleep(Duration::from_millis(20)).await;
            }
        });
        patience.await.expect("the tasks run");
    });
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "HOOK-1: expected five tasks at once, took {took:?}");
}

#[test]
fn a_future_that_another_thread_wakes_ten_times_a_second_is_never_reported_as_stuck() {
    let _watchdog = Watchdog::new();
    let event_loop = EventLoop::builder().panic_when_stuck().build().expect("a loop");
    let mut polls = 0;
    event_loop.block_on(poll_fn(|cx| {
        polls += 1;
        if polls > 13 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            waker.wake();
        });
        Poll::Pending
    }));
}

#[test]
fn tasks_cancel_themselves_each_other_and_the_main_future() {
    run_in_real_time(async {
        let handles: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();
        let ended = Rc::new(Cell::new(0));
        for _ in 0..100 {
            let (all, ended) = (handles.clone(), ended.clone());
            let task = spawn(async move {
                yield_now().await;
                for other in all.borrow().iter() {
                    other.cancel();
                }
                ended.set(ended.get() + 1);
                yield_now().await;
                pending::<()>().await;
            });
            handles.borrow_mut().push(task);
        }
        yield_now().await;
        yield_now().await;
        let all = handles.take();
        for task in all {
            assert!(matches!(task.await, Err(JoinError::Cancelled)), "JOIN-1: expected a cancel");
        }
        let ended = ended.get();
        assert_eq!(ended, 1, "expected the first task to cancel all others, came {ended}");
    });
}

/// Learns the id of the main future, which no function tells.
struct LearnsMain(Rc<Cell<Option<TaskId>>>);

impl Observer for LearnsMain {
    fn observe(&self, moment: Moment<'_>) {
        if let Moment::Woken { task } = moment
            && self.0.get().is_none()
        {
            self.0.set(Some(task));
        }
    }
}

#[test]
fn an_id_that_was_kept_cancels_neither_a_main_future_nor_a_later_task() {
    let _watchdog = Watchdog::new();
    let main = Rc::new(Cell::new(None));
    let event_loop =
        EventLoop::builder().observer(LearnsMain(main.clone())).build().expect("a loop");
    let old = event_loop.block_on(async {
        let id = main.get().expect("the main future was woken first");
        let canceller = spawn(async move { rt::cancel(id) });
        assert!(!canceller.await.expect("it ends"), "expected a main future to refuse a cancel");
        spawn(async {}).id()
    });
    let kept = main.get().expect("it was learned");
    event_loop.block_on(async {
        for _ in 0..10 {
            let task = spawn(yield_now());
            assert!(!rt::cancel(old), "expected an old id to name nothing");
            assert!(!rt::cancel(kept), "expected an old main id to name nothing");
            task.await.expect("not cancelled");
        }
    });
}

/// Spawns another of its kind when it is dropped, and tries to run a loop.
struct SpawnsWhenDropped(usize, Rc<Cell<usize>>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        self.1.set(self.1.get() + 1);
        let nested = catch_unwind(AssertUnwindSafe(|| rt::block_on(async {})));
        assert!(nested.is_err(), "CTX-1: expected a nested block_on to panic");
        if self.0 > 0 {
            let next = SpawnsWhenDropped(self.0 - 1, self.1.clone());
            drop(spawn(async move {
                let _next = next;
                pending::<()>().await;
            }));
        }
    }
}

#[test]
fn destructors_at_the_end_spawn_a_hundred_times_and_call_block_on() {
    let drops = Rc::new(Cell::new(0));
    run_in_real_time(async {
        let first = SpawnsWhenDropped(100, drops.clone());
        drop(spawn(async move {
            let _first = first;
            pending::<()>().await;
        }));
        yield_now().await;
    });
    assert_eq!(drops.get(), 101, "END-1: expected every task to be dropped");
    assert_eq!(rt::block_on(async { 12 }), 12, "END-1: a later block_on");
}

/// An error that panics when it is shown.
#[derive(Debug)]
struct PanicsWhenShown;

impl fmt::Display for PanicsWhenShown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("shown, as the test wants");
    }
}

impl Error for PanicsWhenShown {}

#[test]
fn an_error_that_panics_when_it_is_shown_harms_no_other_task() {
    run_in_real_time(async {
        let fails = async || Err::<(), Box<dyn Error>>(Box::new(PanicsWhenShown));
        drop(spawn(fails()));
        let task = spawn(fails());
        yield_now().await;
        yield_now().await;
        assert!(task.is_finished());
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(task)));
        assert!(dropped.is_ok(), "JOIN-3: whoever drops the handle does not hear of it");
    });
}

#[test]
fn a_destructor_that_panics_beside_the_panic_of_its_task_does_not_abort() {
    /// Panics when polled and when dropped.
    struct Twice;
    impl Future for Twice {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("polled, as the test wants");
        }
    }
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("dropped, as the test wants");
        }
    }
    run_in_real_time(async {
        for _ in 0..10 {
            let error = spawn(Twice).await.expect_err("it panics");
            assert!(error.to_string().contains("polled"), "JOIN-1: the first panic, came {error}");
        }
        let left: Vec<_> = (0..10).map(|_| spawn(Twice)).collect();
        drop(left);
        yield_now().await;
    });
}

/// Tells its tasks' ends and reports; spawns a task at each report.
struct SpawnsAtReports(Rc<RefCell<Vec<String>>>);

impl Observer for SpawnsAtReports {
    fn observe(&self, moment: Moment<'_>) {
        if let Moment::Finished { task } = moment {
            self.0.borrow_mut().push(format!("{task} ends"));
        }
    }

    fn report(&self, text: &str) {
        self.0.borrow_mut().push(text.to_owned());
        drop(spawn(yield_now()));
    }
}

#[test]
fn a_task_that_a_destructor_spawns_at_the_end_is_not_taken_for_the_main_future() {
    let _watchdog = Watchdog::new();
    let told = Rc::<RefCell<Vec<String>>>::default();
    let observer = SpawnsAtReports(told.clone());
    // A poll may take long on a busy machine, and a report of it would stand among what is told.
    let builder = EventLoop::builder().observer(observer).slow_poll(None);
    let event_loop = builder.build().expect("a loop");
    event_loop.block_on(async {
        let first = SpawnsWhenDropped(1, Rc::default());
        drop(spawn(async move {
            let _first = first;
            pending::<()>().await;
        }));
        yield_now().await;
    });
    assert_eq!(*told.borrow(), ["task 1 ends", "task 2 ends"], "END-1: expected two tasks");
}

#[test]
fn a_task_that_is_spawned_when_a_stuck_loop_ends_does_not_stand_in_the_next_main_futures_place() {
    /// Panics when dropped.
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped, as the test wants");
        }
    }
    let _watchdog = Watchdog::new();
    let observer = SpawnsAtReports(Rc::default());
    let builder = EventLoop::builder().panic_when_stuck().observer(observer);
    let event_loop = builder.build().expect("a loop");
    let stuck = catch_unwind(AssertUnwindSafe(|| {
        event_loop.block_on(async {
            let _panics = Panics;
            pending::<()>().await;
        });
    }));
    assert!(stuck.is_err(), "nothing can wake it");
    let value = event_loop.block_on(async {
        sleep(Duration::from_millis(5)).await;
        12
    });
    assert_eq!(value, 12, "END-1: a later block_on");
}

#[test]
fn a_call_that_calls_itself_for_ever_starves_nothing() {
    /// Makes the loop call this again, until it is told to stop.
    fn again(remote: &rt::Remote, stop: &Arc<AtomicUsize>) {
        if stop.load(Ordering::SeqCst) == 0 {
            let (next, stop) = (remote.clone(), stop.clone());
            remote.call_soon(move || again(&next, &stop)).expect("the loop lives");
        }
    }
    let _watchdog = Watchdog::new();
    let event_loop = EventLoop::new().expect("a loop");
    let (remote, stop) = (event_loop.remote(), Arc::default());
    event_loop.block_on(async {
        again(&remote, &stop);
        let begun = Instant::now();
        for _ in 0..10 {
            sleep(Duration::from_millis(5)).await;
        }
        stop.store(1, Ordering::SeqCst);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "LOOP-2: ten sleeps of 5 ms took {took:?}");
        // A block_on in a call panics, and the panic stays there.
        remote.call_soon(|| rt::block_on(async {})).expect("the loop lives");
        yield_now().await;
        assert_eq!(spawn(async { 12 }).await.expect("a later task"), 12);
    });
}

/// Counts the polls between two waits, and keeps the most.
struct CountsPolls(Cell<usize>, Rc<Cell<usize>>);

impl Observer for CountsPolls {
    fn observe(&self, moment: Moment<'_>) {
        match moment {
            Moment::Polled { .. } => self.0.set(self.0.get() + 1),
            Moment::Waits { .. } => self.1.set(self.1.get().max(self.0.take())),
            _ => {}
        }
    }
}

#[test]
fn the_selector_is_asked_once_in_64_polls_also_when_a_thousand_tasks_are_ready() {
    let _watchdog = Watchdog::new();
    for builder in [EventLoop::builder(), EventLoop::builder().seed(7)] {
        let most = Rc::new(Cell::new(0));
        let observer = CountsPolls(Cell::new(0), most.clone());
        // Virtual time has no ticks, so only the number of polls ends a turn.
        let event_loop = builder.virtual_clock().observer(observer).build().expect("a loop");
        event_loop.block_on(async {
            (0..1_000).for_each(|_| drop(spawn(yield_now())));
            yield_now().await;
        });
        assert_eq!(most.get(), 64, "LOOP-1: expected 64 polls between two looks");
    }
}

#[test]
fn a_thousand_ready_tasks_run_in_the_order_of_their_wakes_over_many_turns() {
    let polled = Rc::new(RefCell::new(Vec::new()));
    run(async {
        for number in 0..1_000 {
            let polled = polled.clone();
            drop(spawn(async move {
                polled.borrow_mut().push(number);
                yield_now().await;
                polled.borrow_mut().push(number);
            }));
        }
        sleep(Duration::from_secs(1)).await;
    });
    let expected: Vec<_> = (0..1_000).chain(0..1_000).collect();
    assert_eq!(*polled.borrow(), expected, "QUEUE-2: expected first in, first out");
}

#[test]
fn loops_on_many_threads_wake_each_others_tasks() {
    let _watchdog = Watchdog::new();
    let rounds = 200;
    let threads: Vec<_> = (0..6)
        .map(|_| {
            thread::spawn(move || {
                rt::block_on(async move {
                    for round in 0..rounds {
                        let value = run_blocking(move || rt::block_on(async move { round })).await;
                        assert_eq!(value.expect("the job ends"), round);
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("its loop ends");
    }
}

/// Asks for loops to be watched whenever a task is made ready.
struct WatchesAtWakes(Rc<Cell<usize>>);

impl Observer for WatchesAtWakes {
    fn observe(&self, moment: Moment<'_>) {
        if let Moment::Woken { .. } = moment {
            rt::watch_loops(|| None);
            self.0.set(self.0.get() + 1);
        }
    }
}

#[test]
fn an_observer_of_a_wake_may_change_how_loops_are_watched() {
    // On a thread of its own, whose loops stay watched.
    let thread = thread::spawn(|| {
        let count = Rc::new(Cell::new(0));
        let observer = WatchesAtWakes(count.clone());
        let event_loop = EventLoop::builder().observer(observer).build().expect("a loop");
        event_loop.block_on(yield_now());
        assert_eq!(count.get(), 2, "HOOK-1: expected nothing to be borrowed");
    });
    thread.join().expect("no panic");
}

#[test]
fn a_handle_of_a_loop_at_rest_waits_and_one_of_a_dropped_loop_is_cancelled() {
    let _watchdog = Watchdog::new();
    let (other, event_loop) =
        (EventLoop::new().expect("a loop"), EventLoop::new().expect("a loop"));
    // The handle is the value, not awaited here.
    let mut task = other.block_on(poll_fn(|_| Poll::Ready(spawn(pending::<()>()))));
    // It was left over, so it has ended.
    let ended = event_loop.block_on(async { (&mut task).await });
    assert!(matches!(ended, Err(JoinError::Cancelled)), "END-1: expected a cancel, came {ended:?}");
    let again = catch_unwind(AssertUnwindSafe(|| event_loop.block_on(async { (&mut task).await })));
    assert!(again.is_err(), "a handle polled after its result panics");
    drop(other);
    assert!(task.is_finished() && format!("{task:?}").contains("JoinHandle"));
}

#[test]
fn a_sleep_whose_loop_is_gone_is_ready_also_after_a_reset() {
    let _watchdog = Watchdog::new();
    let (home, event_loop) = (EventLoop::new().expect("a loop"), EventLoop::new().expect("a loop"));
    let (mut nap, mut ticks) = home.block_on(async {
        let hour = Duration::from_hours(1);
        (sleep(hour), aio::interval(hour))
    });
    drop(home);
    event_loop.block_on(async {
        nap.reset(rt::now() + Duration::from_hours(1));
        nap.await;
        ticks.tick().await;
        ticks.tick().await;
    });
}

#[test]
fn the_longest_and_the_shortest_timers_are_reset_a_thousand_times() {
    run_in_real_time(async {
        let mut naps: Vec<_> = (0..100).map(|_| sleep(Duration::MAX)).collect();
        for round in 0..1000 {
            let nap = &mut naps[round % 100];
            let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut *nap).poll(cx))).await;
            assert!(polled.is_pending(), "TIMER-1: a sleep without end has ended");
            nap.reset(rt::now() + Duration::from_hours(1));
        }
        for nap in &mut naps {
            nap.reset(rt::now());
        }
        for nap in naps {
            nap.await;
        }
        for _ in 0..1000 {
            sleep(Duration::ZERO).await;
        }
    });
}

#[test]
fn timers_fire_in_order_while_most_are_dropped() {
    // In virtual time, because a busy machine may take longer for the spawns than to the first deadlines.
    run(async {
        let begun = rt::now();
        let fired = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        let mut dropped = Vec::new();
        for number in 0..2000_u64 {
            let deadline = begun + Duration::from_micros(20_000 + number * 7919 % 2000 * 10);
            let nap = aio::sleep_until(deadline);
            if number % 4 != 0 {
                dropped.push(nap);
                continue;
            }
            let fired = fired.clone();
            tasks.push(spawn(async move {
                nap.await;
                fired.borrow_mut().push(deadline);
                assert!(rt::now() >= deadline, "TIMER-1: a sleep was early");
            }));
        }
        drop(dropped);
        for task in tasks {
            task.await.expect("it sleeps");
        }
        let fired = fired.take();
        assert_eq!(fired.len(), 500, "expected each sleep that lives to end");
        assert!(fired.is_sorted(), "TIMER-2: expected the order of deadlines");
    });
}

#[test]
fn a_hundred_thousand_tasks_wait_for_one_event_and_half_are_cancelled() {
    run_in_real_time(async {
        let event = Rc::new(Event::new());
        let tasks: Vec<_> = (0..100_000)
            .map(|_| {
                let event = event.clone();
                spawn(async move { event.wait().await })
            })
            .collect();
        yield_now().await;
        for task in tasks.iter().step_by(2) {
            task.cancel();
        }
        event.set();
        let mut values = 0;
        for task in tasks {
            values += u32::from(task.await.is_ok());
        }
        assert_eq!(values, 50_000, "expected each task that was not cancelled to end");
    });
}

#[test]
fn wakers_outlive_their_loop_on_other_threads() {
    let _watchdog = Watchdog::new();
    for _ in 0..50 {
        let wakers = rt::block_on(async {
            let kept: Rc<RefCell<Vec<Waker>>> = Rc::default();
            for _ in 0..20 {
                let keeps = kept.clone();
                let held = Rc::new(());
                drop(spawn(poll_fn(move |cx| {
                    assert_eq!(Rc::strong_count(&held), 1, "the task's own value");
                    keeps.borrow_mut().push(cx.waker().clone());
                    Poll::<()>::Pending
                })));
            }
            yield_now().await;
            kept.take()
        });
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let wakers = wakers.clone();
                thread::spawn(move || {
                    wakers.iter().for_each(Waker::wake_by_ref);
                    wakers.into_iter().for_each(Waker::wake);
                })
            })
            .collect();
        drop(wakers);
        for thread in threads {
            thread.join().expect("TASK-5: a late wake is harmless");
        }
    }
}
