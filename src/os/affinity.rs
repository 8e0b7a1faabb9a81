#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Which processors this thread may run on.
//!
//! **Invariants**
//! - `AFFINITY-1`: only the calling thread is moved; threads and processes it starts later inherit.
//!
//! **Source**: `sched_setaffinity(2)`, `CPU_SET(3)`, `sched_getcpu(3)`.

use std::io;
use std::mem;

use super::syscall::check;

/// How many processors a set can hold: its bits.
const CAPACITY: usize = size_of::<libc::cpu_set_t>() * 8;

/// Lists the processors that this thread may run on, in ascending order.
///
/// # Errors
/// None on a machine within the limit above.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    // SAFETY: `cpu_set_t` is a plain array of bits.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `set` is ours to write, in its whole size; thread 0 is this one.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
    // SAFETY: CPU_ISSET(3) reads one bit of the set, and the range ends with the set.
    Ok((0..CAPACITY).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Binds this thread to the given processors (`AFFINITY-1`).
///
/// # Errors
/// `InvalidInput` when none of them exists, or one is beyond what the set can hold.
pub fn pin_to_cpus(cpus: &[usize]) -> io::Result<()> {
    // SAFETY: as above: all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for &cpu in cpus {
        if cpu >= CAPACITY {
            let text = format!("pin to processor {cpu}: there are at most {CAPACITY}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // SAFETY: CPU_SET(3) writes one bit, which the check above keeps inside the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: `set` is live in its whole size; thread 0 is this one.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) }).map(drop)
}

/// Tells on which processor this thread runs at this moment; the next moment it may be another.
///
/// # Errors
/// None in practice.
pub fn current_cpu() -> io::Result<usize> {
    // SAFETY: sched_getcpu(3) takes nothing and touches no memory of ours.
    check(unsafe { libc::sched_getcpu() }).map(|cpu| cpu.unsigned_abs() as usize)
}
