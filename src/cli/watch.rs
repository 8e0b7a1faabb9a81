//! `handloom watch`: waits for a file that holds a string, and deletes it; task 4 of the course.
//!
//! The result is what it does, line by line as it is done. So each line is written at once, also into a pipe; and
//! because two threads write, each line is one write.
//!
//! **Invariants**
//! - `WATCHCMD-1`: 0 when the file is gone in the end, deleted by this or by another program; 1 when another file has
//!   its name, or it cannot be watched; 130 when it was interrupted before.
//! - `WATCHCMD-2`: ctrl-c ends the sleep, and the reading of a large file, at once. A deletion that has begun is
//!   finished; a second ctrl-c ends that too.

use std::fmt::Display;
use std::io;
use std::time::SystemTime;

use super::command_line::{Args, Subcommand};
use super::interrupt::interruption;
use super::output::{Failure, Output, quiet_loop};
use super::values::{one_of, path, text, time_limit};
use crate::http::date::log_stamp;
use crate::os::write_out;
use crate::watch::{Deletion, Needle, Order, Outcome, WatchError, asynchronous, shown, threads};

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "watch",
    summary: "Waits for a file that holds a string, and deletes it",
    options: &[
        "FILE: which file",
        "--needle S [Wow!]: the string",
        "--interval S [5]: seconds to sleep between two looks",
        "--mode MODE [threads]: threads or async",
    ],
    examples: &[
        "handloom watch notes.txt  # Then, in another terminal: echo 'Wow!' > notes.txt",
        "handloom watch --mode async --needle done --interval 0.5 job.log  # On the event loop; another string; twice a second.",
    ],
    run,
};

/// Watches until the file is gone, or ctrl-c is pressed.
fn run(args: &Args, _: &mut Output) -> Result<(), Failure> {
    let order = Order {
        path: args.operand(path("a file"))?,
        needle: args.value("needle", text(needle))?,
        interval: args.value("interval", time_limit())?,
    };
    let on_loop = args.value("mode", text(one_of(["threads", "async"])))? == 1;
    // Before the first line, whose reader may press ctrl-c.
    let stop = interruption()?;
    let outcome = if on_loop {
        quiet_loop()?.block_on(asynchronous::watch(&order, stop, |news| line(news)))
    } else {
        threads::watch(&order, stop, |news| line(news))
    };
    match outcome {
        Ok(Outcome::Found(Deletion::Deleted | Deletion::Gone)) => Ok(()),
        Ok(Outcome::Found(Deletion::Replaced)) => {
            let path = shown(&order.path);
            Err(Failure::Failed(format!("{path} was replaced before it could be deleted")))
        }
        Ok(Outcome::Stopped) => Err(Failure::Interrupted),
        Err(WatchError::Untold(error)) => Err(Failure::of_stdout(&error)),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// Writes a line to stdout, with the time; both threads of a watcher call it.
fn line(text: impl Display) -> io::Result<()> {
    let line = format!("{} {text}\n", log_stamp(SystemTime::now()));
    write_out(&mut io::stdout().lock(), line.as_bytes())
}

/// Reads the string to look for.
fn needle(text: &str) -> Result<Needle, String> {
    Needle::new(text).ok_or_else(|| "expected at least one character".to_owned())
}
