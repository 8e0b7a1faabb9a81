//! A thread that holds the lock: where it looks, and how it lets others in.
//!
//! **Invariants**
//! - `HELD-1`: while a [`Held`] can be used, its thread has the lock. Within [`Held::allow_threads`] it cannot.
//! - `HELD-2`: a look without a request is one load and one branch.
//! - `HELD-3`: work that panics outside the lock comes back under it, and the panic goes on from there.
//!
//! **Left out**: data that the type system ties to the lock, as `PyO3` does with its token.
//!
//! **Source**: the Python/C API, "Thread State and the Global Interpreter Lock": `PyGILState_Ensure`,
//! `Py_BEGIN_ALLOW_THREADS`.

use std::fmt;
use std::marker::PhantomData;

use super::Gil;

/// The lock, held by this thread. Dropping it gives the lock back.
pub struct Held<'gil> {
    /// The lock.
    gil: &'gil Gil,
    /// This thread's number, by which the lock tells whether another has had it.
    thread: u64,
    /// Keeps it on its thread: who took the lock gives it back.
    not_send: PhantomData<*const ()>,
}

impl<'gil> Held<'gil> {
    /// The sign that `thread` has just taken the lock.
    pub(super) fn new(gil: &'gil Gil, thread: u64) -> Self {
        Self { gil, thread, not_send: PhantomData }
    }

    /// Looks whether somebody asks for the lock, and if so gives it up and takes it again (`GIL-3`).
    ///
    /// An interpreter does this at backward jumps, at calls and on entry to a function.
    ///
    /// # Blocking
    /// When it was asked: until another has had the lock, and this thread gets it again.
    pub fn check(&self) {
        if self.gil.is_asked() {
            self.hand_over();
        }
    }

    /// Gives the lock up around work that may block and that touches nothing of the interpreter's.
    ///
    /// # Panics
    /// When `work` does; the lock is taken again first (`HELD-3`).
    ///
    /// # Blocking
    /// As `work` does; before it, when the lock was asked for, until another has had it; after it until the lock
    /// is free. Beside a thread that computes that is a whole interval: the convoy.
    pub fn allow_threads<T>(&mut self, work: impl FnOnce() -> T) -> T {
        /// Takes the lock again, whichever way the work ends.
        struct Retake<'a, 'gil>(&'a Held<'gil>);
        impl Drop for Retake<'_, '_> {
            fn drop(&mut self) {
                self.0.gil.take(self.0.thread);
            }
        }
        self.gil.give();
        let _retake = Retake(self);
        work()
    }

    /// The lock that is held, to ask or to count.
    pub fn gil(&self) -> &'gil Gil {
        self.gil
    }

    /// The rare half of a look, kept out of the loops that look.
    #[cold]
    fn hand_over(&self) {
        self.gil.give();
        self.gil.take(self.thread);
    }
}

impl Drop for Held<'_> {
    /// Gives the lock back for good.
    fn drop(&mut self) {
        self.gil.give_for_good();
    }
}

impl fmt::Debug for Held<'_> {
    /// Shows the thread's number.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Held").field("thread", &self.thread).finish_non_exhaustive()
    }
}
