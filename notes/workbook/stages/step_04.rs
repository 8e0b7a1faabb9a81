//! The event loop after a step of the workbook: whole, and with the stubs of the later steps.
//!
//! `stages/all.rs.txt` holds all stages in one text, `tests/stages.rs` writes this file from it and compares the two.

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
// No borrow is held while a future, a waker or a destructor runs: each of them may call back into the loop.
pub struct EventLoop {
    // Ids of tasks that were woken and not polled since.
    woken: mpsc::Receiver<usize>,
    run_queue: Arc<RunQueue>,
    // Tasks that have not ended, except the one that is being polled.
    tasks: RefCell<BTreeMap<usize, Task>>,
    // Of a task, timer or socket. A number that was used twice would hand a late wake or event to the successor.
    next_id: Cell<usize>,
}

impl EventLoop {
    /// Makes a loop.
    pub fn new() -> io::Result<Rc<Self>> {
        let (sender, woken) = mpsc::channel();
        let run_queue = Arc::new(RunQueue { sender, thread: thread::current() });
        let (tasks, next_id) = Default::default();
        Ok(Rc::new(Self { woken, run_queue, tasks, next_id }))
    }

    /// Runs a future and the tasks that it spawns until the future is done.
    pub fn block_on<F: Future>(self: &Rc<Self>, future: F) -> F::Output {
        CURRENT.set(Some(self.clone()));
        let (main, mut future) = (self.new_task(), pin!(future));
        loop {
            while let Ok(id) = self.woken.try_recv() {
                if id != main.id {
                    self.run_task(id);
                } else if let Poll::Ready(value) = main.poll(future.as_mut()) {
                    CURRENT.set(None);
                    return value;
                }
            }
            thread::park();
        }
    }

    /// Waits until there is work: for a wake and no longer than until the next deadline; from step 7 on, for a socket
    /// too. Then it wakes the tasks whose sockets are ready, and after them those whose deadlines are over.
    fn wait(&self) {
        not_yet(6)
    }

    fn new_id(&self) -> usize {
        self.next_id.replace(self.next_id.get() + 1)
    }

    // Steps 3, 4 and 9. Many futures, a queue of those that were woken, and wakes from any thread.
    fn new_task(&self) -> Arc<TaskState> {
        let (id, run_queue) = (self.new_id(), self.run_queue.clone());
        let task = Arc::new(TaskState { id, is_woken: false.into(), run_queue });
        // Without a first poll, a task would leave its waker nowhere.
        task.clone().wake();
        task
    }

    fn run_task(&self, id: usize) {
        // A task that has ended is not in the table, so a late wake finds nothing.
        let Some((task, mut future)) = self.tasks.borrow_mut().remove(&id) else { return };
        if task.poll(future.as_mut()).is_pending() {
            self.tasks.borrow_mut().insert(id, (task, future));
        }
    }
}

type Task = (Arc<TaskState>, Pin<Box<dyn Future<Output = ()>>>);

struct RunQueue {
    sender: mpsc::Sender<usize>,
    thread: thread::Thread,
}

/// What a task shares with its wakers and its handle, on any thread.
pub struct TaskState {
    id: usize,
    // Is it in the run queue? Without this flag, two wakes would make two polls.
    is_woken: AtomicBool,
    run_queue: Arc<RunQueue>,
}

impl Wake for TaskState {
    fn wake(self: Arc<Self>) {
        // Sending fails when the loop is gone, and then there is nothing to wake.
        let is_new = !self.is_woken.swap(true, Ordering::AcqRel);
        let is_queued = is_new && self.run_queue.sender.send(self.id).is_ok();
        if is_queued {
            self.run_queue.thread.unpark();
        }
    }
}

impl TaskState {
    /// Asks for the task's end, from any thread. The loop's thread then drops the future, unpolled.
    pub fn cancel(self: &Arc<Self>) {
        not_yet(5)
    }

    fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        // Cleared before the poll. Cleared after it, a wake that comes during the poll would be lost.
        self.is_woken.swap(false, Ordering::AcqRel);
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
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

/// Starts a task on this thread, which it never leaves; so it needs no `Send`.
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let (on, value) = (current(), Rc::new(Cell::new(None)));
    let handle = JoinHandle { task: on.new_task(), value: value.clone() };
    let whole = async move { value.set(Some(future.await)) };
    on.tasks.borrow_mut().insert(handle.task.id, (handle.task.clone(), Box::pin(whole)));
    handle
}

impl<T> Future for JoinHandle<T> {
    type Output = thread::Result<Option<T>>;

    /// Returns the task's end if it has come, and leaves the waker for it otherwise. It gives the end once; a poll after
    /// that panics.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        not_yet(5)
    }
}

/// Lets every other task that is ready run first.
pub async fn yield_now() {
    let mut waits = true;
    poll_fn(|context| {
        if !mem::take(&mut waits) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
