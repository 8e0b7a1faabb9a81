//! `handloom get` as a process: the body on stdout, the fault on stderr, and every end ends it.

use std::fs;
use std::process::{Command, Stdio};

use crate::program::{Ended, command, start};
use crate::web_upstream::{Act, Server, closed_address, send};

/// The modes of the program.
const MODES: [&str; 2] = ["blocking", "async"];

/// Runs it to its end.
fn get(args: &[&str]) -> Ended {
    start(command(&[&["get"], args].concat())).end()
}

/// A server of a few pages.
fn server() -> Server {
    Server::start(|got| match got.target() {
        "/hello" => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
        "/moved" => {
            vec![send("HTTP/1.1 302 Go\r\nLocation: /hello\r\nContent-Length: 4\r\n\r\nmove")]
        }
        "/missing" => vec![send("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nsorry")],
        "/short" => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), Act::Close],
        "/large" => vec![
            send("HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n"),
            Act::Send(vec![b'x'; 20_000_000]),
        ],
        "/endless" => vec![send("HTTP/1.1 200 OK\r\n\r\nline\n"), Act::Forever(vec![b'y'; 1000])],
        _ => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello\n"), Act::Stall],
    })
}

#[test]
fn any_complete_response_is_a_success_and_its_body_all_there_is_on_stdout() {
    let server = server();
    for mode in MODES {
        for (path, body) in [("/hello", "hello"), ("/moved", "hello"), ("/missing", "sorry")] {
            let ended = get(&["--mode", mode, &server.url(path)]);
            let came = (ended.code, ended.out.as_str(), ended.err.as_str());
            assert_eq!(came, (Some(0), body, ""), "GET-1, {mode}, {path}");
        }
    }
}

#[test]
fn a_failure_names_phase_and_address_on_stderr() {
    let server = server();
    let closed = closed_address();
    let (short, slow, moved) = (server.url("/short"), server.url("/slow"), server.url("/moved"));
    let at = server.address;
    for mode in MODES {
        let tries: &[(&[&str], String)] = &[
            (&["http://"], "url: no host, or one with a character that no host may have (http://)".into()),
            (
                &["https://127.0.0.1/"],
                "scheme: https is not spoken here: it needs TLS, which this laboratory does not have; try http (https://127.0.0.1/)"
                    .into(),
            ),
            (
                &[&format!("http://{closed}/")],
                format!("connect: connection refused (http://{closed}/ at {closed})"),
            ),
            (&[&short], format!("eof: body: the connection ended too soon ({short} at {at})")),
            (
                &["--timeout", "0.3", &slow],
                format!("timeout: body: not done within 300ms ({slow} at {at})"),
            ),
            (&["--max-bytes=4", &moved], format!("body: larger than the limit of 4 bytes ({} at {at})", server.url("/hello"))),
            (&["--max-redirects", "0", &moved], format!("redirects: more than 0 redirects ({moved} at {at})")),
        ];
        for (args, expected) in tries {
            let ended = get(&[&["--mode", mode], *args].concat());
            assert_eq!(ended.code, Some(1), "EXIT-1, {mode}, {args:?}: {ended:?}");
            assert_eq!(
                ended.err,
                format!("handloom get: {expected}\n"),
                "FAULT-1, {mode}, {args:?}"
            );
        }
    }
}

#[test]
fn a_wrong_command_line_is_told_so() {
    for args in [
        &[][..],
        &["--mode", "threads", "http://127.0.0.1/"],
        &["--timeout", "0", "http://127.0.0.1/"],
        &["--max-bytes", "x", "http://127.0.0.1/"],
        &["http://127.0.0.1/", "http://127.0.0.1/"],
    ] {
        assert_eq!(get(args).code, Some(2), "EXIT-1: {args:?}");
    }
}

#[test]
fn a_closed_stdout_ends_it_quietly() {
    let server = server();
    for mode in MODES {
        let line = format!(
            "{} get --mode {mode} {} | head -1; exit ${{PIPESTATUS[0]}}",
            env!("CARGO_BIN_EXE_handloom"),
            server.url("/endless")
        );
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &line])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let ended = start(shell).end();
        let came = (ended.code, ended.out.as_str(), ended.err.as_str());
        assert_eq!(came, (Some(0), "line\n", ""), "EXIT-2, {mode}");
    }
}

#[test]
fn ctrl_c_ends_it_at_once_whatever_it_waits_for() {
    let server = server();
    for (number, mode) in MODES.into_iter().enumerate() {
        let mut program = start(command(&["get", "--mode", mode, &server.url("/slow")]));
        assert_eq!(program.line(), "hello", "GET-1: what has come is written at once");
        program.signal("INT");
        let ended = program.end_with_open_stdin();
        let came = (ended.code, ended.out.as_str(), ended.err.as_str());
        assert_eq!(came, (Some(130), "", ""), "GET-2, {mode}");
        // Its own output is full, and nobody reads it.
        let mut line =
            command(&["get", "--mode", mode, "--max-bytes", "1000000000", &server.url("/endless")]);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        line.stdout(writer);
        let program = start(line);
        let asked = || server.got().iter().filter(|got| got.target() == "/endless").count();
        while asked() <= number {
            std::thread::yield_now();
        }
        program.signal("INT");
        assert_eq!(program.end_with_open_stdin().code, Some(130), "GET-2, {mode}, a full pipe");
        drop(reader);
    }
}

#[test]
fn a_file_is_there_when_it_is_complete_and_not_before() {
    let server = server();
    let directory = std::env::temp_dir().join(format!("handloom-get-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let (file, part) = (directory.join("page"), directory.join("page.part"));
    let name = file.to_str().expect("a name");
    for mode in MODES {
        let ended = get(&["--mode", mode, "--output", name, &server.url("/large")]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "GET-3, {mode}: {ended:?}");
        let length = fs::metadata(&file).expect("the file").len();
        assert_eq!(length, 20_000_000, "GET-3, {mode}: a file has no limit");
        fs::remove_file(&file).expect("remove");
        let ended = get(&["--mode", mode, "--output", name, &server.url("/short")]);
        assert_eq!(ended.code, Some(1), "GET-3, {mode}: {ended:?}");
        assert!(!file.exists() && !part.exists(), "GET-3, {mode}: nothing is left of a failure");
        let program =
            start(command(&["get", "--mode", mode, "--output", name, &server.url("/slow")]));
        while fs::metadata(&part).map_or(0, |part| part.len()) == 0 {
            std::thread::yield_now();
        }
        program.signal("INT");
        assert_eq!(program.end_with_open_stdin().code, Some(130), "GET-3, {mode}");
        assert!(!file.exists() && !part.exists(), "GET-3, {mode}: nothing is left after ctrl-c");
        let ended = get(&["--mode", mode, "--output", "/dev/null", &server.url("/hello")]);
        assert_eq!(ended.code, Some(0), "GET-3, {mode}: a device is written as it is: {ended:?}");
    }
    fs::remove_dir_all(&directory).expect("remove");
}
