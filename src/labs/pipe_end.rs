//! A pipe without an end: the reader waits although the writer is gone, because another process has the write end open.
//!
//! **Invariants**
//! - `LAB-PIPE-END-1`: while the reader itself has a write end there is no end of file, though the writer has ended.
//! - `LAB-PIPE-END-2`: while a child that never writes has a copy there is none either; when it dies, there is.
//! - `LAB-PIPE-END-3`: the process that keeps it has it in its `/proc/[pid]/fd`, under the pipe's number.
//!
//! **Source**: pipe(7); proc(5) under `/proc/[pid]/fd`.

use std::fs;
use std::io::{self, PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::Journal;
use super::child::{descriptors, fork_child, reap, wait_for_signal, wait_readable};
use crate::os::EventFd;
use crate::os::process::{self, Pid};
use crate::os::signal::Signal;

/// How long the reader waits for an end that does not come. Without the limit it would wait forever.
const LIMIT: Duration = Duration::from_millis(200);

/// What a reader finds while a process has a write end, which process that is, and what the reader finds afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whether an end (or anything else) came within the limit.
    pub ended_before: bool,
    /// The processes that have the pipe open for writing.
    pub holders: Vec<Pid>,
    /// How many bytes the read brought after that end was closed.
    pub after: usize,
}

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct PipeEndReport {
    /// What the writer had written.
    pub text: String,
    /// With an end in the reader's own process.
    pub by_reader: Kept,
    /// With a copy in a child that sleeps, whose number this is.
    pub by_child: (Pid, Kept),
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(
        "A child writes into a pipe and ends. Its parent reads, up to the end of the file:",
    )?;
    let PipeEndReport { text, by_reader, by_child: (sleeper, by_child) } = experiment()?;
    journal.line(format_args!("  read {text:?}, and then:"))?;
    let child = format!("process {sleeper}, which sleeps,");
    for (keeper, kept) in [("the reader itself", by_reader), (&child, by_child)] {
        let holders: Vec<_> = kept.holders.iter().map(|pid| format!("process {pid}")).collect();
        journal.line(format_args!(
            "  {keeper} has a write end: end of file within {LIMIT:?}: {}; kept by {}; once closed, a read returns {} bytes",
            if kept.ended_before { "yes" } else { "no" },
            holders.join(", "),
            kept.after
        ))?;
    }
    journal.notices(&[
        "The writer had ended and its bytes were read, and the reader would have waited forever: the kernel \
         ends a pipe when the last write end is closed, in any process.",
        "So after a fork each side closes the ends that it does not use, before the first read.",
        "A child that never wrote kept the end, because it was forked at the wrong time. `ls -l /proc/*/fd` shows it.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// Those of fork and of pipes.
pub fn experiment() -> io::Result<PipeEndReport> {
    let (mut reader, writer) = pipe()?;
    let mut child = fork_child(|| (&writer).write_all(b"hello").map(|()| 0))?;
    reap(&mut child)?;
    let mut buffer = [0; 100];
    let length = reader.read(&mut buffer)?;
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let by_reader = look(&mut reader, &[process::pid()], || {
        drop(writer);
        Ok(())
    })?;

    let (mut reader, writer) = pipe()?;
    let never = EventFd::new()?;
    // `move`: the parent's end is closed when this returns.
    let mut sleeper = fork_child(move || {
        wait_for_signal(&never)?;
        drop(writer);
        Ok(0)
    })?;
    let number = sleeper.pid();
    let by_child = look(&mut reader, &[process::pid(), number], || {
        sleeper.kill(Signal::Kill)?;
        reap(&mut sleeper).map(drop)
    })?;
    Ok(PipeEndReport { text, by_reader, by_child: (number, by_child) })
}

/// Waits for the end of a pipe, finds the processes that have its write end, closes that, and reads.
fn look(
    reader: &mut PipeReader,
    suspects: &[Pid],
    close: impl FnOnce() -> io::Result<()>,
) -> io::Result<Kept> {
    let ended_before = wait_readable(reader.as_fd(), LIMIT)?;
    let holders = holders(reader, suspects)?;
    close()?;
    Ok(Kept { ended_before, holders, after: reader.read(&mut [0; 100])? })
}

/// Which of these processes have the write end.
fn holders(reader: &PipeReader, suspects: &[Pid]) -> io::Result<Vec<Pid>> {
    // Both ends have the pipe's name; what sets them apart is a flag, of the last digit of `flags`: 1 is for writing.
    let name =
        fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd()))?.display().to_string();
    let mut holders = Vec::new();
    for &pid in suspects {
        let is_write_end = |(number, to): &(u32, String)| {
            let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}"));
            let mut lines = info.iter().flat_map(|text| text.lines());
            *to == name && lines.any(|line| line.starts_with("flags:") && line.ends_with('1'))
        };
        if descriptors(pid)?.iter().any(is_write_end) {
            holders.push(pid);
        }
    }
    Ok(holders)
}
