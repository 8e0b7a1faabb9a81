#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Which processors this thread may run on.
//!
//! Problem: a measurement whose threads wander between processors measures the wandering.
//!
//! **Invariants**
//! - `AFFINITY-1`: only the calling thread is moved; threads and processes it starts later inherit.
//!
//! **Source**: `sched_setaffinity(2)`, `CPU_SET(3)`, `sched_getcpu(3)`.

use std::io;
use std::mem;

use super::syscall::check;

/// "This thread", to `sched_setaffinity(2)`.
const THIS_THREAD: libc::pid_t = 0;
/// How many processors a set can hold: its bits.
const CAPACITY: usize = size_of::<libc::cpu_set_t>() * 8;

/// Lists the processors that this thread may run on, in ascending order.
///
/// # Errors
/// None on a machine within the limit above.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    let mut set = empty_set();
    let bytes = size_of::<libc::cpu_set_t>();
    // SAFETY: `set` is ours to write, and `bytes` is its size.
    check(unsafe { libc::sched_getaffinity(THIS_THREAD, bytes, &raw mut set) })?;
    // SAFETY: CPU_ISSET(3) reads one bit of the set, and the range ends with the set.
    Ok((0..CAPACITY).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Binds this thread to the given processors (`AFFINITY-1`).
///
/// # Errors
/// `InvalidInput` when none of them exists, or one is beyond what the set can hold.
pub fn pin_to_cpus(cpus: &[usize]) -> io::Result<()> {
    let mut set = empty_set();
    for &cpu in cpus {
        if cpu >= CAPACITY {
            let text = format!("pin to processor {cpu}: there are at most {CAPACITY}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // SAFETY: CPU_SET(3) writes one bit, which the check above keeps inside the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    let bytes = size_of::<libc::cpu_set_t>();
    // SAFETY: `set` is live and `bytes` is its size.
    check(unsafe { libc::sched_setaffinity(THIS_THREAD, bytes, &raw const set) }).map(drop)
}

/// Tells on which processor this thread runs at this moment; the next moment it may be another.
///
/// # Errors
/// None in practice.
///
/// # Panics
/// Never: a number that is not -1 is that of a processor.
pub fn current_cpu() -> io::Result<usize> {
    // SAFETY: sched_getcpu(3) takes nothing and touches no memory of ours.
    let cpu = check(unsafe { libc::sched_getcpu() })?;
    Ok(usize::try_from(cpu).expect("holds because check() refused -1"))
}

/// A set without processors.
fn empty_set() -> libc::cpu_set_t {
    // SAFETY: `cpu_set_t` is a plain array of bits, and all zero is the empty set.
    unsafe { mem::zeroed() }
}
