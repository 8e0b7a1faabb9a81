//! How a system call reports failure, told once.
//!
//! Problem: libc says "-1, and the reason is in errno", and errno is overwritten by the next call.
//! A call that a signal interrupted has failed with EINTR although nothing is wrong.
//!
//! **Invariants**
//! - Here and nowhere else -1 becomes an `io::Error`, and EINTR is retried (`OS-2`).

use std::io;

use libc::c_int;

/// Turns the result of one system call into a value or the error that errno names.
///
/// # Errors
/// The error that errno holds, when `result` is -1.
pub(super) fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 {
        // errno belongs to this thread, and nothing ran since the call that set it.
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Makes a system call until it is not interrupted by a signal.
///
/// Not for a call with a relative timeout: it would start its span afresh after each signal.
///
/// # Errors
/// Those of the call, save EINTR.
pub(super) fn retry(mut call: impl FnMut() -> c_int) -> io::Result<c_int> {
    loop {
        match check(call()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// As [`retry`], for a call that returns a length.
///
/// # Errors
/// Those of the call, except EINTR.
pub(super) fn retry_length(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(length) => return Ok(length),
            // The only negative result is -1.
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}
