#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Clocks that std does not offer, and how late the kernel may wake a thread that sleeps.
//!
//! An exact answer costs a loop more than its work between two looks at the clock. An `Instant` cannot be shared.
//!
//! **Source**: `clock_gettime(2)`; prctl(2), `PR_SET_TIMERSLACK`.

use std::time::Duration;

/// Returns the time of the last tick of the kernel's clock, which ticks every 1 to 10 ms and is cheap to read.
pub fn tick() -> i64 {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// Returns the nanoseconds of the clock of `Instant`, which hides the number. It is the same in every process.
pub fn nanos() -> u64 {
    read(libc::CLOCK_MONOTONIC).cast_unsigned()
}

/// Reads a clock.
pub(super) fn read(clock: libc::clockid_t) -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call may write.
    let read = unsafe { libc::clock_gettime(clock, &raw mut now) };
    debug_assert_eq!(read, 0, "holds because Linux has these clocks since 2.6.32");
    now.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec)
}

/// The kernel's form of a span; one too long for it becomes the longest.
pub(super) fn timespec(span: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(span.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(span.subsec_nanos().cast_signed()),
    }
}

/// Makes the kernel wake the calling thread as exactly as it can. By default a sleep may be 50 µs late, so that
/// several threads wake at once. Threads and processes that this one makes later inherit the setting.
pub fn wake_on_time() {
    // SAFETY: this option takes a number, and no memory.
    let done = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
    debug_assert_eq!(done, 0, "holds because Linux has this option since 2.6.28");
}
