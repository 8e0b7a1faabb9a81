//! A queue between threads, with a bound and an end.
//!
//! Problem: producers hand work to consumers. Without a bound a producer that is faster fills the memory; with one it
//! sleeps until there is room, and so does what feeds it: back-pressure. And without an end the consumers would wait
//! forever for an item that does not come.
//!
//! **Invariants**
//! - `THREAD-QUEUE-1`: an item that was put is taken once, in the order of putting.
//! - `THREAD-QUEUE-2`: the queue never holds more than its capacity.
//! - `THREAD-QUEUE-3`: a closed queue refuses what is put, gives what it still has, and then says that it is closed.
//!   All sleepers are woken.
//! - `THREAD-QUEUE-4`: while there is an item, no getter sleeps that was not woken for one; while there is room, no
//!   putter.
//!
//! No item is dropped under the lock, because its destructor is foreign code.
//!
//! There are two condition variables, so that a wake goes to a thread that can use it. With one for both, the wake for
//! an item could reach another putter, which sleeps again, and the getter sleeps on.
//!
//! **Left out**: a close by the drop of the last producer, as channels have it; an order among the sleepers.
//!
//! **Source**: Python's `queue.Queue`, with its `shutdown` of 3.13; `std::sync::mpsc::sync_channel`.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::deadline::{self, Deadline, lock};
use super::{Condvar, Mutex, MutexGuard};

/// A bounded queue that threads share.
///
/// # Examples
/// ```
/// use handloom::threads::Queue;
/// use std::thread;
///
/// let queue = Queue::new(2);
/// let sum = thread::scope(|scope| {
///     let consumer = scope.spawn(|| std::iter::from_fn(|| queue.get()).sum::<i32>());
///     for number in 1..=4 {
///         queue.put(number).expect("it is open");
///     }
///     queue.close();
///     consumer.join().expect("no panic")
/// });
/// assert_eq!(sum, 10);
/// ```
#[derive(Debug)]
pub struct Queue<T> {
    /// How many items it may hold.
    capacity: usize,
    /// The items, and how many threads wait.
    state: Mutex<QueueState<T>>,
    /// Wakes a getter: there is an item, or the queue was closed.
    item_put: Condvar,
    /// Wakes a putter: there is room, or the queue was closed.
    item_taken: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
struct QueueState<T> {
    /// What was put and not taken.
    items: VecDeque<T>,
    /// Set once.
    is_closed: bool,
    /// Threads that sleep until an item comes, also those that were woken and did not run yet.
    getters: usize,
    /// Threads that sleep until there is room; likewise.
    putters: usize,
}

impl<T> Queue<T> {
    /// Makes a queue for `capacity` items. It takes memory only for what it holds, so `usize::MAX` is no bound.
    ///
    /// # Panics
    /// `capacity` is zero.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room for one item");
        let state = QueueState { items: VecDeque::new(), is_closed: false, getters: 0, putters: 0 };
        Self {
            capacity,
            state: Mutex::new(state),
            item_put: Condvar::new(),
            item_taken: Condvar::new(),
        }
    }

    /// Puts a value at the end; waits while the queue is full.
    ///
    /// # Errors
    /// [`PutError::Closed`]: the queue is closed, or was while this waited.
    ///
    /// # Blocking
    /// Until there is room.
    pub fn put(&self, value: T) -> Result<(), PutError<T>> {
        self.put_until(value, None)
    }

    /// Puts a value at the end; waits for room, but no longer than `timeout`.
    ///
    /// # Errors
    /// There was no room in time, or the queue is closed.
    ///
    /// # Blocking
    /// Until there is room, or for `timeout`.
    pub fn put_timeout(&self, value: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_until(value, deadline::after(timeout))
    }

    /// Puts a value at the end if there is room.
    ///
    /// # Errors
    /// There is none, or the queue is closed.
    pub fn try_put(&self, value: T) -> Result<(), PutError<T>> {
        self.put_now(lock(&self.state), value)
    }

    /// Takes the item in front; waits while there is none. `None`: the queue is closed and empty.
    ///
    /// # Blocking
    /// Until an item comes.
    pub fn get(&self) -> Option<T> {
        self.get_until(None).ok()
    }

    /// Takes the item in front; waits for one, but no longer than `timeout`.
    ///
    /// # Errors
    /// None came in time, or the queue is closed and empty.
    ///
    /// # Blocking
    /// Until an item comes, or for `timeout`.
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.get_until(deadline::after(timeout))
    }

    /// Takes the item in front if there is one.
    ///
    /// # Errors
    /// There is none; the error tells whether the queue is closed.
    pub fn try_get(&self) -> Result<T, GetError> {
        self.take_now(lock(&self.state))
    }

    /// Closes the queue (`THREAD-QUEUE-3`); closed already, it stays so.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let (getters, putters) = (state.getters, state.putters);
        drop(state);
        // Every waiter is woken without an item and checks the queue again.
        if getters > 0 {
            self.item_put.notify_all();
        }
        if putters > 0 {
            self.item_taken.notify_all();
        }
    }

    /// Tells whether it is closed; it may still hold items.
    pub fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    /// Counts the items in it.
    pub fn len(&self) -> usize {
        lock(&self.state).items.len()
    }

    /// Tells whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the threads that sleep, to get or to put.
    pub fn waiting(&self) -> usize {
        let state = lock(&self.state);
        state.getters + state.putters
    }

    /// Puts a value, or gives it back at the deadline.
    fn put_until(&self, value: T, deadline: Deadline) -> Result<(), PutError<T>> {
        let mut state = lock(&self.state);
        let mut is_late = false;
        while state.items.len() >= self.capacity && !state.is_closed && !is_late {
            state.putters += 1;
            (state, is_late) = deadline::wait(&self.item_taken, state, deadline);
            state.putters -= 1;
        }
        // Also at the deadline: room may have come with it.
        self.put_now(state, value)
    }

    /// Takes an item, or gives up at the deadline.
    fn get_until(&self, deadline: Deadline) -> Result<T, GetError> {
        let mut state = lock(&self.state);
        let mut is_late = false;
        while state.items.is_empty() && !state.is_closed && !is_late {
            state.getters += 1;
            (state, is_late) = deadline::wait(&self.item_put, state, deadline);
            state.getters -= 1;
        }
        self.take_now(state)
    }

    /// Puts a value if there is room; releases the lock, and wakes a getter.
    fn put_now(
        &self,
        mut state: MutexGuard<'_, QueueState<T>>,
        value: T,
    ) -> Result<(), PutError<T>> {
        if state.is_closed {
            return Err(PutError::Closed(value));
        }
        if state.items.len() >= self.capacity {
            return Err(PutError::Full(value));
        }
        state.items.push_back(value);
        let has_sleepers = state.getters > 0;
        drop(state);
        if has_sleepers {
            // After the unlock: otherwise the woken thread would at once sleep again, on the lock.
            self.item_put.notify_one();
        }
        Ok(())
    }

    /// Takes an item if there is one; releases the lock, and wakes a putter.
    fn take_now(&self, mut state: MutexGuard<'_, QueueState<T>>) -> Result<T, GetError> {
        let Some(item) = state.items.pop_front() else {
            return Err(if state.is_closed { GetError::Closed } else { GetError::Empty });
        };
        let has_sleepers = state.putters > 0;
        drop(state);
        if has_sleepers {
            self.item_taken.notify_one();
        }
        Ok(item)
    }
}

/// Why a value was not put; it comes back. It need not be printable, so that `expect` works with any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There was no room in time.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> Error for PutError<T> {}

/// Why no item was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetError {
    /// None came in time.
    Empty,
    /// The queue is closed, and all that was in it has been taken.
    Closed,
}

impl fmt::Display for GetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is closed",
        })
    }
}

impl Error for GetError {}
