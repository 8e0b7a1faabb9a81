//! Hostile users of `aio`: wakers, destructors and payloads that panic; several tasks on one socket or one sleep;
//! sockets of a loop that does not run.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::support::{poll_once, run, run_in_real_time};
use handloom::aio::{
    AsyncWrite, Condition, Event, Lock, Queue, Semaphore, TaskSet, TcpListener, TcpStream,
    as_completed, run_blocking, sleep, task_group, yield_now,
};
use handloom::rt::{EventLoop, spawn};

/// A waker that panics.
struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("this waker panics, as the test wants");
    }
}

/// A value whose destructor panics.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "this destructor panics, as the test wants");
    }
}

/// Polls a future once with a waker that panics; it must wait.
fn poll_with_panicking_waker(future: Pin<&mut impl Future>) {
    let waker = Waker::from(Arc::new(PanicsWhenWoken));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending(), "expected a wait");
}

/// A connection to a peer that is a socket of the standard library.
async fn pair() -> (TcpStream, std::net::TcpStream) {
    let mut listener =
        TcpListener::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = listener.local_addr().expect("bound");
    let peer = std::net::TcpStream::connect(address).expect("it listens");
    (listener.accept().await.expect("a client waits").0, peer)
}

#[test]
fn two_tasks_that_wait_for_one_socket_are_both_served() {
    run_in_real_time(async {
        for tasks in [2, 3, 100] {
            let (stream, mut peer) = pair().await;
            let (stream, polls) = (Rc::new(RefCell::new(stream)), Rc::new(Cell::new(0)));
            let waiting: Vec<_> = (0..tasks)
                .map(|_| {
                    let (stream, polls) = (stream.clone(), polls.clone());
                    spawn(poll_fn(move |cx| {
                        polls.set(polls.get() + 1);
                        stream.borrow_mut().poll_readable(cx)
                    }))
                })
                .collect();
            sleep(Duration::from_millis(20)).await;
            assert!(
                polls.get() <= 2 * tasks,
                "SOURCE-4: expected no spinning, came {} polls",
                polls.get()
            );
            peer.write_all(b"x").expect("room");
            for task in waiting {
                task.await.expect("no panic").expect("SOURCE-4: every task is told");
            }
        }
    });
}

#[test]
fn a_thousand_tasks_that_wait_for_one_socket_or_sleep_do_not_wake_each_other_without_end() {
    const TASKS: usize = 1_000;
    run_in_real_time(async {
        let (stream, mut peer) = pair().await;
        let nap = Rc::new(RefCell::new(Box::pin(sleep(Duration::from_secs(1)))));
        let (stream, polls) = (Rc::new(stream), Rc::new(Cell::new(0)));
        let mut waiting = Vec::new();
        for _ in 0..TASKS {
            let (stream, nap, polls) = (stream.clone(), nap.clone(), polls.clone());
            waiting.push(spawn(poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                let (read, slept) = (stream.poll_readable(cx), nap.borrow_mut().as_mut().poll(cx));
                if read.is_ready() && slept.is_ready() { Poll::Ready(()) } else { Poll::Pending }
            })));
        }
        let (mut before, begun) = (0, Instant::now());
        while before < polls.get() || before == 0 {
            let took = begun.elapsed();
            assert!(took.as_millis() < 900, "SOURCE-4: still polled after {took:?}");
            before = polls.get();
            sleep(Duration::from_millis(50)).await;
        }
        assert!(
            before <= 4 * TASKS,
            "SOURCE-4: expected few polls, came {before} for {TASKS} tasks"
        );
        peer.write_all(b"x").expect("room");
        for task in waiting {
            task.await.expect("SOURCE-4: every task is told");
        }
    });
}

#[test]
fn two_tasks_that_poll_one_sleep_are_both_woken() {
    run_in_real_time(async {
        let nap = Rc::new(RefCell::new(Box::pin(sleep(Duration::from_millis(30)))));
        let polls = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (nap, polls) = (nap.clone(), polls.clone());
                spawn(poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    nap.borrow_mut().as_mut().poll(cx)
                }))
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        assert!(polls.get() <= 6, "expected two polls a task, came {} for three", polls.get());
    });
}

#[test]
fn wakers_that_come_and_go_on_an_idle_socket_do_not_pile_up_or_lose_the_last() {
    run_in_real_time(async {
        let (mut stream, mut peer) = pair().await;
        for _ in 0..2_000 {
            let readable: Pin<Box<dyn Future<Output = bool>>> =
                Box::pin(async { stream.readable().await.is_ok() });
            let other = Box::pin(async {
                yield_now().await;
                false
            });
            let first = as_completed([readable, other]).next().await;
            assert_eq!(first, Some((1, false)), "nothing has come");
        }
        peer.write_all(b"x").expect("room");
        stream.readable().await.expect("SOURCE-4: the one that still waits is woken");
    });
}

#[test]
fn socket_of_a_loop_at_rest_is_an_error_at_once_for_ever() {
    let home = EventLoop::new().expect("a loop");
    let (mut stream, _peer) = home.block_on(pair());
    run_in_real_time(async {
        // More often than a task has budget for.
        for _ in 0..1_000 {
            let error = stream.write(b"x").await.expect_err("SOURCE-3: its loop is at rest");
            assert!(error.to_string().contains("does not run"), "SOURCE-3: came {error}");
            assert!(stream.readable().await.is_err(), "SOURCE-3: its loop is at rest");
        }
    });
    home.block_on(async {
        stream.write_all(b"x").await.expect("its loop runs again");
    });
}

#[test]
fn waker_that_panics_takes_no_wake_from_the_others() {
    run(async {
        let (event, semaphore, queue) =
            (Rc::new(Event::new()), Rc::new(Semaphore::new(2)), Queue::<u32>::new(1));
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let permits = (semaphore.try_acquire(), semaphore.try_acquire());
        let theirs = event.clone();
        let mut hostile = pin!(async move { theirs.wait().await });
        poll_with_panicking_waker(hostile.as_mut());
        let theirs = semaphore.clone();
        let mut hostile_permit = pin!(async move { drop(theirs.acquire().await) });
        poll_with_panicking_waker(hostile_permit.as_mut());
        let mut hostile_item = pin!(queue.get());
        poll_with_panicking_waker(hostile_item.as_mut());
        let mut hostile_notice = pin!(async { drop(shared.1.wait(shared.0.lock().await).await) });
        poll_with_panicking_waker(hostile_notice.as_mut());

        let (for_event, for_permit, for_item, for_notice) =
            (event.clone(), semaphore.clone(), queue.clone(), shared.clone());
        let others = [
            spawn(async move { for_event.wait().await }),
            spawn(async move { drop(for_permit.acquire().await) }),
            spawn(async move { assert_eq!(for_item.get().await, None) }),
            spawn(async move { drop(for_notice.1.wait(for_notice.0.lock().await).await) }),
        ];
        yield_now().await;
        event.set();
        drop(permits);
        queue.close();
        shared.1.notify_all();
        for other in others {
            other.await.expect("WAIT-5: the wakes after the one that panicked are made");
        }
    });
}

#[test]
fn putter_does_not_hear_of_a_getters_waker_that_panics_and_the_item_stays() {
    run(async {
        let queue = Queue::new(1);
        {
            let mut hostile = pin!(queue.get());
            poll_with_panicking_waker(hostile.as_mut());
            queue.put(7).await.expect("WAIT-5: the panic of a getter's waker is not the putter's");
        }
        assert_eq!(queue.try_get(), Ok(7), "ITEM-3: the getter was dropped, the item stays");
    });
}

#[test]
fn unlock_during_a_panic_with_a_waker_that_panics_does_not_abort() {
    run(async {
        let lock = Lock::new(());
        let guard = lock.lock().await;
        let mut hostile = pin!(lock.lock());
        poll_with_panicking_waker(hostile.as_mut());
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _guard = guard;
            panic!("as the test wants");
        }));
        assert!(unwound.is_err());
        assert!(poll_once(&mut Box::pin(hostile)).await.is_ready(), "LOCK-1: it was handed over");
    });
}

#[test]
fn task_set_wakes_all_tasks_and_forgets_wakers_that_panic() {
    run(async {
        let set = Rc::new(TaskSet::new());
        let hostile = set.add();
        set.set_waker(hostile, &Waker::from(Arc::new(PanicsWhenWoken)));
        let (theirs, woken) = (set.clone(), Rc::new(Cell::new(false)));
        let told = woken.clone();
        let task = spawn(async move {
            let key = theirs.add();
            poll_fn(|cx| {
                theirs.set_waker(key, cx.waker());
                if told.get() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            theirs.remove(key);
        });
        yield_now().await;
        woken.set(true);
        set.wake_all();
        task.await.expect("the wake after the one that panicked is made");
        set.remove(hostile);
        set.wait_below(1).await;
    });
}

#[test]
fn child_that_panics_has_ended_and_the_others_go_on() {
    run(async {
        let mut children = as_completed((0..3).map(async |number| {
            yield_now().await;
            assert_ne!(number, 1, "as the test wants");
            number
        }));
        let (mut ended, mut panics) = (Vec::new(), 0);
        loop {
            let next = poll_fn(|cx| {
                let mut next = pin!(children.next());
                match catch_unwind(AssertUnwindSafe(|| next.as_mut().poll(cx))) {
                    Ok(Poll::Ready(next)) => Poll::Ready(Ok(next)),
                    Ok(Poll::Pending) => Poll::Pending,
                    Err(_) => Poll::Ready(Err(())),
                }
            });
            match next.await {
                Ok(Some((_, number))) => ended.push(number),
                Ok(None) => break,
                Err(()) => panics += 1,
            }
        }
        assert_eq!((ended, panics), (vec![0, 2], 1), "COMES-1");
    });
}

#[test]
fn spent_budget_whose_waker_panics_loses_no_child() {
    run(async {
        let mut children = as_completed((0..300).map(async |number| number));
        let mut ended = Vec::new();
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        // One poll of a task has a budget of 128 outputs.
        let spent = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..300 {
                let next = pin!(children.next()).poll(&mut Context::from_waker(&waker));
                let Poll::Ready(Some((_, number))) = next else { panic!("expected an output") };
                ended.push(number);
            }
        }));
        assert!(spent.is_err(), "expected the end of the budget: CHILD-6");
        while let Some((_, number)) = children.next().await {
            ended.push(number);
        }
        assert!(ended.iter().copied().eq(0..300), "COMES-1; lost: {}", 300 - ended.len());
    });
}

#[test]
fn group_whose_waker_panics_takes_children_all_the_same() {
    run(async {
        let (group_out, group_in) = (Rc::new(RefCell::new(None)), Rc::new(Event::new()));
        let (handle, release) = (group_out.clone(), group_in.clone());
        let mut group = Box::pin(task_group(async move |group| {
            *handle.borrow_mut() = Some(group.clone());
            release.wait().await;
            Ok::<_, ()>(())
        }));
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        assert!(group.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let handle = group_out.borrow_mut().take().expect("the body has run");
        let child = handle.spawn(async { Ok(5) });
        group_in.set();
        group.await.expect("no child fails");
        assert_eq!(child.value().await, 5);
    });
}

#[test]
fn job_whose_value_or_payload_panics_in_its_destructor_harms_nothing() {
    run_in_real_time(async {
        let (let_go, gate) = channel::<()>();
        let dropped = run_blocking(move || {
            let _ = gate.recv();
            PanicsWhenDropped
        });
        drop(dropped);
        let payload = run_blocking(|| -> u32 { panic_any(PanicsWhenDropped) });
        drop(let_go);
        assert!(
            payload.await.is_err(),
            "BLOCK-3: a panic is an error, and its payload is dropped safely"
        );
        let forgotten = run_blocking(|| -> u32 { panic_any(PanicsWhenDropped) });
        while !forgotten_is_over(&forgotten) {
            sleep(Duration::from_millis(1)).await;
        }
        drop(forgotten);
        for number in 0..100 {
            assert_eq!(
                run_blocking(move || number).await.expect("BLOCK-3: threads live on"),
                number
            );
        }
    });
}

/// Tells whether a job has ended, by what its future prints.
fn forgotten_is_over<T>(job: &handloom::aio::Blocking<T>) -> bool {
    format!("{job:?}").contains("finished: true")
}

#[test]
fn job_awaited_with_a_waker_that_panics_still_lets_virtual_time_go_on() {
    run(async {
        let mut job = Box::pin(run_blocking(|| 3));
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        let first = job.as_mut().poll(&mut Context::from_waker(&waker));
        sleep(Duration::from_mins(1)).await;
        if first.is_pending() {
            assert_eq!(job.await.expect("no panic"), 3, "BLOCK-2");
        }
    });
}

#[test]
fn future_dropped_at_every_await_leaves_every_primitive_as_it_was() {
    run(async {
        for polls in 0..12 {
            let (lock, semaphore, queue, event) =
                (Lock::new(0), Semaphore::new(1), Queue::new(1), Event::new());
            let user = async {
                for _ in 0..2 {
                    let mut guard = lock.lock().await;
                    let permit = semaphore.acquire().await;
                    yield_now().await;
                    *guard += 1;
                    queue.put(*guard).await.expect("open");
                    drop((guard, permit));
                    queue.get().await.expect("an item");
                    event.set();
                    event.wait().await;
                    event.clear();
                }
            };
            {
                let (mut first, mut second) = (Box::pin(user), Box::pin(lock.lock()));
                for _ in 0..polls {
                    if poll_once(&mut first).await.is_ready() {
                        break;
                    }
                    drop(poll_once(&mut second).await);
                    second = Box::pin(lock.lock());
                }
            }
            assert_eq!(
                (lock.try_lock().is_some(), lock.waiters()),
                (true, 0),
                "LOCK-3, after {polls} polls"
            );
            assert_eq!(
                (semaphore.available(), semaphore.waiters()),
                (1, 0),
                "PERMIT-1, after {polls} polls"
            );
            assert_eq!((queue.waiters(), event.waiters()), (0, 0), "WAIT-2, after {polls} polls");
        }
    });
}
