//! Event, lock, semaphore and condition: order, cancellation, fairness.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{poll_once, run, stuck_report};
use handloom::aio::{Condition, Event, Lock, Semaphore, sleep, yield_now};
use handloom::rt::{JoinError, JoinHandle, spawn};

/// Spawns `tasks` tasks that each do `body` with their number and note when they come to its end.
fn spawn_noting<F: Future<Output = ()> + 'static>(
    tasks: usize,
    body: impl Fn(usize) -> F,
) -> (Rc<RefCell<Vec<usize>>>, Vec<JoinHandle<()>>) {
    let order = Rc::new(RefCell::new(Vec::new()));
    let spawned = (0..tasks).map(|number| {
        let (order, body) = (order.clone(), body(number));
        spawn(async move {
            body.await;
            order.borrow_mut().push(number);
        })
    });
    let spawned = spawned.collect();
    (order, spawned)
}

async fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("no task panics");
    }
}

#[test]
fn set_event_wakes_all_in_order_even_if_cleared_at_once() {
    run(async {
        let event = Rc::new(Event::new());
        let (order, tasks) = spawn_noting(5, |_| {
            let event = event.clone();
            async move { event.wait().await }
        });
        yield_now().await;
        assert_eq!(event.waiters(), 5, "expected every task in line before the event is set");
        event.set();
        assert!(event.is_set());
        event.clear();
        join_all(tasks).await;
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4], "EVENT-1, EVENT-2: all, in order");
        assert!(!event.is_set());
    });
}

#[test]
fn cancelled_event_waiter_leaves_nothing_behind_and_the_others_waiting() {
    run(async {
        let event = Rc::new(Event::new());
        let (order, tasks) = spawn_noting(3, |_| {
            let event = event.clone();
            async move { event.wait().await }
        });
        yield_now().await;
        tasks[1].cancel();
        yield_now().await;
        assert_eq!(event.waiters(), 2, "a cancelled waiter leaves the list");
        event.set();
        for task in tasks {
            drop(task.await);
        }
        assert_eq!(*order.borrow(), [0, 2], "the other waiters wait on, and are woken");
    });
}

#[test]
fn lock_is_handed_over_in_order_and_cannot_be_snatched() {
    run(async {
        let lock = Rc::new(Lock::new(Vec::new()));
        let guard = lock.lock().await;
        let (order, tasks) = spawn_noting(4, |number| {
            let lock = lock.clone();
            async move {
                let mut guard = lock.lock().await;
                yield_now().await;
                guard.push(number);
            }
        });
        yield_now().await;
        drop(guard);
        assert!(lock.try_lock().is_none(), "LOCK-1: an unlock with a waiter hands the lock over");
        join_all(tasks).await;
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
        assert_eq!(*lock.try_lock().expect("LOCK-1: it is free now"), [0, 1, 2, 3]);
    });
}

#[test]
fn waiter_dropped_with_the_lock_in_its_hands_passes_it_on() {
    run(async {
        let lock = Lock::new(());
        let guard = lock.lock().await;
        let (mut first, mut second) = (Box::pin(lock.lock()), Box::pin(lock.lock()));
        assert!(poll_once(&mut first).await.is_pending());
        assert!(poll_once(&mut second).await.is_pending());
        drop(guard);
        // The lock is the first one's now, which has not been polled and never will be.
        drop(first);
        assert!(poll_once(&mut second).await.is_ready(), "LOCK-3: the second got the lock");
        drop(second);
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn waiter_dropped_in_the_middle_of_the_line_leaves_the_line_whole() {
    run(async {
        let lock = Rc::new(Lock::new(()));
        let guard = lock.lock().await;
        let (order, tasks) = spawn_noting(1000, |_| {
            let lock = lock.clone();
            async move { drop(lock.lock().await) }
        });
        yield_now().await;
        for task in tasks.iter().skip(1).step_by(2) {
            task.cancel();
        }
        yield_now().await;
        assert_eq!(lock.waiters(), 500, "WAIT-2: those who were cancelled have left");
        drop(guard);
        for task in tasks {
            drop(task.await);
        }
        assert_eq!(*order.borrow(), (0..1000).step_by(2).collect::<Vec<_>>(), "WAIT-1");
        assert_eq!((lock.try_lock().is_some(), lock.waiters()), (true, 0));
    });
}

#[test]
fn lock_keeps_a_value_consistent_across_awaits() {
    run(async {
        let lock = Rc::new(Lock::new(0));
        let (_, tasks) = spawn_noting(100, |number| {
            let lock = lock.clone();
            async move {
                let mut guard = lock.lock().await;
                let before = *guard;
                sleep(Duration::from_millis(number as u64 % 7)).await;
                *guard = before + 1;
            }
        });
        join_all(tasks).await;
        assert_eq!(*lock.lock().await, 100, "LOCK-2: no update is lost");
    });
}

#[test]
fn task_that_panics_with_the_lock_unlocks_it() {
    run(async {
        let lock = Rc::new(Lock::new(1));
        let inside = lock.clone();
        let task = spawn(async move {
            let _guard = inside.lock().await;
            panic!("meant to be");
        });
        assert!(task.await.is_err());
        assert_eq!(*lock.lock().await, 1, "a guard that is dropped unlocks, by a panic too");
    });
}

#[test]
fn semaphore_lets_so_many_in_and_no_more() {
    run(async {
        let semaphore = Rc::new(Semaphore::new(3));
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (order, tasks) = spawn_noting(20, |_| {
            let (semaphore, inside, most) = (semaphore.clone(), inside.clone(), most.clone());
            async move {
                let _permit = semaphore.acquire().await;
                inside.set(inside.get() + 1);
                most.set(most.get().max(inside.get()));
                sleep(Duration::from_millis(5)).await;
                inside.set(inside.get() - 1);
            }
        });
        join_all(tasks).await;
        assert_eq!(most.get(), 3, "PERMIT-1: as many as there are permits, and no more");
        assert_eq!(*order.borrow(), (0..20).collect::<Vec<_>>(), "PERMIT-2");
        assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0), "PERMIT-1");
    });
}

#[test]
fn waiter_dropped_with_a_permit_in_its_hands_passes_it_on() {
    run(async {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        assert!(semaphore.try_acquire().is_none());
        let (mut first, mut second) =
            (Box::pin(semaphore.acquire()), Box::pin(semaphore.acquire()));
        assert!(poll_once(&mut first).await.is_pending());
        assert!(poll_once(&mut second).await.is_pending());
        drop(permit);
        assert!(semaphore.try_acquire().is_none(), "PERMIT-2: it is promised to the first");
        drop(first);
        assert!(poll_once(&mut second).await.is_ready(), "PERMIT-3");
        drop(second);
        assert_eq!(semaphore.available(), 1, "PERMIT-1");
    });
}

#[test]
fn notice_right_after_the_unlock_is_not_missed() {
    run(async {
        let shared = Rc::new((Lock::new(false), Condition::new()));
        let theirs = shared.clone();
        let waiter = spawn(async move {
            let (lock, changed) = &*theirs;
            let guard = changed.wait_while(lock.lock().await, |ready| !*ready).await;
            assert!(*guard);
        });
        yield_now().await;
        let (lock, changed) = &*shared;
        // The waiter has just let go of the lock, in the same poll in which it began to wait.
        *lock.try_lock().expect("COND-1: the lock was let go") = true;
        changed.notify_one();
        waiter.await.expect("COND-1: the notice came through");
    });
}

#[test]
fn condition_waiter_looks_again_when_another_took_what_it_waits_for() {
    run(async {
        let shared = Rc::new((Lock::new(0_u32), Condition::new()));
        let (order, tasks) = spawn_noting(2, |_| {
            let shared = shared.clone();
            async move {
                let (lock, changed) = &*shared;
                let mut items = changed.wait_while(lock.lock().await, |items| *items == 0).await;
                assert_ne!(*items, 0, "wait_while: a waiter that is woken looks again");
                *items -= 1;
            }
        });
        let (lock, changed) = &*shared;
        while changed.waiters() < 2 {
            yield_now().await;
        }
        *lock.lock().await = 1;
        changed.notify_all();
        for _ in 0..10 {
            yield_now().await;
        }
        let state = (order.borrow().len(), changed.waiters());
        assert_eq!(state, (1, 1), "wait_while: one has the item, and one looked and waits again");
        *lock.lock().await = 1;
        changed.notify_one();
        join_all(tasks).await;
        assert_eq!(*lock.lock().await, 0, "each took one");
    });
}

#[test]
fn notify_one_wakes_the_first_and_notify_all_the_rest() {
    run(async {
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let (order, tasks) = spawn_noting(4, |_| {
            let shared = shared.clone();
            async move {
                let (lock, changed) = &*shared;
                drop(changed.wait(lock.lock().await).await);
            }
        });
        sleep(Duration::from_millis(1)).await;
        shared.1.notify_one();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(*order.borrow(), [0], "COND-2: one, the first");
        shared.1.notify_all();
        join_all(tasks).await;
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
        shared.1.notify_one();
        let mut late = Box::pin(shared.1.wait(shared.0.lock().await));
        assert!(poll_once(&mut late).await.is_pending(), "COND-2: a notice is not kept");
    });
}

#[test]
fn waiter_dropped_before_or_after_its_notice_loses_no_notice_and_no_lock() {
    run(async {
        for waits_for_the_lock in [false, true] {
            let (lock, changed) = (Lock::new(()), Condition::new());
            let mut first = Box::pin(changed.wait(lock.lock().await));
            assert!(poll_once(&mut first).await.is_pending());
            let mut second = Box::pin(changed.wait(lock.lock().await));
            assert!(poll_once(&mut second).await.is_pending());
            let guard = lock.try_lock().expect("the lock is let go by those who wait");
            changed.notify_one();
            if waits_for_the_lock {
                assert!(poll_once(&mut first).await.is_pending(), "the lock is held");
            }
            drop(first);
            drop(guard);
            assert!(poll_once(&mut second).await.is_ready(), "COND-3: passed on");
            drop(second);
            assert!(lock.try_lock().is_some());
        }
    });
}

#[test]
fn primitives_that_are_always_free_do_not_starve_other_tasks() {
    run(async {
        let rounds = Rc::new(Cell::new(0_u32));
        let counter = rounds.clone();
        let busy = spawn(async move {
            let (event, lock, semaphore) = (Event::new(), Lock::new(()), Semaphore::new(1));
            event.set();
            loop {
                event.wait().await;
                drop(lock.lock().await);
                drop(semaphore.acquire().await);
                counter.set(counter.get() + 1);
            }
        });
        yield_now().await;
        yield_now().await;
        let rounds = rounds.get();
        assert!((1..1000).contains(&rounds), "WAIT-4: expected a bounded share, came {rounds}");
        busy.cancel();
    });
}

#[test]
fn thousand_cancelled_waiters_leave_every_list_empty() {
    run(async {
        let shared = Rc::new((Event::new(), Lock::new(()), Semaphore::new(0), Condition::new()));
        let held = shared.1.lock().await;
        let (_, tasks) = spawn_noting(1000, |number| {
            let shared = shared.clone();
            async move {
                match number % 3 {
                    0 => shared.0.wait().await,
                    1 => drop(shared.1.lock().await),
                    _ => drop(shared.2.acquire().await),
                }
            }
        });
        yield_now().await;
        for task in &tasks {
            task.cancel();
        }
        for task in tasks {
            assert!(matches!(task.await, Err(JoinError::Cancelled)));
        }
        let waiters = (shared.0.waiters(), shared.1.waiters(), shared.2.waiters());
        assert_eq!(waiters, (0, 0, 0), "scenario 23: back to where it began");
        drop(held);
        assert!(shared.1.try_lock().is_some());
    });
}

#[test]
fn deadlock_of_two_locks_is_reported_with_who_waits_for_what() {
    let report = stuck_report(async {
        let lock = Lock::new(());
        let _guard = lock.lock().await;
        drop(lock.lock().await);
    });
    assert!(report.contains("for a lock"), "LOOP-4: expected what it waits for, came {report}");
}
