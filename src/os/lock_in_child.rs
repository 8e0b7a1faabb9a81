#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! The fork that the house forbids, for one lab to show why.
//!
//! Problem: [`fork`](super::process::fork) refuses when a second thread runs, since the child has a copy of the memory
//! but only one thread: a lock that another held is held there for ever, by nobody. Whoever has only read that does not
//! believe it.
//!
//! **Invariants**
//! - `LOCK-IN-CHILD-1`: between fork and end the child makes system calls and takes that one lock, and nothing else: it
//!   takes no memory (save for the error of an orphan), writes nothing and does not return.
//! - `LOCK-IN-CHILD-2`: it may hang, and then its [`Child`] kills it; it dies with its parent too.
//!
//! **Left out**: any other use. A program with threads starts others by exec.
//!
//! **Source**: fork(2) under "Notes": what may be called in the child of a program with threads.

use std::io;
use std::sync::Mutex;

use super::process::{Child, Pid, die_with_parent, exit_now, pid};
use super::signal::AllBlocked;
use super::syscall::check;

/// Forks although other threads run. The child takes `lock` and leaves with code 0; it hangs when one of those
/// threads holds it now.
///
/// # Errors
/// Out of processes, memory or descriptors.
pub fn fork_despite_threads<T>(lock: &Mutex<T>) -> io::Result<Child> {
    let parent = pid();
    // No handler of the parent may run in the child (PROCESS-4): there the signals stay blocked to the end.
    let blocked = AllBlocked::new()?;
    // SAFETY: LOCK-IN-CHILD-1: the child calls what signal-safety(7) lists, and waits for a lock, which is memory of its
    // own and a futex(2).
    let raw = check(unsafe { libc::fork() })?;
    if raw == 0 {
        let bound = die_with_parent(parent).is_ok();
        // Poisoned or not, the lock is had then. Nothing is dropped any more behind it.
        let _held = lock.lock();
        exit_now(i32::from(!bound));
    }
    drop(blocked);
    Child::adopt(Pid::from_raw(raw))
}
