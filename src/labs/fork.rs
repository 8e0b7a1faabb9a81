//! Fork: one process becomes two. What is copied, what is shared, and what remains of a child until it is waited for.
//!
//! The child is a copy: same code, same variables at the same addresses, and it goes on from the same line. From then on
//! each has its own memory. Open files are the exception: the table of descriptors is copied, but what it points to is not.
//!
//! **Invariants**
//! - `LAB-FORK-1`: fork returns twice: the child's number in the parent, nothing in the child.
//! - `LAB-FORK-2`: memory is copied: at one address each has a value of its own.
//! - `LAB-FORK-3`: an open file is shared: what the child reads moves the parent's place in the file.
//! - `LAB-FORK-4`: an ended child is a zombie (state Z) until its parent waits for it; then nothing of it is left.
//!
//! **Source**: the course's questions about fork and wait; fork(2), wait(2).

use std::fs::File;
use std::io::{self, Read, Seek, Write, pipe};
use std::os::fd::AsFd;
use std::ptr;

use super::Journal;
use super::child::{PATIENCE, fork_child, hear, is_readable_within};
use super::proc_files::state;
use crate::os::EventFd;
use crate::os::process::{Exit, parent_pid, pid};

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
    journal.line(
        "\nWhat to notice:\n\
         - One call, two returns. Who am I? That is all that fork's result says.\n\
         - The same address, two values: an address is a process's own. The kernel copies a page when one of the two first\n  \
           writes to it (copy on write), so a fork of much memory is cheap, until somebody writes.\n\
         - The file's offset is in what the descriptors lead to, and that there is once. So two processes that print to\n  \
           one file do not overwrite each other.\n\
         - The child had ended, and was still in the table, since its code had not been collected: a zombie. It has no\n  \
           memory any more, only a number. `wait` collects the code and frees the number.\n\
         - Nothing but the bells made them take turns. Without, the order of the lines would be the kernel's.",
    )
}

/// The experiment itself. The child writes to the same journal, if that is a stream.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<ForkReport> {
    // A file that is always there, and has bytes enough: this program itself.
    let mut file = File::open("/proc/self/exe")?;
    let mut value = 1;
    let (mut answers, answer) = pipe()?;
    let (childs_turn, parents_turn) = (EventFd::new()?, EventFd::new()?);
    let before = file.stream_position()?;
    journal.line(format_args!("I am {}. Value {value}, place in the file {before}", pid()))?;

    let mut child = fork_child(|| {
        // When the journal's reader has gone, the parent finds out too.
        let say = |words: &str| drop(journal.line(format_args!("  child:  {words}")));
        hear(&childs_turn)?;
        say(&format!("fork returned 0; I am {}, my parent {}", pid(), parent_pid()));
        value = 2;
        file.read_exact(&mut [0; PART])?;
        let address = ptr::from_ref(&value).addr();
        say(&format!("I set the value at {address:#x} to {value} and read {PART} bytes"));
        (&answer).write_all(format!("{} {address} {value}", pid()).as_bytes())?;
        parents_turn.signal()?;
        hear(&childs_turn)?;
        say(&format!("I leave with code {CODE}"));
        Ok(CODE)
    })?;
    journal.line(format_args!("  parent: fork returned {}", child.pid()))?;
    childs_turn.signal()?;
    hear(&parents_turn)?;
    let (address, offset) = (ptr::from_ref(&value).addr(), file.stream_position()?);
    let found = format!("my value at {address:#x} is {value}; my place in the file is {offset}");
    journal.line(format_args!("  parent: {found}"))?;
    childs_turn.signal()?;

    let ended = is_readable_within(child.as_fd(), PATIENCE)?;
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
