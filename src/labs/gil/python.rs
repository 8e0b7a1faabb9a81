//! `CPython`'s own figures: a script of this repository, run by the machine's `python3`.
//!
//! **Invariants**
//! - `PYTHON-1`: the script is killed when its time is up, and by the kernel when this process ends.
//! - `PYTHON-2`: without a `python3`, or when it fails, there are no figures, which is no error.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::os::process::end_with_parent;
use crate::os::{PollFd, poll};

/// The script, which measures one section for each run.
const SCRIPT: &str = include_str!("../../../notes/python/gil.py");

/// How long a section may take; the longest takes some 3 s on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks which Python this is, such as `CPython 3.11.7`; `None` when there is none.
pub(super) fn version() -> Option<String> {
    ask("version").ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Measures a section; returns the numbers of each line, and nothing when that failed (`PYTHON-2`).
pub(super) fn figures(section: &str) -> Vec<Vec<f64>> {
    ask(section).map(|text| text.lines().map(numbers).collect()).unwrap_or_default()
}

/// The figures of a line: its numbers from the last colon on.
fn numbers(line: &str) -> Vec<f64> {
    let figures = line.rsplit_once(':').map_or("", |(_, figures)| figures);
    figures.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Runs the script for one section, and returns what it says.
///
/// # Errors
/// There is no `python3`, it failed, or its time was up.
///
/// # Blocking
/// For [`PATIENCE`] at most.
fn ask(section: &str) -> io::Result<String> {
    let mut command = Command::new("python3");
    // Isolated from the user's settings and from modules in this folder.
    command.args(["-I", "-c", SCRIPT, section]).stdin(Stdio::null()).stderr(Stdio::null());
    end_with_parent(&mut command);
    let mut child = Reaped(command.stdout(Stdio::piped()).spawn()?);
    let text = read_all(&mut child.0)?;
    let status = child.0.wait()?;
    if status.success() { Ok(text) } else { Err(io::Error::other(format!("python3: {status}"))) }
}

/// Reads what a child writes, up to its end.
fn read_all(child: &mut Child) -> io::Result<String> {
    let mut stdout = child.stdout.take().expect("holds because its output is a pipe");
    let (deadline, mut bytes, mut piece) = (Instant::now() + PATIENCE, Vec::new(), [0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if poll(&mut [PollFd::readable(stdout.as_fd())], Some(left))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "python3: its time is up"));
        }
        match stdout.read(&mut piece)? {
            0 => return String::from_utf8(bytes).map_err(io::Error::other),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// A child that is killed and reaped on every way out (`PYTHON-1`).
struct Reaped(Child);

impl Drop for Reaped {
    /// After its end both do nothing; a failure cannot be reported here.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
