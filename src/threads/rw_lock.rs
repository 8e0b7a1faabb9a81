//! A read-write lock: many who look, or one who changes.
//!
//! Problem: behind a mutex readers wait for each other, though none of them disturbs another. But if readers may always
//! join other readers, a stream of them keeps a writer out for ever; and if writers always go first, a stream
//! of those keeps the readers out.
//!
//! **Invariants**
//! - `RW-1`: there is one writer and no reader, or no writer.
//! - `RW-2`: a reader that comes while a writer waits stands behind it: writers are not starved.
//! - `RW-3`: a writer that leaves lets in all the readers that wait at that moment, before the next writer: nor are
//!   readers.
//! - `RW-4`: nobody sleeps who could go in; the kernel is asked to wake a thread only when one sleeps.
//!
//! ```text
//! R1 reads      W comes: waits      R2 comes: waits behind W      R1 leaves: wakes W
//! W writes      W2 comes: waits     W leaves: R2 is let in, and is counted as a reader from here on
//! R2 reads      R2 leaves: wakes W2
//! ```
//!
//! The turn is a matter of a mutex, two condition variables and some counts, as in the neighbouring files. The value
//! needs more: to lend it to several threads at once, a lock has to promise the compiler that nobody changes it, and
//! that takes `unsafe`, which this room does without. So the value lies in a lock of std that is only ever *tried*:
//! `RW-1` says that it cannot be taken. If a fault let two in, that try would fail and say so.
//!
//! std's own lock says nothing about the order (on Linux it lets waiting writers go first). As there, a thread that
//! reads and asks to read again may wait for a writer that waits for it.
//!
//! **Left out**: time-outs (a writer that gives up would have to let in those who stand behind it); making a reader
//! a writer; poison: a writer that panics leaves the value as it is at that moment.
//!
//! **Source**: P. J. Courtois, F. Heymans and D. L. Parnas, "Concurrent control with readers and writers", 1971;
//! phase-fair locks by B. B. Brandenburg and J. H. Anderson, 2009.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::TryLockError;

use super::deadline::{Deadline, lock};
use super::sync::{Condvar, Mutex, RwLock as Cell, RwLockReadGuard, RwLockWriteGuard};

/// A value that many threads look at, or one changes.
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
    value: Cell<T>,
}

/// Whose turn it is.
#[derive(Debug)]
struct Turns {
    /// The counts.
    state: Mutex<State>,
    /// Wakes the readers that were let in.
    may_read: Condvar,
    /// Wakes a writer: the last one has left.
    may_write: Condvar,
}

/// What the lock guards.
#[derive(Debug, Default)]
struct State {
    /// Readers inside, those too that were let in and have not woken yet.
    readers: usize,
    /// Whether a writer is inside.
    is_writing: bool,
    /// Readers that sleep and were not let in.
    waiting_readers: usize,
    /// Writers that sleep, those too that were woken and have not run yet.
    waiting_writers: usize,
    /// How often waiting readers were let in (`RW-3`).
    admissions: u64,
}

impl<T> RwLock<T> {
    /// Makes a lock around a value.
    pub fn new(value: T) -> Self {
        let state = Mutex::new(State::default());
        let turns = Turns { state, may_read: Condvar::new(), may_write: Condvar::new() };
        Self { turns, value: Cell::new(value) }
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

    /// Waits until nobody is inside; then lends the value for changing.
    ///
    /// # Panics
    /// `RW-1` is broken.
    ///
    /// # Blocking
    /// For those inside, and for the readers that are let in before (`RW-3`).
    pub fn write(&self) -> WriteGuard<'_, T> {
        let turn = self.turns.write();
        let value = match self.value.try_write() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("RW-1 is broken: somebody is inside"),
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
            // Whoever lets us in counts us; the writer before us always does (RW-3).
            while state.admissions == seen {
                (state, _) = Deadline::Never.wait(&self.may_read, state);
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
            (state, _) = Deadline::Never.wait(&self.may_write, state);
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
    /// Lets in all readers that wait, or else wakes the next writer.
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.is_writing = false;
        let let_in = mem::take(&mut state.waiting_readers);
        state.readers += let_in;
        state.admissions += u64::from(let_in > 0);
        let is_writers_turn = let_in == 0 && state.waiting_writers > 0;
        drop(state);
        if let_in > 0 {
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
    /// The value. Fields are dropped in this order, so it is given back before the turn ends (`RW-1`).
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
    /// The value; given back before the turn ends, as with a reader.
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
