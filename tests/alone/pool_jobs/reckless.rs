//! Jobs that treat their process as no code of this house would.
#![expect(unsafe_code, reason = "these are calls that the house has no use for")]

use std::ptr;

/// Closes the standard three descriptors.
pub(crate) fn close_standard_three() {
    for fd in 0..3 {
        // SAFETY: an integer; whoever prints afterwards gets an error.
        assert_eq!(unsafe { libc::close(fd) }, 0);
    }
}

/// Lets new files have no rights at all.
pub(crate) fn tighten_umask() {
    // SAFETY: an integer.
    unsafe { libc::umask(0o777) };
}

/// Blocks every signal that can be blocked.
pub(crate) fn block_signals() {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: the set is ours to fill.
    assert_eq!(unsafe { libc::sigfillset(all.as_mut_ptr()) }, 0);
    // SAFETY: it was just filled.
    let all = unsafe { all.assume_init() };
    // SAFETY: the old mask is not asked for.
    let done = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, ptr::null_mut()) };
    assert_eq!(done, 0);
}
