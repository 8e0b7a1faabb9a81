//! Instrumented futures: they count polls and drops, explode when they are polled too often, and wait for
//! what the test decides.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::future::poll_fn;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use crate::runtime::Runtime;

/// What happened to a [`Probe`].
#[derive(Debug, Default)]
pub struct Counts {
    /// How often it was polled.
    pub polls: Cell<usize>,
    /// How often it was dropped.
    pub drops: Cell<usize>,
    /// On which thread that was.
    pub dropped_on: Cell<Option<ThreadId>>,
    /// Is it being polled?
    polling: Cell<bool>,
    /// Was it ready?
    done: Cell<bool>,
}

/// A future that counts what is done to another one, and explodes when it is polled after its end or
/// inside its own poll.
pub struct Probe<F> {
    /// The other one.
    inner: Pin<Box<F>>,
    /// The tally.
    counts: Rc<Counts>,
}

impl<F: Future> Probe<F> {
    /// Wraps a future.
    pub fn new(inner: F) -> (Self, Rc<Counts>) {
        let counts = Rc::<Counts>::default();
        (Self { inner: Box::pin(inner), counts: counts.clone() }, counts)
    }
}

impl<F: Future> Future for Probe<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let counts = self.counts.clone();
        assert!(!counts.done.get(), "TASK-5 is broken: a future was polled after it was ready");
        assert!(!counts.polling.replace(true), "TASK-4 is broken: a poll inside the same poll");
        counts.polls.set(counts.polls.get() + 1);
        let polled = self.inner.as_mut().poll(cx);
        counts.polling.set(false);
        counts.done.set(polled.is_ready());
        polled
    }
}

impl<F> Drop for Probe<F> {
    fn drop(&mut self) {
        self.counts.drops.set(self.counts.drops.get() + 1);
        self.counts.dropped_on.set(Some(thread::current().id()));
    }
}

/// Adds one to a count when it is dropped.
#[derive(Debug)]
pub struct CountsDrop(pub Rc<Cell<usize>>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Runs a function when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Panics when it is dropped.
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bomb was dropped");
    }
}

/// A door that is shut until the test opens it; any number of tasks of one thread may wait at it.
#[derive(Clone, Default)]
pub struct Gate(Rc<Door>);

/// The shared part of a [`Gate`].
#[derive(Default)]
struct Door {
    /// Is it open?
    open: Cell<bool>,
    /// Who waits, in the order of coming.
    waiting: RefCell<Vec<Waker>>,
}

impl Gate {
    /// Opens it and wakes everybody, first come first.
    pub fn open(&self) {
        self.0.open.set(true);
        self.wake();
    }

    /// Wakes everybody who has polled so far, whether it is open or not; they stay known.
    pub fn wake(&self) {
        let waiting = self.0.waiting.borrow().clone();
        for waker in waiting {
            waker.wake();
        }
    }

    /// Returns the waker that came last.
    pub fn last_waker(&self) -> Waker {
        self.0.waiting.borrow().last().unwrap().clone()
    }

    /// Waits until it is open.
    pub fn passed(&self) -> impl Future<Output = ()> + 'static {
        let door = self.0.clone();
        poll_fn(move |cx| {
            if door.open.get() {
                return Poll::Ready(());
            }
            let mut waiting = door.waiting.borrow_mut();
            if !waiting.iter().any(|known| known.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

/// A door that any thread may open, and one task waits at.
#[derive(Clone, Default)]
pub struct SharedGate(Arc<Mutex<(bool, Option<Waker>)>>);

impl SharedGate {
    /// Opens it.
    pub fn open(&self) {
        let waker = {
            let mut door = self.0.lock().unwrap();
            door.0 = true;
            door.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until it is open, and shuts it behind.
    pub fn passed(&self) -> impl Future<Output = ()> + Send + 'static {
        let door = self.0.clone();
        poll_fn(move |cx| {
            let mut door = door.lock().unwrap();
            if std::mem::take(&mut door.0) {
                return Poll::Ready(());
            }
            door.1 = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// Opens a gate from another thread after a while.
pub fn opens_after(span: Duration, gate: &SharedGate) -> JoinHandle<()> {
    let gate = gate.clone();
    thread::spawn(move || {
        thread::sleep(span);
        gate.open();
    })
}

/// The thread of a loop, seen from other threads.
///
/// A wake that must meet a loop that waits comes when this thread sleeps, and not after a span: on a busy machine a span
/// may end before the loop waits.
pub struct LoopThread(Option<PathBuf>);

impl LoopThread {
    /// Returns the caller's thread.
    pub fn here() -> Self {
        Self(fs::read_link("/proc/thread-self").ok().map(|thread| Path::new("/proc").join(thread)))
    }

    /// Waits until the thread has slept for a millisecond. It returns too when the thread has ended, or has worked for
    /// half a second instead, as a loop does that spins.
    pub fn wait_until_idle(&self) {
        let read = |name| self.0.as_ref().and_then(|at| fs::read_to_string(at.join(name)).ok());
        let cpu_time =
            || -> Option<u64> { read("schedstat")?.split_whitespace().next()?.parse().ok() };
        let Some(begun) = cpu_time() else { return thread::sleep(Duration::from_millis(20)) };
        let most = begun + 500_000_000;
        let mut before = None;
        while cpu_time().is_some_and(|used| used < most) {
            // Asleep at both looks, with no switch to another thread in between.
            let switches =
                read("status").filter(|text| text.contains("State:\tS")).and_then(|text| {
                    text.lines().find(|line| line.starts_with("voluntary")).map(str::to_owned)
                });
            if switches.is_some() && switches == before {
                return;
            }
            before = switches;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Opens a gate from another thread when the caller's thread, which runs the loop, has nothing to do.
pub fn opens_when_idle(gate: &SharedGate) -> JoinHandle<()> {
    let (gate, here) = (gate.clone(), LoopThread::here());
    thread::spawn(move || {
        here.wait_until_idle();
        gate.open();
    })
}

/// Calls a function on another thread in its first poll, which waits for the function's end.
pub async fn meanwhile(function: impl FnOnce() + Send + 'static) {
    thread::spawn(function).join().unwrap();
}

/// A waker that counts its wakes, and may hand them on.
pub struct CountingWake(AtomicUsize, Option<Waker>);

impl CountingWake {
    /// Makes one, and the waker.
    pub fn pair() -> (Arc<Self>, Waker) {
        Self::pair_before(None)
    }

    /// As [`pair`](Self::pair), for a waker that wakes another one too.
    pub fn pair_before(other: Option<Waker>) -> (Arc<Self>, Waker) {
        let count = Arc::new(Self(AtomicUsize::new(0), other));
        (count.clone(), Waker::from(count))
    }

    /// Tells how often it was woken.
    pub fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for CountingWake {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.1.iter().for_each(Waker::wake_by_ref);
    }
}

/// Polls a future once with a waker.
pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Returns the waker with which the caller is polled.
pub fn own_waker() -> impl Future<Output = Waker> {
    poll_fn(|cx| Poll::Ready(cx.waker().clone()))
}

/// Yields so often that every other task has had many turns, and sockets and timers were looked at.
pub async fn many_turns<R: Runtime>() {
    for _ in 0..200 {
        R::yield_now().await;
    }
}

/// Returns how long this thread has used a processor; `None` where the system does not tell.
pub fn cpu_time() -> Option<Duration> {
    CpuClock::of_this_thread().read()
}

/// Tells how long a thread has used a processor, also when the process has no descriptor left to open a file.
pub struct CpuClock(Option<File>);

impl CpuClock {
    /// Returns the clock of the caller's thread.
    pub fn of_this_thread() -> Self {
        Self(File::open("/proc/thread-self/schedstat").ok())
    }

    /// Reads it; `None` where the system does not tell.
    pub fn read(&self) -> Option<Duration> {
        let mut bytes = [0; 64];
        let read = self.0.as_ref()?.read_at(&mut bytes, 0).ok()?;
        let text = str::from_utf8(&bytes[..read]).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }
}
