//! A complete event loop for futures in one file, from plain collections.
//!
//! It stands between [`generator`](crate::generator), which drives coroutines, and [`rt`](crate::rt), which is this
//! loop with all its promises kept. Each mechanism has its simplest right form, in the order in which you would invent
//! it, and a comment says what fails without it. Its one thread-local is the loop that runs on this thread; without it,
//! each function would need the loop as an argument.
//!
//! **What this loop cannot do**, and the file that can:
//! - Run a task without a hash table, a lock and two boxes (`rt/task.rs`, `rt/run_queue.rs`).
//! - Survive a panic in a caller's waker or result, or report a panic that no handle collects (`rt/join.rs`).
//! - Call a function from another thread (`rt/works/remote.rs`): wakers and `canceller` are the only ways in.
//! - Move a deadline, or meet it closer than a millisecond (`rt/timers.rs`); virtual time (`rt/works/clock.rs`).
//! - Wake a read whose loop goes away (`rt/event_loop.rs`), or serve two readers of one socket (`rt/reactor.rs`).
//! - Save system calls: each batch asks the selector, and only `WouldBlock` ends a socket's readiness (`rt/reactor.rs`).
//! - Be watched (`rt/works/observer.rs`), or find that nothing can wake it any more (`rt/works/stuck.rs`).
#![expect(missing_debug_implementations, reason = "nothing here is printed")]
#![expect(
    clippy::missing_docs_in_private_items,
    reason = "a comment stands where a name does not say it"
)]
#![expect(clippy::missing_errors_doc, reason = "each error is the operating system's")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use std::{any::Any, mem, net::SocketAddr, thread};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Token, event::Source};

use crate::os::socket::is_shortage;

// Steps 1 and 2. One future is polled, and the thread waits until the future's waker is used.

thread_local! {
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

/// An event loop of one thread.
// No borrow is held while a future, a waker or a destructor runs: each of them may call back into the loop.
pub struct EventLoop {
    run_queue: Arc<RunQueue>,
    // Tasks that have not ended, but for the one that is being polled.
    tasks: RefCell<HashMap<usize, Task>>,
    // The next deadline first. The number keeps equal deadlines apart, in order of creation.
    timers: RefCell<BTreeMap<(Instant, usize), Waker>>,
    sockets: RefCell<HashMap<Token, Rc<[Side; 2]>>>,
    selector: RefCell<mio::Poll>,
    // Of a task, timer or socket. A number that was used twice would hand a late wake or event to the successor.
    last_number: Cell<usize>,
    // Socket operations that are left to the task in this poll.
    budget: Cell<u32>,
}

impl EventLoop {
    /// Makes a loop.
    pub fn new() -> io::Result<Rc<Self>> {
        let selector = mio::Poll::new()?;
        let unparker = mio::Waker::new(selector.registry(), UNPARK)?;
        let run_queue = RunQueue { ids: Mutex::default(), home: thread::current().id(), unparker };
        Ok(Rc::new(Self {
            run_queue: Arc::new(run_queue),
            tasks: RefCell::default(),
            timers: RefCell::default(),
            sockets: RefCell::default(),
            selector: RefCell::new(selector),
            last_number: Cell::new(0),
            budget: Cell::new(0),
        }))
    }

    /// Runs a future and the tasks that it spawns until the future is done, then drops the tasks that are left over.
    ///
    /// # Panics
    /// When the future panics; when a loop runs on this thread already.
    pub fn block_on<F: Future>(self: &Rc<Self>, future: F) -> F::Output {
        let is_nested = CURRENT.with_borrow(Option::is_some);
        assert!(!is_nested, "block_on was called inside block_on: await the future, or spawn it");
        CURRENT.set(Some(self.clone()));
        let _running = Running(self);
        let mut future = pin!(future);
        let main = self.new_wake_state();
        main.clone().wake();
        loop {
            // A task that is woken from now on comes into the next batch. In this batch, tasks that wake each other
            // would keep the loop from its sockets and timers.
            let batch = mem::take(&mut *self.run_queue.ids());
            for id in batch {
                if id != main.id {
                    self.run_task(id);
                } else if let Poll::Ready(value) = main.poll(self, future.as_mut()) {
                    return value;
                }
            }
            self.wait();
        }
    }
}

// The loop is the current one until this is dropped, which a panic of the main future does too.
struct Running<'a>(&'a EventLoop);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // A destructor may spawn, and so fill the table again.
        while !self.0.tasks.borrow().is_empty() {
            drop(self.0.tasks.take());
        }
        CURRENT.set(None);
    }
}

fn current() -> Rc<EventLoop> {
    CURRENT.with_borrow(Clone::clone).expect("no loop runs here: write block_on(async { ... })")
}

// Steps 3, 4 and 9. Many futures, a queue of those that were woken, and wakes from any thread.

struct RunQueue {
    // Tasks that were woken and not polled since. Behind a lock, because any thread may wake a task.
    ids: Mutex<VecDeque<usize>>,
    home: thread::ThreadId,
    unparker: mio::Waker,
}

const UNPARK: Token = Token(usize::MAX);

impl RunQueue {
    fn ids(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// What a task shares with its wakers and its handle.
struct WakeState {
    id: usize,
    // Is it in the run queue? Without this flag, two wakes would make two polls.
    is_woken: AtomicBool,
    is_cancelled: AtomicBool,
    run_queue: Arc<RunQueue>,
}

impl Wake for WakeState {
    fn wake(self: Arc<Self>) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        self.run_queue.ids().push_back(self.id);
        // Without this, a wake from another thread has no effect until a socket or a timer ends the loop's wait. It is
        // kept for a wait that has not begun.
        if thread::current().id() != self.run_queue.home {
            self.run_queue.unparker.wake().expect("holds because mio empties a full eventfd");
        }
    }
}

impl WakeState {
    // Clears the flag before the poll. Cleared after it, a wake that comes during the poll would be lost.
    fn poll<F: Future + ?Sized>(
        self: &Arc<Self>,
        on: &EventLoop,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        self.is_woken.swap(false, Ordering::AcqRel);
        on.budget.set(POLL_BUDGET);
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }
}

impl EventLoop {
    fn new_number(&self) -> usize {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }

    fn new_wake_state(&self) -> Arc<WakeState> {
        let (is_woken, is_cancelled) = (AtomicBool::new(false), AtomicBool::new(false));
        let (id, run_queue) = (self.new_number(), self.run_queue.clone());
        Arc::new(WakeState { id, is_woken, is_cancelled, run_queue })
    }

    fn run_task(&self, id: usize) {
        // A task that has ended is not in the table, so a late wake finds nothing.
        let Some((state, mut future)) = self.tasks.borrow_mut().remove(&id) else { return };
        if state.poll(self, future.as_mut()).is_pending() {
            self.tasks.borrow_mut().insert(id, (state, future));
        }
    }

    // Asks the selector, and waits there if no task is ready.
    fn wait(&self) {
        let next = self.timers.borrow().first_key_value().map(|((deadline, _), _)| *deadline);
        // The next deadline limits the wait. Without a limit, a sleep would end only when something else ends the wait.
        let mut limit =
            next.map(|next| next.saturating_duration_since(Instant::now()).min(LONGEST_WAIT));
        if !self.run_queue.ids().is_empty() {
            limit = Some(Duration::ZERO);
        }
        let mut events = Events::with_capacity(1024);
        let waited = self.selector.borrow_mut().poll(&mut events, limit);
        let is_interrupted =
            waited.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted);
        assert!(waited.is_ok() || is_interrupted, "the selector failed: {waited:?}");
        for event in &events {
            let Some(known) = self.sockets.borrow().get(&event.token()).cloned() else { continue };
            // A task finds the end of a stream, or an error, when it tries, in either direction.
            let is_over = event.is_read_closed() || event.is_write_closed() || event.is_error();
            known[READ].add(event.is_readable() || is_over);
            known[WRITE].add(event.is_writable() || is_over);
        }
        // After the sockets: so a value that came in time beats its timeout.
        let mut due = self.timers.take();
        let later = due.split_off(&(Instant::now(), usize::MAX));
        self.timers.replace(later);
        due.into_values().for_each(Waker::wake);
    }
}

/// Lets each task that is ready run once.
pub async fn yield_now() {
    let mut has_yielded = false;
    let again = |context: &mut Context<'_>| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    };
    poll_fn(again).await;
}

// Step 5. A task ends in one of three ways, and its handle tells which.

/// Starts a task on this thread, which it never leaves; so it needs no `Send`.
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let on = current();
    let state = on.new_wake_state();
    let join = Rc::new(Join {
        result: Cell::new(None),
        is_finished: Cell::new(false),
        joiner: Cell::new(None),
    });
    let task = Spawned { future: Some(Box::pin(future)), state: state.clone(), join: join.clone() };
    on.tasks.borrow_mut().insert(state.id, (state.clone(), Box::pin(task)));
    state.clone().wake();
    JoinHandle { state, join }
}

/// Why a task has no value.
pub enum JoinError {
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// It was cancelled, or its loop ended.
    Cancelled,
}

// What a task leaves to its handle.
struct Join<T> {
    result: Cell<Option<Result<T, JoinError>>>,
    is_finished: Cell<bool>,
    joiner: Cell<Option<Waker>>,
}

type Task = (Arc<WakeState>, Pin<Box<dyn Future<Output = ()>>>);

struct Spawned<F: Future> {
    future: Option<Pin<Box<F>>>,
    state: Arc<WakeState>,
    join: Rc<Join<F::Output>>,
}

impl<F: Future> Spawned<F> {
    // Drops the future, then tells the joiner: so a join means that the task's destructors have run.
    fn finish(&mut self, result: Result<F::Output, JoinError>) {
        let Some(future) = self.future.take() else { return };
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
        self.join.result.set(Some(dropped.map_err(JoinError::Panicked).and(result)));
        self.join.is_finished.set(true);
        // Without this wake, a task that awaits the handle would never hear of the end.
        self.join.joiner.take().into_iter().for_each(Waker::wake);
    }
}

impl<F: Future> Future for Spawned<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let is_cancelled = self.state.is_cancelled.load(Ordering::Acquire);
        let Some(future) = self.future.as_mut().filter(|_| !is_cancelled) else {
            return Poll::Ready(());
        };
        // Without this catch, a panic in one task would end them all.
        let result = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(JoinError::Panicked(payload)),
        };
        self.finish(result);
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Spawned<F> {
    fn drop(&mut self) {
        self.finish(Err(JoinError::Cancelled));
    }
}

/// Gives the result of a task when it is awaited. A task whose handle is dropped runs on.
pub struct JoinHandle<T> {
    state: Arc<WakeState>,
    join: Rc<Join<T>>,
}

impl<T> JoinHandle<T> {
    /// Makes a function that asks, from any thread, for the task's end. The loop's thread drops the future, unpolled.
    pub fn canceller(&self) -> Box<dyn Fn() + Send> {
        let state = self.state.clone();
        Box::new(move || {
            state.is_cancelled.store(true, Ordering::Release);
            state.clone().wake();
        })
    }

    /// Tells whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished.get()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.join.result.take() {
            return Poll::Ready(result);
        }
        assert!(!self.is_finished(), "a join handle was polled after it gave its result");
        self.join.joiner.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

// Step 6. Deadlines in order.

// The selector counts milliseconds in 32 bits, so the loop cuts a longer wait in pieces.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

// An `Instant` cannot hold `Duration::MAX` from now.
const LONGEST_SLEEP: Duration = Duration::from_hours(24 * 365 * 100);

/// Waits until a deadline.
pub struct Sleep {
    key: (Instant, usize),
    on: Rc<EventLoop>,
}

/// Waits for a span of time.
pub fn sleep(span: Duration) -> Sleep {
    sleep_until(Instant::now() + span.min(LONGEST_SLEEP))
}

/// Waits until an instant.
pub fn sleep_until(deadline: Instant) -> Sleep {
    let on = current();
    Sleep { key: (deadline, on.new_number()), on }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.key.0 {
            return Poll::Ready(());
        }
        let displaced = self.on.timers.borrow_mut().insert(self.key, context.waker().clone());
        drop(displaced);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // Without this, each timeout that was not needed would wake its task later.
        let waker = self.on.timers.borrow_mut().remove(&self.key);
        drop(waker);
    }
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

// Steps 7 and 8. Sockets: the selector tells of a change once, and the loop remembers it.

const READ: usize = 0;
const WRITE: usize = 1;

// One direction of a socket.
struct Side {
    is_ready: Cell<bool>,
    waiting: Cell<Option<Waker>>,
}

impl Side {
    // If readiness only woke, an event that comes while no task waits would be lost: the selector does not repeat it.
    fn add(&self, is_ready: bool) {
        if is_ready {
            self.is_ready.set(true);
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }
}

/// A socket of mio's that the selector watches, until it is dropped.
pub struct Socket<S: Source> {
    /// The socket itself, for what does not wait.
    pub inner: S,
    token: Token,
    sides: Rc<[Side; 2]>,
    on: Rc<EventLoop>,
}

impl<S: Source> Socket<S> {
    /// Watches a socket.
    pub fn new(mut inner: S) -> io::Result<Self> {
        let on = current();
        let token = Token(on.new_number());
        let both = Interest::READABLE | Interest::WRITABLE;
        on.selector.borrow().registry().register(&mut inner, token, both)?;
        // Ready until an operation proves the contrary.
        let sides = Rc::new(
            [READ, WRITE].map(|_| Side { is_ready: Cell::new(true), waiting: Cell::new(None) }),
        );
        on.sockets.borrow_mut().insert(token, sides.clone());
        Ok(Self { inner, token, sides, on })
    }

    // Does an operation when the socket is ready for it.
    async fn perform<T>(
        &self,
        side: usize,
        mut operation: impl FnMut(&S) -> io::Result<T>,
    ) -> io::Result<T> {
        let (on, side) = (&self.on, &self.sides[side]);
        if !Rc::ptr_eq(on, &current()) {
            return Err(io::Error::other("the event loop of this socket does not run"));
        }
        let attempt = |context: &mut Context<'_>| {
            if side.is_ready.get() {
                // Step 10. Without a budget, a task whose socket is always ready would never return to the loop.
                let Some(left) = on.budget.get().checked_sub(1) else {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                };
                on.budget.set(left);
                match operation(&self.inner) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => side.is_ready.set(false),
                    done => return Poll::Ready(done),
                }
            }
            side.waiting.set(Some(context.waker().clone()));
            Poll::Pending
        };
        poll_fn(attempt).await
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
    /// Connects.
    pub async fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = Self::new(TcpStream::connect(to)?)?;
        let is_connected = |stream: &TcpStream| match stream.take_error()? {
            Some(error) => Err(error),
            None => stream.peer_addr().map_err(|_| ErrorKind::WouldBlock.into()),
        };
        stream.perform(WRITE, is_connected).await?;
        Ok(stream)
    }

    /// Reads what is there; 0 is the end.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.perform(READ, |mut stream| stream.read(buf)).await
    }

    /// Writes what fits.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.perform(WRITE, |mut stream| stream.write(buf)).await
    }
}

impl Socket<TcpListener> {
    /// Waits for a connection.
    pub async fn accept(&self) -> io::Result<Socket<TcpStream>> {
        loop {
            match self.perform(READ, TcpListener::accept).await {
                // Step 10. The connection stays in the backlog, and no event will tell that a descriptor is free.
                Err(error) if is_shortage(&error) => sleep(ACCEPT_PAUSE).await,
                accepted => return Socket::new(accepted?.0),
            }
        }
    }
}

const POLL_BUDGET: u32 = 128;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
