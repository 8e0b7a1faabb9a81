//! A server under test: a child process of its own, which does not outlive its measurement.
//!
//! **Invariants**
//! - `SERVER-1` It is asked to end (SIGTERM), killed after [`GRACE`], and reaped; by its drop at the latest, which
//!   kills at once. When this program is killed, the kernel kills the server.
//! - `SERVER-2` It has a process group of its own, so ctrl-c reaches this program alone, which then ends the server.
//!   Both signals go to the whole group, before its leader is reaped: until then no other group has its number.
//! - `SERVER-3` Its output is read to the end, so it never blocks in a write. The end comes when the last process that
//!   holds the pipe has ended, a worker too.

use std::env;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::calc::Model;
use crate::os::process::{self, Pid};
use crate::os::signal::Signal;
use crate::os::{PollFd, poll};

/// How long a server may take from its start to `listening on`: far longer than one that works.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take from SIGTERM to its end; a thousand threads end slowly on a busy machine.
const GRACE: Duration = Duration::from_secs(6);
/// What stands before the address.
const LISTENING: &str = "listening on ";
/// A longer first line is not the one that is waited for.
const LINE_LIMIT_BYTES: usize = 4096;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct ServerCommand {
    /// What the table calls it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl ServerCommand {
    /// A model of this program.
    pub fn of_model(model: Model) -> Self {
        let arguments = ["serve", "--model", model.name(), "--addr", "127.0.0.1:0"];
        Self::of_this_program(model.name(), &arguments)
    }

    /// A server of this program, by its arguments.
    pub(crate) fn of_this_program(name: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().copied().map(str::to_owned).collect();
        Self { name: name.to_owned(), program: THIS_PROGRAM.into(), arguments }
    }

    /// Another program, from `NAME=COMMAND`. `None` when the name or the command is missing, or a quote is not closed.
    pub fn of_text(text: &str) -> Option<Self> {
        let (name, command) = text.split_once('=')?;
        let mut words = words(command)?.into_iter();
        let program = PathBuf::from(words.next()?);
        let name = Some(name.trim()).filter(|name| !name.is_empty())?.to_owned();
        Some(Self { name, program, arguments: words.collect() })
    }
}

/// Splits a command at white space outside of quotes, without a shell; `None` when a quote is not closed.
fn words(command: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match character {
            _ if quote == Some(character) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            _ if quote.is_none() && character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// This program, to start it once more: the copy that runs, also after a new build has replaced its file.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// A command for a program; this program bears the name under which it was started itself, for ps(1).
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if program == Path::new(THIS_PROGRAM) {
        command.arg0(env::args_os().next().unwrap_or_default());
    }
    command
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// The process; reaped by [`Server::end`] or by the drop.
    child: Child,
    /// Disconnected when its output has ended (`SERVER-3`).
    output: Receiver<()>,
    /// Where it listens.
    address: SocketAddr,
}

impl Server {
    /// Starts a server, on the processors that this thread may use, and waits until it is ready.
    ///
    /// # Errors
    /// The program cannot be started; it ends, or prints another line, or none within `START_LIMIT`. Then it has been
    /// ended. `Interrupted` when `stop` was readable first.
    ///
    /// # Blocking
    /// For `START_LIMIT` at most.
    pub fn start(server: &ServerCommand, stop: Option<BorrowedFd<'_>>) -> io::Result<Self> {
        let mut command = command(&server.program);
        command.args(&server.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command.process_group(0);
        process::end_with_parent(&mut command);
        let mut child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("start {}: {error}", server.program.display()))
        })?;
        let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (ended, output) = channel();
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        // From here on its drop ends it.
        let mut server = Self { child, output, address: unknown };
        server.address = read_address(&mut stdout, stop)?;
        thread::Builder::new().name("server output".to_owned()).spawn(move || {
            // An error is an end too; and the sender is dropped with the thread.
            let _ended = ended;
            drop(io::copy(&mut stdout, &mut io::sink()));
        })?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it (`SERVER-1`); true when it and all that it started ended by themselves when they were asked.
    ///
    /// # Errors
    /// The signal cannot be sent; the drop kills it then.
    ///
    /// # Blocking
    /// For `GRACE` at most.
    pub fn end(self) -> io::Result<bool> {
        // The leader first: a supervisor would replace workers that end before it.
        process::kill(Pid::from(&self.child), Signal::Terminate)?;
        let ended = Err(RecvTimeoutError::Disconnected);
        if self.output.recv_timeout(GRACE / 20) == ended {
            return Ok(true);
        }
        process::kill_group(Pid::from(&self.child), Signal::Terminate)?;
        Ok(self.output.recv_timeout(GRACE) == ended)
    }
}

impl Drop for Server {
    /// Kills its whole group, and reaps it.
    fn drop(&mut self) {
        // The group first (SERVER-2): when the leader has ended, other processes may be left.
        drop(process::kill_group(Pid::from(&self.child), Signal::Kill));
        drop(self.child.wait());
    }
}

/// Reads the line that says where a server listens.
fn read_address(stdout: &mut ChildStdout, stop: Option<BorrowedFd<'_>>) -> io::Result<SocketAddr> {
    let deadline = Instant::now() + START_LIMIT;
    let mut line = Vec::new();
    while !line.ends_with(b"\n") && line.len() < LINE_LIMIT_BYTES {
        let mut fds = vec![PollFd::readable(stdout.as_fd())];
        fds.extend(stop.map(PollFd::readable));
        let left = deadline.saturating_duration_since(Instant::now());
        if poll(&mut fds, Some(left))? == 0 {
            let text = format!("it did not say \"{LISTENING}ADDRESS\" within {START_LIMIT:?}");
            return Err(io::Error::other(text));
        }
        if fds.get(1).is_some_and(PollFd::is_ready) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut byte = [0];
        if stdout.read(&mut byte)? == 0 {
            return Err(io::Error::other(format!("it ended without \"{LISTENING}ADDRESS\"")));
        }
        line.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&line);
    let address = line.trim_end().strip_prefix(LISTENING);
    let address = address.map(|text| text.trim_start_matches("http://").trim_end_matches('/'));
    let address = address.and_then(|text| text.parse().ok());
    let expected = || format!("expected \"{LISTENING}ADDRESS\", got {:?}", line.trim_end());
    address.ok_or_else(|| io::Error::other(expected()))
}
