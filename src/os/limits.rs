#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! How many descriptors this process may have open, and how many addresses.
//!
//! Each connection takes one, and the usual soft limit is 1,024. A server for many clients raises it to the hard limit.
//!
//! **Invariants**
//! - `LIMIT-1`: only the soft limit is changed: lowering the hard one cannot be undone.
//!
//! **Source**: getrlimit(2), `RLIMIT_NOFILE` and `RLIMIT_AS`.

use std::io;

use super::syscall::check;

/// The soft limit on a resource and the hard one.
fn limits(of: libc::__rlimit_resource_t) -> io::Result<libc::rlimit> {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limits` is ours to write.
    check(unsafe { libc::getrlimit(of, &raw mut limits) }).map(|_| limits)
}

/// Where addresses are limited (`ulimit -v`), lets all threads allocate from one arena (mallopt(3)). Otherwise glibc takes
/// 64 MiB of addresses for each of up to eight arenas a processor, and few threads find room for their stacks.
pub fn share_arena_if_limited() {
    if limits(libc::RLIMIT_AS).is_ok_and(|limits| limits.rlim_cur != libc::RLIM_INFINITY) {
        // SAFETY: it sets a number of the allocator, under the allocator's own lock.
        let _fewer_threads = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Tells how many descriptors this process may have open: the soft limit.
///
/// # Errors
/// None in practice.
pub fn open_files() -> io::Result<u64> {
    Ok(limits(libc::RLIMIT_NOFILE)?.rlim_cur)
}

/// Sets the soft limit on open descriptors, and keeps the hard one (`LIMIT-1`). Open descriptors stay open.
///
/// # Errors
/// `InvalidInput` when it is above the hard limit.
pub fn set_open_files(soft: u64) -> io::Result<()> {
    let limits = libc::rlimit { rlim_cur: soft, ..limits(libc::RLIMIT_NOFILE)? };
    // SAFETY: `limits` is filled in.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) }).map(drop)
}

/// Raises the soft limit to the hard one.
///
/// # Errors
/// None in practice.
pub fn raise_open_files() -> io::Result<()> {
    set_open_files(limits(libc::RLIMIT_NOFILE)?.rlim_max)
}
