//! The threads of this process, by name. A fork copies one thread, so a program must not fork while another runs.
//!
//! **Invariants**
//! - `THREADLIST-1`: if the calling thread is the only one, it stays so: no other thread could start one.
//! - A thread whose name cannot be read is an error, and is not taken for one that has ended.
//!
//! **Source**: proc(5), under `/proc/[pid]/task` and `comm`.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

/// The threads of this process.
const TASKS: &str = "/proc/self/task";
/// How often [`refuse_others`] looks again for threads that were joined and have not left yet.
const LEAVING_LOOKS: u32 = 20;
/// The time between two such looks; a thread leaves within microseconds on an idle machine.
const LEAVING_PAUSE: Duration = Duration::from_millis(1);

/// Lists the names of this process's threads, in the order they were started; the kernel keeps 15 bytes of each.
///
/// # Errors
/// /proc is not mounted, which is told with its path; or what the kernel says, with its number: out of descriptors.
pub fn names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let not_mounted = |error: io::Error| match error.kind() {
        kind @ io::ErrorKind::NotFound => io::Error::new(kind, format!("{TASKS}: {error}")),
        _ => error,
    };
    for entry in fs::read_dir(TASKS).map_err(not_mounted)? {
        match fs::read_to_string(entry?.path().join("comm")) {
            Ok(name) => names.push(name.trim_end().to_owned()),
            // A thread may end between the listing and this read; then it does not count.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

/// Fails when this process has a thread beside the one that calls.
///
/// # Errors
/// With the names of the threads; or those of [`names`].
///
/// # Blocking
/// For some milliseconds, when a thread that was joined is still leaving.
pub fn refuse_others() -> io::Result<()> {
    let mut names = names()?;
    // A join returns when the thread has run its last instruction, shortly before it leaves /proc.
    for _ in 0..LEAVING_LOOKS {
        if names.len() > 1 {
            thread::sleep(LEAVING_PAUSE);
            names = self::names()?;
        }
    }
    if names.len() <= 1 {
        return Ok(());
    }
    let text = format!("fork: {} threads run ({}), only one may", names.len(), names.join(", "));
    Err(io::Error::other(text))
}
