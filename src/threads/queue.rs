//! A queue between threads, with an end and with a bound.
//!
//! Problem: producers hand work to consumers. Without a bound a producer that is faster fills the memory; with one
//! it sleeps until there is room, and so does whoever feeds it: back-pressure. And without an end the consumers
//! would wait for ever for what does not come.
//!
//! **Invariants**
//! - `THREAD-QUEUE-1`: an item that was put is taken once, in the order of putting.
//! - `THREAD-QUEUE-2`: it never holds more than its capacity.
//! - `THREAD-QUEUE-3`: closed, it refuses what is put, gives what it still has, and then says that it is closed. Who
//!   sleeps is woken.
//! - `THREAD-QUEUE-4`: while there is an item, no getter sleeps that was not woken for one; while there is room, no
//!   putter.
//! - `THREAD-QUEUE-5`: the kernel is asked to wake a thread only when one sleeps.
//! - `THREAD-QUEUE-6`: no item is dropped while the lock is held: its drop is foreign code.
//!
//! There are two condition variables, so that a wake goes to a thread that can use it: with one for both, the wake
//! for an item could reach another putter, which sleeps on, and the getter with it.
//!
//! **Left out**: closing when the last producer is gone, as channels do: here any thread may close; an order among those
//! who sleep.
//!
//! **Source**: Python's `queue.Queue`, with its `shutdown` of 3.13; `std::sync::mpsc::sync_channel`.

use std::collections::VecDeque;
use std::time::Duration;

use super::deadline::{Deadline, lock};
use super::queue_error::{GetError, PutError};
use super::sync::{Condvar, Mutex, MutexGuard};

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
    /// The items, and who waits.
    state: Mutex<State<T>>,
    /// Wakes a getter: there is an item, or the queue was closed.
    item_came: Condvar,
    /// Wakes a putter: there is room, or the queue was closed.
    room_came: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
struct State<T> {
    /// What was put and not taken.
    items: VecDeque<T>,
    /// Set once, for ever.
    is_closed: bool,
    /// Threads that sleep until an item comes, those too that were woken and have not run yet.
    getters: usize,
    /// Threads that sleep until there is room; likewise.
    putters: usize,
}

impl<T> Queue<T> {
    /// Makes a queue for `capacity` items. It takes memory for what it holds, so `usize::MAX` is a queue without
    /// a bound.
    ///
    /// # Panics
    /// `capacity` is zero.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room for one item");
        let state = State { items: VecDeque::new(), is_closed: false, getters: 0, putters: 0 };
        Self {
            capacity,
            state: Mutex::new(state),
            item_came: Condvar::new(),
            room_came: Condvar::new(),
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
        self.put_until(value, Deadline::Never)
    }

    /// Puts a value at the end; waits for room, but no longer than `timeout`.
    ///
    /// # Errors
    /// There was no room in time, or the queue is closed.
    ///
    /// # Blocking
    /// Until there is room, or for `timeout`.
    pub fn put_timeout(&self, value: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_until(value, Deadline::after(timeout))
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
        self.get_until(Deadline::Never).ok()
    }

    /// Takes the item in front; waits for one, but no longer than `timeout`.
    ///
    /// # Errors
    /// None came in time, or the queue is closed and empty.
    ///
    /// # Blocking
    /// Until an item comes, or for `timeout`.
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.get_until(Deadline::after(timeout))
    }

    /// Takes the item in front if there is one.
    ///
    /// # Errors
    /// There is none; closed or not.
    pub fn try_get(&self) -> Result<T, GetError> {
        self.take_now(lock(&self.state))
    }

    /// Closes the queue (`THREAD-QUEUE-3`); closed already, it stays so.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let (getters, putters) = (state.getters, state.putters);
        drop(state);
        // All of them: each looks for itself what is left.
        if getters > 0 {
            self.item_came.notify_all();
        }
        if putters > 0 {
            self.room_came.notify_all();
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
        let mut is_over = false;
        while state.items.len() >= self.capacity && !state.is_closed && !is_over {
            state.putters += 1;
            (state, is_over) = deadline.wait(&self.room_came, state);
            state.putters -= 1;
        }
        // Also when the time is up: room may have come with it.
        self.put_now(state, value)
    }

    /// Takes an item, or gives up at the deadline.
    fn get_until(&self, deadline: Deadline) -> Result<T, GetError> {
        let mut state = lock(&self.state);
        let mut is_over = false;
        while state.items.is_empty() && !state.is_closed && !is_over {
            state.getters += 1;
            (state, is_over) = deadline.wait(&self.item_came, state);
            state.getters -= 1;
        }
        self.take_now(state)
    }

    /// Puts a value if there is room; gives up the lock, and wakes a getter.
    fn put_now(&self, mut state: MutexGuard<'_, State<T>>, value: T) -> Result<(), PutError<T>> {
        if state.is_closed {
            return Err(PutError::Closed(value));
        }
        if state.items.len() >= self.capacity {
            return Err(PutError::Full(value));
        }
        state.items.push_back(value);
        let somebody_sleeps = state.getters > 0;
        drop(state);
        if somebody_sleeps {
            // After the unlock, else the one who wakes would at once sleep again, for the lock.
            self.item_came.notify_one();
        }
        Ok(())
    }

    /// Takes an item if there is one; gives up the lock, and wakes a putter.
    fn take_now(&self, mut state: MutexGuard<'_, State<T>>) -> Result<T, GetError> {
        let Some(item) = state.items.pop_front() else {
            return Err(if state.is_closed { GetError::Closed } else { GetError::Empty });
        };
        let somebody_sleeps = state.putters > 0;
        drop(state);
        if somebody_sleeps {
            self.room_came.notify_one();
        }
        Ok(item)
    }
}
