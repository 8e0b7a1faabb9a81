//! A queue between tasks, with an end and with a bound.
//!
//! Without a bound a producer that is faster than its consumer fills the memory; with one it waits, and
//! so does whoever feeds it: back-pressure.
//!
//! **Invariants**
//! - `ITEM-1` Items leave in the order in which they were put.
//! - `ITEM-2` Getters, and putters, are served in the order in which they came (`GIVE-1`).
//! - `ITEM-3` A getter that was woken is *promised* an item; the item itself stays in the queue until it
//!   is polled. So a getter that is dropped loses nothing: its promise goes to the next.
//! - `ITEM-4` Until it is closed: `promised_items <= items` and `items + promised_room <= capacity`.
//! - `ITEM-5` Closed, it refuses what is put, gives what it has to whoever asks first, then says `None`.
//!
//! ```text
//! getter A, then B         putter                    items, promised
//! get: waits               put: 7, promise to A      [7]    1
//! A is dropped: its promise goes to B                [7]    1
//! B is polled: takes 7                               []     0
//! ```
//! Had the putter handed the 7 to A itself, it would have gone with A.
//!
//! **Left out**: `asyncio.Queue`'s `join`, for which a [`TaskGroup`](super::TaskGroup) does; closing
//! when the last putter is gone, since every handle may do both.
//!
//! **Source**: `asyncio.Queue`, with its `shutdown` of 3.13; tokio's `sync::mpsc`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use super::queue_error::{Closed, TryGetError, TryPutError};
use super::wait_list::WaitList;
use super::waiting::{Giver, Waiting};
use crate::rt::{Wait, wake_all};

/// A handle to a queue between tasks of one loop; clones are handles to the same queue.
pub struct Queue<T> {
    /// The queue.
    inner: Rc<Inner<T>>,
}

/// The queue itself. Cells and `RefCell`s, because both ends belong to one thread; no borrow outlives a
/// statement.
struct Inner<T> {
    /// What was put and not taken.
    items: RefCell<VecDeque<T>>,
    /// How many items it may hold.
    capacity: usize,
    /// Set once, for ever.
    closed: Cell<bool>,
    /// Items that are spoken for by getters on their way (`ITEM-3`).
    promised_items: Cell<usize>,
    /// Room that is spoken for by putters on their way.
    promised_room: Cell<usize>,
    /// Who waits for an item; nobody while one is not promised.
    getters: RefCell<WaitList>,
    /// Who waits for room; nobody while some is not promised.
    putters: RefCell<WaitList>,
}

impl<T> Queue<T> {
    /// Makes a queue for `capacity` items. It takes memory for what it holds, so `usize::MAX` is a queue
    /// without a bound.
    ///
    /// # Panics
    /// `capacity` is zero.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room for one item");
        let inner = Inner {
            items: RefCell::default(),
            capacity,
            closed: Cell::new(false),
            promised_items: Cell::new(0),
            promised_room: Cell::new(0),
            getters: RefCell::default(),
            putters: RefCell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Puts a value at the end; waits while the queue is full.
    ///
    /// # Errors
    /// [`Closed`]: the queue is closed, or was while this waited. The value comes back.
    ///
    /// # Cancellation
    /// The value was not put, and is dropped with the future.
    pub async fn put(&self, value: T) -> Result<(), Closed<T>> {
        // Nothing is awaited after the promise, so it cannot be broken in between.
        Waiting::new(Room(&self.inner)).await;
        self.inner.put_promised(value)
    }

    /// Puts a value if there is room.
    ///
    /// # Errors
    /// There is none, or the queue is closed.
    pub fn try_put(&self, value: T) -> Result<(), TryPutError<T>> {
        // Room that is promised to somebody who waits is not there for others.
        if !self.inner.promise_room() {
            return Err(TryPutError::Full(value));
        }
        self.inner.put_promised(value).map_err(|Closed(value)| TryPutError::Closed(value))
    }

    /// Takes the item in front; waits while there is none. `None`: the queue is closed and empty.
    ///
    /// # Cancellation
    /// Nothing is lost: an item leaves the queue only in the poll that returns it.
    pub async fn get(&self) -> Option<T> {
        Waiting::new(Item(&self.inner)).await;
        self.inner.take_promised()
    }

    /// Takes the item in front if there is one that is not promised to a waiter.
    ///
    /// # Errors
    /// There is none; closed or not.
    pub fn try_get(&self) -> Result<T, TryGetError> {
        if !self.inner.promise_item() {
            return Err(TryGetError::Empty);
        }
        self.inner.take_promised().ok_or(TryGetError::Closed)
    }

    /// Closes the queue (`ITEM-5`); whoever waits is woken.
    pub fn close(&self) {
        self.inner.closed.set(true);
        // Granted are they all, promised nothing: each looks for itself what is left.
        let getters = self.inner.getters.borrow_mut().grant_all();
        let putters = self.inner.putters.borrow_mut().grant_all();
        wake_all(getters.into_iter().chain(putters));
    }

    /// Tells whether it is closed; it may still hold items.
    pub fn is_closed(&self) -> bool {
        self.inner.closed.get()
    }

    /// Counts the items in it, those promised to waiters too.
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
        self.inner.getters.borrow().len() + self.inner.putters.borrow().len()
    }
}

impl<T> Inner<T> {
    /// Promises the caller an item, if one is free. Closed, there is nothing left to be promised.
    fn promise_item(&self) -> bool {
        if self.closed.get() {
            return true;
        }
        let free = self.items.borrow().len() > self.promised_items.get();
        self.promised_items.update(|promised| promised + usize::from(free));
        free
    }

    /// Takes the item that the caller was promised; `None` when it is closed and empty.
    fn take_promised(&self) -> Option<T> {
        let item = self.items.borrow_mut().pop_front();
        // Closed, nobody counts promises, and every putter has been sent away.
        if !self.closed.get() {
            self.promised_items.update(|promised| promised - 1);
            // There is room for one more now.
            promise_to_next(&self.putters, &self.promised_room);
        }
        item
    }

    /// Promises the caller room, if some is free.
    fn promise_room(&self) -> bool {
        if self.closed.get() {
            return true;
        }
        let free = self.items.borrow().len() + self.promised_room.get() < self.capacity;
        self.promised_room.update(|promised| promised + usize::from(free));
        free
    }

    /// Puts a value where the caller was promised room.
    fn put_promised(&self, value: T) -> Result<(), Closed<T>> {
        if self.closed.get() {
            return Err(Closed(value));
        }
        self.promised_room.update(|promised| promised - 1);
        self.items.borrow_mut().push_back(value);
        promise_to_next(&self.getters, &self.promised_items);
        Ok(())
    }
}

/// Promises to the first of `waiters`, if there is one, what has just come free; and wakes it.
fn promise_to_next(waiters: &RefCell<WaitList>, promised: &Cell<usize>) {
    let next = waiters.borrow_mut().grant();
    if let Some(next) = next {
        promised.update(|promised| promised + 1);
        next.wake();
    }
}

/// What a getter waits for.
struct Item<'a, T>(&'a Inner<T>);

impl<T> Giver for Item<'_, T> {
    const WAIT: Wait = Wait::Item;

    fn waiters(&self) -> &RefCell<WaitList> {
        &self.0.getters
    }

    fn try_take(&self) -> bool {
        self.0.promise_item()
    }

    fn give_back(&self) {
        // ITEM-3. Closed, nobody is promised anything, and everybody has been woken.
        if !self.0.closed.get() {
            self.0.promised_items.update(|promised| promised - 1);
            promise_to_next(&self.0.getters, &self.0.promised_items);
        }
    }
}

/// What a putter waits for.
struct Room<'a, T>(&'a Inner<T>);

impl<T> Giver for Room<'_, T> {
    const WAIT: Wait = Wait::Room;

    fn waiters(&self) -> &RefCell<WaitList> {
        &self.0.putters
    }

    fn try_take(&self) -> bool {
        self.0.promise_room()
    }

    fn give_back(&self) {
        // As for items: the room goes to the next putter.
        if !self.0.closed.get() {
            self.0.promised_room.update(|promised| promised - 1);
            promise_to_next(&self.0.putters, &self.0.promised_room);
        }
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
            .field("closed", &self.inner.closed.get())
            .finish_non_exhaustive()
    }
}
