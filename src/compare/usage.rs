//! What the kernel knows of a server: processor time, memory, threads, and those of its children.
//!
//! **Invariants**
//! - `USAGE-1` The figures are of a process and all its descendants. One that ends meanwhile is left out, without an
//!   error; its time has become its parent's.
//! - `USAGE-2` There are two accounts of processor time. The one in ticks is complete, and counts hundredths of a second
//!   in each process; the scheduler's counts nanoseconds, and forgets a thread that has ended. A span is taken from the
//!   second as long as it agrees with the first.
//! - `USAGE-3` Memory is the sum over the processes; what they share is counted in each of them.
//!
//! **Source**: proc(5), under `stat`, `status`, `task` and `schedstat`.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// One tick of `/proc/PID/stat`: Linux shows hundredths of a second to programs.
const TICK: Duration = Duration::from_millis(10);

/// Indices of fields of `stat`, counted from the one after the name, which is field 3 of proc(5): processor time in user
/// mode and in the kernel, of the process and of children that were waited for; and the number of threads.
const FIELDS: ([usize; 4], usize) = ([11, 12, 13, 14], 17);

/// What a process and its descendants have used, or use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in hundredths of a second, in user mode and in the kernel; of ended threads and reaped children
    /// too (`USAGE-2`).
    pub cpu_ticks: u64,
    /// Processor time of the living threads in nanoseconds; 0 where the kernel keeps no account.
    pub scheduled: u64,
    /// The most memory that was resident.
    pub peak_bytes: u64,
    /// The threads there are.
    pub threads: u64,
    /// The processes there are.
    pub processes: u64,
}

impl Usage {
    /// Reads the figures of a process and its descendants.
    ///
    /// # Errors
    /// There is no such process, or /proc is not mounted.
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut usage = Self::of_one(pid)?;
        let mut descendants = children(pid);
        while let Some(pid) = descendants.pop() {
            if let Ok(one) = Self::of_one(pid) {
                usage.combine(one, |a, b| a + b);
                descendants.extend(children(pid));
            }
        }
        Ok(usage)
    }

    /// Reads the figures of one process.
    fn of_one(pid: u32) -> io::Result<Self> {
        let fields = stat_fields(pid)?;
        let field = |place: usize| fields.get(place).copied().unwrap_or(0);
        let status = fs::read_to_string(in_proc(pid, "status"))?;
        // Without memory it has ended, and was not reaped.
        let peak_bytes = peak_bytes(&status).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self {
            cpu_ticks: FIELDS.0.into_iter().map(field).sum(),
            scheduled: scheduled(pid),
            peak_bytes,
            threads: field(FIELDS.1),
            processes: 1,
        })
    }

    /// Combines each figure with that of another.
    fn combine(&mut self, other: Self, with: fn(u64, u64) -> u64) {
        *self = Self {
            cpu_ticks: with(self.cpu_ticks, other.cpu_ticks),
            scheduled: with(self.scheduled, other.scheduled),
            peak_bytes: with(self.peak_bytes, other.peak_bytes),
            threads: with(self.threads, other.threads),
            processes: with(self.processes, other.processes),
        };
    }

    /// Returns the processor time since earlier figures (`USAGE-2`).
    pub fn cpu_since(&self, earlier: &Self) -> Duration {
        let ticks = u32::try_from(self.cpu_ticks.saturating_sub(earlier.cpu_ticks));
        let in_ticks = TICK * ticks.unwrap_or(u32::MAX);
        let exact = Duration::from_nanos(self.scheduled.saturating_sub(earlier.scheduled));
        // Each process's two kinds of time are cut to whole ticks in both figures.
        let processes = u32::try_from(self.processes.max(earlier.processes)).unwrap_or(u32::MAX);
        let tolerance = TICK.saturating_mul(2).saturating_mul(processes);
        if exact + tolerance >= in_ticks && !exact.is_zero() { exact } else { in_ticks }
    }

    /// Keeps the greater of each figure.
    pub fn keep_most(&mut self, other: Self) {
        self.combine(other, u64::max);
    }
}

/// The path of a process's file.
fn in_proc(pid: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

/// Reads the numbers of `stat` after the name, which may hold spaces and brackets, so the last bracket ends it. A
/// field that is no number (the state's letter) reads as 0.
fn stat_fields(pid: u32) -> io::Result<Vec<u64>> {
    let path = in_proc(pid, "stat");
    let stat = fs::read_to_string(&path).map_err(|error| {
        io::Error::new(error.kind(), format!("read {}: {error}", path.display()))
    })?;
    let (_, after_name) = stat.rsplit_once(')').unwrap_or_default();
    Ok(after_name.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

/// The scheduler's account of the living threads, in nanoseconds (`USAGE-2`).
fn scheduled(pid: u32) -> u64 {
    let nanos = threads(pid).filter_map(|thread| {
        let text = fs::read_to_string(thread.join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse::<u64>().ok()
    });
    nanos.sum()
}

/// The children of a process: each of its threads may have forked.
fn children(pid: u32) -> Vec<u32> {
    let lists = threads(pid).filter_map(|thread| fs::read_to_string(thread.join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().flat_map(str::parse).collect::<Vec<_>>())
        .collect()
}

/// The directories of a process's threads; none when it has ended.
fn threads(pid: u32) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(in_proc(pid, "task"));
    entries.into_iter().flatten().flatten().map(|entry| entry.path())
}

/// The most memory that was resident, in bytes, from `status`; `None` for a process that has ended.
fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
