//! What threads wait on, under a model checker: each test is run in every order in which its threads can take turns.
//!
//! ```sh
//! RUSTFLAGS='--cfg model_check' CARGO_TARGET_DIR=target/model_check cargo test --test loom
//! ```
//! The files of `src/threads` are compiled here once more, with loom's mutex and condition variable in the place of
//! std's (`sync`). A lost wake is a deadlock, which loom reports with the order that led to it.
//!
//! The cfg has a name of its own, since tokio, on which the conformance suite stands, reads loom's usual one and then
//! has no sockets. **Left out**: more than two forced switches of threads in one run where three threads take part.
//! Without such a bound those tests would take hours; faults that need more are rare.

pub(super) mod sync;

#[path = "../../src/threads/barrier.rs"]
mod barrier;
#[path = "../../src/threads/deadline.rs"]
mod deadline;
#[path = "../../src/threads/event.rs"]
mod event;
#[path = "../../src/threads/queue.rs"]
mod queue;
#[path = "../../src/threads/semaphore.rs"]
mod semaphore;

use std::time::Duration;

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use barrier::Barrier;
use event::Event;
use queue::{GetError, PutError, Queue};
use semaphore::Semaphore;
use sync::{Condvar, Mutex, MutexGuard};

/// Any deadline: how far it is away makes no difference to the model.
const SOON: Duration = Duration::from_millis(1);

/// Runs `test` in every order of its two threads.
fn two_threads(test: impl Fn() + Send + Sync + 'static) {
    check(None, test);
}

/// Runs `test` in every order of its three or four threads with at most two forced switches.
fn more_threads(test: impl Fn() + Send + Sync + 'static) {
    check(Some(2), test);
}

/// Checks twice: with condition variables that wake only when they are notified, and with others.
fn check(switches: Option<usize>, test: impl Fn() + Send + Sync + 'static) {
    let test = std::sync::Arc::new(test);
    for is_spurious in [false, true] {
        sync::set_spurious(is_spurious);
        let mut builder = Builder::new();
        builder.preemption_bound = switches;
        let test = std::sync::Arc::clone(&test);
        builder.check(move || test());
    }
}

/// Starts a thread that has a share of `of`.
fn beside<S, T>(of: &Arc<S>, run: impl FnOnce(&S) -> T + 'static) -> JoinHandle<T>
where
    S: 'static,
    T: 'static,
{
    let of = Arc::clone(of);
    thread::spawn(move || run(&of))
}

#[test]
fn a_set_is_not_lost_on_who_is_falling_asleep() {
    two_threads(|| {
        let event = Arc::new(Event::new());
        let waiter = beside(&event, |event| {
            event.wait();
            assert!(event.is_set(), "THREAD-EVENT-2: released before it was set");
        });
        event.set();
        waiter.join().unwrap();
        assert_eq!(event.waiting(), 0, "THREAD-EVENT-3: no thread sleeps");
    });
}

#[test]
fn a_set_that_is_cleared_at_once_releases_who_waited() {
    two_threads(|| {
        let event = Arc::new(Event::new());
        let waiter = beside(&event, Event::wait);
        let was_waiting = event.waiting() == 1;
        event.set();
        event.clear();
        if !was_waiting {
            // It may have come too late for the first.
            event.set();
        }
        // THREAD-EVENT-1: else a deadlock.
        waiter.join().unwrap();
    });
}

#[test]
fn one_set_wakes_two_waiters() {
    more_threads(|| {
        let event = Arc::new(Event::new());
        let waiters = [beside(&event, Event::wait), beside(&event, Event::wait)];
        event.set();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn at_a_deadline_the_answer_tells_whether_it_was_set() {
    two_threads(|| {
        let event = Arc::new(Event::new());
        let set = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let set_there = Arc::clone(&set);
        let waiter = beside(&event, move |event| {
            let was_set = event.wait_timeout(SOON);
            let is_told = set_there.load(loom::sync::atomic::Ordering::SeqCst);
            assert!(!was_set || is_told, "THREAD-EVENT-2: released before it was set");
        });
        set.store(true, loom::sync::atomic::Ordering::SeqCst);
        event.set();
        waiter.join().unwrap();
        assert!(event.wait_timeout(SOON), "it is set");
        assert_eq!(event.waiting(), 0, "who gave up is not counted any more");
    });
}

#[test]
fn a_deadline_of_one_takes_no_wake_from_another() {
    more_threads(|| {
        let event = Arc::new(Event::new());
        let hasty = beside(&event, |event| event.wait_timeout(SOON));
        let patient = beside(&event, Event::wait);
        event.set();
        hasty.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn each_item_is_taken_once_and_in_order() {
    two_threads(|| {
        let queue = Arc::new(Queue::new(1));
        let getter = beside(&queue, |queue| [queue.get(), queue.get(), queue.get()]);
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        queue.close();
        assert_eq!(getter.join().unwrap(), [Some(1), Some(2), None], "THREAD-QUEUE-1, 3");
    });
}

#[test]
fn two_getters_share_two_items() {
    more_threads(|| {
        let queue = Arc::new(Queue::new(1));
        let getters = [beside(&queue, Queue::get), beside(&queue, Queue::get)];
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let sum: i32 = getters.into_iter().map(|getter| getter.join().unwrap().unwrap()).sum();
        assert_eq!(sum, 3, "THREAD-QUEUE-1: each item once; THREAD-QUEUE-4: else a deadlock");
    });
}

#[test]
fn two_getters_share_two_items_that_lie_in_the_queue_together() {
    // With a capacity of one every put finds the queue empty. Here the second put may find the first item, and a getter
    // that sleeps although that one was notified for: a queue that wakes only when it was empty forgets it.
    more_threads(|| {
        let queue = Arc::new(Queue::new(2));
        let getters = [beside(&queue, Queue::get), beside(&queue, Queue::get)];
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let sum: i32 = getters.into_iter().map(|getter| getter.join().unwrap().unwrap()).sum();
        assert_eq!(sum, 3, "THREAD-QUEUE-1: each item once; THREAD-QUEUE-4: else a deadlock");
    });
}

#[test]
fn two_putters_share_two_places_that_come_free_together() {
    more_threads(|| {
        let queue = Arc::new(Queue::new(2));
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let putters = [3, 4].map(|item| beside(&queue, move |queue| queue.put(item)));
        let sum = queue.get().unwrap() + queue.get().unwrap();
        for putter in putters {
            putter.join().unwrap().unwrap();
        }
        assert_eq!((sum, queue.len()), (3, 2), "THREAD-QUEUE-1, THREAD-QUEUE-4");
    });
}

#[test]
fn two_putters_share_one_place() {
    more_threads(|| {
        let queue = Arc::new(Queue::new(1));
        let putters = [1, 2].map(|item| beside(&queue, move |queue| queue.put(item)));
        let sum = queue.get().unwrap() + queue.get().unwrap();
        for putter in putters {
            putter.join().unwrap().unwrap();
        }
        assert_eq!(sum, 3, "THREAD-QUEUE-1, THREAD-QUEUE-4");
    });
}

#[test]
fn a_close_wakes_getters_and_putters() {
    more_threads(|| {
        let (full, empty) = (Arc::new(Queue::new(1)), Arc::new(Queue::<i32>::new(1)));
        full.put(1).unwrap();
        let putter = beside(&full, |full| full.put(2));
        let getter = beside(&empty, Queue::get);
        full.close();
        empty.close();
        assert_eq!(putter.join().unwrap(), Err(PutError::Closed(2)), "THREAD-QUEUE-3");
        assert_eq!(getter.join().unwrap(), None, "THREAD-QUEUE-3");
        assert_eq!(
            (full.get(), full.get()),
            (Some(1), None),
            "THREAD-QUEUE-3: it gives what it has"
        );
    });
}

#[test]
fn at_a_deadline_no_item_is_lost() {
    more_threads(|| {
        let queue = Arc::new(Queue::new(1));
        let hasty = beside(&queue, |queue| queue.get_timeout(SOON));
        let patient = beside(&queue, Queue::get);
        queue.put(1).unwrap();
        let taken = hasty.join().unwrap();
        if taken.is_ok() {
            queue.put(2).unwrap();
        }
        let other = patient.join().unwrap();
        let expected = match taken {
            Ok(1) => Some(2),
            Ok(2) | Err(GetError::Empty) => Some(1),
            unexpected => panic!("came {unexpected:?}"),
        };
        assert_eq!(other, expected, "THREAD-QUEUE-1, THREAD-QUEUE-4");
    });
}

#[test]
fn a_permit_is_held_by_one_and_passed_on() {
    more_threads(|| {
        let doors = Arc::new(Semaphore::new(1));
        let inside = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let enter = |doors: &Semaphore, inside: &loom::sync::atomic::AtomicUsize| {
            let permit = doors.acquire();
            let before = inside.fetch_add(1, loom::sync::atomic::Ordering::SeqCst);
            assert_eq!(before, 0, "THREAD-PERMIT-1: one at a time");
            inside.fetch_sub(1, loom::sync::atomic::Ordering::SeqCst);
            drop(permit);
        };
        let others = [(); 2].map(|()| {
            let inside = Arc::clone(&inside);
            beside(&doors, move |doors| enter(doors, &inside))
        });
        enter(&doors, &inside);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((doors.available(), doors.waiting()), (1, 0), "THREAD-PERMIT-1, 2");
    });
}

#[test]
fn two_permits_added_at_once_wake_two() {
    more_threads(|| {
        let doors = Arc::new(Semaphore::new(0));
        let others = [(); 2].map(|()| beside(&doors, |doors| std::mem::forget(doors.acquire())));
        doors.add_permits(2);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(doors.available(), 0, "THREAD-PERMIT-2");
    });
}

#[test]
fn a_deadline_takes_no_permit_along() {
    more_threads(|| {
        let doors = Arc::new(Semaphore::new(1));
        let hasty = beside(&doors, |doors| doors.acquire_timeout(SOON).is_some());
        let patient = beside(&doors, |doors| drop(doors.acquire()));
        drop(doors.acquire());
        hasty.join().unwrap();
        patient.join().unwrap();
        assert_eq!((doors.available(), doors.waiting()), (1, 0), "THREAD-PERMIT-3");
    });
}

#[test]
fn a_barrier_holds_for_round_after_round() {
    two_threads(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = beside(&barrier, |barrier| [barrier.wait(), barrier.wait()]);
        let ours = [barrier.wait(), barrier.wait()];
        let theirs = other.join().unwrap();
        for round in 0..2 {
            assert!(ours[round] != theirs[round], "BARRIER-2: one leader in each round");
        }
    });
}

#[test]
fn a_barrier_of_three_has_one_leader() {
    more_threads(|| {
        let barrier = Arc::new(Barrier::new(3));
        let others = [beside(&barrier, Barrier::wait), beside(&barrier, Barrier::wait)];
        let mut leaders = usize::from(barrier.wait());
        for other in others {
            leaders += usize::from(other.join().unwrap());
        }
        assert_eq!(leaders, 1, "BARRIER-2");
    });
}
