//! A read-write lock: many readers, or one writer.
//!
//! Problem: behind a mutex readers wait for each other, though none of them disturbs another. But if readers may always
//! join other readers, they can keep a writer out forever; and if writers always go first, they can keep the readers
//! out.
//!
//! **Invariants**
//! - `RW-1`: there is one writer and no reader, or no writer.
//! - `RW-2`: a reader that comes while a writer waits, waits behind it: writers are not starved.
//! - `RW-3`: a writer that leaves admits all the readers that wait at that moment, before the next writer: readers are
//!   not starved either.
//! - `RW-4`: no thread sleeps that could go in.
//!
//! ```text
//! R1 reads      W comes: waits      R2 comes: waits behind W      R1 leaves: wakes W
//! W writes      W2 comes: waits     W leaves: R2 is admitted, and is counted as a reader from here on
//! R2 reads      R2 leaves: wakes W2
//! ```
//!
//! The order is made of a mutex, two condition variables and some counts. To lend the value to several threads at once
//! takes `unsafe`, which is not allowed here. So the value lies in a lock of std that is only ever *tried*: `RW-1` says
//! that it cannot be taken. If a fault let two in, that try would fail and say so.
//!
//! As with std's lock, a thread that reads and asks to read again may deadlock with a waiting writer.
//!
//! **Left out**: timeouts (a writer that gives up would have to admit those that wait behind it); poison.
//!
//! **Source**: P. J. Courtois, F. Heymans and D. L. Parnas, "Concurrent control with readers and writers", 1971;
//! phase-fair locks by B. B. Brandenburg and J. H. Anderson, 2009.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::TryLockError;

use super::deadline::{self, lock};
use super::{Condvar, Mutex, RwLockReadGuard, RwLockWriteGuard, ValueLock};

/// A value that many threads read, or one changes.
///
/// # Examples
/// ```
/// use handloom::threads::RwLock;
///
/// let words = RwLock::new(vec!["warp"]);
/// words.write().push("weft");
/// let (one, other) = (words.read(), words.read());
/// assert_eq!(one.len() + other.len(), 4);
/// ```
#[derive(Debug)]
pub struct RwLock<T> {
    /// Whose turn it is.
    turns: Turns,
    /// The value; never waited for (`RW-1`).
    value: ValueLock<T>,
}

/// Whose turn it is.
#[derive(Debug)]
struct Turns {
    /// The counts.
    state: Mutex<TurnState>,
    /// Wakes the readers that were admitted.
    may_read: Condvar,
    /// Wakes a writer: the lock is free.
    may_write: Condvar,
}

/// What the lock guards.
#[derive(Debug, Default)]
struct TurnState {
    /// Readers inside, also those that were admitted and did not wake yet.
    readers: usize,
    /// Whether a writer is inside.
    is_writing: bool,
    /// Readers that sleep and were not admitted.
    waiting_readers: usize,
    /// Writers that sleep, also those that were woken and did not run yet.
    waiting_writers: usize,
    /// How often waiting readers were admitted (`RW-3`).
    admissions: u64,
}

impl<T> RwLock<T> {
    /// Makes a lock around a value.
    pub fn new(value: T) -> Self {
        let state = Mutex::new(TurnState::default());
        let turns = Turns { state, may_read: Condvar::new(), may_write: Condvar::new() };
        Self { turns, value: ValueLock::new(value) }
    }

    /// Waits until no writer is inside or waits; then lends the value for reading.
    ///
    /// # Panics
    /// `RW-1` is broken.
    ///
    /// # Blocking
    /// For the writer inside, and for one that waits.
    pub fn read(&self) -> ReadGuard<'_, T> {
        let turn = self.turns.read();
        let value = match self.value.try_read() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("RW-1 is broken: a writer is inside"),
        };
        ReadGuard { value, _turn: turn }
    }

    /// Waits until no thread is inside; then lends the value for changing.
    ///
    /// # Panics
    /// `RW-1` is broken.
    ///
    /// # Blocking
    /// For those inside, and for the readers that are admitted before (`RW-3`).
    pub fn write(&self) -> WriteGuard<'_, T> {
        let turn = self.turns.write();
        let value = match self.value.try_write() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("RW-1 is broken: a thread is inside"),
        };
        WriteGuard { value, _turn: turn }
    }

    /// Counts the threads that sleep: readers, and writers.
    pub fn waiting(&self) -> (usize, usize) {
        let state = lock(&self.turns.state);
        (state.waiting_readers, state.waiting_writers)
    }
}

impl Turns {
    /// Waits for a reader's turn.
    fn read(&self) -> ReadTurn<'_> {
        let mut state = lock(&self.state);
        if state.is_writing || state.waiting_writers > 0 {
            state.waiting_readers += 1;
            let seen = state.admissions;
            // The writer that admits this reader has counted it already (RW-3).
            while state.admissions == seen {
                (state, _) = deadline::wait(&self.may_read, state, None);
            }
        } else {
            state.readers += 1;
        }
        ReadTurn(self)
    }

    /// Waits for a writer's turn.
    fn write(&self) -> WriteTurn<'_> {
        let mut state = lock(&self.state);
        while state.is_writing || state.readers > 0 {
            state.waiting_writers += 1;
            (state, _) = deadline::wait(&self.may_write, state, None);
            state.waiting_writers -= 1;
        }
        state.is_writing = true;
        WriteTurn(self)
    }
}

/// A reader's turn; it ends when this is dropped.
#[derive(Debug)]
struct ReadTurn<'a>(&'a Turns);

impl Drop for ReadTurn<'_> {
    /// The last reader wakes a writer.
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.readers -= 1;
        let is_writers_turn = state.readers == 0 && state.waiting_writers > 0;
        drop(state);
        if is_writers_turn {
            self.0.may_write.notify_one();
        }
    }
}

/// A writer's turn; it ends when this is dropped.
#[derive(Debug)]
struct WriteTurn<'a>(&'a Turns);

impl Drop for WriteTurn<'_> {
    /// Admits all readers that wait; if there are none, wakes the next writer.
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.is_writing = false;
        let admitted = mem::take(&mut state.waiting_readers);
        state.readers += admitted;
        state.admissions += u64::from(admitted > 0);
        let is_writers_turn = admitted == 0 && state.waiting_writers > 0;
        drop(state);
        if admitted > 0 {
            self.0.may_read.notify_all();
        } else if is_writers_turn {
            self.0.may_write.notify_one();
        }
    }
}

/// The value, lent for reading.
#[derive(Debug)]
#[must_use = "dropping a guard ends the turn"]
pub struct ReadGuard<'a, T> {
    /// The value. Fields are dropped in this order, so it is returned before the turn ends (`RW-1`).
    value: RwLockReadGuard<'a, T>,
    /// Ends the turn.
    _turn: ReadTurn<'a>,
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The value, lent for changing.
#[derive(Debug)]
#[must_use = "dropping a guard ends the turn"]
pub struct WriteGuard<'a, T> {
    /// The value; returned before the turn ends, as with a reader.
    value: RwLockWriteGuard<'a, T>,
    /// Ends the turn.
    _turn: WriteTurn<'a>,
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
