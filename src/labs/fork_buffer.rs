//! Text that comes out twice: it was in a buffer when the process forked, and each process flushes its copy.
//!
//! **Invariants**
//! - `LAB-FORK-BUFFER-1`: text in a buffer at the fork comes out once for each process that flushes it.
//! - `LAB-FORK-BUFFER-2`: if it was flushed before the fork it comes out once.
//! - `LAB-FORK-BUFFER-3`: a child that leaves by `_exit` flushes nothing, and loses what it has printed itself.
//!
//! **Source**: fork(2), _exit(2).

use std::io::{self, BufWriter, Read, Write, pipe};

use super::Journal;
use super::child::{fork_child, reap};

/// What is printed before the fork.
pub const BEFORE: &str = "printed before the fork\n";
/// What the child prints.
pub const CHILD: &str = "printed by the child\n";

/// How the three ways came out: all that was read from the pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkBufferReport {
    /// Both flush what they have.
    pub both_flush: String,
    /// The buffer was flushed before the fork.
    pub flushed_before: String,
    /// The child leaves without a flush.
    pub child_exits: String,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("A buffered writer to a pipe. Text is printed, then the process forks, and the child prints too:")?;
    let ForkBufferReport { both_flush, flushed_before, child_exits } = experiment()?;
    for (heading, text) in [
        ("Both flush at their end", both_flush),
        ("Flushed before the fork", flushed_before),
        ("The child leaves by _exit, without a flush", child_exits),
    ] {
        journal.line(format_args!("{heading}:"))?;
        for line in text.lines() {
            journal.line(format_args!("  {line}"))?;
        }
    }
    journal.notices(&[
        "The first line was printed once and came out twice: its bytes were in the memory that fork copied.",
        "On a terminal it would have come out once, because there a buffer is flushed at each line. The fault \
         shows only when the output is a file or a pipe.",
        "Flush before the fork. A child that was forked leaves by `_exit`, which runs no destructor and \
         flushes nothing; it flushes what it has printed itself.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// Those of fork and of the pipe.
pub fn experiment() -> io::Result<ForkBufferReport> {
    Ok(ForkBufferReport {
        both_flush: print_and_fork(false, true)?,
        flushed_before: print_and_fork(true, true)?,
        child_exits: print_and_fork(false, false)?,
    })
}

/// Prints, forks, prints in the child; returns what came out.
fn print_and_fork(flush_before: bool, flush_in_child: bool) -> io::Result<String> {
    let (mut reader, writer) = pipe()?;
    let mut out = BufWriter::new(writer);
    out.write_all(BEFORE.as_bytes())?;
    if flush_before {
        out.flush()?;
    }
    let mut child = fork_child(|| {
        out.write_all(CHILD.as_bytes())?;
        if flush_in_child {
            out.flush()?;
        }
        // From here it leaves by `_exit` (LAB-CHILD-1).
        Ok(0)
    })?;
    reap(&mut child)?;
    // Flushed and closed; now the pipe has no writing end any more, and so the text an end.
    drop(out.into_inner()?);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}
