//! A program of ours or one of its twins, in a process of its own.
//!
//! tokio's twins are this very test program, started once more: cargo builds the programs of `notes/tokio` for nobody
//! but who asks for them, while their library is linked here already.

use std::env;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write, stderr};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::conversations::PATIENCE;

/// Where servers listen; why not on 127.0.0.1 says `conversations/server.rs`.
const ADDRESS: &str = "127.0.0.2:0";

/// Tells this program, started once more, which twin it is: a word, and the twin's own words.
pub(crate) const TWIN: &str = "HANDLOOM_TEST_TWIN";

/// What parts the words there.
pub(crate) const BETWEEN: char = '\u{1f}';

/// The servers that take part, with the words that come before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twin {
    /// `handloom`, and the words that say which model.
    Ours(&'static [&'static str]),
    /// On tokio: the name in `main`'s table of twins.
    Tokio(&'static str),
    /// A file of `notes/python`.
    Python(&'static str),
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(words) => write!(f, "handloom {}", words.join(" ")),
            Self::Tokio(name) => write!(f, "{name} on tokio"),
            Self::Python(file) => f.write_str(file),
        }
    }
}

impl Twin {
    /// Its command line.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        match self {
            Self::Ours(first) => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
                command.args(*first).args(words);
                command
            }
            Self::Tokio(name) => {
                let mut command = Command::new(env::current_exe().expect("this program"));
                command.args([super::CHILD, "--exact", "--nocapture"]);
                let words: Vec<_> = [*name].iter().chain(words).copied().collect();
                command.env(TWIN, words.join(&BETWEEN.to_string()));
                command
            }
            Self::Python(file) => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notes/python");
                let mut command = Command::new("python3");
                // -B: leaves no compiled files behind.
                command.arg("-B").arg(folder.join(file)).args(words);
                command
            }
        }
    }

    /// Whether it can be run here.
    pub(crate) fn is_here(&self) -> bool {
        let Self::Python(_) = self else { return true };
        let mut command = Command::new("python3");
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Starts it.
    pub(crate) fn start(&self, words: &[&str]) -> Running {
        let mut command = self.command(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{self}: {error}"));
        let lines = lines_of(process.stdout.take().expect("piped"));
        let complaints = lines_of(process.stderr.take().expect("piped"));
        Running { twin: *self, process, lines, complaints }
    }

    /// Starts a server, and waits until it listens.
    pub(crate) fn serve(&self, options: &[&str]) -> (Running, SocketAddr) {
        let running = self.start(&[&["--addr", ADDRESS], options].concat());
        let line = running.line_with("listening on ");
        let address = line.trim().rsplit([' ', '/']).next().and_then(|text| text.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{self}: no address in {line:?}"));
        (running, address)
    }
}

/// A process. It is killed by its number on drop.
pub(crate) struct Running {
    twin: Twin,
    process: Child,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Running {
    /// Waits for a line with this text.
    pub(crate) fn line_with(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let complaints: Vec<_> = self.complaints.try_iter().collect();
                panic!("{}: expected \"{text}\" on stdout, stderr: {complaints:?}", self.twin);
            };
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for its end, and returns its further lines.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("wait") {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "{}: expected an end, it hangs", self.twin);
            thread::sleep(Duration::from_millis(2));
        };
        (status, self.lines.iter().collect())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has been waited for.
        drop(self.process.kill());
        drop(self.process.wait());
        let complaints: Vec<_> = self.complaints.iter().collect();
        if thread::panicking() {
            eprintln!("{}: stderr: {complaints:?}", self.twin);
        } else {
            let bad = complaints
                .iter()
                .any(|line| line.contains("panicked") || line.contains("Traceback"));
            assert!(!bad, "{}: expected no complaint, came {complaints:?}", self.twin);
        }
    }
}

/// Hands over lines as they come, so that a test can wait for them with a limit.
fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
    });
    receiver
}

/// Those that can be run here; says so when some cannot.
pub(crate) fn those_here(twins: &[Twin]) -> Vec<Twin> {
    static SAID: Once = Once::new();
    let here: Vec<_> = twins.iter().copied().filter(Twin::is_here).collect();
    if here.len() < twins.len() {
        // Past the harness, which would keep a printed line of a test that succeeds to itself.
        let text = "differential: no python3 here, so Python's twins are skipped\n";
        SAID.call_once(|| drop(stderr().write_all(text.as_bytes())));
    }
    here
}

/// Says all of this at once, and returns all that is answered.
pub(crate) fn answers(address: SocketAddr, said: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream.set_write_timeout(Some(PATIENCE)).expect("a limit");
    let mut heard = Vec::new();
    thread::scope(|scope| {
        // While it is read, lest both sides wait with full buffers.
        scope.spawn(|| (&stream).write_all(said).expect("a server that reads"));
        (&stream).read_to_end(&mut heard).expect("an end");
    });
    heard
}
