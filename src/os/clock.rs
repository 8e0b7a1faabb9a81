#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Clocks that std does not offer, and how late the kernel may wake a thread that sleeps.
//!
//! Problem: a loop that asks whether some milliseconds have passed since its last look pays more for an exact answer than
//! for the work between two looks. And an `Instant` cannot be left in shared memory.
//!
//! **Source**: `clock_gettime(2)`; prctl(2), `PR_SET_TIMERSLACK`.

/// Returns a number that changes with each tick of the kernel's clock, every 1 to 10 ms: the time of the last tick, which is
/// cheap to read.
pub fn tick() -> i64 {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// Returns the nanoseconds of a clock that never goes back and is the same in every process.
///
/// `Instant` has the same clock, but hides the number.
pub fn nanos() -> u64 {
    read(libc::CLOCK_MONOTONIC).cast_unsigned()
}

/// Reads a clock.
fn read(clock: libc::clockid_t) -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call may write.
    let read = unsafe { libc::clock_gettime(clock, &raw mut now) };
    debug_assert_eq!(read, 0, "holds because Linux has these clocks since 2.6.32");
    now.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec)
}

/// Has the kernel wake the calling thread as exactly as it can, from now on. By default a sleep may be 50 µs late, so that
/// several threads wake at once. Threads and processes that this one makes later inherit the setting.
pub fn wake_on_time() {
    // SAFETY: this option takes a number, and no memory.
    let done = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
    debug_assert_eq!(done, 0, "holds because Linux has this option since 2.6.28");
}
