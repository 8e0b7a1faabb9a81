#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Memory that two processes see at once.
//!
//! Problem: what goes through a socket is copied into the kernel and out again, and is lost when its sender
//! dies before it sent. Memory that both have mapped is copied by nobody and dies with the last who holds it.
//! But Rust's promise that what a `&[u8]` shows does not change is not kept by another process.
//!
//! **Invariants**
//! - `SHM-1`: no reference into the mapping is ever handed out. Bytes are copied in and out; words are atomics.
//! - `SHM-2`: the memory keeps its size (it is sealed), so no access faults because another process cut it.
//! - `SHM-3`: every offset is checked against that size.
//! - `SHM-4`: which bytes are complete is told by a word: written before a release store of the word, read after
//!   an acquire load of it. Who reads without that gets bytes, perhaps old ones, and nothing worse.
//!
//! **Left out**: a mapping lent as `&[u8]`, which needs a seal against writing, and so fresh memory for each use:
//! sixteen thousand page faults for 64 MiB cost more than the copy they save.
//!
//! **Source**: `memfd_create(2)`, mmap(2), fcntl(2) under "File sealing", futex(2).

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use libc::c_int;

use super::syscall::check;

/// A mapping of shared memory; unmapped when dropped.
pub struct SharedMemory {
    /// Where the mapping begins; a page boundary.
    start: NonNull<u8>,
    /// How long it is.
    bytes: usize,
}

// SAFETY: SHM-1: through a shared reference there are only atomics, and copies that SHM-4 orders.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Makes `bytes` of zeros, mapped here, and the descriptor by which another process maps them too.
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

    /// Maps the memory of another process, by the descriptor it made.
    ///
    /// # Errors
    /// It is not sealed against a change of size (`SHM-2`); out of address space.
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

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Tells whether it has none, which it never has not.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The word number `index`, counted from the start in steps of eight bytes.
    ///
    /// # Panics
    /// It is not inside (`SHM-3`).
    pub fn word(&self, index: usize) -> &AtomicU64 {
        let place = self.place(index * size_of::<u64>(), size_of::<u64>());
        // SAFETY: inside, aligned (the start is a page's, the offset a multiple of eight), and as an atomic it
        // may change at any time.
        unsafe { AtomicU64::from_ptr(place.cast().as_ptr()) }
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    /// They do not fit (`SHM-3`).
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        let place = self.place(offset, bytes.len());
        // SAFETY: SHM-3: inside; nobody has a reference into the mapping (SHM-1), so the two cannot overlap.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), place.as_ptr(), bytes.len()) };
    }

    /// Appends the `length` bytes at `offset` to `into`.
    ///
    /// # Panics
    /// They are not inside (`SHM-3`).
    pub fn read(&self, offset: usize, length: usize, into: &mut Vec<u8>) {
        let place = self.place(offset, length);
        into.reserve(length);
        let end = into.len();
        let free = into.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: SHM-3: inside; `reserve` made room; the vector's memory is not in the mapping.
        unsafe { ptr::copy_nonoverlapping(place.as_ptr(), free, length) };
        // SAFETY: these bytes were just written.
        unsafe { into.set_len(end + length) };
    }

    /// Sleeps while a word is `seen`, as far as its lower half tells, until somebody calls [`wake`](Self::wake) or the
    /// time is up. May return for no reason.
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
        // Its failures are "changed already", "time is up" and "a signal came": the caller looks again anyhow.
        // SAFETY: the address is inside and aligned, and `span` outlives the call.
        let _looks_again = unsafe {
            let (word, op) = (self.half_word(index).as_ptr(), libc::FUTEX_WAIT);
            libc::syscall(libc::SYS_futex, word, op, low, &raw const span)
        };
    }

    /// Wakes who sleeps on this word.
    ///
    /// # Source
    /// futex(2), `FUTEX_WAKE`, between processes
    pub fn wake(&self, index: usize) {
        let word = self.half_word(index).as_ptr();
        // SAFETY: the address is inside and aligned; the kernel compares it and reads nothing.
        let _woken = unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, c_int::MAX) };
    }

    /// The lower half of a word, on which a futex sleeps.
    fn half_word(&self, index: usize) -> &AtomicU32 {
        let low = if cfg!(target_endian = "little") { 0 } else { size_of::<u32>() };
        let place = self.place(index * size_of::<u64>() + low, size_of::<u32>());
        // SAFETY: inside and aligned. The halves are used with futexes only, which are atomic.
        unsafe { AtomicU32::from_ptr(place.cast().as_ptr()) }
    }

    /// Where `offset` lies, after the check that `length` bytes from there are inside (`SHM-3`).
    fn place(&self, offset: usize, length: usize) -> NonNull<u8> {
        let end = offset.checked_add(length);
        assert!(
            end.is_some_and(|end| end <= self.bytes),
            "SHM-3: {length} bytes at {offset} of {} shared ones",
            self.bytes
        );
        // SAFETY: not beyond the mapping's end.
        unsafe { self.start.add(offset) }
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
        // SAFETY: SHM-1: nobody has a reference into the mapping that is given back here.
        let _cannot_fail = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
