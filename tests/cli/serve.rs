//! `handloom serve` as a process: ready when it says so, graceful when it is told to stop.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{PATIENCE, Program, command, start};
use handloom::calc::Model;
use handloom::os::wait_readable;

/// Starts a server on a free port with further options; returns it and its address.
fn serve(options: &[&str]) -> (Program, SocketAddr) {
    let mut server = start(command(&[&["serve", "--addr", "127.0.0.1:0"], options].concat()));
    let line = server.line();
    let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
    let address: SocketAddr =
        address.unwrap_or_else(|| panic!("expected `listening on ADDRESS`, came {line:?}"));
    assert_ne!(address.port(), 0, "expected the real port, came {line:?}");
    (server, address)
}

/// The options of a small server: two workers, where a model has workers.
fn of_model<'a>(model: &'a str, others: &[&'a str]) -> Vec<&'a str> {
    let workers = matches!(model, "pool" | "prefork").then_some("--workers=2");
    ["--model", model].into_iter().chain(workers).chain(others.iter().copied()).collect()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connect to a server that said it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    stream
}

fn ask(stream: &TcpStream, message: &str) -> String {
    let mut writer = stream;
    writer.write_all(message.as_bytes()).expect("write");
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).expect("read");
    reply
}

/// The server ends with 0 and without a word.
fn ends_well(server: Program, what: &str) {
    let ended = server.end_with_open_stdin();
    assert_eq!(ended.code, Some(0), "SERVE-2: {what} stops it gracefully: {ended:?}");
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{what}: {ended:?}");
}

#[test]
fn every_model_answers_and_stops_at_sigterm() {
    for model in Model::ALL {
        let (server, address) = serve(&of_model(model.name(), &[]));
        let client = connect(address);
        assert_eq!(ask(&client, "5 7\n"), "12\n", "{model}");
        server.signal("TERM");
        ends_well(server, model.name());
    }
}

#[test]
fn sigint_stops_it_too() {
    for model in ["async", "threads", "prefork"] {
        let (server, address) = serve(&of_model(model, &[]));
        assert_eq!(ask(&connect(address), "0.1 0.2\n"), "0.3\n", "{model}");
        server.signal("INT");
        ends_well(server, model);
    }
}

#[test]
fn without_a_client_it_stops_as_well() {
    let (server, _) = serve(&[]);
    server.signal("TERM");
    ends_well(server, "a stop before the first client");
}

#[test]
fn its_options_reach_the_server() {
    let (server, address) = serve(&["--op=product", "--max-message", "8", "--pause-ms", "1"]);
    let client = connect(address);
    assert_eq!(ask(&client, "5 7\n"), "35\n", "--op product");
    assert_eq!(ask(&client, "5 8"), "40\n", "--pause-ms 1 completes a message without newline");
    let reply = ask(&connect(address), "1234 56789\n");
    assert!(reply.starts_with("error: "), "--max-message 8 refuses ten bytes, came {reply:?}");
    server.signal("TERM");
    ends_well(server, "SIGTERM");
}

#[test]
fn the_idle_timeout_closes_a_silent_connection() {
    let (server, address) = serve(&["--idle-timeout", "0.05"]);
    let mut rest = String::new();
    let end = BufReader::new(connect(address)).read_line(&mut rest).expect("read");
    assert_eq!(end, 0, "expected the end of the stream, came {rest:?}");
    server.signal("TERM");
    ends_well(server, "SIGTERM");
}

/// Keeps a server from ending: a client that sends and never reads, until the server takes no more.
///
/// The replies are long, so that those to what the server has in hand do not fit into the kernel's buffers.
fn clog(address: SocketAddr) -> TcpStream {
    let client = connect(address);
    client.set_write_timeout(Some(Duration::from_millis(300))).expect("timeout");
    let lines = "1e5000 1\n".repeat(8 * 1024);
    let error = loop {
        if let Err(error) = (&client).write_all(lines.as_bytes()) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "expected a server that does not read on");
    client
}

#[test]
fn a_second_signal_ends_it_at_once_with_130() {
    for model in Model::ALL.map(Model::name) {
        let (server, address) = serve(&of_model(model, &["--grace=600"]));
        let _never_reads = clog(address);
        // Two different ones, since two of a kind may become one before they are delivered.
        server.signal("TERM");
        server.signal("INT");
        let ended = server.end_with_open_stdin();
        assert_eq!(ended.code, Some(130), "SERVE-2: {model}: {ended:?}");
    }
}

#[test]
fn the_grace_has_an_end() {
    for model in Model::ALL.map(Model::name) {
        let (server, address) = serve(&of_model(model, &["--grace=0.1"]));
        let _never_reads = clog(address);
        server.signal("TERM");
        ends_well(server, model);
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = taken.local_addr().expect("address").to_string();
    let ended = start(command(&["serve", "--addr", &address])).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: it ran and failed: {ended:?}");
    assert!(ended.err.contains(&format!("listen on {address}: ")), "PROGRAM-1: {ended:?}");
    assert_eq!(ended.out, "", "SERVE-1: it never listened: {ended:?}");
}

#[test]
fn a_client_without_memory_for_its_thread_waits_and_the_server_lives() {
    let serve = format!(
        "ulimit -v 524288; exec {} serve --addr 127.0.0.1:0 --model threads",
        env!("CARGO_BIN_EXE_handloom")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &serve]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = start(shell);
    let line = server.line();
    let address = line.trim_start_matches("listening on ").parse().expect("an address");
    let clients: Vec<_> = (0..300).map(|_| connect(address)).collect();
    // While all are connected: an arena of memory for each of the first threads would leave seven clients.
    for client in &clients[..100] {
        assert_eq!(ask(client, "5 7\n"), "12\n", "THREADS-2: a hundred have their threads");
    }
    // Each client that leaves makes a thread and its memory free for one that waits.
    for client in clients {
        assert_eq!(ask(&client, "5 7\n"), "12\n", "THREADS-2: no client is reset");
    }
    server.signal("TERM");
    assert_eq!(server.end_with_open_stdin().code, Some(0), "THREADS-2: the server lives");
}

#[test]
fn an_option_that_changes_nothing_in_a_model_is_refused() {
    for (model, option) in [
        ("async", "--workers=2"),
        ("threads", "--workers=2"),
        ("sequential", "--max-connections=2"),
        ("prefork", "--max-connections=2"),
    ] {
        let ended = start(command(&["serve", "--model", model, option])).end();
        assert_eq!(ended.code, Some(2), "EXIT-1: {model} {option}: {ended:?}");
        let name = option.split('=').next().expect("a name");
        assert!(ended.err.contains(&format!("{name}: only for ")), "PROGRAM-1: {ended:?}");
        assert!(ended.err.contains(&format!("not for {model}")), "PROGRAM-1: {ended:?}");
    }
}

#[test]
fn a_host_name_is_looked_up() {
    let mut server = start(command(&["serve", "--addr=localhost:0"]));
    let line = server.line();
    assert!(line.starts_with("listening on "), "came {line:?}");
    server.signal("TERM");
    ends_well(server, "SIGTERM");
}

#[test]
fn a_stop_closes_no_stdin_and_needs_none() {
    let (mut server, address) = serve(&[]);
    drop(server.stdin.take());
    assert_eq!(ask(&connect(address), "5 7\n"), "12\n", "a server does not read its stdin");
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0), "SERVE-2");
}

#[test]
fn a_server_without_the_descriptors_it_needs_does_not_say_that_it_listens() {
    for model in Model::ALL {
        for descriptors in 4..=10 {
            let server = format!(
                "ulimit -n {descriptors}; exec {} serve --addr 127.0.0.1:0 {}",
                env!("CARGO_BIN_EXE_handloom"),
                of_model(model.name(), &[]).join(" ")
            );
            let mut shell = Command::new("sh");
            shell.args(["-c", &server]).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut server = shell.spawn().expect("sh");
            let stdout = server.stdout.take().expect("piped");
            let heard = wait_readable(stdout.as_fd(), PATIENCE).expect("poll");
            assert!(heard, "{model}, {descriptors}: expected a line or the end");
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).expect("stdout");
            if !line.is_empty() {
                let kill = ["-c", &format!("kill -TERM {}", server.id())];
                // It fails when the server has ended, which its exit code tells.
                Command::new("sh").args(kill).stderr(Stdio::null()).status().expect("sh");
            }
            let (code, wanted) = (server.wait().expect("wait").code(), i32::from(line.is_empty()));
            assert_eq!(code, Some(wanted), "SERVE-1: {model}, {descriptors}, said {line:?}");
        }
    }
}

#[test]
fn verbose_says_what_serves_each_client() {
    for model in Model::ALL {
        let (server, address) = serve(&of_model(model.name(), &["--verbose"]));
        let client = connect(address);
        assert_eq!(ask(&client, "5 7\n"), "12\n", "{model}");
        let peer = client.local_addr().expect("an address");
        drop(client);
        server.signal("TERM");
        let told = server.end_with_open_stdin().err;
        let line = told.lines().find(|line| line.contains(&format!(" {peer}: served by ")));
        let line = line.expect(&told);
        let wanted = match model {
            Model::Threads => "on thread client 1 of process",
            Model::Async => "a task of its own, on thread main of process",
            Model::Pool => "calls that block, on thread ",
            _ => "on thread main of process ",
        };
        assert!(line.contains(wanted), "{model}: expected {wanted}, came {line}");
    }
}

#[test]
fn a_reader_of_its_stderr_that_stands_still_stops_no_client() {
    let mut command = command(&["serve", "--addr", "127.0.0.1:0", "--verbose"]);
    // Nothing reads it, and it has room for 64 KiB.
    let (_reader, writer) = io::pipe().expect("a pipe");
    command.stderr(writer);
    let mut server = start(command);
    let address = server.line().trim_start_matches("listening on ").parse().expect("an address");
    for _ in 0..1_000 {
        assert_eq!(ask(&connect(address), "5 7\n"), "12\n");
    }
    server.signal("TERM");
    assert_eq!(server.end_with_open_stdin().code, Some(0), "SERVE-2");
}
