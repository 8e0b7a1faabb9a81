#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Memory that several processes see at once.
//!
//! What goes through a pipe is copied into the kernel and out again. Memory that two processes have mapped does not have
//! this cost. But another process may write to it at any time, and a `&[u8]` promises that its bytes do not change.
//!
//! **Invariants**
//! - `SHM-1`: the memory is reachable only as `&[AtomicU64]`. No reference to plain bytes of it exists, so an access is
//!   sound whatever the other process does. Bytes are copied in and out word by word.
//! - The memory has no descriptor, so no process can cut it while another accesses it.
//! - `SHM-3`: which words are complete is told by a word of the caller's: a release store after the words were written,
//!   an acquire load before they are read. A reader that skips this gets old words, and nothing worse.
//!
//! **Source**: mmap(2), madvise(2), futex(2).

use std::collections::TryReserveError;
use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use libc::c_int;

use super::clock::timespec;
use super::syscall::check;

/// The bytes of a word.
const WORD_BYTES: usize = size_of::<u64>();
/// From which length on [`reserve`] asks for huge pages: some of them.
const LONG_BYTES: usize = 16 << 20;
/// The size of a small page, or a multiple of it.
pub(super) const PAGE_BYTES: usize = 64 << 10;

/// A mapping of shared memory; unmapped when dropped.
#[derive(Debug)]
pub struct SharedMemory {
    /// Where the mapping begins: a page boundary.
    pub(super) start: NonNull<AtomicU64>,
    /// How long it is.
    pub(super) bytes: usize,
}

// SAFETY: SHM-1: all that a reference gives access to is atomic.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Maps `bytes` of zeros, which children that this process forks share with it.
    ///
    /// # Errors
    /// Out of memory or address space.
    pub fn new(bytes: usize) -> io::Result<Self> {
        Self::map(bytes, libc::MAP_SHARED)
    }

    /// Maps `bytes` of zeros, shared or, for the stack of a greenlet, private.
    pub(super) fn map(bytes: usize, sharing: c_int) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // mmap(2) maps no page at 0.
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, bytes })
    }

    /// Tells whether children that this process forks from now on have this memory too. Without it, a child that touches
    /// it is killed by SIGSEGV.
    ///
    /// # Errors
    /// None in practice.
    pub fn share_with_children(&self, shares: bool) -> io::Result<()> {
        let advice = if shares { libc::MADV_DOFORK } else { libc::MADV_DONTFORK };
        // SAFETY: the advice changes what a later fork(2) copies, and nothing here.
        check(unsafe { libc::madvise(self.start.as_ptr().cast(), self.bytes, advice) }).map(drop)
    }

    /// Fills the memory with zeros, by giving its pages back to the kernel.
    ///
    /// # Errors
    /// None in practice.
    pub fn clear(&self) -> io::Result<()> {
        let (start, advice) = (self.start.as_ptr().cast(), libc::MADV_REMOVE);
        // SAFETY: the mapping is ours in just this length, and its words are atomic: they may change at any time.
        check(unsafe { libc::madvise(start, self.bytes, advice) }).map(drop)
    }

    /// The words of the memory (`SHM-1`). Bytes behind the last whole word are not reachable.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has this length and lives as long as `self`; its start is aligned to a page; an atomic may
        // change at any time, and all bits of zeros or anything else are a value of it.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.bytes / WORD_BYTES) }
    }

    /// The word number `index`, which must be inside.
    pub fn word(&self, index: usize) -> &AtomicU64 {
        &self.words()[index]
    }

    /// Copies `bytes`, which must fit, to the words from `first` on. The last word is filled up with zeros.
    pub fn write(&self, first: usize, bytes: &[u8]) {
        let words = &self.words()[first..first + bytes.len().div_ceil(WORD_BYTES)];
        let (whole, rest) = bytes.as_chunks::<WORD_BYTES>();
        // Relaxed: SHM-3. A counter and not `zip`, which without optimisation takes twice as long.
        let mut index = 0;
        while index < whole.len() {
            words[index].store(u64::from_ne_bytes(whole[index]), Ordering::Relaxed);
            index += 1;
        }
        if let Some(word) = words.get(whole.len()) {
            let mut last = [0; WORD_BYTES];
            last[..rest.len()].copy_from_slice(rest);
            word.store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
    }

    /// Appends `length` bytes to `into`, which begin at the word number `first` and must be inside.
    pub fn read(&self, first: usize, length: usize, into: &mut Vec<u8>) {
        let words = &self.words()[first..first + length.div_ceil(WORD_BYTES)];
        into.reserve(words.len() * WORD_BYTES);
        let end = into.spare_capacity_mut().as_mut_ptr().cast::<[u8; WORD_BYTES]>();
        let mut index = 0;
        while index < words.len() {
            let bytes = words[index].load(Ordering::Relaxed).to_ne_bytes();
            // SAFETY: room for every word was reserved, and bytes need not be aligned.
            unsafe { end.wrapping_add(index).write(bytes) };
            index += 1;
        }
        // SAFETY: the words were written, which are at least `length` bytes.
        unsafe { into.set_len(into.len() + length) };
    }

    /// Sleeps while the lower half of a word is that of `seen`, until a process calls [`wake`](Self::wake) or the time is
    /// up. May return early: the caller checks its condition again.
    ///
    /// # Blocking
    /// For at most `timeout`.
    pub fn wait_while(&self, index: usize, seen: u64, timeout: Duration) {
        let (low, span) = (seen & u64::from(u32::MAX), timespec(timeout));
        let half = self.lower_half(index);
        // Its failures are "changed already", "time is up" and "a signal came": the caller looks again in each case.
        // SAFETY: the address is inside and aligned, and `span` outlives the call.
        let _looks_again =
            unsafe { libc::syscall(libc::SYS_futex, half, libc::FUTEX_WAIT, low, &raw const span) };
    }

    /// Wakes every thread that sleeps on this word, in all processes.
    pub fn wake(&self, index: usize) {
        let half = self.lower_half(index);
        // SAFETY: the address is inside and aligned; the kernel uses it as a name and reads nothing.
        let _woken = unsafe { libc::syscall(libc::SYS_futex, half, libc::FUTEX_WAKE, c_int::MAX) };
    }

    /// The address of a word's lower half: the kernel compares 32 bits. Only the kernel reads through it.
    fn lower_half(&self, index: usize) -> *const u32 {
        let half = ptr::from_ref(self.word(index)).cast::<u32>();
        if cfg!(target_endian = "little") { half } else { half.wrapping_add(1) }
    }
}

/// Reserves memory for a message of this length, in huge pages where the kernel has them: the first touch of a page costs
/// more than the copy of what goes there.
///
/// # Errors
/// Out of memory.
pub fn reserve(bytes: usize) -> Result<Vec<u8>, TryReserveError> {
    let mut memory = Vec::<u8>::new();
    // Whole words, which is what `SharedMemory::read` fills.
    memory.try_reserve_exact(bytes.checked_next_multiple_of(WORD_BYTES).unwrap_or(bytes))?;
    if bytes >= LONG_BYTES {
        let start = memory.as_mut_ptr().map_addr(|address| address.next_multiple_of(PAGE_BYTES));
        let _without_it_is_slower =
            // SAFETY: the advice is about whole pages inside of the vector's memory, and does not change what is in them.
            unsafe { libc::madvise(start.cast(), bytes - 2 * PAGE_BYTES, libc::MADV_HUGEPAGE) };
    }
    Ok(memory)
}

impl Drop for SharedMemory {
    /// Unmaps it. The memory itself goes with the last process that has it mapped or open.
    fn drop(&mut self) {
        // SAFETY: `words` lends for at most the life of `self`, so no reference is left; of a stack, CONTEXT-3.
        let _cannot_fail = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
