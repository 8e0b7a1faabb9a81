//! A child process for labs. No lab.
//!
//! **Invariants**
//! - `LAB-CHILD-1`: a child never returns from here. It leaves with the code of its work, or with [`EXIT_FAILED`].
//! - `LAB-CHILD-2`: it dies with its parent; its parent reaps it when the [`Child`] is dropped.
//! - `LAB-CHILD-3`: neither side waits for the other forever: after [`PATIENCE`] the lab fails.
//!
//! What the work owns (`move`) is closed in the parent when [`fork_child`] returns. What it borrows exists twice.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::os::process::{self, Child, Exit, Fork};
use crate::os::{EventFd, PollFd, poll};

/// The code of a child whose work failed or panicked, or whose parent was gone before it began.
const EXIT_FAILED: i32 = 99;
/// How long parent and child wait for each other. Taste: a loaded machine is slow, not this slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Forks a child that does `work` and leaves with the code that it returns (`LAB-CHILD-1`).
///
/// # Errors
/// Those of [`process::fork`]: a second thread runs; out of processes.
pub(super) fn fork_child(work: impl FnOnce() -> io::Result<i32>) -> io::Result<Child> {
    let parent = process::pid();
    match process::fork()? {
        Fork::Parent(child) => Ok(child),
        Fork::Child => {
            // Nothing may unwind into the parent's frames, which this process has a copy of.
            let life = AssertUnwindSafe(|| process::die_with_parent(parent).and_then(|()| work()));
            match catch_unwind(life) {
                Ok(Ok(code)) => process::exit_now(code),
                Ok(Err(_)) | Err(_) => process::exit_now(EXIT_FAILED),
            }
        }
    }
}

/// Waits until a child has ended, and reaps it.
///
/// # Errors
/// It has not ended in time (`LAB-CHILD-3`); the drop kills it then.
///
/// # Blocking
/// For [`PATIENCE`] at most.
pub(super) fn reap(child: &mut Child) -> io::Result<Exit> {
    wait_readable(child.as_fd(), "a child's end")?;
    child.wait()
}

/// Waits until the other process has rung the bell, and makes it silent again.
///
/// An event descriptor is shared like any other: it is copied by the fork, and both copies lead to one object.
///
/// # Errors
/// Nobody rang it in time (`LAB-CHILD-3`).
///
/// # Blocking
/// For [`PATIENCE`] at most.
pub(super) fn hear(bell: &EventFd) -> io::Result<()> {
    wait_readable(bell.as_fd(), "a bell")?;
    bell.clear()
}

/// Waits for a descriptor.
fn wait_readable(fd: BorrowedFd<'_>, what: &str) -> io::Result<()> {
    if is_readable_within(fd, PATIENCE)? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("waited {PATIENCE:?} for {what}")))
}

/// Tells whether a descriptor becomes readable in time: a child's by its end, a pipe's by bytes or by its end.
///
/// # Errors
/// Out of memory.
///
/// # Blocking
/// For `span` at most.
pub(super) fn is_readable_within(fd: BorrowedFd<'_>, span: Duration) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::readable(fd)], Some(span))? > 0)
}
