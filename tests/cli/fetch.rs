//! `handloom fetch` as a process: what it prints, what it leaves, and every way it ends.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::fetch_logs::{Directory, Event, parse};
use crate::program::{Ended, command, start};
use crate::web_upstream::{Act, Server, closed_address, send};
use handloom::fetch::{PAGES, embed};
use handloom::json::Json;
use handloom::web::server::Config;

/// The modes of the program.
const MODES: [&str; 3] = ["sequential", "threads", "async"];

/// The path of a directory as text.
fn name(directory: &Directory) -> &str {
    directory.path.to_str().expect("a path that is text")
}

/// Runs it to its end, with its logs in a directory.
fn fetch(directory: &Directory, args: &[&str]) -> Ended {
    start(command(&[&["fetch", "--log-dir", name(directory)], args].concat())).end()
}

/// A server of two pages, and of one that never ends.
fn server() -> Server {
    Server::start(|got| match got.target() {
        "/hello" | "/caf%E9" => {
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]
        }
        "/missing" => vec![send("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nsorry")],
        _ => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello\n"), Act::Stall],
    })
}

#[test]
fn without_a_link_the_embedded_site_is_fetched_in_every_mode() {
    let directory = Directory::new();
    let ended = fetch(&directory, &[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "FETCHCMD-1: {}", ended.out);
    let links = PAGES.len() + 2;
    for mode in MODES {
        assert_eq!(directory.log(mode).len(), 2 * links, "FETCHCMD-3, {mode}");
        assert!(ended.out.contains(&format!("\n{mode} ")), "the table has {mode}: {}", ended.out);
    }
    for page in PAGES {
        assert!(ended.out.contains(page.path), "the order has {}: {}", page.path, ended.out);
    }
    let first = ended.out.lines().find(|line| line.starts_with("http")).expect("a link");
    assert!(first.contains(" 1 → 2 "), "SEQUENTIAL-FETCH-1: {first}");
}

#[test]
fn a_failing_link_fails_alone_and_is_named() {
    let (directory, server) = (Directory::new(), server());
    let (hello, gone) = (server.url("/hello"), format!("http://{}/", closed_address()));
    let missing = server.url("/missing");
    let ended = fetch(&directory, &[&hello, &gone, &missing]);
    assert_eq!(ended.code, Some(1), "FETCHCMD-1: {ended:?}");
    let named = format!("{gone}: connect: connection refused (sequential, threads, async)");
    assert!(ended.out.contains(&format!("failed: {named}\n")), "FETCHSHOW-1: {}", ended.out);
    let last = format!("handloom fetch: 1 of 3 links failed, the first {named}\n");
    assert_eq!(ended.err, last, "FETCHCMD-1");
    for mode in MODES {
        let log = directory.log(mode);
        for (link, code) in [(&hello, 200), (&missing, 404)] {
            assert!(
                log.contains(&Event::Received(link.clone(), code)),
                "FETCHPLAN-1, {mode}: {log:?}"
            );
        }
        let fault = "connect: connection refused".to_owned();
        assert!(log.contains(&Event::Failed(gone.clone(), fault)), "HISTORY-1, {mode}: {log:?}");
    }
    // A status is no failure, and one mode alone leaves the other logs alone.
    let other = Directory::new();
    let ended = fetch(&other, &["--mode", "async", &missing]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "FETCHCMD-1: {ended:?}");
    assert_eq!(fs::read_dir(&other.path).expect("the directory").count(), 1, "one log");
    let ended = fetch(&other, &["--mode=threads", "--timeout=0.2", &server.url("/stall")]);
    assert!(ended.err.contains("timeout: body: not done within 200ms"), "FAULT-1: {ended:?}");
}

#[test]
fn links_come_from_a_file_or_from_stdin() {
    let (directory, server) = (Directory::new(), server());
    let hello = server.url("/hello");
    // With a byte order mark, and a line in Latin-1.
    let mut list =
        format!("\u{feff}{hello}\n# links\r\n\r\n  {hello}\r\n\n  # more\nhttps://a/\n{hello}\n");
    list.push_str(&server.url("/caf"));
    let list = [list.as_bytes(), b"\xe9"].concat();
    let file = directory.path.join("links");
    fs::write(&file, &list).expect("a file");
    let file = file.to_str().expect("text");
    let mut program =
        start(command(&["fetch", "--mode=async", "--log-dir", name(&directory), "--urls", "-"]));
    program.stdin.as_mut().expect("stdin").write_all(&list).expect("it reads");
    for ended in [program.end(), fetch(&directory, &["--mode", "async", "--urls", file])] {
        assert_eq!(ended.code, Some(1), "FETCHCMD-4: one is not supported: {ended:?}");
        assert!(ended.err.contains("1 of 5 links failed"), "FETCHCMD-4: {ended:?}");
        let log = directory.log("async");
        let starts = |link: &str| {
            log.iter().filter(|event| event.is_start() && event.link() == link).count()
        };
        assert_eq!(starts(&hello), 3, "FETCHCMD-4: {log:?}");
        assert_eq!(starts(&server.url("/caf%E9")), 1, "FETCHCMD-4: {log:?}");
        assert_eq!(starts("https://a/"), 1, "HISTORY-1: {log:?}");
    }
    fs::write(file, "# nothing\n\n").expect("a file");
    let ended = fetch(&directory, &["--urls", file]);
    assert_eq!(ended.code, Some(1), "FETCHCMD-3: it is not the embedded site that is meant");
    assert!(ended.err.contains("there is no link in it"), "{ended:?}");
    let ended = fetch(&directory, &["--urls", "/dev/zero"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("read /dev/zero: longer than 64 MiB; is it "), "{ended:?}");
    let ended = fetch(&directory, &["--urls", "/does/not/exist"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("read /does/not/exist: "), "{ended:?}");
}

#[test]
fn a_wrong_command_line_is_told_so() {
    let directory = Directory::new();
    for args in [
        &["--mode", "blocking"][..],
        &["--concurrency", "0"],
        &["--timeout", "0"],
        &["--log-dir", ""],
        &["--urls", "-", "http://127.0.0.1/"],
        &["--mode", "sequential", "--concurrency", "2", "http://127.0.0.1:1/"],
    ] {
        let ended = fetch(&directory, args);
        assert_eq!(ended.code, Some(2), "EXIT-1: {args:?}: {ended:?}");
    }
    let file = directory.path.join("file");
    fs::write(&file, "").expect("a file");
    let file = file.to_str().expect("text");
    let ended = start(command(&["fetch", "--log-dir", file, "http://127.0.0.1:1/"])).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains(file), "it names the directory: {ended:?}");
}

#[test]
fn with_a_wrong_address_nothing_is_fetched() {
    let (directory, server) = (Directory::new(), server());
    let list = directory.path.join("links");
    for (wrong, fault) in [
        ("not a link", "line breaks, blanks and control characters may not stand in a URL"),
        ("127.0.0.1", "a URL begins with http://"),
        (
            "http://me:secret@127.0.0.1/",
            "a user before the host: passwords are not sent in the clear",
        ),
    ] {
        fs::write(&list, format!("{}\n\n{wrong}\n", server.url("/hello"))).expect("a file");
        let list = list.to_str().expect("text");
        for (args, whence) in
            [(&["--urls", list][..], &*format!("{list}, line 3")), (&[wrong], "URL")]
        {
            let ended = fetch(&directory, args);
            assert_eq!(ended.code, Some(2), "EXIT-1: {ended:?}");
            assert!(ended.err.contains(&format!("{whence}: {fault}, got ")), "{ended:?}");
            assert!(!ended.err.contains("secret"), "FAULT-2: {ended:?}");
        }
    }
    assert_eq!(server.got().len(), 0, "FETCHCMD-4");
    assert_eq!(fs::read_dir(&directory.path).expect("a directory").count(), 1, "no log");
}

#[test]
fn a_full_disk_under_a_log_stops_neither_the_fetch_nor_the_table() {
    let (directory, server) = (Directory::new(), server());
    let log = directory.path.join("fetch-threads.log");
    std::os::unix::fs::symlink("/dev/full", &log).expect("a link");
    let ended = fetch(&directory, &[&server.url("/hello")]);
    assert_eq!(ended.code, Some(1), "FETCHCMD-1: {ended:?}");
    let named = format!("handloom fetch: write {}: No space left on device", log.display());
    assert!(ended.err.starts_with(&named), "FETCHCMD-1: {ended:?}");
    for mode in MODES {
        assert!(ended.out.contains(&format!("\n{mode} ")), "the table has {mode}: {}", ended.out);
    }
    assert_eq!(directory.log("async").len(), 2, "the other modes have run");
}

#[test]
fn its_tables_fit_a_terminal() {
    let directory = Directory::new();
    let ended = fetch(&directory, &[]);
    for line in ended.out.lines() {
        assert!(line.chars().count() <= 80, "{} characters: {line}", line.chars().count());
    }
    let faster = |mode: &str| -> f64 {
        let row = ended.out.lines().find(|line| line.starts_with(mode)).expect("a row");
        row.split_whitespace().nth(3).and_then(|cell| cell.parse().ok()).expect("a number")
    };
    assert!((faster("sequential") - 1.0).abs() < 0.001, "{}", ended.out);
    assert!(faster("async") > 2.0, "{}", ended.out);
}

#[test]
fn json_has_all_that_the_tables_have() {
    let (directory, server) = (Directory::new(), server());
    let (hello, gone) = (server.url("/hello"), format!("http://{}/", closed_address()));
    let ended = fetch(&directory, &["--json", &hello, &gone]);
    assert_eq!(ended.code, Some(1), "FETCHCMD-1: {ended:?}");
    let json = Json::parse(ended.out.trim_end().as_bytes()).expect("JSON");
    let text = |json: &Json, name| json.get(name).map(ToString::to_string).expect("a member");
    let modes = json.get("modes").expect("modes").items();
    assert_eq!(modes.len(), 3, "{json}");
    for (mode, name) in modes.iter().zip(MODES) {
        assert_eq!(mode.get("mode").and_then(Json::as_text), Some(name));
        assert_eq!(text(mode, "failed"), "1", "{mode}");
        let [good, bad] = mode.get("links").expect("links").items() else {
            panic!("expected two links: {mode}");
        };
        let came = ["status", "body_bytes", "error"].map(|name| text(good, name));
        assert_eq!(came, ["200", "5", "null"], "{good}");
        // THREADS-FETCH-1: a second worker may be quicker.
        let is_first = text(good, "start_place") == "1";
        assert!(is_first || name == "threads", "HISTORY-2, {name}: {good}");
        let came = ["url", "status", "error"].map(|name| text(bad, name));
        let expected =
            [&format!("\"{gone}\""), "null", "\"connect: connection refused\""].map(str::to_owned);
        assert_eq!(came, expected, "{bad}");
    }
    assert_eq!(text(&json, "disagreements"), "[]");
}

#[test]
fn a_closed_stdout_ends_it_quietly() {
    let (directory, server) = (Directory::new(), server());
    let (program, logs) = (env!("CARGO_BIN_EXE_handloom"), name(&directory));
    let line = format!("{program} fetch --log-dir {logs} {} >&-; echo $?", server.url("/hello"));
    let closed = format!(
        "{program} fetch --log-dir {logs} {} | true; echo ${{PIPESTATUS[0]}}",
        server.url("/hello")
    );
    for line in [line, closed] {
        let mut shell = Command::new("bash");
        let shell = shell.args(["-c", &line]).stdin(Stdio::null()).output().expect("a shell");
        let came = [shell.stdout, shell.stderr].map(|came| String::from_utf8(came).expect("text"));
        assert_eq!(came, ["0\n".to_owned(), String::new()], "EXIT-2: {line}");
        assert_eq!(directory.log("async").len(), 2, "EXIT-2: all was fetched: {line}");
    }
}

#[test]
fn ctrl_c_ends_it_at_once_and_every_line_is_whole() {
    let server = server();
    let links = [server.url("/hello"), server.url("/stall"), server.url("/more")];
    for mode in MODES {
        let mut quickest = Duration::MAX;
        // What the machine does beside is not the program's fault: the best of some counts.
        for _ in 0..10 {
            let directory = Directory::new();
            let args = ["fetch", "--mode", mode, "--log-dir", name(&directory)];
            let args: Vec<_> = args.into_iter().chain(links.iter().map(String::as_str)).collect();
            let (asked, program) = (server.got().len(), start(command(&args)));
            // The first is answered, and the second under way.
            while !server.got()[asked..].iter().any(|got| got.target() == "/stall") {
                thread::yield_now();
            }
            let began = Instant::now();
            program.signal("INT");
            let ended = program.end_with_open_stdin();
            quickest = quickest.min(began.elapsed());
            let came = (ended.code, ended.out.as_str(), ended.err.as_str());
            assert_eq!(came, (Some(130), "", ""), "FETCHCMD-2, {mode}");
            let log = directory.log(mode);
            assert!(log.contains(&Event::Started(links[1].clone())), "FETCHCMD-2, {mode}: {log:?}");
            if quickest < Duration::from_millis(100) {
                break;
            }
        }
        assert!(quickest < Duration::from_millis(100), "FETCHCMD-2, {mode}: {quickest:?}");
    }
}

#[test]
fn ctrl_c_amid_many_lines_leaves_them_whole() {
    let site = embed(Config::default()).expect("a site");
    let directory = Directory::new();
    let (list, link) = (directory.path.join("links"), site.url(&format!("/{}", "x".repeat(9_000))));
    fs::write(&list, format!("{link}\n").repeat(2_000)).expect("a file");
    let list = list.to_str().expect("text");
    for mode in MODES {
        let args = ["fetch", "--mode", mode, "--log-dir", name(&directory), "--urls", list];
        let program = start(command(&args));
        let path = directory.path.join(format!("fetch-{mode}.log"));
        // Some hundred lines of several pages each.
        while fs::metadata(&path).map_or(0, |found| found.len()) < 500_000 {
            thread::sleep(Duration::from_millis(1));
        }
        program.signal("TERM");
        let ended = program.end_with_open_stdin();
        assert_eq!(ended.code, Some(130), "FETCHCMD-2, {mode}: {}", ended.err);
        let text = fs::read_to_string(&path).expect("a log");
        assert!(parse(&text).len() > 50, "FETCHCMD-2, {mode}");
    }
}

#[test]
fn five_thousand_links_succeed_with_256_descriptors() {
    let site = embed(Config::default()).expect("a site");
    let directory = Directory::new();
    let list = directory.path.join("links");
    fs::write(&list, format!("{}\n", site.url("/hello")).repeat(5_000)).expect("a file");
    for mode in ["threads", "async"] {
        let line = format!(
            "ulimit -n 256; exec {} fetch --mode {mode} --concurrency 1000 --log-dir {} --urls {} --json",
            env!("CARGO_BIN_EXE_handloom"),
            name(&directory),
            list.display()
        );
        let mut shell = Command::new("bash");
        shell.args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::piped());
        shell.stderr(Stdio::piped());
        let ended = start(shell).end();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "SHORTAGE-1, {mode}");
        let json = Json::parse(ended.out.trim_end().as_bytes()).expect("JSON");
        let outcome = &json.get("modes").expect("modes").items()[0];
        assert_eq!(outcome.get("failed").map(ToString::to_string), Some("0".into()), "{mode}");
        assert_eq!(directory.log(mode).len(), 10_000, "HISTORY-1, {mode}");
    }
    site.stop().expect("stopped");
}
