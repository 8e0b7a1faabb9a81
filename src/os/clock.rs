#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! A clock that costs less to read than it takes to think about it, and is as coarse.
//!
//! Problem: a loop that wants to know whether some milliseconds have passed since it last looked pays more
//! for the question than for the work between two looks.
//!
//! **Source**: `clock_gettime(2)`, `CLOCK_MONOTONIC_COARSE`: the time of the last tick, read without a look
//! at the hardware.

/// Returns a number that changes with each tick of the kernel's clock, every 1 to 10 ms.
pub fn tick() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call may write.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    debug_assert_eq!(read, 0, "holds because Linux has this clock since 2.6.32");
    now.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec)
}

/// Returns the nanoseconds of a clock that never goes back and is the same in every process.
///
/// `Instant` has the same clock, but keeps the number to itself; this one can be left in shared memory.
pub fn nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call may write.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    debug_assert_eq!(read, 0, "holds because every Linux has this clock");
    now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
}
