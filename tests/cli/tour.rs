use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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

#[test]
fn a_tour_goes_through_every_part_and_writes_its_report() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour");
    let (code, shown, told) = tour(&directory);
    assert_eq!(code, Some(0), "TOUR-2: {shown} {told}");
    assert!(shown.contains("What to notice"), "{shown}");
    for part in [
        "a server that adds two numbers",
        "seven models",
        "many pages",
        "factorials",
        "Wow!",
        "gateway",
    ] {
        let title = shown.lines().find(|line| line.contains(part));
        assert!(
            title.is_some_and(|line| line.contains(". ")),
            "TOUR-2: no part about {part}: {shown}"
        );
    }
    // What was said to both servers, the threads that it took, and what was done with the file.
    for seen in
        ["server: \"0.3\\n\"", "with 3 clients 4", "with 3 clients 1", "sets the event", "deleted "]
    {
        assert!(shown.contains(seen), "TOUR-2: expected {seen} in {shown}");
    }
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
    for foreign in ["<script", "src=", "href=", "url("] {
        assert!(!page.contains(foreign), "PAGE-1: {foreign} in {page}");
    }
    fs::remove_dir_all(&directory).expect("remove");
}

#[test]
fn a_directory_that_cannot_be_made_ends_it_with_1() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour-file");
    fs::write(&file, "not a directory").expect("write");
    let (code, _, told) = tour(&file);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("write ") && told.contains("tour-file"), "{told}");
    fs::remove_file(&file).expect("remove");
}
