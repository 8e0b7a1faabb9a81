//! The locks that the slot is made of, by a name that can be given to others.
//!
//! Problem: a race that comes once in a million runs is not found by a million runs. `tests/loom/jobs_slot.rs` takes
//! the slot's source with locks of a model checker in the place of these, and has it try every order of the threads.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
