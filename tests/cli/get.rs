//! `handloom get` as a process: the body on stdout, the fault on stderr, and every end ends it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::folder::Folder;
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
        for (path, body, told) in [
            ("/hello", "hello", ""),
            ("/moved", "hello", ""),
            ("/missing", "sorry", "handloom get: status: 404 Not Found\n"),
        ] {
            let ended = get(&["--mode", mode, "--output", "-", &server.url(path)]);
            let came = (ended.code, ended.out.as_str(), ended.err.as_str());
            assert_eq!(came, (Some(0), body, told), "GET-1, {mode}, {path}");
        }
    }
}

#[test]
fn the_head_is_shown_and_an_error_is_a_failure_where_that_is_asked_for() {
    let server = server();
    for mode in MODES {
        let ended = get(&["--mode", mode, "--include", &server.url("/moved")]);
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(0), head),
            "GET-1, {mode}: the last head"
        );
        let ended = get(&["--mode", mode, "--fail", "--include", &server.url("/missing")]);
        let (missing, at) = (server.url("/missing"), server.address);
        let told = format!("handloom get: status: 404 Not Found ({missing} at {at})\n");
        let came = (ended.code, ended.out.as_str(), ended.err.as_str());
        assert_eq!(came, (Some(1), "", told.as_str()), "GET-1, {mode}");
        let ended = get(&["--mode", mode, "--fail", &server.url("/hello")]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "hello"), "GET-1, {mode}");
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
        &["http://"],
        &["127.0.0.1"],
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
        // Its own output is full, and is not read.
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

/// A directory for downloads, and what is in it.
struct Downloads {
    folder: Folder,
}

impl Downloads {
    fn new() -> Self {
        Self { folder: Folder::new() }
    }

    /// The path of a file, as text.
    fn name(&self, file: &str) -> String {
        self.folder.file(file).to_str().expect("text").to_owned()
    }

    /// Waits until a part has some bytes.
    fn wait_for_part(&self) {
        let has_bytes = |name: &String| {
            Path::new(name).extension().is_some_and(|extension| extension == "part")
                && fs::metadata(self.name(name)).is_ok_and(|found| found.len() > 0)
        };
        while !self.folder.names().iter().any(has_bytes) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_file_is_there_when_it_is_complete_and_not_before() {
    let (server, downloads) = (server(), Downloads::new());
    let name = downloads.name("page");
    for mode in MODES {
        let ended = get(&["--mode", mode, "--output", &name, &server.url("/large")]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "GET-3, {mode}: {ended:?}");
        let length = fs::metadata(&name).expect("the file").len();
        assert_eq!(length, 20_000_000, "GET-3, {mode}: a file has no limit");
        fs::remove_file(&name).expect("remove");
        let (short, missing) = (server.url("/short"), server.url("/missing"));
        for args in [&["--output", &name, &short][..], &["--fail", "--output", &name, &missing]] {
            let ended = get(&[&["--mode", mode], args].concat());
            assert_eq!(ended.code, Some(1), "GET-3, {mode}: {ended:?}");
            assert_eq!(
                downloads.folder.names(),
                [""; 0],
                "GET-3, {mode}: nothing is left of a failure"
            );
        }
        let program =
            start(command(&["get", "--mode", mode, "--output", &name, &server.url("/slow")]));
        downloads.wait_for_part();
        program.signal("INT");
        assert_eq!(program.end_with_open_stdin().code, Some(130), "GET-3, {mode}");
        assert_eq!(
            downloads.folder.names(),
            [""; 0],
            "GET-3, {mode}: nothing is left after ctrl-c"
        );
        let ended = get(&["--mode", mode, "--output", "/dev/null", &server.url("/hello")]);
        assert_eq!(ended.code, Some(0), "GET-3, {mode}: a device is written as it is: {ended:?}");
    }
}

#[test]
fn a_download_loses_no_other_file_and_none_of_the_old_one() {
    let (server, downloads) = (server(), Downloads::new());
    let hello = server.url("/hello");
    let [old, link, part] = ["old", "link", "old.part"].map(|name| downloads.name(name));
    fs::write(&old, "a longer text").expect("write");
    fs::write(&part, "another file").expect("write");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).expect("a mode");
    symlink("old", &link).expect("a link");
    // A failure leaves the old content.
    let ended = get(&["--output", &link, &server.url("/short")]);
    assert_eq!(ended.code, Some(1), "GET-3: {ended:?}");
    assert_eq!(fs::read_to_string(&old).expect("the file"), "a longer text", "GET-3");
    let ended = get(&["--output", &link, &hello]);
    assert_eq!(ended.code, Some(0), "GET-3: {ended:?}");
    assert_eq!(fs::read_to_string(&old).expect("the file"), "hello", "GET-3: through the link");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink(), "GET-3: it is kept");
    let mode = fs::metadata(&old).expect("the file").permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600, "GET-3: the mode is kept");
    assert_eq!(fs::read_to_string(&part).expect("the file"), "another file", "GET-3");
    // A link to nothing, and the longest name there is.
    let long = "x".repeat(255);
    symlink("new", downloads.name("dangling")).expect("a link");
    for name in ["dangling", &long] {
        let ended = get(&["--output", &downloads.name(name), &hello]);
        assert_eq!(ended.code, Some(0), "GET-3: {ended:?}");
        let text = fs::read_to_string(downloads.name(name)).expect("the file");
        assert_eq!(text, "hello", "GET-3: {name}");
    }
    // A second name of a file stays a name of the same file.
    fs::hard_link(&old, downloads.name("second")).expect("a link");
    fs::write(&old, "a longer text").expect("write");
    assert_eq!(get(&["--output", &old, &hello]).code, Some(0));
    let text = fs::read_to_string(downloads.name("second")).expect("the file");
    assert_eq!(text, "hello", "GET-3: written in place");
    let names = ["dangling", "link", "new", "old", "old.part", "second", &long];
    assert_eq!(downloads.folder.names(), names, "GET-3: and nothing else is left");
}

#[test]
fn a_full_disk_is_told_with_the_name_of_the_file() {
    let server = server();
    for mode in MODES {
        let ended = get(&["--mode", mode, "--output", "/dev/full", &server.url("/hello")]);
        let told = "handloom get: write /dev/full: No space left on device (os error 28)\n";
        assert_eq!((ended.code, ended.err.as_str()), (Some(1), told), "PROGRAM-1, {mode}");
    }
}

#[test]
fn two_downloads_to_one_name_leave_one_of_them_whole() {
    let downloads = Downloads::new();
    let server = Server::start(|got| {
        let letter = got.target().as_bytes()[1];
        vec![
            send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"),
            Act::Send(vec![letter; 3_000_000]),
        ]
    });
    let name = downloads.name("page");
    for _ in 0..5 {
        let both =
            ["/a", "/b"].map(|path| start(command(&["get", "--output", &name, &server.url(path)])));
        for program in both {
            assert_eq!(program.end().code, Some(0), "GET-3");
        }
        let page = fs::read(&name).expect("the file");
        assert_eq!(page.len(), 3_000_000, "GET-3");
        assert!(page.iter().all(|byte| *byte == page[0]), "GET-3: a mixture");
        assert_eq!(downloads.folder.names(), ["page"], "GET-3");
    }
}

#[test]
fn dev_stdout_is_the_stream_itself() {
    let (server, downloads) = (server(), Downloads::new());
    let (hello, program) = (server.url("/hello"), env!("CARGO_BIN_EXE_handloom"));
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-"] {
        let file = downloads.name("file");
        let line = format!(
            "{{ echo before; {program} get --output {name} {hello}; echo after; }} > {file}"
        );
        let status = Command::new("bash").args(["-c", &line]).status().expect("a shell");
        assert!(status.success(), "{name}: {status}");
        let text = fs::read_to_string(file).expect("the file");
        assert_eq!(text, "before\nhelloafter\n", "GET-3: {name}");
    }
    assert!(fs::symlink_metadata("/dev/stdout").expect("a link").is_symlink(), "GET-3");
    let line = format!("{program} get --output /dev/stdout {hello} | cat");
    let piped = Command::new("bash").args(["-c", &line]).output().expect("a shell");
    assert_eq!(piped.stdout, b"hello", "GET-3: a pipe");
}
