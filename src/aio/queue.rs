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
//! A value that could not be put comes back in the error, which is that of [`threads::Queue`](crate::threads::Queue).
//!
//! **Left out**: `asyncio.Queue`'s `join`, in whose place a [`TaskGroup`](super::TaskGroup) waits; closing when the
//! last putter is gone, because every handle may put and get.
//!
//! **Source**: `asyncio.Queue`, with its `shutdown` of 3.13; tokio's `sync::mpsc`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use super::semaphore::Semaphore;
use super::waiters::{Acquire, Resource};
use crate::rt::Wait;
use crate::threads::{GetError, PutError};

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
    /// [`PutError::Closed`]: the queue is closed, or was closed during the wait.
    ///
    /// # Cancellation
    /// The value was not put, and is dropped with the future.
    pub async fn put(&self, value: T) -> Result<(), PutError<T>> {
        // Nothing is awaited after the permit is acquired, so it cannot be lost in between.
        Acquire::new(&self.inner.to_put).await;
        self.inner.push(value)
    }

    /// Puts a value if there is room that was not granted to a waiter.
    ///
    /// # Errors
    /// There is none, or the queue is closed.
    pub fn try_put(&self, value: T) -> Result<(), PutError<T>> {
        if !Resource::try_acquire(&self.inner.to_put) {
            return Err(PutError::Full(value));
        }
        self.inner.push(value)
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
    pub fn try_get(&self) -> Result<T, GetError> {
        if !Resource::try_acquire(&self.inner.to_get) {
            return Err(GetError::Empty);
        }
        self.inner.pop().ok_or(GetError::Closed)
    }

    /// Closes the queue (`ITEM-5`) and wakes every task that waits. Each of them looks again at what is left.
    pub fn close(&self) {
        self.inner.is_closed.set(true);
        self.inner.to_get.open();
        self.inner.to_put.open();
    }

    /// Counts the items in it, also those granted to waiters.
    pub fn len(&self) -> usize {
        self.inner.items.borrow().len()
    }

    /// Tells whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the tasks that wait, to get or to put.
    pub fn waiters(&self) -> usize {
        self.inner.to_get.waiters() + self.inner.to_put.waiters()
    }
}

impl<T> Inner<T> {
    /// Puts a value, with a permit.
    fn push(&self, value: T) -> Result<(), PutError<T>> {
        if self.is_closed.get() {
            return Err(PutError::Closed(value));
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
