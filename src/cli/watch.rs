//! `handloom watch`: waits for a file that holds a string, and deletes it; task 4 of the course.
//!
//! What it does is the result, told line by line as it is done. So each line goes out at once, also into a pipe; and
//! as two threads tell, each line is one write.
//!
//! **Invariants**
//! - `WATCHCMD-1`: 0 when the file is gone in the end, by us or by somebody else; 1 when another file stands there, or
//!   what stands there cannot be watched; 130 when it was interrupted before.
//! - `WATCHCMD-2`: ctrl-c ends the sleep, and the reading of a large file, at once. A deletion that has begun is
//!   finished; a second ctrl-c ends that too.
//!
//! **Left out**: several files; a file's name that is not text.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::command_line::{Args, Opt, Subcommand};
use super::failure::Failure;
use super::interrupt::interruption;
use super::output::{Output, quiet_loop};
use super::values::{path, seconds, text};
use crate::watch::{Deletion, Needle, Order, Outcome, WatchError, asynchronous, threads};

/// The shortest sleep: a shorter one would look without pause, and keep a processor busy.
const LEAST: Duration = Duration::from_millis(1);
/// The longest sleep: a day. Taste; beyond it lies a mistake in the unit.
const MOST: Duration = Duration::from_hours(24);

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "watch",
    summary: "Waits for a file that holds a string, and deletes it",
    options: &[
        Opt::new("--needle S", "the string").default("Wow!"),
        Opt::new("--interval S", "seconds to sleep between two looks").default("5"),
        Opt::new("--mode MODE", "threads or async").default("threads"),
    ],
    operands: &[("FILE", "which file")],
    examples: &[
        ("handloom watch notes.txt", "Then, in another terminal: echo 'Wow!' > notes.txt"),
        (
            "handloom watch --mode async --needle done --interval 0.5 job.log",
            "On the event loop; another string; twice a second.",
        ),
    ],
    run,
};

/// What runs the two functions.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// A thread each.
    Threads,
    /// A task each, on one event loop.
    Async,
}

/// Watches until the file is gone, or somebody presses ctrl-c.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let order = Order {
        path: args
            .operand(0, path("a file"))?
            .expect("holds because the operand is declared as required"),
        needle: args.value("needle", text(needle))?,
        interval: args.value("interval", seconds(LEAST, MOST))?,
    };
    let mode = args.value("mode", text(mode))?;
    // Before the first line: who reads it may press ctrl-c.
    let stop = interruption()?;
    output.flush()?;
    let outcome = match mode {
        Mode::Threads => threads::watch(&order, stop, |news| line(news)),
        Mode::Async => on_a_loop(&order, stop)?,
    };
    match outcome {
        Ok(Outcome::Found(Deletion::Deleted | Deletion::Gone)) => Ok(()),
        Ok(Outcome::Found(Deletion::Replaced)) => {
            let path = order.path.display();
            Err(Failure::Failed(format!("{path} was replaced before it could be deleted")))
        }
        Ok(Outcome::Stopped) => Err(Failure::Interrupted),
        Err(WatchError::Untold(error)) => Err(Failure::of_stdout(&error)),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// Watches on an event loop.
fn on_a_loop(
    order: &Order,
    stop: BorrowedFd<'static>,
) -> Result<Result<Outcome, WatchError>, Failure> {
    // A terminal that was stopped holds a line back, and the loop with it. That is no task's fault.
    let event_loop = quiet_loop()?;
    Ok(event_loop.block_on(asynchronous::watch(order, stop, |news| line(news))))
}

/// Writes a line to stdout, from whatever thread.
fn line(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{text}\n").as_bytes())?;
    stdout.flush()
}

/// Reads what to look for.
fn needle(text: &str) -> Result<Needle, String> {
    Needle::new(text).ok_or_else(|| "expected at least one character".to_owned())
}

/// Reads the name of a mode.
fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "threads" => Ok(Mode::Threads),
        "async" => Ok(Mode::Async),
        _ => Err("expected threads or async".to_owned()),
    }
}
