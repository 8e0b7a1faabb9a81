//! A server in a process of its own, and what the kernel tells of it.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use handloom::calc::Model;
use handloom::os::wait_readable;

use super::client::Client;
use super::models::WORKERS;
use super::{PATIENCE, wait_until};

/// Where servers listen. Not on 127.0.0.1, where the ports of all clients are that have just gone: while the kernel
/// keeps these, they cannot be listened on, and after some tens of thousands there is none left.
const ADDRESS: &str = "127.0.0.2:0";

/// A server. It is killed on drop, by its number and with its workers; then its stderr is looked at.
pub(crate) struct Server {
    pub(crate) model: Model,
    pub(crate) address: SocketAddr,
    process: Child,
    stderr: ChildStderr,
    /// How many descriptors it and its workers had when it was ready.
    descriptors_at_start: usize,
}

impl Server {
    /// Starts `handloom serve` on a free port, and waits until it listens.
    pub(crate) fn start(model: Model, options: &[&str]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_handloom"));
        Self::start_with(model, options, command)
    }

    /// The same, but with so many descriptors and no more.
    pub(crate) fn start_with_descriptors(
        model: Model,
        descriptors: usize,
        options: &[&str],
    ) -> Self {
        let mut command = Command::new("sh");
        // exec: the shell's number becomes the server's.
        command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\""));
        command.arg(env!("CARGO_BIN_EXE_handloom"));
        Self::start_with(model, options, command)
    }

    fn start_with(model: Model, options: &[&str], mut command: Command) -> Self {
        command.args(["serve", "--model", model.name(), "--addr", ADDRESS]);
        if matches!(model, Model::Pool | Model::Prefork) {
            command.args(["--workers", &WORKERS.to_string()]);
        }
        command.args(options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("spawn");
        let stderr = process.stderr.take().expect("piped");
        let stdout = process.stdout.take().expect("piped");
        let heard = wait_readable(stdout.as_fd(), PATIENCE).expect("poll");
        let mut line = String::new();
        if heard {
            BufReader::new(stdout).read_line(&mut line).expect("stdout");
        }
        let mut server = Self {
            model,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            process,
            stderr,
            descriptors_at_start: 0,
        };
        let address = line.trim_end().strip_prefix("listening on ");
        let Some(address) = address.and_then(|text| text.parse().ok()) else {
            let stderr = server.end_and_read_stderr();
            panic!("{model}: expected \"listening on ADDRESS\", came {line:?}; stderr: {stderr}");
        };
        server.address = address;
        server.wait_until_ready();
        server.descriptors_at_start = server.descriptors();
        server
    }

    /// A first client is answered: whatever the start opens is open now. Then it has gone again.
    fn wait_until_ready(&self) {
        let mut client = self.client("the first");
        client.ask(b"close\n", b"");
        client.expect_end();
        drop(client);
        if self.model == Model::Prefork {
            // A worker that starts late would count as a leak.
            self.wait_for_workers();
        }
        // A thread that still starts, or ends that client, does not sleep; and its descriptors are not to be counted yet.
        let mut asleep = 0;
        wait_until(&|| format!("{}: it has started", self.model), || {
            asleep = if self.is_runnable() { 0 } else { asleep + 1 };
            asleep == 3
        });
    }

    /// Connects a client; `name` is that of its conversation.
    pub(crate) fn client(&self, name: &str) -> Client {
        Client::connect(self.address, &format!("{name}, {}", self.model))
    }

    /// A client that has had an answer, so it is being served.
    pub(crate) fn served_client(&self, name: &str) -> Client {
        let mut client = self.client(name);
        client.ask(b"20 22\n", b"*\n");
        client
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The numbers of its worker processes.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let pid = self.pid();
        let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        list.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Waits until prefork has all its workers.
    pub(crate) fn wait_for_workers(&self) {
        let what = || format!("{WORKERS} workers, came {:?}", self.workers());
        wait_until(&what, || self.workers().len() == WORKERS);
    }

    /// Itself and its workers.
    fn processes(&self) -> Vec<u32> {
        [vec![self.pid()], self.workers()].concat()
    }

    /// How many descriptors it and its workers have open.
    fn descriptors(&self) -> usize {
        let count = |pid| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        self.processes().into_iter().map(count).sum()
    }

    /// Waits until it has as many descriptors as at its start: no connection is left half open.
    pub(crate) fn wait_until_nothing_is_left(&self, after: &str) {
        let wanted = self.descriptors_at_start;
        let what = || {
            let came = self.descriptors();
            format!("{after}, {}: {wanted} descriptors as at the start, came {came}", self.model)
        };
        wait_until(&what, || self.descriptors() <= wanted);
    }

    /// The names of its threads.
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("proc");
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.map(|name| name.trim_end().to_owned()).collect()
    }

    /// The memory that the largest of its processes has at hand, in KiB.
    pub(crate) fn resident_kib(&self) -> usize {
        let of = |pid| status_line(pid, "VmRSS:")?.trim_end_matches("kB").trim().parse().ok();
        self.processes().into_iter().filter_map(of).max().expect("VmRSS")
    }

    /// Waits until for such a span it has nothing to do: all its threads sleep.
    ///
    /// A look at their state tells this also on a machine where a busy thread gets no processor for long. A wake now
    /// and then is allowed for.
    pub(crate) fn wait_until_quiet(&self, span: Duration) {
        const LOOKS: u32 = 50;
        let what = || format!("{}: for {span:?} it has nothing to do", self.model);
        wait_until(&what, || {
            let busy = (0..LOOKS).filter(|_| {
                thread::sleep(span / LOOKS);
                self.is_runnable()
            });
            busy.count() < LOOKS as usize / 4
        });
    }

    /// Whether one of its threads, or of its workers', runs or waits for a processor.
    fn is_runnable(&self) -> bool {
        self.processes().into_iter().any(|pid| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
            let mut stats =
                tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
            stats.any(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('R')))
        })
    }

    /// The processor time it and its workers have used, in the kernel's ticks, which are 10 ms.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let of = |pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Behind the name, which may hold anything, stands field 3; utime and stime are 14 and 15.
            let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
            fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
        };
        self.processes().into_iter().map(of).sum()
    }

    /// Asks it to stop, and waits until it has got the signal: two that come at once count as one.
    pub(crate) fn terminate(&self) {
        /// The bit of SIGTERM, number 15.
        const TERM: u64 = 1 << 14;
        send_signal("TERM", self.pid());
        wait_until(&|| format!("{}: SIGTERM is delivered", self.model), || {
            let pending = status_line(self.pid(), "ShdPnd:");
            // Without a status it has ended, and needs no signal any more.
            let pending = pending.and_then(|mask| u64::from_str_radix(&mask, 16).ok());
            pending.is_none_or(|mask| mask & TERM == 0)
        });
    }

    /// Whether it is there still.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("wait").is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("wait") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{}: the server does not stop", self.model);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn wait_for_success(&mut self, after: &str) {
        let status = self.wait();
        assert!(status.success(), "{}: expected exit 0 after {after}, came {status}", self.model);
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        // It fails when the server has ended already, and then there is nothing to do.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// Kills it, and returns all that it complained of.
    fn end_and_read_stderr(&mut self) -> String {
        self.kill();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        // Its end comes when the last worker has gone, which the kernel sees to.
        while wait_readable(self.stderr.as_fd(), PATIENCE).unwrap_or(false) {
            match self.stderr.read(&mut buffer) {
                Ok(length) if length > 0 => text += &String::from_utf8_lossy(&buffer[..length]),
                _ => return text,
            }
        }
        write!(text, "(not closed: a worker has outlived the server)").expect("String");
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stderr = self.end_and_read_stderr();
        let bad = ["panicked", "worker:", "not closed"].iter().any(|word| stderr.contains(word));
        if thread::panicking() {
            eprintln!("{}: the server's stderr: {stderr:?}", self.model);
        } else {
            assert!(!bad, "{}: expected no complaint on stderr, came {stderr}", self.model);
        }
    }
}

/// What the kernel says under this name of a process's status, if it is there still.
fn status_line(pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

/// Sends a signal to one process.
pub(crate) fn send_signal(signal: &str, pid: u32) {
    let command = format!("kill -{signal} {pid}");
    let status = Command::new("sh").args(["-c", &command]).status().expect("sh");
    assert!(status.success(), "{command}: {status}");
}

/// Whether a process runs. An orphan that is not reaped yet is a zombie, which does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}
