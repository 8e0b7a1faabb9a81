//! A process as the kernel describes it in `/proc`: ids, memory, descriptors, scheduling. This lab reads its own.
//!
//! **Invariants**
//! - `LAB-PROCESS-1`: code, constants, heap and stack lie in mappings with rights of their own: code cannot be written, and
//!   nothing that can be written is executed.
//! - `LAB-PROCESS-2`: descriptors are small numbers; an opened one is in the list, and a dropped one is not.
//!
//! **Source**: proc(5), credentials(7), sched(7).

use std::io::{self, pipe};
use std::ptr;

use super::Journal;
use super::child::{descriptors, place_of, status};
use crate::os::ThreadUsage;
use crate::os::affinity::allowed_cpus;
use crate::os::process::{self, Pid};

/// A place in memory: what lies there, its address, and the rights (such as "r-xp") and the name of the mapping.
pub type MemoryPlace = (&'static str, usize, Option<(String, String)>);

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct ProcessReport {
    /// The process and its parent.
    pub pids: (Pid, Pid),
    /// How many threads it has.
    pub threads: String,
    /// Code, a constant, the heap, the stack.
    pub places: Vec<MemoryPlace>,
    /// The descriptors before, with a pipe, and after the pipe was dropped.
    pub descriptors: [Vec<(u32, String)>; 3],
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let ProcessReport { pids: (pid, parent), threads, places, descriptors } = experiment()?;
    let of_status = |field| status(pid, field);
    journal.line(format_args!(
        "Who       (status)  number {pid}, parent {parent}, threads {threads}, user {}",
        of_status("Uid")?.split_whitespace().next().unwrap_or_default()
    ))?;
    journal.line(format_args!(
        "Memory    (status)  {} of addresses, {} of them in memory now, stack {}",
        of_status("VmSize")?,
        of_status("VmRSS")?,
        of_status("VmStk")?
    ))?;
    for (what, address, mapping) in places {
        let (rights, name) = mapping.unwrap_or_default();
        journal
            .line(format_args!("          (maps)    {what:9} {address:#014x}  {rights}  {name}"))?;
    }
    for (heading, list) in ["at first", "with a pipe", "pipe dropped"].iter().zip(&descriptors) {
        let list: Vec<_> = list.iter().map(|(number, to)| format!("{number} {to}")).collect();
        journal.line(format_args!("Files     (fd)      {heading}: {}", list.join(", ")))?;
    }
    let usage = ThreadUsage::now()?;
    journal.line(format_args!(
        "Scheduling (status) state {}, may run on processors {:?}, has run for {:.1?}, gave the processor up {} times, \
         lost it {} times",
        of_status("State")?, allowed_cpus()?, usage.cpu, usage.voluntary, usage.involuntary
    ))?;
    journal.notices(&[
        "All of this is text: try `cat /proc/$$/status`, `maps`, `fd`, `limits` in your shell.",
        "Addresses belong to the process: another process has other memory at the same addresses. \"x\" may be \
         executed, \"w\" may be written, and no mapping here has both; \"p\" is private.",
        "A page gets memory when it is first touched, so much is reserved and little is in memory.",
        "A descriptor is an index into the process's table of open files; the lowest free one is taken.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// /proc is not mounted; out of descriptors.
pub fn experiment() -> io::Result<ProcessReport> {
    /// Something in the part of the program that is mapped for reading only.
    static CONSTANT: u64 = 42;
    let pid = process::pid();
    let (on_stack, on_heap) = (0_u8, Box::new(0_u8));
    let place = |what, address| place_of(pid, address).map(|mapping| (what, address, mapping));
    let places = vec![
        place("code", (run as fn(&Journal) -> io::Result<()> as *const ()).addr())?,
        place("constant", ptr::from_ref(&CONSTANT).addr())?,
        place("heap", ptr::from_ref(&*on_heap).addr())?,
        place("stack", ptr::from_ref(&on_stack).addr())?,
    ];
    let before = descriptors(pid)?;
    let both_ends = pipe()?;
    let with_pipe = descriptors(pid)?;
    drop(both_ends);
    Ok(ProcessReport {
        pids: (pid, process::parent_pid()),
        threads: status(pid, "Threads")?,
        places,
        descriptors: [before, with_pipe, descriptors(pid)?],
    })
}
