//! Fork: one process becomes two. What is copied, what is shared, and what is left of a child until it is waited for.
//!
//! **Invariants**
//! - `LAB-FORK-1`: fork returns twice: the child's id in the parent, nothing in the child.
//! - `LAB-FORK-2`: memory is copied: one address holds another value in each process.
//! - `LAB-FORK-3`: an open file is shared: the child's read moves the parent's position too.
//! - `LAB-FORK-4`: a child that has ended is a zombie (state Z) until its parent waits for it.
//!
//! **Source**: fork(2), wait(2).

use std::fs::File;
use std::io::{self, Read, Seek, Write, pipe};
use std::os::fd::AsFd;
use std::ptr;

use super::Journal;
use super::child::{LIMIT, fork_child, naming, state, wait_for_signal, wait_readable};
use crate::os::EventFd;
use crate::os::process::{Exit, parent_pid, pid};

/// A file that is always there, and has bytes enough: this program itself.
const EXE: &str = "/proc/self/exe";
/// With what code the child leaves.
pub const CODE: i32 = 7;
/// How many bytes parent and child read from the file, each.
pub const PART: usize = 4;

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct ForkReport {
    /// The child's number as fork returned it; where the variable lies in the parent, and what it holds in the end.
    pub parents: String,
    /// The same three as the child saw them.
    pub childs: String,
    /// The parent's place in the file before the fork and after the child has read.
    pub offsets: [u64; 2],
    /// The child's state after its end and before the wait.
    pub zombie: char,
    /// What the wait returned.
    pub exit: Exit,
    /// Whether the kernel still knows the child after that.
    pub is_known: bool,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    experiment(journal)?;
    journal.notices(&[
        "The same address holds two values: each process has its own memory. The kernel copies a page at the \
         first write to it (copy on write), so a fork is cheap at first.",
        "The file's offset is shared: both descriptors lead to one open file. So two processes that print to \
         one file do not overwrite each other.",
        "A child that has ended stays in the process table as a zombie until `wait` reads its exit code.",
    ])
}

/// The experiment itself. The child writes to the same journal, if that is a stream.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<ForkReport> {
    let mut file = File::open(EXE).map_err(|error| naming(EXE, &error))?;
    let mut value = 1;
    let (mut answers, answer) = pipe()?;
    let (childs_turn, parents_turn) = (EventFd::new()?, EventFd::new()?);
    let before = file.stream_position()?;
    journal.line(format_args!("I am {}. Value {value}, place in the file {before}", pid()))?;

    let mut child = fork_child(|| {
        // When the journal's reader has gone, the parent finds out too.
        let say = |words: &str| drop(journal.line(format_args!("  child:  {words}")));
        wait_for_signal(&childs_turn)?;
        say(&format!("fork returned 0; I am {}, my parent {}", pid(), parent_pid()));
        value = 2;
        file.read_exact(&mut [0; PART])?;
        let address = ptr::from_ref(&value).addr();
        say(&format!("I set the value at {address:#x} to {value} and read {PART} bytes"));
        (&answer).write_all(format!("{} {address} {value}", pid()).as_bytes())?;
        parents_turn.signal()?;
        wait_for_signal(&childs_turn)?;
        say(&format!("I leave with code {CODE}"));
        Ok(CODE)
    })?;
    journal.line(format_args!("  parent: fork returned {}", child.pid()))?;
    childs_turn.signal()?;
    wait_for_signal(&parents_turn)?;
    let (address, offset) = (ptr::from_ref(&value).addr(), file.stream_position()?);
    let found = format!("my value at {address:#x} is {value}; my place in the file is {offset}");
    journal.line(format_args!("  parent: {found}"))?;
    childs_turn.signal()?;

    let ended = wait_readable(child.as_fd(), LIMIT)?;
    let zombie = state(child.pid())?;
    journal.line(format_args!("  parent: the child has ended: {ended}; its state is {zombie}"))?;
    let exit = child.wait()?;
    let is_known = state(child.pid()).is_ok();
    journal.line(format_args!(
        "  parent: wait returned {exit}; is the child known still: {is_known}"
    ))?;

    // Its own end too must be closed, else the text would have no end.
    drop(answer);
    let mut told = String::new();
    answers.read_to_string(&mut told)?;
    let parents = format!("{} {address} {value}", child.pid());
    Ok(ForkReport { parents, childs: told, offsets: [before, offset], zombie, exit, is_known })
}
