//! `handloom site` as a process: ready when it says so, graceful when it is told to stop, alive without descriptors.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::http_client::Client;
use crate::program::{Program, command, start};

/// Starts the site on a free port.
fn site(options: &[&str]) -> (Program, SocketAddr) {
    started(command(&[&["site", "--addr", "127.0.0.1:0"], options].concat()))
}

fn started(command: Command) -> (Program, SocketAddr) {
    let mut site = start(command);
    let line = site.line();
    let address =
        line.strip_prefix("listening on http://").and_then(|address| address.parse().ok());
    let address =
        address.unwrap_or_else(|| panic!("expected `listening on http://ADDRESS`, came {line:?}"));
    (site, address)
}

/// It ends with this code, and without a word.
fn ends(site: Program, code: i32) {
    let ended = site.end_with_open_stdin();
    assert_eq!(ended.code, Some(code), "LISTENING-2: {ended:?}");
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{ended:?}");
}

#[test]
fn sigterm_finishes_the_slow_requests_in_flight() {
    for signal in ["TERM", "INT"] {
        let (site, address) = site(&[]);
        let mut clients: Vec<_> = (0..10).map(|_| Client::connect(address)).collect();
        for client in &mut clients {
            client.send("GET /slow?ms=400 HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        let mut idle = Client::connect(address);
        assert_eq!(idle.get("/hello").text(), "hello\n");
        site.signal(signal);
        assert_eq!(idle.rest(), b"", "CONN-6: the idle are closed");
        for client in &mut clients {
            let answer = client.answer();
            assert_eq!((answer.status, answer.text().as_str()), (200, "400 ms\n"), "CONN-6");
            assert!(!answer.keep_alive, "CONN-6: the last answer says `close`");
        }
        drop(clients);
        ends(site, 0);
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_130() {
    let (site, address) = site(&["--grace", "600"]);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/hello").status, 200);
    client.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    // The pipelined request behind it cannot be answered, but its arrival cannot be seen either: so ask beside it.
    assert_eq!(Client::connect(address).get("/hello").status, 200);
    site.signal("TERM");
    site.signal("INT");
    ends(site, 130);
}

#[test]
fn the_grace_has_an_end() {
    let (site, address) = site(&["--grace=0.1"]);
    let mut client = Client::connect(address);
    client.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(Client::connect(address).get("/hello").status, 200);
    site.signal("TERM");
    ends(site, 0);
    assert_eq!(client.rest(), b"");
}

#[test]
fn its_options_reach_the_server() {
    let (site, address) = site(&["--max-body=10", "--idle-timeout=0.05", "--head-timeout=0.05"]);
    let mut client = Client::connect(address);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
    assert_eq!(client.answer().status, 413, "--max-body");
    assert_eq!(Client::connect(address).rest(), b"", "--head-timeout, before the first byte");
    let mut client = Client::connect(address);
    assert_eq!(client.get("/hello").status, 200);
    assert_eq!(client.rest(), b"", "--idle-timeout");
    site.signal("TERM");
    ends(site, 0);
}

#[test]
fn its_access_log_has_a_line_for_each_answer() {
    let folder = crate::folder::Folder::new();
    let log = folder.file("log");
    let (site, address) = site(&["--access-log", log.to_str().expect("text")]);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/hello").status, 200);
    assert_eq!(client.get("/q?q=\"a\"").status, 200);
    // Longer than a write that a pipe takes whole.
    assert_eq!(client.get(&format!("/{}", "x".repeat(6_000))).status, 404);
    site.signal("TERM");
    ends(site, 0);
    let log = fs::read_to_string(log).expect("the log");
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 3, "ACCESS-1: {log}");
    assert!(lines[0].contains(" \"GET /hello HTTP/1.1\" 200 "), "ACCESS-1: {log}");
    assert!(lines[1].contains(" \"GET /q?q=%22a%22 HTTP/1.1\" 200 "), "ANSWERED-2: {log}");
    assert_eq!(lines[2].len(), 4095, "ACCESS-1: cut, with its line feed: {log}");
}

#[test]
fn an_access_log_on_a_full_disk_stops_no_answer() {
    let (site, address) = site(&["--access-log", "/dev/full"]);
    let mut client = Client::connect(address);
    for _ in 0..3 {
        assert_eq!(client.get("/hello").status, 200);
    }
    site.signal("TERM");
    ends(site, 0);
}

#[test]
fn an_address_in_use_is_named() {
    let (_site, address) = site(&[]);
    let ended = start(command(&["site", "--addr", &address.to_string()])).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains(&format!("listen on {address}: ")), "PROGRAM-1: {ended:?}");
}

/// The processor time that a process has used, in the kernel's ticks of 10 ms.
fn ticks(pid: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let after_name = stat.rsplit(") ").next().expect("fields");
    let fields: Vec<&str> = after_name.split(' ').collect();
    // Fields 14 and 15 of the whole line: user and system time.
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn out_of_descriptors_it_serves_on_and_takes_the_waiting_later() {
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_handloom");
    // The shell becomes the program, and tells its number first.
    let line = format!(
        "ulimit -n 40; echo $$; exec {program} site --addr 127.0.0.1:0 --idle-timeout 600 --head-timeout 600"
    );
    shell.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut site = start(shell);
    let pid = site.line();
    let address = site.line();
    let address: SocketAddr = address
        .strip_prefix("listening on http://")
        .expect("an address")
        .parse()
        .expect("an address");
    let mut first = Client::connect(address);
    assert_eq!(first.get("/hello").status, 200);
    let crowd: Vec<_> = (0..200).map(|_| Client::connect(address)).collect();
    // Let it run into the shortage, and then watch what it does all the while.
    thread::sleep(Duration::from_millis(100));
    let before = ticks(&pid);
    thread::sleep(Duration::from_millis(500));
    let used = ticks(&pid) - before;
    assert!(used <= 10, "ACCEPT-2: it spins: {used} of 50 ticks used");
    assert_eq!(first.get("/hello").status, 200, "ACCEPT-2: those who are in are served on");
    // Each that goes makes room for one that waits.
    let began = Instant::now();
    for mut client in crowd {
        assert_eq!(client.get("/hello").status, 200, "ACCEPT-2: one of the crowd was lost");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    site.signal("TERM");
    let ended = site.end_with_open_stdin();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("accept: "), "the shortage is reported: {ended:?}");
}
