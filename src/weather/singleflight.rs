//! Request coalescing ("singleflight"): equal calls that run at the same time become one call.
//!
//! The first caller starts a shared call, and others that ask the same meanwhile wait for its result. A result is not
//! kept after the call has ended: that would be a cache.
//!
//! | state of a call | in the table | its task | waiters |
//! | --- | --- | --- | --- |
//! | running | yes | runs | one or more |
//! | ended | no | has ended | are woken, and take a clone of the result |
//! | cancelled | no | is cancelled | none |
//!
//! **Invariants**
//! - `SINGLEFLIGHT-1` A call does not belong to the caller that started it. It runs while at least one caller waits,
//!   and is cancelled when none does.
//! - `SINGLEFLIGHT-2` A call leaves the table in the same step in which it ends or is cancelled, so no caller joins a
//!   call that will give no result. It removes only itself: a newer call may already have the key.
//! - `SINGLEFLIGHT-3` The waiters are woken however the call ends, also by a panic.
//!
//! ```text
//! A: share("Moscow")   B: share("Moscow")     the call           waiters
//! starts it                                   ──► upstream       1
//!                      joins it                                  2
//! is dropped                                  goes on            1
//!                                             ◄── the result
//!                      takes a clone          ended, removed     0
//! ```
//!
//! **Source**: Go's `golang.org/x/sync/singleflight`, which has no cancellation.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::aio::Event;
use crate::rt::{JoinHandle, spawn_named};

/// The running calls of one event loop, by key. Clones share the table.
pub struct Singleflight<T> {
    /// The calls that can be joined, at most one for each key.
    table: Rc<CallTable<T>>,
}

/// Running calls by key.
type CallTable<T> = RefCell<HashMap<String, Rc<Call<T>>>>;

/// One call.
struct Call<T> {
    /// Where it is entered while it runs. The circle of `Rc`s is cut by [`Call::leave_table`].
    table: Rc<CallTable<T>>,
    /// Its key there.
    key: String,
    /// The result; empty until the call has ended, and after a panic.
    result: RefCell<Option<T>>,
    /// Set when the call has ended (`SINGLEFLIGHT-3`).
    ended: Event,
    /// How many callers wait (`SINGLEFLIGHT-1`).
    waiters: Cell<usize>,
    /// Its task; `None` until it is spawned.
    task: RefCell<Option<JoinHandle<()>>>,
}

impl<T: Clone + 'static> Singleflight<T> {
    /// Waits for the running call with this key, or starts `call` if there is none.
    ///
    /// Returns `None` if the call panicked; the panic is reported as that of a task.
    ///
    /// # Panics
    /// If no event loop runs on this thread.
    ///
    /// # Cancellation
    /// The call goes on for the other callers; if there are none, it is cancelled (`SINGLEFLIGHT-1`).
    pub async fn share(&self, key: &str, call: impl Future<Output = T> + 'static) -> Option<T> {
        let running = self.table.borrow().get(key).cloned();
        let waiter = Waiter::join(running.unwrap_or_else(|| self.start(key, call)));
        waiter.0.ended.wait().await;
        // `clone` may be foreign code. This borrow is safe there: the result is not written any more.
        waiter.0.result.borrow().clone()
    }

    /// Starts a call and enters it into the table.
    fn start(&self, key: &str, future: impl Future<Output = T> + 'static) -> Rc<Call<T>> {
        let call = Rc::new(Call {
            table: self.table.clone(),
            key: key.to_owned(),
            result: RefCell::default(),
            ended: Event::new(),
            waiters: Cell::new(0),
            task: RefCell::default(),
        });
        self.table.borrow_mut().insert(key.to_owned(), call.clone());
        let guard = EndGuard(call.clone());
        let task = spawn_named("shared call", async move {
            let result = future.await;
            guard.0.result.replace(Some(result));
        });
        call.task.replace(Some(task));
        call
    }

    /// Returns the number of running calls.
    pub fn count(&self) -> usize {
        self.table.borrow().len()
    }
}

impl<T> Call<T> {
    /// Removes the call from the table, if it is still there (`SINGLEFLIGHT-2`).
    fn leave_table(self: &Rc<Self>) {
        let mut table = self.table.borrow_mut();
        if table.get(&self.key).is_some_and(|found| Rc::ptr_eq(found, self)) {
            // `self` is another reference, so nothing but the entry is dropped during the borrow.
            table.remove(&self.key);
        }
    }
}

/// Ends a call when it is dropped. The call's task owns it, so this happens after the result, at a panic, and at a
/// cancellation.
struct EndGuard<T>(Rc<Call<T>>);

impl<T> Drop for EndGuard<T> {
    fn drop(&mut self) {
        self.0.leave_table();
        self.0.ended.set();
    }
}

/// A caller that waits for a call, until it is dropped.
struct Waiter<T>(Rc<Call<T>>);

impl<T> Waiter<T> {
    /// Counts the caller.
    fn join(call: Rc<Call<T>>) -> Self {
        call.waiters.update(|waiters| waiters + 1);
        Self(call)
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        let call = &self.0;
        call.waiters.update(|waiters| waiters - 1);
        if call.waiters.get() > 0 || call.ended.is_set() {
            return;
        }
        // SINGLEFLIGHT-2: now. The loop drops the cancelled task later, in its next batch.
        call.leave_table();
        if let Some(task) = &*call.task.borrow() {
            task.cancel();
        }
    }
}

impl<T> Clone for Singleflight<T> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone() }
    }
}

impl<T: Clone + 'static> Default for Singleflight<T> {
    fn default() -> Self {
        Self { table: Rc::default() }
    }
}

impl<T> fmt::Debug for Singleflight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Singleflight").field("keys", &self.table.borrow().keys()).finish()
    }
}
