use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{command, start};
use handloom::os::process;
use handloom::os::signal::Signal;

const PATIENCE: Duration = Duration::from_mins(1);
const MODELS: [&str; 7] =
    ["sequential", "threads", "pool", "prefork", "callbacks", "generators", "async"];

/// Runs a small tour; returns its exit code, its stdout and its stderr.
fn tour(directory: &Path) -> (Option<i32>, String, String) {
    let out = format!("--out={}", directory.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
    command.args(["tour", "-c", "4", "-n", "500", &out]).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
    let pid = process::Pid::from(&child);
    let (done, result) = mpsc::channel();
    thread::spawn(move || drop(done.send(child.wait_with_output())));
    let Ok(output) = result.recv_timeout(PATIENCE) else {
        process::kill(pid, Signal::Kill).expect("kill");
        panic!("the tour hangs");
    };
    let output = output.expect("output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// What was said to the servers, the threads that it took, and what was done with the file.
fn expect_conversations(shown: &str) {
    for seen in [
        "hears  \"0.3\\n\"",
        "sequential server, 3 clients, threads: 1",
        "threads server, 3 clients, threads: 4",
        "async server, 3 clients, threads: 1",
        "sets the event",
        "deleted ",
    ] {
        // A line that is wider than the terminal is broken between two words.
        let unbroken = shown.replace('\n', " ");
        assert!(unbroken.contains(seen), "TOUR-2: expected {seen} in {shown}");
    }
    // In the sequential server, B and C hear something only after A has closed; in the others before.
    for (model, closes_first) in [("sequential", true), ("threads", false), ("async", false)] {
        let from = shown.find(&format!("{model} server, 3")).expect("its conversation");
        let talk = shown[from..].split("\n\n").next().expect("its lines");
        let [closes, hears] = ["A sends  \"close", "B hears"].map(|words| talk.find(words));
        assert!(closes.is_some() && hears.is_some(), "TOUR-2: {talk}");
        assert_eq!(closes < hears, closes_first, "TOUR-2: {model}: {talk}");
    }
}

/// The files that the parts leave.
fn expect_files(directory: &Path, shown: &str) {
    assert!(!directory.join("wow.txt").exists(), "TOUR-2: the file is deleted");
    for mode in ["sequential", "threads", "async"] {
        let log = fs::read_to_string(directory.join(format!("fetch-{mode}.log"))).expect(mode);
        let [started, received] =
            [" started\n", " received with status "].map(|words| log.matches(words).count());
        assert_eq!((started, received), (14, 14), "TOUR-2: {mode}: {log}");
    }
    for name in ["factorial.svg", "factorial.txt"] {
        let text = fs::read_to_string(directory.join(name)).expect(name);
        assert!(text.contains("processes"), "TOUR-3: {text}");
    }
    for name in ["compare.svg", "compare.txt", "report.html"] {
        let text = fs::read_to_string(directory.join(name)).expect(name);
        for model in MODELS {
            assert!(shown.contains(model), "{model} is not shown: {shown}");
            assert!(text.contains(model), "TOUR-3: {model} is missing in {name}: {text}");
        }
    }
    let page = fs::read_to_string(directory.join("report.html")).expect("the page");
    assert!(page.contains("<svg") && page.contains("requests/s"), "PAGE-1: {page}");
    for link in ["href=\"#part-6\"", "href=\"fetch-async.log\"", "<table>"] {
        assert!(page.contains(link), "TOUR-3: no {link} in {page}");
    }
    // A picture refers to its own hatchings.
    let elsewhere = page.replace("url(#", "");
    for foreign in ["<script", "src=", "href=\"http", "url("] {
        assert!(!elsewhere.contains(foreign), "PAGE-1: {foreign} in {page}");
    }
    fs::remove_dir_all(directory).expect("remove");
}

#[test]
fn a_tour_goes_through_every_part_and_writes_its_report() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour");
    let (code, shown, told) = tour(&directory);
    assert_eq!(code, Some(0), "TOUR-2: {shown} {told}");
    assert!(shown.contains("What to notice"), "{shown}");
    for (part, number) in [
        "a server that adds two numbers",
        "one workload",
        "seven models",
        "many pages",
        "factorials",
        "Wow!",
        "gateway",
    ]
    .into_iter()
    .zip(1..)
    {
        let heading = format!("Part {number} of 7: ");
        let title = shown.lines().find(|line| line.starts_with(&heading));
        assert!(title.is_some_and(|line| line.contains(part)), "TOUR-2: no {part}: {shown}");
    }
    // The table of the links has what they are called.
    let is_link = |line: &&str| line.starts_with("http://") || line.starts_with("link ");
    for line in shown.lines().filter(|line| !is_link(line)) {
        let fits = line.chars().count() <= 80 || line.contains(directory.to_str().expect("text"));
        assert!(fits, "wider than 80 columns: {line}");
    }
    expect_conversations(&shown);
    expect_files(&directory, &shown);
}

#[test]
fn ctrl_c_ends_the_tour_at_once_with_a_report_that_says_so() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour-interrupted");
    let out = format!("--out={}", directory.display());
    // The second part would last for minutes.
    let words = ["tour", "-c", "2", "-n", "1000000000", &out];
    let mut tour = start(command(&words));
    while !tour.line().starts_with("- async:") {}
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    tour.signal("INT");
    let ended = tour.end_with_open_stdin();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "it took {:?}", begun.elapsed());
    let page = fs::read_to_string(directory.join("report.html")).expect("the page");
    assert!(page.contains("Interrupted: this part has not come to its end."), "TOUR-3: {page}");
    assert!(page.contains("Not run: the tour was interrupted before."), "TOUR-3: {page}");
    let part = page.split("<h2 ").find(|part| part.contains("Interrupted: ")).expect("a part");
    assert!(!part.contains("<svg"), "TOUR-3: no picture of an interrupted part: {part}");
    for link in part.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(directory.join(link).exists(), "TOUR-3: {link} leads nowhere: {part}");
    }
    fs::remove_dir_all(directory).expect("remove");
}

#[test]
fn a_directory_that_cannot_be_made_ends_it_with_1() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour-file");
    fs::write(&file, "not a directory").expect("write");
    let (code, _, told) = tour(&file);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("make the directory ") && told.contains("tour-file"), "{told}");
    fs::remove_file(&file).expect("remove");
}
