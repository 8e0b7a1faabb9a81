//! What the answer of each exercise must do. `cargo test --test notes exercises::` gives each judge a right answer and
//! a wrong one.

use std::cell::Cell;
use std::panic;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use handloom::aio::sleep;
use handloom::rt::{EventLoop, now};

/// What a pool runs.
pub type Job = Box<dyn FnOnce() -> u64 + Send>;

/// A future that an answer returns.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// How long an answer may take, before it is said to hang.
const LIMIT: Duration = Duration::from_secs(8);

/// Runs the judge on a thread of its own, so that an answer that hangs fails.
fn within(judge: impl FnOnce() + Send + 'static) {
    let (ended, has_ended) = channel();
    let thread = thread::spawn(move || {
        judge();
        drop(ended);
    });
    let outcome: Result<(), _> = has_ended.recv_timeout(LIMIT);
    assert!(
        outcome != Err(RecvTimeoutError::Timeout),
        "expected an end within {LIMIT:?}: some thread waits and is never woken"
    );
    if let Err(payload) = thread.join() {
        panic::resume_unwind(payload);
    }
}

/// Judges [`pool`](crate::pool).
pub fn pool(run_all: fn(Vec<Job>, usize) -> Vec<u64>) {
    within(move || {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let job = |number: u64| -> Job {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            Box::new(move || {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                // The earlier jobs take longer, so that they end out of order.
                thread::sleep(Duration::from_millis(12 - number));
                running.fetch_sub(1, Ordering::Relaxed);
                number * number
            })
        };
        let values = run_all((0..12).map(job).collect(), 3);
        let wanted: Vec<_> = (0..12).map(|number| number * number).collect();
        assert_eq!(values, wanted, "the values, in the order of the jobs");
        let most = most.load(Ordering::Relaxed);
        assert!(
            (2..=3).contains(&most),
            "expected 2 or 3 jobs at a time on 3 threads, came {most}"
        );
        assert!(run_all(Vec::new(), 3).is_empty(), "expected no values of no jobs");
    });
}

/// Judges [`latch`](crate::latch).
pub fn latch<L: Send + Sync + 'static>(new: fn(usize) -> L, count_down: fn(&L), wait: fn(&L)) {
    within(move || {
        let (latch, counted) = (new(3), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    wait(&latch);
                    let seen = counted.load(Ordering::Relaxed);
                    assert_eq!(seen, 3, "how often it was counted down before a thread went on");
                });
            }
            for _ in 0..3 {
                // So that the waiters are likely to sleep; a right answer does not depend on it.
                thread::sleep(Duration::from_millis(10));
                counted.fetch_add(1, Ordering::Relaxed);
                count_down(&latch);
            }
        });
        count_down(&latch);
        wait(&latch);
        wait(&new(0));
    });
}

/// Judges [`lines`](crate::lines).
pub fn lines<L>(new: fn() -> L, feed: fn(&mut L, &[u8]) -> Vec<String>) {
    let stream = b"5 7\n1 2\n\nclose\n3";
    for first in 0..stream.len() {
        for second in first..stream.len() {
            let mut lines = new();
            let mut messages = Vec::new();
            for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                messages.extend(feed(&mut lines, piece));
            }
            let wanted = ["5 7", "1 2", "", "close"];
            assert_eq!(messages, wanted, "the stream cut at {first} and at {second}");
        }
    }
}

/// Judges [`fibonacci`](crate::fibonacci).
pub fn fibonacci<G>(call: fn() -> G, resume: fn(&mut G) -> Option<u64>) {
    let mut generator = call();
    let mut numbers = Vec::new();
    while let Some(number) = resume(&mut generator) {
        numbers.push(number);
        assert!(numbers.len() <= 94, "expected an end: the 95th does not fit into a u64");
    }
    assert_eq!(
        numbers.get(..10),
        Some([0, 1, 1, 2, 3, 5, 8, 13, 21, 34].as_slice()),
        "the first ten"
    );
    assert_eq!(numbers.len(), 94, "how many fit into a u64");
    assert_eq!(resume(&mut generator), None, "a resume after the end");
}

/// A waker that counts.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Judges [`third`](crate::third).
pub fn third(future: impl Future<Output = ()>) {
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&counter));
    let mut future = pin!(future);
    for poll in 1..=2 {
        let answer = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(answer, Poll::Pending, "poll {poll}");
        let woken = counter.0.load(Ordering::Relaxed);
        assert_eq!(woken, poll, "wakes after poll {poll}: without one the loop never polls again");
    }
    let answer = future.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(answer, Poll::Ready(()), "poll 3");
}

/// Tells when it is dropped.
struct Told(Rc<Cell<bool>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// A future that succeeds or fails.
pub type Attempt = Boxed<Result<u32, &'static str>>;

/// Judges [`first_ok`](crate::first_ok).
pub fn first_ok(answer: impl Fn(Attempt, Attempt) -> Attempt) {
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop can be made");
    event_loop.block_on(async {
        let after = |seconds: u64, value: Result<u32, &'static str>| -> (Attempt, Rc<Cell<bool>>) {
            let dropped = Rc::new(Cell::new(false));
            let told = Told(Rc::clone(&dropped));
            let future = async move {
                let _told = told;
                sleep(Duration::from_secs(seconds)).await;
                value
            };
            (Box::pin(future), dropped)
        };
        for (left, right, wanted, seconds) in [
            ((2, Ok(5)), (1, Ok(7)), Ok(7), 1),
            ((1, Ok(5)), (2, Ok(7)), Ok(5), 1),
            ((1, Err("left")), (2, Ok(7)), Ok(7), 2),
            ((2, Ok(5)), (1, Err("right")), Ok(5), 2),
            ((1, Err("left")), (2, Err("right")), Err("right"), 2),
            ((2, Err("left")), (1, Err("right")), Err("left"), 2),
        ] {
            let began = now();
            let attempts = (after(left.0, left.1).0, after(right.0, right.1).0);
            let value = answer(attempts.0, attempts.1).await;
            assert_eq!(value, wanted, "of {left:?} and {right:?} (seconds, result)");
            assert_eq!((now() - began).as_secs(), seconds, "the seconds that it took");
        }
        let ((left, left_dropped), (right, _)) = (after(9, Ok(5)), after(1, Ok(7)));
        assert_eq!(answer(left, right).await, Ok(7), "the value of the first");
        assert!(left_dropped.get(), "expected the other future to be dropped by then");
    });
}

/// A call that an answer makes.
pub type Call = Rc<dyn Fn() -> Boxed<Option<u32>>>;

/// Judges [`cache`](crate::cache).
pub fn cache<C: 'static>(new: fn() -> C, get: fn(Rc<C>, &'static str, Call) -> Boxed<Option<u32>>) {
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop can be made");
    event_loop.block_on(async {
        let calls = Rc::new(Cell::new(0));
        let cache = Rc::new(new());
        let ask = |key: &'static str, value: Option<u32>| {
            let calls = Rc::clone(&calls);
            let call: Call = Rc::new(move || {
                calls.set(calls.get() + 1);
                Box::pin(async move {
                    sleep(Duration::from_secs(1)).await;
                    value
                })
            });
            get(Rc::clone(&cache), key, call)
        };
        assert_eq!(
            (ask("Moscow", Some(5)).await, calls.get()),
            (Some(5), 1),
            "the first answer, calls"
        );
        assert_eq!(
            (ask("Moscow", Some(6)).await, calls.get()),
            (Some(5), 1),
            "at once again, calls"
        );
        assert_eq!((ask("Tokyo", None).await, calls.get()), (None, 2), "a failure, calls");
        assert_eq!(
            (ask("Tokyo", Some(7)).await, calls.get()),
            (Some(7), 3),
            "after a failure, calls"
        );
        sleep(Duration::from_secs(50)).await;
        assert_eq!((ask("Moscow", Some(6)).await, calls.get()), (Some(5), 3), "52 s later, calls");
        sleep(Duration::from_secs(20)).await;
        assert_eq!((ask("Moscow", Some(6)).await, calls.get()), (Some(6), 4), "72 s later, calls");
    });
}
