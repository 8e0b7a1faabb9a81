//! `handloom client` as a process: every reply arrives, and every end ends it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{self, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{PATIENCE, Program, command, start};

/// Starts a server; returns it and its address.
fn serve() -> (Program, String) {
    let mut server = start(command(&["serve", "--addr", "127.0.0.1:0"]));
    let line = server.line();
    (server, line.trim_start_matches("listening on ").to_owned())
}

/// Starts a client whose server is the test; returns it and the server's side.
fn with_own_server() -> (Program, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = start(command(&["client", &listener.local_addr().expect("address").to_string()]));
    let (stream, _) = listener.accept().expect("accept");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    (client, stream)
}

fn type_in(client: &mut Program, text: &str) {
    let stdin = client.stdin.as_mut().expect("stdin is open");
    stdin.write_all(text.as_bytes()).expect("write to the client");
}

fn read_exactly(mut stream: &TcpStream, expected: &str, what: &str) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).expect("read from the client");
    assert_eq!(String::from_utf8_lossy(&bytes), expected, "{what}");
}

#[test]
fn it_converses_and_ends_with_its_stdin() {
    let (_server, address) = serve();
    let mut client = start(command(&["client", &address]));
    for (message, reply) in [("5 7\n", "12"), ("0.1 0.2\n", "0.3"), ("-1,1\n", "0")] {
        type_in(&mut client, message);
        assert_eq!(client.line(), reply, "the reply to {message:?} comes before the next message");
    }
    let ended = client.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "CLIENT-2: {ended:?}");
}

#[test]
fn a_last_line_without_newline_is_answered() {
    let (_server, address) = serve();
    let mut client = start(command(&["client", &address]));
    type_in(&mut client, "5 7\n8 8");
    let ended = client.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "12\n16\n"), "CLIENT-2: {ended:?}");
}

#[test]
fn an_empty_stdin_gives_an_empty_stdout() {
    let (_server, address) = serve();
    let mut command = command(&["client", &address]);
    command.stdin(Stdio::null());
    let ended = start(command).end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
}

#[test]
fn a_file_of_many_lines_is_answered_line_by_line() {
    const LINES: u32 = 50_000;
    let (_server, address) = serve();
    let (mut questions, mut answers) = (String::new(), String::new());
    for number in 0..LINES {
        writeln!(questions, "{number} 1").expect("write to a string");
        writeln!(answers, "{}", number + 1).expect("write to a string");
    }
    let path = std::env::temp_dir().join(format!("handloom-client-{}", process::id()));
    fs::write(&path, questions).expect("write the file");
    let mut command = command(&["client", &address]);
    command.stdin(File::open(&path).expect("open the file"));
    let ended = start(command).end();
    fs::remove_file(&path).expect("remove the file");
    assert_eq!(ended.code, Some(0), "a file is read although epoll refuses it: {}", ended.err);
    assert!(ended.out == answers, "CLIENT-2: some of {LINES} replies are missing or wrong");
}

#[test]
fn close_ends_it_although_stdin_goes_on() {
    let (_server, address) = serve();
    let mut client = start(command(&["client", &address]));
    type_in(&mut client, "5 7\nclose\n");
    assert_eq!(client.line(), "12");
    let ended = client.end_with_open_stdin();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "CLIENT-3: {ended:?}");
}

#[test]
fn the_servers_end_is_the_clients_end() {
    let (client, stream) = with_own_server();
    drop(stream);
    let ended = client.end_with_open_stdin();
    assert_eq!(ended.code, Some(0), "CLIENT-3: {ended:?}");
}

#[test]
fn a_server_that_closes_before_all_replies_is_a_failure_with_their_number() {
    for (sent, replies, missing) in [
        ("1 1\n2 2\n3 3\n", "2\n", "2 of 3 replies are missing"),
        ("1 1\n2 2", "", "2 of 2 replies are missing"),
    ] {
        let (mut client, mut stream) = with_own_server();
        type_in(&mut client, sent);
        drop(client.stdin.take());
        stream.read_to_string(&mut String::new()).expect("the client closes its sending side");
        stream.write_all(replies.as_bytes()).expect("write");
        drop(stream);
        let ended = client.end();
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), replies), "CLIENT-3: {ended:?}");
        assert!(ended.err.contains(missing), "CLIENT-3: expected {missing:?}, came {ended:?}");
    }
}

#[test]
fn lines_after_a_close_have_no_reply_and_that_is_right() {
    let (_server, address) = serve();
    let mut client = start(command(&["client", &address]));
    type_in(&mut client, "5 7\nclose\n1 1\n2 2\n");
    let ended = client.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "12\n"), "CLIENT-3: {ended:?}");
}

#[test]
fn half_a_line_is_held_back_until_it_is_whole() {
    let (mut client, stream) = with_own_server();
    type_in(&mut client, "1 1\n5 ");
    read_exactly(&stream, "1 1\n", "CLIENT-1: a whole line goes at once");
    stream.set_nonblocking(true).expect("nonblocking");
    assert!((&stream).read(&mut [0; 8]).is_err(), "CLIENT-1: half a line was sent");
    stream.set_nonblocking(false).expect("blocking");
    type_in(&mut client, "7\n");
    read_exactly(&stream, "5 7\n", "CLIENT-1: the line is whole now");
}

#[test]
fn a_line_without_end_goes_in_pieces() {
    let (mut client, mut stream) = with_own_server();
    let receiving = thread::spawn(move || {
        let mut piece = vec![0; 64 * 1024];
        stream.read_exact(&mut piece).map(|()| stream)
    });
    type_in(&mut client, &"1".repeat(256 * 1024));
    let received = receiving.join().expect("join");
    assert!(received.is_ok(), "CLIENT-1: memory is bounded, so what is too long is sent");
}

#[test]
fn after_its_stdin_it_waits_for_late_replies() {
    let (mut client, mut stream) = with_own_server();
    type_in(&mut client, "5 7\n");
    drop(client.stdin.take());
    let mut sent = String::new();
    stream.read_to_string(&mut sent).expect("the client closes its sending side");
    assert_eq!(sent, "5 7\n", "CLIENT-2");
    for piece in ["1", "2\n", "unasked"] {
        stream.write_all(piece.as_bytes()).expect("write");
    }
    drop(stream);
    let ended = client.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "12\nunasked"), "CLIENT-2: {ended:?}");
}

#[test]
fn a_refused_connection_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address").to_string();
    drop(listener);
    let ended = start(command(&["client", &address])).end_with_open_stdin();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    let expected = format!("handloom client: connect {address}: Connection refused");
    assert!(ended.err.starts_with(&expected), "PROGRAM-1: {ended:?}");
}

#[test]
fn ctrl_c_ends_it_with_130() {
    let (_server, address) = serve();
    let mut client = start(command(&["client", &address]));
    type_in(&mut client, "5 7\n");
    assert_eq!(client.line(), "12", "it is in the middle of a conversation");
    client.signal("INT");
    let ended = client.end_with_open_stdin();
    assert_eq!((ended.code, ended.err.as_str()), (Some(130), ""), "EXIT-1: {ended:?}");
}

#[test]
fn a_closed_stdout_ends_it_quietly() {
    let (_server, address) = serve();
    let (reader, writer) = std::io::pipe().expect("pipe");
    let mut command = command(&["client", &address]);
    command.stdout(writer);
    let mut client = start(command);
    type_in(&mut client, "5 7\n");
    let mut line = String::new();
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut line).expect("read");
    assert_eq!(line, "12\n");
    drop(reader);
    // A process that another test is just starting may hold the reading end for a moment longer.
    let begun = Instant::now();
    while !client.has_ended() && begun.elapsed() < PATIENCE {
        // It may end before it reads this.
        drop(client.stdin.as_mut().expect("stdin is open").write_all(b"5 7\n"));
        thread::sleep(Duration::from_millis(5));
    }
    let ended = client.end_with_open_stdin();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "EXIT-2: {ended:?}");
}

#[test]
fn a_stdin_that_cannot_be_read_is_a_failure() {
    let (_server, address) = serve();
    let mut command = command(&["client", &address]);
    command.stdin(File::open("/").expect("open a directory"));
    let ended = start(command).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains("read stdin: "), "PROGRAM-1: {ended:?}");
}
