//! Equal calls in flight are one call.
//!
//! A thousand people open the same page, and each would have the gateway ask the upstream for Moscow: a thousand times
//! the same question within the time of one answer. Here the first asker starts the call, and the others wait for what
//! comes of it.
//!
//! | state of a flight | in the table | its task | who waits |
//! | --- | --- | --- | --- |
//! | flying | yes | runs | one or more |
//! | landed | no | has ended | are woken, and take a clone |
//! | given up | no | is cancelled | nobody |
//!
//! **Invariants**
//! - `FLIGHT-1` Under one key at most one flight is in the table, and whoever asks while it is there joins it.
//! - `FLIGHT-2` A flight belongs to no asker. It goes on while anybody waits, whoever came first, and is cancelled
//!   when nobody does.
//! - `FLIGHT-3` A flight leaves the table in the same step in which it lands or is given up, so nobody joins one that
//!   will not answer him. It removes itself and no other: the key may have a new flight by then.
//! - `FLIGHT-4` Whatever way a flight ends, also by a panic, those who wait are woken.
//!
//! ```text
//! A: ask "Moscow"   B: ask "Moscow"        flight             waiting
//! starts it                                call ──► upstream  1
//!                   joins it                                  2
//! goes away                                goes on            1      (FLIGHT-2)
//!                                          ◄── the answer
//!                   takes it               landed, removed    0
//! ```
//!
//! **Left out**: keeping the answer for those who come a moment later. That would be a cache, with an age to choose.
//!
//! **Source**: Go's `golang.org/x/sync/singleflight`, which leaves cancellation out.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::aio::Event;
use crate::rt::{JoinHandle, spawn_named};

/// Calls in flight, by their keys, on one event loop. A clone is the same table.
pub struct Flights<T> {
    /// The table (`FLIGHT-1`).
    table: Rc<Table<T>>,
}

/// The flights that may be joined.
type Table<T> = RefCell<HashMap<String, Rc<Flight<T>>>>;

/// A call in flight.
struct Flight<T> {
    /// What came of it; nothing before it has landed, or if it never does.
    answer: RefCell<Option<T>>,
    /// Set when it has ended (`FLIGHT-4`).
    landed: Event,
    /// How many wait (`FLIGHT-2`).
    waiting: Cell<usize>,
    /// Its task; none before it is spawned.
    task: RefCell<Option<JoinHandle<()>>>,
}

impl<T: Clone + 'static> Flights<T> {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self { table: Rc::default() }
    }

    /// Waits for the call that is in flight under this key, or starts `call` if there is none.
    ///
    /// Returns nothing when the call panicked; the panic is reported as that of a task (`JOIN-3`).
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// The call goes on for the others; it is cancelled if there are none (`FLIGHT-2`).
    pub async fn share(&self, key: &str, call: impl Future<Output = T> + 'static) -> Option<T> {
        let joined = self.table.borrow().get(key).cloned();
        let flight = joined.unwrap_or_else(|| self.start(key, call));
        let waiter = Waiter::join(self.table.clone(), key, flight);
        waiter.flight.landed.wait().await;
        // A clone may be foreign code; it borrows the flight's own cell, which nobody writes any more.
        waiter.flight.answer.borrow().clone()
    }

    /// Starts a flight, and enters it into the table.
    fn start(&self, key: &str, call: impl Future<Output = T> + 'static) -> Rc<Flight<T>> {
        let flight = Rc::new(Flight {
            answer: RefCell::default(),
            landed: Event::new(),
            waiting: Cell::new(0),
            task: RefCell::default(),
        });
        self.table.borrow_mut().insert(key.to_owned(), flight.clone());
        let landing =
            Landing { table: self.table.clone(), key: key.to_owned(), flight: flight.clone() };
        let task = spawn_named("shared call", async move {
            let answer = call.await;
            landing.flight.answer.replace(Some(answer));
            // FLIGHT-4: here, at a panic and at a cancellation.
            drop(landing);
        });
        flight.task.replace(Some(task));
        flight
    }

    /// Counts the calls in flight.
    pub fn count(&self) -> usize {
        self.table.borrow().len()
    }
}

/// Takes a flight out of the table, if it is still there (`FLIGHT-3`).
fn remove<T>(table: &Table<T>, key: &str, flight: &Rc<Flight<T>>) {
    let mut table = table.borrow_mut();
    let is_there = table.get(key).is_some_and(|found| Rc::ptr_eq(found, flight));
    let removed = if is_there { table.remove(key) } else { None };
    // What it holds is dropped outside the borrow.
    drop(table);
    drop(removed);
}

/// The end of a flight, in its task; the drop brings it about.
struct Landing<T> {
    /// Where it is entered.
    table: Rc<Table<T>>,
    /// Under which key.
    key: String,
    /// Which it is.
    flight: Rc<Flight<T>>,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        remove(&self.table, &self.key, &self.flight);
        self.flight.landed.set();
    }
}

/// Somebody who waits for a flight; the drop ends that.
struct Waiter<T> {
    /// Where the flight is entered.
    table: Rc<Table<T>>,
    /// Under which key.
    key: String,
    /// Which it is.
    flight: Rc<Flight<T>>,
}

impl<T> Waiter<T> {
    /// Begins to wait.
    fn join(table: Rc<Table<T>>, key: &str, flight: Rc<Flight<T>>) -> Self {
        flight.waiting.update(|waiting| waiting + 1);
        Self { table, key: key.to_owned(), flight }
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        self.flight.waiting.update(|waiting| waiting - 1);
        if self.flight.waiting.get() > 0 || self.flight.landed.is_set() {
            return;
        }
        // FLIGHT-3: now, and not when the loop drops the call in its next batch.
        remove(&self.table, &self.key, &self.flight);
        if let Some(task) = &*self.flight.task.borrow() {
            task.cancel();
        }
    }
}

impl<T> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone() }
    }
}

impl<T: Clone + 'static> Default for Flights<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("keys", &self.table.borrow().keys()).finish()
    }
}
