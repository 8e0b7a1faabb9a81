//! Jobs that treat their process as no code of this house would.
#![expect(unsafe_code, reason = "these are calls that the house has no use for")]

use std::fs;
use std::ptr;

use handloom::os::process::Pid;

/// Closes the standard three descriptors.
pub(crate) fn close_standard_three() {
    for fd in 0..3 {
        // SAFETY: an integer; what prints afterwards gets an error.
        assert_eq!(unsafe { libc::close(fd) }, 0);
    }
}

/// Lets new files have no rights at all.
pub(crate) fn tighten_umask() {
    // SAFETY: an integer.
    unsafe { libc::umask(0o777) };
}

/// Blocks every signal that can be blocked.
pub(crate) fn block_signals() {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: the set is ours to fill.
    assert_eq!(unsafe { libc::sigfillset(all.as_mut_ptr()) }, 0);
    // SAFETY: it was just filled.
    let all = unsafe { all.assume_init() };
    // SAFETY: the old mask is not asked for.
    let done = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, ptr::null_mut()) };
    assert_eq!(done, 0);
}

/// Ignores SIGCHLD, as a program does whose parent has ignored it: the kernel then reaps the children.
pub(crate) fn ignore_ends_of_children() {
    // SAFETY: no handler is installed.
    assert_ne!(unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) }, libc::SIG_ERR);
}

/// Stops a process, as ctrl-z does.
pub(crate) fn stop(pid: Pid) {
    // SAFETY: two integers.
    unsafe { libc::kill(pid.0, libc::SIGSTOP) };
}

/// Closes every descriptor of the pool's, if there were any, and opens pairs of sockets in their places.
pub(crate) fn replace_descriptors() {
    for fd in 3..=64 {
        // SAFETY: an integer; the number may be in no use.
        unsafe { libc::close(fd) };
    }
    for _ in 0..20 {
        let mut pair = [0; 2];
        // SAFETY: there is room for two integers.
        let made =
            unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()) };
        assert_eq!(made, 0);
    }
}

/// Where this process has mapped memory that it shares with its pool.
fn shared_mappings() -> Vec<(usize, usize)> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let shared = maps.lines().filter(|line| line.contains("/dev/zero (deleted)"));
    let ranges = shared.map(|line| line.split_once(' ').unwrap().0.split_once('-').unwrap());
    let number = |hex| usize::from_str_radix(hex, 16).unwrap();
    ranges.map(|(start, end)| (number(start), number(end))).collect()
}

/// Writes over the memory that is shared with the pool: cursors, flags, marks, lengths, in a way that the seed tells.
pub(crate) fn scribble(seed: u64) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for (start, end) in shared_mappings() {
        let words = (end - start) / 8;
        let write = |index: usize, value: u64| {
            let place = ptr::with_exposed_provenance_mut::<u64>(start + index % words * 8);
            // SAFETY: inside a mapping of this process that may be written; what it breaks is what is tested.
            unsafe { place.write_volatile(value) };
        };
        match seed % 8 {
            0 => (0..64).for_each(|index| write(index, next() % 100)),
            1 => (0..64).for_each(|index| write(index, next())),
            2 => (0..words).for_each(|index| write(index, 0)),
            3 => (0..words).for_each(|index| write(index, next())),
            4 => (64..words).for_each(|index| write(index, next() % 5)),
            5 => write(usize::try_from(next() % 64).unwrap(), next() % 4),
            6 => (64..words).for_each(|index| write(index, 3)),
            _ => write(usize::try_from(next() % 8 * 8).unwrap(), next() % 70_000),
        }
    }
}

/// Gives the shared memory back to the kernel.
pub(crate) fn unmap_shared() {
    for (start, end) in shared_mappings() {
        // SAFETY: a process that touches it afterwards is killed, which is what is tested.
        unsafe { libc::munmap(ptr::with_exposed_provenance_mut(start), end - start) };
    }
}

/// Forks; both processes go on.
pub(crate) fn fork_and_go_on() {
    // SAFETY: the worker has one thread.
    assert_ne!(unsafe { libc::fork() }, -1);
}

/// Takes memory until there is none, within a limit that is set before.
pub(crate) fn exhaust_memory() {
    let limit = libc::rlimit { rlim_cur: 256 << 20, rlim_max: 256 << 20 };
    // SAFETY: the limit is filled in.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; 1 << 20]);
    }
}
