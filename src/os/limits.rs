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

/// The two limits on open descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// What holds now.
    pub soft: u64,
    /// Up to where the soft one may be raised.
    pub hard: u64,
}

/// Tells the limits on open descriptors.
///
/// # Errors
/// None in practice.
pub fn open_files() -> io::Result<OpenFiles> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is ours to write.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok(OpenFiles { soft: limit.rlim_cur, hard: limit.rlim_max })
}

/// Sets the soft limit on open descriptors, and keeps the hard one (`LIMIT-1`). Open descriptors stay open.
///
/// # Errors
/// `InvalidInput` when it is above the hard limit.
pub fn set_open_files(soft: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: open_files()?.hard };
    // SAFETY: `limit` is filled in.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).map(drop)
}

/// Raises the soft limit to the hard one, and tells the limits that hold then.
///
/// # Errors
/// None in practice.
pub fn raise_open_files() -> io::Result<OpenFiles> {
    set_open_files(open_files()?.hard)?;
    open_files()
}
