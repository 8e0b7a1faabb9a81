//! What a program inherits from its parent or meets on its machine: signals that are ignored or blocked, process 1,
//! limits, streams that do not block, disks without room.
//!
//! Some of it can only be made with unshare(1), script(1) or env(1). Where one of them is missing or not allowed, a line
//! on stderr says that the test was skipped.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use handloom::os::socket::listen_with_backlog;

use crate::folder::Folder;
use crate::program::{Program, command, start};
use crate::web_upstream::{Act, Server, send};

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_handloom");

/// Subcommands that go on until they are told to end, and what ends each of them.
const ENDLESS: [(&str, i32); 14] = [
    ("serve --addr 127.0.0.1:0", 0),
    ("serve --addr 127.0.0.1:0 --model prefork --workers 2", 0),
    ("site --addr 127.0.0.1:0", 0),
    ("gateway --addr 127.0.0.1:0", 0),
    ("watch /nonexistent-file", 130),
    ("watch --mode async /nonexistent-file", 130),
    ("compare --models async -n 1000000000 -c 2", 130),
    ("factorial --time 60", 130),
    ("get SLOW", 130),
    ("fetch --log-dir FOLDER SLOW", 130),
    ("lab gil", 130),
    ("timeline --requests 1 --wait-ms 60000 --factorials 0", 130),
    ("factorial 20000000 --decimal", 130),
    ("client IDLE", 130),
];

/// Whether a command can be run here; says on stderr when it cannot.
fn works(words: &[&str]) -> bool {
    let ended = Command::new(words[0]).args(&words[1..]).arg("true").output();
    let succeeds = ended.is_ok_and(|ended| ended.status.success());
    if !succeeds {
        drop(writeln!(io::stderr(), "surroundings: {words:?} does not work here: skipped"));
    }
    succeeds
}

/// A command line that another command starts, with a slow page for its `SLOW`.
fn through(words: &[&str], line: &str, slow: &Server, folder: &Folder) -> Program {
    let line = line
        .replace("SLOW", &slow.url("/"))
        .replace("IDLE", slow.url("").trim_start_matches("http://").trim_end_matches('/'))
        .replace("FOLDER", folder.file("logs").to_str().expect("text"));
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(PROGRAM).args(line.split(' '));
    command.current_dir(folder.file("")).stdin(Stdio::piped());
    start_piped(command)
}

/// Starts a command with pipes for its output.
fn start_piped(mut command: Command) -> Program {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start(command)
}

/// A shell with these lines, in which `$H` is the program, perhaps started by another command.
fn shell(words: &[&str], lines: &str) -> Program {
    let all = [words, &["sh", "-c", lines]].concat();
    let mut command = Command::new(all[0]);
    command.args(&all[1..]).env("H", PROGRAM).stdin(Stdio::null());
    start_piped(command)
}

/// A server whose pages never end.
fn stalled() -> Server {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello\n";
    Server::start(move |_| vec![send(head), Act::Stall])
}

/// unshare(1) with these options, alone or in a user namespace of its own; none where neither is allowed.
fn unshare(options: &'static [&'static str]) -> Option<Vec<&'static str>> {
    let plain = [&["unshare"], options].concat();
    let own_user = [&["unshare", "-r"], options].concat();
    [plain, own_user].into_iter().find(|words| works(words))
}

#[test]
fn signals_that_were_blocked_or_ignored_end_every_subcommand_all_the_same() {
    for option in ["--block-signal=INT,TERM,CHLD", "--ignore-signal=INT,TERM"] {
        let words = ["env", option];
        if !works(&words) {
            return;
        }
        let (slow, folder) = (stalled(), Folder::new());
        let programs =
            ENDLESS.map(|(line, code)| (line, code, through(&words, line, &slow, &folder)));
        thread::sleep(Duration::from_millis(800));
        for (line, code, program) in programs {
            program.signal("TERM");
            let ended = program.end_with_open_stdin();
            // A lab ends by the signal itself.
            let code = Some(code).filter(|_| !line.starts_with("lab"));
            assert_eq!(ended.code, code, "EXIT-1: {line}: {ended:?}");
        }
    }
}

#[test]
fn as_process_1_every_subcommand_ends_at_ctrl_c_and_sigterm() {
    let Some(words) = unshare(&["-p", "-f", "--mount-proc", "--kill-child"]) else { return };
    let (slow, folder) = (stalled(), Folder::new());
    for signal in ["INT", "TERM"] {
        let programs =
            ENDLESS.map(|(line, code)| (line, code, through(&words, line, &slow, &folder)));
        thread::sleep(Duration::from_millis(1200));
        for (line, code, program) in programs {
            // Process 1 of the namespace is the only child of unshare.
            let child = format!("/proc/{0}/task/{0}/children", program.id());
            let child = fs::read_to_string(child).expect("the children");
            let kill = format!("kill -{signal} {child}");
            let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh");
            assert!(sent.success(), "{line}: {kill}");
            let ended = program.end_with_open_stdin();
            assert_eq!(ended.code, Some(code), "EXIT-1: {line}, {signal}: {ended:?}");
        }
    }
}

#[test]
fn a_dead_worker_of_prefork_is_replaced_also_where_sigchld_was_ignored() {
    let words = ["env", "--ignore-signal=CHLD"];
    if !works(&words) {
        return;
    }
    let line = "serve --addr 127.0.0.1:0 --model prefork --workers 1";
    let mut server = through(&words, line, &stalled(), &Folder::new());
    let address = address(&server.line());
    assert_eq!(ask(address, "5 7\n"), "12\n");
    let kill = format!("kill -KILL $(cat /proc/{0}/task/{0}/children)", server.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success(), "{kill}");
    assert_eq!(ask(address, "20 22\n"), "42\n", "SUPERVISOR-4: another worker");
    server.signal("TERM");
    let ended = server.end();
    assert_eq!(ended.code, Some(0), "EXIT-1: {ended:?}");
}

#[test]
fn the_end_of_the_terminal_leaves_no_part_of_a_download_and_nohup_is_heeded() {
    let (slow, folder) = (stalled(), Folder::new());
    let line = "get --output page SLOW";
    // Where the tests run under nohup, the program would heed that.
    let default = ["env", "--default-signal=HUP"];
    let words = if works(&default) { &default[..] } else { &default[..1] };
    let get = through(words, line, &slow, &folder);
    wait_for(|| !folder.names().is_empty());
    get.signal("HUP");
    assert_eq!(get.end().code, Some(130), "GET-2: SIGHUP is a stop");
    assert_eq!(folder.names(), [""; 0], "GET-3: nothing is left");
    if works(&["env", "--ignore-signal=HUP"]) {
        let get = through(&["env", "--ignore-signal=HUP"], line, &slow, &folder);
        wait_for(|| !folder.names().is_empty());
        get.signal("HUP");
        get.signal("TERM");
        let ended = get.end();
        assert_eq!(ended.code, Some(130), "SIGHUP counts for nothing, so SIGTERM is the first");
        assert_eq!(folder.names(), [""; 0], "GET-3: nothing is left");
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_stops_no_server() {
    let folder = Folder::new();
    let log = folder.file("log");
    let limit = "ulimit -f 8; exec $H";
    let line = format!("{limit} site --addr 127.0.0.1:0 --access-log {}", log.display());
    let mut site = shell(&["env"], &line);
    let url = site.line().trim_start_matches("listening on ").to_owned();
    let links: Vec<_> = (0..300).map(|number| format!("{url}/hello?{number}")).collect();
    let list = folder.with("links", links.join("\n"));
    let fetch = ["fetch", "--mode", "async", "--urls", list.to_str().expect("text"), "--log-dir"];
    let logs = folder.file("logs");
    let fetched = start(command(&[&fetch[..], &[logs.to_str().expect("text")]].concat())).end();
    assert_eq!(fetched.code, Some(0), "ACCESS-1: all is answered: {fetched:?}");
    let written = fs::metadata(&log).expect("the log").len();
    assert!((1..=8 * 1024).contains(&written), "expected a full log, came {written} bytes");
    let page = folder.file("page");
    let get = format!("{limit} get --output {} {url}/huge", page.display());
    let ended = shell(&["env"], &get).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains("File too large"), "PROGRAM-1: {ended:?}");
    assert_eq!(folder.names(), ["links", "log", "logs"], "GET-3: nothing is left");
    site.signal("TERM");
    assert_eq!(site.end().code, Some(0), "EXIT-1");
}

#[test]
fn streams_that_another_program_made_non_blocking_lose_nothing() {
    let (server, folder) = (
        Server::start(|got| {
            let body = if got.target() == "/large" { 3_000_000 } else { 5 };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n");
            vec![send(&head), Act::Send(vec![b'x'; body])]
        }),
        Folder::new(),
    );
    let large = server.url("/large");
    let many = folder.with("many", format!("{}\n", server.url("/small")).repeat(2_000));
    let (many, logs) = (many.display().to_string(), folder.file("logs").display().to_string());
    for args in [
        &["get", &large][..],
        &["get", "--mode", "blocking", &large],
        &["fetch", "--mode", "async", "--json", "--urls", &many, "--log-dir", &logs],
    ] {
        let (mut reader, writer) = UnixStream::pair().expect("a pair");
        writer.set_nonblocking(true).expect("non-blocking");
        let mut get = command(args);
        get.stdout(OwnedFd::from(writer));
        let program = start(get);
        // Its stdout is full by now, which is an error there.
        thread::sleep(Duration::from_millis(600));
        let reading = thread::spawn(move || {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).map(|_| text)
        });
        let ended = program.end();
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        let text = reading.join().expect("a reader").expect("stdout");
        let wanted = if args[0] == "get" { 3_000_000 } else { 100_000 };
        assert!(text.len() >= wanted, "{args:?}: expected {wanted} bytes, came {}", text.len());
    }
    let (reader, mut writer) = UnixStream::pair().expect("a pair");
    reader.set_nonblocking(true).expect("non-blocking");
    let mut fetch = command(&["fetch", "--mode", "async", "--urls", "-", "--log-dir", &logs]);
    fetch.stdin(OwnedFd::from(reader));
    let fetch = start(fetch);
    thread::sleep(Duration::from_millis(300));
    writeln!(writer, "{}", server.url("/small")).expect("stdin");
    drop(writer);
    let ended = fetch.end();
    assert_eq!(ended.code, Some(0), "a list that comes late: {ended:?}");
}

#[test]
fn a_program_whose_file_was_replaced_starts_itself_all_the_same() {
    let folder = Folder::new();
    let file = folder.file("handloom");
    if fs::hard_link(PROGRAM, &file).is_err() {
        drop(writeln!(io::stderr(), "surroundings: no hard link from here: skipped"));
        return;
    }
    // As a new build does. The file is gone before the program looks for it.
    let script =
        "exec 3<$0; rm $0; exec /proc/self/fd/3 compare --models sequential,async -n 1000 -c 2";
    let mut compare = Command::new("sh");
    compare.args(["-c", script]).arg(&file).stdin(Stdio::null());
    let program = start_piped(compare);
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "BENCH-4: {ended:?}");
}

#[test]
fn a_program_whose_file_is_replaced_while_it_runs_does_not_start_the_new_one() {
    let folder = Folder::new();
    let [file, other, swap] = ["handloom", "other", "swap"].map(|name| folder.file(name));
    if fs::hard_link(PROGRAM, &file).is_err() {
        drop(writeln!(io::stderr(), "surroundings: no hard link from here: skipped"));
        return;
    }
    fs::write(&other, "not a program").expect("write");
    // Between the first round and the second.
    let [from, to] = [&other, &file].map(|path| path.display());
    let lines = format!("mv {from} {to} 2>&-; exec {PROGRAM} serve --addr 127.0.0.1:0");
    fs::write(&swap, lines).expect("write");
    let server = format!("swap=sh {}", swap.display());
    let mut compare = Command::new(&file);
    compare.args(["compare", "--models", "async", "--server", &server]);
    compare.args(["--rounds", "2", "-n", "1000", "-c", "2"]).stdin(Stdio::null());
    let ended = start_piped(compare).end();
    assert!(!other.exists(), "the file was replaced");
    assert_eq!(ended.code, Some(0), "BENCH-4: {ended:?}");
}

#[test]
fn a_trace_that_cannot_be_written_is_told_before_the_work() {
    let folder = Folder::new();
    let none = folder.file("missing/trace.json");
    let none = none.to_str().expect("text");
    for line in ["weather", "lab tasks", "serve --addr 127.0.0.1:0", "fetch --mode async"] {
        let args: Vec<_> = line.split(' ').chain(["--trace", none]).collect();
        let ended = start(command(&args)).end();
        assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{line}: {ended:?}");
        assert!(ended.err.contains(none), "it names the file: {ended:?}");
    }
    // What is there stays when nothing runs; and a full stderr is no failure.
    let old = folder.file("old.json");
    fs::write(&old, "x".repeat(1_000_000)).expect("write");
    let old = old.to_str().expect("text");
    let ended = start(command(&["serve", "--model", "pool", "--trace", old])).end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(fs::metadata(old).expect("it is there").len(), 1_000_000, "it lost its content");
    let ended =
        shell(&["env"], &format!("{PROGRAM} weather London --trace {old} 2>/dev/full")).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = fs::read_to_string(old).expect("the trace");
    assert!(text.starts_with('{') && text.trim_end().ends_with('}'), "only the trace is left");
}

#[test]
fn memory_for_no_thread_and_descriptors_for_no_loop_are_told_with_what_failed() {
    for (limit, model, operation) in [
        ("-v 60000", "pool", "start a thread: "),
        ("-n 6", "async", "event loop: "),
        ("-n 10", "prefork", "start, within the limits of `ulimit -a`: Too many open files"),
    ] {
        let line =
            format!("ulimit {limit}; exec {PROGRAM} serve --addr 127.0.0.1:0 --model {model}");
        let ended = shell(&["env"], &line).end();
        assert_eq!(ended.code, Some(1), "{line}: {ended:?}");
        let expected = format!("handloom serve: model {model}: {operation}");
        assert!(ended.err.contains(&expected), "expected {expected:?}: {ended:?}");
    }
}

#[test]
fn processes_that_cannot_be_made_are_told_as_a_failed_fork() {
    let mut command = Command::new("prlimit");
    command.args(["--nproc=1", PROGRAM, "serve", "--addr=127.0.0.1:0", "--model=prefork"]);
    // The limit does not bind root.
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(64_321);
    }
    let Ok(ended) = command.output() else { return };
    let told = String::from_utf8_lossy(&ended.stderr);
    if ended.status.code() != Some(1) || told.starts_with("prlimit: ") {
        drop(writeln!(io::stderr(), "surroundings: prlimit does not work here: skipped"));
        return;
    }
    let expected = "handloom serve: model prefork: fork: Resource temporarily unavailable";
    assert!(told.contains(expected), "PROGRAM-1: expected {expected:?}, came {told:?}");
}

#[test]
fn progress_is_shown_on_a_terminal_that_can_erase_a_line_and_on_no_other() {
    let words = ["script", "-qe", "/dev/null", "-c"];
    if !works(&words) {
        return;
    }
    let folder = Folder::new();
    for (term, shows) in [("xterm", true), ("dumb", false), ("", false)] {
        let line = format!(
            "TERM={term} {PROGRAM} fetch --mode async --log-dir {} >/dev/null",
            folder.file("logs").display()
        );
        let ended = shell(&["env"], &format!("{} '{line}'", words.join(" "))).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.out.contains("\x1b[K"), shows, "OUTPUT-1: TERM={term}: {ended:?}");
    }
}

#[test]
fn a_width_of_0_in_the_environment_is_no_width() {
    let folder = Folder::new();
    let out = format!("--out={}", folder.file("out").display());
    let mut factorial = command(&["factorial", "5", "--tasks=1", &out]);
    factorial.env("COLUMNS", "0");
    let ended = start(factorial).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let widest = ended.out.lines().map(|line| line.chars().count()).max();
    assert!((60..=80).contains(&widest.unwrap_or(0)), "text fits 80 columns, not 40: {ended:?}");
}

#[test]
fn on_a_disk_without_room_files_are_watched_and_deleted_and_failures_are_told() {
    let Some(words) = unshare(&["-m"]) else { return };
    let folder = Folder::new();
    let disk = folder.file("disk");
    fs::create_dir(&disk).expect("a directory");
    let mount =
        format!("mount -t tmpfs -o size=64k,nr_inodes=3 none {0} && cd {0}", disk.display());
    if !works(&[&words[..], &["sh", "-c", &format!("{mount} && :"), "--"]].concat()) {
        return;
    }
    // The directory, and two files: there is no inode left.
    let full = format!("{mount} && echo Wow! > a && echo > b && ! touch c 2>/dev/null");
    for mode in ["threads", "async"] {
        let watch = format!("{full} && $H watch --mode {mode} a && ls");
        let ended = shell(&words, &watch).end();
        assert_eq!(ended.code, Some(0), "WATCHCMD-1: {mode}: {ended:?}");
        assert!(ended.out.ends_with("\nb\n"), "WATCHCMD-1: {mode}: a is gone: {ended:?}");
    }
    let server = Server::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        vec![send(head), Act::Send(vec![b'x'; 1_000_000])]
    });
    let get = format!(
        "{mount} && echo old > page; $H get --output page {}; echo $?; ls -A; cat page",
        server.url("/")
    );
    let ended = shell(&words, &get).end();
    assert_eq!(ended.out, "1\npage\nold\n", "GET-3: the old file is kept: {ended:?}");
    assert!(ended.err.contains("write page: No space left on device"), "PROGRAM-1: {ended:?}");
    let fetch = format!("{full} && $H fetch --mode async --log-dir . {}", server.url("/"));
    let ended = shell(&words, &fetch).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains("fetch-async.log: No space left"), "PROGRAM-1: {ended:?}");
}

#[test]
fn a_client_is_not_held_up_by_an_address_that_does_not_answer() {
    let Some(words) = unshare(&["-m"]) else { return };
    let folder = Folder::new();
    let hosts = folder.with("hosts", "::1 localhost\n127.0.0.1 localhost\n");
    let server = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = server.local_addr().expect("address").port();
    let Ok(silent) = TcpListener::bind(("::1", port)) else { return };
    // Its backlog is full, so the kernel drops what comes.
    listen_with_backlog(&silent, 0).expect("listen");
    let address = silent.local_addr().expect("address");
    let brief = Duration::from_millis(200);
    let filled: Vec<_> = (0..8).map(|_| TcpStream::connect_timeout(&address, brief)).collect();
    assert!(filled.iter().any(Result::is_err), "expected a full backlog");
    let lines = format!(
        "mount --bind {} /etc/hosts && echo 5 7 | $H client localhost:{port}",
        hosts.display()
    );
    let client = shell(&words, &lines);
    server.set_nonblocking(true).expect("non-blocking");
    let mut accepted = None;
    wait_for(|| {
        accepted = server.accept().ok();
        accepted.is_some()
    });
    let (mut stream, _) = accepted.expect("a client");
    stream.set_nonblocking(false).expect("blocking");
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).expect("its line");
    stream.write_all(b"12\n").expect("a reply");
    drop(stream);
    let ended = client.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "12\n"), "{ended:?}");
}

#[test]
fn localhost_is_both_addresses_of_this_machine() {
    for line in [
        "serve --addr localhost:0",
        "serve --addr localhost:0 --model prefork --workers 2",
        "serve --addr localhost:0 --model callbacks",
        "site --addr localhost:0",
    ] {
        let mut server = start(command(&line.split(' ').collect::<Vec<_>>()));
        let address = address(&server.line());
        assert!(address.ip().is_loopback(), "LISTENING-1: {line}: {address}");
        let mut hosts = vec!["127.0.0.1"];
        hosts.extend(TcpListener::bind("[::1]:0").is_ok().then_some("::1"));
        for host in hosts {
            let mut stream = TcpStream::connect((host, address.port())).expect(line);
            stream.write_all(b"five\n\n").expect("write");
            let mut reply = String::new();
            BufReader::new(stream).read_line(&mut reply).expect("a reply");
            let wanted = if line.starts_with("site") { "HTTP/1.1 400" } else { "error:" };
            assert!(reply.starts_with(wanted), "{line}, {host}: {reply}");
        }
        server.signal("TERM");
        assert_eq!(server.end().code, Some(0), "{line}");
    }
}

/// The address in the line that a server prints.
fn address(line: &str) -> SocketAddr {
    let text = line.trim_start_matches("listening on ").trim_start_matches("http://");
    text.parse().expect("an address")
}

/// Asks a calculator once.
fn ask(address: SocketAddr, question: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.write_all(question.as_bytes()).expect("write");
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).expect("a reply");
    reply
}

/// Waits until something holds; a test that waits for longer than ten seconds fails.
fn wait_for(mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("expected an event within ten seconds");
}
