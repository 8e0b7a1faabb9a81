#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Memory that several processes see at once.
//!
//! Problem: what goes through a pipe is copied into the kernel and out again, and its descriptors can be closed. Memory
//! that two processes have mapped has neither cost. But another process may write to it at any time, and a `&[u8]`
//! promises that its bytes do not change.
//!
//! So the memory is a slice of atomic words. Every access is an atomic one, which is sound whatever the other process
//! does at that moment. Bytes are copied in and out word by word.
//!
//! **Invariants**
//! - `SHM-1`: the memory is reachable only as `&[AtomicU64]`. No reference to plain bytes of it exists.
//! - `SHM-2`: the size is sealed, so no access faults because another process has cut the memory.
//! - `SHM-3`: which words are complete is told by a word of the caller's: a release store after the words were written,
//!   an acquire load before they are read. A reader that skips this gets old words, and nothing worse.
//!
//! **Left out**: lending the mapping as `&[u8]`. It needs a seal against writing, so fresh memory for each use, and 16,000
//! page faults for 64 MiB cost more than the copy they save.
//!
//! **Source**: `memfd_create(2)`, mmap(2), madvise(2), fcntl(2) under "File sealing", futex(2).

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use libc::c_int;

use super::syscall::check;

/// How many bytes a word has.
const WORD_BYTES: usize = size_of::<u64>();

/// A mapping of shared memory; unmapped when dropped.
pub struct SharedMemory {
    /// Where the mapping begins: a page boundary.
    start: NonNull<AtomicU64>,
    /// How long it is.
    bytes: usize,
}

// SAFETY: SHM-1: all that a reference gives access to is atomic.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Makes `bytes` of zeros, mapped here, and the descriptor by which another process maps them too. A forked child
    /// has the mapping as well.
    ///
    /// A page takes memory once it is touched.
    ///
    /// # Errors
    /// Out of descriptors, memory or address space.
    pub fn new(bytes: usize) -> io::Result<(Self, OwnedFd)> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a literal that ends with a zero byte.
        let raw = check(unsafe { libc::memfd_create(c"handloom".as_ptr(), flags) })?;
        // SAFETY: OS-1: the call has just returned this descriptor.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(raw) });
        file.set_len(bytes as u64)?;
        let fd = OwnedFd::from(file);
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: the descriptor is open; the command takes an integer (SHM-2).
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
        let mapped = Self::map_sealed(raw, bytes)?;
        Ok((mapped, fd))
    }

    /// Maps the memory of another process, by the descriptor that it made.
    ///
    /// # Errors
    /// The size is not sealed (`SHM-2`); out of address space.
    pub fn map(fd: BorrowedFd<'_>) -> io::Result<Self> {
        // SAFETY: the descriptor is open; the command takes nothing.
        let seals = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) })?;
        let wanted = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW;
        if seals & wanted != wanted {
            return Err(io::Error::other("map shared memory: its size is not sealed"));
        }
        let length = File::from(fd.try_clone_to_owned()?).metadata()?.len();
        Self::map_sealed(fd.as_raw_fd(), usize::try_from(length).map_err(io::Error::other)?)
    }

    /// One mmap(2).
    fn map_sealed(fd: c_int, bytes: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, access, libc::MAP_SHARED, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("holds because mmap(2) maps no page at 0");
        Ok(Self { start, bytes })
    }

    /// Keeps this mapping out of children that this process forks from now on: a child that touches it is killed by
    /// SIGSEGV.
    ///
    /// # Errors
    /// None in practice.
    ///
    /// # Source
    /// madvise(2), `MADV_DONTFORK`
    pub fn keep_from_children(&self) -> io::Result<()> {
        // SAFETY: the advice changes what a later fork(2) copies, and nothing here.
        let done =
            unsafe { libc::madvise(self.start.as_ptr().cast(), self.bytes, libc::MADV_DONTFORK) };
        check(done).map(drop)
    }

    /// The words of the memory (`SHM-1`). Bytes behind the last whole word are not reachable.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has this length and lives as long as `self`; its start is aligned to a page; an atomic may
        // change at any time, and all bits of zeros or anything else are a value of it.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.bytes / WORD_BYTES) }
    }

    /// The word number `index`.
    ///
    /// # Panics
    /// It is not inside.
    pub fn word(&self, index: usize) -> &AtomicU64 {
        &self.words()[index]
    }

    /// Copies `bytes` to the words from `first` on. The last word is filled up with zeros.
    ///
    /// # Panics
    /// They do not fit.
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

    /// Appends `length` bytes to `into`, which begin at the word number `first`.
    ///
    /// # Panics
    /// They are not inside.
    pub fn read(&self, first: usize, length: usize, into: &mut Vec<u8>) {
        let words = &self.words()[first..first + length.div_ceil(WORD_BYTES)];
        let end = into.len();
        into.resize(end + length, 0);
        let (whole, rest) = into[end..].as_chunks_mut::<WORD_BYTES>();
        // As in `write`.
        let mut index = 0;
        while index < whole.len() {
            whole[index] = words[index].load(Ordering::Relaxed).to_ne_bytes();
            index += 1;
        }
        if let Some(word) = words.get(whole.len()) {
            let last = word.load(Ordering::Relaxed).to_ne_bytes();
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }

    /// Sleeps while the lower half of a word is that of `seen`, until a process calls [`wake`](Self::wake) or the time is
    /// up. May return early: the caller checks its condition again.
    ///
    /// # Blocking
    /// For at most `timeout`.
    ///
    /// # Source
    /// futex(2), `FUTEX_WAIT`, between processes
    pub fn wait_while(&self, index: usize, seen: u64, timeout: Duration) {
        let low = seen & u64::from(u32::MAX);
        let span = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(timeout.subsec_nanos().cast_signed()),
        };
        let half = self.lower_half(index);
        // Its failures are "changed already", "time is up" and "a signal came": the caller looks again in each case.
        // SAFETY: the address is inside and aligned, and `span` outlives the call.
        let _looks_again =
            unsafe { libc::syscall(libc::SYS_futex, half, libc::FUTEX_WAIT, low, &raw const span) };
    }

    /// Wakes every thread that sleeps on this word, in all processes.
    ///
    /// # Source
    /// futex(2), `FUTEX_WAKE`, between processes
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

impl fmt::Debug for SharedMemory {
    /// Shows the size.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SharedMemory").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for SharedMemory {
    /// Unmaps it. The memory itself goes with the last process that has it mapped or open.
    fn drop(&mut self) {
        // SAFETY: `words` lends for at most the life of `self`, so no reference is left.
        let _cannot_fail = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
