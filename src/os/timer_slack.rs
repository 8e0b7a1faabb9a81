#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! How late the kernel may wake a thread that sleeps.
//!
//! Problem: to save power Linux lets a sleep be 50 µs late by default, so that several threads wake at once.
//! That is half of what an event loop may be late altogether.
//!
//! **Source**: prctl(2), `PR_SET_TIMERSLACK`.

/// Has the kernel wake the calling thread as exactly as it can, from now on. Threads and processes that it
/// makes later inherit this.
pub fn wake_on_time() {
    // SAFETY: this option takes a number, and no memory.
    let done = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
    // A kernel that refuses leaves the slack as it was, which costs 50 µs and nothing else.
    debug_assert_eq!(done, 0, "holds because Linux has this option since 2.6.28");
}
