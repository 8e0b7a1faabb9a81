//! The program as a user starts it: a process with three streams and an exit code.
//!
//! Nothing here waits longer than `PATIENCE`; what hangs is killed by its number, and the test fails.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hung. The lab `gil` has taken 18 s beside two busy loops.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program, started.
pub(crate) struct Program {
    /// Its process.
    child: Child,
    /// Its standard input, until it is closed.
    pub(crate) stdin: Option<ChildStdin>,
    /// The lines of its standard output.
    stdout: Receiver<String>,
    /// The lines of its standard error.
    stderr: Receiver<String>,
}

/// The program, ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout, without the lines that were taken before.
    pub(crate) out: String,
    /// What it wrote to stderr.
    pub(crate) err: String,
}

/// A command line of the program.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the program; its streams are pipes unless the command says otherwise.
pub(crate) fn start(mut command: Command) -> Program {
    let mut child = command.spawn().expect("the program starts");
    let stdin = child.stdin.take();
    let stdout = lines(child.stdout.take());
    let stderr = lines(child.stderr.take());
    Program { child, stdin, stdout, stderr }
}

/// Hands over lines as they come, so that a test can wait for them with a limit.
fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

impl Program {
    /// The next line of stdout, without its end.
    pub(crate) fn line(&mut self) -> String {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => line.trim_end().to_owned(),
            Err(error) => {
                // By its number, which is still its own: it has not been waited for.
                drop(self.child.kill());
                let err = rest(&self.stderr);
                panic!("expected a line on stdout, came: {error}; stderr: {err}");
            }
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name, such as "TERM".
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &line]).status();
        assert!(sent.is_ok_and(|status| status.success()), "expected `{line}` to succeed");
    }

    /// Tells whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("try_wait").is_some()
    }

    /// Closes its stdin and waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.end_with_open_stdin()
    }

    /// Waits for its end, which must come although its stdin stays open.
    pub(crate) fn end_with_open_stdin(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("try_wait") {
                break status;
            }
            assert!(Instant::now() < deadline, "expected an end within {PATIENCE:?}, it hangs");
            thread::sleep(Duration::from_millis(2));
        };
        Ended { code: status.code(), out: rest(&self.stdout), err: rest(&self.stderr) }
    }
}

impl Drop for Program {
    /// Leaves no process behind, whatever the test did.
    fn drop(&mut self) {
        // Both fail when it has ended and was waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Everything up to the stream's end.
fn rest(lines: &Receiver<String>) -> String {
    let mut all = String::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => all.push_str(&line),
            Err(RecvTimeoutError::Disconnected) => return all,
            Err(RecvTimeoutError::Timeout) => {
                panic!("expected the stream to end with the program; so far: {all}")
            }
        }
    }
}
