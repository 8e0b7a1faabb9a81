#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! How many descriptors this process may have open.
//!
//! Each connection takes one, and the usual soft limit is 1,024. A server for many clients raises it to the hard limit.
//!
//! **Invariants**
//! - `LIMIT-1`: only the soft limit is changed: lowering the hard one cannot be undone.
//!
//! **Source**: getrlimit(2), `RLIMIT_NOFILE`.

use std::io;

use super::syscall::check;

/// The soft limit and the hard one.
fn limits() -> io::Result<libc::rlimit> {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limits` is ours to write.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) }).map(|_| limits)
}

/// Tells how many descriptors this process may have open: the soft limit.
///
/// # Errors
/// None in practice.
pub fn open_files() -> io::Result<u64> {
    Ok(limits()?.rlim_cur)
}

/// Sets the soft limit on open descriptors, and keeps the hard one (`LIMIT-1`). Open descriptors stay open.
///
/// # Errors
/// `InvalidInput` when it is above the hard limit.
pub fn set_open_files(soft: u64) -> io::Result<()> {
    let limits = libc::rlimit { rlim_cur: soft, ..limits()? };
    // SAFETY: `limits` is filled in.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) }).map(drop)
}

/// Raises the soft limit to the hard one.
///
/// # Errors
/// None in practice.
pub fn raise_open_files() -> io::Result<()> {
    set_open_files(limits()?.rlim_max)
}
