//! A pipe: bytes from one process to another, in one direction, through a small buffer in the kernel.
//!
//! **Invariants**
//! - `LAB-PIPE-1`: bytes come out once, in order, and without message boundaries: two writes may be one read.
//! - `LAB-PIPE-2`: after the last writer has closed, a reader gets what is left, and then the end: 0 bytes.
//! - `LAB-PIPE-3`: a write to a pipe without readers is an error (and SIGPIPE, which a Rust program ignores).
//! - `LAB-PIPE-4`: a pipe has a capacity; a writer that finds it full waits.
//!
//! **Source**: pipe(7).

use std::io::{self, ErrorKind, Read, Write, pipe};
use std::os::fd::AsFd;
use std::time::Duration;

use super::Journal;
use super::child::{fork_child, reap, wait_for_signal};
use crate::os::process::Exit;
use crate::os::{EventFd, PollFd, poll};

/// The most that a write may have to be sure of room whenever the pipe says that it has some.
const PAGE: usize = 4096;
/// The three things that the parent writes to the child.
pub const WRITTEN: [&str; 3] = ["one ", "two ", "three"];

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeReport {
    /// What the child got from each of its reads, the last being empty: the end.
    pub reads: Vec<String>,
    /// How the child ended; its code is the number of bytes it got.
    pub exit: Exit,
    /// The error of a write when no reader is left.
    pub broken: Option<ErrorKind>,
    /// How many bytes a pipe held before a write would have had to wait.
    pub capacity: usize,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(format_args!(
        "The parent writes {WRITTEN:?}, two of them before the child reads, and closes:"
    ))?;
    let PipeReport { reads, exit, broken, capacity } = experiment()?;
    journal.line(format_args!(
        "  the child's reads:           {reads:?}; it left with the number of bytes: {exit}\n  \
           a write without a reader:    {}\n  \
           a pipe that is not read:     holds {capacity} bytes",
        broken.map_or("done".to_owned(), |kind| kind.to_string()),
    ))?;
    journal.notices(&[
        "Two writes, one read: a pipe is a stream. A message needs a line's end, or a length before it.",
        "The last read returned nothing: the end of the file. `handloom lab pipe-end` shows when it comes.",
        "A write without a reader is an error at once. In a shell SIGPIPE ends the writer: that is how `yes | \
         head` ends.",
        "A full pipe makes its writer wait: back-pressure. Two processes that only write to each other wait \
         forever.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// Those of fork and of pipes, save the one that it is about.
pub fn experiment() -> io::Result<PipeReport> {
    let (reads, exit) = talk()?;
    let (reader, mut writer) = pipe()?;
    drop(reader);
    let broken = writer.write_all(b"hello?").err().map(|error| error.kind());
    Ok(PipeReport { reads, exit, broken, capacity: fill()? })
}

/// The parent writes, the child reads; returns what the child got, and how it ended.
fn talk() -> io::Result<(Vec<String>, Exit)> {
    let (reader, writer) = pipe()?;
    let (mut answers, answer) = pipe()?;
    let (may_read, has_read) = (EventFd::new()?, EventFd::new()?);
    // An `Option`, since the child has to close its copy of an end that the parent keeps.
    let mut writer = Some(writer);
    let mut child = fork_child(|| {
        drop(writer.take());
        wait_for_signal(&may_read)?;
        let (mut buffer, mut bytes) = ([0; 100], 0);
        loop {
            let length = (&reader).read(&mut buffer)?;
            // Its own small protocol: each read is a line.
            (&answer).write_all(&[&buffer[..length], b"\n"].concat())?;
            has_read.signal()?;
            bytes += length;
            if length == 0 {
                return i32::try_from(bytes).map_err(io::Error::other);
            }
        }
    })?;
    drop((reader, answer));
    let mut writer =
        writer.take().expect("holds because only the child has taken it, from its copy");
    writer.write_all(WRITTEN[0].as_bytes())?;
    writer.write_all(WRITTEN[1].as_bytes())?;
    may_read.signal()?;
    wait_for_signal(&has_read)?;
    writer.write_all(WRITTEN[2].as_bytes())?;
    wait_for_signal(&has_read)?;
    drop(writer);
    let exit = reap(&mut child)?;
    let mut text = String::new();
    answers.read_to_string(&mut text)?;
    Ok((text.lines().map(str::to_owned).collect(), exit))
}

/// Writes into a pipe as long as it has room; returns how many bytes it took.
fn fill() -> io::Result<usize> {
    let (_reader, mut writer) = pipe()?;
    let mut bytes = 0;
    while poll(&mut [PollFd::writable(writer.as_fd())], Some(Duration::ZERO))? > 0 {
        writer.write_all(&[0; PAGE])?;
        bytes += PAGE;
    }
    Ok(bytes)
}
