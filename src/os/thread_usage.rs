#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! What the kernel has counted for the calling thread: processor time, and how often it lost the processor.
//!
//! **Source**: getrusage(2), `RUSAGE_THREAD`.

use std::io;
use std::mem;
use std::time::Duration;

use super::syscall::check;

/// The counters of a thread since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadUsage {
    /// Processor time, in user mode and in the kernel.
    pub cpu: Duration,
    /// How often it left the processor itself, to wait.
    pub voluntary: u64,
    /// How often the kernel took the processor from it.
    pub involuntary: u64,
}

impl ThreadUsage {
    /// Reads the counters of the calling thread.
    ///
    /// # Errors
    /// None in practice.
    pub fn now() -> io::Result<Self> {
        // SAFETY: `rusage` is made of integers.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: `usage` is ours to write.
        check(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) })?;
        Ok(Self {
            cpu: span(usage.ru_utime) + span(usage.ru_stime),
            voluntary: count(usage.ru_nvcsw),
            involuntary: count(usage.ru_nivcsw),
        })
    }

    /// Returns what was counted since an earlier look of the same thread.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            voluntary: self.voluntary - earlier.voluntary,
            involuntary: self.involuntary - earlier.involuntary,
        }
    }
}

/// A span of the kernel's, which is never negative.
fn span(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec.unsigned_abs())
        + Duration::from_micros(time.tv_usec.unsigned_abs())
}

/// A counter of the kernel's, which is never negative.
fn count(counter: libc::c_long) -> u64 {
    counter.unsigned_abs()
}
