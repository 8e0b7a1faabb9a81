//! Whether there is memory for one more thread.
//!
//! Stacks of threads take address space. Where that is limited (`ulimit -v`), a process that starts threads until the
//! system refuses has none left, and the next allocation of any thread ends the process.
//!
//! **Source**: `RLIMIT_AS` in setrlimit(2); arenas in malloc(3).

use std::hint::black_box;
use std::io;

/// What a new thread may take, and more: a stack of 2 MiB, an arena of glibc of 64 MiB, stacks not unmapped yet.
const SPARE_BYTES: usize = 104 << 20;

/// Checks that one more thread leaves memory for those that run.
///
/// # Errors
/// `OutOfMemory`: there is less.
pub fn check_memory() -> io::Result<()> {
    let mut spare = Vec::<u8>::new();
    let reserved = spare.try_reserve_exact(SPARE_BYTES);
    // Without this the compiler may leave the allocation out.
    black_box(&spare);
    reserved.map_err(|_| io::ErrorKind::OutOfMemory.into())
}
