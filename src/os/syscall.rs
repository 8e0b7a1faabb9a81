//! How a system call reports failure: it returns -1, and the reason is in errno, which the next call overwrites. A call that
//! a signal has interrupted fails with EINTR, although nothing is wrong.
//!
//! **Invariants**
//! - Here and nowhere else -1 becomes an `io::Error`, and EINTR is retried (`OS-2`).

use std::io;

/// Turns the result of one system call into a value or the error that errno names.
pub(super) fn check<T: From<i8> + PartialEq>(result: T) -> io::Result<T> {
    if result == T::from(-1) {
        // errno belongs to this thread, and nothing ran since the call that set it.
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Makes a system call until it is not interrupted by a signal.
///
/// Not for a call with a relative timeout: it would start its span again after each signal.
pub(super) fn retry<T: From<i8> + PartialEq>(mut call: impl FnMut() -> T) -> io::Result<T> {
    loop {
        match check(call()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
