//! A server under test: a child process of its own, which does not outlive its measurement.
//!
//! Problem: a server in the same process would share the client's processor, memory and descriptors; nothing
//! measured then would be its own. And a program that starts others must end them on every way out.
//!
//! **Invariants**
//! - `SERVER-1` It is asked to end (SIGTERM), then killed after [`GRACE`], then reaped; by its drop at the latest,
//!   which kills at once. When this program itself is killed, the kernel kills the server.
//! - `SERVER-2` It is in a process group of its own: ctrl-c reaches us alone, and we end it in order. Both signals go
//!   to the whole group, so a script is ended with the server that it started; and before the leader is reaped,
//!   while the group's number cannot be another's.
//! - `SERVER-3` The pipe of its output is held to the end. The kernel closes its far side when the last process
//!   has gone that holds it, a worker too; so the end of it tells that nobody is left.
//! - `SERVER-4` Its output is not read beyond the line `listening on ADDRESS`: a pipe holds 64 KiB more.
//!
//! **Left out**: a process that leaves the group (a daemon); and what a script started, when this program is killed
//! outright: the kernel then kills the script alone.
//!
//! **Source**: DESIGN's section 5, for what a server prints.

use std::env;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::calc::Model;
use crate::os::process::{self, Pid};
use crate::os::signal::Signal;
use crate::os::{PollFd, poll};

/// How long a server may take from its start to `listening on`. Taste: far beyond any that works.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take from SIGTERM to its end; its clients have gone by then.
const GRACE: Duration = Duration::from_secs(2);
/// What stands before the address.
const LISTENING: &str = "listening on ";
/// A longer first line is not the one we wait for.
const LINE_LIMIT_BYTES: usize = 4096;

/// A server that takes part: its name, and how to start it.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// What the table calls it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Which of our models it is, if any.
    pub model: Option<Model>,
}

impl Entrant {
    /// One of our own models, by this very program.
    ///
    /// # Errors
    /// The system does not tell which program this is.
    pub fn of_model(model: Model) -> io::Result<Self> {
        let arguments = ["serve", "--model", model.name(), "--addr", "127.0.0.1:0"];
        Ok(Self {
            name: model.name().to_owned(),
            program: env::current_exe()?,
            arguments: arguments.map(str::to_owned).to_vec(),
            model: Some(model),
        })
    }

    /// Any other program, by `NAME=COMMAND`; the command is parted at white space, without a shell.
    ///
    /// `None` when the name or the command is missing.
    pub fn of_command(text: &str) -> Option<Self> {
        let (name, command) = text.split_once('=')?;
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = PathBuf::from(words.next()?);
        let name = Some(name.trim()).filter(|name| !name.is_empty())?.to_owned();
        Some(Self { name, program, arguments: words.collect(), model: None })
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// The process; reaped by [`Server::end`] or by the drop.
    child: Child,
    /// Its output (`SERVER-3`).
    stdout: ChildStdout,
    /// Where it listens.
    address: SocketAddr,
}

impl Server {
    /// Starts a server, on the processors that this thread may use, and waits until it is ready.
    ///
    /// # Errors
    /// The program cannot be started; it ends, or says something else, or nothing within `START_LIMIT`. Then it is
    /// gone. `Interrupted` when `stop` was readable first.
    ///
    /// # Panics
    /// Never in practice: std keeps the pipe that it was asked for.
    ///
    /// # Blocking
    /// For `START_LIMIT` at most: ten seconds.
    pub fn start(entrant: &Entrant, stop: Option<BorrowedFd<'_>>) -> io::Result<Self> {
        let mut command = Command::new(&entrant.program);
        command.args(&entrant.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command.process_group(0);
        process::end_with_parent(&mut command);
        let mut child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("start {}: {error}", entrant.program.display()))
        })?;
        let stdout = child.stdout.take().expect("holds because its output is a pipe");
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        // From here on its drop ends it.
        let mut server = Self { child, stdout, address: unknown };
        server.address = server.read_address(stop)?;
        Ok(server)
    }

    /// Reads the line that says where it listens.
    fn read_address(&mut self, stop: Option<BorrowedFd<'_>>) -> io::Result<SocketAddr> {
        let deadline = Instant::now() + START_LIMIT;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") && line.len() < LINE_LIMIT_BYTES {
            wait_or_stop(self.stdout.as_fd(), stop, deadline)?;
            // Byte for byte: what stands behind the line is not ours to take.
            let mut byte = [0];
            if self.stdout.read(&mut byte)? == 0 {
                let text = format!("it ended without \"{LISTENING}ADDRESS\"");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            line.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&line);
        let address = line.trim_end().strip_prefix(LISTENING).and_then(|text| text.parse().ok());
        address.ok_or_else(|| {
            let text = format!("expected \"{LISTENING}ADDRESS\", got {:?}", line.trim_end());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it (`SERVER-1`); true when it and all that it started went by themselves when they were asked.
    ///
    /// # Errors
    /// The wait itself fails; it is killed then.
    ///
    /// # Blocking
    /// For `GRACE` at most, two seconds, and the time the kernel needs.
    pub fn end(mut self) -> io::Result<bool> {
        // SERVER-2: not reaped yet. A model's workers are asked twice then, by us and by their parent; they are as
        // willing to end as before.
        process::kill_group(Pid::from(&self.child), Signal::Terminate)?;
        let deadline = Instant::now() + GRACE;
        let mut is_gone = false;
        let mut rest = [0; 1024];
        while !is_gone {
            let left = deadline.saturating_duration_since(Instant::now());
            if poll(&mut [PollFd::readable(self.stdout.as_fd())], Some(left))? == 0 {
                break;
            }
            // SERVER-3: the end of the stream; until then there may be last words.
            is_gone = self.stdout.read(&mut rest)? == 0;
        }
        // Its drop kills what is left. A process that has just closed its output for good is on its way out,
        // and a signal changes nothing.
        Ok(is_gone)
    }
}

impl Drop for Server {
    /// Kills its whole group, and reaps it.
    fn drop(&mut self) {
        // A destructor has nobody to tell; and for a child of ours that is not reaped none of these can fail. The
        // group first (SERVER-2): also when the leader has ended, somebody may be left whose output goes elsewhere.
        drop(process::kill_group(Pid::from(&self.child), Signal::Kill));
        drop(self.child.wait());
    }
}

/// Waits until `fd` is readable.
fn wait_or_stop(
    fd: BorrowedFd<'_>,
    stop: Option<BorrowedFd<'_>>,
    deadline: Instant,
) -> io::Result<()> {
    let mut fds = vec![PollFd::readable(fd)];
    fds.extend(stop.map(PollFd::readable));
    let left = deadline.saturating_duration_since(Instant::now());
    if poll(&mut fds, Some(left))? == 0 {
        let text = format!("it did not say \"{LISTENING}ADDRESS\" within {START_LIMIT:?}");
        return Err(io::Error::new(io::ErrorKind::TimedOut, text));
    }
    if fds.get(1).is_some_and(PollFd::is_ready) {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
    }
    Ok(())
}
