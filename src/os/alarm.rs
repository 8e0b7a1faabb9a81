#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! A span after which the kernel ends this process.
//!
//! Problem: code that never returns cannot look at a clock. The kernel's timer needs no help from it.
//!
//! **Invariants**
//! - `ALARM-1`: the process has one such timer; setting it replaces the last.
//! - `ALARM-2`: a forked child starts without (fork(2)).
//!
//! **Left out**: timers of processor time, and the remaining span.
//!
//! **Source**: setitimer(2), `ITIMER_REAL`; signal(7): SIGALRM ends a process by default.

use std::io;
use std::time::Duration;
use std::{mem, ptr};

use super::process::Exit;
use super::syscall::check;

/// Has SIGALRM end this process after `span`; `None` calls it off.
///
/// The signal gets its default meaning, and is let through on this thread, whatever was done to it before.
///
/// # Errors
/// None in practice; a span too long for the kernel counts as the longest.
pub fn set(span: Option<Duration>) -> io::Result<()> {
    if span.is_some() {
        let_through()?;
    }
    // A span of zero would call it off.
    let span = span.map_or(Duration::ZERO, |span| span.max(Duration::from_micros(1)));
    let value = libc::timeval {
        tv_sec: libc::time_t::try_from(span.as_secs())
            .unwrap_or(i32::MAX.into())
            .min(i32::MAX.into()),
        tv_usec: libc::suseconds_t::from(span.subsec_micros().cast_signed()),
    };
    let timer =
        libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: value };
    // SAFETY: `timer` is filled in, and the old value is not asked for.
    check(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) })
        .map(drop)
}

/// Gives SIGALRM its default meaning, and unblocks it.
fn let_through() -> io::Result<()> {
    // SAFETY: `sigaction` is plain old data; all zero is "default, no flags".
    let action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: `action` is filled in, and the old one is not asked for.
    check(unsafe { libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut()) })?;
    // SAFETY: `sigset_t` is plain old data.
    let mut set: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: `set` is ours to write.
    check(unsafe { libc::sigaddset(&raw mut set, libc::SIGALRM) })?;
    // SAFETY: `set` is filled in, and the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) } {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

/// Tells whether a process ended by its alarm.
pub fn ended(exit: Exit) -> bool {
    exit == Exit::Signal(libc::SIGALRM)
}
