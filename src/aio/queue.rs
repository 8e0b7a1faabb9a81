//! A queue between tasks, with a capacity and an end.
//!
//! Without a capacity a producer that is faster than its consumer fills the memory. With one it waits, and so does what
//! feeds it: back-pressure. A queue is two semaphores: permits to take an item, and permits to put one.
//!
//! **Invariants**
//! - `ITEM-1` Items leave in the order in which they were put.
//! - `ITEM-2` Getters, and putters, are served in the order in which they came (`WAIT-1`).
//! - `ITEM-3` A getter that is woken has a permit; the item stays in the queue until the getter is polled. So a getter
//!   that is dropped loses no item: its permit goes to the next one.
//! - `ITEM-4` Until it is closed, every item has a permit that is free or granted, and so has every free place.
//! - `ITEM-5` A closed queue refuses what is put, gives what it holds to the tasks that ask first, then says `None`.
//!
//! ```text
//! getter A, then B         putter                    items, permits granted
//! get: waits               put: 7, permit to A       [7]    1
//! A is dropped: its permit goes to B                 [7]    1
//! B is polled: takes 7                               []     0
//! ```
//! If the putter handed the 7 to A itself, A's drop would lose it.
//!
//! A value that could not be put comes back in the error. It need not be printable: no error prints it.
//!
//! **Left out**: `asyncio.Queue`'s `join`, in whose place a [`TaskGroup`](super::TaskGroup) waits; closing when the
//! last putter is gone, because every handle may put and get.
//!
//! **Source**: `asyncio.Queue`, with its `shutdown` of 3.13; tokio's `sync::mpsc`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::semaphore::Semaphore;
use super::waiters::{Acquire, Resource};
use crate::rt::Wait;

/// A handle to a queue between tasks of one loop; clones are handles to the same queue.
pub struct Queue<T> {
    /// The queue.
    inner: Rc<Inner<T>>,
}

/// The queue itself.
struct Inner<T> {
    /// What was put and not taken. No borrow outlives a statement.
    items: RefCell<VecDeque<T>>,
    /// How many items it may hold.
    capacity: usize,
    /// Set once, forever.
    is_closed: Cell<bool>,
    /// Permits to take an item.
    to_get: Semaphore,
    /// Permits to put an item.
    to_put: Semaphore,
}

impl<T> Queue<T> {
    /// Makes a queue for `capacity` items. It takes memory for what it holds, so `usize::MAX` is a queue without a
    /// bound.
    ///
    /// # Panics
    /// `capacity` is zero.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room for one item");
        let inner = Inner {
            items: RefCell::default(),
            capacity,
            is_closed: Cell::new(false),
            to_get: Semaphore::with_wait(0, Wait::Item),
            to_put: Semaphore::with_wait(capacity, Wait::Room),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Puts a value at the end; waits while the queue is full.
    ///
    /// # Errors
    /// [`Closed`]: the queue is closed, or was closed during the wait. The value comes back.
    ///
    /// # Cancellation
    /// The value was not put, and is dropped with the future.
    pub async fn put(&self, value: T) -> Result<(), Closed<T>> {
        // Nothing is awaited after the permit is acquired, so it cannot be lost in between.
        Acquire::new(&self.inner.to_put).await;
        self.inner.push(value)
    }

    /// Puts a value if there is room that was not granted to a waiter.
    ///
    /// # Errors
    /// There is none, or the queue is closed.
    pub fn try_put(&self, value: T) -> Result<(), TryPutError<T>> {
        if !Resource::try_acquire(&self.inner.to_put) {
            return Err(TryPutError::Full(value));
        }
        self.inner.push(value).map_err(|Closed(value)| TryPutError::Closed(value))
    }

    /// Takes the item in front; waits while there is none. `None`: the queue is closed and empty.
    ///
    /// # Cancellation
    /// Nothing is lost: an item leaves the queue only in the poll that returns it.
    pub async fn get(&self) -> Option<T> {
        Acquire::new(&self.inner.to_get).await;
        self.inner.pop()
    }

    /// Takes the item in front if there is one that was not granted to a waiter.
    ///
    /// # Errors
    /// There is none; closed or not.
    pub fn try_get(&self) -> Result<T, TryGetError> {
        if !Resource::try_acquire(&self.inner.to_get) {
            return Err(TryGetError::Empty);
        }
        self.inner.pop().ok_or(TryGetError::Closed)
    }

    /// Closes the queue (`ITEM-5`) and wakes every task that waits. Each of them looks again at what is left.
    pub fn close(&self) {
        self.inner.is_closed.set(true);
        self.inner.to_get.open();
        self.inner.to_put.open();
    }

    /// Tells whether it is closed; it may still hold items.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed.get()
    }

    /// Counts the items in it, also those granted to waiters.
    pub fn len(&self) -> usize {
        self.inner.items.borrow().len()
    }

    /// Tells whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many items it may hold.
    pub fn capacity(&self) -> usize {
        self.inner.capacity
    }

    /// Counts the tasks that wait, to get or to put.
    pub fn waiters(&self) -> usize {
        self.inner.to_get.waiters() + self.inner.to_put.waiters()
    }
}

impl<T> Inner<T> {
    /// Puts a value, with a permit.
    fn push(&self, value: T) -> Result<(), Closed<T>> {
        if self.is_closed.get() {
            return Err(Closed(value));
        }
        self.items.borrow_mut().push_back(value);
        self.to_get.release();
        Ok(())
    }

    /// Takes an item, with a permit; `None` when the queue is closed and empty.
    fn pop(&self) -> Option<T> {
        let item = self.items.borrow_mut().pop_front();
        if item.is_some() {
            self.to_put.release();
        }
        item
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.inner.capacity)
            .field("closed", &self.inner.is_closed.get())
            .finish_non_exhaustive()
    }
}

/// The queue is closed; the value that could not be put comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

/// Why a value could not be put at once; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room now.
    Full(T),
    /// There will never be room again.
    Closed(T),
}

/// Why no item could be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryGetError {
    /// There is none now.
    Empty,
    /// There will never be one again.
    Closed,
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TryGetError::Closed.fmt(f)
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Full(_)) { "Full(..)" } else { "Closed(..)" })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the queue is full"),
            Self::Closed(_) => TryGetError::Closed.fmt(f),
        }
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is closed",
        })
    }
}

impl<T> Error for Closed<T> {}

impl<T> Error for TryPutError<T> {}

impl Error for TryGetError {}
