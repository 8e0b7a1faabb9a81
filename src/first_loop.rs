//! A complete event loop for futures in one file, from plain collections.
//!
//! It stands between [`generator`](crate::generator) and [`rt`](crate::rt). Each mechanism has its simplest form, and a
//! comment says what fails without it; the workbook builds it in steps. **What it cannot do**, and the file that can:
//! - Survive a panic in a caller's waker or result, or report a panic that no handle collects (`rt/join.rs`).
//! - Call a function from another thread (`rt/works/remote.rs`): wakers and `cancel` are the only ways in.
//! - Move a deadline, or meet it closer than a millisecond (`rt/timers.rs`); virtual time (`rt/works/clock.rs`).
//! - Wake a read whose loop goes away (`rt/event_loop.rs`), or serve two readers of one socket (`rt/reactor.rs`).
//! - Save system calls (`rt/reactor.rs`), be watched (`rt/works/observer.rs`), or know that it is stuck (`rt/works/stuck.rs`).
#![expect(missing_debug_implementations, reason = "rt has them")]
#![expect(clippy::missing_errors_doc, clippy::missing_panics_doc, reason = "rt has both")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use std::{future::poll_fn, rc::Rc, thread};

use crate::os::socket::is_shortage;
use mio::{Events, Interest, Token, event::Source, net::TcpStream};

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
    // The next deadline first. The number keeps equal deadlines apart, in order of creation.
    timers: RefCell<BTreeMap<(Instant, usize), Waker>>,
    sockets: RefCell<HashMap<Token, Sides>>,
    selector: RefCell<mio::Poll>,
    // Of a task, timer or socket. A number that was used twice would hand a late wake or event to the successor.
    next_id: Cell<usize>,
    budget: Cell<u32>,
}

impl EventLoop {
    /// Makes a loop.
    pub fn new() -> io::Result<Rc<Self>> {
        let selector = RefCell::new(mio::Poll::new()?);
        let unparker = mio::Waker::new(selector.borrow().registry(), Token(usize::MAX))?;
        let (sender, woken) = mpsc::channel();
        let run_queue = Arc::new(RunQueue { sender, unparker, home: thread::current().id() });
        let (tasks, timers, sockets, next_id, budget) = Default::default();
        Ok(Rc::new(Self { woken, run_queue, tasks, timers, sockets, selector, next_id, budget }))
    }

    /// Runs a future, and until it is done the tasks that it spawns; cancels those that are left over. Cannot be nested.
    pub fn block_on<F: Future>(self: &Rc<Self>, future: F) -> F::Output {
        assert!(CURRENT.with_borrow(Option::is_none), "nested block_on: await or spawn the future");
        CURRENT.set(Some(self.clone()));
        let turns = || {
            let (main, mut future) = (self.new_task(), pin!(future));
            loop {
                // A task that is woken during a batch comes into the next one, after the sockets have had their turn.
                let mut batch: Vec<_> = self.woken.try_iter().collect();
                self.wait(batch.is_empty());
                batch.extend(self.woken.try_iter());
                for id in batch {
                    // Step 10. Without a budget, a task whose socket is always ready would never return to the loop.
                    self.budget.set(128);
                    if id != main.id {
                        self.run_task(id);
                    } else if let Poll::Ready(value) = main.poll(future.as_mut()) {
                        return value;
                    }
                }
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(turns));
        // One task at a time, because a destructor may spawn.
        let first = || self.tasks.borrow().values().next().map(|(task, _)| task.clone());
        while let Some(task) = first() {
            task.cancel();
            self.run_task(task.id);
        }
        CURRENT.set(None);
        outcome.unwrap_or_else(|payload| resume_unwind(payload))
    }

    // Asks the selector, then wakes tasks whose sockets have changed or whose deadlines are over.
    fn wait(&self, is_idle: bool) {
        // The next deadline limits the wait. Without a limit, a sleep would end only when something else ends the wait.
        let next = self.timers.borrow().keys().next().map(|(deadline, _)| *deadline);
        let left = next.map(|next| next.saturating_duration_since(Instant::now()));
        let limit = if is_idle { left } else { Some(Duration::ZERO) };
        let mut events = Events::with_capacity(1024);
        // A signal may interrupt it, and then there are no events.
        let asked = self.selector.borrow_mut().poll(&mut events, limit).map_err(|e| e.kind());
        assert!(matches!(asked, Ok(()) | Err(ErrorKind::Interrupted)), "the selector: {asked:?}");
        for event in &events {
            let Some(sides) = self.sockets.borrow().get(&event.token()).cloned() else { continue };
            // Without this, a reader or a writer would not find the end of a stream, or an error.
            let is_over = event.is_read_closed() || event.is_write_closed() || event.is_error();
            for (side, is_ready) in sides.iter().zip([event.is_readable(), event.is_writable()]) {
                if is_ready || is_over {
                    side.take().into_iter().for_each(Waker::wake);
                }
            }
        }
        // After the sockets: so a value that came in time beats its timeout.
        let later = self.timers.borrow_mut().split_off(&(Instant::now(), usize::MAX));
        self.timers.replace(later).into_values().for_each(Waker::wake);
    }

    fn new_id(&self) -> usize {
        self.next_id.replace(self.next_id.get() + 1)
    }

    // Steps 3, 4 and 9. Many futures, a queue of those that were woken, and wakes from any thread.
    fn new_task(&self) -> Arc<TaskState> {
        let (is_woken, is_cancelled) = (AtomicBool::new(false), AtomicBool::new(false));
        let (id, run_queue) = (self.new_id(), self.run_queue.clone());
        let task = Arc::new(TaskState { id, is_woken, is_cancelled, run_queue });
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
    unparker: mio::Waker,
    home: thread::ThreadId,
}

/// What a task shares with its wakers and its handle, on any thread.
pub struct TaskState {
    id: usize,
    // Is it in the run queue? Without this flag, two wakes would make two polls.
    is_woken: AtomicBool,
    is_cancelled: AtomicBool,
    run_queue: Arc<RunQueue>,
}

impl Wake for TaskState {
    fn wake(self: Arc<Self>) {
        // Sending fails when the loop is gone, and then there is nothing to wake.
        let is_new = !self.is_woken.swap(true, Ordering::AcqRel);
        let is_queued = is_new && self.run_queue.sender.send(self.id).is_ok();
        // Without this, a wake from another thread has no effect until a socket or a timer ends the loop's wait.
        if is_queued && thread::current().id() != self.run_queue.home {
            self.run_queue.unparker.wake().expect("holds because mio empties a full eventfd");
        }
    }
}

impl TaskState {
    /// Asks for the task's end. The loop's thread then drops the future, unpolled.
    pub fn cancel(self: &Arc<Self>) {
        self.is_cancelled.store(true, Ordering::Release);
        self.clone().wake();
    }

    fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        // Cleared before the poll. Cleared after it, a wake that comes during the poll would be lost.
        self.is_woken.swap(false, Ordering::AcqRel);
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }
}

// Step 5. A task ends in one of three ways, and its handle tells which.
enum Slot<T> {
    Empty(Option<Waker>), // The waker of the task that awaits the handle.
    Full(thread::Result<Option<T>>),
}

/// Gives a task's value, `None` after a cancel, or the payload of its panic. Without its handle, a task runs on.
pub struct JoinHandle<T> {
    /// The task, to cancel it.
    pub task: Arc<TaskState>,
    slot: Rc<Cell<Option<Slot<T>>>>,
}

/// Starts a task on this thread, which it never leaves; so it needs no `Send`.
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let (on, slot) = (current(), Rc::new(Cell::new(Some(Slot::Empty(None)))));
    let handle = JoinHandle { task: on.new_task(), slot: slot.clone() };
    let (task, mut future) = (handle.task.clone(), Box::pin(future));
    let whole = async move {
        let attempt = |context: &mut Context<'_>| {
            if task.is_cancelled.load(Ordering::Acquire) {
                return Poll::Ready(Ok(None));
            }
            // Without this catch, a panic in one task would end them all.
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                Ok(progress) => progress.map(|value| Ok(Some(value))),
                Err(payload) => Poll::Ready(Err(payload)),
            }
        };
        let ended = poll_fn(attempt).await;
        // Before the joiner is told: so a join means that the task's destructors have run.
        let ended = catch_unwind(AssertUnwindSafe(|| drop(future))).and(ended);
        // Without this wake, a task that awaits the handle would never hear of the end.
        if let Some(Slot::Empty(Some(joiner))) = slot.replace(Some(Slot::Full(ended))) {
            joiner.wake();
        }
    };
    on.tasks.borrow_mut().insert(handle.task.id, (handle.task.clone(), Box::pin(whole)));
    handle
}

impl<T> Future for JoinHandle<T> {
    type Output = thread::Result<Option<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Slot::Full(end) = self.slot.take().expect("a join handle gives its result once") {
            return Poll::Ready(end);
        }
        self.slot.set(Some(Slot::Empty(Some(context.waker().clone()))));
        Poll::Pending
    }
}

// Step 6. Deadlines in order, the next one first.
struct Timer((Instant, usize), Rc<EventLoop>);

impl Drop for Timer {
    fn drop(&mut self) {
        // Without this, each timeout that was not needed would wake its task later.
        let _waker = self.1.timers.borrow_mut().remove(&self.0);
    }
}

/// Waits for a span of time, of a hundred years at most: an `Instant` cannot hold `Duration::MAX` from now.
pub fn sleep(span: Duration) -> impl Future<Output = ()> + Unpin {
    let (on, deadline) = (current(), Instant::now() + span.min(Duration::from_hours(876_000)));
    let timer = Timer((deadline, on.new_id()), on);
    poll_fn(move |context| {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        let _displaced = timer.1.timers.borrow_mut().insert(timer.0, waker);
        Poll::Pending
    })
}

/// Waits for a future, but no longer than `limit`; `None` when the time is over. The value wins if both are ready.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let (mut future, mut sleep) = (pin!(future), sleep(limit));
    let either = |context: &mut Context<'_>| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Pin::new(&mut sleep).poll(context).map(|()| None),
    };
    poll_fn(either).await
}

// Steps 7 and 8. Sockets: the selector tells of a change once, and the loop remembers it. For reading and for writing, it
// holds the waker of the task that waits, from an operation's `WouldBlock` to the next event. Empty means: try.
type Sides = Rc<[Cell<Option<Waker>>; 2]>;

/// A socket of mio's that the selector watches, until it is dropped.
pub struct Socket<S: Source> {
    /// The socket itself, for what does not wait.
    pub inner: S,
    token: Token,
    sides: Sides,
    on: Rc<EventLoop>,
}

impl<S: Source> Socket<S> {
    /// Watches a socket.
    pub fn new(mut inner: S) -> io::Result<Self> {
        let (on, sides) = (current(), Sides::default());
        let (token, both) = (Token(on.new_id()), Interest::READABLE | Interest::WRITABLE);
        on.selector.borrow().registry().register(&mut inner, token, both)?;
        on.sockets.borrow_mut().insert(token, sides.clone());
        Ok(Self { inner, token, sides, on })
    }

    /// Does what returns `WouldBlock` when it must wait, as `accept` does. Side 0 is for reading, side 1 for writing.
    pub async fn perform<T, F>(&self, side: usize, mut operation: F) -> io::Result<T>
    where
        F: FnMut(&S) -> io::Result<T>,
    {
        let (on, side) = (&self.on, &self.sides[side]);
        if !Rc::ptr_eq(on, &current()) {
            return Err(io::Error::other("the event loop of this socket does not run"));
        }
        let mut attempt = |context: &mut Context<'_>| {
            if on.budget.replace(on.budget.get().saturating_sub(1)) == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if side.take().is_none() {
                match operation(&self.inner) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
            }
            side.set(Some(context.waker().clone()));
            Poll::Pending
        };
        loop {
            match poll_fn(&mut attempt).await {
                // Out of descriptors: the client stays in the backlog. Without the pause, this would spin.
                Err(error) if is_shortage(&error) => sleep(Duration::from_millis(20)).await,
                done => return done,
            }
        }
    }
}

impl<S: Source> Drop for Socket<S> {
    fn drop(&mut self) {
        // It fails only for a socket that is not registered, which is what is wanted.
        drop(self.on.selector.borrow().registry().deregister(&mut self.inner));
        self.on.sockets.borrow_mut().remove(&self.token);
    }
}

impl Socket<TcpStream> {
    /// Reads what is there; 0 is the end.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.perform(0, |mut stream| stream.read(buf)).await
    }

    /// Writes what fits.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.perform(1, |mut stream| stream.write(buf)).await
    }
}
