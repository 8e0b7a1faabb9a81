//! Level 6: other threads, and other loops.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::alone::{open_descriptors, threads};
use crate::check::{holds, same};
use crate::futures::{
    CountsDrop, Gate, LoopThread, Probe, SharedGate, many_turns, meanwhile, opens_after,
    opens_when_idle, own_waker,
};
use crate::runtime::{Ended, Reader, Runtime, Task, Writer};
use crate::sockets::{pair, pair_on_loop, read_exact};

claims! {
    ($) l6_threads
    together: [
        a_wake_from_another_thread_during_a_poll_is_kept,
        a_wake_from_another_thread_at_any_moment_is_kept,
        a_wake_from_another_thread_ends_a_wait_for_sockets,
        a_wake_from_another_thread_does_not_wait_for_the_next_timer,
        a_call_reaches_a_loop_that_waits_for_sockets,
        a_storm_of_wakes_loses_none_and_polls_no_more_often,
        storms_on_many_tasks_lose_none,
        a_call_reaches_an_idle_loop,
        a_call_reaches_a_busy_loop,
        calls_are_made_in_order,
        a_panic_in_a_call_harms_nobody,
        a_waker_on_another_thread_outlives_its_runtime,
        the_last_reference_on_another_thread_drops_nothing_there,
        cancels_from_another_thread_race_the_end,
        the_canceller_of_an_ended_task_spares_its_successor,
        a_strangers_unpark_does_not_end_block_on,
        two_runtimes_take_turns_on_one_thread,
        two_runtimes_on_two_threads_wake_each_other,
        a_task_is_cancelled_from_another_thread,
        nothing_runs_outside_block_on,
        a_task_that_joins_itself_can_be_cancelled,
        an_earlier_timer_shortens_a_sleep_that_has_begun,
    ]
    alone: [
        a_thousand_runtimes_leave_nothing_behind,
    ]
}

/// A thread that wakes every waker that it is sent, and says so.
fn waking_thread() -> (mpsc::Sender<Waker>, mpsc::Receiver<()>, thread::JoinHandle<()>) {
    let (wakers, to_wake) = mpsc::channel::<Waker>();
    let (says, done) = mpsc::channel();
    let thread = thread::spawn(move || {
        for waker in to_wake {
            waker.wake();
            // Nobody listens once the test has failed.
            let _ = says.send(());
        }
    });
    (wakers, done, thread)
}

fn a_wake_from_another_thread_during_a_poll_is_kept<R: Runtime>(runtime: &R) {
    const ROUNDS: usize = 10_000;
    let (wakers, done, thread) = waking_thread();
    let mut rounds = 0;
    let (probe, counts) = Probe::new(poll_fn(move |cx| {
        if rounds == ROUNDS {
            return Poll::Ready(());
        }
        rounds += 1;
        wakers.send(cx.waker().clone()).unwrap();
        // The wake happens here, in the middle of this poll.
        done.recv().unwrap();
        Poll::Pending
    }));
    runtime.block_on(async { R::spawn(probe).await.value() });
    same("TASK-4", "polls of a task woken once in each", ROUNDS + 1, counts.polls.get());
    thread.join().unwrap();
}

fn a_wake_from_another_thread_at_any_moment_is_kept<R: Runtime>(runtime: &R) {
    // TASK-4 is broken when this does not end.
    const ROUNDS: usize = 10_000;
    let (wakers, _done, thread) = waking_thread();
    let asleep = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        for round in 0..ROUNDS {
            let (wakers, asleep) = (wakers.clone(), asleep.clone());
            let mut sent = false;
            // The wake comes before the poll ends, while the loop goes to sleep, or when it sleeps.
            let wakes_at_any_moment = poll_fn(move |cx| {
                if std::mem::replace(&mut sent, true) {
                    return Poll::Ready(());
                }
                wakers.send(cx.waker().clone()).unwrap();
                for _ in 0..round % 200 {
                    asleep.fetch_add(1, Ordering::Relaxed);
                }
                Poll::Pending
            });
            if round % 2 == 0 {
                wakes_at_any_moment.await;
            } else {
                R::spawn(wakes_at_any_moment).await.value();
            }
        }
    });
    drop(wakers);
    thread.join().unwrap();
}

fn a_wake_from_another_thread_ends_a_wait_for_sockets<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        // A reader waits, so the loop waits for its socket and not only for wakes.
        let (mut near, mut far) = pair::<R>();
        let reader = R::spawn(async move { near.read(&mut [0; 10]).await.unwrap() });
        for round in 0..3 {
            let gate = SharedGate::default();
            // At any moment, and at last when the loop waits.
            let opener = match round {
                2 => opens_when_idle(&gate),
                _ => opens_after(Duration::from_millis(round), &gate),
            };
            gate.passed().await;
            opener.join().unwrap();
        }
        std::io::Write::write_all(&mut far, b"x").unwrap();
        same("REMOTE-1", "what the reader got in the end", 1, reader.await.value());
    });
}

fn a_wake_from_another_thread_does_not_wait_for_the_next_timer<R: Runtime>(runtime: &R) {
    const SPAN: Duration = Duration::from_secs(5);
    runtime.block_on(async {
        let (mut near, _far) = pair::<R>();
        let reader = R::spawn(async move { drop(near.read(&mut [0; 10]).await) });
        let (begun, sleeper) = (Instant::now(), R::spawn(R::sleep(SPAN)));
        let gate = SharedGate::default();
        let opener = opens_when_idle(&gate);
        gate.passed().await;
        // By the clock: the sleeper may be woken in the same turn, and polled after this task.
        let is_over = begun.elapsed() >= SPAN;
        same("REMOTE-1", "a sleep of 5 s was over before the wake was seen", false, is_over);
        opener.join().unwrap();
        reader.cancel();
        sleeper.cancel();
    });
}

fn a_call_reaches_a_loop_that_waits_for_sockets<R: Runtime>(runtime: &R) {
    // REMOTE-1 is broken when this does not end.
    let (gate, remote) = (SharedGate::default(), runtime.remote());
    let (opens, here) = (gate.clone(), LoopThread::here());
    let (says, hears) = mpsc::channel();
    let far = thread::spawn(move || {
        // By now the loop waits for the reader's socket.
        hears.recv().unwrap();
        here.wait_until_idle();
        R::call(&remote, move || drop(R::spawn(async move { opens.open() })));
    });
    runtime.block_on(async {
        let (mut near, _far) = pair::<R>();
        let reader = R::spawn(async move { drop(near.read(&mut [0; 10]).await) });
        says.send(()).unwrap();
        gate.passed().await;
        reader.cancel();
    });
    far.join().unwrap();
}

/// How many threads wake in a storm, and how often each.
const STORM: (usize, usize) = (8, 100_000);

fn a_storm_of_wakes_loses_none_and_polls_no_more_often<R: Runtime>(runtime: &R) {
    let (threads, wakes) = STORM;
    let all = threads * wakes;
    let (count, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts_now, notes) = (count.clone(), seen.clone());
    let (probe, counts) = Probe::new(poll_fn(move |_| {
        let now = counts_now.load(Ordering::SeqCst);
        notes.store(now, Ordering::SeqCst);
        if now > all { Poll::Ready(()) } else { Poll::Pending }
    }));
    let seen_by_then = runtime.block_on(async {
        let (sends, waker) = mpsc::channel();
        let mut probe = Box::pin(probe);
        let task = R::spawn(poll_fn(move |cx| {
            drop(sends.send(cx.waker().clone()));
            probe.as_mut().poll(cx)
        }));
        R::yield_now().await;
        let waker = waker.recv().unwrap();
        let storm: Vec<_> = (0..threads)
            .map(|_| {
                let (waker, count) = (waker.clone(), count.clone());
                thread::spawn(move || {
                    for _ in 0..wakes {
                        count.fetch_add(1, Ordering::SeqCst);
                        waker.wake_by_ref();
                    }
                })
            })
            .collect();
        let here = LoopThread::here();
        let last = thread::spawn(move || {
            for thread in storm {
                thread.join().unwrap();
            }
            // The storm is over, and the loop waits. If a wake was lost, the task has not seen all of the storm.
            here.wait_until_idle();
            let seen_by_then = seen.load(Ordering::SeqCst);
            count.fetch_add(1, Ordering::SeqCst);
            waker.wake();
            seen_by_then
        });
        task.await.value();
        last.join().unwrap()
    });
    same("TASK-4", "wakes that the last poll of the storm came after", all, seen_by_then);
    holds("TASK-3", "polls for 800,001 wakes", "no more than wakes", counts.polls.get(), |polls| {
        *polls <= all + 2
    });
}

fn storms_on_many_tasks_lose_none<R: Runtime>(runtime: &R) {
    // REMOTE-1 is broken when this does not end.
    const TASKS: usize = 16;
    const ROUNDS: usize = 500;
    runtime.block_on(async {
        let mut waking = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let (gate, back) = (SharedGate::default(), mpsc::channel());
            let (opens, (says, hears)) = (gate.clone(), back);
            waking.push(thread::spawn(move || {
                for _ in 0..ROUNDS {
                    opens.open();
                    // The next round begins when this one has been seen.
                    if hears.recv().is_err() {
                        return;
                    }
                }
            }));
            tasks.push(R::spawn(async move {
                for _ in 0..ROUNDS {
                    gate.passed().await;
                    says.send(()).unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.value();
        }
        for thread in waking {
            thread.join().unwrap();
        }
    });
}

fn a_call_reaches_an_idle_loop<R: Runtime>(runtime: &R) {
    // REMOTE-1 is broken when this does not end.
    let (gate, remote) = (SharedGate::default(), runtime.remote());
    let (opens, here) = (gate.clone(), LoopThread::here());
    let (says, hears) = mpsc::channel();
    let far = thread::spawn(move || {
        // By now the loop waits in the selector.
        hears.recv().unwrap();
        here.wait_until_idle();
        R::call(&remote, move || {
            drop(R::spawn(async move {
                R::yield_now().await;
                opens.open();
            }));
        });
    });
    runtime.block_on(async {
        says.send(()).unwrap();
        gate.passed().await;
    });
    far.join().unwrap();
}

fn a_call_reaches_a_busy_loop<R: Runtime>(runtime: &R) {
    // REMOTE-1 is broken when this does not end.
    let (gate, remote) = (SharedGate::default(), runtime.remote());
    let opens = gate.clone();
    runtime.block_on(async {
        for _ in 0..100 {
            drop(R::spawn(async {
                loop {
                    R::yield_now().await;
                }
            }));
        }
        many_turns::<R>().await;
        let far = thread::spawn(move || {
            R::call(&remote, move || drop(R::spawn(async move { opens.open() })));
        });
        gate.passed().await;
        far.join().unwrap();
    });
}

fn calls_are_made_in_order<R: Runtime>(runtime: &R) {
    let (remote, made) = (runtime.remote(), Arc::new(Mutex::new(Vec::new())));
    let gate = SharedGate::default();
    let (opens, adds) = (gate.clone(), made.clone());
    runtime.block_on(async {
        // In the middle of a poll, so that the calls always meet a loop that runs.
        meanwhile(move || {
            for number in 0..1000 {
                let adds = adds.clone();
                R::call(&remote, move || adds.lock().unwrap().push(number));
            }
            R::call(&remote, move || opens.open());
        })
        .await;
        gate.passed().await;
    });
    let made = std::mem::take(&mut *made.lock().unwrap());
    same("REMOTE-1", "calls in the order of their making", (0..1000).collect::<Vec<_>>(), made);
}

fn a_panic_in_a_call_harms_nobody<R: Runtime>(runtime: &R) {
    let (gate, remote) = (SharedGate::default(), runtime.remote());
    let opens = gate.clone();
    runtime.block_on(async {
        meanwhile(move || {
            R::call(&remote, || panic!("the call is through"));
            R::call(&remote, move || opens.open());
        })
        .await;
        gate.passed().await;
    });
    same("REMOTE-1", "block_on afterwards", 12, runtime.block_on(async { 12 }));
}

fn a_waker_on_another_thread_outlives_its_runtime<R: Runtime>(_: &R) {
    let other = R::new();
    let (sends, waker) = mpsc::channel::<Waker>();
    let (begins, has_begun) = mpsc::channel::<()>();
    let (goes_on, may_go_on) = mpsc::channel::<()>();
    let far = thread::spawn(move || {
        let waker = waker.recv().unwrap();
        waker.wake_by_ref();
        begins.send(()).unwrap();
        while may_go_on.try_recv().is_err() {
            waker.wake_by_ref();
        }
        for _ in 0..1000 {
            waker.clone().wake();
        }
        drop(waker);
    });
    other.block_on(async {
        let kept = Rc::new(Cell::new(None));
        let keeps = kept.clone();
        drop(R::spawn(async move {
            keeps.set(Some(own_waker().await));
            pending::<()>().await;
        }));
        many_turns::<R>().await;
        sends.send(kept.take().unwrap()).unwrap();
        has_begun.recv().unwrap();
    });
    // The runtime goes while the other thread wakes without a pause.
    drop(other);
    goes_on.send(()).unwrap();
    same("TASK-6", "the thread that went on waking", true, far.join().is_ok());
}

fn the_last_reference_on_another_thread_drops_nothing_there<R: Runtime>(_: &R) {
    let other = R::new();
    let (probe, counts) = Probe::new(own_waker());
    let (result_drops, waker) = other.block_on(async {
        let waker = R::spawn(probe).await.value();
        // A result that nobody takes is dropped here too, and not where the last waker is.
        let drops = Rc::new(Cell::new(0));
        drop(R::spawn(ready(CountsDrop(drops.clone()))));
        many_turns::<R>().await;
        (drops, waker)
    });
    drop(other);
    same("TASK-6", "drops of the future", 1, counts.drops.get());
    same(
        "TASK-6",
        "the thread of its destructor",
        Some(thread::current().id()),
        counts.dropped_on.get(),
    );
    same("JOIN-2", "drops of a result that nobody took", 1, result_drops.get());
    thread::spawn(move || drop(waker)).join().unwrap();
    same("TASK-6", "drops in the end", 1, counts.drops.get());
}

fn cancels_from_another_thread_race_the_end<R: Runtime>(runtime: &R) {
    let remote = runtime.remote();
    let (cancels, to_cancel) = mpsc::channel::<(Box<dyn Fn() + Send>, mpsc::Sender<()>)>();
    let far = thread::spawn(move || {
        for (cancel, says) in to_cancel {
            cancel();
            // Nothing listens in most rounds.
            let _ = says.send(());
        }
    });
    runtime.block_on(async {
        // The loop never sleeps: whether a cancel ends its sleep is another claim.
        let is_over = Rc::new(Cell::new(false));
        let seen = is_over.clone();
        let busy = R::spawn(async move {
            while !seen.get() {
                R::yield_now().await;
            }
        });
        let mut ends = [0, 0];
        for round in 0..2000 {
            // In one round of 40 the cancel comes first.
            let is_first = round % 40 == 39;
            let (probe, counts) = Probe::new(async move {
                for _ in 0..round % 40 {
                    R::yield_now().await;
                }
            });
            let task = R::spawn(probe);
            let (says, hears) = mpsc::channel();
            cancels.send((R::canceller(&remote, &task), says)).unwrap();
            if is_first {
                hears.recv().unwrap();
            }
            match task.await {
                Ended::Value(()) => ends[0] += 1,
                Ended::Cancelled => ends[1] += 1,
                Ended::Panicked(_) => panic!("JOIN-1 is broken: expected no panic"),
            }
            same("TASK-2", "drops of a task whose cancel raced its end", 1, counts.drops.get());
        }
        same("JOIN-1", "ends of 2,000 tasks", 2000, ends[0] + ends[1]);
        is_over.set(true);
        drop(busy.await);
    });
    drop(cancels);
    far.join().unwrap();
}

fn a_strangers_unpark_does_not_end_block_on<R: Runtime>(runtime: &R) {
    let gate = SharedGate::default();
    let (opens, here, loop_thread) = (gate.clone(), thread::current(), LoopThread::here());
    let (says, hears) = mpsc::channel();
    let far = thread::spawn(move || {
        for _ in 0..1000 {
            here.unpark();
        }
        hears.recv().unwrap();
        // A loop that takes this for a wake of its own polls the future now, and then waits again.
        loop_thread.wait_until_idle();
        here.unpark();
        loop_thread.wait_until_idle();
        opens.open();
    });
    let (probe, counts) = Probe::new(async move {
        // The token of `park` is this thread's own business; the runtime neither needs nor keeps it.
        thread::park_timeout(Duration::from_millis(1));
        says.send(()).unwrap();
        gate.passed().await;
    });
    runtime.block_on(probe);
    holds("QUEUE-1", "polls of a future woken once", "2 at most", counts.polls.get(), |polls| {
        *polls <= 2
    });
    far.join().unwrap();
}

/// Sends a word through a pair of sockets, a task and a sleep.
async fn a_bit_of_everything<R: Runtime>() {
    let (mut near, mut far) = pair_on_loop::<R>();
    let sends = R::spawn(async move {
        R::sleep(Duration::from_millis(1)).await;
        near.write_all(b"word").await.unwrap();
        near
    });
    let mut word = [0; 4];
    read_exact(&mut far, &mut word).await.unwrap();
    same("READY-3", "what came through", b"word", &word);
    drop(sends.await.value());
}

fn two_runtimes_take_turns_on_one_thread<R: Runtime>(runtime: &R) {
    let other = R::new();
    let (mut here, mut here_far) = runtime.block_on(async { pair::<R>() });
    let (mut there, mut there_far) = other.block_on(async { pair::<R>() });
    for round in 0..20_u8 {
        runtime.block_on(a_bit_of_everything::<R>());
        other.block_on(a_bit_of_everything::<R>());
        // What comes for a socket while the other runtime runs is not lost.
        io_round(&mut here_far, &mut there_far, round);
        let mut byte = [0];
        runtime.block_on(read_exact(&mut here, &mut byte)).unwrap();
        same("SOURCE-3", "what the first runtime's socket read", [round], byte);
        other.block_on(read_exact(&mut there, &mut byte)).unwrap();
        same("SOURCE-3", "what the second runtime's socket read", [round + 100], byte);
    }
}

/// Sends a byte to each of two.
fn io_round(first: &mut impl std::io::Write, second: &mut impl std::io::Write, round: u8) {
    first.write_all(&[round]).unwrap();
    second.write_all(&[round + 100]).unwrap();
}

fn two_runtimes_on_two_threads_wake_each_other<R: Runtime>(runtime: &R) {
    // REMOTE-1 is broken when this does not end.
    const ROUNDS: usize = 300;
    let (ping, pong) = (SharedGate::default(), SharedGate::default());
    let (pinged, pongs) = (ping.clone(), pong.clone());
    let is_open = Arc::new(AtomicBool::new(false));
    let says = is_open.clone();
    let far = thread::spawn(move || {
        R::new().block_on(async {
            for round in 0..=ROUNDS {
                pinged.passed().await;
                pongs.open();
                if round == 0 {
                    says.store(true, Ordering::SeqCst);
                }
            }
        });
    });
    runtime.block_on(async {
        // The first wake of the other runtime comes in the middle of a poll, the others at any moment.
        let mut passes = Box::pin(pong.passed());
        let mut is_first = true;
        poll_fn(|cx| {
            let progress = passes.as_mut().poll(cx);
            if std::mem::take(&mut is_first) {
                ping.open();
                // Not by a channel, which would park this thread: the wake of a small loop is a token of `park`.
                while !is_open.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_micros(100));
                }
            }
            progress
        })
        .await;
        for _ in 0..ROUNDS {
            ping.open();
            pong.passed().await;
        }
    });
    far.join().unwrap();
}

fn a_thousand_runtimes_leave_nothing_behind<R: Runtime>(_: &R) {
    let kept = RefCell::new(Vec::new());
    let run = |round: usize| {
        let runtime = R::new();
        runtime.block_on(async {
            drop(R::spawn(R::sleep(Duration::from_hours(1))));
            let (mut near, far) = pair_on_loop::<R>();
            drop(R::spawn(async move { drop(near.read(&mut [0; 1]).await) }));
            R::yield_now().await;
            let waker = own_waker().await;
            if round.is_multiple_of(100) {
                kept.borrow_mut().push(waker);
            }
            drop(far);
        });
    };
    run(0);
    kept.borrow_mut().clear();
    let baseline = (open_descriptors(), threads());
    for round in 0..1000 {
        run(round);
    }
    // A waker keeps no more of its runtime than what wakes it.
    kept.borrow_mut().clear();
    same(
        "END-1",
        "descriptors and threads after 1,000 runtimes",
        baseline,
        (open_descriptors(), threads()),
    );
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

fn a_task_is_cancelled_from_another_thread<R: Runtime>(runtime: &R) {
    let remote = runtime.remote();
    runtime.block_on(async {
        let (probe, counts) = Probe::new(pending::<()>());
        let task = R::spawn(probe);
        R::yield_now().await;
        let (cancel, here) = (R::canceller(&remote, &task), LoopThread::here());
        let far = thread::spawn(move || {
            here.wait_until_idle();
            cancel();
        });
        same("JOIN-1", "the end", "cancelled", task.await.word());
        let here = Some(thread::current().id());
        same("END-1", "the thread of the destructor", here, counts.dropped_on.get());
        far.join().unwrap();
    });
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

fn an_earlier_timer_shortens_a_sleep_that_has_begun<R: Runtime>(runtime: &R) {
    let (gate, remote) = (SharedGate::default(), runtime.remote());
    let (opens, here) = (gate.clone(), LoopThread::here());
    let (says, hears) = mpsc::channel();
    let far = thread::spawn(move || {
        // By now the loop waits for the long sleep.
        hears.recv().unwrap();
        here.wait_until_idle();
        R::call(&remote, move || {
            drop(R::spawn(async move {
                R::sleep(Duration::from_millis(5)).await;
                opens.open();
            }));
        });
    });
    runtime.block_on(async {
        let sleeps = R::spawn(R::sleep(Duration::from_hours(1)));
        says.send(()).unwrap();
        gate.passed().await;
        same("TIMER-1", "the long sleep has ended", false, sleeps.is_finished());
        sleeps.cancel();
    });
    far.join().unwrap();
}

fn the_canceller_of_an_ended_task_spares_its_successor<R: Runtime>(runtime: &R) {
    let remote = runtime.remote();
    runtime.block_on(async {
        for ends_by_cancel in [false, true] {
            // It is always ready, so a cancel comes while it stands in the run queue.
            let first = R::spawn(async move {
                loop {
                    R::yield_now().await;
                    if !ends_by_cancel {
                        break;
                    }
                }
            });
            let cancel = R::canceller(&remote, &first);
            if ends_by_cancel {
                cancel();
            }
            let _end = first.await;
            many_turns::<R>().await;
            // These come into the places that are free.
            let gate = Gate::default();
            let later: Vec<_> = (0..4).map(|_| Probe::new(gate.passed())).collect();
            let (tasks, counts): (Vec<_>, Vec<_>) = later.into_iter().unzip();
            let tasks: Vec<_> = tasks.into_iter().map(R::spawn).collect();
            many_turns::<R>().await;
            cancel();
            many_turns::<R>().await;
            let polls: Vec<_> = counts.iter().map(|counts| counts.polls.get()).collect();
            same("TABLE-2", "polls of later tasks beside an old canceller", vec![1; 4], polls);
            gate.open();
            for task in tasks {
                same("TABLE-2", "the end of a later task", "a value", task.await.word());
            }
        }
    });
}
