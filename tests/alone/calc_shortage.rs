#![expect(clippy::missing_docs_in_private_items, reason = "a test's name says it all")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use handloom::calc::{Config, Model, serve};
use handloom::os::process::{self, Child, Exit, Fork};
use handloom::os::signal::{self, Signal};
use handloom::os::{PollFd, limits, poll};

const PATIENCE: Duration = Duration::from_secs(20);
const DESCRIPTORS: u64 = 64;
const CLIENTS: usize = 200;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("threads_out_of_descriptors_serve_on_and_take_the_waiting_later", threads_shortage),
    ("pool_out_of_descriptors_serves_on_and_takes_the_waiting_later", pool_shortage),
];

fn threads_shortage() {
    shortage(Model::Threads);
}

fn pool_shortage() {
    shortage(Model::Pool);
}

fn start(model: Model) -> (SocketAddr, Child) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let addr = listener.local_addr().expect("address");
    match process::fork().expect("fork") {
        Fork::Child => {
            signal::install(Signal::Terminate).expect("install");
            let stop = signal::event_fd(Signal::Terminate).expect("event_fd");
            limits::set_open_files(DESCRIPTORS).expect("limit");
            let served = serve(model, listener, &Config::default(), stop, &mut || Ok(()));
            process::exit_now(i32::from(served.is_err()));
        }
        Fork::Parent(child) => (addr, child),
    }
}

fn ask(mut client: &TcpStream) {
    client.set_read_timeout(Some(PATIENCE)).expect("timeout");
    client.write_all(b"5 7\n").expect("write");
    let mut reply = [0; 3];
    client.read_exact(&mut reply).expect("expected a reply, none came");
    assert_eq!(&reply, b"12\n");
}

/// The processor time that a process has used, in the kernel's ticks of 10 ms.
fn ticks(pid: process::Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let after_name = stat.rsplit(") ").next().expect("fields");
    let fields: Vec<&str> = after_name.split(' ').collect();
    // Fields 14 and 15 of the whole line: user and system time.
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

fn shortage(model: Model) {
    let (addr, mut server) = start(model);
    let first = TcpStream::connect(addr).expect("connect");
    ask(&first);
    let crowd: Vec<_> = (1..CLIENTS).map(|_| TcpStream::connect(addr).expect("connect")).collect();
    // Let it run into the shortage, and then watch what it does all the while.
    thread::sleep(Duration::from_millis(100));
    let before = ticks(server.pid());
    thread::sleep(Duration::from_millis(500));
    let used = ticks(server.pid()) - before;
    assert!(used <= 10, "ACCEPT-LIMIT-2: it spins: {used} of 50 ticks used");
    // Those who are in are served on.
    ask(&first);
    drop(first);
    // Each that goes makes room for one that waits.
    for client in crowd {
        ask(&client);
    }
    process::kill(server.pid(), Signal::Terminate).expect("kill");
    let ready = poll(&mut [PollFd::readable(server.as_fd())], Some(PATIENCE)).expect("poll");
    assert_eq!(ready, 1, "the server does not stop");
    assert_eq!(server.wait().expect("wait"), Exit::Code(0));
}
