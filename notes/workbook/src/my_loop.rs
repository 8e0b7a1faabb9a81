//! Your event loop. Each function has its purpose above it and its step in the body: `not_yet(3)` is written in step 3.
//!
//! The page of a step, `notes/workbook/steps/`, says which fields the types get. `cargo run -p handloom-workbook` says
//! where you are.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use handloom::os::socket::is_shortage;
use handloom::os::{PollFd, poll};
use handloom_conformance::judge::not_yet;
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Events, Interest, Token};

// Steps 1 and 2. One future is polled, and the thread waits until the future's waker is used.
thread_local! {
    // The loop that runs on this thread. Without it, each function would need the loop as an argument.
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

fn current() -> Rc<EventLoop> {
    CURRENT.with_borrow(Clone::clone).expect("no loop runs here: write block_on(async { ... })")
}

/// An event loop of one thread.
pub struct EventLoop {}

impl EventLoop {
    /// Makes a loop.
    pub fn new() -> io::Result<Rc<Self>> {
        not_yet(1)
    }

    /// Polls the future until it is ready, and returns its value. Each poll gets a `Context` with a waker. From step 3
    /// on, it runs the tasks in the run queue too; from step 5 on, it cancels the tasks that are left over.
    pub fn block_on<F: Future>(self: &Rc<Self>, future: F) -> F::Output {
        not_yet(1)
    }

    /// Waits until there is work: for a wake and no longer than until the next deadline; from step 7 on, for a socket
    /// too. Then it wakes the tasks whose sockets are ready, and after them those whose deadlines are over.
    fn wait(&self) {
        not_yet(6)
    }

    /// Returns a number that was never used before, for a task, a timer or a socket.
    fn new_id(&self) -> usize {
        not_yet(3)
    }

    // Steps 3, 4 and 9. Many futures, a queue of those that were woken, and wakes from any thread.
    /// Makes the state of a task, and wakes it for its first poll.
    fn new_task(&self) -> Arc<TaskState> {
        not_yet(3)
    }

    /// Takes the task out of the table and polls it, and puts it back if it is not ready. A task that has ended is not
    /// in the table, and then there is nothing to do.
    fn run_task(&self, id: usize) {
        not_yet(3)
    }
}

/// The future of a task, whose value goes to its handle.
type Task = (Arc<TaskState>, Pin<Box<dyn Future<Output = ()>>>);

/// What all wakers of a loop share. Step 3 gives it its fields.
struct RunQueue {}

/// What a task shares with its wakers and its handle, on any thread.
pub struct TaskState {}

impl Wake for TaskState {
    /// Makes the loop poll the task again. Step 2: unparks the loop's thread. Step 3: puts the task's id into the run
    /// queue too. Step 4: but only if it is not there. Step 9: ends the selector's wait.
    fn wake(self: Arc<Self>) {
        not_yet(2)
    }
}

impl TaskState {
    /// Asks for the task's end, from any thread. The loop's thread then drops the future, unpolled.
    pub fn cancel(self: &Arc<Self>) {
        not_yet(5)
    }

    /// Polls the task's future once, with a waker that wakes this task. From step 4 on, it clears the woken flag.
    fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        not_yet(3)
    }
}

// Step 5. A task ends in one of three ways, and its handle tells which.
/// Gives a task's value, `None` after a cancel, or the payload of its panic. Without its handle, a task runs on.
pub struct JoinHandle<T> {
    /// The task, to cancel it.
    pub task: Arc<TaskState>,
    // The value, when the task has ended. Step 5 makes more of it.
    value: Rc<Cell<Option<T>>>,
}

/// Starts a task on this thread: puts it into the loop's table, and returns a handle. From step 5 on, the task's end (a
/// value, a cancel or a panic) goes into the handle, after the future was dropped, and the task that awaits the handle
/// is woken.
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    not_yet(3)
}

impl<T> Future for JoinHandle<T> {
    type Output = thread::Result<Option<T>>;

    /// Returns the task's end if it has come, and leaves the waker for it otherwise. It gives the end once; a poll after
    /// that panics.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        not_yet(5)
    }
}

/// Lets every other task that is ready run first: wakes its own task, returns `Pending` once, and is then ready.
pub async fn yield_now() {
    not_yet(3)
}

// Step 6. Deadlines in order, the next one first.
/// An entry in the loop's timers. Step 6 gives it its fields.
struct Timer {}

impl Drop for Timer {
    /// Takes the entry out, whether it is there or not.
    fn drop(&mut self) {
        not_yet(6)
    }
}

/// Waits for a span of time, of a hundred years at most: an `Instant` cannot hold `Duration::MAX` from now. Its entry
/// in the timers holds the waker of the last poll.
pub fn sleep(span: Duration) -> impl Future<Output = ()> + Unpin {
    if true {
        not_yet(6)
    }
    std::future::ready(())
}

/// Waits for a future, but no longer than `limit`; `None` when the time is over. The value wins if both are ready.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    not_yet(6)
}

// Steps 7 and 8. Sockets.
/// A socket that does not block, and that the loop waits for. Step 7 gives it its fields.
pub struct Socket<S> {
    /// The socket itself, for what does not wait.
    pub inner: S,
}

impl<S> Socket<S> {
    /// Takes a socket over. From step 8 on, it registers it with the selector.
    pub fn new(inner: S) -> io::Result<Self> {
        not_yet(7)
    }

    /// Calls `operation` until it does not return `WouldBlock`, and returns what it returned. Before each wait it leaves
    /// the waker on the side: 0 is for reading, 1 for writing. From step 10 on, it does so no more than 128 times in a
    /// poll, and waits for a free descriptor if the process has none left.
    pub async fn perform<T, F>(&self, side: usize, operation: F) -> io::Result<T>
    where
        F: FnMut(&S) -> io::Result<T>,
    {
        not_yet(7)
    }
}

impl<S> Drop for Socket<S> {
    /// Takes back what `new` did.
    fn drop(&mut self) {
        not_yet(7)
    }
}

impl Socket<TcpStream> {
    /// Reads what is there; 0 is the end.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        not_yet(7)
    }

    /// Writes what fits.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        not_yet(7)
    }
}
