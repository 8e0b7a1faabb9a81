//! A pipe without an end: the reader waits although the writer is gone, because another process keeps the writing end open.
//!
//! A reader gets the end of the file when no writing end is left, in any process. A fork doubles every end, so it is
//! easily forgotten, in one's own process or in a child that has nothing to do with it.
//!
//! **Invariants**
//! - `LAB-PIPE-END-1`: while the reader itself has a writing end there is no end of file, though the writer has ended.
//! - `LAB-PIPE-END-2`: while a child that never writes has a copy there is none either; when it dies, there is.
//! - `LAB-PIPE-END-3`: who keeps it can be found: it stands in that process's `/proc/[pid]/fd`, under the pipe's number.
//!
//! **Source**: pipe(7); proc(5) under `/proc/[pid]/fd`.

use std::fs;
use std::io::{self, PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::Journal;
use super::child::{fork_child, hear, is_readable_within, reap};
use super::proc_files::descriptors;
use crate::os::EventFd;
use crate::os::process::{self, Pid};
use crate::os::signal::Signal;

/// How long the reader waits for an end that does not come. Without it, for ever.
const LIMIT: Duration = Duration::from_millis(200);

/// What a reader finds while a process keeps an end, which one, and what it finds afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whether an end (or anything else) came within the limit.
    pub ended_before: bool,
    /// The processes that have the pipe open for writing, and how often: ourselves, and the children that live.
    pub holders: Vec<(Pid, usize)>,
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
    for (who, kept) in [("the reader itself", by_reader), ("a child that sleeps", by_child)] {
        let holders: Vec<_> =
            kept.holders.iter().map(|(pid, _)| format!("process {pid}")).collect();
        journal.line(format_args!(
            "  {who} has a writing end: end of file within {LIMIT:?}: {}; it is kept by {}; once closed, a read brings {} bytes",
            if kept.ended_before { "yes" } else { "no" },
            holders.join(", "),
            kept.after
        ))?;
    }
    journal.line(format_args!(
        "\nWhat to notice:\n\
         - The writer had ended, its bytes had been read, and the reader would have waited for ever: the kernel ends a pipe\n  \
           when the *last* writing end is closed, whoever has it.\n\
         - So after a fork each side closes the ends it does not use, and before the first read.\n\
         - Process {sleeper} never wrote a byte. It got the end by being forked at the wrong time: that is why descriptors\n  \
           are made with close-on-exec (`handloom lab exec-environment`), and why a child that is only forked closes\n  \
           what it does not need.\n\
         - Who keeps it? `ls -l /proc/*/fd` shows pipes by number: look who has the same one."
    ))
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
        hear(&never)?;
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

/// Waits for the end of a pipe, looks who keeps it, has that closed, and reads.
fn look(
    reader: &mut PipeReader,
    suspects: &[Pid],
    close: impl FnOnce() -> io::Result<()>,
) -> io::Result<Kept> {
    let ended_before = is_readable_within(reader.as_fd(), LIMIT)?;
    let holders = holders(reader, suspects)?;
    close()?;
    Ok(Kept { ended_before, holders, after: reader.read(&mut [0; 100])? })
}

/// Which of these processes have the writing end, and how often.
fn holders(reader: &PipeReader, suspects: &[Pid]) -> io::Result<Vec<(Pid, usize)>> {
    // Both ends have the pipe's name; what sets them apart is a flag, of the last digit of `flags`: 1 is for writing.
    let name = fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd()))?;
    let mut holders = Vec::new();
    for &pid in suspects {
        let ends = descriptors(pid)?;
        let ours = ends.iter().filter(|(_, to)| *to == name.display().to_string());
        let writes = |number: &u32| {
            let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}"));
            info.is_ok_and(|text| {
                text.lines().any(|line| line.starts_with("flags:") && line.ends_with('1'))
            })
        };
        let count = ours.filter(|(number, _)| writes(number)).count();
        if count > 0 {
            holders.push((pid, count));
        }
    }
    Ok(holders)
}
