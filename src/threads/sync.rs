//! The two parts of which everything that threads wait on is made: a mutex and a condition variable.
//!
//! They stand here, and not in a `use std::sync` in each file, so that a model checker can put its own in their
//! place: `tests/loom/threads.rs` compiles those files a second time, beside another `sync`, and runs
//! them in every order in which the threads can take turns.
//!
//! A mutex lets one thread at a time look at a state. A condition variable lets a thread sleep until the state
//! may have changed; it remembers nothing, so a notification while nobody waits is lost. Hence the rule of all
//! these files: the state is changed under the mutex, and whoever waits looks at it under the mutex, in a loop.
//!
//! **Source**: C. A. R. Hoare, "Monitors", 1974; `pthread_cond_wait(3)` on wakes without a reason.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
