#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! What `getrusage(2)` counts for a thread or for this process: processor time, and how often it lost the processor.

use std::io;
use std::mem;
use std::time::Duration;

use super::clock;
use super::syscall::check;

/// The counters of a thread or of a process since it began.
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
        // `getrusage` counts a running thread's time up to the last tick of the kernel, 4 ms ago or so; this clock is exact.
        let cpu = Duration::from_nanos(clock::read(libc::CLOCK_THREAD_CPUTIME_ID).cast_unsigned());
        Ok(Self { cpu, ..Self::default().plus(libc::RUSAGE_THREAD)? })
    }

    /// Reads the counters of all threads of this process, and of the children that it has reaped.
    pub fn of_process() -> Self {
        let both = [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN];
        both.into_iter().try_fold(Self::default(), Self::plus).unwrap_or_default()
    }

    /// Adds counters of the kernel, which are never negative.
    fn plus(self, whose: libc::c_int) -> io::Result<Self> {
        // SAFETY: `rusage` is made of integers.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: `usage` is ours to write.
        check(unsafe { libc::getrusage(whose, &raw mut usage) })?;
        let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
        let cpu = micros(usage.ru_utime) + micros(usage.ru_stime);
        Ok(Self {
            cpu: self.cpu + Duration::from_micros(cpu.unsigned_abs()),
            voluntary: self.voluntary + usage.ru_nvcsw.unsigned_abs(),
            involuntary: self.involuntary + usage.ru_nivcsw.unsigned_abs(),
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
