#![expect(clippy::missing_docs_in_private_items, reason = "a test's name says it all")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use handloom::calc::{Config, Model, serve};
use handloom::os::process::{self, Child, Exit, Fork};
use handloom::os::signal::{self, Signal};
use handloom::os::{PollFd, poll};

const PATIENCE: Duration = Duration::from_secs(10);
const WORKERS: usize = 3;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("as_many_clients_as_workers_are_served_at_once", served_at_once),
    ("a_stop_answers_what_was_received_and_leaves_no_worker", stop_is_graceful),
    ("ctrl_c_for_the_whole_group_is_graceful_too", group_interrupt_is_graceful),
    ("a_dead_worker_is_replaced", dead_worker_is_replaced),
    ("no_worker_outlives_a_server_that_was_killed", none_outlives),
];

struct Server {
    addr: SocketAddr,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let addr = listener.local_addr().expect("address");
        match process::fork().expect("fork") {
            Fork::Child => {
                signal::install(Signal::Interrupt).expect("install");
                signal::install(Signal::Terminate).expect("install");
                let stop = signal::event_fd(Signal::Terminate).expect("event_fd");
                let pause = PATIENCE * 2;
                let config = Config { workers: WORKERS, pause, ..Config::default() };
                let served = serve(Model::Prefork, listener, &config, stop, &mut || Ok(()));
                process::exit_now(i32::from(served.is_err()));
            }
            Fork::Parent(process) => Self { addr, process },
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream
    }

    /// A client that has had a reply, and so has a worker.
    fn connect_served(&self) -> TcpStream {
        let client = self.connect();
        ask(&client, "5 7\n", "12\n");
        client
    }

    /// The numbers of its children, as text.
    fn workers(&self) -> Vec<String> {
        let pid = self.process.pid();
        let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        list.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn wait(&mut self) -> Exit {
        let ready = poll(&mut [PollFd::readable(self.process.as_fd())], Some(PATIENCE));
        assert_eq!(ready.expect("poll"), 1, "the server does not stop");
        self.process.wait().expect("wait")
    }
}

fn ask(mut client: &TcpStream, question: &str, wanted: &str) {
    client.write_all(question.as_bytes()).expect("write");
    let mut reply = vec![0; wanted.len()];
    client.read_exact(&mut reply).expect("read");
    assert_eq!(String::from_utf8_lossy(&reply), wanted);
}

/// Waits until none of these processes is left.
fn wait_until_gone(pids: &[String]) {
    let begun = Instant::now();
    while pids.iter().any(|pid| is_running(pid)) {
        assert!(begun.elapsed() < PATIENCE, "PREFORK-2: of {pids:?} some are left");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An orphan that is not reaped yet is a zombie, which does not run.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn shell(command: &str) {
    let status = std::process::Command::new("sh").args(["-c", command]).status().expect("sh");
    assert!(status.success(), "{command}");
}

fn served_at_once() {
    let server = Server::start();
    let clients: Vec<_> = (0..WORKERS).map(|_| server.connect_served()).collect();
    assert_eq!(server.workers().len(), WORKERS);
    // All workers are taken now; one more client waits until one of these has gone.
    let waiting = server.connect();
    for client in &clients {
        ask(client, "1 2\n", "3\n");
    }
    drop(clients);
    ask(&waiting, "20 22\n", "42\n");
}

fn stop_is_graceful() {
    let mut server = Server::start();
    let mut client = server.connect_served();
    let workers = server.workers();
    client.write_all(b"1 2\n20 22").expect("write");
    process::kill(server.process.pid(), Signal::Terminate).expect("kill");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("read");
    assert_eq!(text, "3\n42\n", "CONVERSATION-2: what was received is answered");
    assert_eq!(server.wait(), Exit::Code(0));
    wait_until_gone(&workers);
}

fn group_interrupt_is_graceful() {
    let mut server = Server::start();
    let mut client = server.connect_served();
    client.write_all(b"20 22").expect("write");
    let mut everybody = server.workers();
    everybody.push(server.process.pid().to_string());
    shell(&format!("kill -INT {}", everybody.join(" ")));
    let mut text = String::new();
    client.read_to_string(&mut text).expect("read");
    assert_eq!(text, "42\n", "SUPERVISOR-5: the worker leaves SIGINT to its parent");
    assert_eq!(server.wait(), Exit::Code(0));
}

fn dead_worker_is_replaced() {
    let server = Server::start();
    let clients: Vec<_> = (0..WORKERS).map(|_| server.connect_served()).collect();
    let waiting = server.connect();
    shell(&format!("kill -KILL {}", server.workers()[0]));
    // No client has gone by itself: only a new worker can serve this one.
    ask(&waiting, "20 22\n", "42\n");
    assert_eq!(server.workers().len(), WORKERS, "SUPERVISOR-4");
    drop(clients);
}

fn none_outlives() {
    let server = Server::start();
    let client = server.connect_served();
    let workers = server.workers();
    // Its drop kills it with SIGKILL.
    drop(server);
    wait_until_gone(&workers);
    drop(client);
}
