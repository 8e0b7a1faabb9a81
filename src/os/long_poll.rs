#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Which task an event loop polls at present, for a signal handler to tell.
//!
//! Problem: a loop that is stuck in one poll answers nothing. A signal handler still runs, but may use nothing except
//! atomics and some system calls. So the loop leaves here what it polls, and the handler of SIGUSR1 writes it.
//!
//! One loop of a process leaves it: the one of the thread for which the program asked (`rt::watch_loops`).
//!
//! **Source**: signal-safety(7).

use std::fmt::{self, Write as _};
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use super::clock::tick;

/// A poll that has lasted so long, in nanoseconds, keeps the loop from answering itself.
const LONG: i64 = 200_000_000;
/// The task that is polled, plus one; 0 between polls.
static TASK: AtomicU64 = AtomicU64::new(0);
/// Since when, by [`tick`].
static SINCE: AtomicI64 = AtomicI64::new(0);
/// Where the task was spawned.
static SPAWNED_AT: AtomicPtr<Location<'static>> = AtomicPtr::new(ptr::null_mut());

/// Notes that a poll of this task begins.
pub fn poll_begins(task: u32, spawned_at: &'static Location<'static>) {
    SINCE.store(tick(), Ordering::Relaxed);
    SPAWNED_AT.store(ptr::from_ref(spawned_at).cast_mut(), Ordering::Relaxed);
    // Pairs with the load in `tell`.
    TASK.store(u64::from(task) + 1, Ordering::Release);
}

/// Notes that the poll has ended.
pub fn poll_ended() {
    TASK.store(0, Ordering::Relaxed);
}

/// Text of a bounded length, written without memory from the allocator.
struct Line {
    /// The bytes.
    bytes: [u8; 512],
    /// How many are used.
    length: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let count = piece.len().min(self.bytes.len() - self.length);
        self.bytes[self.length..self.length + count].copy_from_slice(&piece.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

/// Writes to standard error which poll lasts long, if one does. Called by the signal handler: no lock, no memory.
pub(super) fn tell() {
    // Pairs with the store in `poll_begins`.
    let task = TASK.load(Ordering::Acquire);
    let lasts = tick() - SINCE.load(Ordering::Relaxed);
    if task == 0 || lasts < LONG {
        return;
    }
    // SAFETY: null, or a reference that lives forever.
    let spawned_at = unsafe { SPAWNED_AT.load(Ordering::Relaxed).as_ref() };
    let Some(spawned_at) = spawned_at else { return };
    let mut line = Line { bytes: [0; 512], length: 0 };
    let _never_fails = writeln!(
        line,
        "event loop: task {}, spawned at {spawned_at}, has been polled for {} ms and holds the loop; the table of tasks \
         follows when that poll ends",
        task - 1,
        lasts / 1_000_000
    );
    // SAFETY: write(2) is on the list of signal-safety(7); it reads `length` bytes of the array.
    let _nobody_to_tell =
        unsafe { libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.length) };
}
