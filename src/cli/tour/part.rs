//! A part of the tour: what comes, what it does, and what to notice.
//!
//! **Invariants**
//! - A part runs something and judges it; it shows only what happened.
//! - `PART-2`: when a part returns, its threads and processes have ended. Ctrl-c ends it at once.

use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use super::super::output::{Failure, Output};
use crate::compare::{THIS_PROGRAM, command};
use crate::os::process::{self, Pid};
use crate::os::signal::Signal;
use crate::os::{PollFd, poll};

/// A part, as its file declares it.
pub(super) struct Part {
    /// Its heading.
    pub(super) title: &'static str,
    /// What comes.
    pub(super) introduction: &'static str,
    /// Runs it. It returns an error if there is nothing to show.
    pub(super) run: fn(&Tour<'_>, &mut Output) -> Result<Shown, Failure>,
    /// What to notice in what was shown.
    pub(super) notices: &'static [&'static str],
}

/// What a part may use.
pub(super) struct Tour<'a> {
    /// Where files go; it exists.
    pub(super) directory: &'a Path,
    /// Readable after ctrl-c.
    pub(super) stop: BorrowedFd<'static>,
    /// The options of the load that each model gets.
    pub(super) load: Vec<String>,
}

/// What a part has to show.
#[derive(Default)]
pub(super) struct Shown {
    /// Its result, as text.
    pub(super) text: String,
    /// The name of a picture: the text goes to the file `NAME.txt`, and the part has written `NAME.svg`.
    pub(super) picture: Option<&'static str>,
    /// Other files that it has written into the directory.
    pub(super) files: Vec<String>,
    /// Why it did not do what the course asks, if so.
    pub(super) failure: Option<Failure>,
}

impl Tour<'_> {
    /// Runs a subcommand of this program in a process of its own, with the tour's directory as its last argument. Ctrl-c
    /// interrupts it; what it has printed is shown all the same.
    pub(super) fn program<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Shown, Failure> {
        let run = || {
            let mut command = command(Path::new(THIS_PROGRAM));
            command.args(words).arg(self.directory).stdin(Stdio::null()).stdout(Stdio::piped());
            // A group of its own: ctrl-c reaches it once, from here, and not from the terminal too.
            process::end_with_parent(command.process_group(0));
            let mut child = command.spawn()?;
            let mut stdout = child.stdout.take().expect("holds because its output is a pipe");
            let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
            let mut is_told = false;
            loop {
                let mut fds = [PollFd::readable(stdout.as_fd()), PollFd::readable(self.stop)];
                poll(&mut fds[..if is_told { 1 } else { 2 }], None)?;
                if fds[1].is_ready() {
                    is_told = true;
                    process::kill(Pid::from(&child), Signal::Interrupt)?;
                } else {
                    let count = stdout.read(&mut chunk)?;
                    text.extend_from_slice(&chunk[..count]);
                    if count == 0 {
                        return Ok((text, child.wait()?, is_told));
                    }
                }
            }
        };
        let (text, status, is_told) = run().map_err(|error| Failure::of_io(&error))?;
        let failure = match status.success() {
            _ if is_told => Some(Failure::Interrupted),
            true => None,
            false => Some(Failure::Failed("see above".to_owned())),
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(Shown { text, failure, ..Shown::default() })
    }
}
